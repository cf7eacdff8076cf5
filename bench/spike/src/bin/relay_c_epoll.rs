//! Relay (c): raw epoll, edge-triggered, a thread a worker; every ready event is read and written at once, as haproxy does.
use std::{
    collections::VecDeque,
    io,
    os::fd::{AsRawFd, OwnedFd, RawFd},
    os::unix::net::UnixStream,
    sync::atomic::Ordering,
};
use weir_spike::{Args, Load, TURNS, arrivals, number, scratch, serve};

const HANDOVER: u64 = u64::MAX;

fn main() -> io::Result<()> {
    serve(&Args::from_env(), |pipe, load| {
        Worker::new(pipe, load)
            .and_then(Worker::run)
            .expect("worker")
    })
}

struct Worker {
    epoll: OwnedFd,
    pipe: UnixStream,
    load: Load,
    sessions: Vec<Option<Session>>,
    free: Vec<usize>,
    scratch: Box<[u8]>,
    /// Directions whose turns ran out before their socket was empty.
    again: VecDeque<(usize, usize)>,
}

struct Session {
    ends: [OwnedFd; 2],
    ways: [Way; 2],
}

#[derive(Default)]
struct Way {
    left: Vec<u8>,
    sent: usize,
    /// The kernel has said that a FIN follows: read on until it.
    ending: bool,
    finished: bool,
}

impl Worker {
    fn new(pipe: UnixStream, load: Load) -> io::Result<Self> {
        pipe.set_nonblocking(true)?;
        // SAFETY: plain system call; the result is checked before it is owned.
        let epoll = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) } as isize)?;
        // SAFETY: the kernel just made this descriptor for us.
        let epoll = unsafe { std::os::fd::FromRawFd::from_raw_fd(epoll as RawFd) };
        let scratch = scratch();
        let worker = Self {
            epoll,
            pipe,
            load,
            sessions: Vec::new(),
            free: Vec::new(),
            scratch,
            again: VecDeque::new(),
        };
        worker.watch(worker.pipe.as_raw_fd(), HANDOVER)?;
        Ok(worker)
    }

    fn watch(&self, fd: RawFd, token: u64) -> io::Result<()> {
        let interest = (libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLRDHUP | libc::EPOLLET) as u32;
        let mut event = libc::epoll_event {
            events: interest,
            u64: token,
        };
        // SAFETY: `event` outlives the call.
        check(unsafe {
            libc::epoll_ctl(self.epoll.as_raw_fd(), libc::EPOLL_CTL_ADD, fd, &mut event)
        } as isize)?;
        Ok(())
    }

    fn run(mut self) -> io::Result<()> {
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; 256];
        let yields = number("YIELD", 0) == 1;
        loop {
            let timeout = if self.again.is_empty() { -1 } else { 0 };
            if yields {
                // Lets clients and servers run first, so that one wait brings more events.
                std::thread::yield_now();
            }
            // SAFETY: the array is as long as it is said to be.
            let count = unsafe {
                libc::epoll_wait(self.epoll.as_raw_fd(), events.as_mut_ptr(), 256, timeout)
            };
            for event in events.iter().take(count.max(0) as usize) {
                self.ready(event.u64, event.events as i32)?;
            }
            for _ in 0..self.again.len() {
                if let Some((index, from)) = self.again.pop_front() {
                    self.pump(index, from);
                }
            }
        }
    }

    fn ready(&mut self, token: u64, events: i32) -> io::Result<()> {
        if token == HANDOVER {
            for ends in arrivals(&mut self.pipe) {
                self.adopt(ends)?;
            }
            return Ok(());
        }
        let (index, side) = ((token >> 1) as usize, (token & 1) as usize);
        let hangup = events & (libc::EPOLLRDHUP | libc::EPOLLHUP | libc::EPOLLERR) != 0;
        if let (true, Some(session)) = (hangup, &mut self.sessions[index]) {
            session.ways[side].ending = true;
        }
        if hangup || events & libc::EPOLLIN != 0 {
            self.pump(index, side);
        }
        let waiting = |s: &Session| !s.ways[1 - side].left.is_empty();
        if events & libc::EPOLLOUT != 0 && self.sessions[index].as_ref().is_some_and(waiting) {
            self.pump(index, 1 - side);
        }
        Ok(())
    }

    fn adopt(&mut self, ends: [OwnedFd; 2]) -> io::Result<()> {
        let index = self.free.pop().unwrap_or_else(|| {
            self.sessions.push(None);
            self.sessions.len() - 1
        });
        for (side, end) in ends.iter().enumerate() {
            self.watch(end.as_raw_fd(), (index as u64) << 1 | side as u64)?;
        }
        self.sessions[index] = Some(Session {
            ends,
            ways: Default::default(),
        });
        Ok(())
    }

    fn pump(&mut self, index: usize, from: usize) {
        let Some(session) = &mut self.sessions[index] else {
            return;
        };
        match session.pump(from, &mut self.scratch) {
            Ok(true) => self.again.push_back((index, from)),
            Ok(false) if session.ways.iter().any(|way| !way.finished) => {}
            Ok(false) | Err(_) => {
                self.sessions[index] = None;
                self.free.push(index);
                self.load.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }
}

impl Session {
    /// Moves bytes one way until a socket is not ready; true when its turns ran out first.
    fn pump(&mut self, from: usize, scratch: &mut [u8]) -> io::Result<bool> {
        let way = &mut self.ways[from];
        let (source, sink) = (self.ends[from].as_raw_fd(), self.ends[1 - from].as_raw_fd());
        for _ in 0..TURNS {
            if way.finished || !way.flush(sink)? {
                return Ok(false);
            }
            let Some(count) = receive(source, scratch)? else {
                return Ok(false);
            };
            if count == 0 {
                way.finished = true;
                // SAFETY: plain system call on a descriptor that the session owns.
                unsafe { libc::shutdown(sink, libc::SHUT_WR) };
                return Ok(false);
            }
            let sent = send(sink, &scratch[..count])?;
            way.left.extend_from_slice(&scratch[sent..count]);
            // Edge-triggered and short: the socket is empty, and EPOLLIN will come again. A FIN that was
            // already there comes as EPOLLRDHUP in the same event, so only that case reads on.
            if count < scratch.len() && !way.ending {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Way {
    fn flush(&mut self, sink: RawFd) -> io::Result<bool> {
        if self.left.is_empty() {
            return Ok(true);
        }
        self.sent += send(sink, &self.left[self.sent..])?;
        if self.sent < self.left.len() {
            return Ok(false);
        }
        (self.left, self.sent) = (Vec::new(), 0);
        Ok(true)
    }
}

fn receive(fd: RawFd, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    // SAFETY: the pointer and length are those of one slice.
    would_block(unsafe {
        libc::recv(
            fd,
            buffer.as_mut_ptr().cast(),
            buffer.len(),
            libc::MSG_DONTWAIT,
        )
    })
}

fn send(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: the pointer and length are those of one slice.
    Ok(
        would_block(unsafe { libc::send(fd, bytes.as_ptr().cast(), bytes.len(), flags) })?
            .unwrap_or(0),
    )
}

fn would_block(result: isize) -> io::Result<Option<usize>> {
    match check(result) {
        Ok(count) => Ok(Some(count as usize)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

fn check(result: isize) -> io::Result<isize> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}
