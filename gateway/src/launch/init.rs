//! The job's init: process 1 of its pid namespace. Lays out what the job sees, gives up what it may not
//! have, starts it, passes signals on, buries orphans, and takes everything along when the gateway ends.

#![expect(unsafe_code, reason = "what happens between fork and exec has no safe wrapper")]

use super::options::Privileges;
use super::plan::Plan;
use super::supervise::{Report, forwarded};
use super::{
    LaunchError, Result, capabilities, descriptors, devices, kernel_files, layers, masks, mounts, scopes, seccomp, spawn,
    system_files, terminal,
};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, unshare};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, setpgid};
use std::ffi::OsString;
use std::fs::File;
use std::io::Write as _;
use std::os::fd::{AsFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitCode};

/// The first argument of a `weir` that is to be a job's init. People don't write it.
pub(super) const ARGUMENT: &str = "--job-init";

/// Is the job's init, where this process was started as that.
pub fn run_if_asked() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != ARGUMENT {
        return None;
    }
    let descriptors: Vec<_> = arguments.by_ref().take(3).filter_map(inherited).collect();
    let [plan, life, report] = descriptors.try_into().ok()?;
    let code =
        match Init::new(File::from(plan), life, File::from(report)).and_then(|init| init.run(&arguments.collect::<Vec<_>>())) {
            Ok(code) => code,
            Err(error) => {
                // Nothing can be done where even that can't be said.
                let _said = writeln!(std::io::stderr(), "weir: {error}").is_ok();
                1
            }
        };
    Some(ExitCode::from(code))
}

/// The gateway handed these over by their numbers.
fn inherited(number: OsString) -> Option<OwnedFd> {
    let number = number.to_str()?.parse::<i32>().ok().filter(|number| *number > 2)?;
    // The job does not inherit them.
    // SAFETY: a system call on numbers alone; it fails where the number is not open.
    if unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) } != 0 {
        return None;
    }
    // SAFETY: it is open, and this process, which has only begun, uses it nowhere else.
    Some(unsafe { OwnedFd::from_raw_fd(number) })
}

struct Init {
    plan: Plan,
    life: OwnedFd,
    report: File,
    signals: SignalFd,
}

impl Init {
    fn new(plan: File, life: OwnedFd, report: File) -> Result<Self> {
        let mut waited = forwarded();
        waited.add(Signal::SIGCHLD);
        let failed = |errno| LaunchError::system("the job's signals can't be waited for", errno);
        waited.thread_block().map_err(failed)?;
        let signals = SignalFd::with_flags(&waited, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK).map_err(failed)?;
        Ok(Self { plan: Plan::read(plan)?, life, report, signals })
    }

    fn run(mut self, command: &[OsString]) -> Result<u8> {
        let failed = |errno| LaunchError::system("the job's init can't be named", errno);
        nix::sys::prctl::set_name(c"weir").map_err(failed)?;
        // Neither the job's root nor the job's user may look into it.
        nix::sys::prctl::set_dumpable(false).map_err(|errno| LaunchError::system("the job's init can't be shut off", errno))?;
        if self.plan.privileges == Privileges::Host {
            // Orphans come here, not to the host's init.
            nix::sys::prctl::set_child_subreaper(true).map_err(|errno| LaunchError::system("orphans can't be adopted", errno))?;
        } else {
            self.lay_out()?;
            self.give_up()?;
        }
        let job = self.start(command)?;
        if self.plan.privileges != Privileges::Host {
            capabilities::keep_kill_alone()?;
        }
        self.wait(job)
    }

    /// What the job sees of the host.
    fn lay_out(&self) -> Result {
        let flags = CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWIPC;
        unshare(flags).map_err(|errno| LaunchError::system("mount and IPC namespaces can't be made", errno))?;
        mounts::make_private()?;
        match self.plan.privileges {
            Privileges::Confined => layers::enter(&self.plan)?,
            Privileges::None if self.plan.can_be_root() => system_files::make_read_only()?,
            Privileges::None | Privileges::Host => {}
        }
        devices::lay_out(&self.plan, terminal::name().as_deref())?;
        // Read while /proc is still the host's.
        let own = std::fs::read_link("/proc/self");
        kernel_files::mount_proc(Path::new("/proc"))?;
        if let Ok(own) = own {
            kernel_files::begin_numbers_at(&own);
        }
        let masks = masks::Masks::lay_out(&self.plan)?;
        masks.all(&self.plan)?;
        kernel_files::close(&self.plan, &masks)?;
        // The old working directory would be a way below the masks.
        std::env::set_current_dir(&self.plan.directory).map_err(|error| {
            let what = format!("the job does not see its working directory {}", self.plan.directory.display());
            LaunchError::system(what, error)
        })
    }

    /// What the job, and this process with it, may not do any more.
    fn give_up(&self) -> Result {
        if scopes::available() {
            scopes::enter(self.plan.allowed.abstract_sockets)?;
        }
        seccomp::enter(self.plan.privileges, &self.plan.allowed, self.plan.uring_watched)?;
        capabilities::cut(self.plan.privileges)
    }

    fn start(&self, command: &[OsString]) -> Result<Pid> {
        let (program, arguments) = command.split_first().ok_or_else(|| LaunchError::Unfit("nothing to run".to_owned()))?;
        let (soft, hard) = self.plan.open_files;
        let mut job = Command::new(program);
        job.args(arguments);
        let (takes_terminal, own_group) = (self.plan.takes_terminal, self.plan.own_group);
        let user = self.plan.user.clone();
        let groups = user.as_ref().map(super::user::JobUser::groups).unwrap_or_default();
        // SAFETY: between fork and exec only async-signal-safe system calls are made, on memory that was laid out before.
        unsafe {
            job.pre_exec(move || {
                // They are blocked here alone, to be waited for.
                SigSet::empty().thread_set_mask()?;
                if own_group {
                    setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
                }
                if takes_terminal {
                    terminal::give_to(nix::unistd::getpid())?;
                }
                setrlimit(Resource::RLIMIT_NOFILE, soft, hard)?;
                if let Some(user) = &user {
                    user.put_on(&groups)?;
                }
                descriptors::close_at_exec()
            });
        }
        let child = job.spawn();
        let child = child.map_err(|error| LaunchError::system(format!("cannot start `{}`", spawn::program(command)), error))?;
        Ok(Pid::from_raw(i32::try_from(child.id()).unwrap_or(0)))
    }

    /// Waits for the job's end; gives its exit status as a shell would.
    fn wait(&mut self, job: Pid) -> Result<u8> {
        let mut ended = None;
        loop {
            let (signalled, closed) = self.poll()?;
            if closed {
                return Ok(ended.unwrap_or_else(|| self.take_everything_along()));
            }
            if !signalled {
                continue;
            }
            while let Ok(Some(signal)) = self.signals.read_signal() {
                let number = i32::try_from(signal.ssi_signo).unwrap_or(0);
                let Ok(signal) = Signal::try_from(number) else { continue };
                // Where the job has ended meanwhile, nobody is left to be told.
                if signal != Signal::SIGCHLD && ended.is_none() {
                    let _told = kill(job, signal).is_ok();
                }
            }
            if let Some(code) = self.bury(job)? {
                self.tell(Report::Ended(code))?;
                ended = Some(code);
            }
        }
    }

    /// Waits until a signal or the gateway's end has come.
    fn poll(&self) -> Result<(bool, bool)> {
        let mut waited =
            [PollFd::new(self.signals.as_fd(), PollFlags::POLLIN), PollFd::new(self.life.as_fd(), PollFlags::POLLIN)];
        match poll(&mut waited, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(LaunchError::system("the job can't be waited for", errno)),
        }
        let [signals, life] = waited;
        Ok((signals.any().unwrap_or(false), life.any().unwrap_or(false)))
    }

    /// Takes the exit status of all that has ended; the job's, if it is among them.
    fn bury(&self, job: Pid) -> Result<Option<u8>> {
        let mut code = None;
        loop {
            match waitpid(None, Some(WaitPidFlag::WNOHANG | WaitPidFlag::WUNTRACED)) {
                Ok(WaitStatus::Exited(pid, status)) if pid == job => code = Some(u8::try_from(status & 0xff).unwrap_or(1)),
                Ok(WaitStatus::Signaled(pid, signal, _)) if pid == job => {
                    code = Some(u8::try_from(128 + signal as i32).unwrap_or(1));
                }
                Ok(WaitStatus::Stopped(pid, _)) if pid == job => self.tell(Report::Stopped)?,
                Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return Ok(code),
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(LaunchError::system("the job can't be waited for", errno)),
            }
        }
    }

    fn tell(&self, report: Report) -> Result {
        let mut to = &self.report;
        to.write_all(&report.bytes()).map_err(|error| LaunchError::system("the gateway can't be told of the job", error))
    }

    /// The gateway is gone. In a pid namespace the end of its first process is everyone's.
    fn take_everything_along(&self) -> u8 {
        if self.plan.privileges == Privileges::Host
            && let Err(error) = std::fs::write(self.plan.cgroup.join("cgroup.kill"), "1")
        {
            let _said = writeln!(std::io::stderr(), "weir: cannot end the job with its gateway: {error}").is_ok();
        }
        1
    }
}
