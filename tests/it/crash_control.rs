//! A slice of the crashes: whenever a gateway is killed, nothing held has run, nothing revoked is allowed, nothing is lost.

use weir_tests::crash_control::{Options, crash, faults};

#[test]
fn a_gateway_killed_at_any_moment_leaves_what_people_decided_as_it_was() {
    let report = crash(Options { kills: 10, seed: 3 }, |_| ()).expect("the rounds can be set up");
    assert_eq!(faults(&report), Vec::<String>::new(), "{report:#}");
}
