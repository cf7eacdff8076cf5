//! Texts that are made to exhaust a parser: each is answered, in bounded time and on a small stack.

#![expect(clippy::unwrap_used, reason = "a helper of tests: a thread that can't be made or that fails is the failure")]

use gateway_core::inspect::postgres::{Bounds, Reading, inspect};
use gateway_core::inspect::{Action, Inspection, Object};

fn inspected(text: &str) -> Inspection {
    inspect(text, Reading { standard_conforming_strings: Some(true), exact: false }, Bounds::default())
}

/// Inspects in a thread with so much stack; where that is too little, it has to see to more by itself.
fn on_stack(mebibytes: usize, text: String) -> Inspection {
    std::thread::Builder::new().stack_size(mebibytes << 20).spawn(move || inspected(&text)).unwrap().join().unwrap()
}

fn parsed(inspection: &Inspection) -> bool {
    inspection.statements.iter().all(|statement| statement.facts.unparsed.is_none())
}

fn why(inspection: &Inspection) -> &str {
    inspection.statements.iter().find_map(|statement| statement.facts.unparsed.as_deref()).unwrap_or_default()
}

#[test]
fn no_text_ends_the_process() {
    let many = |part: &str, times: usize| part.repeat(times);
    let texts = [
        format!("SELECT 1{}", many("+1", 35_000)),
        format!("SELECT 1{}", many("||1", 200_000)),
        format!("SELECT * FROM t WHERE a{}", many(" AND a", 35_000)),
        format!("SELECT * FROM t WHERE a{}", many(" OR a", 35_000)),
        format!("SELECT {} true", many("NOT ", 35_000)),
        format!("SELECT {} 1", many("- ", 35_000)),
        format!("SELECT {}1{}", many("(", 100_000), many(")", 100_000)),
        format!("SELECT {}1{}", many("f(", 100_000), many(")", 100_000)),
        format!("SELECT {}1{}", many("ARRAY[", 100_000), many("]", 100_000)),
        format!("SELECT {} 1 {}", many("CASE WHEN true THEN ", 20_000), many("END ", 20_000)),
        format!("SELECT 1{}", many(" UNION SELECT 1", 20_000)),
        format!("SELECT * FROM a{}", many(" NATURAL JOIN a", 20_000)),
        format!("SELECT * FROM {}a{}", many("(SELECT * FROM ", 900), many(") x", 900)),
        format!("SELECT a{} FROM t", many("::text", 35_000)),
        format!("SELECT a{} FROM t", many("[1]", 35_000)),
        format!("SELECT a{} FROM t", many(".b", 35_000)),
        format!("SELECT a{} FROM t", many(" COLLATE c", 35_000)),
        format!("SELECT a{} FROM t", many(" IS NULL", 35_000)),
        format!("SELECT a{} FROM t", many(" AT TIME ZONE 'x'", 35_000)),
        format!("SELECT json_object({}1{})", many("'a': json_object(", 10_000), many(")", 10_000)),
        format!("WITH {} x AS (SELECT 1) SELECT 1", many("y AS (SELECT 1), ", 20_000)),
        format!("{} SELECT 1", many("EXPLAIN ", 35_000)),
        many("SELECT 1;", 100_000),
        many("(", 1_000_000),
        many("$a$", 100_001),
        many("/*", 1_000_000),
        many("'\n", 200_000),
        many("-- x\n", 500_000),
        many("U&\"\" UESCAPE ", 100_000),
        many("\"\"", 500_000),
    ];
    for text in texts {
        let begins: String = text.chars().take(40).collect();
        let started = std::time::Instant::now();
        let inspection = on_stack(16, text);
        assert!(started.elapsed().as_secs() < 20, "{begins} took {:?}", started.elapsed());
        println!(
            "{:>8.1?} ms {begins}: {} {}",
            started.elapsed().as_secs_f64() * 1e3,
            inspection.statements.len(),
            why(&inspection)
        );
    }
}

#[test]
fn a_text_of_four_kibibytes_fits_the_smallest_stack() {
    for unit in [
        "(",
        "f(",
        "ARRAY[",
        "NOT ",
        "- ",
        "1+",
        "a||",
        "CASE WHEN ",
        "(SELECT ",
        "SELECT 1 UNION ",
        "a AND ",
        "a OR ",
        "EXPLAIN ",
        "a::b::",
        "a IN (",
        "x COLLATE y ",
        "((a), ",
        "SELECT * FROM (",
        "a JOIN (",
        "WITH x AS (",
        "/*",
        "[",
        "1,",
        "a.",
    ] {
        for (before, behind) in [("", ""), ("SELECT ", ""), ("SELECT * FROM ", " a"), ("DELETE FROM t WHERE ", " 1")] {
            let text = format!("{before}{}{behind}", unit.repeat(4_000 / unit.len()));
            assert!(!on_stack(2, text).statements.is_empty(), "{before}{unit}{behind}");
        }
    }
}

#[test]
fn a_chain_that_the_second_parser_is_given_fits_the_smallest_stack() {
    for joint in [" AND a", " OR a", " OR NOT a"] {
        let inspection = on_stack(2, format!("SELECT a FROM t WHERE a{}", joint.repeat(999)));
        assert!(parsed(&inspection) && inspection.cross_checked, "{joint}");
        let inspection = on_stack(2, format!("SELECT a FROM t WHERE a{}", joint.repeat(1_999)));
        assert!(parsed(&inspection), "{joint}");
    }
}

#[test]
fn the_second_parser_has_no_time_to_lose_itself() {
    for (opening, inner, closing) in [
        ("f(", "1", ")"),
        ("(", "1", ")"),
        ("CASE WHEN ", "1", " THEN 1 END"),
        ("(SELECT ", "1", ")"),
        ("ARRAY[", "1", "]"),
        ("a IN (", "1", ")"),
        ("NOT (", "a", ")"),
        ("(a, ", "1", ")"),
        ("CAST(", "1", " AS int)"),
        ("EXISTS (SELECT 1 FROM t WHERE ", "a", ")"),
        ("((a), ", "1", ")"),
        ("f(a => ", "1", ")"),
        ("f(f(1), ", "1", ")"),
        ("substring(", "a", " from 1)"),
        ("x -> (", "a", ")"),
        ("INTERVAL (", "1", ")"),
    ] {
        for depth in [5, 10, 15, 20, 24, 30, 40] {
            for around in ["SELECT #", "SELECT * FROM t WHERE #", "INSERT INTO t VALUES (#)"] {
                let text = around.replace('#', &format!("{}{inner}{}", opening.repeat(depth), closing.repeat(depth)));
                let started = std::time::Instant::now();
                let _inspection = inspected(&text);
                assert!(started.elapsed().as_millis() < 2_000, "{opening} {depth} took {:?}", started.elapsed());
            }
        }
    }
    for depth in [5, 10, 20, 30, 40] {
        let text = format!("SELECT * FROM {}a JOIN b ON true{}", "(".repeat(depth), ")".repeat(depth));
        let started = std::time::Instant::now();
        let _inspection = inspected(&text);
        assert!(started.elapsed().as_millis() < 2_000, "joins {depth} took {:?}", started.elapsed());
    }
}

#[test]
fn bounds_refuse_with_their_own_words() {
    let reading = Reading { standard_conforming_strings: Some(true), exact: false };
    let bounds = Bounds { bytes: 20, tokens: 3 };
    for (text, expected) in [
        ("SELECT 1 -- 4567890123", "longer than 20 bytes"),
        ("SELECT 1, 2, 3", "more than 3 tokens"),
        ("SELECT \0", "it has a NUL byte"),
    ] {
        assert_eq!(why(&inspect(text, reading, bounds)), expected, "{text:?}");
    }
    let nested = format!("{}{} SELECT 1", "/*".repeat(40), "*/".repeat(40));
    assert_eq!(why(&inspected(&nested)), "comments nested deeper than 32");
    let ordinary = format!("{}{} SELECT 1", "/*".repeat(30), "*/".repeat(30));
    assert!(parsed(&inspected(&ordinary)));
}

#[test]
fn a_row_assignment_can_not_multiply_the_tree() {
    // PostgreSQL's tree has the source once for each column; nested ones multiply.
    let columns = vec!["a"; 400].join(",");
    let mut source = "SELECT 1".to_owned();
    for _ in 0..3 {
        source = format!("WITH x AS (UPDATE t SET ({columns}) = ({source})) SELECT 1");
    }
    assert_eq!(why(&inspected(&source)), "more than 1048576 tokens");
    assert!(parsed(&inspected("UPDATE t SET (a, b) = (SELECT 1, 2) WHERE (c, d) = (3, 4)")));
    let list = vec!["1"; 20_000].join(",");
    assert!(parsed(&inspected(&format!("SELECT a FROM t WHERE b IN ({list}) = true AND c IN ({list}) = true AND d = 1"))));
}

#[test]
fn long_ordinary_statements_are_accepted() {
    let rows: Vec<String> = (0..1_000).map(|row| format!("({row}, 'name {row}', now())")).collect();
    let insert = inspected(&format!("INSERT INTO t (a, b, c) VALUES {}", rows.join(", ")));
    assert!(parsed(&insert));
    assert_eq!(insert.statements[0].accesses.len(), 2);
    let list: Vec<String> = (0..100_000).map(|number| number.to_string()).collect();
    let select = inspected(&format!("SELECT * FROM t WHERE a IN ({})", list.join(",")));
    assert!(parsed(&select));
    assert_eq!(select.statements[0].accesses[0].action, Action::Read);
    assert!(!select.cross_checked);
}

#[test]
fn nothing_hides_among_literals() {
    // Literals of long lists are left out before the text is parsed; whatever is more than one stays.
    let literals = vec!["('a', 1, NULL)"; 10_000].join(",");
    for (hidden, expected) in [
        ("((SELECT a FROM secret))", "secret"),
        ("(1, (SELECT a FROM secret))", "secret"),
        ("(1 + (SELECT a FROM secret), 2)", "secret"),
        ("(E'\\'', (SELECT a FROM secret))", "secret"),
        ("('''', (SELECT a FROM secret), '''')", "secret"),
        ("($$'$$, (SELECT a FROM secret), $a$'$a$)", "secret"),
        ("(1 /* ' */, (SELECT a FROM secret) /* ' */)", "secret"),
        ("(1 -- '\n, (SELECT a FROM secret) --'\n)", "secret"),
        ("(B'1''1', (SELECT a FROM secret))", ""),
    ] {
        let inspection = inspected(&format!("INSERT INTO t VALUES {literals}, {hidden}, {literals}"));
        let read: Vec<String> = inspection.statements[0]
            .accesses
            .iter()
            .filter(|access| access.action == Action::Read)
            .map(|access| match &access.object {
                Object::Relation(name) => name.to_string(),
                other => format!("{other:?}"),
            })
            .collect();
        assert!(read == [expected] || !parsed(&inspection), "{hidden}: {read:?}");
        assert_eq!(expected.is_empty(), !parsed(&inspection), "{hidden}: {}", why(&inspection));
    }
}

/// Run by hand: `cargo test --release -p gateway-core --test inspect_hostile -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement: sixteen mebibytes of rows"]
fn figures() {
    for (row, rows) in [("(1),", 4_194_000), ("(1,'a name',2.5,NULL),", 762_000), ("(f(1)),", 149_000)] {
        let mut text = format!("INSERT INTO t VALUES {}", row.repeat(rows));
        text.pop();
        let started = std::time::Instant::now();
        let inspection = on_stack(16, text);
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let peak: String = status.lines().filter(|line| line.starts_with("VmHWM")).collect();
        println!("{rows} rows of {row} {:?} {peak} {}", started.elapsed(), why(&inspection));
    }
}
