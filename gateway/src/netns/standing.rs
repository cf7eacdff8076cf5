//! A door between two that watch it: it stays open, and goes on with the next, in this process or another.

use super::door::{Door, Sockets};
use super::residents::Witness;
use super::visit::Namespace;
use std::fs::File;
use std::io;
use std::net::{TcpListener, UdpSocket};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::sync::Arc;

/// An open door that nobody watches at present. Connects to it wait.
#[derive(Debug)]
pub struct Standing {
    pub(super) door: Arc<Door>,
    pub(super) witness: Witness,
}

impl Standing {
    /// One that another gateway hands over, with the descriptors of [`Self::descriptors`].
    ///
    /// # Errors
    /// Where they are others, or the namespace can't be entered.
    pub fn inherit(netns_cookie: u64, port: u16, descriptors: Vec<OwnedFd>) -> io::Result<Self> {
        let others = |_| io::Error::new(io::ErrorKind::InvalidData, "a door comes with four descriptors");
        let [tcp, udp, namespace, witness] = <[OwnedFd; 4]>::try_from(descriptors).map_err(others)?;
        let sockets = Sockets { cookie: netns_cookie, port, tcp: TcpListener::from(tcp), udp: UdpSocket::from(udp) };
        let there = Namespace::of_file(File::from(namespace))?;
        let door = Door::inherit(&Namespace::own()?, there, sockets)?;
        Ok(Self { door: Arc::new(door), witness: Witness::of_descriptor(witness) })
    }

    /// The kernel's cookie of the namespace.
    #[must_use]
    pub fn cookie(&self) -> u64 {
        self.door.cookie()
    }

    /// The port of both sockets.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.door.port()
    }

    /// What another gateway needs of it: both sockets, the namespace, and who lives there.
    #[must_use]
    pub fn descriptors(&self) -> [BorrowedFd<'_>; 4] {
        let [tcp, udp] = self.door.descriptors();
        [tcp, udp, self.door.namespace().file().as_fd(), self.witness.ended().as_fd()]
    }
}
