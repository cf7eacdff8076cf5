//! A receiver is killed and started again while events come: what it has at the end is held against what was told.
//!
//! What counts: no event is missing, what came twice is marked and is no more than was under way at a kill, and each session's
//! events are in their order.

mod appender;
mod arrived;
mod collector;
mod receiver;
mod rsyslog;

pub use appender::{Appender, event};
pub use arrived::Arrived;
pub use receiver::{Kind, Running};
pub use rsyslog::Rsyslog;

use crate::{Weir, wait_until};
use arrived::Findings;
use clap::ValueEnum as _;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// How long, at what load, and how often it is killed.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Which receiver.
    pub kind: Kind,
    /// How long events come.
    pub seconds: u64,
    /// Events each second.
    pub rate: u64,
    /// Seconds between two kills.
    pub kill_every: u64,
    /// How long it is gone.
    pub gone: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { kind: Kind::SyslogTcp, seconds: 60, rate: 2000, kill_every: 5, gone: Duration::from_millis(700) }
    }
}

/// Sessions that the events are of.
const SESSIONS: u64 = 8;
/// Events come in so many batches each second.
const BATCHES: u64 = 50;
/// Events of a sink's batch, and of one that comes meanwhile.
const BATCH: u64 = 1000;
/// How long what waits at the end may take.
const PATIENCE: u64 = 90;
/// What `hold_seconds` is for syslog here.
const HOLD_SECONDS: u64 = 2;

/// Kills so often; `tell` hears of each.
///
/// # Errors
/// Where it could not be set up, or read afterwards: that shows nothing.
pub fn kill_receivers(options: Options, mut tell: impl FnMut(&str)) -> anyhow::Result<Value> {
    let mut receiver = Running::start(options.kind);
    let weir = Weir::with(&receiver.sink("siem", HOLD_SECONDS)).variable("WEIR_SINK_SECRET", "hunter2").build();
    let state = weir.directory().join("state");
    let stop = weir.directory().join("stop");
    let job = weir.start(&["sh", "-c", &format!("while [ ! -e {} ]; do sleep 0.1; done", stop.display())]);
    wait_until("a gateway that delivers", 30, || position(&state, "siem").map(drop));
    let mut appender = Appender::open(&state);
    let begun = Instant::now();
    let (mut told, mut kills, mut under_way) = (0, 0, 0);
    let every = Duration::from_secs(options.kill_every);
    let mut back_at = None;
    while begun.elapsed() < Duration::from_secs(options.seconds) {
        let many = options.rate.div_ceil(BATCHES);
        let events: Vec<_> = (told..told + many).map(|number| event(number, number % SESSIONS)).collect();
        appender.append(&events)?;
        told += many;
        if back_at.is_some_and(|at| at <= Instant::now()) {
            receiver.restart();
            back_at = None;
        } else if back_at.is_none()
            && begun.elapsed() > every * (kills + 1)
            && begun.elapsed() + options.gone < Duration::from_secs(options.seconds)
        {
            // What is not over yet may come twice, and a batch that is sent just now.
            under_way += appender.last() - position(&state, "siem").unwrap_or_default() + BATCH;
            receiver.kill();
            kills += 1;
            back_at = Some(Instant::now() + options.gone);
            tell(&format!("kill {kills} after {:.1} s, with {told} events told", begun.elapsed().as_secs_f64()));
        }
        thread::sleep(
            (Duration::from_secs(1) * u32::try_from(told)? / u32::try_from(options.rate)?).saturating_sub(begun.elapsed()),
        );
    }
    if back_at.is_some() {
        receiver.restart();
    }
    let last = appender.last();
    wait_until("all of it to be over", PATIENCE, || position(&state, "siem").filter(|number| *number >= last));
    let settled = begun.elapsed();
    let listed = weir.cli(&["sink", "list", "--format", "json"]);
    fs::write(&stop, "")?;
    let ended = job.wait();
    let arrived = receiver.arrived()?;
    let findings = Findings::of(&arrived, told, SESSIONS);
    Ok(json!({
        "summary": {
            "kind": options.kind.name(),
            "told": told,
            "kills": kills,
            "lost": findings.lost,
            "duplicates": findings.duplicates,
            "unmarked": findings.unmarked,
            "marked_once": findings.marked_once,
            "out_of_order": findings.out_of_order,
            "seconds_to_the_last": settled.as_secs_f64(),
        },
        "bound": under_way,
        "missing": findings.missing,
        "sink": serde_json::from_str::<Value>(&listed.stdout).unwrap_or_default(),
        "gateway": { "status": ended.status, "stderr": ended.stderr.lines().take(20).collect::<Vec<_>>() },
        "settings": { "seconds": options.seconds, "rate": options.rate, "kill_every": options.kill_every },
        "machine": crate::machine(),
    }))
}

/// The same with each kind of receiver in turn: their reports, and what is worst in them.
///
/// # Errors
/// Where one could not be set up, or read afterwards.
pub fn kill_all_receivers(options: Options, mut tell: impl FnMut(&str)) -> anyhow::Result<(Value, Vec<String>)> {
    let (mut reports, mut wrong) = (Vec::new(), Vec::new());
    for kind in Kind::value_variants() {
        let name = kind.name();
        tell(name);
        let report = kill_receivers(Options { kind: *kind, ..options }, &mut tell)?;
        wrong.extend(faults(&report).into_iter().map(|fault| format!("{name}: {fault}")));
        reports.push(report);
    }
    let sum = |field: &str| reports.iter().filter_map(|report| report["summary"][field].as_u64()).sum::<u64>();
    let fields = ["told", "kills", "lost", "duplicates", "unmarked", "marked_once", "out_of_order"];
    let mut summary: serde_json::Map<_, _> = fields.into_iter().map(|field| (field.to_owned(), json!(sum(field)))).collect();
    summary.insert("receivers".to_owned(), json!(reports.len()));
    let beyond = reports.iter().filter(|report| report["summary"]["duplicates"].as_u64() > report["bound"].as_u64()).count();
    summary.insert("more_duplicates_than_bound".to_owned(), json!(beyond));
    Ok((json!({ "summary": summary, "receivers": reports, "machine": crate::machine() }), wrong))
}

/// What is not as it has to be.
#[must_use]
pub fn faults(report: &Value) -> Vec<String> {
    let summary = &report["summary"];
    let number = |name: &str| summary[name].as_u64().unwrap_or(u64::MAX);
    let mut faults: Vec<_> = ["lost", "unmarked", "out_of_order"]
        .into_iter()
        .filter(|name| number(name) != 0)
        .map(|name| format!("{name} is {}", summary[name]))
        .collect();
    let bound = report["bound"].as_u64().unwrap_or(0);
    if number("duplicates") > bound {
        faults.push(format!("{} events came twice, and {bound} are the most", summary["duplicates"]));
    }
    if number("kills") == 0 {
        faults.push("nothing was killed: it shows nothing".to_owned());
    }
    faults
}

/// The number up to which a sink is through, as its cursor has it: the whole slot of the higher generation.
pub fn position(state: &Path, sink: &str) -> Option<u64> {
    let bytes = fs::read(state.join(format!("spool/{sink}.cursor"))).ok()?;
    let whole = bytes.chunks(4096).filter_map(|slot| {
        let (crc, json) = std::str::from_utf8(slot).ok()?.trim_end().split_once(' ')?;
        (u32::from_str_radix(crc, 16).ok()? == crc32fast::hash(json.as_bytes()))
            .then(|| serde_json::from_str::<Value>(json).ok())?
    });
    whole.max_by_key(|slot| slot["generation"].as_u64()).and_then(|slot| slot["number"].as_u64())
}
