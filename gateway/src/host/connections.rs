//! Connections that jobs had before their interception: found by `sock_diag`, listed, and ended where that is wished.

use super::job::Job;
use super::jobs::Jobs;
use crate::capture;
use crate::capture::netlink::{self, Netlink};
use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsFd as _;

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const SOCK_DESTROY: u16 = 21;
/// Of `struct inet_diag_msg`.
const MESSAGE: usize = 72;
/// Established, SYN sent, half closed by either side: whatever may still carry bytes.
const STATES: u32 = 1 << 1 | 1 << 2 | 1 << 4 | 1 << 5 | 1 << 8;
/// Connections of one job that are told one by one.
pub(super) const TOLD: usize = 1000;

/// A connection that nobody intercepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Connection {
    /// `tcp` or `udp`.
    pub(super) protocol: &'static str,
    /// The job's end.
    pub(super) local: SocketAddr,
    /// The other end.
    pub(super) remote: SocketAddr,
    /// The socket's user.
    pub(super) uid: u32,
    /// A process that holds it, where one does.
    pub(super) pid: Option<u32>,
    /// The request that names it to the kernel.
    request: [u8; 56],
    netns: u64,
}

/// The job's connections, in every network namespace that its processes are in.
pub(super) fn of_job(jobs: &Jobs, job: &Job) -> Vec<Connection> {
    let processes = jobs.processes(job);
    let mut holders: HashMap<u32, u32> = HashMap::new();
    let mut namespaces: HashMap<u64, u32> = HashMap::new();
    for pid in processes {
        if let Some(netns) = namespace(pid) {
            namespaces.entry(netns).or_insert(pid);
        }
        holders.extend(socket_inodes(pid).into_iter().map(|inode| (inode, pid)));
    }
    let cgroups: HashSet<u64> = jobs.cgroups(job).iter().filter_map(|path| capture::cgroup_id(path).ok()).collect();
    let mut found = Vec::new();
    for (netns, pid) in namespaces {
        let listed = within(netns, pid, dump);
        match listed {
            Ok(sockets) => found.extend(sockets.into_iter().filter_map(|socket| {
                let pid = holders.get(&socket.inode).copied();
                // Its maker is in the job, or its holder is.
                let own = pid.is_some() || socket.cgroup.is_some_and(|cgroup| cgroups.contains(&cgroup));
                own.then_some(Connection { pid, netns, ..socket.connection })
            })),
            Err(error) => tracing::error!(%error, pid, "the connections of a network namespace can't be listed"),
        }
    }
    found
}

/// Ends a connection; its peer is reset.
///
/// # Errors
/// Where the kernel can't (`CONFIG_INET_DIAG_DESTROY`), or it is gone.
pub(super) fn cut(connection: &Connection) -> io::Result<()> {
    let Connection { request, netns, pid, .. } = connection;
    let request = *request;
    within(*netns, pid.unwrap_or(0), move || {
        let mut answer = [0; 1024];
        Netlink::open(libc::NETLINK_SOCK_DIAG)?.request(SOCK_DESTROY, libc::NLM_F_ACK as u16, &request, &mut answer).map(drop)
    })
}

/// One socket of a listing.
struct Listed {
    connection: Connection,
    inode: u32,
    cgroup: Option<u64>,
}

/// Every connection of this thread's network namespace.
fn dump() -> io::Result<Vec<Listed>> {
    let mut all = Vec::new();
    for (family, protocol) in [
        (libc::AF_INET, libc::IPPROTO_TCP),
        (libc::AF_INET6, libc::IPPROTO_TCP),
        (libc::AF_INET, libc::IPPROTO_UDP),
        (libc::AF_INET6, libc::IPPROTO_UDP),
    ] {
        let mut request = [0_u8; 56];
        request[0] = family as u8;
        request[1] = protocol as u8;
        request[4..8].copy_from_slice(&STATES.to_ne_bytes());
        let listing = Netlink::open(libc::NETLINK_SOCK_DIAG)?.dump(SOCK_DIAG_BY_FAMILY, &request, |message| {
            all.extend(listed(message, family as u8, protocol as u8));
        });
        match listing {
            // A kernel without udp_diag: TCP is what matters.
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) && protocol == libc::IPPROTO_UDP => {
                tracing::warn!("this kernel lists no UDP sockets (CONFIG_INET_UDP_DIAG): those that jobs had are not looked at");
            }
            other => other?,
        }
    }
    Ok(all)
}

/// `struct inet_diag_msg` and the attributes behind it.
fn listed(message: &[u8], family: u8, protocol: u8) -> Option<Listed> {
    let (head, attributes) = message.split_at_checked(MESSAGE)?;
    let mut request = [0_u8; 56];
    request[0] = family;
    request[1] = protocol;
    request[4..8].fill(0xff);
    // Ports, addresses, interface and cookie name the one socket that was seen.
    request[8..56].copy_from_slice(head.get(4..52)?);
    let port = |at: usize| Some(u16::from_be_bytes(head.get(at..at + 2)?.try_into().ok()?));
    let word = |at: usize| Some(u32::from_ne_bytes(head.get(at..at + 4)?.try_into().ok()?));
    let ip = |at: usize| {
        let bytes: [u8; 16] = head.get(at..at + 16)?.try_into().ok()?;
        Some(if i32::from(family) == libc::AF_INET {
            IpAddr::V4(Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3]))
        } else {
            IpAddr::V6(Ipv6Addr::from(bytes))
        })
    };
    let connection = Connection {
        protocol: if i32::from(protocol) == libc::IPPROTO_TCP { "tcp" } else { "udp" },
        local: SocketAddr::new(ip(8)?, port(4)?),
        remote: SocketAddr::new(ip(24)?, port(6)?),
        uid: word(64)?,
        pid: None,
        request,
        netns: 0,
    };
    Some(Listed { connection, inode: word(68)?, cgroup: netlink::socket_cgroup(attributes) })
}

/// Does `work` in the network namespace of a process, which has to be the one that was seen.
fn within<T: Send>(netns: u64, pid: u32, work: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    if namespace(std::process::id()) == Some(netns) {
        return work();
    }
    let file = fs::File::open(format!("/proc/{pid}/ns/net"))?;
    std::thread::scope(|scope| {
        // A thread of its own, that ends there: no other is ever in a job's namespace.
        let there = scope.spawn(move || {
            nix::sched::setns(file.as_fd(), nix::sched::CloneFlags::CLONE_NEWNET)?;
            work()
        });
        there.join().unwrap_or_else(|_panic| Err(io::ErrorKind::Other.into()))
    })
}

/// The number of a process's network namespace.
fn namespace(pid: u32) -> Option<u64> {
    let link = fs::read_link(format!("/proc/{pid}/ns/net")).ok()?;
    link.to_str()?.strip_prefix("net:[")?.strip_suffix(']')?.parse().ok()
}

fn socket_inodes(pid: u32) -> Vec<u32> {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    open.filter_map(|entry| fs::read_link(entry.path()).ok()?.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn an_own_connection_is_listed_with_its_ends_and_can_be_cut() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut accepted, _) = listener.accept().unwrap();
        let ends = (client.local_addr().unwrap(), client.peer_addr().unwrap());
        let found = dump().unwrap().into_iter().find(|one| (one.connection.local, one.connection.remote) == ends).unwrap();
        assert!(socket_inodes(std::process::id()).contains(&found.inode));
        let netns = namespace(std::process::id()).unwrap();
        cut(&Connection { netns, ..found.connection }).unwrap();
        let read = io::Read::read(&mut accepted, &mut [0; 1]);
        assert!(read.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionReset));
    }
}
