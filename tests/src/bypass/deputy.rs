//! Who would help a job from outside: a daemon that connects for it, hands sockets out, and uses the job's own.

use super::socket::{PATIENCE, received};
use super::world::enter;
use super::{Aim, Failed, FailedAt as _};
use nix::sys::socket::{ControlMessage, MsgFlags, UnixAddr, sendmsg};
use socket2::{SockAddr, Socket};
use std::io::{self, IoSlice, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{self, UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// The helper, a few threads in the job's network namespace and outside every job.
#[derive(Debug)]
pub(super) struct Deputy {
    end: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

/// How a job reaches it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Door {
    /// By its socket in the file system.
    Path,
    /// By its abstract socket.
    Abstract,
}

impl Deputy {
    /// Starts it with a stream socket at `path`. With an abstract `name` it has that too, and a datagram socket beside `path`.
    pub(super) fn start(namespace: &Path, path: &Path, name: Option<&str>) -> Self {
        let end = Arc::new(AtomicBool::new(false));
        let by_path = UnixListener::bind(path).expect("our own directory");
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o666)).expect("our own socket");
        let mut threads = Vec::new();
        let mut start = |work: Box<dyn FnOnce(&AtomicBool) + Send>| {
            let (namespace, end) = (namespace.to_owned(), Arc::clone(&end));
            threads.push(std::thread::spawn(move || {
                enter(&namespace).expect("the namespace is there");
                work(&end);
            }));
        };
        start(Box::new(move |end| listen(&by_path, end)));
        if let Some(name) = name {
            let datagrams = datagram_path(path);
            let by_datagram = UnixDatagram::bind(&datagrams).expect("our own directory");
            std::fs::set_permissions(&datagrams, std::fs::Permissions::from_mode(0o666)).expect("our own socket");
            let address = net::SocketAddr::from_abstract_name(name).expect("a short name");
            // An abstract name belongs to its network namespace: it is bound there.
            start(Box::new(move |end| listen(&UnixListener::bind_addr(&address).expect("a name of its own"), end)));
            start(Box::new(move |end| relay_datagrams(&by_datagram, end)));
        }
        Self { end, threads }
    }
}

impl Drop for Deputy {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.join().ok();
        }
    }
}

fn datagram_path(path: &Path) -> PathBuf {
    path.with_extension("dgram")
}

fn listen(listener: &UnixListener, end: &AtomicBool) {
    listener.set_nonblocking(true).expect("our own socket");
    while !end.load(Ordering::Relaxed) {
        match listener.accept() {
            Ok((client, _)) => drop(client.set_nonblocking(false).and_then(|()| help(client))),
            Err(_) => std::thread::sleep(Duration::from_millis(10)),
        }
    }
}

fn relay_datagrams(socket: &UnixDatagram, end: &AtomicBool) {
    socket.set_read_timeout(Some(Duration::from_millis(100))).expect("our own socket");
    let mut bytes = [0; 256];
    while !end.load(Ordering::Relaxed) {
        if let Ok(length) = socket.recv(&mut bytes) {
            let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
            if let Some((to, token)) = text.split_once(' ')
                && let Ok(to) = to.parse()
            {
                drop(relay(to, token));
            }
        }
    }
}

/// Does one thing that a client asks for: `WHAT ADDRESS TOKEN`.
fn help(mut client: UnixStream) -> io::Result<()> {
    client.set_read_timeout(Some(PATIENCE))?;
    let mut line = [0; 256];
    let length = client.read(&mut line)?;
    let line = String::from_utf8_lossy(&line[..length]).into_owned();
    let mut words = line.split_whitespace();
    let (what, to, token) = (words.next().unwrap_or_default(), words.next(), words.next().unwrap_or_default());
    let to: SocketAddr = to.and_then(|to| to.parse().ok()).ok_or(io::ErrorKind::InvalidInput)?;
    let domain = socket2::Domain::for_address(to);
    match what {
        "relay" => relay(to, token)?,
        "stream" => hand_over(&client, &Socket::new(domain, socket2::Type::STREAM, None)?)?,
        "datagram" => hand_over(&client, &Socket::new(domain, socket2::Type::DGRAM, None)?)?,
        "connected" => {
            let socket = Socket::new(domain, socket2::Type::STREAM, None)?;
            socket.connect_timeout(&SockAddr::from(to), PATIENCE)?;
            hand_over(&client, &socket)?;
        }
        "use" => {
            client.write_all(b"hand it over")?;
            let socket = Socket::from(received(&client).map_err(|_| io::ErrorKind::InvalidInput)?);
            socket.connect_timeout(&SockAddr::from(to), PATIENCE)?;
            (&socket).write_all(token.as_bytes())?;
        }
        _ => return Err(io::ErrorKind::InvalidInput.into()),
    }
    client.write_all(b"done")
}

/// What any daemon does that connects for its client.
fn relay(to: SocketAddr, token: &str) -> io::Result<()> {
    TcpStream::connect_timeout(&to, PATIENCE)?.write_all(token.as_bytes())?;
    UdpSocket::bind(("0.0.0.0", 0))?.send_to(token.as_bytes(), to).map(drop)
}

fn hand_over(client: &UnixStream, socket: &Socket) -> io::Result<()> {
    let descriptors = [socket.as_raw_fd()];
    let rights = [ControlMessage::ScmRights(&descriptors)];
    sendmsg::<UnixAddr>(client.as_raw_fd(), &[IoSlice::new(b"here")], &rights, MsgFlags::empty(), None)?;
    Ok(())
}

/// From the job's side: asks the deputy.
pub(super) fn ask(door: Door, what: &str, to: SocketAddr, aim: &Aim) -> Result<UnixStream, Failed> {
    let mut stream = match door {
        Door::Path => UnixStream::connect(&aim.place.deputy_path).at("connect to the unix socket")?,
        Door::Abstract => {
            let name = net::SocketAddr::from_abstract_name(&aim.place.deputy_abstract).at("the abstract name")?;
            UnixStream::connect_addr(&name).at("connect to the abstract unix socket")?
        }
    };
    stream.set_read_timeout(Some(PATIENCE)).at("setsockopt")?;
    stream.write_all(format!("{what} {to} {}", aim.token).as_bytes()).at("send to the unix socket")?;
    Ok(stream)
}

/// From the job's side: asks for a socket.
pub(super) fn ask_for_socket(door: Door, what: &str, to: SocketAddr, aim: &Aim) -> Result<Socket, Failed> {
    let stream = ask(door, what, to, aim)?;
    let socket = Socket::from(received(&stream)?);
    socket.set_read_timeout(Some(PATIENCE)).at("setsockopt")?;
    Ok(socket)
}

/// From the job's side: hands a socket over to be used.
pub(super) fn ask_to_use(door: Door, socket: OwnedFd, to: SocketAddr, aim: &Aim) -> Result<(), Failed> {
    let mut stream = ask(door, "use", to, aim)?;
    let mut word = [0; 64];
    stream.read(&mut word).at("read from the unix socket")?;
    hand_over(&stream, &Socket::from(socket)).at("sendmsg with the socket")?;
    let length = stream.read(&mut word).at("read from the unix socket")?;
    if length == 0 { Err(Failed { step: "the outsider can't use the socket", errno: None }) } else { Ok(()) }
}

/// From the job's side: one datagram to the deputy, with what it is to send on.
pub(super) fn tell_by_datagram(to: SocketAddr, aim: &Aim) -> Result<(), Failed> {
    let socket = UnixDatagram::unbound().at("socket")?;
    let text = format!("{to} {}", aim.token);
    socket.send_to(text.as_bytes(), datagram_path(&aim.place.deputy_path)).at("sendto the unix socket").map(drop)
}
