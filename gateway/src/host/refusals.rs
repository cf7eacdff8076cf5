//! What the kernel side refused: each kind of call once in a while, and then how often.

use crate::capture::{Call, Refusal};
use gateway_core::model::ids::RunId;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How long calls of one kind are counted before they are told.
const SPAN: Duration = Duration::from_secs(60);
/// Kinds of calls that are counted apart.
const KINDS: usize = 4096;

/// Calls of the last span, by what they have in common.
pub(super) struct Refusals {
    since: Instant,
    seen: HashMap<(u64, SocketAddr, &'static str), u64>,
    /// Calls of kinds for which there was no room.
    others: u64,
}

impl Default for Refusals {
    fn default() -> Self {
        Self { since: Instant::now(), seen: HashMap::new(), others: 0 }
    }
}

impl Refusals {
    /// Counts a call; the first of its kind is to be told at once.
    pub(super) fn note(&mut self, call: &Call, reason: Refusal) -> Option<Value> {
        let key = (call.job.map_or(0, |job| job.run), call.to, reason.name());
        if let Some(count) = self.seen.get_mut(&key) {
            *count += 1;
            return None;
        }
        if self.seen.len() >= KINDS {
            self.others += 1;
            return None;
        }
        self.seen.insert(key, 1);
        Some(told(call, reason.name()))
    }

    /// What came more than once, where a span is over.
    pub(super) fn over(&mut self) -> Vec<Value> {
        if self.since.elapsed() < SPAN {
            return Vec::new();
        }
        let Self { seen, others, .. } = std::mem::take(self);
        let again = seen.into_iter().filter(|(_, count)| *count > 1).map(|((run, to, reason), count)| {
            json!({ "of": run_of(run), "to": to.to_string(), "reason": reason, "further": count - 1 })
        });
        let others = (others > 0).then(|| json!({ "reason": "many kinds", "further": others }));
        again.chain(others).collect()
    }
}

/// A call, as a finding has it.
pub(super) fn told(call: &Call, reason: &str) -> Value {
    json!({
        "of": call.job.and_then(|job| run_of(job.run)),
        "to": call.to.to_string(),
        "protocol": match i32::from(call.protocol) {
            libc::IPPROTO_TCP => Some("tcp"),
            libc::IPPROTO_UDP => Some("udp"),
            _ => None,
        },
        "reason": reason,
        "pid": call.pid,
        "uid": call.uid,
        "cgroup_id": call.cgroup,
    })
}

fn run_of(number: u64) -> Option<RunId> {
    (number != 0).then(|| RunId::from_number(number))
}
