//! A slice of the tampering: every crafted alteration and some by chance are found where they are, and nothing else is.

use weir_tamper::{Options, faults, tamper};

#[test]
fn what_is_done_to_a_store_is_found_where_it_was_done() {
    let report = tamper(Options { random: 300, seed: 3 }, |_| ()).unwrap();
    assert_eq!(faults(&report), Vec::<String>::new(), "{report:#}");
}
