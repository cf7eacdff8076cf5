//! Sockets as attempts make them, with time limits, and system calls that have no safe wrapper.
#![expect(unsafe_code, reason = "some ways round are system calls that nobody wraps")]

use super::{Aim, Done, Failed, FailedAt as _, Played};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, RecvMsg, UnixAddr, recvmsg};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::io::{self, IoSliceMut, Read as _, Write as _};
use std::net::SocketAddr;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// How long an attempt waits for anything.
pub(super) const PATIENCE: Duration = Duration::from_millis(1500);

/// A socket that waits for nothing longer than [`PATIENCE`].
pub(super) fn open(domain: Domain, kind: Type, protocol: Option<i32>) -> Result<Socket, Failed> {
    let socket = Socket::new(domain, kind, protocol.map(Protocol::from)).at("socket")?;
    socket.set_read_timeout(Some(PATIENCE)).at("setsockopt")?;
    socket.set_write_timeout(Some(PATIENCE)).at("setsockopt")?;
    Ok(socket)
}

/// A TCP socket of the family of `to`.
pub(super) fn tcp(to: SocketAddr) -> Result<Socket, Failed> {
    open(Domain::for_address(to), Type::STREAM, None)
}

/// A UDP socket of the family of `to`.
pub(super) fn udp(to: SocketAddr) -> Result<Socket, Failed> {
    open(Domain::for_address(to), Type::DGRAM, None)
}

/// Connects, tells the token, and waits for an answer.
pub(super) fn connect_and_tell(socket: &Socket, to: SocketAddr, aim: &Aim) -> Played {
    socket.connect(&SockAddr::from(to)).at("connect")?;
    tell(socket, aim)
}

/// Tells the token over what is connected, and waits for an answer.
pub(super) fn tell(mut socket: &Socket, aim: &Aim) -> Played {
    socket.write_all(aim.token.as_bytes()).at("send")?;
    let mut answer = [0; 64];
    match socket.read(&mut answer) {
        // Closed without a word, reset, or silent: it was sent.
        Ok(_) | Err(_) => Ok(Done::Sent),
    }
}

/// A system call by its number.
///
/// # Errors
/// What the kernel says.
pub(super) fn call(number: libc::c_long, arguments: [usize; 6]) -> io::Result<usize> {
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: callers hand pointers to memory of theirs that lives through the call, of the size that the call names.
    let returned = unsafe { libc::syscall(number, a, b, c, d, e, f) };
    usize::try_from(returned).map_err(|_| io::Error::last_os_error())
}

/// A descriptor that a system call gave.
pub(super) fn owned(descriptor: usize) -> Result<OwnedFd, Failed> {
    let descriptor = i32::try_from(descriptor).map_err(|_| Failed { step: "descriptor", errno: None })?;
    // SAFETY: the kernel has just given it to this process, which does nothing else with it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// A descriptor that came with a message.
pub(super) fn received(stream: &UnixStream) -> Result<OwnedFd, Failed> {
    let mut bytes = [0; 64];
    let mut buffers = [IoSliceMut::new(&mut bytes)];
    let mut space = nix::cmsg_space!([std::os::fd::RawFd; 1]);
    let message: RecvMsg<'_, '_, UnixAddr> =
        recvmsg(stream.as_raw_fd(), &mut buffers, Some(&mut space), MsgFlags::MSG_CMSG_CLOEXEC).at("recvmsg")?;
    for part in message.cmsgs().at("recvmsg")? {
        if let ControlMessageOwned::ScmRights(descriptors) = part
            && let Some(&first) = descriptors.first()
        {
            return owned(usize::try_from(first).unwrap_or(usize::MAX));
        }
    }
    Err(Failed { step: "a descriptor in the message", errno: None })
}

/// The bytes of an address as the kernel takes it, and how many they are.
pub(super) fn raw_address(address: SocketAddr) -> (SockAddr, usize) {
    let address = SockAddr::from(address);
    let length = usize::try_from(address.len()).unwrap_or(0);
    (address, length)
}

/// Reads the memory of `bytes` so that it is known to be at one place.
pub(super) fn place(bytes: &[u8]) -> usize {
    bytes.as_ptr().expose_provenance()
}
