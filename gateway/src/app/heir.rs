//! The next daemon's side of a take-over, and the first one's.

use super::Gateway;
use crate::capture::{DisguiseRoute, Listeners};
use crate::host::{Conversation, Job, Jobs, Message, unexpected};
use crate::netns::Standing;
use crate::session::context::Shared;
use crate::session::totals::Snapshot;
use anyhow::{Context as _, Result, bail};
use std::io;
use std::net::{TcpListener, UdpSocket};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::sync::Arc;

/// What the running daemon offers.
pub(super) struct Inheritance {
    pub(super) lock: OwnedFd,
    pub(super) socket: UnixListener,
    pub(super) listeners: Listeners,
    pub(super) jobs: Vec<Job>,
    /// Seconds since the running totals are counted.
    pub(super) age: u64,
}

/// Makes the offer: everything that another daemon needs to serve.
pub(super) fn offer(
    conversation: &Conversation,
    gateway: &Gateway,
    jobs: &Jobs,
    lock: BorrowedFd<'_>,
    socket: &UnixListener,
) -> io::Result<()> {
    let listeners = &gateway.listeners;
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let age = gateway.shared.totals.snapshot().age_seconds;
    conversation.say(&Message::Offer { version, listeners: 1, jobs: jobs.all(), age }, &[lock, socket.as_fd()])?;
    let own = Message::Listener { netns_cookie: listeners.netns_cookie, port: listeners.port };
    conversation.say(&own, &[listeners.tcp.as_fd(), listeners.udp.as_fd()])?;
    match conversation.hear()?.0 {
        Message::Ready => Ok(()),
        other => Err(unexpected(&other)),
    }
}

/// Gives what there is to give once nothing is accepted here any more.
pub(super) fn give(conversation: &Conversation, gateway: &Gateway, jobs: &Jobs) -> io::Result<()> {
    let shared = &gateway.shared;
    let yours = Message::Yours {
        jobs: jobs.all(),
        totals: shared.totals.snapshot(),
        doors: gateway.standing.len(),
        claimants: shared.resolver.claimants(),
        names: shared.names.all_told(),
    };
    conversation.say(&yours, &[])?;
    gateway.standing.iter().try_for_each(|door| {
        let message = Message::Door { netns_cookie: door.cookie(), port: door.port() };
        conversation.say(&message, &door.descriptors())
    })
}

/// Hears the offer.
pub(super) fn accept(conversation: &Conversation) -> Result<Inheritance> {
    let (message, descriptors) = conversation.hear().context("the running daemon offers nothing")?;
    let Message::Offer { version, listeners, jobs, age } = message else { return Err(unexpected(&message).into()) };
    tracing::info!(version, listeners, jobs = jobs.len(), "taking over");
    let Ok([lock, socket]) = <[OwnedFd; 2]>::try_from(descriptors) else { bail!("the running daemon offers no lock and socket") };
    if listeners != 1 {
        bail!("the running daemon offers {listeners} pairs of sockets, and this version takes one");
    }
    let (message, descriptors) = conversation.hear().context("the running daemon hands no sockets over")?;
    let Message::Listener { netns_cookie, port } = message else { return Err(unexpected(&message).into()) };
    let Ok([tcp, udp]) = <[OwnedFd; 2]>::try_from(descriptors) else { bail!("the running daemon hands no two sockets over") };
    let (tcp, udp) = (TcpListener::from(tcp), UdpSocket::from(udp));
    let route = DisguiseRoute::add()
        .inspect_err(|error| tracing::warn!(%error, "no IPv6 disguise: IPv6 connects of jobs are refused"))
        .ok();
    Ok(Inheritance {
        lock,
        socket: UnixListener::from(socket),
        listeners: Listeners { tcp, udp, port, netns_cookie, route },
        jobs,
        age,
    })
}

/// Says that everything is ready, takes what there is, serves, and says so once a canary has come out.
/// The running daemon's totals as they stood are given back.
pub(super) fn succeed(conversation: &Conversation, gateway: &mut Gateway, jobs: &Jobs) -> Result<Snapshot> {
    conversation.say(&Message::Ready, &[]).context("the running daemon is gone")?;
    let message = conversation.hear().context("the running daemon hands nothing over")?.0;
    let Message::Yours { jobs: offered, totals, doors, claimants, names } = message else {
        return Err(unexpected(&message).into());
    };
    gateway.standing = inherit_doors(conversation, gateway, doors)?;
    jobs.take_over(offered);
    gateway.shared.totals.restore(&totals);
    claimants.into_iter().for_each(|(run, claimant)| gateway.shared.resolver.claim(run, claimant));
    gateway.shared.names.restore(names);
    super::rules::tell(gateway, jobs)?;
    gateway.open()?;
    conversation.say(&Message::Serving, &[]).context("the running daemon has lost patience")?;
    Ok(totals)
}

/// Takes the doors of other network namespaces, with who waits in their queues.
fn inherit_doors(conversation: &Conversation, gateway: &Gateway, count: usize) -> Result<Vec<Standing>> {
    let mut doors = Vec::new();
    for _ in 0..count {
        let (message, descriptors) = conversation.hear().context("the running daemon hands not all doors over")?;
        let Message::Door { netns_cookie, port } = message else { return Err(unexpected(&message).into()) };
        match Standing::inherit(netns_cookie, port, descriptors) {
            Ok(door) => doors.push(door),
            Err(error) => {
                tracing::warn!(%error, netns_cookie, "a door can't be taken over: another is opened when it is needed");
                gateway.shared.capture.remove_listener(netns_cookie);
            }
        }
    }
    Ok(doors)
}

/// Adds what the daemon before goes on counting, until it ends.
pub(super) fn hear_totals(conversation: Conversation, shared: Arc<Shared>, mut before: Snapshot) -> Result<()> {
    std::thread::Builder::new().name("weir-before".to_owned()).spawn(move || {
        while let Ok((Message::Counted { totals }, _)) = conversation.hear() {
            shared.totals.add_since(&before, &totals);
            before = totals;
        }
    })?;
    Ok(())
}
