//! Relay (e): io_uring by hand. Multishot recv into a shared ring of provided buffers, send straight from them,
//! and the submissions of every session of a worker go in with one io_uring_enter. Left out: a slow sink may
//! hold every buffer of its worker (a product would cancel that receive and arm it again).
use io_uring::{IoUring, cqueue, opcode, squeue, types};
use std::{
    collections::VecDeque,
    io,
    os::fd::{AsRawFd, OwnedFd},
    os::unix::net::UnixStream,
    sync::atomic::{AtomicU16, Ordering},
};
use weir_spike::{Args, Load, decode, number, serve};

const HANDOVER: u64 = u64::MAX;
const GROUP: u16 = 0;

fn main() -> io::Result<()> {
    serve(&Args::from_env(), |pipe, load| {
        Worker::new(pipe, load)
            .and_then(Worker::run)
            .expect("worker")
    })
}

struct Worker {
    ring: IoUring,
    buffers: Buffers,
    pipe: UnixStream,
    message: Box<[u8; 8]>,
    load: Load,
    sessions: Vec<Option<Session>>,
    free: Vec<usize>,
    /// Receives that found no buffer, to be armed again when one comes back.
    starved: Vec<(usize, usize)>,
}

struct Session {
    ends: [OwnedFd; 2],
    ways: [Way; 2],
    /// Operations that the kernel still holds; the descriptors live until this is 0.
    pending: usize,
}

/// One direction: received buffers in order, the first of them being sent.
#[derive(Default)]
struct Way {
    queue: VecDeque<Chunk>,
    sending: bool,
    finished: bool,
}

struct Chunk {
    buffer: u16,
    from: u32,
    to: u32,
}

#[derive(Clone, Copy)]
enum Step {
    Receive,
    Send,
}

impl Worker {
    fn new(pipe: UnixStream, load: Load) -> io::Result<Self> {
        let mut builder = IoUring::builder();
        builder.setup_cqsize(8192);
        if number("DEFER", 1) == 1 {
            builder.setup_single_issuer().setup_defer_taskrun();
        }
        let ring = builder.build(1024)?;
        let buffers = Buffers::register(
            &ring,
            number("BUFFERS", 256) as u16,
            number("BUFFER", 16 * 1024),
        )?;
        let message = Box::new([0; 8]);
        Ok(Self {
            ring,
            buffers,
            pipe,
            message,
            load,
            sessions: vec![],
            free: vec![],
            starved: vec![],
        })
    }

    fn run(mut self) -> io::Result<()> {
        self.await_handover();
        let mut done: Vec<cqueue::Entry> = Vec::with_capacity(1024);
        let yields = number("YIELD", 0) == 1;
        loop {
            if yields {
                // Hands over what is queued, lets clients and servers run first, then waits for more at once.
                let _ = self.ring.submit();
                std::thread::yield_now();
            }
            match self.ring.submit_and_wait(1) {
                Err(error) if !matches!(error.raw_os_error(), Some(libc::EINTR | libc::EBUSY)) => {
                    return Err(error);
                }
                _ => {}
            }
            done.extend(self.ring.completion());
            for entry in done.drain(..) {
                self.complete(&entry);
            }
            if self.buffers.publish() {
                for (index, side) in std::mem::take(&mut self.starved) {
                    self.receive(index, side);
                }
            }
        }
    }

    fn complete(&mut self, entry: &cqueue::Entry) {
        if entry.user_data() == HANDOVER {
            self.adopt(decode(*self.message));
            return self.await_handover();
        }
        let (token, result) = (entry.user_data() as usize, entry.result());
        let (index, side) = (token >> 2, token >> 1 & 1);
        if token & 1 == Step::Send as usize {
            self.sent(index, side, result);
        } else {
            self.received(index, side, result, entry.flags());
        }
        self.retire(index);
    }

    fn received(&mut self, index: usize, side: usize, result: i32, flags: u32) {
        let Some(session) = &mut self.sessions[index] else {
            return;
        };
        let more = cqueue::more(flags);
        session.pending -= usize::from(!more);
        let way = &mut session.ways[side];
        match cqueue::buffer_select(flags) {
            Some(buffer) if result > 0 => way.queue.push_back(Chunk {
                buffer,
                from: 0,
                to: result as u32,
            }),
            Some(buffer) => self.buffers.give_back(buffer),
            None => {}
        }
        if result == -libc::ENOBUFS {
            self.starved.push((index, side));
        } else if result <= 0 {
            way.finished = true;
        } else if !more {
            self.receive(index, side);
        }
        self.send(index, side);
    }

    fn sent(&mut self, index: usize, side: usize, result: i32) {
        let Some(session) = &mut self.sessions[index] else {
            return;
        };
        session.pending -= 1;
        let way = &mut session.ways[side];
        way.sending = false;
        if let (true, Some(chunk)) = (result > 0, way.queue.front_mut()) {
            chunk.from += result as u32;
        } else {
            // A broken sink: drop what was meant for it and end both sides.
            for chunk in way.queue.drain(..) {
                self.buffers.give_back(chunk.buffer);
            }
            return session.shut(libc::SHUT_RDWR, [0, 1]);
        }
        if let Some(chunk) = way.queue.pop_front_if(|chunk| chunk.from == chunk.to) {
            self.buffers.give_back(chunk.buffer);
        }
        self.send(index, side);
    }

    /// Sends the first buffer of a direction, or passes on its end.
    fn send(&mut self, index: usize, side: usize) {
        let Some(session) = &mut self.sessions[index] else {
            return;
        };
        let way = &mut session.ways[side];
        let Some(chunk) = way.queue.front() else {
            if way.finished && !way.sending {
                session.shut(libc::SHUT_WR, [1 - side, 1 - side]);
            }
            return;
        };
        if way.sending {
            return;
        }
        way.sending = true;
        session.pending += 1;
        let start = self
            .buffers
            .address(chunk.buffer)
            .wrapping_add(chunk.from as usize);
        let fd = types::Fd(session.ends[1 - side].as_raw_fd());
        let entry = opcode::Send::new(fd, start, chunk.to - chunk.from)
            .flags(libc::MSG_NOSIGNAL)
            .build();
        self.push(entry, token(index, side, Step::Send));
    }

    fn receive(&mut self, index: usize, side: usize) {
        let Some(session) = &mut self.sessions[index] else {
            return;
        };
        session.pending += 1;
        let fd = types::Fd(session.ends[side].as_raw_fd());
        let entry = opcode::RecvMulti::new(fd, GROUP).build();
        self.push(entry, token(index, side, Step::Receive));
    }

    fn adopt(&mut self, ends: [OwnedFd; 2]) {
        let index = self.free.pop().unwrap_or_else(|| {
            self.sessions.push(None);
            self.sessions.len() - 1
        });
        self.sessions[index] = Some(Session {
            ends,
            ways: Default::default(),
            pending: 0,
        });
        self.receive(index, 0);
        self.receive(index, 1);
    }

    fn retire(&mut self, index: usize) {
        let over = |s: &mut Session| {
            s.pending == 0
                && s.ways
                    .iter()
                    .all(|way| way.finished && way.queue.is_empty())
        };
        if self.sessions[index].as_mut().is_some_and(over) {
            self.sessions[index] = None;
            self.free.push(index);
            self.load.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn await_handover(&mut self) {
        let entry = opcode::Read::new(
            types::Fd(self.pipe.as_raw_fd()),
            self.message.as_mut_ptr(),
            8,
        )
        .build();
        self.push(entry, HANDOVER);
    }

    fn push(&mut self, entry: squeue::Entry, token: u64) {
        let entry = entry.user_data(token);
        // SAFETY: descriptors live until `pending` is 0, buffers until they are given back, `message` with the worker.
        while unsafe { self.ring.submission().push(&entry) }.is_err() {
            let _ = self.ring.submit();
        }
    }
}

fn token(index: usize, side: usize, step: Step) -> u64 {
    (index << 2 | side << 1 | step as usize) as u64
}

impl Session {
    fn shut(&self, how: i32, sides: [usize; 2]) {
        for side in sides {
            // SAFETY: plain system call on a descriptor that the session owns.
            unsafe { libc::shutdown(self.ends[side].as_raw_fd(), how) };
        }
    }
}

/// The provided buffers of one worker and the ring that hands them to the kernel.
struct Buffers {
    ring: *mut types::BufRingEntry,
    memory: *mut u8,
    size: usize,
    mask: u16,
    tail: u16,
    published: u16,
}

impl Buffers {
    fn register(ring: &IoUring, count: u16, size: usize) -> io::Result<Self> {
        let entries = map(usize::from(count) * size_of::<types::BufRingEntry>())?.cast();
        let memory = map(usize::from(count) * size)?;
        // SAFETY: both mappings are never unmapped; the ring's is page-aligned and as long as `count` says.
        unsafe {
            ring.submitter()
                .register_buf_ring_with_flags(entries as u64, count, GROUP, 0)?
        };
        let mut buffers = Self {
            ring: entries,
            memory,
            size,
            mask: count - 1,
            tail: 0,
            published: 0,
        };
        (0..count).for_each(|buffer| buffers.give_back(buffer));
        buffers.publish();
        Ok(buffers)
    }

    fn address(&self, buffer: u16) -> *mut u8 {
        self.memory.wrapping_add(usize::from(buffer) * self.size)
    }

    fn give_back(&mut self, buffer: u16) {
        // SAFETY: the index is masked to the ring, and the kernel does not read this slot before `publish`.
        let entry = unsafe { &mut *self.ring.add(usize::from(self.tail & self.mask)) };
        entry.set_addr(self.address(buffer) as u64);
        entry.set_len(self.size as u32);
        entry.set_bid(buffer);
        self.tail = self.tail.wrapping_add(1);
    }

    /// Lets the kernel see what was given back; true when there was any.
    fn publish(&mut self) -> bool {
        // SAFETY: the tail lives in the first entry of the ring, which is mapped for good.
        let tail = unsafe { &*types::BufRingEntry::tail(self.ring).cast::<AtomicU16>() };
        tail.store(self.tail, Ordering::Release);
        std::mem::replace(&mut self.published, self.tail) != self.tail
    }
}

fn map(bytes: usize) -> io::Result<*mut u8> {
    let (access, kind) = (
        libc::PROT_READ | libc::PROT_WRITE,
        libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
    );
    // SAFETY: an anonymous mapping at an address of the kernel's choice.
    let address = unsafe { libc::mmap(std::ptr::null_mut(), bytes, access, kind, -1, 0) };
    if address == libc::MAP_FAILED {
        Err(io::Error::last_os_error())
    } else {
        Ok(address.cast())
    }
}
