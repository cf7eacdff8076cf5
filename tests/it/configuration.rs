//! A wrong configuration is told whole, before anything runs.

use weir_tests::{Postgres, Weir};

#[test]
fn all_problems_are_told_at_once_and_the_job_does_not_run() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).extra("[record]\nflush_ms = 0\n[[target]]\nmatch = [\"nowhere\"]\n").build();
    let outcome = weir.run(&["sh", "-c", "echo the job ran"]);
    assert_eq!(outcome.status, Some(1), "{}", outcome.stderr);
    assert!(!outcome.stdout.contains("the job ran"));
    for problem in ["flush_ms", "`name` is missing", "nowhere"] {
        assert!(outcome.stderr.contains(problem), "{problem} is not told: {}", outcome.stderr);
    }
}

#[test]
fn a_policy_that_is_wrong_stops_the_start() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).policy("permit (principal, action, resourze);").build();
    assert_ne!(weir.run(&["true"]).status, Some(0));
    let checked = weir.cli(&["policy", "check"]);
    assert_eq!(checked.status, Some(1), "{}", checked.stdout);
    assert!(checked.stderr.contains("test.cedar"), "{}", checked.stderr);
}
