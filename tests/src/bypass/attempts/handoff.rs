//! Sockets that somebody else made, or uses.

use super::tcp::plain;
use crate::bypass::deputy::{Door, ask_for_socket, ask_to_use};
use crate::bypass::socket::{call, connect_and_tell, owned, tcp, tell};
use crate::bypass::{Aim, Case, Done, Failed, FailedAt as _, Played, Scene};
use socket2::{SockAddr, Socket};
use std::os::fd::OwnedFd;

/// Why a socket that is already connected is not weir's to refuse.
const ACCOMPLICE: &str = "it takes an accomplice outside every job, who can as well send the bytes himself; what a protected target takes from outside every job is the host's part: [under `weir serve`](#under-weir-serve), with `from_outside = \"refuse\"`, it is refused";

/// Why a socket that somebody outside made is not refused by a private gateway.
const HANDED: &str = "a private gateway (`weir run`) is attached at its own job, and a socket belongs to the cgroup in which it was made: it takes an accomplice outside every job, who can as well send the bytes himself. [Under `weir serve`](#under-weir-serve), attached above both, it is refused";

/// Why a process that root moves is root's own doing.
const MOVED: &str = "only root outside the job can move a process into it. [Under `weir serve`](#under-weir-serve), attached above both, the connect is refused";

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::alone(Scene::Inherited, "1a", "A connection that was open before weir started, inherited by the job", |aim| {
            tell(&inherited(8)?, aim)
        }),
        Case::alone(
            Scene::Inherited,
            "2a",
            "A socket that was made before weir started, inherited and connected by the job",
            |aim| connect_and_tell(&inherited(7)?, aim.to4(), aim),
        ),
        Case::alone(Scene::SocketAsInput, "50a", "The job's standard input is a connected socket (inetd's way)", |aim| {
            tell(&inherited(0)?, aim)
        }),
        Case::alone(
            Scene::MovedIn,
            "3a",
            "A socket is made outside, its process is moved into the job, then it connects",
            moved_in,
        )
        .not_promised(MOVED),
        Case::job("4a", "A TCP socket by SCM_RIGHTS over a unix socket, connected by the job", |aim| {
            connect_and_tell(&ask_for_socket(Door::Path, "stream", aim.to4(), aim)?, aim.to4(), aim)
        })
        .not_promised(HANDED),
        Case::job("4b", "The same over an abstract unix socket", |aim| {
            connect_and_tell(&ask_for_socket(Door::Abstract, "stream", aim.to4(), aim)?, aim.to4(), aim)
        })
        .not_promised(HANDED),
        Case::job("4c", "The same with IPv6", |aim| {
            connect_and_tell(&ask_for_socket(Door::Path, "stream", aim.to6(), aim)?, aim.to6(), aim)
        })
        .not_promised(HANDED),
        Case::job("4d", "A UDP socket by SCM_RIGHTS, used by the job", |aim| {
            let socket = ask_for_socket(Door::Path, "datagram", aim.to4(), aim)?;
            socket.send_to(aim.token.as_bytes(), &SockAddr::from(aim.to4())).at("sendto")?;
            Ok(Done::Sent)
        })
        .not_promised(HANDED),
        Case::job("5a", "A connected socket by SCM_RIGHTS", |aim| {
            tell(&ask_for_socket(Door::Path, "connected", aim.to4(), aim)?, aim)
        })
        .not_promised(ACCOMPLICE),
        Case::job("5b", "The same over an abstract unix socket", |aim| {
            tell(&ask_for_socket(Door::Abstract, "connected", aim.to4(), aim)?, aim)
        })
        .not_promised(ACCOMPLICE),
        Case::job("5c", "A connected socket taken out of another process of the same user (pidfd_getfd)", stolen),
        Case::job("6a", "The job's socket, connected by a process outside", |aim| {
            ask_to_use(Door::Path, OwnedFd::from(tcp(aim.to4())?), aim.to4(), aim).map(|()| Done::Sent)
        }),
        Case::job("6b", "The same over an abstract unix socket", |aim| {
            ask_to_use(Door::Abstract, OwnedFd::from(tcp(aim.to4())?), aim.to4(), aim).map(|()| Done::Sent)
        }),
        Case::job("37a", "ptrace of a process outside, of the same user", traced),
        Case::job("37b", "process_vm_writev into a process outside, of the same user", written),
        Case::job("37c", "/proc/PID/mem of a process outside, of the same user", written_by_file),
    ]
}

fn inherited(number: usize) -> Result<Socket, Failed> {
    let get_flags = usize::try_from(libc::F_GETFD).unwrap_or(0);
    call(libc::SYS_fcntl, [number, get_flags, 0, 0, 0, 0]).at("the inherited descriptor")?;
    let socket = Socket::from(owned(number)?);
    socket.set_read_timeout(Some(crate::bypass::socket::PATIENCE)).at("setsockopt")?;
    Ok(socket)
}

/// Makes a socket, asks to be moved by a file, and goes on when the file is gone.
fn moved_in(aim: &Aim) -> Played {
    let socket = tcp(aim.to4())?;
    if aim.place.gateway == 0 {
        // Without weir there is nothing to be moved into.
        return connect_and_tell(&socket, aim.to4(), aim);
    }
    let asks = aim.place.directory.join("move-me-in");
    std::fs::write(&asks, std::process::id().to_string()).at("a file")?;
    for _ in 0..500 {
        if !asks.exists() {
            return connect_and_tell(&socket, aim.to4(), aim);
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    Err(Failed { step: "nobody moved it", errno: None })
}

fn stolen(aim: &Aim) -> Played {
    let number = |number: i32| usize::try_from(number).unwrap_or(0);
    let process = call(libc::SYS_pidfd_open, [number(aim.place.victim), 0, 0, 0, 0, 0]).at("pidfd_open")?;
    let taken = call(libc::SYS_pidfd_getfd, [process, number(aim.place.victim_socket), 0, 0, 0, 0]).at("pidfd_getfd")?;
    let socket = Socket::from(owned(taken)?);
    socket.set_read_timeout(Some(crate::bypass::socket::PATIENCE)).at("setsockopt")?;
    tell(&socket, aim)
}

/// Gives the victim the time to send on what it finds.
fn sent_on() -> Played {
    std::thread::sleep(std::time::Duration::from_millis(400));
    Ok(Done::Sent)
}

fn traced(aim: &Aim) -> Played {
    use nix::sys::ptrace;
    let victim = nix::unistd::Pid::from_raw(aim.place.victim);
    ptrace::attach(victim).at("ptrace")?;
    nix::sys::wait::waitpid(victim, None).at("waitpid")?;
    for (at, word) in aim.token.as_bytes().chunks(8).enumerate() {
        let mut bytes = [0; 8];
        bytes[..word.len()].copy_from_slice(word);
        let address = usize::try_from(aim.place.victim_memory).unwrap_or(0) + 8 * at;
        ptrace::write(victim, std::ptr::with_exposed_provenance_mut(address), i64::from_ne_bytes(bytes)).at("ptrace: poke")?;
    }
    ptrace::detach(victim, None).at("ptrace: detach")?;
    sent_on()
}

fn written(aim: &Aim) -> Played {
    let base = usize::try_from(aim.place.victim_memory).unwrap_or(0);
    let there = nix::sys::uio::RemoteIoVec { base, len: aim.token.len() };
    let here = [std::io::IoSlice::new(aim.token.as_bytes())];
    nix::sys::uio::process_vm_writev(nix::unistd::Pid::from_raw(aim.place.victim), &here, &[there]).at("process_vm_writev")?;
    sent_on()
}

fn written_by_file(aim: &Aim) -> Played {
    use std::os::unix::fs::FileExt as _;
    let path = format!("/proc/{}/mem", aim.place.victim);
    let memory = std::fs::OpenOptions::new().write(true).open(path).at("open /proc/PID/mem")?;
    memory.write_all_at(aim.token.as_bytes(), aim.place.victim_memory).at("write")?;
    sent_on()
}

/// What every attempt ends in that has first made itself free.
pub(super) fn then_connect(aim: &Aim) -> Played {
    plain(aim.to4(), aim)
}
