//! io_uring: the same, without the system calls that a filter would look at.
#![expect(unsafe_code, reason = "what a ring is handed must live until it has answered")]

use crate::bypass::socket::{place, raw_address, tcp, tell, udp};
use crate::bypass::{Aim, Case, Done, Failed, FailedAt as _, Played};
use io_uring::{IoUring, opcode, squeue, types};
use socket2::Socket;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd as _, FromRawFd as _};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::job("18a", "io_uring connect over IPv4", |aim| connect(&ring()?, aim.to4(), aim, squeue::Flags::empty())),
        Case::job("18b", "io_uring connect over IPv6", |aim| connect(&ring()?, aim.to6(), aim, squeue::Flags::empty())),
        Case::job("18c", "io_uring with a kernel thread that polls (SQPOLL)", |aim| {
            let ring = IoUring::builder().setup_sqpoll(50).build(8).at("io_uring_setup")?;
            connect(&ring, aim.to4(), aim, squeue::Flags::empty())
        }),
        Case::job("18d", "io_uring connect from a worker thread (IOSQE_ASYNC)", |aim| {
            connect(&ring()?, aim.to4(), aim, squeue::Flags::ASYNC)
        }),
        Case::job("18e", "io_uring makes the socket too", made_by_ring),
        Case::job("18f", "io_uring sends a UDP datagram", |aim| datagram(aim.to4(), aim)),
        Case::job("18g", "io_uring sends a UDP datagram over IPv6", |aim| datagram(aim.to6(), aim)),
        Case::job("18h", "io_uring Multipath TCP", mptcp),
    ]
}

fn ring() -> Result<IoUring, Failed> {
    IoUring::new(8).at("io_uring_setup")
}

/// Has a ring make a socket, and closes it.
pub(super) fn makes(family: i32, kind: i32) -> Result<(), Failed> {
    let made = one(&ring()?, opcode::Socket::new(family, kind, 0).build()).at("io_uring socket")?;
    // SAFETY: the ring has just given it to this process.
    drop(unsafe { Socket::from_raw_fd(made) });
    Ok(())
}

/// Submits one entry and waits for its result.
fn one(ring: &IoUring, entry: squeue::Entry) -> io::Result<i32> {
    // SAFETY: no other thread has this ring, and what the entry points to lives in the caller until this returns.
    let (mut submission, mut completion) = unsafe { (ring.submission_shared(), ring.completion_shared()) };
    // SAFETY: as above.
    unsafe { submission.push(&entry) }.map_err(io::Error::other)?;
    submission.sync();
    ring.submit_and_wait(1)?;
    completion.sync();
    let result = completion.next().ok_or(io::ErrorKind::UnexpectedEof)?.result();
    if result < 0 { Err(io::Error::from_raw_os_error(-result)) } else { Ok(result) }
}

fn connect(ring: &IoUring, to: SocketAddr, aim: &Aim, flags: squeue::Flags) -> Played {
    through(ring, &tcp(to)?, to, aim, flags)
}

fn through(ring: &IoUring, socket: &Socket, to: SocketAddr, aim: &Aim, flags: squeue::Flags) -> Played {
    let (address, length) = raw_address(to);
    let length = u32::try_from(length).unwrap_or(0);
    let entry = opcode::Connect::new(types::Fd(socket.as_raw_fd()), address.as_ptr().cast(), length).build().flags(flags);
    one(ring, entry).at("io_uring connect")?;
    tell(socket, aim)
}

fn made_by_ring(aim: &Aim) -> Played {
    let ring = ring()?;
    let made = one(&ring, opcode::Socket::new(libc::AF_INET, libc::SOCK_STREAM, 0).build()).at("io_uring socket")?;
    // SAFETY: the ring has just given it to this process.
    let socket = unsafe { Socket::from_raw_fd(made) };
    socket.set_read_timeout(Some(crate::bypass::socket::PATIENCE)).at("setsockopt")?;
    through(&ring, &socket, aim.to4(), aim, squeue::Flags::empty())
}

fn mptcp(aim: &Aim) -> Played {
    let ring = ring()?;
    let made = one(&ring, opcode::Socket::new(libc::AF_INET, libc::SOCK_STREAM, 262).build()).at("io_uring socket")?;
    // SAFETY: the ring has just given it to this process.
    let socket = unsafe { Socket::from_raw_fd(made) };
    socket.set_read_timeout(Some(crate::bypass::socket::PATIENCE)).at("setsockopt")?;
    through(&ring, &socket, aim.to4(), aim, squeue::Flags::empty())
}

fn datagram(to: SocketAddr, aim: &Aim) -> Played {
    let (socket, (address, length)) = (udp(to)?, raw_address(to));
    let token = aim.token.as_bytes();
    let mut part = libc::iovec { iov_base: std::ptr::with_exposed_provenance_mut(place(token)), iov_len: token.len() };
    // SAFETY: all zeroes is a legal message header.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_name = address.as_ptr().cast_mut().cast();
    header.msg_namelen = u32::try_from(length).unwrap_or(0);
    header.msg_iov = &raw mut part;
    header.msg_iovlen = 1;
    let entry = opcode::SendMsg::new(types::Fd(socket.as_raw_fd()), &raw const header).build();
    one(&ring()?, entry).at("io_uring sendmsg")?;
    Ok(Done::Sent)
}
