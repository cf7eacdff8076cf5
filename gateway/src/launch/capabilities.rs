//! Capabilities: cut from the bounding set, so that no program, set-uid ones included, gets them back.

#![expect(unsafe_code, reason = "the bounding set has no safe wrapper that knows capabilities newer than itself")]

use super::options::Privileges;
use super::{LaunchError, Result};
use caps::{CapSet, Capability, CapsHashSet};

/// What root inside a confined job keeps: files, users and processes of its own.
///
/// Not among them, because each leads out: `SYS_ADMIN`, `SYS_PTRACE`, `SYS_MODULE`, `SYS_RAWIO`, `BPF`, `PERFMON`, `NET_ADMIN`,
/// `NET_RAW`, `MKNOD` (a disk by its numbers), `DAC_READ_SEARCH` (files by their handles, past every mask), `SYS_BOOT`, `SYS_TIME`.
const KEPT: [Capability; 12] = [
    Capability::CAP_CHOWN,
    Capability::CAP_DAC_OVERRIDE,
    Capability::CAP_FOWNER,
    Capability::CAP_FSETID,
    Capability::CAP_KILL,
    Capability::CAP_SETGID,
    Capability::CAP_SETUID,
    Capability::CAP_SETPCAP,
    Capability::CAP_SETFCAP,
    Capability::CAP_NET_BIND_SERVICE,
    Capability::CAP_SYS_CHROOT,
    Capability::CAP_AUDIT_WRITE,
];

/// Takes out of the bounding set what the job is not to have.
pub(super) fn cut(privileges: Privileges) -> Result {
    let kept: &[Capability] = match privileges {
        Privileges::None => &[],
        Privileges::Confined => &KEPT,
        Privileges::Host => return Ok(()),
    };
    let failed = || LaunchError::system("the capabilities can't be cut", std::io::Error::last_os_error());
    for number in 0_u8..64 {
        // SAFETY: a system call on numbers alone. It fails for numbers that this kernel does not know.
        let there = unsafe { libc::prctl(libc::PR_CAPBSET_READ, libc::c_ulong::from(number), 0, 0, 0) };
        if there < 0 {
            break;
        }
        let keep = kept.iter().any(|capability| capability.index() == number);
        // SAFETY: as above.
        if !keep && unsafe { libc::prctl(libc::PR_CAPBSET_DROP, libc::c_ulong::from(number), 0, 0, 0) } != 0 {
            return Err(failed());
        }
    }
    // SAFETY: as above.
    let done = unsafe { libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) };
    if done != 0 {
        return Err(failed());
    }
    caps::set(None, CapSet::Inheritable, &CapsHashSet::new())
        .map_err(|error| LaunchError::Kernel { what: "capabilities", why: error.to_string() })
}

/// Leaves this process, the job's init, the capability to signal the job and nothing else.
pub(super) fn keep_kill_alone() -> Result {
    let kill = CapsHashSet::from([Capability::CAP_KILL]);
    let set = |which| {
        caps::set(None, which, &kill).map_err(|error| LaunchError::Kernel { what: "capabilities", why: error.to_string() })
    };
    set(CapSet::Effective)?;
    set(CapSet::Permitted)
}
