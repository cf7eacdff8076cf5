//! Jobs: each a cgroup of its own that a rule matches, a process that connects a few times, and sometimes a sudden end.

use super::Options;
use super::destination::of;
use crate::bypass::World;
use crate::chance::Chance;
use anyhow::Context as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How many may live at once.
const MOST: usize = 40;
/// How long one may live.
const LIFE: Duration = Duration::from_secs(8);

/// What has been started.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Started {
    pub(super) jobs: u32,
    pub(super) connections: u32,
    pub(super) killed: u32,
}

/// All jobs that live.
#[derive(Debug)]
pub(super) struct Jobs {
    namespace: PathBuf,
    attach: PathBuf,
    program: PathBuf,
    every: Duration,
    next: Instant,
    alive: Vec<Job>,
    started: Started,
}

#[derive(Debug)]
struct Job {
    child: Child,
    cgroup: PathBuf,
    /// When it is killed, where it has not ended before.
    until: Instant,
}

impl Jobs {
    pub(super) fn new(world: &World, attach: &Path, program: &Path, rate: u32) -> Self {
        let every = Duration::from_secs(1) / rate.max(1);
        Self {
            namespace: world.job(),
            attach: attach.to_owned(),
            program: program.to_owned(),
            every,
            next: Instant::now(),
            alive: Vec::new(),
            started: Started::default(),
        }
    }

    /// Starts a job where it is time to, and takes away those that have ended; waits a little.
    pub(super) fn tick(&mut self, chance: &mut Chance) -> anyhow::Result<()> {
        self.reap()?;
        if Instant::now() < self.next {
            std::thread::sleep(Duration::from_millis(5));
            return Ok(());
        }
        // What could not be started in time is made up for, a little.
        self.next = (self.next + self.every).max(Instant::now() - self.every * 20);
        if self.alive.len() >= MOST {
            return Ok(());
        }
        let cgroup = self.attach.join(format!("job-{}", self.started.jobs));
        std::fs::create_dir(&cgroup).context("root may make a cgroup")?;
        let connections = u32::try_from(1 + chance.below(2)).unwrap_or(1);
        let enter = format!("echo 0 > {}/cgroup.procs && exec \"$@\"", cgroup.display());
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", self.namespace.display())).args(["sh", "-c", &enter, "job"]);
        command.arg(&self.program).args(["dial", &self.started.connections.to_string(), &connections.to_string()]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().context("nsenter")?;
        // Every fourth dies where it stands.
        let life = if chance.below(4) == 0 { Duration::from_millis(chance.below(120)) } else { LIFE };
        self.alive.push(Job { child, cgroup, until: Instant::now() + life });
        self.started.jobs += 1;
        self.started.connections += connections;
        Ok(())
    }

    /// Waits for all that live.
    pub(super) fn end(&mut self) -> anyhow::Result<Started> {
        let until = Instant::now() + LIFE * 2;
        while !self.alive.is_empty() && Instant::now() < until {
            self.reap()?;
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(self.started)
    }

    fn reap(&mut self) -> anyhow::Result<()> {
        let now = Instant::now();
        for job in &mut self.alive {
            if now > job.until {
                // Of the whole cgroup, as a runner would.
                std::fs::write(job.cgroup.join("cgroup.kill"), "1").context("cgroup.kill")?;
                job.child.kill().ok();
                self.started.killed += 1;
                job.until = now + LIFE;
            }
        }
        let mut kept = Vec::new();
        for mut job in std::mem::take(&mut self.alive) {
            // A process that was killed on its way in may still be leaving.
            if job.child.try_wait()?.is_none() || std::fs::remove_dir(&job.cgroup).is_err() {
                kept.push(job);
            }
        }
        self.alive = kept;
        Ok(())
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        for job in &mut self.alive {
            std::fs::write(job.cgroup.join("cgroup.kill"), "1").ok();
            job.child.kill().ok();
            job.child.wait().ok();
            std::fs::remove_dir(&job.cgroup).ok();
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self { seconds: 600, rate: 20, seed: 0x5eed }
    }
}

/// Inside a job: connects `count` times, from connection `first` on. Whether it gets through is the target's to say.
pub fn dial(first: u32, count: u32) {
    for number in first..first.saturating_add(count) {
        let Ok(mut stream) = TcpStream::connect_timeout(&of(number), Duration::from_secs(2)) else { continue };
        stream.set_read_timeout(Some(Duration::from_secs(2))).ok();
        if stream.write_all(format!("soak {number}").as_bytes()).is_ok() {
            // The target says two bytes.
            stream.read_exact(&mut [0; 2]).ok();
        }
    }
}
