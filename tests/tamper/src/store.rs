//! Stores of evidence to be tampered with: of real sessions through a real server, of a second host, and one of a long log.

use crate::blocks::{Placed, placed};
use crate::place::Place;
use anyhow::{Context as _, ensure};
use gateway_core::model::ids::{RunId, SessionId};
use gateway_core::record::log::tile::{Kind, Tile};
use gateway_core::record::log::{Entry, SignedCheckpoint, SigningKey, VerifierKey};
use gateway_core::record::{FrameBuffer, FrameKind, Hash};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;
use weir::evidence::files;
use weir::evidence::log::{Log, Signer};
use weir::evidence::{EvidenceSettings, Store, now};
use weir_tests::{Postgres, Weir};
use zeroize::Zeroizing;

/// What of a state directory is evidence: the rest is no matter here.
const EVIDENCE: [&str; 6] = ["sessions", "policies", "log", "log.pub", "ledger.db", "ledger.pub"];
/// Entries of the long log, each time that it was signed.
const ENTRIES: [u64; 4] = [300, 700, 900, 905];
/// So large is a segment of the records that have several.
const SEGMENT: u64 = 2500;

/// Files by their path below the state directory.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// A store as it was written.
pub(crate) struct Base {
    pub(crate) name: &'static str,
    /// Where it lies; nobody changes it.
    pub(crate) directory: PathBuf,
    pub(crate) files: Files,
    /// By session: its blocks in their order.
    pub(crate) records: BTreeMap<SessionId, Vec<Placed>>,
    /// Who signs its log.
    pub(crate) key: SigningKey,
    /// Its last checkpoint, as it left the host.
    pub(crate) checkpoint: Vec<u8>,
}

/// All that tampering needs.
pub(crate) struct Stores {
    pub(crate) records: Base,
    /// The same when it had half of its records.
    pub(crate) older: Base,
    /// Of another host; the first two of its records have names that `records` has too.
    pub(crate) other: Base,
    pub(crate) log: Base,
    _folder: TempDir,
}

impl Stores {
    pub(crate) fn build() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("weir-tamper-").tempdir()?;
        let place = |name: &str| folder.path().join(name);
        let server = Postgres::start();
        let weir = Weir::for_server(&server).extra("[record]\nflush_ms = 5\n").build();
        let state = weir.directory().join("state");
        work(&weir, 4)?;
        decide(&weir)?;
        let older = Base::keep("older", &state, &place("older"))?;
        work(&weir, 3)?;
        decide(&weir)?;
        let names: Vec<SessionId> = (0..4).map(|number| SessionId::new(now(), number)).collect();
        for name in &names[..3] {
            write(&state, *name, 'a')?;
        }
        let records = Base::keep("records", &state, &place("records"))?;
        let elsewhere = place("elsewhere");
        for name in [names[0], names[1], names[3]] {
            write(&elsewhere, name, 'b')?;
        }
        let other = Base::keep("other", &elsewhere, &place("other"))?;
        let long = place("long");
        long_log(&long)?;
        let log = Base::keep("log", &long, &place("log"))?;
        Ok(Self { records, older, other, log, _folder: folder })
    }

    pub(crate) fn all(&self) -> [&Base; 4] {
        [&self.records, &self.older, &self.other, &self.log]
    }
}

impl Base {
    /// Copies the evidence of a state directory.
    fn keep(name: &'static str, state: &Path, directory: &Path) -> anyhow::Result<Self> {
        // All of its log is signed.
        let key = fs::read_to_string(state.join("log.key")).with_context(|| format!("{}: log.key", state.display()))?;
        let key = SigningKey::from_text(key.trim_end())?;
        Log::open(state, Signer::of(SigningKey::from_text(&key.to_text())?))?.checkpoint_now()?;
        fs::create_dir_all(directory)?;
        for part in EVIDENCE {
            copy(&state.join(part), &directory.join(part))?;
        }
        if directory.join("ledger.db").exists() {
            // One file, not three.
            let database = rusqlite::Connection::open(directory.join("ledger.db"))?;
            database.pragma_update(None, "journal_mode", "DELETE")?;
        }
        spare(directory)?;
        let files = read(directory)?;
        let mut records: BTreeMap<SessionId, Vec<Placed>> = BTreeMap::new();
        for (path, name) in files::all(directory)? {
            let (session, segment) = name.with_context(|| path.display().to_string())?;
            records.entry(session).or_default().extend(placed(segment, &fs::read(&path)?)?);
        }
        records.values_mut().for_each(|blocks| blocks.sort_by_key(|block| block.number));
        let checkpoint = files.get("log/checkpoint").cloned().context("the log has a checkpoint")?;
        Ok(Self { name, directory: directory.to_owned(), files, records, key, checkpoint })
    }

    pub(crate) fn keys(&self) -> Vec<VerifierKey> {
        vec![self.key.verifier().clone()]
    }

    pub(crate) fn path(session: SessionId, segment: u32) -> String {
        if segment == 0 { format!("sessions/{session}.weir") } else { format!("sessions/{session}.{segment:04}.weir") }
    }

    /// The segments' bytes of a record.
    pub(crate) fn segments(&self, session: SessionId) -> Vec<&[u8]> {
        (0..).map_while(|segment| self.files.get(&Self::path(session, segment)).map(Vec::as_slice)).collect()
    }

    /// The session and the segment that a file is of.
    pub(crate) fn session_of(path: &str) -> Option<(SessionId, u32)> {
        let stem = path.strip_prefix("sessions/")?.strip_suffix(".weir")?;
        match stem.split_once('.') {
            None => Some((stem.parse().ok()?, 0)),
            Some((session, segment)) => Some((session.parse().ok()?, segment.parse().ok()?)),
        }
    }

    /// Where in a record the bytes of one of its files are: its header, or blocks. What is put behind all of them is at its last.
    pub(crate) fn place(&self, session: SessionId, segment: u32, bytes: std::ops::Range<usize>) -> Place {
        let all = self.records.get(&session).map(Vec::as_slice).unwrap_or_default();
        let mut here = all.iter().filter(|block| block.segment == segment);
        let hit = |block: &&Placed| block.bytes.start < bytes.end.max(bytes.start + 1) && bytes.start < block.bytes.end;
        let hits: Vec<u64> = here.clone().filter(hit).map(|block| block.number).collect();
        match (hits.first(), hits.last()) {
            (Some(first), Some(last)) => Place::Blocks(session, *first, *last),
            _ if bytes.start < 16 => Place::Segment(session, segment),
            _ => here.next_back().map_or(Place::Record(session), |last| Place::Blocks(session, last.number, last.number + 1)),
        }
    }

    /// The place of all blocks of a segment.
    pub(crate) fn whole_segment(&self, session: SessionId, segment: u32) -> Place {
        self.place(session, segment, 16..usize::MAX)
    }
}

/// Jobs of a few statements each.
fn work(weir: &Weir, jobs: u32) -> anyhow::Result<()> {
    for number in 0..jobs {
        let each = |n: u32| format!("SELECT {n}, repeat('{number}', 40), md5('{n}');\nSELECT pg_sleep(0.03);\n");
        let script = weir.script(&format!("work-{number}.sql"), &(0..6).map(each).collect::<String>());
        let ran = weir.run(&["psql", "-XAtqf", script.to_str().context("a path")?]);
        ensure!(ran.status == Some(0), "{}", ran.stderr);
    }
    Ok(())
}

/// What people decide while a gateway is there to record it.
fn decide(weir: &Weir) -> anyhow::Result<()> {
    let job = weir.start(&["psql", "-XAtc", "SELECT pg_sleep(600)"]);
    weir.live_job();
    let blocked = weir.cli(&["block", "add", "--target", "other", "--reason", "a test", "--format", "json"]);
    ensure!(blocked.status == Some(0), "{}", blocked.stderr);
    let blocks: Value = serde_json::from_str(&weir.cli(&["block", "list", "--format", "json"]).stdout)?;
    let id = blocks[0]["id"].as_str().context("a block has an id")?.to_owned();
    let removed = weir.cli(&["block", "remove", &id, "--reason", "over"]);
    ensure!(removed.status == Some(0), "{}", removed.stderr);
    job.signal(Signal::SIGTERM);
    job.wait();
    Ok(())
}

/// A record of several segments, each of several blocks.
fn write(state: &Path, session: SessionId, letter: char) -> anyhow::Result<()> {
    let settings = EvidenceSettings { flush: Duration::from_millis(1), segment_bytes: SEGMENT, ..EvidenceSettings::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let store = Store::open(state, settings)?;
    runtime.block_on(async {
        let recorder = store.begin(session, RunId::from_number(1), &json!({"target": "db", "run": "r", "pid": 1}))?;
        let mut frames = FrameBuffer::default();
        for number in 0..36u64 {
            frames.push(now(), FrameKind::Statement, |body| {
                body.extend_from_slice(&number.to_le_bytes());
                body.extend_from_slice(format!("QSELECT {number}, '{}'", unlike(letter, number)).as_bytes());
            });
            recorder.submit(&mut frames).map_err(|failed| anyhow::anyhow!("{failed:?}"))?;
            tokio::time::sleep(Duration::from_millis(4)).await;
        }
        recorder.close(&json!({"reason": "client"})).await.map_err(|failed| anyhow::anyhow!("{failed:?}"))?;
        anyhow::Ok(())
    })
}

/// Text that does not compress to nothing.
fn unlike(letter: char, number: u64) -> String {
    (0..3).map(|part| Hash::default().next(format!("{letter}{number}{part}").as_bytes()).to_string()).collect()
}

/// Nothing but a log, of several bundles.
fn long_log(state: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(state)?;
    let key = SigningKey::from_seed("weir.example/log", &Zeroizing::new([7; 32]))?;
    fs::write(state.join("log.key"), format!("{}\n", *key.to_text()))?;
    let log = Log::open(state, Signer::of(key))?;
    let entry = |number: u64| Entry::Note {
        at: 1_000_000_000 + number * 1_000_000,
        by: "somebody".to_owned(),
        kind: "note".to_owned(),
        details: json!({ "number": number }),
    };
    let mut first = 0;
    for size in ENTRIES {
        let entries: Vec<Entry> = (first..size).map(entry).collect();
        log.locked(|log| log.append(&entries))?;
        first = size;
        log.checkpoint_now()?;
    }
    Ok(())
}

/// Leaves out the partial tiles of checkpoints before the last: they are kept a while for who reads, and removed by whoever
/// signs. That one is not there says nothing.
fn spare(directory: &Path) -> anyhow::Result<()> {
    let signed = SignedCheckpoint::parse(&fs::read(directory.join("log/checkpoint"))?)?;
    let size = signed.checkpoint().size;
    let needed: Vec<Tile> = Tile::edge(size).chain(Tile::rightmost(Kind::Entries, size)).collect();
    for path in read(directory)?.keys() {
        let tile = path.strip_prefix("log/").and_then(Tile::parse);
        if tile.is_some_and(|tile| !tile.is_full() && !needed.contains(&tile)) {
            fs::remove_file(directory.join(path))?;
        }
    }
    Ok(())
}

fn read(directory: &Path) -> anyhow::Result<Files> {
    let mut files = Files::new();
    let mut open = vec![directory.to_owned()];
    while let Some(place) = open.pop() {
        for entry in fs::read_dir(&place)? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(directory)?.to_str().context("a UTF-8 path")?.to_owned();
                files.insert(name, fs::read(&path)?);
            }
        }
    }
    Ok(files)
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    if from.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let path = entry?.path();
            copy(&path, &to.join(path.file_name().context("a name")?))?;
        }
    } else if from.is_file() {
        fs::copy(from, to)?;
        for beside in ["-wal", "-shm"] {
            let beside = |path: &Path| PathBuf::from(format!("{}{beside}", path.display()));
            if beside(from).is_file() {
                fs::copy(beside(from), beside(to))?;
            }
        }
    }
    Ok(())
}
