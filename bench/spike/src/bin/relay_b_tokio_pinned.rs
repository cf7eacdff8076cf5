//! Relay (b): one current_thread tokio runtime a worker; a session is one task that polls both sockets
//! and reads into the worker's scratch buffer. Only what a short write left over is kept per session.
//! With GATHER=1 it is (f): small writes are gathered while the run queue is gone through, and go to the kernel by one
//! io_uring_enter; a short one of these is told, and its bytes are lost.
use std::{
    cell::RefCell,
    future::poll_fn,
    io,
    net::TcpStream as StdStream,
    os::fd::AsRawFd,
    os::unix::net::UnixStream,
    pin::Pin,
    sync::atomic::Ordering,
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream as Pipe},
};
use weir_spike::{Args, Load, TURNS, decode, number, scratch, serve};

/// The most that is gathered, in bytes.
const SMALL: usize = 4096;

struct Outbox {
    ring: io_uring::IoUring,
    held: Vec<(i32, Vec<u8>)>,
    free: Vec<Vec<u8>>,
    waker: Option<std::task::Waker>,
}

impl Outbox {
    fn new() -> Self {
        let ring = io_uring::IoUring::builder()
            .setup_single_issuer()
            .setup_coop_taskrun()
            .build(64)
            .unwrap();
        Self {
            ring,
            held: Vec::new(),
            free: Vec::new(),
            waker: None,
        }
    }
    fn put(&mut self, fd: i32, bytes: &[u8]) {
        let mut buffer = self.free.pop().unwrap_or_else(|| Vec::with_capacity(4096));
        buffer.clear();
        buffer.extend_from_slice(bytes);
        self.held.push((fd, buffer));
        if self.held.len() == 1
            && let Some(waker) = &self.waker
        {
            waker.wake_by_ref();
        }
        if self.held.len() >= 32 {
            self.flush();
        }
    }
    fn flush(&mut self) {
        if self.held.is_empty() {
            return;
        }
        {
            let mut sq = self.ring.submission();
            for (i, (fd, buffer)) in self.held.iter().enumerate() {
                let e = io_uring::opcode::Send::new(
                    io_uring::types::Fd(*fd),
                    buffer.as_ptr(),
                    buffer.len() as u32,
                )
                .flags(libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL)
                .build()
                .user_data(i as u64);
                // SAFETY: the buffer is held until its completion, which is waited for below.
                unsafe { sq.push(&e).unwrap() };
            }
        }
        let count = self.held.len();
        self.ring.submit().unwrap();
        let mut seen = 0;
        for c in self.ring.completion() {
            seen += 1;
            if c.result() != self.held[c.user_data() as usize].1.len() as i32 {
                eprintln!("short {}", c.result());
            }
        }
        assert_eq!(seen, count);
        self.free.extend(self.held.drain(..).map(|(_, b)| b));
    }
}

thread_local! {
    static OUTBOX: RefCell<Option<Outbox>> = const { RefCell::new(None) };
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(scratch());
}

fn main() -> io::Result<()> {
    serve(&Args::from_env(), |pipe, load| {
        work(pipe, load).expect("worker")
    })
}

fn work(pipe: UnixStream, load: Load) -> io::Result<()> {
    pipe.set_nonblocking(true)?;
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder
        .event_interval(number("EVENTS", 61) as u32)
        .enable_io();
    if number("YIELD", 0) == 1 {
        // Lets clients and servers run first, so that one wait brings more events.
        builder.on_thread_park(std::thread::yield_now);
    }
    let runtime = builder.build()?;
    runtime.block_on(async move {
        let mut pipe = Pipe::from_std(pipe)?;
        if number("GATHER", 0) == 1 {
            OUTBOX.set(Some(Outbox::new()));
            tokio::spawn(poll_fn(|cx| {
                OUTBOX.with_borrow_mut(|outbox| {
                    if let Some(outbox) = outbox {
                        outbox.flush();
                        outbox.waker.get_or_insert_with(|| cx.waker().clone());
                    }
                    Poll::<()>::Pending
                })
            }));
        }
        loop {
            let mut message = [0; 8];
            pipe.read_exact(&mut message).await?;
            let [client, server] = decode(message).map(adopt);
            let (client, server, load) = (client?, server?, load.clone());
            tokio::spawn(async move {
                let mut session = Session {
                    ends: [client, server],
                    ways: Default::default(),
                };
                // A broken peer ends its own session and nothing else.
                let _ = poll_fn(|cx| session.poll(cx)).await;
                load.fetch_sub(1, Ordering::Relaxed);
            });
        }
    })
}

fn adopt(socket: std::os::fd::OwnedFd) -> io::Result<TcpStream> {
    let socket = StdStream::from(socket);
    socket.set_nonblocking(true)?;
    TcpStream::from_std(socket)
}

struct Session {
    ends: [TcpStream; 2],
    ways: [Way; 2],
}

/// One direction: what a short write left, and how far the end of the stream has come.
#[derive(Default)]
struct Way {
    left: Vec<u8>,
    sent: usize,
    finished: bool,
}

impl Session {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut again = false;
        for from in 0..2 {
            again |= self.pump(from, cx)?;
        }
        if self.ways.iter().all(|way| way.finished) {
            return Poll::Ready(Ok(()));
        }
        if again {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Moves bytes one way until a socket is not ready; true when its turns ran out first.
    fn pump(&mut self, from: usize, cx: &mut Context<'_>) -> io::Result<bool> {
        let way = &mut self.ways[from];
        let [a, b] = &mut self.ends;
        let (source, sink) = if from == 0 { (a, b) } else { (b, a) };
        SCRATCH.with_borrow_mut(|scratch| {
            for _ in 0..TURNS {
                if way.finished {
                    return Ok(false);
                }
                if way.flush(sink, cx)?.is_pending() {
                    return Ok(false);
                }
                // `poll_read` forgets readiness after a short read, so no read is made only to see EAGAIN.
                let mut buffer = ReadBuf::new(scratch);
                match Pin::new(&mut *source).poll_read(cx, &mut buffer)? {
                    Poll::Pending => return Ok(false),
                    Poll::Ready(()) if buffer.filled().is_empty() => {
                        let _ = Pin::new(&mut *sink).poll_shutdown(cx);
                        way.finished = true;
                    }
                    Poll::Ready(()) => way.write(sink, buffer.filled(), cx)?,
                }
            }
            Ok(true)
        })
    }
}

impl Way {
    fn write(
        &mut self,
        sink: &mut TcpStream,
        bytes: &[u8],
        cx: &mut Context<'_>,
    ) -> io::Result<()> {
        if self.left.is_empty() && bytes.len() < SMALL {
            let socket = sink.as_raw_fd();
            let put = |outbox: &mut Outbox| outbox.put(socket, bytes);
            if OUTBOX
                .with_borrow_mut(|outbox| outbox.as_mut().map(put))
                .is_some()
            {
                return Ok(());
            }
        }
        let sent = match Pin::new(sink).poll_write(cx, bytes)? {
            Poll::Ready(sent) => sent,
            Poll::Pending => 0,
        };
        self.left.extend_from_slice(&bytes[sent..]);
        Ok(())
    }

    fn flush(&mut self, sink: &mut TcpStream, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.left.len() {
            self.sent += ready!(Pin::new(&mut *sink).poll_write(cx, &self.left[self.sent..]))?;
        }
        if !self.left.is_empty() {
            // Back to nothing: an idle session owns no buffer.
            *self = Self {
                finished: self.finished,
                ..Self::default()
            };
        }
        Poll::Ready(Ok(()))
    }
}
