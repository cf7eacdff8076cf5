//! One measurement: what the client is told to do, and how its own figures are read.

use super::figure::Figure;
use super::stage::{Role, Stage};
use super::way::{Way, rotated};
use anyhow::{Context as _, ensure};
use std::fs;

/// What is measured at a time; each gives one or more figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measure {
    SelectPrepared16,
    Tpcb16,
    Latency1,
    Latency1Simple,
    ConnectQueryClose,
    ConnectQueryCloseScram,
    CopyOut1Gb,
}

impl Measure {
    pub(super) const ALL: [Self; 7] = [
        Self::SelectPrepared16,
        Self::Tpcb16,
        Self::Latency1,
        Self::Latency1Simple,
        Self::ConnectQueryClose,
        Self::ConnectQueryCloseScram,
        Self::CopyOut1Gb,
    ];

    /// The figures that it gives, the main one first.
    pub(super) const fn figures(self) -> &'static [Figure] {
        match self {
            Self::SelectPrepared16 => &[Figure::SelectPrepared16],
            Self::Tpcb16 => &[Figure::Tpcb16],
            Self::Latency1 => &[Figure::Latency1, Figure::Latency1P99],
            Self::Latency1Simple => &[Figure::Latency1Simple, Figure::Latency1SimpleP99],
            Self::ConnectQueryClose => &[Figure::ConnectQueryClose],
            Self::ConnectQueryCloseScram => &[Figure::ConnectQueryCloseScram],
            Self::CopyOut1Gb => &[Figure::CopyOut1Gb],
        }
    }

    /// The ways that it is measured over, in the order of a round.
    pub(super) fn order(self, round: usize) -> Vec<Way> {
        self.figures().first().map_or_else(Vec::new, |figure| rotated(figure.ways(), round))
    }

    /// Its main figure's name.
    pub(super) fn name(self) -> &'static str {
        self.figures().first().map_or("", |figure| figure.name())
    }

    /// Measures it this way for so many seconds (a COPY takes what it takes); values in the order of `figures`.
    pub(super) fn take(self, stage: &Stage, way: Way, seconds: u32) -> anyhow::Result<Vec<f64>> {
        match self {
            Self::SelectPrepared16 => rate(stage, way, Role::Trusted, seconds, &["-M", "prepared", "-c", "16", "-j", "2"]),
            Self::Tpcb16 => transactions(stage, way, seconds),
            Self::Latency1 => latency(stage, way, seconds, "prepared"),
            Self::Latency1Simple => latency(stage, way, seconds, "simple"),
            Self::ConnectQueryClose => rate(stage, way, Role::Trusted, seconds, &["-C", "-c", "4", "-j", "2"]),
            Self::ConnectQueryCloseScram => rate(stage, way, Role::Scram, seconds, &["-C", "-c", "4", "-j", "2"]),
            Self::CopyOut1Gb => copy(stage, way),
        }
    }
}

fn rate(stage: &Stage, way: Way, role: Role, seconds: u32, options: &[&str]) -> anyhow::Result<Vec<f64>> {
    Ok(vec![rate_of(&pgbench(stage, way, role, seconds, options)?)?])
}

/// pgbench's own transaction: three UPDATEs, a SELECT and an INSERT.
fn transactions(stage: &Stage, way: Way, seconds: u32) -> anyhow::Result<Vec<f64>> {
    let arguments = ["-n", "-T", &seconds.to_string(), "-c", "16", "-j", "2"];
    let program = stage.writer().to_string_lossy().into_owned();
    Ok(vec![rate_of(&stage.client(way, Role::Writer, &program, &arguments)?)?])
}

/// The median and the 99th percentile, from pgbench's own log of each transaction.
fn latency(stage: &Stage, way: Way, seconds: u32, protocol: &str) -> anyhow::Result<Vec<f64>> {
    let prefix = "latency";
    let options = ["-M", protocol, "-c", "1", "--log", "--log-prefix", prefix];
    rate_of(&pgbench(stage, way, Role::Trusted, seconds, &options)?)?;
    percentiles(stage, prefix, &[50, 99])
}

/// These percentiles of what pgbench has logged under this prefix, in µs; the logs are gone afterwards.
pub(super) fn percentiles(stage: &Stage, prefix: &str, percents: &[usize]) -> anyhow::Result<Vec<f64>> {
    let mut times = Vec::new();
    for entry in fs::read_dir(stage.folder())? {
        let file = entry?.path();
        if file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix)) {
            times.extend(times_of(&fs::read_to_string(&file)?));
            fs::remove_file(&file)?;
        }
    }
    times.sort_unstable();
    let percentile = |percent: &usize| times.get(times.len() * percent / 100).map(|&time| f64::from(time));
    percents.iter().map(percentile).collect::<Option<_>>().context("pgbench logged nothing")
}

/// psql's own clock, so that neither its start nor that of `weir run` counts.
fn copy(stage: &Stage, way: Way) -> anyhow::Result<Vec<f64>> {
    let arguments =
        ["-XqAt", "-v", "ON_ERROR_STOP=1", "-c", "\\timing on", "-c", "\\o /dev/null", "-c", "COPY archive TO STDOUT"];
    let output = stage.client(way, Role::Trusted, "psql", &arguments)?;
    let milliseconds = milliseconds_of(&output).with_context(|| format!("psql gave no time: {output}"))?;
    #[expect(clippy::cast_precision_loss, reason = "a count of bytes below 2^52")]
    let bytes = stage.copy_bytes as f64;
    Ok(vec![bytes / milliseconds / 1000.0])
}

fn pgbench(stage: &Stage, way: Way, role: Role, seconds: u32, options: &[&str]) -> anyhow::Result<String> {
    let seconds = seconds.to_string();
    let arguments = [&["-S", "-n", "-T", &seconds], options].concat();
    stage.client(way, role, "pgbench", &arguments)
}

/// Transactions a second; an error where one failed or none was done.
pub(super) fn rate_of(output: &str) -> anyhow::Result<f64> {
    let after = |name: &str| output.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next());
    ensure!(after("number of failed transactions:") == Some("0"), "transactions failed:\n{output}");
    let rate: f64 = after("tps =").with_context(|| format!("pgbench gave no rate:\n{output}"))?.parse()?;
    ensure!(rate > 0.0, "pgbench did nothing:\n{output}");
    Ok(rate)
}

/// Microseconds of each transaction: the third field.
fn times_of(log: &str) -> Vec<u32> {
    log.lines().filter_map(|line| line.split(' ').nth(2)?.parse().ok()).collect()
}

/// From `Time: 1234.567 ms (00:01.235)`.
pub(super) fn milliseconds_of(output: &str) -> Option<f64> {
    output.lines().rev().find_map(|line| line.strip_prefix("Time: ")?.split(' ').next()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_s_own_figures_are_read() {
        let output = "number of transactions actually processed: 9\nnumber of failed transactions: 0 (0.000%)\ntps = 12.5 (including reconnection times)\n";
        assert_eq!(rate_of(output).unwrap(), 12.5);
        assert!(rate_of(&output.replace(": 0 (", ": 1 (")).is_err(), "a failed transaction is no measurement");
        assert!(rate_of("number of failed transactions: 0 (0%)\ntps = 0\n").is_err(), "nothing done is no measurement");
        assert_eq!(times_of("0 1 95 0 1700000000 1\n0 2 101 0 1700000000 2\n"), [95, 101]);
        assert_eq!(milliseconds_of("Time: 0.1 ms\nTime: 2345.678 ms (00:02.346)\n"), Some(2345.678));
        assert_eq!(milliseconds_of("ERROR: no\n"), None);
    }
}
