//! As much of Postgres' protocol as a load needs: a start-up that is trusted, and statements of the simple protocol.

use anyhow::{Context as _, bail};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// What one read asks for, in bytes.
const READ_SIZE: usize = 64 * 1024;

/// One session.
pub(super) struct Client {
    stream: TcpStream,
}

impl Client {
    /// Connects, and waits until the server is ready.
    pub(super) async fn connect(address: SocketAddr, buffer: &mut Vec<u8>) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut client = Self { stream };
        let mut startup = 196_608_u32.to_be_bytes().to_vec();
        startup.extend_from_slice(b"user\0app\0database\0app\0application_name\0scale\0\0");
        let length = u32::try_from(startup.len() + 4)?.to_be_bytes();
        client.stream.write_all(&[&length[..], &startup].concat()).await?;
        client.ready(buffer).await?;
        Ok(client)
    }

    /// Runs one statement; the bytes that came back.
    pub(super) async fn query(&mut self, message: &[u8], buffer: &mut Vec<u8>) -> anyhow::Result<u64> {
        self.stream.write_all(message).await?;
        self.ready(buffer).await
    }

    /// Reads up to ReadyForQuery. The bytes are looked at and let go; `buffer` is empty again afterwards.
    async fn ready(&mut self, buffer: &mut Vec<u8>) -> anyhow::Result<u64> {
        let mut received = 0;
        // Of a message that is longer than what was read of it.
        let mut skip = 0;
        buffer.clear();
        loop {
            buffer.reserve(READ_SIZE);
            let read = self.stream.read_buf(buffer).await?;
            if read == 0 {
                bail!("the connection was closed before the server was ready");
            }
            received += read as u64;
            let mut at = 0;
            loop {
                let left = buffer.get(at..).unwrap_or_default();
                let step = skip.min(left.len());
                (at, skip) = (at + step, skip - step);
                let left = left.get(step..).unwrap_or_default();
                let Some(([kind, length @ ..], _)) = left.split_first_chunk::<5>() else { break };
                let length = u32::from_be_bytes(*length) as usize;
                match kind {
                    b'Z' if left.len() > length => {
                        buffer.clear();
                        return Ok(received);
                    }
                    b'Z' => break,
                    b'E' => bail!("refused: {}", String::from_utf8_lossy(left)),
                    _ => skip = length + 1,
                }
            }
            buffer.drain(..at);
        }
    }
}

/// `text` as a Query.
pub(super) fn query(text: &str) -> anyhow::Result<Vec<u8>> {
    let length = u32::try_from(text.len() + 5).context("a short statement")?;
    Ok([b"Q", &length.to_be_bytes()[..], text.as_bytes(), b"\0"].concat())
}
