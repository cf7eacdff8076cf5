//! The small sections: `[policy]`, `[record]`, `[transparency]`, `[limits]`, `[capture]`, `[log]`.

use super::reader::Table;
use super::references::ca;
use crate::evidence::log::{KeyReference, Witness};
use crate::evidence::{OnFailure, Recipients};
use gateway_core::model::time;
use gateway_core::policy::{Mode, RecordLevel};
use gateway_core::record::log::VerifierKey;
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::Spanned;
use tracing_subscriber::EnvFilter;

/// `[policy]`.
#[derive(Clone, Debug, Default)]
pub struct PolicySettings {
    /// The directory of `*.cedar` files; empty for none, which permits nothing.
    pub dir: PathBuf,
    /// The directory of a second set, which decides beside the first without effect.
    pub shadow: Option<PathBuf>,
    /// The mode where neither workload nor target says another.
    pub mode: Mode,
}

/// `[record]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordSettings {
    /// What is kept of results where no policy says.
    pub results: RecordLevel,
    /// The most that is kept of one result, in bytes.
    pub result_bytes: u64,
    /// The most that is kept of one execution's parameters, in bytes.
    pub parameter_bytes: u64,
    /// What becomes of a session that can't be recorded.
    pub on_failure: OnFailure,
    /// How long frames may wait before they are written.
    pub flush: Duration,
    /// How long they may then wait for the disk; zero where they are to be there before a statement goes on.
    pub sync: Duration,
    /// Who reads the sealed layer.
    pub seal_to: Option<Recipients>,
    /// How long records are kept once they are closed; none for ever.
    pub keep: Option<Duration>,
}

/// `[transparency]`: the log of what is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransparencySettings {
    /// The key that signs it, where that is not a file of the state directory.
    pub key: Option<KeyReference>,
    /// What it is called.
    pub origin: Option<String>,
    /// How often it is signed.
    pub checkpoint: Duration,
    /// Who cosigns it.
    pub witnesses: Vec<WitnessSettings>,
}

/// `[[transparency.witness]]`: who signs that the log has only grown (c2sp.org/tlog-witness).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessSettings {
    /// Its submission prefix.
    pub url: String,
    /// Its key.
    pub key: VerifierKey,
    /// The CAs that its server's certificate may come from, instead of the system's.
    pub ca: Option<PathBuf>,
    /// How often it is asked, where the log has grown.
    pub every: Duration,
}

impl Default for TransparencySettings {
    fn default() -> Self {
        Self { key: None, origin: None, checkpoint: Duration::from_secs(5), witnesses: Vec::new() }
    }
}

/// `[limits]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long a session may take to be open.
    pub startup: Duration,
    /// How long a target may take to answer a connect.
    pub dial: Duration,
    /// How many sessions may be live.
    pub max_sessions: usize,
    /// Bytes that a statement's text may have.
    pub statement_bytes: usize,
}

impl Default for RecordSettings {
    fn default() -> Self {
        Self {
            results: RecordLevel::First(100),
            result_bytes: 1 << 20,
            parameter_bytes: 4096,
            on_failure: OnFailure::Stop,
            flush: Duration::from_millis(200),
            sync: Duration::from_secs(1),
            seal_to: None,
            keep: None,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { startup: Duration::from_secs(30), dial: Duration::from_secs(10), max_sessions: 10_000, statement_bytes: 16 << 20 }
    }
}

impl RecordSettings {
    /// Whether a record keeps a digest of each result: as the deciding policies say, else as here.
    #[must_use]
    pub fn digests(&self, decided: Option<RecordLevel>) -> bool {
        decided.unwrap_or(self.results) == RecordLevel::Digest
    }

    /// How many rows and bytes of each result a record keeps: as the deciding policies say, else as here.
    #[must_use]
    pub fn result_limits(&self, decided: Option<RecordLevel>) -> (u64, u64) {
        match decided.unwrap_or(self.results) {
            RecordLevel::None | RecordLevel::Count | RecordLevel::Digest => (0, 0),
            RecordLevel::First(rows) => (rows, self.result_bytes),
            RecordLevel::All => (u64::MAX, u64::MAX),
        }
    }
}

pub(super) fn policy(mut table: Table<'_, '_>, directory: &Path) -> PolicySettings {
    let dir = table.text("dir").map(|dir| directory.join(dir.get_ref())).unwrap_or_default();
    let shadow = table.text("shadow").map(|dir| directory.join(dir.get_ref()));
    let mode = mode(&mut table).unwrap_or_default();
    table.end();
    PolicySettings { dir, shadow, mode }
}

/// `mode`, wherever it may stand.
pub(super) fn mode(table: &mut Table<'_, '_>) -> Option<Mode> {
    let hint = "\"observe\" refuses nothing and marks what it would refuse; \"enforce\" refuses";
    table.parsed("mode", hint, |text| match text {
        "observe" => Some(Mode::Observe),
        "enforce" => Some(Mode::Enforce),
        _ => None,
    })
}

pub(super) fn record(mut table: Table<'_, '_>) -> RecordSettings {
    let default = RecordSettings::default();
    let hint = "\"stop\" ends a session that can't be recorded; \"continue\" lets it go on";
    let settings = RecordSettings {
        results: table
            .parsed("results", "none, count, digest, first:N or all", |text| text.parse().ok())
            .unwrap_or(default.results),
        result_bytes: table.number("result_bytes", 0, 1 << 40).unwrap_or(default.result_bytes),
        parameter_bytes: table.number("parameter_bytes", 0, 1 << 30).unwrap_or(default.parameter_bytes),
        on_failure: table
            .parsed("on_failure", hint, |text| match text {
                "stop" => Some(OnFailure::Stop),
                "continue" => Some(OnFailure::Continue),
                _ => None,
            })
            .unwrap_or(default.on_failure),
        flush: table.number("flush_ms", 1, 60_000).map_or(default.flush, Duration::from_millis),
        sync: table.number("sync_ms", 0, 60_000).map_or(default.sync, Duration::from_millis),
        seal_to: seal_to(&mut table),
        keep: table.parsed("keep", "how long records are kept: \"36h\" or \"90d\"; for ever where it is not set", |text| {
            time::seconds(text).map(Duration::from_secs)
        }),
    };
    table.end();
    settings
}

fn seal_to(table: &mut Table<'_, '_>) -> Option<Recipients> {
    let texts = table.texts("seal_to")?;
    let mut right = Vec::new();
    for text in texts {
        match Recipients::parse(&[text.get_ref()]) {
            Ok(_) => right.push(text.into_inner()),
            Err(error) => {
                table.problem_at(text.span(), format!("`seal_to`: {error}"), "public keys of age: seal_to = [\"age1…\"]");
            }
        }
    }
    Recipients::parse(&right).ok().filter(|_| !right.is_empty())
}

pub(super) fn transparency(mut table: Table<'_, '_>, directory: &Path) -> TransparencySettings {
    let default = TransparencySettings::default();
    let settings = TransparencySettings {
        key: table.parsed("key", "file:/absolute/path, tpm:0x81010001 or command:/absolute/path", |text| text.parse().ok()),
        origin: table.parsed("origin", "a name without spaces and `+`: \"acme.example/weir/ci-7\"", |text| {
            let fit =
                !text.is_empty() && text.len() <= 200 && !text.contains(|letter: char| letter.is_whitespace() || letter == '+');
            fit.then(|| text.to_owned())
        }),
        checkpoint: table.number("checkpoint_seconds", 1, 3600).map_or(default.checkpoint, Duration::from_secs),
        witnesses: table.tables("witness").into_iter().filter_map(|table| witness(table, directory)).collect(),
    };
    table.end();
    settings
}

fn witness(mut table: Table<'_, '_>, directory: &Path) -> Option<WitnessSettings> {
    let hint = "its submission prefix: url = \"https://witness.example/weir\"";
    let fits = |text: &str| Witness::is_address(text).then(|| text.to_owned());
    let url = table.parsed("url", hint, fits);
    let url = table.required("url", url, hint);
    let hint = "its key as it publishes it: key = \"witness.example/w1+0123abcd+BA…\"";
    let key = table.parsed("key", hint, |text| text.parse().ok());
    let key = table.required("key", key, hint);
    let ca = ca(&mut table, directory);
    let every = table.number("every_seconds", 1, 86_400).map_or(Duration::from_secs(60), Duration::from_secs);
    table.end();
    Some(WitnessSettings { url: url?, key: key?, ca, every })
}

pub(super) fn limits(mut table: Table<'_, '_>) -> Limits {
    let default = Limits::default();
    let limits = Limits {
        startup: table.number("startup_seconds", 1, 3600).map_or(default.startup, Duration::from_secs),
        dial: table.number("dial_seconds", 1, 3600).map_or(default.dial, Duration::from_secs),
        max_sessions: table.number("max_sessions", 1, 1_000_000).unwrap_or(default.max_sessions),
        statement_bytes: table.number("statement_bytes", 1 << 10, 32 << 20).unwrap_or(default.statement_bytes),
    };
    table.end();
    limits
}

pub(super) fn capture(mut table: Table<'_, '_>) -> bool {
    let kernel_log = table.flag("kernel_log").unwrap_or(false);
    table.end();
    kernel_log
}

pub(super) fn log(mut table: Table<'_, '_>) -> Option<Spanned<String>> {
    let level = table.text("level").filter(|level| {
        let good = filter(level.get_ref());
        if !good {
            let hint = "error, warn, info, debug, trace, off, or a filter such as \"warn,weir=debug\"";
            table.problem_at(level.span(), format!("`level` can't be {:?}", level.get_ref()), hint);
        }
        good
    });
    table.end();
    level
}

/// A word alone has to be a level: a filter would take a misspelt one for the name of a module.
fn filter(text: &str) -> bool {
    let level = |word: &str| ["off", "error", "warn", "info", "debug", "trace"].contains(&word);
    let words = || text.split(',').map(str::trim);
    words().all(|word| word.contains('=') || level(word)) && EnvFilter::builder().parse(text).is_ok()
}
