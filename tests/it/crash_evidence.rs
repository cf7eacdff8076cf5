//! A slice of the crashes of evidence: whenever a gateway dies, by SIGKILL or with its disk's power, its record is whole and has
//! what was answered before the stated window.

use weir_tests::crash_evidence::{Options, crash, faults};
use weir_tests::program;

#[test]
fn a_gateway_that_dies_at_any_moment_leaves_a_record_of_what_it_answered() {
    let options = Options { points: 6, seed: 3, lanes: 3, points_a_lane: 1, ..Options::default() };
    let report = crash(&options, &program("weir-crash-evidence"), |_| ()).expect("the points can be set up");
    assert_eq!(faults(&report), Vec::<String>::new(), "{report:#}");
}
