//! How one session fares while another streams as fast as it can: its 99th percentile beside the stream against that alone.

use super::measure::{percentiles, rate_of};
use super::postgres::weir;
use super::report::median;
use super::stage::{Role, Size, Stage};
use super::way::{Way, rotated};
use crate::regress::server::BIN;
use crate::run::tell;
use anyhow::Context as _;
use serde_json::{Map, Value, json};

/// Over which ways: what the machine alone does to the second session is seen without weir.
const WAYS: [Way; 3] = [Way::Direct, Way::Haproxy, Way::Weir];

/// Microseconds of all rounds, and the ratios' medians by way.
pub(super) fn fairness(seconds: Option<u32>, quick: bool) -> anyhow::Result<Value> {
    let (rounds, usual, megabytes) = if quick { (1, 1, 20) } else { (7, 5, 500) };
    let seconds = seconds.unwrap_or(usual);
    let (program, built) = weir(quick)?;
    let stage = Stage::set(&program, &Size { scale: 1, megabytes })?;
    let mut measured = Vec::new();
    for round in 0..rounds {
        let mut values = Map::new();
        for way in rotated(&WAYS, round) {
            for (name, stream) in [("alone", false), ("beside", true)] {
                let p99 = p99(&stage, way, seconds, stream).with_context(|| format!("{}, {name}", way.name()))?;
                values.insert(format!("{}_{name}_p99_us", way.name()), json!(p99));
            }
        }
        tell(&format!("fairness, round {}/{rounds}: {}", round + 1, Value::Object(values.clone())));
        measured.push(values);
    }
    let ratio = |way: Way| {
        let of = |round: &Map<String, Value>, name: &str| round.get(&format!("{}_{name}_p99_us", way.name()))?.as_f64();
        let ratios: Option<Vec<f64>> = measured.iter().map(|round| Some(of(round, "beside")? / of(round, "alone")?)).collect();
        ratios.as_deref().and_then(median).with_context(|| format!("{} was not measured", way.name()))
    };
    let ratios: Map<String, Value> =
        WAYS.into_iter().map(|way| Ok((way.name().to_owned(), json!(ratio(way)?)))).collect::<anyhow::Result<_>>()?;
    Ok(json!({
        "fairness_p99": ratio(Way::Weir)?,
        "p99_beside_a_stream_vs_alone": ratios,
        "rounds": measured,
        "settings": {
            "rounds": rounds, "seconds": seconds, "weir_build": built,
            "session": "pgbench -S -M prepared -c 1", "stream": "psql, COPY … TO STDOUT to /dev/null, as another process of the same job",
        },
    }))
}

/// pgbench's 99th percentile in µs, while psql copies beside it or not.
fn p99(stage: &Stage, way: Way, seconds: u32, stream: bool) -> anyhow::Result<f64> {
    let prefix = "fairness";
    let probe = format!("{BIN}/pgbench -S -n -M prepared -c 1 -T {seconds} --log --log-prefix {prefix}");
    // Longer than anybody measures: it is ended.
    let copy = "COPY (SELECT archive.* FROM archive CROSS JOIN generate_series(1, 10000)) TO STDOUT";
    let script = match stream {
        true => format!(
            "{BIN}/psql -XqAt -c '{copy}' >/dev/null & copy=$!; sleep 0.5; {probe}; status=$?; kill $copy; wait; exit $status"
        ),
        false => probe,
    };
    rate_of(&stage.client(way, Role::Trusted, "/bin/sh", &["-c", &script])?)?;
    percentiles(stage, prefix, &[99])?.pop().context("one was asked for")
}
