//! One point: how gateways died, and what the record has of what they answered.

use super::job::{Name, Note, named};
use super::lane::Setting;
use crate::chance::Chance;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How gateways die.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// By SIGKILL: what they wrote stays.
    Kill,
    /// With the power.
    Power,
    /// With the power, and the next one too, while it closes what was left open.
    PowerTwice,
}

/// When it was, and how much of what was answered last may be gone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// Nanoseconds since 1970.
    pub(super) cut: u64,
    pub(super) window: Duration,
}

/// Statements, and the bytes of their texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) statements: u64,
    pub(super) bytes: u64,
}

/// What a record does not have, of what was answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lost {
    pub(super) acknowledged: u64,
    /// Answered within the window before the cut.
    pub(super) within: Count,
    /// Answered before it: must not be.
    pub(super) beyond: Count,
    /// Missing ones that a later one of their connection is there for: must not be.
    pub(super) gaps: u64,
    /// How long before the cut the first that is missing was answered.
    pub(super) oldest: Duration,
}

/// What came of a point.
#[derive(Clone, Debug)]
pub(super) struct Came {
    pub(super) number: u32,
    pub(super) how: How,
    pub(super) setting: Setting,
    /// When it was cut, since the first answer.
    pub(super) after: Duration,
    /// How late the machine was meanwhile.
    pub(super) late: Duration,
    /// What verify found, where it found something.
    pub(super) verify: Option<String>,
    pub(super) lost: Lost,
    /// What of its jobs went on without a gateway.
    pub(super) outlived: Vec<String>,
}

impl How {
    /// Half of them kill.
    pub(super) fn by_chance(chance: &mut Chance) -> Self {
        match chance.below(6) {
            0..=2 => Self::Kill,
            3 | 4 => Self::Power,
            _ => Self::PowerTwice,
        }
    }

    pub(super) const fn cuts_power(self) -> bool {
        match self {
            Self::Kill => false,
            Self::Power | Self::PowerTwice => true,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Power => "power",
            Self::PowerTwice => "power, and again while it was recovered from",
        }
    }
}

/// Holds what was answered up to the cut against the texts of the record.
pub(super) fn held(notes: &BTreeMap<Name, Note>, recorded: &str, mark: &str, moment: Moment) -> Lost {
    let there: BTreeSet<Name> = named(recorded, mark).collect();
    let mut lost = Lost::default();
    // What was answered after the power went was answered by nobody.
    for (name, note) in notes.iter().filter(|(_, note)| note.at <= moment.cut) {
        lost.acknowledged += 1;
        if there.contains(name) {
            continue;
        }
        let age = Duration::from_nanos(moment.cut - note.at);
        let count = if age <= moment.window { &mut lost.within } else { &mut lost.beyond };
        count.statements += 1;
        count.bytes += note.bytes;
        lost.oldest = lost.oldest.max(age);
        lost.gaps += u64::from(there.range((name.0, name.1)..=(name.0, u32::MAX)).next().is_some());
    }
    lost
}

impl Lost {
    pub(super) fn add(&mut self, other: &Self) {
        self.acknowledged += other.acknowledged;
        self.within.add(other.within);
        self.beyond.add(other.beyond);
        self.gaps += other.gaps;
        self.oldest = self.oldest.max(other.oldest);
    }
}

impl Count {
    fn add(&mut self, other: Self) {
        self.statements += other.statements;
        self.bytes += other.bytes;
    }

    fn row(self) -> Value {
        json!({ "statements": self.statements, "bytes": self.bytes })
    }
}

impl Came {
    pub(super) fn tell(&self) -> String {
        let Lost { acknowledged, within, beyond, gaps, oldest } = self.lost;
        let mut wrong = self.verify.as_deref().map(|found| format!("; VERIFY: {found}")).unwrap_or_default();
        if !self.outlived.is_empty() {
            wrong.push_str(&format!("; OUTLIVED: {:?}", self.outlived));
        }
        format!(
            "{} after {} ms: of {acknowledged} answered, {} lost within the window (the oldest {} ms), {} beyond it, {gaps} gaps{wrong}",
            self.how.name(),
            self.after.as_millis(),
            within.statements,
            oldest.as_millis(),
            beyond.statements,
        )
    }

    pub(super) fn row(&self) -> Value {
        let milliseconds = |duration: Duration| duration.as_micros() as f64 / 1000.0;
        json!({
            "point": self.number,
            "how": self.how.name(),
            "flush_ms": self.setting.flush_ms,
            "sync_ms": self.setting.sync_ms,
            "names": format!("{:?}", self.setting.names).to_lowercase(),
            "disk_sync_ms": milliseconds(self.setting.sync_takes),
            "gateways": self.setting.gateways,
            "cut_after_ms": milliseconds(self.after),
            "machine_late_ms": milliseconds(self.late),
            "window_ms": milliseconds(self.setting.window(self.how)),
            "acknowledged": self.lost.acknowledged,
            "lost_within": self.lost.within.row(),
            "lost_beyond": self.lost.beyond.row(),
            "oldest_lost_ms": milliseconds(self.lost.oldest),
            "gaps": self.lost.gaps,
            "verify": self.verify,
            "outlived": self.outlived,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_counted_by_when_it_was_answered() {
        let note = |at| Note { bytes: 10, at };
        let notes = BTreeMap::from([
            ((0, 0), note(100)),
            ((0, 1), note(200)),
            ((0, 2), note(300)),
            ((1, 0), note(350)),
            ((1, 1), note(500)),
        ]);
        let moment = Moment { cut: 400, window: Duration::from_nanos(150) };
        let count = |statements| Count { statements, bytes: statements * 10 };
        for (recorded, within, beyond, gaps) in [
            ("m-0-0- m-0-1- m-0-2- m-1-0-", 0, 0, 0),
            ("m-0-0- m-0-1-", 2, 0, 0),
            ("m-0-0- m-0-2- m-1-0-", 0, 1, 1),
            ("n-0-0- n-0-1-", 2, 2, 0),
        ] {
            let lost = held(&notes, recorded, "m", moment);
            assert_eq!(
                (lost.acknowledged, lost.within, lost.beyond, lost.gaps),
                (4, count(within), count(beyond), gaps),
                "{recorded}"
            );
        }
    }
}
