//! A process that only computes: what is hostile is read there, and whoever takes it over can answer, and nothing else.
//!
//! It is this program, begun anew: with no environment and no descriptors but its standard streams. Before it reads a byte it
//! [seals itself](seal): nobody's user, no privileges, no files, no network, no programs, little time and memory.

#![expect(unsafe_code, reason = "what happens between fork and exec has no safe wrapper")]

use super::oneself::drop_capabilities;
use super::{LaunchError, Result, descriptors};
use landlock::{ABI, Access as _, AccessFs, AccessNet, Ruleset, RulesetAttr as _, Scope};
use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use nix::unistd::{Gid, Uid, geteuid, setgid, setgroups, setuid};
use seccompiler::SeccompCmpArgLen::Dword;
use seccompiler::SeccompCmpOp::MaskedEq;
use seccompiler::{BpfProgram, SeccompAction, SeccompCondition, SeccompFilter, SeccompRule, TargetArch};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

/// Seconds of a processor.
const PROCESSOR: u64 = 2;
/// Bytes that it may take, beyond those that its program takes.
const MEMORY: u64 = 256 << 20;
/// `nobody` and `nogroup`.
const NOBODY: u32 = 65_534;

/// What it may still call: memory, its pipes, time, and its own end.
const CALLS: [libc::c_long; 18] = [
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_close,
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_futex,
    libc::SYS_sigaltstack,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigaction,
    libc::SYS_getrandom,
    libc::SYS_clock_gettime,
    libc::SYS_sched_yield,
    libc::SYS_gettid,
    libc::SYS_exit,
    libc::SYS_exit_group,
];
/// What it may call as long as no memory becomes a program by it: the third argument is what the memory is for.
const MEMORY_CALLS: [libc::c_long; 2] = [libc::SYS_mmap, libc::SYS_mprotect];

/// This program with one argument, with pipes to ask it and to hear its answer. It has to [seal itself](seal).
#[must_use]
pub fn sealed(argument: &str) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg(argument).env_clear().current_dir("/");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    // SAFETY: the closure makes one system call on numbers.
    unsafe { command.pre_exec(descriptors::close_at_exec) };
    command
}

/// Gives up all that this process has no need of, for good.
///
/// # Errors
/// Where the kernel refuses a step: then nothing hostile is to be read.
pub fn seal() -> Result {
    let failed = |what: &'static str| move |errno: nix::Error| LaunchError::system(what, errno);
    let resources = [
        (Resource::RLIMIT_CPU, PROCESSOR),
        (Resource::RLIMIT_AS, own_memory() + MEMORY),
        (Resource::RLIMIT_CORE, 0),
        (Resource::RLIMIT_FSIZE, 0),
    ];
    for (resource, most) in resources {
        setrlimit(resource, most, most).map_err(failed("a limit can't be set"))?;
    }
    if geteuid().is_root() {
        setgroups(&[]).map_err(failed("the groups can't be dropped"))?;
        setgid(Gid::from_raw(NOBODY)).map_err(failed("the group can't be dropped"))?;
        setuid(Uid::from_raw(NOBODY)).map_err(failed("root can't be dropped"))?;
    }
    prctl::set_dumpable(false).map_err(failed("it can't be kept from being traced"))?;
    prctl::set_no_new_privs().map_err(failed("no_new_privs can't be set"))?;
    drop_capabilities()?;
    enter_landlock()?;
    setrlimit(Resource::RLIMIT_NOFILE, 0, 0).map_err(failed("a limit can't be set"))?;
    let filter = filter().map_err(|error| LaunchError::Kernel { what: "seccomp", why: error.to_string() })?;
    seccompiler::apply_filter(&filter).map_err(|error| LaunchError::Kernel { what: "seccomp", why: error.to_string() })
}

/// What the program itself has mapped, in bytes: little of it is in memory.
fn own_memory() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    let pages = pages.and_then(|text| text.split(' ').next().and_then(|pages| pages.parse::<u64>().ok()));
    let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok().flatten();
    pages.unwrap_or_default().saturating_mul(page.and_then(|page| u64::try_from(page).ok()).unwrap_or(4_096))
}

/// No file, no connection, no signal to anybody: as far as this kernel's Landlock goes, and the filter goes further.
fn enter_landlock() -> Result {
    let failed = |error: landlock::RulesetError| LaunchError::Kernel { what: "Landlock", why: error.to_string() };
    let ruleset = Ruleset::default().handle_access(AccessFs::from_all(ABI::V6)).map_err(failed)?;
    let ruleset = ruleset.handle_access(AccessNet::from_all(ABI::V6)).map_err(failed)?;
    let ruleset = ruleset.scope(Scope::from_all(ABI::V6)).map_err(failed)?;
    ruleset.create().and_then(|ruleset| ruleset.restrict_self()).map(drop).map_err(failed)
}

/// Whatever is not in the lists ends the process.
fn filter() -> std::result::Result<BpfProgram, seccompiler::BackendError> {
    let arch: TargetArch = std::env::consts::ARCH.try_into()?;
    let mut rules: std::collections::BTreeMap<_, _> = CALLS.into_iter().map(|call| (call, Vec::new())).collect();
    for call in MEMORY_CALLS {
        let executable = u64::from(libc::PROT_EXEC.unsigned_abs());
        rules.insert(call, vec![SeccompRule::new(vec![SeccompCondition::new(2, Dword, MaskedEq(executable), 0)?])?]);
    }
    SeccompFilter::new(rules, SeccompAction::KillProcess, SeccompAction::Allow, arch)?.try_into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::wait::{WaitStatus, waitpid};
    use nix::unistd::{ForkResult, fork};

    /// How a process ends that is sealed and then does this.
    fn sealed_and(then: fn()) -> WaitStatus {
        // SAFETY: the child makes system calls and ends.
        match unsafe { fork() }.unwrap() {
            ForkResult::Parent { child } => waitpid(child, None).unwrap(),
            ForkResult::Child => {
                if seal().is_err() {
                    // SAFETY: it ends.
                    unsafe { libc::_exit(3) };
                }
                then();
                // SAFETY: it ends.
                unsafe { libc::_exit(0) };
            }
        }
    }

    #[test]
    fn who_is_sealed_computes_and_does_nothing_else() {
        assert!(matches!(sealed_and(|| drop(std::hint::black_box(vec![1_u8; 1 << 20]))), WaitStatus::Exited(_, 0)));
        let ways: [fn(); 6] = [
            || drop(std::fs::File::open("/etc/passwd")),
            || drop(std::net::UdpSocket::bind("127.0.0.1:0")),
            || drop(Command::new("/bin/true").spawn()),
            || drop(std::thread::Builder::new().spawn(|| ())),
            || assert!(nix::sys::signal::kill(nix::unistd::Pid::parent(), None).is_err()),
            || assert!(setuid(Uid::from_raw(0)).is_err()),
        ];
        for (number, way) in ways.into_iter().enumerate() {
            let ended = sealed_and(way);
            assert!(matches!(ended, WaitStatus::Signaled(_, nix::sys::signal::Signal::SIGSYS, _)), "{number}: {ended:?}");
        }
    }
}
