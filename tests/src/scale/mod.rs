//! What sessions cost a gateway when there are many: memory, the processor, and the time that a job's beginning takes.
//!
//! Postgres itself can't hold thousands of sessions here: a program that stands in for it does, and every report says so.

mod gateway;
mod load;
mod server;
mod start;
mod wire;

pub use load::work;
pub use server::serve;

use crate::machine;
use anyhow::{Context as _, ensure};
use gateway::{Load, Server};
use serde_json::{Value, json};
use std::thread::sleep;
use std::time::Duration;

/// How much.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Idle sessions of each of two gateways.
    pub idle: u64,
    /// Megabytes (10^6 bytes) of the one large result.
    pub stream_megabytes: u64,
    /// The most sessions that are busy at once.
    pub busy: u64,
    /// Sessions a second that come and go.
    pub connects: u64,
    /// Seconds of each measurement that takes any.
    pub seconds: u64,
    /// Jobs that are begun.
    pub starts: usize,
}

impl Options {
    /// What the published figures are of.
    pub const FULL: Self = Self { idle: 5_000, stream_megabytes: 4_000, busy: 2_000, connects: 1_000, seconds: 5, starts: 60 };
    /// That it works, not how fast.
    pub const QUICK: Self = Self { idle: 100, stream_megabytes: 100, busy: 50, connects: 50, seconds: 1, starts: 3 };
}

/// Sessions from which on the cost of one more is measured.
const FEW: u64 = 50;
/// For buffers to be let go and records to be written.
const REST: Duration = Duration::from_secs(2);

/// Measures; `tell` hears how far it is.
///
/// # Errors
/// Where a session was refused or broke: that shows nothing.
pub fn measure(options: Options, mut tell: impl FnMut(&str)) -> anyhow::Result<Value> {
    let server = Server::start()?;
    tell(&format!("a job's beginning, {} times", options.starts));
    let start = start::measure(&server, options.starts)?;
    tell(&format!("{} MB in one result", options.stream_megabytes));
    let stream = streamed(&server, options.stream_megabytes)?;
    tell(&format!("2 × {} idle sessions", options.idle));
    let idle = idle(&server, options.idle)?;
    tell(&format!("up to {} busy sessions", options.busy));
    let busy = busy(&server, options)?;
    tell(&format!("up to {} sessions a second", options.connects));
    let connects = connects(&server, options)?;
    let memory = json!({
        "idle_session_kib": idle["session_kib"],
        "ten_thousand_sessions_mib": idle["all_mib"],
        "stream_4gb_extra_mib": stream["extra_mib"],
    });
    Ok(json!({
        "summary": { "run_overhead_ms": start["overhead_ms"], "memory": memory },
        "run_overhead_ms": start["overhead_ms"],
        "memory": memory,
        "start": start, "stream": stream, "idle": idle, "busy": busy, "connects": connects,
        "settings": {
            "server": "a program that stands in for Postgres (one thread): it answers each statement with one row",
            "policies": "the starter set and bench/policy.d, enforced", "recording": "at its defaults",
            "idle": format!("two gateways with {} sessions each, alive at once, for a process may open 20 000 files here and a session takes three: what both grew by, and one of them with {FEW} sessions", options.idle),
            "build": if cfg!(debug_assertions) { "debug" } else { "release" },
        },
        "machine": machine(),
    }))
}

/// The memory of one more idle session, and of a gateway with all of them: what two gateways grow by with half of them each, on
/// top of what one takes with few.
fn idle(server: &Server, count: u64) -> anyhow::Result<Value> {
    let (mut loads, mut few, mut grown) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..2 {
        let mut load = Load::through_weir(server)?;
        load.tell(&format!("idle {FEW}"))?;
        sleep(REST);
        let before = load.usage()?.resident;
        let all = load.tell(&format!("idle {count}"))?;
        ensure!(all == [count + FEW], "{all:?} sessions are there, not {}", count + FEW);
        sleep(REST);
        few.push(before);
        grown.push(load.usage()?.resident.saturating_sub(before));
        loads.push(load);
    }
    let each: Vec<f64> = grown.iter().map(|grown| *grown as f64 / count as f64).collect();
    let all = few.iter().copied().max().unwrap_or_default() + grown.iter().sum::<u64>();
    Ok(json!({
        "sessions": 2 * count,
        "session_kib": each.iter().sum::<f64>() / each.len() as f64,
        "session_kib_of_each_gateway": each,
        "gateway_with_few_kib": few,
        "all_mib": all as f64 / 1024.0,
    }))
}

/// What one large result adds to a gateway's memory at most.
fn streamed(server: &Server, megabytes: u64) -> anyhow::Result<Value> {
    let mut load = Load::through_weir(server)?;
    load.tell("stream 1")?;
    sleep(REST);
    // What starting took at most is no part of it.
    load.forget_peak()?;
    let before = load.usage()?;
    let said = load.tell(&format!("stream {megabytes}"))?;
    let [bytes, nanoseconds] = said.try_into().map_err(|said| anyhow::anyhow!("the load says {said:?}"))?;
    ensure!(bytes >= megabytes * 990_000, "only {bytes} bytes came");
    let after = load.usage()?;
    Ok(json!({
        "bytes": bytes,
        "mb_per_s": bytes as f64 / nanoseconds as f64 * 1e3,
        "extra_mib": after.peak.saturating_sub(before.resident) as f64 / 1024.0,
    }))
}

/// What a statement takes of the processor by the number of busy sessions, and how long it takes.
fn busy(server: &Server, options: Options) -> anyhow::Result<Value> {
    let counts = [1, 16, 100, 500, 1_000, 2_000].into_iter().filter(|count| *count <= options.busy);
    curve(server, "sessions", counts, |count| format!("busy {count} {}", options.seconds))
}

/// What a session that comes and goes takes of the processor by how many come a second.
fn connects(server: &Server, options: Options) -> anyhow::Result<Value> {
    let rates = [50, 250, 500, 1_000].into_iter().filter(|rate| *rate <= options.connects);
    curve(server, "offered_per_s", rates, |rate| format!("connects {rate} {}", options.seconds))
}

/// The same told to a load through a gateway and to one without, for each value.
fn curve(server: &Server, of: &str, values: impl Iterator<Item = u64>, order: impl Fn(u64) -> String) -> anyhow::Result<Value> {
    let (mut through, mut direct) = (Load::through_weir(server)?, Load::direct(server)?);
    let mut points = Vec::new();
    for value in values {
        let before = through.usage()?.processor;
        let mut one = point(&through.tell(&order(value))?)?;
        let used = through.usage()?.processor.saturating_sub(before);
        let done = one["done"].as_u64().filter(|done| *done > 0).context("nothing was done")?;
        one["gateway_us_each"] = json!(used as f64 / done as f64);
        one["direct"] = point(&direct.tell(&order(value))?)?;
        one[of] = json!(value);
        points.push(one);
    }
    Ok(Value::from(points))
}

/// One point of a curve, from what the load says.
fn point(said: &[u64]) -> anyhow::Result<Value> {
    let &[done, nanoseconds, median, p99] = said else { anyhow::bail!("the load says {said:?}") };
    let per_s = done as f64 / nanoseconds as f64 * 1e9;
    Ok(json!({ "done": done, "per_s": per_s, "p50_ms": median as f64 / 1e6, "p99_ms": p99 as f64 / 1e6 }))
}
