//! Times in which nothing proves that a host's jobs were captured, and what of a session's record is missing.

use super::IncidentError;
use super::proof::{Sign, Signs};
use crate::evidence::{EvidenceError, utc};
use crate::index::{Index, Of, Query, Unwhole};
use gateway_core::model::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// How often a daemon proves that it is there.
const EVERY: Duration = Duration::from_secs(60);
/// So much later than that a proof is missing.
const LATE: Duration = Duration::from_secs(90);
/// A restart in order that takes no longer is none to look at: connects waited for it.
const RESTART: Duration = Duration::from_secs(1);
/// Gaps that are told; what is beyond is counted.
const MOST: usize = 1_000;
/// Records of gateways that are read.
const RECORDS: usize = 10_000;

/// Why nothing is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The daemon had stopped in order: jobs that lived on were refused.
    Stopped,
    /// The daemon died: jobs were refused until another came.
    Died,
    /// The daemon gave no sign, and nothing says why: the machine slept, or had no time for it.
    Silent,
    /// A canary did not come out at the gateway.
    CanaryFailed,
    /// The daemon sends no canaries.
    NoCanary,
    /// The kernel side told more than was heard.
    EventsLost,
    /// Frames of a session could not be written.
    FramesLost,
    /// A session's gateway died: what it saw last is not in the record.
    RecordCut,
    /// A session's record can't be read to its end.
    RecordDamaged,
}

/// A time in which something is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Gap {
    /// The host.
    pub host: String,
    /// From this time,
    pub from: Timestamp,
    /// to that.
    pub until: Timestamp,
    /// Why.
    pub cause: Cause,
    /// What else is known.
    pub detail: String,
    /// The session, where it is of one alone.
    pub session: Option<String>,
}

/// All of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Gaps {
    /// From when on was looked.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// The hosts whose daemons have left a sign by then, each with the time of the last.
    pub hosts: BTreeMap<String, Timestamp>,
    /// They, the first to begin first.
    pub gaps: Vec<Gap>,
    /// Those that are beyond what is told.
    pub more: usize,
}

impl Cause {
    /// In a reader's words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Stopped => "the daemon was stopped",
            Self::Died => "the daemon died",
            Self::Silent => "no sign of life",
            Self::CanaryFailed => "the canary did not come out",
            Self::NoCanary => "no canary is sent",
            Self::EventsLost => "the kernel's events were lost",
            Self::FramesLost => "frames could not be written",
            Self::RecordCut => "its gateway died",
            Self::RecordDamaged => "its record is damaged",
        }
    }
}

/// Those between these times, of all hosts and of sessions that went on then; of one target's sessions alone where it is named.
///
/// # Errors
/// Where index or records can't be read.
pub fn gaps(
    state_dir: &Path,
    index: &Index,
    (since, until): (Timestamp, Timestamp),
    target: Option<&str>,
) -> Result<Gaps, IncidentError> {
    let mut found = Gaps { since, until, ..Gaps::default() };
    let query = Query { limit: RECORDS, until: Some(until), of: vec![Of::Gateway], ..Query::default() };
    let records = index.page(&query, &|_, _, _| true)?.ok_or(IncidentError::NoIndex)?.sessions;
    let mut by_host: BTreeMap<String, Vec<Signs>> = BTreeMap::new();
    // The oldest first, and the last one that ended before the time is asked for: it says what the host was doing then.
    let first = records.iter().position(|record| record.last < since).map_or(records.len(), |place| place + 1);
    for record in records.iter().take(first).rev() {
        match Signs::read(state_dir, record.session) {
            Ok(signs) if signs.all.is_empty() => {}
            Ok(signs) => by_host.entry(signs.host.clone()).or_default().push(signs),
            Err(EvidenceError::NoSession { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    for (host, signs) in by_host {
        let last = of_host(&host, &signs, (since, until), &mut found.gaps);
        found.hosts.extend(last.map(|last| (host, last)));
    }
    let unwhole = index.unwhole(since, until, target)?.ok_or(IncidentError::NoIndex)?;
    found.gaps.extend(unwhole.iter().map(of_record));
    found.gaps.sort_by_key(|gap| (gap.from, gap.until, gap.host.clone()));
    found.more = found.gaps.len().saturating_sub(MOST);
    found.gaps.truncate(MOST);
    Ok(found)
}

/// What is missing of one session.
fn of_record(record: &Unwhole) -> Gap {
    let (cause, detail) = match record {
        Unwhole { lost: 1.., .. } => (Cause::FramesLost, format!("{} frames", record.lost)),
        Unwhole { damaged: true, .. } => (Cause::RecordDamaged, "weir audit verify says where".to_owned()),
        _ => (Cause::RecordCut, "what passed in the last moments before".to_owned()),
    };
    let target = record.target.as_deref().map(|target| format!(", to {target}")).unwrap_or_default();
    Gap {
        host: record.host.clone().unwrap_or_else(|| "?".to_owned()),
        from: record.started,
        until: record.last,
        cause,
        detail: format!("{detail}{target}"),
        session: Some(record.session.to_string()),
    }
}

/// The gaps of a host by what its daemons have left, the oldest record first; the time of the last sign.
fn of_host(host: &str, records: &[Signs], (since, until): (Timestamp, Timestamp), gaps: &mut Vec<Gap>) -> Option<Timestamp> {
    let mut signs: Vec<_> = records.iter().flat_map(|record| &record.all).cloned().collect();
    signs.sort_by_key(|(time, _)| *time);
    let mut put = |from: Timestamp, to: Timestamp, cause: Cause, detail: String| {
        let (from, until) = (from.max(since), to.min(until));
        if from < until || (cause == Cause::EventsLost && from == until) {
            gaps.push(Gap { host: host.to_owned(), from, until, cause, detail, session: None });
        }
    };
    if records.iter().any(|record| record.unproved) {
        put(since, until, Cause::NoCanary, "[host] canary = false".to_owned());
    }
    // When it was proved last, and why nothing is since.
    let (mut proved, mut why): (Option<Timestamp>, Option<(Cause, String)>) = (None, None);
    let mut last = None;
    for (time, sign) in signs.into_iter().filter(|(time, _)| *time <= until) {
        let late = proved.is_some_and(|proved| time.0.saturating_sub(proved.0) > nanoseconds(EVERY + LATE));
        match sign {
            Sign::Alive => {
                if let Some(proved) = proved {
                    let (cause, detail) = why.take().unwrap_or_else(|| (Cause::Silent, format!("none since {}", utc(proved))));
                    let short = cause == Cause::Stopped && time.0.saturating_sub(proved.0) < nanoseconds(RESTART);
                    if !short && (late || cause != Cause::Silent) {
                        put(proved, time, cause, detail);
                    }
                }
                (proved, why) = (Some(time), None);
                last = Some(time);
            }
            Sign::Blind(what) => {
                why.get_or_insert((Cause::CanaryFailed, what));
                proved.get_or_insert(time);
                last = Some(time);
            }
            Sign::Stopped => {
                // Until then it was there.
                if why.is_none() {
                    proved = Some(time);
                    why = Some((Cause::Stopped, "in order".to_owned()));
                }
                last = Some(time);
            }
            Sign::Died => {
                why.get_or_insert_with(|| (Cause::Died, "its record was cut at its last whole frame".to_owned()));
            }
            Sign::Lost(lost) => {
                put(Timestamp(time.0.saturating_sub(1_000_000_000)), time, Cause::EventsLost, format!("{lost} of them"))
            }
        }
    }
    // And it goes on until now.
    if let Some(proved) = proved {
        let (cause, detail) = why.unwrap_or_else(|| (Cause::Silent, format!("none since {}", utc(proved))));
        if cause != Cause::Silent || until.0.saturating_sub(proved.0) > nanoseconds(EVERY + LATE) {
            put(proved, until, cause, detail);
        }
    }
    last
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds.
    fn at(seconds: u64) -> Timestamp {
        Timestamp(seconds * 1_000_000_000)
    }

    fn record(signs: &[(u64, Sign)]) -> Signs {
        Signs { host: "h".to_owned(), all: signs.iter().map(|(time, sign)| (at(*time), sign.clone())).collect(), unproved: false }
    }

    #[test]
    fn a_gap_is_where_nothing_proves_that_jobs_are_captured() {
        use Cause::{CanaryFailed, Died, EventsLost, Silent, Stopped};
        let alive = |times: &[u64]| times.iter().map(|time| (*time, Sign::Alive)).collect::<Vec<_>>();
        let with = |times: &[u64], more: &[(u64, Sign)]| record(&[alive(times), more.to_vec()].concat());
        let blind = || Sign::Blind("no".to_owned());
        for (what, records, expected) in [
            ("it goes on", vec![with(&[0, 60, 120, 180, 240, 300, 360, 420, 480, 540, 590], &[])], vec![]),
            ("late, but not too late", vec![with(&[0, 140, 280, 420, 560], &[])], vec![]),
            ("it was asleep", vec![with(&[0, 60, 400, 460, 520, 580], &[])], vec![(60, 400, Silent)]),
            (
                "stopped and started",
                vec![with(&[0, 60], &[(90, Sign::Stopped)]), with(&[200, 260, 320, 380, 440, 500, 560], &[])],
                vec![(90, 200, Stopped)],
            ),
            (
                "taken over",
                vec![with(&[0, 60, 120], &[(180, Sign::Stopped)]), with(&[180, 240, 300, 360, 420, 480, 540], &[])],
                vec![],
            ),
            ("killed", vec![with(&[0, 60], &[(300, Sign::Died)]), with(&[300, 360, 420, 480, 540], &[])], vec![(60, 300, Died)]),
            ("stopped for good", vec![with(&[0, 60], &[(90, Sign::Stopped)])], vec![(90, 600, Stopped)]),
            ("dead, and not found yet", vec![with(&[0, 60], &[])], vec![(60, 600, Silent)]),
            (
                "the canary failed twice",
                vec![with(&[0, 60, 240, 300, 360, 420, 480, 540], &[(120, blind()), (180, blind())])],
                vec![(60, 240, CanaryFailed)],
            ),
            ("and goes on failing", vec![with(&[0, 500], &[(560, blind())])], vec![(0, 500, Silent), (500, 600, CanaryFailed)]),
            ("events lost", vec![with(&[0, 100, 200, 300, 400, 500], &[(150, Sign::Lost(7))])], vec![(149, 150, EventsLost)]),
        ] {
            let mut gaps = Vec::new();
            of_host("h", &records, (at(0), at(600)), &mut gaps);
            let found: Vec<_> =
                gaps.iter().map(|gap| (gap.from.0 / 1_000_000_000, gap.until.0 / 1_000_000_000, gap.cause)).collect();
            assert_eq!(found, expected, "{what}: {gaps:?}");
        }
        // Only what is in the time that was asked for, and no canary at all is a gap of its own.
        let mut gaps = Vec::new();
        let mut quiet = with(&[0, 60], &[(90, Sign::Stopped)]);
        quiet.unproved = true;
        of_host("h", &[quiet], (at(500), at(600)), &mut gaps);
        let found: Vec<_> = gaps.iter().map(|gap| (gap.from, gap.cause)).collect();
        assert_eq!(found, [(at(500), Cause::NoCanary), (at(500), Stopped)]);
    }

    #[test]
    fn signs_are_read_from_notes() {
        let mut signs = Signs::default();
        for note in [
            serde_json::json!({ "what": "alive", "event": "started", "canary": "well" }),
            serde_json::json!({ "what": "alive", "canary": "failed", "why": "x" }),
            serde_json::json!({ "what": "finding", "kind": "canary", "why": "y" }),
            serde_json::json!({ "what": "finding", "kind": "events_lost", "lost": 3 }),
            serde_json::json!({ "what": "finding", "kind": "refused" }),
            serde_json::json!({ "what": "control" }),
            serde_json::json!({ "what": "recovered", "whole_frames": 3 }),
            serde_json::json!({ "what": "alive", "event": "stopped", "canary": "well" }),
        ] {
            signs.hear(Timestamp(1), &note);
        }
        let signs: Vec<_> = signs.all.into_iter().map(|(_, sign)| sign).collect();
        let blind = |why: &str| Sign::Blind(why.to_owned());
        assert_eq!(signs, [Sign::Alive, blind("x"), blind("y"), Sign::Lost(3), Sign::Died, Sign::Stopped]);
    }
}
