//! The job at work: what it is told, and what it says.

use crate::{Daemon, program};
use anyhow::{Context as _, bail};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// The program at work.
pub(super) const PROGRAM: &str = "weir-control-load";
/// How long what was told may take.
const PATIENCE: Duration = Duration::from_secs(180);

pub(super) struct Load {
    child: Child,
    says: Receiver<String>,
    /// What nobody has asked for yet.
    said: Vec<String>,
}

/// What the sessions at work have done.
pub(super) struct Counts {
    pub(super) statements: u64,
    pub(super) errors: u64,
}

impl Load {
    pub(super) fn start(daemon: &Daemon, live: u32) -> anyhow::Result<Self> {
        Self::of(daemon, &program(PROGRAM), live)
    }

    /// The same of a copy: another workload.
    pub(super) fn of(daemon: &Daemon, program: &Path, live: u32) -> anyhow::Result<Self> {
        let mut job = daemon.job(&[&program.to_string_lossy(), &live.to_string()]);
        let mut child = job.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let lines = BufReader::new(child.stdout.take().context("piped")?).lines();
        let (tell, says) = channel();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| tell.send(line)));
        let mut load = Self { child, says, said: Vec::new() };
        load.until("ready", "")?;
        Ok(load)
    }

    pub(super) fn tell(&mut self, line: &str) -> anyhow::Result<()> {
        writeln!(self.child.stdin.as_mut().context("piped")?, "{line}")?;
        Ok(())
    }

    /// What it says of that name behind this word, sooner or later: what it says of others stays to be asked for.
    pub(super) fn until(&mut self, word: &str, name: &str) -> anyhow::Result<String> {
        let end = Instant::now() + PATIENCE;
        let is_it = |line: &str| {
            let (said, rest) = line.split_once(' ').unwrap_or((line, ""));
            let of = rest.split(' ').next().unwrap_or_default();
            said == word && (name.is_empty() || of == name)
        };
        loop {
            if let Some(at) = self.said.iter().position(|line| is_it(line)) {
                let line = self.said.swap_remove(at);
                let rest = line.split_once(' ').map_or("", |(_, rest)| rest);
                return Ok(rest.strip_prefix(name).unwrap_or(rest).trim().to_owned());
            }
            let left = end.saturating_duration_since(Instant::now());
            let line = self.says.recv_timeout(left).with_context(|| format!("the job does not say {word} {name}"))?;
            if ["lost ", "refused ", "slept "].iter().any(|word| line.starts_with(word)) {
                bail!("the job says: {line}");
            }
            self.said.push(line);
        }
    }

    pub(super) fn counts(&mut self) -> anyhow::Result<Counts> {
        self.tell("counts")?;
        let text = self.until("counts", "")?;
        let (statements, errors) = text.split_once(' ').context("two numbers")?;
        Ok(Counts { statements: statements.parse()?, errors: errors.parse()? })
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        self.child.wait().ok();
    }
}
