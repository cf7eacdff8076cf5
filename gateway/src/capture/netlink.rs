//! One request, one answer over netlink: what routes and socket look-ups need, and no more.

use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};

/// The length of `struct nlmsghdr`.
pub(crate) const HEADER: usize = 16;
const NLMSG_ERROR: u16 = 2;
const INET_DIAG_CGROUP_ID: u16 = 21;
const NLMSG_DONE: u16 = 3;

/// A netlink socket.
pub(crate) struct Netlink {
    socket: OwnedFd,
    sequence: u32,
}

impl Netlink {
    /// A socket of `protocol` (`NETLINK_ROUTE`, `NETLINK_SOCK_DIAG`), in this thread's network namespace.
    pub(crate) fn open(protocol: libc::c_int) -> io::Result<Self> {
        // SAFETY: a plain call; the descriptor is owned from here on.
        let socket = unsafe { libc::socket(libc::AF_NETLINK, libc::SOCK_RAW | libc::SOCK_CLOEXEC, protocol) };
        if socket < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: just opened, nobody else has it.
        let socket = unsafe { OwnedFd::from_raw_fd(socket) };
        let patience = libc::timeval { tv_sec: 5, tv_usec: 0 };
        // SAFETY: the kernel reads the structure that is lent to it.
        let set = unsafe {
            let size = size_of::<libc::timeval>() as libc::socklen_t;
            libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_RCVTIMEO, (&raw const patience).cast(), size)
        };
        if set != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self { socket, sequence: 0 })
    }

    /// Sends `payload` as a request of type `kind` and reads the answer into `answer`.
    ///
    /// Gives the answer's payload; an acknowledgement's is empty, an error is an `io::Error`.
    pub(crate) fn request<'a>(&mut self, kind: u16, flags: u16, payload: &[u8], answer: &'a mut [u8]) -> io::Result<&'a [u8]> {
        self.send(kind, flags, payload)?;
        let received = self.receive(answer)?;
        payload_of(answer.get(..received).ok_or(io::ErrorKind::InvalidData)?)
    }

    fn send(&mut self, kind: u16, flags: u16, payload: &[u8]) -> io::Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut message = [0_u8; 256];
        let length = HEADER + payload.len();
        let room = message.get_mut(..length).ok_or(io::ErrorKind::InvalidInput)?;
        room[..4].copy_from_slice(&(length as u32).to_ne_bytes());
        room[4..6].copy_from_slice(&kind.to_ne_bytes());
        room[6..8].copy_from_slice(&(flags | libc::NLM_F_REQUEST as u16).to_ne_bytes());
        room[8..12].copy_from_slice(&self.sequence.to_ne_bytes());
        room[HEADER..].copy_from_slice(payload);
        // SAFETY: the kernel reads `length` bytes of a live slice.
        let sent = unsafe { libc::send(self.socket.as_raw_fd(), room.as_ptr().cast(), length, 0) };
        if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Sends `payload` as a request for a listing of type `kind`, and gives each entry's payload to `each`.
    pub(crate) fn dump(&mut self, kind: u16, payload: &[u8], mut each: impl FnMut(&[u8])) -> io::Result<()> {
        let mut answer = vec![0_u8; 64 << 10];
        self.send(kind, libc::NLM_F_DUMP as u16, payload)?;
        loop {
            let received = self.receive(&mut answer)?;
            let mut rest = answer.get(..received).ok_or(io::ErrorKind::InvalidData)?;
            while rest.len() >= HEADER {
                let length = usize::try_from(u32::from_ne_bytes([rest[0], rest[1], rest[2], rest[3]])).unwrap_or(0);
                let message = rest.get(..length).filter(|_| length >= HEADER).ok_or(io::ErrorKind::InvalidData)?;
                if message[4..6] == NLMSG_DONE.to_ne_bytes() {
                    return Ok(());
                }
                each(payload_of(message)?);
                rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
            }
        }
    }

    /// Reads until the answer to the last request: an earlier, timed-out one may still be queued.
    fn receive(&self, answer: &mut [u8]) -> io::Result<usize> {
        loop {
            // SAFETY: the kernel writes at most the slice's length.
            let received = unsafe { libc::recv(self.socket.as_raw_fd(), answer.as_mut_ptr().cast(), answer.len(), 0) };
            let received = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
            let sequence = answer.get(8..12).filter(|_| received >= HEADER);
            if sequence == Some(&self.sequence.to_ne_bytes()) {
                return Ok(received);
            }
        }
    }
}

/// The cgroup of a socket, from the attributes behind its `struct inet_diag_msg` (sock_diag(7)).
pub(crate) fn socket_cgroup(mut attributes: &[u8]) -> Option<u64> {
    while let Some((header, _)) = attributes.split_first_chunk::<4>() {
        let length = usize::from(u16::from_ne_bytes([header[0], header[1]]));
        let value = attributes.get(4..length)?;
        if u16::from_ne_bytes([header[2], header[3]]) == INET_DIAG_CGROUP_ID {
            return Some(u64::from_ne_bytes(value.try_into().ok()?));
        }
        attributes = attributes.get(length.next_multiple_of(4)..)?;
    }
    None
}

fn payload_of(message: &[u8]) -> io::Result<&[u8]> {
    let (header, payload) = message.split_at_checked(HEADER).ok_or(io::ErrorKind::InvalidData)?;
    if header[4..6] != NLMSG_ERROR.to_ne_bytes() {
        return Ok(payload);
    }
    let code = payload.first_chunk::<4>().ok_or(io::ErrorKind::InvalidData)?;
    match i32::from_ne_bytes(*code) {
        0 => Ok(&[]),
        code => Err(io::Error::from_raw_os_error(-code)),
    }
}
