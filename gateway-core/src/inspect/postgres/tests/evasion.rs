//! Ways round that were tried on others: spans, readings, names.

use super::super::{Bounds, Reading, inspect};
use super::{inspected, notation};

#[test]
fn a_span_is_what_stands_between_semicolons() {
    let text = "SELECT ';' ;; /* ; */ DELETE FROM t; -- x\n UPDATE t SET a = $$;$$";
    let spans: Vec<&str> = inspected(text).statements.iter().map(|statement| &text[statement.span.clone()]).collect();
    assert_eq!(spans, ["SELECT ';' ", " /* ; */ DELETE FROM t", " -- x\n UPDATE t SET a = $$;$$"]);
}

#[test]
fn a_backslash_is_read_in_both_ways_until_the_setting_is_known() {
    let read = |text: &str, setting| {
        notation(text, &inspect(text, Reading { standard_conforming_strings: setting, exact: false }, Bounds::default()))
    };
    // On: a string, and a comment. Off: the string goes on up to the next quote.
    let text = "SELECT '\\', (SELECT a FROM secret) --'";
    assert_eq!(read(text, Some(true)), "SELECT: read secret");
    assert_eq!(read(text, Some(false)), "SELECT: ; constant");
    assert_eq!(read(text, None), "SELECT: read secret");
    let hidden = "SELECT 'a\\'' FROM public --' , (SELECT a FROM secret)";
    assert_eq!(read(hidden, None), "SELECT: read public, read secret");
    assert_eq!(read("SELECT '\\'; DROP TABLE t --'", None).split(' ').next(), Some("UNPARSED"));
    assert_eq!(read("SELECT E'\\'' FROM t", None), "SELECT: read t");
    assert_eq!(read("SELECT 'a\\b' FROM t", None), "SELECT: read t");
    assert_eq!(read("SELECT '\\u00' FROM t", None), "SELECT: read t");
    assert_eq!(read("SELECT U&'\\0061' FROM t", None), "SELECT: read t");
}

#[test]
fn a_long_name_is_the_one_that_the_server_has() {
    for letter in ["a", "é", "\u{1F600}"] {
        let text = format!("SELECT * FROM {}, \"{}\"", letter.repeat(80), letter.repeat(80));
        let inspection = inspected(&text);
        assert_eq!(inspection.statements[0].facts.unparsed, None, "{letter}");
        let expected = letter.repeat(63 / letter.len());
        assert_eq!(notation(&text, &inspection), format!("SELECT: read {expected}"));
    }
}
