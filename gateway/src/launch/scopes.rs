//! Landlock's scopes (kernel 6.12): no abstract unix socket made outside of the job, no signal to a process outside.

use super::{LaunchError, Result};
use landlock::{AccessFs, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _, Scope};

/// The first version of Landlock that has scopes.
const FIRST: i32 = 6;

/// The version of Landlock that this kernel has; 0 where it has none.
pub(super) fn version() -> i32 {
    const VERSION: libc::c_uint = 1;
    #[expect(unsafe_code, reason = "Landlock's version is asked for by a bare system call")]
    // SAFETY: with this flag the call reads no memory.
    let version = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<u8>(), 0, VERSION) };
    i32::try_from(version).unwrap_or(0).max(0)
}

/// Whether this kernel has scopes.
pub(super) fn available() -> bool {
    version() >= FIRST
}

/// Whether this kernel has Landlock at all: whoever is in a domain traces nobody outside of it.
pub(super) fn has_domains() -> bool {
    version() > 0
}

/// Puts this process into a domain that refuses nothing a user could do. Comes after `no_new_privs`.
///
/// Where there are no scopes: a process of the same user could be traced, or written to, and made to connect for the job, and
/// a domain alone ends that. It has to refuse something, which making disks is. It refuses mounts as well.
pub(super) fn enter_against_tracing() -> Result {
    let failed = |why: String| LaunchError::Kernel { what: "Landlock", why };
    let ruleset = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    let ruleset = ruleset.handle_access(AccessFs::MakeBlock).map_err(|error| failed(error.to_string()))?;
    let ruleset = ruleset.create().map_err(|error| failed(error.to_string()))?;
    ruleset.restrict_self().map(drop).map_err(|error| failed(error.to_string()))
}

/// Puts this process, and all that it starts, into a scope of its own.
pub(super) fn enter(abstract_sockets: bool) -> Result {
    let failed = |why: String| LaunchError::Kernel { what: "Landlock's scopes", why };
    let scopes = if abstract_sockets { Scope::Signal.into() } else { Scope::Signal | Scope::AbstractUnixSocket };
    let ruleset = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    let ruleset = ruleset.scope(scopes).map_err(|error| failed(error.to_string()))?;
    let ruleset = ruleset.create().map_err(|error| failed(error.to_string()))?;
    // A confined job has to be able to get privileges: the caller decides on that.
    ruleset.no_new_privs(false).restrict_self().map(drop).map_err(|error| failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::CommandExt as _;
    use std::process::{Command, Stdio};

    #[test]
    fn who_is_in_a_domain_looks_into_nobody_outside_of_it() {
        if !has_domains() {
            return;
        }
        let mut other = Command::new("sleep").arg("60").spawn().unwrap();
        let look = |in_domain: bool| {
            // Its memory: what is only read, root may read by other rules.
            let mut shell = Command::new("sh");
            shell.args(["-c", &format!("exec 3< /proc/{}/mem", other.id())]).stderr(Stdio::null());
            #[expect(unsafe_code, reason = "a domain is for good: it is entered in a process of its own")]
            // SAFETY: the child does no more than to enter, and ends with its program.
            unsafe {
                shell.pre_exec(move || match in_domain {
                    true => enter_against_tracing().map_err(std::io::Error::other),
                    false => Ok(()),
                })
            };
            shell.status().unwrap().success()
        };
        let (outside, inside) = (look(false), look(true));
        other.kill().unwrap();
        other.wait().unwrap();
        assert_eq!((outside, inside), (true, false));
    }
}
