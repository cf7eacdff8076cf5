//! Who has the terminal: an interactive job gets it for its own process group, and weir takes it back.

use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::unistd::{Pid, getpgrp, isatty, tcgetpgrp, tcsetpgrp};
use std::fs::File;
use std::os::fd::AsFd as _;
use std::path::PathBuf;

/// How the job stands to the caller's terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// There is none: the job has a process group of its own.
    None,
    /// The job is interactive: it gets the terminal, and a process group of its own.
    Interactive,
    /// There is one, and part of the job's streams leads elsewhere (`weir run … | less`): all stay in one group.
    Shared,
}

/// Where this process stands.
pub(super) fn standing() -> Standing {
    let Ok(terminal) = File::open("/dev/tty") else { return Standing::None };
    let streams = isatty(std::io::stdin()).unwrap_or(false) && isatty(std::io::stdout()).unwrap_or(false);
    if streams && tcgetpgrp(&terminal).is_ok_and(|group| group == getpgrp()) { Standing::Interactive } else { Standing::Shared }
}

/// The terminal's own name, where the standard input is one.
pub(super) fn name() -> Option<PathBuf> {
    isatty(std::io::stdin()).unwrap_or(false).then(|| nix::unistd::ttyname(std::io::stdin()).ok()).flatten()
}

/// Gives the terminal to `group`. One that is not in the foreground may do so only with SIGTTOU blocked.
pub(super) fn give_to(group: Pid) -> nix::Result<()> {
    let mut quiet = SigSet::empty();
    quiet.add(Signal::SIGTTOU);
    let mut before = SigSet::empty();
    sigprocmask(SigmaskHow::SIG_BLOCK, Some(&quiet), Some(&mut before))?;
    let given = tcsetpgrp(std::io::stdin().as_fd(), group);
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&before), None)?;
    given
}

/// The group that has the terminal now.
pub(super) fn holder() -> Option<Pid> {
    tcgetpgrp(std::io::stdin().as_fd()).ok()
}
