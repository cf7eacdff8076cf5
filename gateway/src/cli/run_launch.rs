//! Launches the job of `weir run`, whether its gateway is this process's own or the daemon.

use super::run::{Arguments, say};
use super::{CliError, Result};
use crate::capture;
use crate::launch::{Cgroup, Ended, Job, JobUser, Launcher, OpenFiles, Privileges, Scratch, UringWatch};
use std::path::PathBuf;

/// What a job is launched with, further to what the command line says.
pub(super) struct Launch {
    pub(super) launcher: Launcher,
    pub(super) user: Option<JobUser>,
    pub(super) open_files: OpenFiles,
    /// Variables on top of the caller's.
    pub(super) environment: Vec<(String, String)>,
    /// Variables of the caller's that the job does not get.
    pub(super) withheld: Vec<String>,
    /// What the job does not see.
    pub(super) private: Vec<PathBuf>,
    /// What it sees all the same.
    pub(super) shown: Vec<PathBuf>,
    /// Below which a confined job's layer is.
    pub(super) state_dir: PathBuf,
}

impl Launch {
    /// Runs the job in `cgroup` to its end, with whatever it left behind.
    pub(super) fn run(self, cgroup: &Cgroup, arguments: Arguments) -> Result<Ended> {
        let tell = |line: &str| {
            if !arguments.quiet {
                say(line);
            }
        };
        let watch = || capture::cgroup_id(cgroup.path()).map_err(|error| error.to_string()).and_then(UringWatch::start);
        let uring = if arguments.privileges == Privileges::Host { Err("nothing is cut".to_owned()) } else { watch() };
        if let Err(why) = &uring
            && arguments.privileges != Privileges::Host
        {
            tell(&format!("what io_uring makes can't be watched here ({why}): jobs get none unless --allow io-uring"));
        }
        let layered = arguments.privileges == Privileges::Confined && !arguments.keep_writes;
        let scratch = layered.then(|| Scratch::make(&self.state_dir)).transpose().map_err(CliError::new)?;
        let mut private = self.private;
        private.extend(arguments.config);
        let job = Job {
            command: arguments.command,
            cgroup: cgroup.path().to_owned(),
            environment: self.environment,
            withheld: self.withheld,
            user: self.user,
            open_files: self.open_files,
            privileges: arguments.privileges,
            allowed: arguments.allow.into_iter().collect(),
            private,
            shown: self.shown,
            kept: arguments.keep,
            scratch: scratch.as_ref().map(|scratch| scratch.path().to_owned()),
            uring_watched: uring.is_ok(),
        };
        tell(&self.launcher.describe(&job));
        let ended = self.launcher.run(&job, cgroup).map_err(CliError::new)?;
        if ended.left > 0 {
            tell(&format!("the job has ended and left {} processes behind; they are ended with it", ended.left));
            cgroup.kill();
        }
        let killed = uring.as_ref().map_or(0, UringWatch::killed);
        if killed > 0 {
            // Not to be kept quiet: a process of the job has gone by it.
            say(&format!("{killed} times io_uring was to make a socket of a family that is refused; the process was ended"));
        }
        let written = scratch.as_ref().map_or(0, Scratch::files);
        if written > 0 {
            tell(&format!("what the job wrote to the host's own folders is discarded: {written} files"));
        }
        Ok(ended)
    }
}
