//! A caller without root becomes the job itself: gives up, for good, what a user can give up.
//!
//! Namespaces, masks and the capability bounding set take root, and a user namespace in their place would show the job
//! other users and groups than there are. So daemons' sockets stay in sight: what is left is said, not passed over.

#![expect(unsafe_code, reason = "prctl(2) has no safe wrapper for ambient capabilities")]

use super::user::JobUser;
use super::{Allowed, LaunchError, Privileges, Result, descriptors, scopes, seccomp};
use caps::{CapSet, CapsHashSet};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// What this process gives up before it becomes the job.
pub struct Oneself {
    /// The user that root becomes, in `host`.
    pub user: Option<JobUser>,
    /// The exceptions.
    pub allowed: Allowed,
}

/// What this kernel's Landlock gives.
enum Landlock {
    Scopes,
    AgainstTracing,
    None,
}

impl Oneself {
    /// One line on what the job gets, and what it does not.
    #[must_use]
    pub fn describe(&self) -> String {
        let scopes = match self.landlock() {
            Landlock::Scopes => "Landlock scopes",
            Landlock::AgainstTracing => "Landlock against tracing alone (its scopes: kernel 6.12)",
            Landlock::None => "no Landlock scopes (kernel 6.12)",
        };
        let uring = if self.allowed.io_uring { "unwatched, as allowed" } else { "refused" };
        let namespaces = if self.allowed.namespaces { "; its own namespaces, as allowed" } else { "" };
        let name = Privileges::None.name();
        format!(
            "privileges {name}, as a user can have it: no privileges to be had; seccomp, {scopes}; io_uring {uring}{namespaces}; \
             no masks, which take root: sockets of daemons stay in sight"
        )
    }

    fn landlock(&self) -> Landlock {
        match (scopes::available(), scopes::has_domains()) {
            (true, _) => Landlock::Scopes,
            // Without scopes it takes a domain that refuses mounts, too: not where namespaces are allowed.
            (false, true) if !self.allowed.namespaces => Landlock::AgainstTracing,
            (false, _) => Landlock::None,
        }
    }

    /// Gives up. `job` is to be started in this process's place and gets the standard streams alone.
    ///
    /// # Errors
    /// Where a stream leads past the gateway, or the kernel refuses a step: then the job is not to be started.
    pub fn give_up(&self, job: &mut Command) -> Result {
        descriptors::check_standard_streams(&self.allowed)?;
        if !seccomp::available() {
            let why = "it has no filters (CONFIG_SECCOMP_FILTER)".to_owned();
            return Err(LaunchError::Kernel { what: "seccomp", why });
        }
        nix::sys::prctl::set_no_new_privs().map_err(|errno| LaunchError::system("no_new_privs can't be set", errno))?;
        drop_capabilities()?;
        match self.landlock() {
            Landlock::Scopes => scopes::enter(self.allowed.abstract_sockets)?,
            Landlock::AgainstTracing => scopes::enter_against_tracing()?,
            Landlock::None => {}
        }
        seccomp::enter(Privileges::None, &self.allowed, false)?;
        close_others(job);
        Ok(())
    }

    /// The same for `--privileges host`: inherited descriptors are closed, and that is all.
    ///
    /// # Errors
    /// Where a stream leads past the gateway.
    pub fn keep_all(&self, job: &mut Command) -> Result {
        descriptors::check_standard_streams(&self.allowed)?;
        close_others(job);
        if let Some(user) = self.user.clone() {
            job.envs(user.environment());
            let groups = user.groups();
            // SAFETY: there is no fork: the closure makes system calls alone, right before the exec.
            unsafe { job.pre_exec(move || Ok(user.put_on(&groups)?)) };
        }
        Ok(())
    }

    /// One line on that.
    #[must_use]
    pub fn describe_host(&self) -> String {
        "privileges host: nothing is cut but inherited descriptors; a job that is root can leave by many ways".to_owned()
    }
}

/// A unit's `AmbientCapabilities=`, say. Without them, and with `no_new_privs`, the bounding set leads to none.
pub(super) fn drop_capabilities() -> Result {
    // SAFETY: a system call on numbers alone.
    if unsafe { libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) } != 0 {
        return Err(LaunchError::system("the capabilities can't be dropped", std::io::Error::last_os_error()));
    }
    for set in [CapSet::Inheritable, CapSet::Effective, CapSet::Permitted] {
        caps::set(None, set, &CapsHashSet::new())
            .map_err(|error| LaunchError::Kernel { what: "capabilities", why: error.to_string() })?;
    }
    Ok(())
}

/// This process's own descriptors, those that it inherited included, end with the exec.
fn close_others(job: &mut Command) {
    // SAFETY: there is no fork: the closure makes one system call on numbers, right before the exec.
    unsafe { job.pre_exec(descriptors::close_at_exec) };
}
