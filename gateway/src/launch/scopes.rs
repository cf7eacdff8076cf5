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

/// Puts this process into a domain, with scopes where there are any. Comes after `no_new_privs`.
///
/// A process of the same user could be traced, or written to, and made to connect for the job: a domain alone ends that.
/// It needs something to refuse, and making disks is nothing that a user could do.
pub(super) fn enter_as_user(abstract_sockets: bool) -> Result {
    let failed = |why: String| LaunchError::Kernel { what: "Landlock", why };
    let ruleset = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    let ruleset = ruleset.handle_access(AccessFs::MakeBlock).map_err(|error| failed(error.to_string()))?;
    let ruleset = ruleset.create().map_err(|error| failed(error.to_string()))?;
    ruleset.restrict_self().map_err(|error| failed(error.to_string()))?;
    if available() { enter(abstract_sockets) } else { Ok(()) }
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
