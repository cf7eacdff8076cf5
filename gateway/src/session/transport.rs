//! One side's connection, in plain text or under TLS, and the bytes on their way through it.

use crate::session::gather::{self, Receipt, SMALL, Sent};
use crate::session::pool;
use crate::tls::Prefixed;
use gateway_core::buffer::Buffer;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

/// How often a peer is looked at that may close behind what it has sent.
const LOOK: Duration = Duration::from_millis(100);

/// The connection itself.
pub enum Transport {
    /// None: it was taken away, to be put behind TLS or ended.
    Detached,
    /// Nothing around the bytes.
    Plain(TcpStream),
    /// TLS that ends here, towards the job.
    ClientTls(Box<tokio_rustls::server::TlsStream<Prefixed<TcpStream>>>),
    /// TLS that begins here, towards the target.
    ServerTls(Box<tokio_rustls::client::TlsStream<TcpStream>>),
}

impl Transport {
    /// The TCP connection below.
    #[must_use]
    pub fn tcp(&self) -> Option<&TcpStream> {
        match self {
            Self::Detached => None,
            Self::Plain(tcp) => Some(tcp),
            Self::ClientTls(tls) => Some(tls.get_ref().0.get_ref()),
            Self::ServerTls(tls) => Some(tls.get_ref().0),
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Detached => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
            Self::Plain(tcp) => Pin::new(tcp).poll_read(cx, into),
            Self::ClientTls(tls) => Pin::new(tls.as_mut()).poll_read(cx, into),
            Self::ServerTls(tls) => Pin::new(tls.as_mut()).poll_read(cx, into),
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Detached => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
            Self::Plain(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            Self::ClientTls(tls) => Pin::new(tls.as_mut()).poll_write(cx, bytes),
            Self::ServerTls(tls) => Pin::new(tls.as_mut()).poll_write(cx, bytes),
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Detached | Self::Plain(_) => Poll::Ready(Ok(())),
            Self::ClientTls(tls) => Pin::new(tls.as_mut()).poll_flush(cx),
            Self::ServerTls(tls) => Pin::new(tls.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Detached => Poll::Ready(Ok(())),
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::ClientTls(tls) => Pin::new(tls.as_mut()).poll_shutdown(cx),
            Self::ServerTls(tls) => Pin::new(tls.as_mut()).poll_shutdown(cx),
        }
    }
}

/// A peer: its connection, what came from it and is not yet consumed, what goes to it and is not
/// yet written.
pub struct Peer {
    transport: Transport,
    /// Read and not yet consumed by the protocol.
    pub input: Buffer,
    /// To be written.
    pub pending: Buffer,
    /// The peer will send no more.
    pub ended: bool,
    /// Bytes read from the peer so far.
    pub received: u64,
    unflushed: bool,
    /// What the worker sends for it.
    posted: Option<Receipt>,
    /// The socket is full: the next write waits for it, here.
    crowded: bool,
    /// What the socket said to what was posted.
    failed: Option<io::Error>,
    /// It takes nothing more; what would go to it is dropped.
    deaf: bool,
    finish: Finish,
}

/// Whether the peer is to be told that nothing more comes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Finish {
    No,
    Wanted,
    Done,
}

impl Peer {
    /// A peer over a plain connection.
    #[must_use]
    pub const fn new(tcp: TcpStream) -> Self {
        Self {
            transport: Transport::Plain(tcp),
            input: Buffer::new(),
            pending: Buffer::new(),
            ended: false,
            received: 0,
            unflushed: false,
            posted: None,
            crowded: false,
            failed: None,
            deaf: false,
            finish: Finish::No,
        }
    }

    /// Takes the connection away. Nothing more is read or written until one is [put](Self::attach) back.
    pub fn detach(&mut self) -> Transport {
        self.settle();
        std::mem::replace(&mut self.transport, Transport::Detached)
    }

    /// Goes on over `transport`.
    pub fn attach(&mut self, transport: Transport) {
        self.transport = transport;
    }

    /// Ends the connection with a reset.
    pub fn reset(&mut self) {
        if let Some(tcp) = self.detach().tcp() {
            // A connection that is gone already needs no reset.
            let _gone = socket2::SockRef::from(tcp).set_linger(Some(Duration::ZERO)).is_err();
        }
    }

    /// Reads once. `Ready(0)` is the peer's end.
    pub fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.input.capacity() == 0 {
            self.input = pool::take();
        }
        let tail = self.input.tail();
        if tail.capacity() == tail.len() {
            tail.reserve(tail.len());
        }
        let mut into = ReadBuf::uninit(tail.spare_capacity_mut());
        ready!(self.transport.poll_read(cx, &mut into))?;
        let read = into.filled().len();
        let length = tail.len() + read;
        #[expect(unsafe_code, reason = "Vec has no safe way to own what was read into its spare capacity")]
        // SAFETY: the transport filled the first `read` bytes of the spare capacity.
        unsafe {
            tail.set_len(length);
        }
        self.received += read as u64;
        self.ended |= read == 0;
        Poll::Ready(Ok(read))
    }

    /// Waits until the peer has closed its side, whatever of it is still unread.
    pub async fn gone(&self) {
        loop {
            let Some(tcp) = self.transport.tcp() else { return };
            match tcp.ready(Interest::READABLE).await {
                Ok(ready) if ready.is_read_closed() => return,
                Err(_) => return,
                // What was sent before lies there unread: the end behind it wakes nobody.
                Ok(_) => tokio::time::sleep(LOOK).await,
            }
        }
    }

    /// Writes what is pending; ready once all of it is with the kernel, or [posted](gather) to go there with that of others.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.deaf {
            self.pending.clear();
            return Poll::Ready(Ok(()));
        }
        self.look_after_posted();
        if let Some(error) = self.failed.take() {
            return Poll::Ready(Err(error));
        }
        if self.post(cx) {
            return Poll::Ready(Ok(()));
        }
        while !self.pending.is_empty() {
            let written = ready!(self.transport.poll_write(cx, self.pending.as_slice()))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.pending.consume(written);
            self.unflushed = true;
        }
        self.crowded = false;
        if self.unflushed {
            ready!(self.transport.poll_flush(cx))?;
            self.unflushed = false;
        }
        if self.finish == Finish::Wanted {
            ready!(self.transport.poll_shutdown(cx))?;
            self.finish = Finish::Done;
        }
        Poll::Ready(Ok(()))
    }

    /// Has the worker send what is pending, where that is little; false where it is to be written here.
    fn post(&mut self, cx: &Context<'_>) -> bool {
        let little = !self.pending.is_empty() && self.pending.len() <= SMALL && self.finish == Finish::No;
        if let Transport::Plain(tcp) = &self.transport
            && little
            && !self.crowded
            && self.posted.is_none()
        {
            self.posted = gather::post(tcp, &mut self.pending, cx.waker());
        }
        self.posted.is_some()
    }

    /// Hears what became of what was posted. What comes behind it has to wait until it is with the kernel.
    fn look_after_posted(&mut self) {
        let behind = !self.pending.is_empty() || self.finish == Finish::Wanted;
        if let Some(receipt) = self.posted {
            let sent = if behind { gather::settle(receipt) } else { gather::sent(receipt) };
            self.hear(sent);
        }
    }

    fn hear(&mut self, sent: Sent) {
        match sent {
            Sent::Waiting => return,
            Sent::Whole => {}
            Sent::Not(mut left, error) => {
                left.extend(self.pending.as_slice());
                self.pending = left;
                self.crowded = true;
                if error.kind() != io::ErrorKind::WouldBlock {
                    self.failed = Some(error);
                }
            }
        }
        self.posted = None;
    }

    /// Has what was posted sent now. Whether nothing is left to be written.
    pub fn settle(&mut self) -> bool {
        if let Some(receipt) = self.posted {
            self.hear(gather::settle(receipt));
        }
        self.pending.is_empty() && self.failed.is_none()
    }

    /// Writes nothing from here on, where something may still be read; false where nothing can come.
    pub fn write_no_more(&mut self) -> bool {
        self.deaf = !self.ended;
        self.deaf
    }

    /// Tells the peer, behind what is pending, that nothing more comes.
    pub fn finish(&mut self) {
        if self.finish == Finish::No {
            self.finish = Finish::Wanted;
        }
    }

    /// Lets the worker's other sessions have the memory of what is empty.
    pub fn rest(&mut self) {
        pool::release(&mut self.input);
        pool::release(&mut self.pending);
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // The socket is closed with it.
        self.settle();
    }
}
