//! A crash of the server or of the gateway: the job gets a clear error, and what was recorded stays.

use nix::sys::signal::Signal;
use weir_tests::{Postgres, Weir, remove_left_cgroups, wait_until};

#[test]
fn a_server_that_crashes_ends_the_session_and_the_record_is_whole() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).build();
    let job = weir.start(&["psql", "-X", "-c", "SELECT pg_sleep(600)"]);
    wait_until("the query to run", 20, || (server.active() == 1).then_some(()));
    server.crash();
    assert_eq!(job.wait().status, Some(2));
    assert_eq!(weir.sessions().len(), 1);
    weir.cli(&["audit", "verify"]).expect_success();
}

#[test]
fn a_gateway_that_is_killed_leaves_a_readable_record_and_no_open_query() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).build();
    let job = weir.start(&["psql", "-X", "-c", "SELECT 'before the crash'", "-c", "SELECT pg_sleep(5)"]);
    wait_until("the query to run", 20, || (server.active() == 1).then_some(()));
    let session = weir.live_session();
    // The record's flush interval is 200 ms: the first statement is on disk soon.
    wait_until("the first statement to be recorded", 10, || {
        weir.cli(&["session", "play", &session, "--instant"]).stdout.contains("before the crash").then_some(())
    });
    job.signal(Signal::SIGKILL);
    let pid = job.pid();
    job.wait();
    assert!(weir.cli(&["session", "play", &session, "--instant"]).stdout.contains("before the crash"));
    wait_until("the server to notice", 20, || (server.active() == 0).then_some(()));
    remove_left_cgroups(pid).expect("the job ended with its gateway");
}
