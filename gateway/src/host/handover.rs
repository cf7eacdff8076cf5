//! What one daemon hands to the next, over a unix socket: its sockets, its lock, its jobs and its running totals.
//!
//! The next says `Hello` and is made an `Offer`; once it has everything ready to serve it says `Ready`, the first stops
//! accepting and says `Yours`; once the next has seen a canary come out it says `Serving`, and the first drains. At any
//! earlier end of the conversation the first goes on as if nothing had been.

use super::job::Job;
use crate::identity::Claimant;
use crate::names::ToldName;
use crate::session::totals::Snapshot;
use gateway_core::model::ids::RunId;
use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, UnixAddr, recvmsg, sendmsg};
use serde::{Deserialize, Serialize};
use std::io::{self, IoSlice, IoSliceMut, Read as _, Write as _};
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The version of this conversation.
const VERSION: u32 = 1;
/// How long the other side may take to answer: the kernel side is loaded meanwhile.
const PATIENCE: Duration = Duration::from_secs(120);
/// Bytes of one message.
const LONGEST: usize = 64 << 20;
/// Descriptors that come with one message: the kernel's own limit is 253.
const DESCRIPTORS: usize = 64;

/// What is said.
#[derive(Debug, Serialize, Deserialize)]
pub enum Message {
    /// The next daemon introduces itself.
    Hello {
        /// The version of the conversation.
        conversation: u32,
        /// The version of the program.
        version: String,
        /// Its process.
        pid: u32,
    },
    /// What there is to take over; the lock and the jobs' socket come with it, and each pair of sockets in a message of its own.
    Offer {
        /// The version of the program that offers.
        version: String,
        /// How many pairs of sockets follow.
        listeners: usize,
        /// The jobs so far.
        jobs: Vec<Job>,
        /// Seconds since running totals are counted.
        age: u64,
    },
    /// One namespace's TCP and UDP socket, which come with it.
    Listener {
        /// The namespace.
        netns_cookie: u64,
        /// The port of both.
        port: u16,
    },
    /// The next daemon could serve at once.
    Ready,
    /// The first has stopped accepting: what it has counted, and its jobs.
    Yours {
        /// The jobs.
        jobs: Vec<Job>,
        /// The running totals.
        totals: Snapshot,
        /// How many doors of other network namespaces follow, each in a message of its own.
        #[serde(default)]
        doors: usize,
        /// Who may show the token of which run.
        #[serde(default)]
        claimants: Vec<(RunId, Claimant)>,
        /// The names that runs were told.
        #[serde(default)]
        names: Vec<ToldName>,
    },
    /// One door: its two sockets, its network namespace and a process that lives there come with it.
    Door {
        /// The namespace.
        netns_cookie: u64,
        /// The port of both sockets.
        port: u16,
    },
    /// The next daemon serves: the first may drain and go.
    Serving,
    /// What the first has counted since, while it drains.
    Counted {
        /// The running totals of what is left of its sessions.
        totals: Snapshot,
    },
}

/// One end of a conversation.
pub struct Conversation {
    stream: UnixStream,
}

impl Conversation {
    /// Begins one with the daemon whose job socket this is.
    ///
    /// # Errors
    /// Where none listens there, or it is not root's.
    pub fn begin(socket: &Path) -> io::Result<Self> {
        let conversation = Self::of(UnixStream::connect(handover_path(socket))?)?;
        let version = env!("CARGO_PKG_VERSION").to_owned();
        conversation.say(&Message::Hello { conversation: VERSION, version, pid: std::process::id() }, &[])?;
        Ok(conversation)
    }

    /// Takes up one that was begun, and hears who it is: its process.
    ///
    /// # Errors
    /// Where it is not root's, or does not speak as this one does.
    pub fn take_up(stream: UnixStream) -> io::Result<(Self, u32)> {
        let conversation = Self::of(stream)?;
        match conversation.hear()?.0 {
            Message::Hello { conversation: VERSION, pid, version } => {
                tracing::info!(pid, version, "another daemon wants to take over");
                Ok((conversation, pid))
            }
            other => Err(unexpected(&other)),
        }
    }

    fn of(stream: UnixStream) -> io::Result<Self> {
        let peer = nix::sys::socket::getsockopt(&stream, nix::sys::socket::sockopt::PeerCredentials)?;
        if peer.uid() != 0 {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("user {} is not root", peer.uid())));
        }
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream })
    }

    /// Says something; the descriptors go with it.
    ///
    /// # Errors
    /// Where the other side is gone.
    pub fn say(&self, message: &Message, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let body = serde_json::to_vec(message)?;
        let length = u32::try_from(body.len()).map_err(|_| io::ErrorKind::InvalidData)?.to_le_bytes();
        let raw: Vec<_> = descriptors.iter().map(|descriptor| descriptor.as_raw_fd()).collect();
        let rights = [ControlMessage::ScmRights(&raw)];
        let rights = if raw.is_empty() { &rights[..0] } else { &rights[..] };
        let sent = sendmsg::<UnixAddr>(self.stream.as_raw_fd(), &[IoSlice::new(&length)], rights, MsgFlags::MSG_NOSIGNAL, None)?;
        if sent != length.len() {
            return Err(io::ErrorKind::WriteZero.into());
        }
        (&self.stream).write_all(&body)
    }

    /// Hears what the other side says next, and what comes with it.
    ///
    /// # Errors
    /// Where it is gone, says nothing in time, or nothing that can be understood.
    pub fn hear(&self) -> io::Result<(Message, Vec<OwnedFd>)> {
        let mut length = [0_u8; 4];
        let mut room = nix::cmsg_space!([std::os::fd::RawFd; DESCRIPTORS]);
        let mut parts = [IoSliceMut::new(&mut length)];
        let received = recvmsg::<UnixAddr>(self.stream.as_raw_fd(), &mut parts, Some(&mut room), MsgFlags::MSG_CMSG_CLOEXEC)?;
        let mut descriptors = Vec::new();
        for control in received.cmsgs()? {
            if let ControlMessageOwned::ScmRights(raw) = control {
                #[expect(unsafe_code, reason = "the kernel gives plain numbers")]
                // SAFETY: just received, nobody else has them.
                descriptors.extend(raw.into_iter().map(|raw| unsafe { OwnedFd::from_raw_fd(raw) }));
            }
        }
        let bytes = received.bytes;
        // A stream may give less than was asked for.
        (&self.stream).read_exact(length.get_mut(bytes..).ok_or(io::ErrorKind::InvalidData)?)?;
        if bytes == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let length = usize::try_from(u32::from_le_bytes(length)).map_err(|_| io::ErrorKind::InvalidData)?;
        if length > LONGEST {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut body = vec![0; length];
        (&self.stream).read_exact(&mut body)?;
        Ok((serde_json::from_slice(&body)?, descriptors))
    }
}

/// What was said at the wrong time.
pub fn unexpected(message: &Message) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("it said {message:?}, which is not to be said there"))
}

/// Where a daemon that is to be followed listens.
#[must_use]
pub fn handover_path(socket: &Path) -> PathBuf {
    let mut path = socket.as_os_str().to_owned();
    path.push(".handover");
    PathBuf::from(path)
}

/// Listens there, for root alone, in place of whoever did.
///
/// # Errors
/// Where the socket can't be made.
pub fn listen(socket: &Path) -> io::Result<UnixListener> {
    let path = handover_path(socket);
    let mut fresh = path.as_os_str().to_owned();
    fresh.push(format!(".{}", std::process::id()));
    let fresh = PathBuf::from(fresh);
    match std::fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&fresh)?;
    std::fs::set_permissions(&fresh, std::fs::Permissions::from_mode(0o600))?;
    std::fs::rename(&fresh, &path)?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::Seek as _;
    use std::os::fd::AsFd as _;

    #[test]
    fn a_message_and_its_descriptors_arrive_whole() {
        if !nix::unistd::geteuid().is_root() {
            panic!("this test needs root, as the daemon does");
        }
        let (one, other) = UnixStream::pair().unwrap();
        let (one, other) = (Conversation::of(one).unwrap(), Conversation::of(other).unwrap());
        let mut file: File = tempfile::tempfile().unwrap();
        file.write_all(b"handed over").unwrap();
        one.say(&Message::Listener { netns_cookie: 7, port: 5432 }, &[file.as_fd()]).unwrap();
        one.say(&Message::Ready, &[]).unwrap();
        let (message, mut descriptors) = other.hear().unwrap();
        assert!(matches!(message, Message::Listener { netns_cookie: 7, port: 5432 }));
        let mut same = File::from(descriptors.pop().unwrap());
        same.rewind().unwrap();
        assert_eq!(io::read_to_string(same).unwrap(), "handed over");
        assert!(matches!(other.hear().unwrap().0, Message::Ready));
        drop(one);
        assert_eq!(other.hear().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
