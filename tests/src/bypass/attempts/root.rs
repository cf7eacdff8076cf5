//! What root, or who has a capability, would do to the kernel, to cgroups and to weir.

use super::handoff::then_connect;
use super::tcp::program;
use crate::bypass::socket::{call, place};
use crate::bypass::{Aim, Case, Done, Failed, FailedAt as _, Played};
use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::job("7a", "Into the root cgroup, by its own cgroup.procs", |aim| {
            leave_cgroup()?;
            then_connect(aim)
        }),
        Case::job("7b", "Into a new cgroup beside the job's", |aim| {
            let beside = cgroup_mount()?.join(format!("weir-bp-escape-{}", std::process::id()));
            std::fs::create_dir(&beside).at("mkdir a cgroup")?;
            let moved = std::fs::write(beside.join("cgroup.procs"), "0").at("write cgroup.procs");
            let played = moved.and_then(|()| then_connect(aim));
            std::fs::write(cgroup_mount()?.join("cgroup.procs"), "0").at("write cgroup.procs")?;
            std::fs::remove_dir(&beside).at("rmdir a cgroup")?;
            played
        }),
        Case::job("7c", "A cgroup file system that the job mounts itself", mount_cgroup),
        Case::job("11a", "A BPF program of the job's own", own_program),
        Case::job("37d", "The memory of weir itself (/proc/PID/mem)", |aim| {
            let path = format!("/proc/{}/mem", aim.place.gateway);
            OpenOptions::new().read(true).write(true).open(path).at("open /proc/PID/mem")?;
            Ok(Done::Holds("weir's memory"))
        })
        .at_weir(),
        Case::job("37e", "ptrace of weir itself", |aim| {
            let weir = nix::unistd::Pid::from_raw(aim.place.gateway);
            nix::sys::ptrace::seize(weir, nix::sys::ptrace::Options::empty()).at("ptrace")?;
            Ok(Done::Holds("weir, as a tracer"))
        })
        .at_weir(),
        Case::job("39a", "A signal to weir", |aim| {
            nix::sys::signal::kill(nix::unistd::Pid::from_raw(aim.place.gateway), None).at("kill")?;
            Ok(Done::Holds("the right to signal weir"))
        })
        .at_weir(),
        Case::job("39b", "A kernel module", |_| {
            let file = OpenOptions::new().read(true).open("/dev/null").at("open")?;
            let fd = usize::try_from(std::os::fd::AsRawFd::as_raw_fd(&file)).unwrap_or(0);
            match call(libc::SYS_finit_module, [fd, place(b"\0"), 0, 0, 0, 0]) {
                // Refused for what the file is, not for who asks.
                Err(error) if !matches!(error.raw_os_error(), Some(libc::EPERM | libc::EACCES | libc::ENOSYS)) => {
                    Ok(Done::Holds("the right to load modules"))
                }
                other => other.at("finit_module").map(|_| Done::Holds("a module")),
            }
        })
        .kernel_part(),
        Case::job("39c", "The machine's memory (/dev/mem)", |_| may_write("/dev/mem")).kernel_part(),
        Case::job("39d", "The program that the kernel starts for a core dump, outside every cgroup", |_| {
            may_write("/proc/sys/kernel/core_pattern")
        }),
        Case::job("39e", "A kernel setting of the network", |_| may_write("/proc/sys/net/ipv4/ip_forward")),
        Case::job("39f", "A program that the kernel starts for a format (binfmt_misc), or for a hot-plug", |_| {
            may_write("/proc/sys/fs/binfmt_misc/register").or_else(|_| may_write("/sys/kernel/uevent_helper"))
        })
        .kernel_part(),
        Case::job("39g", "A file system of the host: mount", |aim| {
            let place = aim.place.directory.join(format!("mount-{}", aim.number));
            std::fs::create_dir_all(&place).at("mkdir")?;
            nix::mount::mount(Some("none"), &place, Some("proc"), nix::mount::MsFlags::empty(), None::<&str>).at("mount")?;
            nix::mount::umount(&place).at("umount")?;
            Ok(Done::Holds("the right to mount"))
        }),
        Case::job("39h", "Addresses rewritten by netfilter", |aim| {
            let rule = format!("OUTPUT -t nat -d 127.128.0.0/12 -p tcp -j DNAT --to-destination {}", aim.to4());
            program(Command::new("iptables").arg("-A").args(rule.split(' ')), "iptables")?;
            let played = then_connect(aim);
            program(Command::new("iptables").arg("-D").args(rule.split(' ')), "iptables")?;
            played
        }),
        Case::job("39i", "The gateway's addresses routed elsewhere", |aim| {
            let device = &aim.place.device;
            program(Command::new("ip").args(["route", "add", "local", "127.128.0.0/12", "dev", device, "table", "77"]), "ip")?;
            program(Command::new("ip").args(["route", "flush", "table", "77"]), "ip")?;
            Ok(Done::Holds("the right to set routes"))
        }),
        Case::job("39j", "A daemon's socket by the root of a process outside (/proc/PID/root)", |aim| {
            super::outside::daemon_at(&format!("/proc/{}/root/run/docker.sock", aim.place.victim), aim)
        }),
        Case::job("39k", "weir's records", |aim| {
            let first = std::fs::read_dir(&aim.place.state).at("open weir's state directory")?.next();
            first.map_or(Err(Failed { step: "no record is to be seen", errno: None }), |_| Ok(Done::Holds("weir's records")))
        })
        .at_weir(),
        Case::job("39l", "A raw disk", disk).kernel_part(),
        Case::job("39m", "Kernel probes and traces", |_| {
            may_write("/sys/kernel/tracing/kprobe_events").or_else(|_| may_write("/sys/kernel/debug/tracing/kprobe_events"))
        })
        .kernel_part(),
        Case::job("39n", "Another kernel (kexec_load)", |_| match call(libc::SYS_kexec_load, [0, 99_999, 0, 0, 0, 0]) {
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => Ok(Done::Holds("the right to load a kernel")),
            other => other.at("kexec_load").map(|_| Done::Holds("a kernel")),
        })
        .kernel_part(),
        Case::job("39o", "weir's sockets ended by sock_diag (SOCK_DESTROY)", |_| {
            program(Command::new("ss").args(["-K", "-t", "state", "established", "dport", "=", "1"]), "ss")?;
            capability(12)
        }),
        Case::job("41a", "weir's pins unlinked in the BPF file system", unpin).at_weir(),
    ]
}

fn cgroup_mount() -> Result<PathBuf, Failed> {
    let mounts = std::fs::read_to_string("/proc/self/mounts").at("open /proc/self/mounts")?;
    let found = mounts.lines().find_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let (place, kind) = (fields.next()?, fields.next()?);
        (kind == "cgroup2").then(|| PathBuf::from(place))
    });
    found.ok_or(Failed { step: "a cgroup file system", errno: None })
}

fn leave_cgroup() -> Result<(), Failed> {
    std::fs::write(cgroup_mount()?.join("cgroup.procs"), "0").at("write cgroup.procs")
}

fn mount_cgroup(aim: &Aim) -> Played {
    let place = aim.place.directory.join(format!("mount-{}", aim.number));
    std::fs::create_dir_all(&place).at("mkdir")?;
    nix::mount::mount(Some("none"), &place, Some("cgroup2"), nix::mount::MsFlags::empty(), None::<&str>).at("mount cgroup2")?;
    let moved = std::fs::write(place.join("cgroup.procs"), "0").at("write cgroup.procs");
    let played = moved.and_then(|()| then_connect(aim));
    nix::mount::umount(&place).at("umount")?;
    played
}

/// The smallest program that there is, loaded and let go again.
fn own_program(_: &Aim) -> Played {
    const PROG_LOAD: usize = 5;
    const CGROUP_SOCK_ADDR: u32 = 18;
    const CONNECT4: u32 = 10;
    // r0 = 1; exit
    let code: [u8; 16] = [0xb7, 0, 0, 0, 1, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0];
    let license = b"GPL\0";
    let address = |bytes: &[u8]| u64::try_from(place(bytes)).unwrap_or(0);
    let mut attributes = [0_u8; 72];
    attributes[0..4].copy_from_slice(&CGROUP_SOCK_ADDR.to_ne_bytes());
    attributes[4..8].copy_from_slice(&2_u32.to_ne_bytes());
    attributes[8..16].copy_from_slice(&address(&code).to_ne_bytes());
    attributes[16..24].copy_from_slice(&address(license).to_ne_bytes());
    attributes[68..72].copy_from_slice(&CONNECT4.to_ne_bytes());
    let program = call(libc::SYS_bpf, [PROG_LOAD, place(&attributes), attributes.len(), 0, 0, 0]).at("bpf")?;
    crate::bypass::socket::owned(program)?;
    Ok(Done::Holds("a program to attach before weir's"))
}

/// Opens it for writing, and writes nothing.
fn may_write(path: &str) -> Played {
    OpenOptions::new().write(true).open(path).at("open")?;
    Ok(Done::Holds("the file, open for writing"))
}

fn disk(_: &Aim) -> Played {
    let disks = std::fs::read_dir("/sys/block").at("open /sys/block")?.flatten();
    let mut last = Failed { step: "a disk", errno: None };
    for disk in disks {
        let path = Path::new("/dev").join(disk.file_name());
        match OpenOptions::new().read(true).open(&path).and_then(|mut disk| disk.read(&mut [0; 512])) {
            Ok(_) => return Ok(Done::Holds("a disk of the host")),
            Err(error) => last = Failed { step: "open a disk", errno: error.raw_os_error() },
        }
    }
    Err(last)
}

/// Whether this process has a capability in force.
fn capability(number: u32) -> Played {
    let status = std::fs::read_to_string("/proc/self/status").at("open /proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap_or_default();
    let set = u64::from_str_radix(line.trim(), 16).unwrap_or(0);
    if set >> number & 1 == 1 {
        Ok(Done::Holds("the capability"))
    } else {
        Err(Failed { step: "CAP_NET_ADMIN", errno: Some(libc::EPERM) })
    }
}

/// Only opens the directory for change where it is weir's: what others have pinned is not to go.
fn unpin(_: &Aim) -> Played {
    let pins = Path::new("/sys/fs/bpf/weir");
    let first = std::fs::read_dir(pins).at("open weir's pins")?.flatten().next();
    let Some(first) = first else { return Err(Failed { step: "no pin is to be seen", errno: None }) };
    let inside = std::fs::read_dir(first.path()).at("open weir's pins")?.flatten().count();
    let mark = first.path().join("bypass");
    std::fs::create_dir(&mark).at("mkdir among weir's pins")?;
    std::fs::remove_dir(&mark).at("rmdir among weir's pins")?;
    std::io::stderr().write_all(format!("{inside} pins\n").as_bytes()).at("write")?;
    Ok(Done::Holds("the right to unlink weir's pins"))
}
