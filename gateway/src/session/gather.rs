//! Small writes of a worker's sessions, gathered and handed to the kernel in one call.
//!
//! A call of its own for each message costs more than entering the kernel: whoever the message wakes may run at once in the writer's
//! place, so that the worker is put off after every one of them. Here a session posts what it has to write, goes on as if it were
//! written, and all that was posted while the run queue was gone through is sent by one `io_uring_enter`, in the order in which it
//! was posted. Where that can't be had (a kernel before 5.6, or io_uring switched off) nothing is posted, and each session writes for itself.
//!
//! What is posted belongs to the worker until it is sent: no session waits for it, and a session that goes away before its turn
//! has it sent first ([`settle`]). What the socket would not take, or not all of it, is given back, and its session is woken for that.

use crate::session::pool;
use gateway_core::buffer::Buffer;
use io_uring::{IoUring, opcode, types};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::task::{Poll, Waker};
use tokio::net::TcpStream;

/// The most that is posted, in bytes: more takes the kernel so long that gathering gains nothing.
pub const SMALL: usize = 8 * 1024;
/// Posts for one call.
const TOGETHER: usize = 64;
/// How often the kernel is asked to take what it would not take.
const TRIES: usize = 8;

thread_local! {
    static GATHER: RefCell<Option<Gather>> = const { RefCell::new(None) };
    /// The round that is being gathered; that of a thread which gathers nothing stays 0.
    static ROUND: Cell<u64> = const { Cell::new(0) };
    /// Whether anything of rounds before was not sent whole.
    static UNSENT: Cell<bool> = const { Cell::new(false) };
}

/// A worker's posts.
struct Gather {
    ring: IoUring,
    posts: Vec<Post>,
    /// What was not sent whole, until its session asks.
    unsent: VecDeque<(Receipt, Buffer, io::Error)>,
    /// Of the task that sends, once the run queue was gone through.
    sender: Option<Waker>,
}

struct Post {
    socket: RawFd,
    bytes: Buffer,
    session: Waker,
}

/// Names what a session has posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    round: u64,
    place: usize,
}

/// What became of what was posted.
#[derive(Debug)]
pub enum Sent {
    /// It waits for the worker.
    Waiting,
    /// The kernel has all of it.
    Whole,
    /// The kernel has not all of it: what is left, and what the socket said.
    Not(Buffer, io::Error),
}

/// Begins to gather what is posted on this thread. The future sends it, as a task of the thread's runtime; it never ends. None where
/// the kernel can't.
pub fn start() -> Option<impl Future<Output = ()> + Send> {
    let entries = u32::try_from(TOGETHER).unwrap_or(u32::MAX);
    // The newer kernels' ways to save interrupts and locks are left out where there are none.
    let newer = || IoUring::builder().setup_single_issuer().setup_coop_taskrun().build(entries);
    let ring = newer().or_else(|_| IoUring::new(entries)).ok()?;
    let gather = Gather { ring, posts: Vec::with_capacity(TOGETHER), unsent: VecDeque::new(), sender: None };
    GATHER.set(Some(gather));
    ROUND.set(1);
    Some(poll_fn(|cx| {
        with(|gather| {
            gather.send();
            gather.sender.get_or_insert_with(|| cx.waker().clone());
        });
        Poll::Pending
    }))
}

/// Posts all of `bytes`, which is empty afterwards; none where this thread gathers nothing.
///
/// The socket stays open until its receipt is [settled](settle).
pub fn post(socket: &TcpStream, bytes: &mut Buffer, session: &Waker) -> Option<Receipt> {
    if ROUND.get() == 0 {
        return None;
    }
    with(|gather| {
        if gather.posts.len() == TOGETHER {
            gather.send();
        }
        let receipt = Receipt { round: ROUND.get(), place: gather.posts.len() };
        gather.posts.push(Post { socket: socket.as_raw_fd(), bytes: std::mem::take(bytes), session: session.clone() });
        if gather.posts.len() == 1
            && let Some(sender) = &gather.sender
        {
            sender.wake_by_ref();
        }
        receipt
    })
}

/// What became of what this receipt names.
pub fn sent(receipt: Receipt) -> Sent {
    if receipt.round == ROUND.get() {
        return Sent::Waiting;
    }
    if !UNSENT.get() {
        return Sent::Whole;
    }
    let left = with(|gather| {
        let at = gather.unsent.iter().position(|(unsent, _, _)| *unsent == receipt)?;
        let left = gather.unsent.remove(at);
        UNSENT.set(!gather.unsent.is_empty());
        left
    });
    left.flatten().map_or(Sent::Whole, |(_, bytes, error)| Sent::Not(bytes, error))
}

/// The same, sent now where it still waits.
pub fn settle(receipt: Receipt) -> Sent {
    if receipt.round == ROUND.get() {
        with(Gather::send);
    }
    sent(receipt)
}

fn with<R>(use_it: impl FnOnce(&mut Gather) -> R) -> Option<R> {
    GATHER.with_borrow_mut(|gather| gather.as_mut().map(use_it))
}

impl Gather {
    /// Sends all that was posted, and begins a new round.
    fn send(&mut self) {
        if self.posts.is_empty() {
            return;
        }
        let round = ROUND.get();
        ROUND.set(round + 1);
        let mut results = [None; TOGETHER];
        let failed = self.submit(&mut results).err();
        for (place, (post, result)) in self.posts.drain(..).zip(results).enumerate() {
            let Post { mut bytes, session, .. } = post;
            let error = match result {
                Some(sent) if usize::try_from(sent).is_ok_and(|sent| sent == bytes.len()) => {
                    bytes.clear();
                    pool::release(&mut bytes);
                    continue;
                }
                Some(sent) if sent < 0 => io::Error::from_raw_os_error(-sent),
                Some(sent) => {
                    bytes.consume(usize::try_from(sent).unwrap_or_default());
                    io::ErrorKind::WouldBlock.into()
                }
                // Whether the kernel took it is not known: the session can't go on.
                None => failed.as_ref().map_or_else(|| io::ErrorKind::Other.into(), |error| io::Error::from(error.kind())),
            };
            self.unsent.push_back((Receipt { round, place }, bytes, error));
            UNSENT.set(true);
            session.wake();
        }
    }

    /// Has the kernel send the posts. Each is done when this returns, unless that is an error.
    fn submit(&mut self, results: &mut [Option<i32>; TOGETHER]) -> io::Result<()> {
        for (place, post) in self.posts.iter().enumerate() {
            let bytes = post.bytes.as_slice();
            let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            let send = opcode::Send::new(types::Fd(post.socket), bytes.as_ptr(), length);
            let send = send.flags(libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL).build().user_data(place as u64);
            #[expect(unsafe_code, reason = "the kernel reads memory that it is shown")]
            // SAFETY: the bytes are this post's until the kernel has answered for it, which is waited for below; the socket is open, for
            // whoever closes it settles its receipt before.
            let pushed = unsafe { self.ring.submission().push(&send) };
            pushed.map_err(io::Error::other)?;
        }
        let mut left = self.posts.len();
        let mut tries = 0;
        while left > 0 {
            // A socket that must not be waited for is answered at once: to wait here is to wait for nothing.
            match self.ring.submit_and_wait(left) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    tries += 1;
                    if tries == TRIES {
                        tracing::error!(%error, "the kernel takes no more writes together");
                        return Err(error);
                    }
                    std::thread::yield_now();
                }
            }
            for answer in self.ring.completion() {
                let place = usize::try_from(answer.user_data()).unwrap_or(usize::MAX);
                if let Some(result @ None) = results.get_mut(place) {
                    *result = Some(answer.result());
                    left -= 1;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;
    use std::task::Waker;
    use tokio::net::TcpListener;

    async fn pair() -> (TcpStream, std::net::TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let far = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (listener.accept().await.unwrap().0, far)
    }

    fn bytes(text: &[u8]) -> Buffer {
        let mut bytes = Buffer::new();
        bytes.extend(text);
        bytes
    }

    #[tokio::test]
    async fn what_is_posted_goes_out_in_its_order_once_the_others_had_their_turn() {
        let (one, mut far_one) = pair().await;
        let (other, mut far_other) = pair().await;
        assert!(post(&one, &mut bytes(b"nobody gathers yet"), Waker::noop()).is_none());
        tokio::spawn(start().expect("this kernel has io_uring"));
        tokio::task::yield_now().await;
        let receipts: Vec<_> = (0..2 * TOGETHER)
            .map(|number| {
                let socket = if number % 2 == 0 { &one } else { &other };
                let mut text = bytes(format!("{number:04}").as_bytes());
                let receipt = post(socket, &mut text, Waker::noop()).unwrap();
                assert!(text.is_empty());
                receipt
            })
            .collect();
        assert!(matches!(sent(*receipts.first().unwrap()), Sent::Whole), "a full round is sent at once");
        assert!(matches!(sent(*receipts.last().unwrap()), Sent::Waiting));
        tokio::task::yield_now().await;
        assert!(receipts.iter().all(|receipt| matches!(sent(*receipt), Sent::Whole)));
        for (far, first) in [(&mut far_one, 0), (&mut far_other, 1)] {
            let mut read = vec![0; 4 * TOGETHER];
            far.read_exact(&mut read).unwrap();
            let expected: String = (0..TOGETHER).map(|number| format!("{:04}", 2 * number + first)).collect();
            assert_eq!(String::from_utf8(read).unwrap(), expected);
        }
    }

    #[tokio::test]
    async fn what_a_socket_does_not_take_is_given_back_to_its_session_alone() {
        tokio::spawn(start().unwrap());
        let (full, far) = pair().await;
        let (gone, far_gone) = pair().await;
        let (fine, mut far_fine) = pair().await;
        drop(far_gone);
        // What was refused by a reset is known at the second try.
        let mut taken = 0;
        let rest = loop {
            let receipt = post(&full, &mut bytes(&[7; SMALL]), Waker::noop()).unwrap();
            match settle(receipt) {
                Sent::Whole => taken += SMALL,
                Sent::Not(rest, error) => {
                    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                    break rest;
                }
                Sent::Waiting => panic!("settled"),
            }
        };
        assert!(!rest.is_empty() && rest.len() <= SMALL);
        let broken = loop {
            let receipts = [&gone, &fine].map(|socket| post(socket, &mut bytes(b"x"), Waker::noop()).unwrap());
            let [to_gone, to_fine] = receipts.map(settle);
            assert!(matches!(to_fine, Sent::Whole), "{to_fine:?}");
            if let Sent::Not(_, error) = to_gone {
                break error;
            }
        };
        assert!([io::ErrorKind::BrokenPipe, io::ErrorKind::ConnectionReset].contains(&broken.kind()), "{broken}");
        let mut read = [0];
        far_fine.read_exact(&mut read).unwrap();
        assert!(!UNSENT.get(), "who asked has it");
        drop(full);
        let mut far = far;
        let mut all = Vec::new();
        far.read_to_end(&mut all).unwrap();
        assert_eq!(all.len(), taken + (SMALL - rest.len()));
    }
}
