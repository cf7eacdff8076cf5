//! A disk with a state directory on it, and gateways that die there again and again.

use super::job::{noted, unix};
use super::point::{Came, How, Lost, Moment, held};
use super::stall::Stall;
use crate::cgroup::remove_left_cgroups;
use crate::chance::Chance;
use crate::power::{Disk, Loss, Names};
use crate::{Job, Outcome, Postgres, Weir, wait_until};
use anyhow::{Context as _, ensure};
use nix::sys::signal::Signal;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

/// `record.sync_ms`, where the configuration says nothing.
const DEFAULT_SYNC_MS: u64 = 1000;

/// Files that are synced one after the other, where a disk takes its time: of two sessions, and a log.
const SYNCS: u32 = 4;

/// How a lane's gateways and its disk are set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    pub(super) flush_ms: u64,
    /// None: the configuration does not say.
    pub(super) sync_ms: Option<u64>,
    pub(super) names: Names,
    /// How long the disk takes to sync.
    pub(super) sync_takes: Duration,
    /// How many gateways share the state directory.
    pub(super) gateways: u32,
}

/// One disk's.
pub(super) struct Lane<'s> {
    setting: Setting,
    // Before what it is mounted at.
    disk: Disk,
    weir: Weir,
    program: &'s Path,
    /// For the job's notes: no power is cut there.
    folder: TempDir,
    /// Sessions of the points before.
    seen: BTreeSet<String>,
    /// What of this point's jobs went on without its gateway.
    outlived: Vec<String>,
}

impl Setting {
    pub(super) fn by_chance(sync_ms: Option<u64>, names: Names, chance: &mut Chance) -> Self {
        let one = |chance: &mut Chance, of: &[u64]| of.get(usize::try_from(chance.below(of.len() as u64)).unwrap_or(0)).copied();
        Self {
            flush_ms: one(chance, &[10, 50, 200]).unwrap_or(50),
            sync_ms,
            names,
            sync_takes: Duration::from_millis(one(chance, &[0, 0, 3, 15]).unwrap_or(0)),
            gateways: 1 + u32::from(chance.below(3) == 0),
        }
    }

    /// What a kill may cost at most, and a power cut: so much of what was answered last.
    pub(super) fn window(&self, how: How) -> Duration {
        let sync = match (self.sync_ms, how.cuts_power()) {
            (Some(0), _) => return Duration::ZERO,
            (sync, true) => Duration::from_millis(sync.unwrap_or(DEFAULT_SYNC_MS)) + self.sync_takes * SYNCS,
            // Of a file that is being synced no other page is written meanwhile: FUSE, which this disk is of, holds its lock.
            (_, false) => self.sync_takes,
        };
        Duration::from_millis(2 * self.flush_ms) + sync
    }
}

impl<'s> Lane<'s> {
    /// A new disk, on which a gateway has run once, a while ago.
    pub(super) fn begin(server: &Postgres, setting: Setting, program: &'s Path) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("weir-crash-").tempdir()?;
        let place = folder.path().join("disk");
        std::fs::create_dir(&place)?;
        let disk = Disk::mount(&place, setting.names, setting.sync_takes)?;
        let sync = setting.sync_ms.map(|sync| format!("sync_ms = {sync}\n")).unwrap_or_default();
        let record = format!("[record]\nflush_ms = {}\n{sync}", setting.flush_ms);
        let weir = Weir::for_server(server).state_dir(&place.join("state")).extra(&record).build();
        let lane = Self { setting, disk, weir, program, folder, seen: BTreeSet::new(), outlived: Vec::new() };
        lane.succeed(lane.weir.run(&["true"])).context("a first job")?;
        lane.disk.settle();
        Ok(lane)
    }

    /// Gateways die, once or twice; what is there afterwards.
    pub(super) fn point(&mut self, number: u32, chance: &mut Chance) -> anyhow::Result<Came> {
        let how = How::by_chance(chance);
        let window = self.setting.window(how);
        let stall = Stall::watch();
        let jobs = (0..self.setting.gateways).map(|gateway| self.start(number, gateway)).collect::<anyhow::Result<Vec<_>>>()?;
        // Long enough that something was answered before the window, as a rule.
        let longest = u64::try_from(window.as_micros()).unwrap_or(0) * 3 / 2 + 300_000;
        let after = Duration::from_micros(chance.below(longest));
        thread::sleep(after);
        let cut = self.end(how, jobs, chance)?;
        let late = stall.late();
        if how == How::PowerTwice {
            // The next gateway, which closes what was left open, dies over it.
            let next = self.weir.start(&["true"]);
            thread::sleep(Duration::from_micros(chance.below(700_000)));
            self.end(how, vec![next], chance)?;
        }
        self.succeed(self.weir.run(&["true"])).context("a gateway after the crash")?;
        let verified = self.weir.cli(&["audit", "verify", "--format", "json"]);
        let verify = (verified.status != Some(0)).then(|| problems(&verified));
        let recorded = self.recorded()?;
        let moment = Moment { cut, window: window + if self.setting.sync_ms == Some(0) { Duration::ZERO } else { late } };
        let mut lost = Lost::default();
        for gateway in 0..self.setting.gateways {
            let notes = noted(&self.notes(number, gateway))?;
            ensure!(!notes.is_empty(), "no statement was answered");
            lost.add(&held(&notes, &recorded, &mark(number, gateway), moment));
        }
        Ok(Came { number, how, setting: self.setting, after, late, verify, lost, outlived: std::mem::take(&mut self.outlived) })
    }

    /// A gateway whose job asks, once it has been answered for the first time.
    fn start(&self, number: u32, gateway: u32) -> anyhow::Result<Job> {
        let (notes, mark) = (self.notes(number, gateway), mark(number, gateway));
        let text = |path: &Path| path.to_str().map(str::to_owned).context("a UTF-8 path");
        let (program, path) = (text(self.program)?, text(&notes)?);
        let mut job = self.weir.start(&[&program, "job", "--notes", &path, "--mark", &mark, "--connections", "2"]);
        let answered = || notes.metadata().is_ok_and(|about| about.len() > 0).then_some(true);
        let begun = wait_until("a statement to be answered", 60, || answered().or_else(|| (!job.lives()).then_some(false)));
        if !begun {
            let Outcome { stdout, stderr, .. } = job.wait();
            anyhow::bail!("the job ended before it was answered: {stdout}{stderr}");
        }
        Ok(job)
    }

    /// Ends gateways without a warning; when that was.
    fn end(&mut self, how: How, jobs: Vec<Job>, chance: &mut Chance) -> anyhow::Result<u64> {
        let at = if how.cuts_power() { self.disk.power_off() } else { SystemTime::now() };
        for job in &jobs {
            job.signal(Signal::SIGKILL);
        }
        for job in jobs {
            let pid = job.pid();
            job.wait();
            if let Err(running) = remove_left_cgroups(pid) {
                self.outlived.push(running);
            }
        }
        if how.cuts_power() {
            let loss =
                if how == How::Power && chance.below(3) == 0 { Loss::All } else { Loss::Torn { gone: 1 + chance.below(4) } };
            self.disk.power_on(loss, chance.below(u64::MAX))?;
        }
        Ok(unix(at))
    }

    /// The texts of the sessions that are new, in one.
    fn recorded(&mut self) -> anyhow::Result<String> {
        let mut all = String::new();
        for session in self.weir.sessions() {
            let id = session["session"].as_str().context("an id is text")?.to_owned();
            if self.seen.insert(id.clone()) {
                // A record that can't be played has lost all that it held: verify tells of it.
                all.push_str(&self.weir.cli(&["session", "play", &id, "--instant", "--format", "json"]).stdout);
            }
        }
        Ok(all)
    }

    fn notes(&self, number: u32, gateway: u32) -> PathBuf {
        self.folder.path().join(format!("notes-{number}-{gateway}"))
    }

    fn succeed(&self, outcome: Outcome) -> anyhow::Result<()> {
        ensure!(outcome.status == Some(0), "{}{}", outcome.stdout, outcome.stderr);
        Ok(())
    }
}

fn mark(number: u32, gateway: u32) -> String {
    format!("p{number}g{gateway}")
}

/// What `weir audit verify` found, without what it found in order.
fn problems(verified: &Outcome) -> String {
    let Ok(mut found) = serde_json::from_str::<Value>(&verified.stdout) else {
        return format!("{}{}", verified.stdout, verified.stderr);
    };
    if let Some(sessions) = found.get_mut("sessions").and_then(Value::as_array_mut) {
        sessions.retain(|session| session["problems"].as_array().is_none_or(|problems| !problems.is_empty()));
    }
    found.to_string()
}
