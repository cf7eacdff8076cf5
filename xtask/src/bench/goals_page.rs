//! The parts of docs/performance.md that say what a session, a decision and a start cost, and how that stands to the goals.

use super::chart::{Bar, Chart, Group};
use super::pages::number;
use anyhow::Context as _;
use serde_json::Value;

/// What a figure has to be.
#[derive(Clone, Copy)]
enum Goal {
    Least(f64),
    Most(f64),
}

/// What is measured, where the report has it, its digits behind the point and its unit, and the goal.
const GOALS: [(&str, &str, usize, &str, Goal); 27] = [
    ("SELECT by key, prepared, 16 clients: against haproxy", "/ratios/select_prepared_16_vs_haproxy", 2, "×", Goal::Least(1.0)),
    ("the same: against pgbouncer", "/ratios/select_prepared_16_vs_pgbouncer", 2, "×", Goal::Least(1.1)),
    ("the same: against direct", "/ratios/select_prepared_16_vs_direct", 2, "×", Goal::Least(0.55)),
    ("one client, prepared: against haproxy", "/ratios/latency_1_vs_haproxy", 2, "×", Goal::Least(1.0)),
    ("the same: against pgbouncer", "/ratios/latency_1_vs_pgbouncer", 2, "×", Goal::Least(1.0)),
    ("one client, simple: against haproxy", "/ratios/latency_1_simple_vs_haproxy", 2, "×", Goal::Least(1.0)),
    ("the same: against pgbouncer", "/ratios/latency_1_simple_vs_pgbouncer", 2, "×", Goal::Least(1.0)),
    ("TPC-B, 16 clients: against haproxy", "/ratios/tpcb_16_vs_haproxy", 2, "×", Goal::Least(1.0)),
    ("COPY out of 1 GB: against haproxy", "/ratios/copy_out_1gb_vs_haproxy", 2, "×", Goal::Least(0.95)),
    ("the same: against a copy loop", "/ratios/copy_out_1gb_vs_copy_loop", 2, "×", Goal::Least(0.85)),
    ("COPY, two of five columns masked: against none", "/ratios/copy_masked_vs_unmasked", 2, "×", Goal::Least(0.8)),
    ("connect, query, close: against direct, trusted", "/ratios/connect_query_close_vs_direct", 2, "×", Goal::Least(0.67)),
    ("the same: against direct, SCRAM", "/ratios/connect_query_close_scram_vs_direct", 2, "×", Goal::Least(1.0)),
    ("a new statement of 200 bytes to its verdict, 50 policies, p99", "/decision_us/new_p99_50", 1, "µs", Goal::Most(150.0)),
    ("the same, 5 000 policies", "/decision_us/new_p99_5000", 1, "µs", Goal::Most(150.0)),
    ("the verdict alone, 50 policies, p99", "/decision_us/verdict_p99_50", 1, "µs", Goal::Most(20.0)),
    ("the same, 5 000 policies", "/decision_us/verdict_p99_5000", 1, "µs", Goal::Most(20.0)),
    ("a known statement, p99", "/decision_us/cached_p99", 2, "µs", Goal::Most(1.0)),
    ("a connect outside every job: against no hook", "/hook_outside_vs_none", 2, "×", Goal::Most(1.05)),
    ("an idle session, without TLS", "/memory/idle_session_kib", 1, "KiB", Goal::Most(24.0)),
    ("10 000 idle sessions", "/memory/ten_thousand_sessions_mib", 0, "MiB", Goal::Most(300.0)),
    ("what streaming 4 GB adds", "/memory/stream_4gb_extra_mib", 1, "MiB", Goal::Most(4.0)),
    ("p99 beside a session that streams: against alone", "/fairness_p99", 2, "×", Goal::Most(2.0)),
    ("`weir run -- true` over `true`, with the daemon", "/run_overhead_ms", 1, "ms", Goal::Most(50.0)),
    ("allocations for a message", "/allocations_per_message", 4, "", Goal::Most(0.0)),
    ("system calls for a round trip, 16 clients", "/syscalls_per_round_trip", 2, "", Goal::Most(4.0)),
    ("sessions that come and go, of 1 000 a second", "/scale/connects/3/per_s", 0, "/s", Goal::Least(990.0)),
];

impl Goal {
    const fn is_met(self, value: f64) -> bool {
        match self {
            Self::Least(goal) => value >= goal,
            Self::Most(goal) => value <= goal,
        }
    }
}

/// The table of all goals.
pub(super) fn table(report: &Value) -> anyhow::Result<String> {
    let mut table = "| | measured | goal | met |\n|---|---|---|---|\n".to_owned();
    for (what, pointer, digits, unit, goal) in GOALS {
        let value = of(report, pointer)?;
        let (sign, bound) = match goal {
            Goal::Least(bound) => ('≥', bound),
            Goal::Most(bound) => ('≤', bound),
        };
        let met = if goal.is_met(value) { "yes" } else { "**no**" };
        table.push_str(&format!("| {what} | {value:.digits$} {unit} | {sign} {bound} {unit} | {met} |\n"));
    }
    Ok(table)
}

/// Charts of what grows: each bar is one point of a curve.
pub(super) fn charts(report: &Value) -> anyhow::Result<Vec<(String, String)>> {
    let mut charts = Vec::new();
    for (file, title, curve, by, value, caption) in [
        (
            "cost_sessions.svg",
            "The gateway's time for a statement, by busy sessions",
            "/scale/busy",
            "sessions",
            "gateway_us_each",
            "µs of the processor, by busy sessions. A record is flushed each 200 ms: the more sessions, the fewer statements share one.",
        ),
        (
            "cost_connects.svg",
            "The gateway's time for a session, by sessions that begin a second",
            "/scale/connects",
            "offered_per_s",
            "gateway_us_each",
            "µs of the processor, by sessions that come, run a statement and go in a second",
        ),
        (
            "cost_policies.svg",
            "A new statement to its verdict, by policies",
            "/decision/by_policies",
            "policies",
            "new_p50_us",
            "µs, the median, by policies; ten for each target",
        ),
        (
            "cost_columns.svg",
            "A new statement to its verdict, by columns",
            "/decision/by_columns",
            "columns",
            "new_p50_us",
            "µs, the median, by columns that the statement selects",
        ),
    ] {
        let points = report.pointer(curve).and_then(Value::as_array).with_context(|| format!("no {curve}"))?;
        let mut bars = Vec::new();
        for point in points {
            let median = of(point, &format!("/{value}"))?;
            let label = number(of(point, &format!("/{by}"))?);
            bars.push(Bar { label, median, least: median, most: median, text: number(median), strong: true });
        }
        let groups = vec![Group { title: String::new(), bars }];
        let chart = Chart { title: title.to_owned(), groups, line: None, caption: caption.to_owned() };
        charts.push((file.to_owned(), chart.svg()));
    }
    Ok(charts)
}

fn of(value: &Value, pointer: &str) -> anyhow::Result<f64> {
    value.pointer(pointer).and_then(Value::as_f64).with_context(|| format!("the report has no {pointer}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_met_on_its_own_side() {
        assert!(Goal::Least(1.0).is_met(1.0) && !Goal::Least(1.0).is_met(0.99));
        assert!(Goal::Most(4.0).is_met(4.0) && !Goal::Most(4.0).is_met(4.01));
    }
}
