//! The gateway's side of a running job: passes signals on, hands the terminal over, waits.

use super::spawn::{Job, Started};
use super::terminal::{self, Standing};
use super::{Cgroup, LaunchError, Result};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, kill, killpg};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::{Pid, getpgrp, getpid};
use std::io::Read as _;
use std::os::fd::AsFd as _;
use std::os::unix::process::ExitStatusExt as _;

/// What is passed on to the job.
pub(super) fn forwarded() -> SigSet {
    use Signal::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
    [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2].into_iter().collect()
}

/// What init tells the gateway: two bytes each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Report {
    /// The job was stopped, by its terminal for one.
    Stopped,
    /// The job has ended with this status; what it has started may still run.
    Ended(u8),
}

impl Report {
    pub(super) const fn bytes(self) -> [u8; 2] {
        match self {
            Self::Stopped => [b's', 0],
            Self::Ended(code) => [b'e', code],
        }
    }

    const fn parse(bytes: [u8; 2]) -> Option<Self> {
        match bytes {
            [b's', _] => Some(Self::Stopped),
            [b'e', code] => Some(Self::Ended(code)),
            _ => None,
        }
    }
}

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its exit status; 128 and the signal's number where one ended it.
    pub code: u8,
    /// How many processes it left running.
    pub left: usize,
}

/// What is passed on to a job waits from here on, until there is one.
pub struct Launcher {
    signals: SignalFd,
}

impl Launcher {
    /// To be made before this process has another thread: each inherits that these signals are blocked.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn new() -> Result<Self> {
        let failed = |errno| LaunchError::system("the signals can't be waited for", errno);
        let set = forwarded();
        set.thread_block().map_err(failed)?;
        let signals = SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK).map_err(failed)?;
        Ok(Self { signals })
    }

    /// One line on what the job will get.
    #[must_use]
    pub fn describe(&self, job: &Job) -> String {
        job.describe()
    }

    /// Runs the job to its end. What it left behind runs on only until this returns, `cgroup` says where.
    ///
    /// # Errors
    /// Where it could not be started as planned: then it did not run.
    pub fn run(&self, job: &Job, cgroup: &Cgroup) -> Result<Ended> {
        // A pid namespace is of the thread that asks for it, and so is what ends the job with its gateway.
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().name("weir-launch".to_owned()).spawn_scoped(scope, || {
                let started = job.start()?;
                self.supervise(started, cgroup)
            });
            let thread = thread.map_err(|error| LaunchError::system("a thread can't be started", error))?;
            let gone = || LaunchError::system("the job's thread has panicked", std::io::Error::from(std::io::ErrorKind::Other));
            thread.join().map_err(|_| gone())?
        })
    }

    fn supervise(&self, mut started: Started, cgroup: &Cgroup) -> Result<Ended> {
        let init = Pid::from_raw(i32::try_from(started.child.id()).unwrap_or(i32::MAX));
        let mut told = None;
        while told.is_none() {
            let (signalled, reported) = self.poll(&started)?;
            if signalled {
                self.pass_on(init);
            }
            if !reported {
                continue;
            }
            let mut bytes = [0; 2];
            // An init that has gone without a word has said why itself.
            if started.report.read_exact(&mut bytes).is_err() {
                break;
            }
            match Report::parse(bytes) {
                Some(Report::Ended(code)) => told = Some(code),
                Some(Report::Stopped) => stop_too(started.standing, init),
                None => {}
            }
        }
        // Init itself is in the cgroup too.
        let left = if told.is_some() { cgroup.processes().saturating_sub(1) } else { 0 };
        drop(started.life);
        let status = started.child.wait().map_err(|error| LaunchError::system("the job can't be waited for", error))?;
        if started.standing == Standing::Interactive
            && let Err(error) = terminal::give_to(getpgrp())
        {
            tracing::debug!(%error, "the terminal could not be taken back");
        }
        let code = told.map(i32::from).or_else(|| status.code()).or_else(|| status.signal().map(|signal| 128 + signal));
        Ok(Ended { code: code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1), left })
    }

    /// Waits until a signal or a report has come.
    fn poll(&self, started: &Started) -> Result<(bool, bool)> {
        let mut waited =
            [PollFd::new(self.signals.as_fd(), PollFlags::POLLIN), PollFd::new(started.report.as_fd(), PollFlags::POLLIN)];
        match poll(&mut waited, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(LaunchError::system("the job can't be waited for", errno)),
        }
        let [signals, report] = waited;
        Ok((signals.any().unwrap_or(false), report.any().unwrap_or(false)))
    }

    /// One from the terminal has reached the job too: it is not to have it twice.
    fn pass_on(&self, init: Pid) {
        while let Ok(Some(signal)) = self.signals.read_signal() {
            let number = i32::try_from(signal.ssi_signo).unwrap_or(0);
            if signal.ssi_code <= 0
                && let Ok(signal) = Signal::try_from(number)
                && let Err(error) = kill(init, signal)
            {
                tracing::warn!(%error, %signal, "cannot pass the signal on to the job");
            }
        }
    }
}

/// The job was stopped: so that the caller's shell sees it, this process stops too, and both go on together.
fn stop_too(standing: Standing, init: Pid) {
    if standing != Standing::Interactive {
        return;
    }
    let job = terminal::holder();
    let stopped = terminal::give_to(getpgrp()).and_then(|()| kill(getpid(), Signal::SIGSTOP));
    // Continued.
    let resumed = job.map_or(Ok(()), |job| terminal::give_to(job).and_then(|()| killpg(job, Signal::SIGCONT)));
    if let Err(error) = stopped.and(resumed) {
        tracing::warn!(%error, %init, "the job's stop could not be followed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read_as_it_was_written() {
        for report in [Report::Stopped, Report::Ended(0), Report::Ended(137)] {
            assert_eq!(Report::parse(report.bytes()), Some(report));
        }
        assert_eq!(Report::parse([0, 0]), None);
    }
}
