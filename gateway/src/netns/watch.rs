//! The thread that opens a door where a job's task comes to a network namespace, and closes it when the last has left.

use super::door::{Door, Sockets};
use super::residents::Witness;
use super::standing::Standing;
use super::visit::Namespace;
use super::{DOORS_MAX, Doors};
use crate::capture::{Mark, NamespaceEvent, NamespaceSide, process};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::HashMap;
use std::io;
use std::net::{TcpListener, UdpSocket};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// How often it is looked whether witnesses still live where they were found, in milliseconds.
const LOOKED_EVERY: u16 = 30_000;

/// Sockets of a door that has been opened, to be served until it closes.
#[derive(Debug)]
pub struct Opened {
    /// The kernel's cookie of the network namespace.
    pub netns_cookie: u64,
    /// For connects.
    pub tcp: TcpListener,
    /// For datagrams to port 53.
    pub udp: UdpSocket,
    /// Ends, with an error, when the door closes: the sockets are to be dropped then.
    pub closed: watch::Receiver<()>,
    /// The time from the kernel's notice until connects were let through to the door.
    pub after: Duration,
}

/// The running thread; every door closes when it is dropped.
#[derive(Debug)]
pub struct Watch {
    stop: Option<UnixStream>,
    thread: Option<JoinHandle<Porter>>,
}

impl Watch {
    /// Starts it, with the doors that are open already. The sockets of these and of new doors go to `opened`; a door that
    /// nobody takes is not opened.
    ///
    /// # Errors
    /// Where no thread or descriptors can be had.
    pub fn start(
        side: NamespaceSide,
        standing: Vec<Standing>,
        doors: Arc<Doors>,
        mark: Mark,
        opened: mpsc::Sender<Opened>,
    ) -> io::Result<Self> {
        let (stop, stopped) = UnixStream::pair()?;
        let home = Namespace::own()?;
        let mut porter = Porter { side, doors, mark, opened, home, held: HashMap::new() };
        for one in standing {
            porter.go_on_with(one);
        }
        let thread = std::thread::Builder::new().name("weir-netns".to_owned()).spawn(move || porter.run(&stopped))?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Watch {
    /// Ends the watch and leaves the doors open, for another watch that is started with what is given back. What is
    /// noticed meanwhile waits for that one, and so does whoever was stopped.
    #[must_use]
    pub fn pause(mut self) -> Option<(NamespaceSide, Vec<Standing>)> {
        self.join().map(Porter::into_standing)
    }

    /// Closes every door, and has everyone go on who was stopped for one. For a gateway whose heartbeat is no more:
    /// while it is there, others are stopped.
    pub fn end(mut self) -> Option<NamespaceSide> {
        self.join().map(Porter::into_closed)
    }

    fn join(&mut self) -> Option<Porter> {
        self.stop = None;
        let ended = self.thread.take()?.join();
        ended.inspect_err(|_| tracing::error!("the thread that opens doors in network namespaces has panicked")).ok()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.join().map(Porter::into_closed));
    }
}

/// Has everyone go on who was stopped and is still told of. They find no door, and are refused.
pub fn release(side: &mut NamespaceSide) {
    while let Some(event) = side.poll() {
        go_on(&event);
    }
}

/// What the thread holds of each open door: who is known to live there, and the word that it is open.
struct Held {
    inode: u64,
    door: Arc<Door>,
    witness: Witness,
    _open: watch::Sender<()>,
}

struct Porter {
    side: NamespaceSide,
    doors: Arc<Doors>,
    mark: Mark,
    opened: mpsc::Sender<Opened>,
    home: Namespace,
    held: HashMap<u64, Held>,
}

impl Porter {
    fn run(mut self, stopped: &UnixStream) -> Self {
        while let Some(left) = self.wait(stopped) {
            while let Some(event) = self.side.poll() {
                self.noticed(&event);
            }
            for cookie in left {
                self.somebody_left(cookie);
            }
        }
        self
    }

    fn into_standing(self) -> (NamespaceSide, Vec<Standing>) {
        let standing = self.held.into_values().map(|Held { door, witness, .. }| Standing { door, witness });
        (self.side, standing.collect())
    }

    fn into_closed(mut self) -> NamespaceSide {
        release(&mut self.side);
        for door in self.doors.all() {
            self.close(door.cookie());
        }
        self.side
    }

    /// Takes a door on that is open already; one that can't be served is closed, so that its namespace is noticed anew.
    fn go_on_with(&mut self, standing: Standing) {
        let Standing { door, witness } = standing;
        let cookie = door.cookie();
        if let Err(error) = self.serve(door, witness, Duration::ZERO) {
            tracing::warn!(%error, netns_cookie = cookie, "a door can't be kept open");
            self.close(cookie);
        }
    }

    /// Waits for news; gives the namespaces whose witness has ended, or nothing when the gateway stops.
    fn wait(&self, stopped: &UnixStream) -> Option<Vec<u64>> {
        let cookies: Vec<u64> = self.held.keys().copied().collect();
        let witnesses = cookies.iter().filter_map(|cookie| self.held.get(cookie));
        let mut polled = vec![PollFd::new(stopped.as_fd(), PollFlags::POLLIN), PollFd::new(self.side.as_fd(), PollFlags::POLLIN)];
        polled.extend(witnesses.map(|held| PollFd::new(held.witness.ended().as_fd(), PollFlags::POLLIN)));
        match poll(&mut polled, PollTimeout::from(LOOKED_EVERY)) {
            Ok(0) => return Some(self.moved()),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => {
                tracing::error!(%error, "new network namespaces can't be watched any more: connects in them are refused");
                return None;
            }
        }
        let ready = |polled: &PollFd<'_>| polled.any() == Some(true);
        if polled.first().is_some_and(ready) {
            return None;
        }
        Some(
            cookies
                .into_iter()
                .zip(polled.iter().skip(2))
                .filter(|(_, polled)| ready(polled))
                .map(|(cookie, _)| cookie)
                .collect(),
        )
    }

    /// The namespaces whose witness lives on elsewhere: without a look it would keep them for ever.
    fn moved(&self) -> Vec<u64> {
        self.held.iter().filter(|(_, held)| !held.witness.lives_in(held.inode)).map(|(&cookie, _)| cookie).collect()
    }

    fn noticed(&mut self, event: &NamespaceEvent) {
        if is_there(event)
            && self.doors.of(event.netns_cookie).is_none()
            && let Err(error) = self.open(event)
        {
            tracing::warn!(
                %error, tgid = event.tgid, netns_cookie = event.netns_cookie,
                "no door in a job's network namespace: connects in it are refused"
            );
        }
        // Stopped so that its first connect finds the door; where there is none, it finds that out now.
        go_on(event);
    }

    fn open(&mut self, event: &NamespaceEvent) -> io::Result<()> {
        let there = Namespace::of_task(event.tid).or_else(|_| Namespace::of_task(event.tgid))?;
        let inode = there.inode();
        if inode == self.home.inode() || self.held.values().any(|held| held.inode == inode) {
            return Ok(());
        }
        if self.doors.count() >= DOORS_MAX {
            self.moved().into_iter().for_each(|cookie| self.somebody_left(cookie));
        }
        if self.doors.count() >= DOORS_MAX {
            return Err(io::Error::other(format!(
                "jobs are in {DOORS_MAX} network namespaces already, and more are not followed"
            )));
        }
        let gone = || io::Error::new(io::ErrorKind::NotFound, "its last process has ended");
        let witness = Witness::find(inode, Some(event.tgid)).ok_or_else(gone)?;
        if self.opened.capacity() == 0 || self.opened.is_closed() {
            return Err(nobody_takes_it());
        }
        let door = Door::open(&self.home, there, self.mark)?;
        let cookie = door.cookie();
        self.side.open(cookie, door.port())?;
        let after = Duration::from_nanos(self.side.now().saturating_sub(event.seen_boottime_ns));
        tracing::debug!(tgid = event.tgid, netns_cookie = cookie, ?after, stopped = event.stopped != 0, "a door is open");
        self.serve(Arc::new(door), witness, after).inspect_err(|_| self.side.close(cookie))
    }

    /// Has the door served, and remembers it.
    fn serve(&mut self, door: Arc<Door>, witness: Witness, after: Duration) -> io::Result<()> {
        let opened = self.opened.clone();
        let place = opened.try_reserve().map_err(|_| nobody_takes_it())?;
        let Sockets { cookie, port: _, tcp, udp } = door.sockets()?;
        let (open, closed) = watch::channel(());
        self.doors.add(Arc::clone(&door));
        self.held.insert(cookie, Held { inode: door.namespace().inode(), door, witness, _open: open });
        place.send(Opened { netns_cookie: cookie, tcp, udp, closed, after });
        Ok(())
    }

    /// A witness has ended: another is found, or the namespace is left to itself.
    fn somebody_left(&mut self, cookie: u64) {
        let Some(held) = self.held.get_mut(&cookie) else { return };
        match Witness::find(held.inode, None) {
            Some(witness) => held.witness = witness,
            None => self.close(cookie),
        }
    }

    fn close(&mut self, cookie: u64) {
        self.side.close(cookie);
        drop(self.doors.remove(cookie));
        self.held.remove(&cookie);
    }
}

/// Continues the process of a notice, where it was stopped. One that has ended may have left its number to another.
fn go_on(event: &NamespaceEvent) {
    if event.stopped != 0
        && is_there(event)
        && let Err(error) = kill(Pid::from_raw(event.tgid.cast_signed()), Signal::SIGCONT)
    {
        tracing::debug!(%error, tgid = event.tgid, "a stopped process of a job has ended meanwhile");
    }
}

/// Whether the process is the one that was noticed: notices may wait long, for the gateway after one that was killed.
fn is_there(event: &NamespaceEvent) -> bool {
    process::start_ns(event.tgid).is_some_and(|started| started <= event.seen_boottime_ns)
}

fn nobody_takes_it() -> io::Error {
    io::Error::other("nobody takes the door's sockets")
}
