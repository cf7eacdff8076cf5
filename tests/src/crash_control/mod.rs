//! A gateway is killed in the middle of what people decide: a hold, a grant, its end, a block. What is held against it afterwards is
//! what the server has done, and what the next gateway does.
//!
//! What counts: nothing that was held has run without an approval, nothing that was revoked is allowed, and nothing that somebody
//! was told is done has gone.

mod round;

use crate::chance::Chance;
use crate::machine;
use crate::{Postgres, Weir};
use round::{Fault, Kind, Round};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How many, and what chance begins with.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Kills.
    pub kills: u32,
    /// The same seed is the same order of rounds and moments.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { kills: 200, seed: 1 }
    }
}

/// Reads alone; what is granted; and a DELETE waits.
const POLICY: &str = r#"
@id("reads") permit (principal, action in [Action::"connect", Action::"read", Action::"session", Action::"call"], resource);
@id("deletes-pass") permit (principal, action == Action::"write", resource) when { context.verb == "DELETE" };
@id("granted") permit (principal, action == Action::"write", resource) when { context.granted };
@id("deletes") @hold("group=dba,wait=60s")
forbid (principal, action == Action::"write", resource) when { context.verb == "DELETE" } unless { context.approval.satisfied };
"#;

/// Kills so often; `tell` hears of each round.
///
/// # Errors
/// Where a round could not be set up: that shows nothing.
pub fn crash(options: Options, mut tell: impl FnMut(&str)) -> anyhow::Result<Value> {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).policy(POLICY).build();
    let mut chance = Chance(options.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut rows = Vec::new();
    let mut counts = BTreeMap::from([(Fault::RanWithoutApproval, 0), (Fault::AllowedAfterRevoke, 0), (Fault::Lost, 0)]);
    let mut acknowledged = 0;
    for number in 1..=options.kills {
        let kind = Kind::ALL[usize::try_from(chance.below(Kind::ALL.len() as u64)).unwrap_or(0)];
        let delay_us = chance.below(120_000);
        let round = Round { server: &server, weir: &weir, number, delay_us }.play(kind)?;
        acknowledged += u32::from(round.acknowledged);
        if let Some(fault) = round.fault {
            *counts.entry(fault).or_default() += 1;
        }
        tell(&format!("{number}/{} {} killed after {delay_us} µs: {}", options.kills, kind.name(), round.seen));
        rows.push(json!({
            "round": number, "kind": kind.name(), "killed_after_us": delay_us, "acknowledged": round.acknowledged,
            "seen": round.seen, "fault": round.fault.map(Fault::name),
        }));
    }
    let count = |fault| counts.get(&fault).copied().unwrap_or(0);
    Ok(json!({
        "summary": {
            "kills": options.kills,
            "acknowledged": acknowledged,
            "ran_without_approval": count(Fault::RanWithoutApproval),
            "allowed_after_revoke": count(Fault::AllowedAfterRevoke),
            "lost": count(Fault::Lost),
        },
        "rounds": rows,
        "settings": { "seed": options.seed, "build": if cfg!(debug_assertions) { "debug" } else { "release" } },
        "machine": machine(),
    }))
}

/// What is not as it has to be.
#[must_use]
pub fn faults(report: &Value) -> Vec<String> {
    let summary = &report["summary"];
    let mut faults: Vec<_> = ["ran_without_approval", "allowed_after_revoke", "lost"]
        .into_iter()
        .filter(|name| summary[*name].as_u64() != Some(0))
        .map(|name| format!("{name} is {}", summary[name]))
        .collect();
    let (kills, acknowledged) = (summary["kills"].as_u64().unwrap_or(0), summary["acknowledged"].as_u64().unwrap_or(0));
    if kills >= 50 && !(kills / 10..kills - kills / 10).contains(&acknowledged) {
        faults.push(format!(
            "{acknowledged} of {kills} were acknowledged before the kill: the kills come all too early, or too late"
        ));
    }
    faults
}
