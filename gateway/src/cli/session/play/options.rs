//! How a session is replayed: how fast, which pauses, and which frames.

use crate::evidence::Seen;
use clap::ValueEnum;
use gateway_core::model::time::{self, Timestamp};
use gateway_core::record::{FrameKind, body};
use serde_json::Value;
use std::time::Duration;

/// A recorded pause is replayed no longer, unless --idle says so.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// The fastest and the slowest that keys lead to.
const FASTEST: f64 = 1024.0;
const SLOWEST: f64 = 1.0 / 64.0;

/// What the command line says.
#[derive(clap::Args, Default)]
pub(in crate::cli) struct PlayArguments {
    /// How fast: real, max, or this many times as fast, such as 2x [default: real; JSON does not wait]
    #[arg(long, value_name = "real|max|Nx", value_parser = pace)]
    speed: Option<Pace>,
    /// Don't wait at all: the same as --speed max
    #[arg(long)]
    instant: bool,
    /// The longest that a recorded pause is replayed [default: 1s]
    #[arg(long, value_name = "TIME", value_parser = pause)]
    idle: Option<Duration>,
    /// Only frames of these kinds
    #[arg(long, value_enum, value_delimiter = ',', value_name = "KIND,KIND…")]
    only: Vec<Only>,
    /// Only frames that have this text, whatever its case
    #[arg(long = "match", value_name = "TEXT")]
    text: Option<String>,
    /// Only what belongs to this operation
    #[arg(long, value_name = "N")]
    operation: Option<u64>,
    /// From here on: a time of RFC 3339, or how far into the session, such as 90s
    #[arg(long, value_name = "TIME", value_parser = moment)]
    from: Option<Moment>,
    /// Up to here, which is part of it
    #[arg(long, value_name = "TIME", value_parser = moment)]
    to: Option<Moment>,
}

/// Kinds of frames that somebody may look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Only {
    /// Statements and their parameters.
    Statements,
    /// What policy said of them.
    Decisions,
    /// Rows.
    Rows,
    /// What someone should look at.
    Findings,
    /// Errors.
    Errors,
}

/// How fast.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::cli) enum Pace {
    /// Without waiting.
    Max,
    /// This many times as fast as it was.
    Times(f64),
}

/// A place in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Moment {
    /// A time.
    At(Timestamp),
    /// So far behind the first frame.
    Into(Duration),
}

/// How it is replayed.
pub(in crate::cli) struct Options {
    pub(super) pace: Pace,
    pub(super) idle: Duration,
    pub(super) filter: Filter,
}

/// Which frames are shown.
#[derive(Default)]
pub(super) struct Filter {
    only: Vec<Only>,
    text: Option<String>,
    operation: Option<u64>,
    from: Option<Moment>,
    to: Option<Moment>,
}

impl PlayArguments {
    /// How it is replayed. A machine does not want to wait, unless it says so.
    pub(in crate::cli) fn options(self, for_machines: bool) -> Options {
        let own = if for_machines { Pace::Max } else { Pace::Times(1.0) };
        let pace = if self.instant { Pace::Max } else { self.speed.unwrap_or(own) };
        let Self { idle, only, text, operation, from, to, .. } = self;
        let text = text.map(|text| text.to_lowercase());
        Options { pace, idle: idle.unwrap_or(LONGEST_PAUSE), filter: Filter { only, text, operation, from, to } }
    }
}

impl Pace {
    /// How long a pause lasts.
    pub(super) fn of(self, pause: Duration) -> Duration {
        match self {
            Self::Max => Duration::ZERO,
            Self::Times(times) => Duration::try_from_secs_f64(pause.as_secs_f64() / times).unwrap_or(Duration::MAX),
        }
    }

    /// Twice as fast, or half as fast.
    pub(super) fn changed(self, faster: bool) -> Self {
        let now = match self {
            Self::Max => FASTEST,
            Self::Times(times) => times,
        };
        Self::Times((if faster { now * 2.0 } else { now / 2.0 }).clamp(SLOWEST, FASTEST))
    }

    /// As it is written.
    pub(super) fn name(self) -> String {
        match self {
            Self::Max => "max".to_owned(),
            Self::Times(times) => format!("{times}x"),
        }
    }
}

impl Filter {
    /// Whether a frame is of the time that is shown. A clock may have been set back: what comes behind is looked at, too.
    pub(super) fn is_within(&self, time: Timestamp, first: Timestamp) -> bool {
        let early = self.from.is_some_and(|from| time < from.time(first));
        let late = self.to.is_some_and(|to| time > to.time(first));
        !early && !late
    }

    /// Whether a frame is shown, as far as its kind and its operation say.
    pub(super) fn has(&self, seen: &Seen<'_>) -> bool {
        let of_kind = self.only.is_empty() || self.only.iter().any(|only| only.is(seen));
        of_kind && self.operation.is_none_or(|wanted| operation(seen) == Some(wanted))
    }

    /// Whether it is shown, as far as what it reads like says.
    pub(super) fn reads(&self, shown: &[u8]) -> bool {
        self.text.as_ref().is_none_or(|text| String::from_utf8_lossy(shown).to_lowercase().contains(text))
    }

    /// Whether all frames are shown.
    pub(super) const fn is_open(&self) -> bool {
        self.only.is_empty() && self.text.is_none() && self.operation.is_none() && self.from.is_none() && self.to.is_none()
    }
}

impl Only {
    fn is(self, seen: &Seen<'_>) -> bool {
        match (self, seen.kind) {
            (Self::Statements, FrameKind::Statement | FrameKind::Parameters)
            | (Self::Decisions, FrameKind::Decision)
            | (Self::Rows, FrameKind::Rows)
            | (Self::Errors, FrameKind::Failed) => true,
            (Self::Findings, FrameKind::Note) => {
                let note: Value = serde_json::from_slice(seen.body).unwrap_or_default();
                matches!(note.get("what").and_then(Value::as_str), Some("finding" | "violation"))
            }
            // The connection's own decision stands in the first frame.
            (Self::Decisions, FrameKind::Opened) => true,
            (Self::Statements | Self::Decisions | Self::Rows | Self::Findings | Self::Errors, _) => false,
        }
    }
}

impl Moment {
    fn time(self, first: Timestamp) -> Timestamp {
        match self {
            Self::At(time) => time,
            Self::Into(since) => Timestamp(first.0.saturating_add(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))),
        }
    }
}

/// The operation that a frame belongs to.
fn operation(seen: &Seen<'_>) -> Option<u64> {
    match seen.kind {
        FrameKind::Statement
        | FrameKind::Parameters
        | FrameKind::Rows
        | FrameKind::Completed
        | FrameKind::Failed
        | FrameKind::Digest => body::number(seen.body).map(|(operation, _)| operation),
        FrameKind::Decision | FrameKind::Note => {
            serde_json::from_slice::<Value>(seen.body).ok()?.get("operation").and_then(Value::as_u64)
        }
        FrameKind::Opened | FrameKind::Ended => None,
    }
}

fn pace(text: &str) -> Result<Pace, String> {
    match text {
        "max" => Ok(Pace::Max),
        "real" => Ok(Pace::Times(1.0)),
        number => {
            let times = number.strip_suffix('x').unwrap_or(number).parse::<f64>().ok();
            let times = times.filter(|times| times.is_finite() && *times > 0.0);
            times.map(Pace::Times).ok_or_else(|| format!("`{text}` is no speed: write real, max, or 2x for twice as fast"))
        }
    }
}

/// `500ms`, `1.5s`, `2m`.
fn pause(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no time: write 500ms, 1.5s, 2m");
    let seconds = |text: &str, unit: f64| {
        let seconds = text.parse::<f64>().ok().filter(|seconds| *seconds >= 0.0).map(|seconds| seconds * unit);
        seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).ok_or_else(wrong)
    };
    match (text.strip_suffix("ms"), text.strip_suffix('s'), time::seconds(text)) {
        (Some(text), ..) => seconds(text, 0.001),
        (None, Some(text), _) => seconds(text, 1.0),
        (None, None, Some(whole)) => Ok(Duration::from_secs(whole)),
        (None, None, None) => Err(wrong()),
    }
}

fn moment(text: &str) -> Result<Moment, String> {
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        let nanoseconds = u64::try_from(time.as_nanosecond()).map_err(|_| format!("`{text}` is too long ago"))?;
        return Ok(Moment::At(Timestamp(nanoseconds)));
    }
    let since = text.strip_prefix('+').unwrap_or(text);
    pause(since)
        .map(Moment::Into)
        .map_err(|_| format!("`{text}` is no time: write 2026-01-31T12:00:00Z, or 90s into the session"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_and_times_are_read_as_people_write_them() {
        for (text, read) in [
            ("2x", Some(Pace::Times(2.0))),
            ("0.5", Some(Pace::Times(0.5))),
            ("max", Some(Pace::Max)),
            ("real", Some(Pace::Times(1.0))),
            ("0", None),
            ("-1x", None),
            ("fast", None),
            ("infx", None),
        ] {
            assert_eq!(pace(text).ok(), read, "{text}");
        }
        for (text, milliseconds) in
            [("500ms", Some(500)), ("1.5s", Some(1500)), ("2m", Some(120_000)), ("2", None), ("-1s", None)]
        {
            assert_eq!(pause(text).ok(), milliseconds.map(Duration::from_millis), "{text}");
        }
        assert_eq!(moment("+2s"), Ok(Moment::Into(Duration::from_secs(2))));
        assert_eq!(moment("1970-01-01T00:00:01Z"), Ok(Moment::At(Timestamp(1_000_000_000))));
        assert!(moment("soon").is_err());
        assert_eq!(Pace::Times(1.0).changed(true).changed(true).name(), "4x");
        assert_eq!(Pace::Max.of(Duration::from_secs(9)), Duration::ZERO);
    }
}
