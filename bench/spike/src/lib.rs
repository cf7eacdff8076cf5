//! What the five relays share: arguments, the accept thread, and handing a pair of sockets to the least loaded worker.
use std::{
    env,
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    os::fd::{FromRawFd, IntoRawFd, OwnedFd, RawFd},
    os::unix::net::UnixStream,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// Bytes read at once; the scratch buffer of a worker.
pub const SCRATCH: usize = 64 * 1024;
/// Reads in one direction before a session lets the others have their turn.
pub const TURNS: usize = 4;

/// Where to listen and what to dial, as `host:port`.
pub struct Args {
    pub listen: String,
    pub upstream: String,
    pub workers: usize,
}

impl Args {
    pub fn from_env() -> Self {
        let mut args = env::args().skip(1);
        let (Some(listen), Some(upstream)) = (args.next(), args.next()) else {
            eprintln!("usage: relay LISTEN UPSTREAM (WORKERS=2 in the environment)");
            std::process::exit(2);
        };
        let workers = number("WORKERS", 2);
        Self {
            listen,
            upstream,
            workers,
        }
    }
}

/// A knob of the experiment, from the environment.
pub fn number(name: &str, default: usize) -> usize {
    env::var(name)
        .ok()
        .and_then(|v| v.parse().ok())
        .unwrap_or(default)
}

/// Live sessions of one worker.
pub type Load = Arc<AtomicUsize>;

/// Starts the workers, then accepts for ever: dials, sets TCP_NODELAY, and writes both descriptors
/// into the pipe of the worker that has the fewest sessions.
pub fn serve<F>(args: &Args, worker: F) -> io::Result<()>
where
    F: Fn(UnixStream, Load) + Send + Sync + Clone + 'static,
{
    let mut workers = Vec::new();
    for index in 0..args.workers {
        let (ours, theirs) = UnixStream::pair()?;
        let load = Load::default();
        let (run, count) = (worker.clone(), load.clone());
        thread::Builder::new()
            .name(format!("worker-{index}"))
            .spawn(move || {
                tune_thread(index);
                run(theirs, count);
            })?;
        workers.push((ours, load));
    }
    let listener = TcpListener::bind(&args.listen)?;
    loop {
        let (client, _) = listener.accept()?;
        let Ok(server) = TcpStream::connect(&args.upstream) else {
            continue;
        };
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let (pipe, load) = workers
            .iter_mut()
            .min_by_key(|(_, load)| load.load(Ordering::Relaxed))
            .ok_or(io::ErrorKind::InvalidInput)?;
        load.fetch_add(1, Ordering::Relaxed);
        pipe.write_all(&encode(client.into_raw_fd(), server.into_raw_fd()))?;
    }
}

fn encode(client: RawFd, server: RawFd) -> [u8; 8] {
    let mut message = [0; 8];
    message[..4].copy_from_slice(&client.to_ne_bytes());
    message[4..].copy_from_slice(&server.to_ne_bytes());
    message
}

/// The pair that the accept thread sent: client, server.
pub fn decode(message: [u8; 8]) -> [OwnedFd; 2] {
    let [a, b, c, d, e, f, g, h] = message;
    [[a, b, c, d], [e, f, g, h]].map(|bytes| {
        // SAFETY: `serve` gave up both descriptors when it wrote them, and a message is read once.
        unsafe { OwnedFd::from_raw_fd(RawFd::from_ne_bytes(bytes)) }
    })
}

/// Pins and deprioritises wake-ups of this thread as `PIN` and `BATCH` in the environment say.
fn tune_thread(index: usize) {
    if number("PIN", 0) == 1 {
        // SAFETY: a zeroed cpu_set_t is valid, and both calls only read it.
        unsafe {
            let mut set: libc::cpu_set_t = std::mem::zeroed();
            libc::CPU_SET(index, &mut set);
            libc::sched_setaffinity(0, size_of_val(&set), &set);
        }
    }
    if number("BATCH", 0) == 1 {
        // SAFETY: the structure outlives the call.
        unsafe {
            libc::sched_setscheduler(
                0,
                libc::SCHED_BATCH,
                &libc::sched_param { sched_priority: 0 },
            )
        };
    }
}

/// Drains the hand-over pipe of a worker that polls it without blocking.
pub fn arrivals(pipe: &mut UnixStream) -> Vec<[OwnedFd; 2]> {
    let mut pairs = Vec::new();
    let mut message = [0; 8];
    // One `write` of 8 bytes on a stream socket arrives whole.
    while matches!(pipe.read(&mut message), Ok(8)) {
        pairs.push(decode(message));
    }
    pairs
}

/// The buffer that every session of a worker reads into.
pub fn scratch() -> Box<[u8]> {
    vec![0; SCRATCH].into_boxed_slice()
}
