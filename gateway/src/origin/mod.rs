//! Whose connection was accepted and where it meant to go, checked against the client's own socket.

mod sock_diag;

use crate::capture::{Capture, CaptureError, ConnectRecord, JobTag, sys};
use crate::netns::Doors;
use gateway_core::model::addr::{ClientAddr, OriginalDst};
use gateway_core::model::ids::RunId;
use nix::sys::socket::{SockaddrStorage, getpeername, getsockname};
use sock_diag::ClientSocket;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd as _, BorrowedFd};
use std::sync::PoisonError;

/// Where an intercepted connection came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Where the job meant to connect to.
    pub original: OriginalDst,
    /// The job's end of the connection.
    pub client: ClientAddr,
    /// The execution that the job is.
    pub run: RunId,
    /// The job as the kernel side has it: its run, and the rule that made it.
    pub job: JobTag,
    /// Device and inode of the program that connected, as they were at the connect; nothing where they could not be read.
    pub executable: Option<Executable>,
    /// The process, by its group leader's id.
    pub pid: u32,
    /// When that group leader started, in nanoseconds since boot.
    pub started_boottime_ns: u64,
    /// The real user id at the connect.
    pub uid: u32,
    /// The real group id at the connect.
    pub gid: u32,
    /// The cgroup of the task that connected.
    pub cgroup_id: u64,
    /// The client's socket, as the kernel names it.
    pub cookie: u64,
    /// The network namespace that it is in.
    pub netns_cookie: u64,
}

/// A file, by what stays the same of it however it is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Executable {
    /// The device, as `stat` gives it.
    pub device: u64,
    /// The inode.
    pub inode: u64,
}

/// Why an accepted connection has no origin. It must be closed.
#[derive(Debug, thiserror::Error)]
pub enum OriginError {
    /// Nobody in a job made it, or its record was taken already.
    #[error("{client} was not intercepted: it dialled the gateway itself from outside every job, or its record is gone")]
    NotCaptured {
        /// The client's end.
        client: SocketAddr,
    },
    /// The client's socket was gone before it could be checked.
    #[error("the socket of {client} was gone before it could be checked")]
    Gone {
        /// The client's end.
        client: SocketAddr,
    },
    /// The client's socket is not the one that the kernel recorded.
    #[error("the socket of {client} is not the one that connected: its {what} is {found}, recorded was {recorded}")]
    Mismatch {
        /// The client's end.
        client: SocketAddr,
        /// What differs.
        what: &'static str,
        /// As the socket shows it now.
        found: u64,
        /// As it was at the connect.
        recorded: u64,
    },
    /// The record can't be read.
    #[error(transparent)]
    Record(#[from] CaptureError),
    /// The accepted socket can't be asked.
    #[error("the accepted socket could not be asked for its addresses: {0}")]
    Socket(#[source] io::Error),
    /// The client's socket can't be looked up.
    #[error("the client's socket could not be looked up with sock_diag: {0}")]
    Lookup(#[source] io::Error),
}

/// Takes the record of the accepted connection and checks it against the client's socket.
///
/// # Errors
/// Where there is no record, or where the client's socket is not the recorded one.
pub fn resolve(stream: BorrowedFd<'_>, capture: &Capture, doors: &Doors) -> Result<Origin, OriginError> {
    let address = |name: nix::Result<SockaddrStorage>| {
        name.map_err(io::Error::from).and_then(|name| socket_address(&name)).map_err(OriginError::Socket)
    };
    let client = address(getpeername(stream.as_raw_fd()))?;
    let local = address(getsockname(stream.as_raw_fd()))?;
    let netns = sys::netns_cookie(stream).map_err(OriginError::Socket)?;
    let record = capture.take(client, local, netns)?.ok_or(OriginError::NotCaptured { client })?;
    let socket = look_up(client, local, netns, doors).map_err(OriginError::Lookup)?;
    check(client, &record, &socket.ok_or(OriginError::Gone { client })?)?;
    Ok(Origin {
        original: OriginalDst(original(&record)),
        client: ClientAddr(client),
        run: RunId::from_number(record.job.run),
        job: record.job,
        executable: executable(&record),
        pid: record.tgid,
        started_boottime_ns: record.started_boottime_ns,
        uid: record.uid,
        gid: record.gid,
        cgroup_id: record.task_cgroup,
        cookie: record.cookie,
        netns_cookie: netns,
    })
}

/// Readies the calling thread for look-ups of clients. Without that, its first one does.
///
/// # Errors
/// Where there is no descriptor left for it.
pub fn prepare() -> io::Result<()> {
    sock_diag::open()
}

/// Looks the client's socket up where it is: behind a door, or in the host's own network namespace.
fn look_up(client: SocketAddr, local: SocketAddr, netns: u64, doors: &Doors) -> io::Result<Option<ClientSocket>> {
    match doors.of(netns) {
        Some(door) => {
            let mut diagnosis = door.diagnosis().lock().unwrap_or_else(PoisonError::into_inner);
            sock_diag::find_by(&mut diagnosis, client, local)
        }
        None => sock_diag::find(client, local),
    }
}

/// Compares the client's socket, as it is now, with what the connect hook saw.
fn check(client: SocketAddr, record: &ConnectRecord, socket: &ClientSocket) -> Result<(), OriginError> {
    // A client that has already closed leaves no more than its ports and addresses, and these
    // can't belong to anyone else while the gateway holds its end.
    if socket.is_closing() {
        return Ok(());
    }
    let same = |what, found: u64, recorded: u64| {
        let mismatch = OriginError::Mismatch { client, what, found, recorded };
        if found == recorded { Ok(()) } else { Err(mismatch) }
    };
    same("cookie", socket.cookie, record.cookie)?;
    if socket.has_owner() {
        same("user id", socket.uid.into(), record.socket_uid.into())?;
    }
    match socket.cgroup {
        Some(cgroup) => same("cgroup", cgroup, record.socket_cgroup),
        None => Ok(()),
    }
}

/// The program that the process ran at the connect; none where the kernel did not say.
///
/// The kernel numbers a device `major << 20 | minor`, `stat` otherwise.
#[must_use]
pub fn executable(record: &ConnectRecord) -> Option<Executable> {
    let (major, minor) = (record.executable_device >> 20, record.executable_device & 0xf_ffff);
    (record.executable_inode != 0).then(|| Executable { device: libc::makedev(major, minor), inode: record.executable_inode })
}

fn original(record: &ConnectRecord) -> SocketAddr {
    let address = Ipv6Addr::from(record.original_address);
    match (i32::from(record.family), address.to_ipv4_mapped()) {
        (libc::AF_INET, Some(v4)) => SocketAddr::new(IpAddr::V4(v4), record.original_port),
        _ => SocketAddr::new(IpAddr::V6(address), record.original_port),
    }
}

/// The address as the client's own family has it: IPv4 where a dual-stack listener says v4-mapped.
fn socket_address(name: &SockaddrStorage) -> io::Result<SocketAddr> {
    let v4 = name.as_sockaddr_in().map(|v4| SocketAddr::new(IpAddr::V4(v4.ip()), v4.port()));
    let v6 = name.as_sockaddr_in6().map(|v6| SocketAddr::new(v6.ip().to_canonical(), v6.port()));
    v4.or(v6).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "it is no TCP socket"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (SocketAddr, ConnectRecord, ClientSocket) {
        let record = ConnectRecord { cookie: 7, socket_uid: 1000, socket_cgroup: 42, ..ConnectRecord::default() };
        let socket = ClientSocket { state: 1, cookie: 7, uid: 1000, inode: 9, cgroup: Some(42) };
        (SocketAddr::from(([127, 0, 0, 1], 40_000)), record, socket)
    }

    #[test]
    fn the_recorded_socket_passes_and_any_other_does_not() {
        let (client, record, socket) = pair();
        assert!(check(client, &record, &socket).is_ok());
        for other in
            [ClientSocket { cookie: 8, ..socket }, ClientSocket { uid: 0, ..socket }, ClientSocket { cgroup: Some(41), ..socket }]
        {
            assert!(matches!(check(client, &record, &other), Err(OriginError::Mismatch { .. })), "{other:?}");
        }
    }

    #[test]
    fn a_v4_mapped_destination_stays_what_the_job_wrote() {
        let mapped = std::net::Ipv4Addr::new(192, 0, 2, 1).to_ipv6_mapped();
        let v6 = ConnectRecord { original_address: mapped.octets(), original_port: 5432, family: 10, ..ConnectRecord::default() };
        assert_eq!(original(&v6).to_string(), "[::ffff:192.0.2.1]:5432");
        assert_eq!(original(&ConnectRecord { family: 2, ..v6 }).to_string(), "192.0.2.1:5432");
    }
}
