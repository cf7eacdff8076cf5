//! Who sees what arrived: every frame that comes into the destinations' namespace, and what servers were told.

use super::Aim;
use super::world::{World, enter};
use crate::wait_until;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{AddressFamily, LinkAddr, SockFlag, SockProtocol, SockType, recvfrom, socket};
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// Ports of well-known services, which destinations have besides their own.
const SERVICES: [u16; 5] = [53, 80, 443, 853, 5432];
/// How often threads look whether they are to end.
const TICK: u16 = 100;

/// What was seen, by the number of the case that sent it.
#[derive(Clone, Debug, Default)]
pub(super) struct Sightings {
    seen: Arc<Mutex<BTreeMap<u8, Vec<String>>>>,
    word: String,
    /// How often everything has been played: what an earlier time has sent is not taken for this one's.
    time: Arc<AtomicU8>,
}

/// The threads that look on.
#[derive(Debug)]
pub(super) struct Witness {
    pub(super) sightings: Sightings,
    job: PathBuf,
    end: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Sightings {
    /// What only the attempt of the case `number` sends.
    pub(super) fn token(&self, number: u8) -> String {
        format!("{}{}x{number:03}x", self.word, self.time.load(Ordering::Relaxed))
    }

    /// From now on other tokens count.
    pub(super) fn begin_again(&self) {
        self.time.fetch_add(1, Ordering::Relaxed);
        self.seen.lock().expect("no thread panics with it").clear();
    }

    /// What was seen of the case `number`; taken away with it.
    pub(super) fn take(&self, number: u8) -> Vec<String> {
        self.seen.lock().expect("no thread panics with it").remove(&number).unwrap_or_default()
    }

    /// Notes what the bytes are known by: a token in them.
    pub(super) fn note(&self, bytes: &[u8], how: &str) {
        let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
        let word = format!("{}{}x", self.word, self.time.load(Ordering::Relaxed));
        if let Some((_, rest)) = text.split_once(&word)
            && let Some(number) = rest.get(..3).and_then(|digits| digits.parse().ok())
        {
            self.add(number, format!("{how}, with its token"));
        }
    }

    fn add(&self, number: u8, how: String) {
        let mut seen = self.seen.lock().expect("no thread panics with it");
        let of_case = seen.entry(number).or_default();
        // One attempt may send much; a few of them show it.
        if of_case.len() < 8 && !of_case.contains(&how) {
            of_case.push(how);
        }
    }

    /// Notes a frame of the link or of the namespace's loopback device.
    fn note_frame(&self, frame: &[u8]) {
        let Some((kind, destination)) = destination(frame) else {
            return self.note(frame, "a frame");
        };
        if !self_evident(&kind, frame) {
            return self.note(frame, &kind);
        }
        if let Some(number) = Aim::number_of(destination) {
            self.add(number, format!("{kind} to {destination}"));
        }
        self.note(frame, &format!("{kind} to {destination}"));
    }
}

impl Witness {
    /// Looks on in both namespaces of `world`. `cases` have ports of their own; the numbers in `inbound` are dialled from outside.
    pub(super) fn start(world: &World, cases: u8, inbound: Vec<u8>) -> Self {
        let sightings = Sightings { seen: Arc::default(), word: format!("weirbp{}x", std::process::id()), time: Arc::default() };
        let end = Arc::new(AtomicBool::new(false));
        let own = (1..=cases).map(|number| 20_000 + u16::from(number));
        let mut witness = Self { sightings, job: world.job(), end, threads: Vec::new() };
        witness.thread(world.out(), |sightings, end| sniff(&sightings, &end));
        let ports: Vec<u16> = own.clone().chain(SERVICES).collect();
        witness.thread(world.out(), move |sightings, end| serve(&ports, "the destination's server", &sightings, &end));
        let ports: Vec<u16> = own.collect();
        witness.thread(world.job(), move |sightings, end| serve(&ports, "a service of the host", &sightings, &end));
        witness.thread(world.out(), move |sightings, end| dial(&inbound, &sightings, &end));
        witness.settle();
        witness
    }

    /// Returns once everything that had been sent when this was called has been seen.
    pub(super) fn settle(&self) {
        let (job, token) = (self.job.clone(), self.sightings.token(0));
        let sender = std::thread::spawn(move || {
            enter(&job).expect("the namespace is there");
            UdpSocket::bind(("0.0.0.0", 0)).expect("a UDP socket").send_to(token.as_bytes(), ("198.51.100.255", 9)).ok();
        });
        sender.join().expect("it panics only with the test");
        // Twice, as the thread that looks may not have begun with the first.
        wait_until("the witness to see a marker", 20, || {
            let seen = !self.sightings.take(0).is_empty();
            seen.then_some(()).or_else(|| {
                let (job, token) = (self.job.clone(), self.sightings.token(0));
                let again = std::thread::spawn(move || {
                    enter(&job).expect("the namespace is there");
                    UdpSocket::bind(("0.0.0.0", 0)).expect("a UDP socket").send_to(token.as_bytes(), ("198.51.100.255", 9)).ok();
                });
                again.join().expect("it panics only with the test");
                None
            })
        });
    }

    fn thread(&mut self, namespace: PathBuf, work: impl FnOnce(Sightings, Arc<AtomicBool>) + Send + 'static) {
        let (sightings, end) = (self.sightings.clone(), Arc::clone(&self.end));
        self.threads.push(std::thread::spawn(move || {
            enter(&namespace).expect("the namespace is there");
            work(sightings, end);
        }));
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.join().ok();
        }
    }
}

/// Sees every frame that comes in.
fn sniff(sightings: &Sightings, end: &AtomicBool) {
    let all = socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::EthAll).expect("root");
    let mut frame = vec![0; 65_536];
    while !end.load(Ordering::Relaxed) {
        let mut ready = [PollFd::new(all.as_fd(), PollFlags::POLLIN)];
        if !poll(&mut ready, PollTimeout::from(TICK)).is_ok_and(|ready| ready > 0) {
            continue;
        }
        let Ok((length, from)) = recvfrom::<LinkAddr>(all.as_raw_fd(), &mut frame) else { continue };
        let outgoing = from.is_some_and(|from| from.pkttype() == 4);
        if !outgoing {
            sightings.note_frame(frame.get(..length).unwrap_or_default());
        }
    }
}

/// Answers on every port of `ports`, by TCP and UDP, and notes what it is told.
fn serve(ports: &[u16], who: &'static str, sightings: &Sightings, end: &AtomicBool) {
    let bind = |port| (TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)), UdpSocket::bind((Ipv6Addr::UNSPECIFIED, port)));
    let (streams, datagrams): (Vec<_>, Vec<_>) = ports.iter().copied().map(bind).unzip();
    let streams: Vec<_> = streams.into_iter().map(|socket| socket.expect("nobody else is in this namespace")).collect();
    let datagrams: Vec<_> = datagrams.into_iter().map(|socket| socket.expect("nobody else is in this namespace")).collect();
    while !end.load(Ordering::Relaxed) {
        let all = streams.iter().map(std::os::fd::AsFd::as_fd).chain(datagrams.iter().map(std::os::fd::AsFd::as_fd));
        let mut ready: Vec<PollFd<'_>> = all.map(|socket| PollFd::new(socket, PollFlags::POLLIN)).collect();
        if !poll(&mut ready, PollTimeout::from(TICK)).is_ok_and(|ready| ready > 0) {
            continue;
        }
        let is_ready: Vec<bool> = ready.iter().map(|socket| socket.any().unwrap_or(false)).collect();
        for (at, stream) in streams.iter().enumerate() {
            if is_ready[at]
                && let Ok((client, _)) = stream.accept()
            {
                let sightings = sightings.clone();
                std::thread::spawn(move || hear(client, who, &sightings));
            }
        }
        let mut bytes = [0; 2048];
        for (at, datagram) in datagrams.iter().enumerate() {
            if is_ready[streams.len() + at]
                && let Ok((length, from)) = datagram.recv_from(&mut bytes)
            {
                sightings.note(&bytes[..length], &format!("{who}, by UDP"));
                datagram.send_to(b"ok", from).ok();
            }
        }
    }
}

fn hear(mut client: TcpStream, who: &str, sightings: &Sightings) {
    client.set_read_timeout(Some(Duration::from_secs(2))).ok();
    let mut bytes = [0; 4096];
    if let Ok(length) = client.read(&mut bytes) {
        sightings.note(&bytes[..length], &format!("{who}, by TCP"));
        client.write_all(b"ok").ok();
    }
}

/// Dials into the job's namespace again and again, at the port that a case listens on.
fn dial(numbers: &[u8], sightings: &Sightings, end: &AtomicBool) {
    let asker = UdpSocket::bind(("0.0.0.0", 0)).expect("a UDP socket");
    asker.set_read_timeout(Some(Duration::from_millis(u64::from(TICK) / 4))).ok();
    while !end.load(Ordering::Relaxed) {
        for &number in numbers {
            let to = SocketAddr::from(([192, 0, 2, 2], INBOUND + u16::from(number)));
            let mut bytes = [0; 512];
            if let Ok(mut stream) = TcpStream::connect_timeout(&to, Duration::from_millis(u64::from(TICK))) {
                stream.set_read_timeout(Some(Duration::from_secs(1))).ok();
                let length = stream.read(&mut bytes).unwrap_or(0);
                sightings.note(&bytes[..length], "who dialled in by TCP");
            }
            asker.send_to(b"say it", to).ok();
            if let Ok((length, _)) = asker.recv_from(&mut bytes) {
                sightings.note(&bytes[..length], "who asked by UDP");
            }
        }
        std::thread::sleep(Duration::from_millis(u64::from(TICK)));
    }
}

/// Where cases listen for who dials in.
pub(super) const INBOUND: u16 = 30_000;

/// Whether a frame is an attempt by its destination alone. An answer or a last word of an earlier connection is not, nor
/// an error that a kernel reports.
fn self_evident(kind: &str, frame: &[u8]) -> bool {
    let flags = || {
        let offset = if frame.get(12..14) == Some(&[0x86, 0xdd]) { 14 + 40 } else { 14 + usize::from(frame.get(14)? & 0xf) * 4 };
        frame.get(offset + 13).copied()
    };
    match kind {
        "TCP" => flags().is_some_and(|flags| flags & 0x12 == 0x02),
        "ICMP" => matches!(
            (frame.get(12..14), frame.get(34), frame.get(54)),
            (Some([8, 0]), Some(8), _) | (Some([0x86, 0xdd]), _, Some(128))
        ),
        _ => true,
    }
}

/// The protocol and the destination of an IP packet in an Ethernet frame.
fn destination(frame: &[u8]) -> Option<(String, SocketAddr)> {
    let kind = u16::from_be_bytes(frame.get(12..14)?.try_into().ok()?);
    let packet = frame.get(14..)?;
    let (address, protocol, inner): (IpAddr, u8, &[u8]) = match kind {
        0x0800 => {
            let length = usize::from(packet.first()? & 0xf) * 4;
            let to: [u8; 4] = packet.get(16..20)?.try_into().ok()?;
            (Ipv4Addr::from(to).into(), *packet.get(9)?, packet.get(length..)?)
        }
        0x86dd => {
            let to: [u8; 16] = packet.get(24..40)?.try_into().ok()?;
            (Ipv6Addr::from(to).into(), *packet.get(6)?, packet.get(40..)?)
        }
        _ => return None,
    };
    let port = || inner.get(2..4).and_then(|port| Some(u16::from_be_bytes(port.try_into().ok()?)));
    let (name, port) = match protocol {
        6 => ("TCP".to_owned(), port()),
        17 => ("UDP".to_owned(), port()),
        1 | 58 => ("ICMP".to_owned(), None),
        other => (format!("IP protocol {other}"), None),
    };
    Some((name, SocketAddr::new(address, port.unwrap_or(0))))
}
