//! pgbench in each of its query modes: many sessions at once, none with an error.

use weir_tests::{Postgres, Weir};

#[test]
fn each_query_mode_runs_without_an_error() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).build();
    weir.run(&["pgbench", "-i", "-q", "-s", "1"]).expect_success();
    for mode in ["simple", "extended", "prepared"] {
        let outcome = weir.run(&["pgbench", "-n", "-c", "8", "-j", "2", "-t", "50", "-M", mode]).expect_success();
        assert!(outcome.stdout.contains("transactions actually processed: 400/400"), "{mode}: {}", outcome.stdout);
    }
    assert_eq!(
        server.psql("app").args(["-c", "SELECT count(*) FROM pgbench_history"]).output().map(|o| o.stdout).unwrap_or_default(),
        b"1200\n"
    );
}

#[test]
fn connection_per_transaction() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).build();
    let select = weir.script("select.sql", "SELECT 1;\n");
    let outcome =
        weir.run(&["pgbench", "-n", "-C", "-c", "4", "-t", "25", "-f", select.to_str().expect("a UTF-8 path")]).expect_success();
    assert!(outcome.stdout.contains("100/100"), "{}", outcome.stdout);
    // pgbench itself opens one more to look at the server.
    assert!(weir.sessions().len() >= 100);
}
