//! The daemon under test: started, killed, taken over, and asked for what it holds and what it has recorded.

use super::destination::number;
use super::{Held, RECORD, Tally};
use crate::binary;
use crate::bypass::World;
use anyhow::{Context as _, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long it may take to start, or to end in order.
const PATIENCE: Duration = Duration::from_secs(40);

/// Its configuration, state and log.
#[derive(Debug)]
pub(super) struct Home {
    directory: TempDir,
    namespace: PathBuf,
    name: String,
}

/// A daemon that serves.
#[derive(Debug)]
pub(super) struct Daemon {
    child: Child,
    pins: PathBuf,
}

impl Home {
    pub(super) fn create(attach: &Path, world: &World) -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new().prefix("weir-soak-").tempdir()?;
        let name = format!("soak-{}", std::process::id());
        let place = directory.path();
        fs::create_dir(place.join("policy.d"))?;
        fs::write(place.join("policy.d/all.cedar"), "@id(\"allow-all\") permit (principal, action, resource);\n")?;
        let jobs = format!("/{}/job-*", attach.file_name().and_then(|name| name.to_str()).context("a name")?);
        let config = format!(
            "trust_domain = \"acme.example\"\nstate_dir = \"{place}/state\"\n\n[policy]\ndir = \"{place}/policy.d\"\nmode = \"enforce\"\n\n\
             [host]\nname = \"{name}\"\nattach = \"{attach}\"\nsocket = \"{place}/host.sock\"\nexisting_connections = \"leave\"\n\
             drain_seconds = 5\n\n[[job]]\nname = \"soak\"\nmatch = {{ cgroup = \"{jobs}\" }}\n",
            place = place.display(),
            attach = attach.display(),
        );
        fs::write(place.join("weir.toml"), config)?;
        Ok(Self { directory, namespace: world.job(), name })
    }

    /// The connections that a record has.
    pub(super) fn recorded(&self) -> anyhow::Result<BTreeSet<u32>> {
        let mut list = Command::new(binary());
        list.args(["session", "list", "--format", "json", "--config"]).arg(self.config());
        let listed = list.output()?;
        ensure!(listed.status.success(), "session list: {}", String::from_utf8_lossy(&listed.stderr));
        let sessions: Vec<Value> = serde_json::from_slice(&listed.stdout)?;
        let original = |session: &Value| session["original"].as_str().and_then(|text| text.parse::<SocketAddr>().ok());
        Ok(sessions.iter().filter_map(original).filter_map(number).collect())
    }

    fn config(&self) -> PathBuf {
        self.directory.path().join("weir.toml")
    }

    fn log(&self) -> anyhow::Result<Stdio> {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.directory.path().join("weir.log"))?;
        Ok(Stdio::from(log))
    }

    fn last_words(&self) -> String {
        let text = fs::read_to_string(self.directory.path().join("weir.log")).unwrap_or_default();
        text.lines().rev().take(5).collect::<Vec<_>>().join(" | ")
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // After an orderly end there is nothing; after any other, hooks that refuse would stay.
        Command::new(binary()).args(["serve", "--clear", "--config"]).arg(self.config()).output().ok();
    }
}

impl Daemon {
    /// Starts one and waits until it says that it serves.
    pub(super) fn start(home: &Home) -> anyhow::Result<Self> {
        Self::start_while(home, || {
            std::thread::sleep(Duration::from_millis(5));
            Ok(())
        })
    }

    /// The same; `meanwhile` runs while it is waited for.
    pub(super) fn start_while(home: &Home, meanwhile: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<Self> {
        Self::start_with(home, &[], meanwhile)
    }

    fn start_with(home: &Home, flags: &[&str], mut meanwhile: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<Self> {
        let path = home.directory.path().join("notify");
        fs::remove_file(&path).ok();
        let notified = UnixDatagram::bind(&path)?;
        notified.set_nonblocking(true)?;
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", home.namespace.display())).arg(binary()).arg("serve").args(flags);
        command.arg("--config").arg(home.config());
        command.env("NOTIFY_SOCKET", &path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(home.log()?);
        let pins = Path::new("/sys/fs/bpf/weir").join(&home.name);
        let mut daemon = Self { child: command.spawn().context("nsenter")?, pins };
        let begun = Instant::now();
        let mut words = [0; 512];
        loop {
            if let Ok(length) = notified.recv(&mut words)
                && String::from_utf8_lossy(&words[..length]).contains("READY=1")
            {
                return Ok(daemon);
            }
            if let Some(status) = daemon.child.try_wait()? {
                bail!("the daemon ended with {status}: {}", home.last_words());
            }
            ensure!(begun.elapsed() < PATIENCE, "the daemon is not ready: {}", home.last_words());
            meanwhile()?;
        }
    }

    /// SIGKILL.
    pub(super) fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Starts another beside it, which takes over, and waits until this one has gone.
    pub(super) fn taken_over(mut self, home: &Home, mut meanwhile: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<Self> {
        let next = Self::start_with(home, &["--take-over"], &mut meanwhile)?;
        let begun = Instant::now();
        while self.child.try_wait()?.is_none() {
            ensure!(begun.elapsed() < PATIENCE, "the daemon that was taken over does not end: {}", home.last_words());
            meanwhile()?;
        }
        Ok(next)
    }

    /// What it holds, once that has stopped to change.
    pub(super) fn settled(&self) -> anyhow::Result<Held> {
        let begun = Instant::now();
        let mut before = self.held()?;
        loop {
            std::thread::sleep(Duration::from_millis(1500));
            let now = self.held()?;
            let still = now.descriptors == before.descriptors && now.map_entries == before.map_entries;
            if still || begun.elapsed() > PATIENCE {
                return Ok(now);
            }
            before = now;
        }
    }

    /// Ends it in order.
    pub(super) fn stop(mut self) -> anyhow::Result<()> {
        kill(self.pid()?, Signal::SIGTERM)?;
        let begun = Instant::now();
        while self.child.try_wait()?.is_none() {
            ensure!(begun.elapsed() < PATIENCE, "the daemon does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn pid(&self) -> anyhow::Result<Pid> {
        Ok(Pid::from_raw(i32::try_from(self.child.id())?))
    }

    fn held(&self) -> anyhow::Result<Held> {
        let process = Path::new("/proc").join(self.child.id().to_string());
        let mut descriptors = Tally::default();
        for descriptor in fs::read_dir(process.join("fd"))? {
            // One that was open as the directory was read may be closed by now.
            let Ok(target) = fs::read_link(descriptor?.path()) else { continue };
            descriptors.add(kind(&target.to_string_lossy()), 1);
        }
        let status = fs::read_to_string(process.join("status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).context("RssAnon")?;
        let anonymous_kb = line.trim().trim_end_matches(" kB").parse()?;
        Ok(Held { descriptors, map_entries: self.map_entries()?, anonymous_kb })
    }

    /// Entries of all pinned maps that can grow.
    fn map_entries(&self) -> anyhow::Result<Tally> {
        let mut entries = Tally::default();
        for pin in fs::read_dir(&self.pins).with_context(|| self.pins.display().to_string())?.flatten() {
            let shown = bpftool(&["map", "show", "pinned"], &pin.path());
            let kind = shown.as_ref().and_then(|map| map["type"].as_str()).unwrap_or_default();
            if matches!(kind, "hash" | "lru_hash" | "lpm_trie") {
                let dumped = bpftool(&["map", "dump", "pinned"], &pin.path()).context("bpftool dumps a map")?;
                let name = pin.file_name().to_string_lossy().into_owned();
                entries.add(name, i64::try_from(dumped.as_array().map_or(0, Vec::len))?);
            }
        }
        Ok(entries)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none())
            && let Ok(pid) = self.pid()
        {
            kill(pid, Signal::SIGTERM).ok();
            self.child.wait().ok();
        }
    }
}

/// What a descriptor is open on, as far as it is the same in each daemon.
fn kind(target: &str) -> String {
    if target.contains("/state/sessions/") {
        return RECORD.to_owned();
    }
    // A socket's or a namespace's number is another each time, and the kernel spells links in two ways.
    target.split(":[").next().unwrap_or_default().replace("bpf_link", "bpf-link")
}

/// What bpftool says of a pin, where it is a map.
fn bpftool(arguments: &[&str], pin: &Path) -> Option<Value> {
    let output = Command::new("bpftool").arg("-j").args(arguments).arg(pin).stderr(Stdio::null()).output().ok()?;
    if output.status.success() { serde_json::from_slice(&output.stdout).ok() } else { None }
}
