//! A small round of `cargo xtask bench control`: that it measures what it says, not how fast this machine is.

use weir_tests::control_speed::{Options, measure};

#[test]
fn kills_and_approvals_take_effect_beside_sessions_at_work() {
    let report = measure(Options { live: 30, samples: 3 }, |_| {}).expect("everything that is measured came about");
    let (ms, samples) = (&report["summary"]["ms"], &report["samples_ms"]);
    for (kind, name) in [("kill_client", "kill_client_p99"), ("kill_server", "kill_server_p99"), ("approve", "approve_p99")] {
        assert_eq!(samples[kind].as_array().map(Vec::len), Some(3), "{report}");
        let slowest = ms[name].as_f64().expect("a number");
        assert!((0.0..10_000.0).contains(&slowest), "{name}: {report}");
    }
    let rate = report["summary"]["statements_per_second"].as_f64().expect("a number");
    assert!((15.0..45.0).contains(&rate), "30 sessions at a statement a second each: {report}");
}
