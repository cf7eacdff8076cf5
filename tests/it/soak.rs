//! A slice of the soak: while jobs start and die and the daemon is killed and taken over, nothing gets through unrecorded.

use weir_tests::program;
use weir_tests::soak::{Options, faults, soak};

#[test]
fn nothing_gets_through_unrecorded_while_daemons_die() {
    let report = soak(Options { seconds: 24, rate: 12, seed: 7 }, &program("weir-soak")).expect("the soak runs");
    assert_eq!(faults(&report), Vec::<String>::new(), "{report:#}");
    assert!(report["summary"]["gateway_kills"].as_u64() > Some(0), "no daemon was killed: {report:#}");
}
