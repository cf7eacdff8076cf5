//! How fast a command takes effect while a thousand sessions are at work: a kill at the job's end and at the server, an approval,
//! a person's leaving.

mod api;
mod leaving;
mod load;

use crate::{Daemon, Postgres, Weir, machine, wait_until};
use anyhow::{Context as _, ensure};
use api::Api;
use leaving::Leaving;
use load::Load;
use serde_json::{Value, json};
use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How many.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Sessions that run a statement a second each.
    pub live: u32,
    /// Commands of each kind.
    pub samples: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { live: 1_000, samples: 100 }
    }
}

/// The goals, in milliseconds: of a release build, at 1 000 sessions.
const GOALS: [(&str, f64); 4] =
    [("kill_client_p99", 10.0), ("kill_server_p99", 100.0), ("approve_p99", 10.0), ("scim_block_p99", 1_000.0)];
/// Of the processor's time, in percent: what is measured beyond is the machine's queue.
const BUSY: f64 = 70.0;
/// Between two commands, so that each is measured alone.
const BETWEEN: Duration = Duration::from_millis(50);

const POLICY: &str = r#"
@id("all") permit (principal, action in [Action::"connect", Action::"operation"], resource);
@id("arrivals") @hold("group=dba,wait=60s")
forbid (principal, action == Action::"write", resource) when { context.verb == "INSERT" } unless { context.approval.satisfied };
"#;

/// Now, by the clock that all processes of the host share.
#[must_use]
pub fn monotonic_ns() -> u64 {
    let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC).expect("the clock is there");
    Duration::from(now).as_nanos().try_into().unwrap_or(u64::MAX)
}

/// Measures; `tell` hears how far it is.
///
/// # Errors
/// Where something that is measured did not come about: that shows nothing.
pub fn measure(options: Options, mut tell: impl FnMut(&str)) -> anyhow::Result<Value> {
    let connections = format!("max_connections = {}", options.live + 100);
    let server = Postgres::builder().setting(&connections).setting("shared_buffers = 64MB").start();
    let schema = "CREATE TABLE shop AS SELECT g AS id FROM generate_series(1, 100) g; CREATE TABLE arrivals (name text, at timestamptz); \
        GRANT ALL ON shop, arrivals TO app";
    ensure!(server.psql("app").args(["-c", schema]).status()?.success(), "the tables could not be made");
    let leaving = Leaving::prepare()?;
    let daemon = Daemon::start(Weir::for_server(&server).policy(POLICY).extra(&leaving.configuration()), "");
    tell(&format!("{} sessions begin", options.live));
    let mut load = Load::start(&daemon, options.live)?;
    let mut api = Api::connect(&daemon.socket())?;
    let live = api.get("/v1/sessions")?.as_array().map_or(0, Vec::len);
    ensure!(live == options.live as usize, "{live} sessions are live, not {}", options.live);
    let (before, began) = (load.counts()?, (Instant::now(), processor()?));
    let kills = kills(options.samples, &server, &mut load, &mut api, &mut tell)?;
    let approvals = approvals(options.samples, &server, &mut load, &mut api, &mut tell)?;
    let left = leaving.measure(options.samples, &daemon, &mut api, &mut tell)?;
    let (seconds, busy) = (began.0.elapsed().as_secs_f64(), processor()?.since(began.1));
    let after = load.counts()?;
    ensure!(after.errors == before.errors, "{} of the sessions at work broke", after.errors - before.errors);
    let client: Vec<_> = kills.iter().map(|kill| kill.client_ms).collect();
    let server: Vec<_> = kills.iter().map(|kill| kill.server_ms).collect();
    Ok(json!({
        "summary": {
            "ms": {
                "kill_client_p50": quantile(&client, 50), "kill_client_p99": quantile(&client, 99),
                "kill_server_p50": quantile(&server, 50), "kill_server_p99": quantile(&server, 99),
                "approve_p50": quantile(&approvals, 50), "approve_p99": quantile(&approvals, 99),
                "scim_block_p50": quantile(&left, 50), "scim_block_p99": quantile(&left, 99),
            },
            "live_sessions": options.live,
            "statements_per_second": (after.statements - before.statements) as f64 / seconds,
            "busy_percent": busy,
        },
        "samples_ms": { "kill_client": client, "kill_server": server, "approve": approvals, "scim_block": left },
        "settings": { "samples": options.samples, "build": if cfg!(debug_assertions) { "debug" } else { "release" } },
        "machine": machine(),
    }))
}

/// What is beyond its goal, where the goals are for what was measured.
#[must_use]
pub fn faults(report: &Value) -> Vec<String> {
    let summary = &report["summary"];
    let number = |value: &Value| value.as_f64().unwrap_or(f64::INFINITY);
    let mut faults: Vec<_> = GOALS
        .iter()
        .filter(|(name, goal)| number(&summary["ms"][*name]) > *goal)
        .map(|(name, goal)| format!("{name} is {} ms: the goal is {goal} ms", summary["ms"][*name]))
        .collect();
    if number(&summary["busy_percent"]) > BUSY {
        faults.push(format!(
            "the processor was busy {} % of the time: the goals are for {BUSY} % at most",
            summary["busy_percent"]
        ));
    }
    faults
}

struct Kill {
    client_ms: f64,
    server_ms: f64,
}

fn kills(
    samples: u32,
    server: &Postgres,
    load: &mut Load,
    api: &mut Api,
    tell: &mut impl FnMut(&str),
) -> anyhow::Result<Vec<Kill>> {
    let mut all = Vec::new();
    for number in 1..=samples {
        let name = format!("victim-{number}");
        load.tell(&format!("sleep {name}"))?;
        load.until("begun", &name)?;
        let text = format!("SELECT pg_sleep(60) /* {name} */");
        let find = |api: &mut Api| {
            let live = api.get("/v1/sessions").ok()?;
            let found = live.as_array()?.iter().find(|one| one["statement"] == text.as_str() && one["state"] == "running")?;
            found["session"].as_str().map(str::to_owned)
        };
        let session = wait_until("the victim", 20, || find(api));
        let backend = backend(server, &text)?;
        sleep(BETWEEN);
        let ordered = monotonic_ns();
        api.send("POST", &format!("/v1/sessions/{session}/kill"), &json!({ "reason": "a measurement" }))?;
        let server = loop {
            // The title of a backend at work ends in its command.
            let title = fs::read(format!("/proc/{backend}/cmdline")).unwrap_or_default();
            if !String::from_utf8_lossy(&title).contains("SELECT") {
                break monotonic_ns();
            }
            ensure!(monotonic_ns() - ordered < 20_000_000_000, "the server still runs it after 20 s");
            std::hint::spin_loop();
        };
        let client: u64 = load.until("gone", &name)?.parse()?;
        let answer = api.answer()?;
        ensure!(answer["confirmed"] == true, "the kill was not confirmed: {answer}");
        all.push(Kill { client_ms: milliseconds(ordered, client), server_ms: milliseconds(ordered, server) });
        if number % 20 == 0 {
            tell(&format!("{number} of {samples} killed"));
        }
    }
    Ok(all)
}

/// The backend that runs this, as its server says.
fn backend(server: &Postgres, text: &str) -> anyhow::Result<u32> {
    let told = server.sql(&format!("SELECT pid FROM pg_stat_activity WHERE query = '{text}' AND state = 'active'"));
    told.parse().with_context(|| format!("no single backend runs {text:?}: {told:?}"))
}

fn approvals(
    samples: u32,
    server: &Postgres,
    load: &mut Load,
    api: &mut Api,
    tell: &mut impl FnMut(&str),
) -> anyhow::Result<Vec<f64>> {
    let mut sent = Vec::new();
    for number in 1..=samples {
        let name = format!("row-{number}");
        load.tell(&format!("insert {name}"))?;
        let find = |api: &mut Api| {
            let holds = api.get("/v1/holds").ok()?;
            let found = holds
                .as_array()?
                .iter()
                .find(|hold| hold["asked"]["statement"].as_str().is_some_and(|text| text.contains(&name)));
            found?["id"].as_str().map(str::to_owned)
        };
        let hold = wait_until("the hold", 20, || find(api));
        sleep(BETWEEN);
        sent.push(microseconds_since_1970());
        let answer = api.post(&format!("/v1/holds/{hold}/approve"), &json!({ "reason": "a measurement", "scope": "once" }))?;
        ensure!(answer["state"] == "approved" || answer["state"] == "released", "{answer}");
        load.until("done", &name)?;
        if number % 20 == 0 {
            tell(&format!("{number} of {samples} approved"));
        }
    }
    let arrived = "SELECT (extract(epoch FROM at) * 1e6)::bigint FROM arrivals ORDER BY substr(name, 5)::int";
    let told = server.psql("app").args(["-c", arrived]).output()?;
    let arrived: Vec<i64> = String::from_utf8(told.stdout)?.lines().map(str::parse).collect::<Result<_, _>>()?;
    ensure!(arrived.len() == sent.len(), "{} rows came of {}", arrived.len(), sent.len());
    Ok(arrived.iter().zip(&sent).map(|(arrived, sent)| (arrived - sent) as f64 / 1e3).collect())
}

fn milliseconds(from: u64, to: u64) -> f64 {
    to.saturating_sub(from) as f64 / 1e6
}

fn microseconds_since_1970() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_micros()).unwrap_or(i64::MAX)
}

/// The value that so many of a hundred are not above; of none, none.
pub(crate) fn quantile(samples: &[f64], hundredths: usize) -> Option<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len() * hundredths).div_ceil(100).saturating_sub(1);
    sorted.get(at).copied()
}

/// The processors' time so far, in ticks: busy, and in all.
#[derive(Clone, Copy)]
struct Processor {
    busy: u64,
    all: u64,
}

fn processor() -> anyhow::Result<Processor> {
    let text = fs::read_to_string("/proc/stat")?;
    let line = text.lines().next().context("/proc/stat has a first line")?;
    let ticks: Vec<u64> = line.split_whitespace().skip(1).map(str::parse).collect::<Result<_, _>>()?;
    let (all, idle) = (ticks.iter().take(8).sum::<u64>(), ticks.iter().skip(3).take(2).sum::<u64>());
    Ok(Processor { busy: all - idle, all })
}

impl Processor {
    fn since(self, before: Self) -> f64 {
        (self.busy - before.busy) as f64 * 100.0 / (self.all - before.all).max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_a_sample() {
        let samples: Vec<_> = (1..=100).rev().map(f64::from).collect();
        assert_eq!(
            (quantile(&samples, 50), quantile(&samples, 99), quantile(&samples, 100)),
            (Some(50.0), Some(99.0), Some(100.0))
        );
        assert_eq!((quantile(&[7.0], 99), quantile(&[], 99)), (Some(7.0), None));
    }

    #[test]
    fn what_is_beyond_its_goal_is_told() {
        let report = |client: f64, busy: f64| {
            let ms = json!({ "kill_client_p99": client, "kill_server_p99": 99.0, "approve_p99": 3.0, "scim_block_p99": 7.0 });
            faults(&json!({ "summary": { "ms": ms, "busy_percent": busy } })).len()
        };
        assert_eq!((report(9.0, 50.0), report(11.0, 50.0), report(11.0, 71.0)), (0, 1, 2));
    }
}
