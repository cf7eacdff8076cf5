//! The lists of what a server brings, held against Postgres 15 and 18 (`cargo xtask reviewed`).
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use gateway_core::inspect::reviewed::{Verdict, function};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use weir_tests::Postgres;

/// The lists that follow from the servers, and the questions whose answers they are.
const GENERATED: [(&str, &str); 3] = [
    ("relations", "SELECT relname FROM pg_class WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind IN ('r', 'v')"),
    (
        "types",
        "SELECT CASE n.nspname WHEN 'pg_catalog' THEN '' ELSE n.nspname || '.' END || t.typname FROM pg_type t \
         JOIN pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname IN ('pg_catalog', 'information_schema') \
         AND t.typrelid = 0 AND t.typname !~ '^_'",
    ),
    ("operators", "SELECT DISTINCT oprname FROM pg_operator WHERE oprnamespace = 'pg_catalog'::regnamespace"),
];

#[test]
fn the_lists_are_those_of_the_servers() {
    let servers = [Postgres::builder().start(), Postgres::builder_18().start()];
    let ask = |sql: &str| -> BTreeSet<String> {
        servers.iter().flat_map(|server| server.sql(sql).lines().map(str::to_owned).collect::<Vec<_>>()).collect()
    };
    for (name, sql) in GENERATED {
        let found = ask(sql);
        if std::env::var_os("WEIR_REVIEWED").is_some_and(|what| what == "write") {
            let lines: Vec<_> = found.iter().map(|line| format!("{line}\n")).collect();
            std::fs::write(list(name), lines.concat()).unwrap();
        }
        assert_eq!(lines(name), found.into_iter().collect::<Vec<_>>(), "{name}: `cargo xtask reviewed --write` writes it");
    }
    let functions = ask("SELECT CASE n.nspname WHEN 'pg_catalog' THEN '' ELSE n.nspname || '.' END || proname \
         FROM pg_proc JOIN pg_namespace n ON n.oid = pronamespace");
    let judged: Vec<String> = ["functions", "counted", "denied"].into_iter().flat_map(lines).map(|line| named(&line)).collect();
    let known: BTreeSet<_> = judged.iter().cloned().collect();
    assert_eq!(known.len(), judged.len(), "a function is judged twice");
    let new: Vec<_> = functions.difference(&known).collect();
    let gone: Vec<_> = known.difference(&functions).collect();
    assert!(new.is_empty(), "put each into functions.txt, counted.txt or denied.txt with a reason: {new:?}");
    assert!(gone.is_empty(), "no server has these any more: {gone:?}");
    let operators = ask("SELECT DISTINCT proname FROM pg_operator o JOIN pg_proc p ON p.oid = o.oprcode");
    let unsafe_ones: Vec<_> = operators.iter().filter(|name| function(name) != Some(Verdict::Reviewed)).collect();
    assert!(unsafe_ones.is_empty(), "an operator raises no question, so its function must be reviewed: {unsafe_ones:?}");
}

#[test]
fn the_lists_are_sorted() {
    for name in ["functions", "counted", "denied", "relations", "types", "operators"] {
        let found: Vec<_> = lines(name).iter().map(|line| named(line)).collect();
        let sorted: Vec<_> = found.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect();
        assert_eq!(found, sorted, "{name}.txt");
    }
}

fn named(line: &str) -> String {
    line.split_once(": ").map_or(line, |(name, _)| name).to_owned()
}

fn lines(name: &str) -> Vec<String> {
    std::fs::read_to_string(list(name)).unwrap().lines().map(str::to_owned).collect()
}

fn list(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../gateway-core/src/inspect/reviewed").join(name).with_extension("txt")
}
