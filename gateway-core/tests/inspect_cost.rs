//! What reading a statement costs: `cargo test --release -p gateway-core --test inspect_cost -- --ignored --nocapture`.

use gateway_core::inspect::postgres::{Bounds, Reading, inspect};
use std::time::{Duration, Instant};

/// Statements as tools write them, each with one parameter of a name in it, so that none was seen before.
const STATEMENTS: [(&str, &str); 6] = [
    ("pgbench", "SELECT abalance FROM pgbench_accounts WHERE aid = #"),
    ("update", "UPDATE accounts SET balance = balance - 10, touched = now() WHERE id = # AND state = 'open'"),
    (
        "report",
        "SELECT o.id, o.total, c.name FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.created_at > now() - interval '1 day' \
         AND c.country IN ('DE', 'FR', 'NL') AND o.state = # ORDER BY o.id LIMIT 50",
    ),
    (
        "mapper",
        "SELECT \"users\".\"id\" AS t0_c0, \"users\".\"email\" AS t0_c1, \"users\".\"name\" AS t0_c2, \"users\".\"created\" AS t0_c3, \
         \"orders\".\"id\" AS t1_c0, \"orders\".\"total\" AS t1_c1 FROM \"users\" LEFT OUTER JOIN \"orders\" ON \"orders\".\"user_id\" = \"users\".\"id\" \
         WHERE \"users\".\"active\" = true AND (\"orders\".\"total\" > # OR \"orders\".\"id\" IS NULL) ORDER BY \"users\".\"created\" DESC LIMIT 20 OFFSET 40",
    ),
    ("backslash", "SELECT id FROM paths WHERE name LIKE 'C:\\\\temp\\\\%' AND size > #"),
    ("chain", "SELECT a || b || c || d || e || f || g || h || i || j || k || l || m || n || o || p FROM t WHERE id = #"),
];

#[test]
#[ignore = "a measurement, not a check"]
fn new_statements() {
    let reading = Reading { standard_conforming_strings: None, exact: false };
    for (name, text) in STATEMENTS {
        let mut took: Vec<Duration> = (0..20_000)
            .map(|number| {
                let text = text.replace('#', &number.to_string());
                let started = Instant::now();
                let inspection = inspect(&text, reading, Bounds::default());
                let took = started.elapsed();
                assert!(inspection.statements.iter().all(|statement| statement.facts.unparsed.is_none()), "{text}");
                took
            })
            .collect();
        took.sort();
        let at = |part: usize| took.get(took.len() * part / 1000).copied().unwrap_or_default();
        println!("{name:>10} {:>4} bytes: p50 {:>7.1?}  p99 {:>7.1?}  least {:>7.1?}", text.len(), at(500), at(990), at(0));
    }
}
