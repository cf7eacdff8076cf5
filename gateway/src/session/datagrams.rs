//! Questions in datagrams: each comes to a disguise address that names its flow, and is answered from there.

use crate::identity::IdentityInput;
use crate::names::{Asker, QUESTION_BYTES, Transport};
use crate::origin;
use crate::session::context::Shared;
use crate::session::open;
use gateway_core::model::ids::RunId;
use nix::cmsg_space;
use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, SockaddrIn6, recvmsg, sendmsg};
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv6Addr};
use std::os::fd::AsRawFd as _;
use std::sync::Arc;
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::sync::Semaphore;

/// Questions that are being answered at once. What comes while so many are is dropped: its asker asks again.
const AT_ONCE: usize = 512;

/// A question as it came.
struct Datagram {
    bytes: Vec<u8>,
    from: SockaddrIn6,
    token: Ipv6Addr,
}

/// Answers what comes to `socket`, which is in the network namespace of this cookie, until the surrounding task is
/// aborted.
///
/// # Errors
/// Where the socket can't be read any more.
pub async fn serve(shared: Arc<Shared>, socket: std::net::UdpSocket, netns_cookie: u64) -> io::Result<()> {
    let socket = Arc::new(UdpSocket::from_std(socket)?);
    let room = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let datagram = match socket.async_io(Interest::READABLE, || receive(&socket)).await {
            Ok(datagram) => datagram,
            // What a closed port sent back to an answer is no failure of the socket's.
            Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::InvalidData) => continue,
            Err(error) => return Err(error),
        };
        let Ok(place) = Arc::clone(&room).try_acquire_owned() else {
            tracing::warn!(AT_ONCE, "a question was dropped: too many are being answered");
            continue;
        };
        let (shared, socket) = (Arc::clone(&shared), Arc::clone(&socket));
        tokio::spawn(async move {
            if let Err(error) = answer(&shared, &socket, netns_cookie, datagram).await {
                tracing::warn!(%error, "a question in a datagram was not answered");
            }
            drop(place);
        });
    }
}

async fn answer(shared: &Arc<Shared>, socket: &UdpSocket, netns_cookie: u64, datagram: Datagram) -> io::Result<()> {
    let token = IpAddr::V6(datagram.token).to_canonical();
    let record = shared.capture.flow(token, netns_cookie).map_err(io::Error::other)?;
    let record = record.ok_or_else(|| io::Error::other(format!("nobody in a job has sent to {token}")))?;
    let run = RunId::from_number(record.job.run);
    let input = IdentityInput {
        pid: record.tgid,
        started_boottime_ns: record.started_boottime_ns,
        uid: record.uid,
        gid: record.gid,
        cgroup_id: record.task_cgroup,
        run,
        executable: origin::executable(&record),
    };
    let Some(principal) = open::identify(shared, input).await else { return Ok(()) };
    let asker = Asker { principal: &principal, run, transport: Transport::Udp };
    let Some(answer) = shared.names.answer(shared.as_ref(), asker, &datagram.bytes).await else { return Ok(()) };
    socket.async_io(Interest::WRITABLE, || send(socket, &datagram, &answer)).await
}

fn receive(socket: &UdpSocket) -> io::Result<Datagram> {
    let mut bytes = vec![0; QUESTION_BYTES];
    let mut space = cmsg_space!(libc::in_pktinfo, libc::in6_pktinfo);
    let (length, from, token) = {
        let mut parts = [IoSliceMut::new(&mut bytes)];
        let message = recvmsg::<SockaddrIn6>(socket.as_raw_fd(), &mut parts, Some(&mut space), MsgFlags::MSG_DONTWAIT)?;
        let mut token = None;
        for part in message.cmsgs()? {
            match part {
                ControlMessageOwned::Ipv6PacketInfo(info) => token = Some(Ipv6Addr::from(info.ipi6_addr.s6_addr)),
                ControlMessageOwned::Ipv4PacketInfo(info) => {
                    let v4 = std::net::Ipv4Addr::from(info.ipi_addr.s_addr.to_ne_bytes());
                    token = token.or_else(|| Some(v4.to_ipv6_mapped()));
                }
                _ => {}
            }
        }
        (message.bytes, message.address, token)
    };
    bytes.truncate(length);
    match (from, token) {
        (Some(from), Some(token)) => Ok(Datagram { bytes, from, token }),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "a datagram without its addresses")),
    }
}

fn send(socket: &UdpSocket, to: &Datagram, answer: &[u8]) -> io::Result<()> {
    let info = libc::in6_pktinfo { ipi6_addr: libc::in6_addr { s6_addr: to.token.octets() }, ipi6_ifindex: 0 };
    let parts = [IoSlice::new(answer)];
    let control = [ControlMessage::Ipv6PacketInfo(&info)];
    sendmsg(socket.as_raw_fd(), &parts, &control, MsgFlags::MSG_DONTWAIT, Some(&to.from))?;
    Ok(())
}
