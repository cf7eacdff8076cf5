//! Deep texts: what is understood, and that the stack that is reckoned with is enough, in any build.

#![expect(clippy::unwrap_used, reason = "a helper of tests: a thread that can't be made or that fails is the failure")]

use gateway_core::inspect::postgres::{Bounds, Reading, STACK, fuzz_entry, inspect, read_in_place, reckoned, tree_depth};
use gateway_core::inspect::{Access, Inspection, Object};

/// What a text repeats to be deep: a beginning, openings, an inner part, as many closings.
struct Shape(&'static str, &'static str, &'static str, &'static str);

impl Shape {
    fn text(&self, times: usize) -> String {
        let Self(begin, open, inner, close) = self;
        format!("{begin}{}{inner}{}", open.repeat(times), close.repeat(times))
    }
}

/// Levels of a tree that are understood.
const LEVELS: usize = 10_000;

/// Everything in the grammar that holds its like.
const SHAPES: [Shape; 49] = [
    Shape("SELECT 1", "+1", "", ""),
    Shape("SELECT a", "||a", "", ""),
    Shape("SELECT 1", "*-a", "", ""),
    Shape("SELECT 1", " OPERATOR(a.+)1", "", ""),
    Shape("SELECT a", "::b", "", ""),
    Shape("SELECT a", " IS NULL", "", ""),
    Shape("SELECT a", " IS NOT TRUE", "", ""),
    Shape("SELECT a", " COLLATE b", "", ""),
    Shape("SELECT a", " AT LOCAL", "", ""),
    Shape("SELECT a", " AT TIME ZONE 'x'", "", ""),
    Shape("SELECT a", " BETWEEN 1 AND 2 IS NULL", "", ""),
    Shape("SELECT 1", " UNION SELECT 1", "", ""),
    Shape("SELECT 1,2", " EXCEPT ALL SELECT 1,2", "", ""),
    Shape("SELECT * FROM a", " JOIN a ON b", "", ""),
    Shape("SELECT * FROM a", " NATURAL JOIN a", "", ""),
    Shape("SELECT * FROM a", " LEFT JOIN a USING(b)", "", ""),
    Shape("SELECT ", "- ", "a", ""),
    Shape("SELECT ", "NOT ", "a", ""),
    Shape("SELECT ", "f(", "1", ")"),
    Shape("SELECT ", "f(a=>", "1", ")"),
    Shape("SELECT ", "f()OVER(ORDER BY ", "1", ")"),
    Shape("SELECT ", "f()FILTER(WHERE ", "a", ")"),
    Shape("SELECT ", "f()WITHIN GROUP(ORDER BY ", "a", ")"),
    Shape("SELECT ", "ARRAY[", "1", "]"),
    Shape("SELECT ", "a[", "1", "]"),
    Shape("SELECT ", "a[1:", "1", "]"),
    Shape("SELECT ", "(", "a", ").b"),
    Shape("SELECT ", "1::b(", "1", ")"),
    Shape("SELECT ", "(1,", "1", ")"),
    Shape("SELECT ", "1 IN(", "1", ")"),
    Shape("SELECT ", "1=ANY(", "1", ")"),
    Shape("SELECT ", "a LIKE (", "b", ")"),
    Shape("SELECT ", "CASE WHEN ", "1", " THEN 1 END"),
    Shape("SELECT ", "CASE WHEN a THEN 1 ELSE ", "1", " END"),
    Shape("SELECT ", "coalesce(", "1", ")"),
    Shape("SELECT ", "(SELECT ", "1", ")"),
    Shape("SELECT ", "(SELECT 1 ORDER BY ", "1", ")"),
    Shape("SELECT ", "((SELECT 1)ORDER BY ", "1", ")"),
    Shape("SELECT ", "(VALUES(", "1", "))"),
    Shape("SELECT ", "EXISTS(SELECT 1 WHERE ", "a", ")"),
    Shape("SELECT ", "json_array(", "1", ")"),
    Shape("SELECT ", "json_object('a':", "1", ")"),
    Shape("SELECT ", "xmlelement(name a,", "1", ")"),
    Shape("SELECT ", "xmlserialize(content ", "1", " AS int)"),
    Shape("", "WITH x AS(", "SELECT 1", ")SELECT 1"),
    Shape("", "WITH x AS(INSERT INTO t ", "SELECT 1", ")SELECT 1"),
    Shape("", "SELECT * FROM(", "SELECT 1", ")x"),
    Shape("SELECT 1 GROUP BY ", "GROUPING SETS(", "a", ")"),
    Shape("", "CREATE FUNCTION f()RETURNS int BEGIN ATOMIC ", "SELECT 1;", " END;"),
];

/// Does `work` on a thread with so much stack, and no more.
fn on_stack<T: Send + 'static>(bytes: usize, work: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::Builder::new().stack_size(bytes).spawn(work).unwrap().join().unwrap()
}

/// Why a text is not understood, if it is not.
fn unparsed(inspection: Inspection) -> Option<String> {
    inspection.statements.into_iter().find_map(|statement| statement.facts.unparsed.clone())
}

/// Why `text` is not understood, if it is read with so much stack.
fn why(bytes: usize, text: String) -> Option<String> {
    on_stack(bytes, move || unparsed(read_in_place(&text)))
}

/// How deep the tree of a text is; none where there is no tree.
fn depth(text: String) -> Option<usize> {
    on_stack(2 * STACK, move || tree_depth(&text))
}

/// A fifth is left for other builds of the same.
const fn most_of(bytes: usize) -> usize {
    bytes / 5 * 4
}

#[test]
fn no_tree_is_deeper_than_its_text_was_said_to_be() {
    for shape in &SHAPES {
        for times in [1, 2, 3, 10, 100] {
            fuzz_entry(format!("1{}", shape.text(times)).as_bytes());
        }
    }
}

#[test]
fn a_shallow_text_fits_the_stack_that_it_was_said_to_need() {
    for shape in &SHAPES {
        for times in [1, 5, 20, 45, 150] {
            let text = shape.text(times);
            let bytes = most_of(reckoned(&text));
            assert_eq!(why(bytes, text.clone()), None, "{text}");
        }
    }
}

#[test]
fn the_deepest_texts_fit_the_stack_that_is_enough_for_all() {
    for shape in &SHAPES {
        let (low, high) = (depth(shape.text(10)).unwrap(), depth(shape.text(20)).unwrap());
        let deepest = 10 + (LEVELS - 10 - low) * 10 / (high - low);
        for times in [deepest.min(990), deepest, 2 * deepest] {
            let text = shape.text(times);
            let begins: String = text.chars().take(60).collect();
            let expected = [
                "parentheses nested deeper than 1000",
                "its tree is deeper than 10000 levels, or than the stack that reads it",
                "its tree is deeper than the parser's stack allows",
                "memory exhausted",
            ];
            match why(most_of(STACK), text.clone()) {
                None => assert!(depth(text).is_some_and(|depth| depth <= LEVELS), "{begins}"),
                Some(why) => assert!(expected.contains(&why.as_str()), "{times} of {begins}: {why}"),
            }
        }
    }
}

#[test]
fn what_tools_make_is_understood() {
    for shape in &SHAPES {
        let text = shape.text(if shape.3.is_empty() { 2_000 } else { 450 });
        let begins: String = text.chars().take(60).collect();
        assert_eq!(why(STACK, text), None, "{begins}");
    }
}

#[test]
fn a_thread_with_too_little_stack_gets_more() {
    for shape in &SHAPES {
        // On a stack of its own the parser allows itself 100 KiB whatever there is.
        let text = shape.text(20);
        let begins: String = text.chars().take(60).collect();
        let reading = Reading { standard_conforming_strings: Some(true), exact: false };
        assert_eq!(on_stack(256 << 10, move || unparsed(inspect(&text, reading, Bounds::default()))), None, "{begins}");
    }
}

#[test]
fn what_is_side_by_side_takes_no_stack() {
    for (begin, link) in [
        ("SELECT a", "[1]"),
        ("SELECT (a)", ".b"),
        ("SELECT 1", ",1"),
        ("SELECT 1", ",(1)"),
        ("SELECT f(1)", ",\"f\"(1)"),
        ("SELECT '1'", "\n'1'"),
        ("SELECT 1", ";\"a\"()"),
        ("INSERT INTO t VALUES (1)", ",(1,(2))"),
        ("SELECT 1", ";;"),
        ("SELECT 1", "()"),
        ("SELECT a", "[]"),
        ("SELECT \"a\"", " \"b\""),
        ("SELECT 1", ".1"),
        ("SELECT $1", " $1"),
    ] {
        let text = format!("{begin}{}", link.repeat(60_000 / link.len()));
        let bytes = reckoned(&text);
        assert!(bytes < reckoned("") + (STACK - reckoned("")) / 100, "{link}");
        // Some are no SQL; a stack that is too short would end the process.
        let _refused = why(most_of(bytes), text);
    }
}

#[test]
fn nothing_hides_at_the_bottom() {
    for Shape(begin, open, _, close) in SHAPES.iter().filter(|shape| shape.0 == "SELECT ") {
        let text = Shape(begin, open, "(SELECT a FROM secret)", close).text(300);
        let begins: String = text.chars().take(60).collect();
        let read = on_stack(STACK, move || read_in_place(&text));
        let accesses = &read.statements.first().unwrap().accesses;
        let secret = |access: &Access| matches!(&access.object, Object::Relation(name) if &*name.name == "secret");
        assert!(accesses.iter().any(secret), "{begins}: {:?}", unparsed(read.clone()));
    }
}
