//! A stream that first gives bytes which were read from it earlier.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Replays `early`, then reads on from the stream: the beginning of a ClientHello is often in the
/// relay's buffer already. Writes go straight through.
#[derive(Debug)]
pub struct Prefixed<S> {
    early: Vec<u8>,
    given: usize,
    stream: S,
}

impl<S> Prefixed<S> {
    /// A stream whose first bytes are `early`.
    pub const fn new(early: Vec<u8>, stream: S) -> Self {
        Self { early, given: 0, stream }
    }

    /// The stream below.
    pub const fn get_ref(&self) -> &S {
        &self.stream
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Prefixed<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let left = self.early.get(self.given..).unwrap_or_default();
        if left.is_empty() || buffer.remaining() == 0 {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let taken = left.len().min(buffer.remaining());
        buffer.put_slice(left.get(..taken).unwrap_or_default());
        self.given += taken;
        if self.given == self.early.len() {
            self.early = Vec::new();
            self.given = 0;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Prefixed<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::Prefixed;
    use tokio::io::AsyncReadExt;

    #[tokio::test]
    async fn early_bytes_come_first_in_any_chunking() {
        for chunk in 1..8 {
            let mut stream = Prefixed::new(b"early ".to_vec(), &b"and late"[..]);
            let mut all = Vec::new();
            let mut buffer = vec![0; chunk];
            loop {
                let n = stream.read(&mut buffer).await.unwrap();
                if n == 0 {
                    break;
                }
                all.extend_from_slice(&buffer[..n]);
            }
            assert_eq!(all, b"early and late");
        }
    }
}
