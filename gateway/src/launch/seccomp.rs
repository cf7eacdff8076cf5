//! System calls that a job can't make: sockets that the kernel side never sees, ways into other namespaces, hooks.
//!
//! A list of what is refused rather than of what is allowed: jobs are arbitrary programs. Programs of another
//! architecture (32-bit ones included) are ended with SIGSYS, and x32 calls are unknown ones: both have other numbers.

#![expect(unsafe_code, reason = "seccomp(2) without no_new_privs has no safe wrapper")]

use super::{Allowed, LaunchError, Privileges, Result};
use seccompiler::SeccompCmpArgLen::Dword;
use seccompiler::SeccompCmpOp::{Eq, MaskedEq, Ne};
use seccompiler::{BpfProgram, SeccompAction, SeccompCondition, SeccompFilter, SeccompRule, TargetArch, sock_filter};
use std::collections::BTreeMap;

/// The socket families that a job may use; the kernel side decides on the two internet ones.
const FAMILIES: [i32; 4] = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];

/// Refused as such, with EPERM.
const REFUSED: [libc::c_long; 18] = [
    // The gateway's own kind of hook, and others'.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    // Another kernel, or parts of one.
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    // Other namespaces, and descriptors of processes that are not the job's: a socket's peer gives a pidfd.
    libc::SYS_setns,
    libc::SYS_pidfd_getfd,
    // Files by their handles, past every mask.
    libc::SYS_open_by_handle_at,
    // Keys: `request_key` has the kernel start a program outside, which looks names up for the caller.
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    // The kernel's log and the machine.
    libc::SYS_syslog,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_acct,
    libc::SYS_quotactl,
];

/// Typing into the caller's terminal.
const TERMINAL_REQUESTS: [libc::c_ulong; 2] = [libc::TIOCSTI, libc::TIOCLINUX];

/// Puts the filters on, for good. In `none` after `no_new_privs`, else as root.
pub(super) fn enter(privileges: Privileges, allowed: &Allowed, uring_watched: bool) -> Result {
    // Landlock has made it so already where there are scopes.
    if privileges == Privileges::None && nix::sys::prctl::set_no_new_privs().is_err() {
        return Err(LaunchError::system("no_new_privs can't be set", std::io::Error::last_os_error()));
    }
    programs(allowed, uring_watched)?.iter().try_for_each(install)
}

/// The filters: one for each errno, since a filter has but one.
fn programs(allowed: &Allowed, uring_watched: bool) -> Result<Vec<BpfProgram>> {
    let failed = |error: seccompiler::BackendError| LaunchError::Kernel { what: "seccomp", why: error.to_string() };
    let mut all = vec![
        filter(families(), libc::EAFNOSUPPORT).map_err(failed)?,
        filter(refused(allowed, uring_watched).map_err(failed)?, libc::EPERM).map_err(failed)?,
    ];
    if !allowed.namespaces {
        // Its flags are in memory, where a filter can't look: libc falls back to clone.
        filter([(libc::SYS_clone3, Vec::new())].into(), libc::ENOSYS).map(|clone3| all.push(clone3)).map_err(failed)?;
    }
    if cfg!(target_arch = "x86_64") {
        all.push(no_x32());
    }
    Ok(all)
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

fn families() -> Rules {
    let other = || {
        let unlike = FAMILIES.map(|family| SeccompCondition::new(0, Dword, Ne, u64::from(family.unsigned_abs())));
        unlike.into_iter().collect::<std::result::Result<Vec<_>, _>>().and_then(SeccompRule::new)
    };
    [libc::SYS_socket, libc::SYS_socketpair].into_iter().filter_map(|call| other().ok().map(|rule| (call, vec![rule]))).collect()
}

fn refused(allowed: &Allowed, uring_watched: bool) -> std::result::Result<Rules, seccompiler::BackendError> {
    let mut rules: Rules = REFUSED.into_iter().map(|call| (call, Vec::new())).collect();
    let one = |condition| SeccompRule::new(vec![condition]);
    let requests = TERMINAL_REQUESTS.map(|request| one(SeccompCondition::new(1, Dword, Eq, request)?));
    rules.insert(libc::SYS_ioctl, requests.into_iter().collect::<std::result::Result<_, _>>()?);
    if !allowed.namespaces {
        for call in [libc::SYS_clone, libc::SYS_unshare] {
            let flags = [libc::CLONE_NEWUSER, libc::CLONE_NEWNET].map(|flag| {
                let flag = u64::from(flag.unsigned_abs());
                one(SeccompCondition::new(0, Dword, MaskedEq(flag), flag)?)
            });
            rules.insert(call, flags.into_iter().collect::<std::result::Result<_, _>>()?);
        }
    }
    if !uring_watched && !allowed.io_uring {
        rules.insert(libc::SYS_io_uring_setup, Vec::new());
    }
    Ok(rules)
}

fn filter(rules: Rules, errno: i32) -> std::result::Result<BpfProgram, seccompiler::BackendError> {
    let arch: TargetArch = std::env::consts::ARCH.try_into()?;
    SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(errno.unsigned_abs()), arch)?.try_into()
}

/// x32 calls have the architecture of 64-bit ones and this bit in their numbers: unknown calls, as on most kernels.
fn no_x32() -> BpfProgram {
    const BIT: u32 = 0x4000_0000;
    const LOAD_NUMBER: u16 = 0x20;
    const AT_LEAST: u16 = 0x35;
    const RETURN: u16 = 0x06;
    let line = |code, jt, jf, k| sock_filter { code, jt, jf, k };
    vec![
        line(LOAD_NUMBER, 0, 0, 0),
        line(AT_LEAST, 0, 1, BIT),
        line(RETURN, 0, 0, libc::SECCOMP_RET_ERRNO | libc::ENOSYS.unsigned_abs()),
        line(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
    ]
}

/// seccompiler's own way sets `no_new_privs`, which sudo does not survive.
fn install(program: &BpfProgram) -> Result {
    /// `struct sock_fprog`.
    #[repr(C)]
    struct Program {
        length: libc::c_ushort,
        lines: *const sock_filter,
    }
    let length = libc::c_ushort::try_from(program.len())
        .map_err(|_| LaunchError::Kernel { what: "seccomp", why: "the filter is too long".to_owned() })?;
    let program = Program { length, lines: program.as_ptr() };
    // SAFETY: the kernel copies `length` lines, which live as long as the call.
    let done = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program) };
    if done == 0 {
        Ok(())
    } else {
        Err(LaunchError::system("the seccomp filter can't be put on", std::io::Error::last_os_error()))
    }
}

/// Whether this kernel has seccomp filters with the action that is used here.
pub(super) fn available() -> bool {
    let action = libc::SECCOMP_RET_ERRNO;
    // SAFETY: the kernel reads one number, which lives as long as the call.
    unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_GET_ACTION_AVAIL, 0, &raw const action) == 0 }
}
