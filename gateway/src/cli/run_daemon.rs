//! `weir run` where a daemon runs: the process itself becomes the daemon's job, then the job's program.

use super::{CliError, Result, block_on};
use crate::api::client::{self, ClientError};
use hyper::Method;
use serde_json::{Value, json};
use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

/// A job of the daemon that this process is now.
pub(super) struct Joined(Value);

/// Has the daemon at `socket` make this process a job. None where there is no daemon, or, for root alone, none whose
/// hooks reach this process: a gateway of its own is to be had then.
pub(super) fn join(socket: &Path, command: &[OsString]) -> Result<Option<Joined>> {
    let name = command.first().and_then(|program| Path::new(program).file_name()?.to_str());
    let wish = json!({ "pid": std::process::id(), "name": name });
    let asked = block_on(async { Ok(client::ask_daemon(socket, Method::POST, "/v1/jobs/begin", Some(&wish)).await) })?;
    let root = nix::unistd::geteuid().is_root();
    match asked {
        Ok(begun) => Ok(Some(Joined(begun))),
        Err(ClientError::NoDaemon { .. }) => Ok(None),
        Err(ClientError::Refused(why)) if root => {
            tracing::info!(why, "the daemon does not take this job: it gets a gateway of its own");
            Ok(None)
        }
        Err(error) => Err(CliError::new(error)),
    }
}

impl Joined {
    /// What the job's log says of it.
    pub(super) fn describe(&self) -> String {
        let text = |key: &str| self.0.get(key).and_then(Value::as_str).unwrap_or("-");
        format!("run {}, a job of this host's daemon, in {}", text("run"), text("cgroup"))
    }

    /// Becomes the job's program. Comes back only where that fails.
    pub(super) fn exec(&self, command: &[OsString], user: Option<&nix::unistd::User>) -> CliError {
        let Some((program, arguments)) = command.split_first() else { return CliError::new("nothing to run") };
        let mut job = Command::new(program);
        job.args(arguments);
        let variables = self.0.get("environment").and_then(Value::as_object).into_iter().flatten();
        job.envs(variables.filter_map(|(name, value)| Some((name, value.as_str()?))));
        if let Some(user) = user {
            job.uid(user.uid.as_raw()).gid(user.gid.as_raw());
            job.env("HOME", &user.dir).env("USER", &user.name).env("LOGNAME", &user.name);
        }
        let error = cut_privileges().map_or_else(|error| error, |()| job.exec());
        CliError::new(format!("cannot start `{}`: {error}", Path::new(program).display()))
    }
}

/// What a job may not have of its caller's: more privileges by set-uid programs, and sockets that are open already.
fn cut_privileges() -> std::io::Result<()> {
    let flags = libc::CLOSE_RANGE_CLOEXEC as libc::c_int;
    #[expect(unsafe_code, reason = "prctl(2) and close_range(2) have no safe wrapper here")]
    // SAFETY: plain system calls without pointers; marking descriptors closes none before the exec.
    let (done, marked) = unsafe {
        let done = libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        (done, libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, flags))
    };
    if done != 0 || marked != 0 { Err(std::io::Error::last_os_error()) } else { Ok(()) }
}
