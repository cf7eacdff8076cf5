//! A CancelRequest (`PostgreSQL` docs 55.2.10) on a connection of its own.

use super::{CatalogError, dial, late};
use crate::tls::{self, UpstreamTls};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

/// From the dialling to the server's close.
const PATIENCE: Duration = Duration::from_secs(5);
/// 1234 and 5678 in its halves.
const CANCEL_REQUEST: u32 = 80_877_102;
/// Its length, 8, then 1234 and 5679.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// Asks the server at `address` to cancel what the backend `pid` runs, and waits until the server
/// has dealt with the request. The server does not say whether it found anything to cancel.
///
/// # Errors
/// When the server is not reached, is not the one that was meant, or takes longer than 5 s.
pub async fn cancel(address: SocketAddr, settings: &UpstreamTls, pid: u32, secret: &[u8]) -> Result<(), CatalogError> {
    let request = request(pid, secret)?;
    let deadline = Instant::now() + PATIENCE;
    let mut tcp = dial(address, PATIENCE).await?;
    let work = Box::pin(async {
        if settings.wanted() && has_tls(&mut tcp, address, settings).await? {
            let (mut stream, _) =
                tls::connect(tcp, settings, address.ip()).await.map_err(|source| CatalogError::Tls { address, source })?;
            return send(&mut stream, &request, address).await;
        }
        send(&mut tcp, &request, address).await
    });
    timeout_at(deadline, work).await.map_err(|_| late(address, PATIENCE, "cancelling"))?
}

fn request(pid: u32, secret: &[u8]) -> Result<Vec<u8>, CatalogError> {
    let length = secret.len();
    let total = u32::try_from(length + 12).ok().filter(|_| (4..=256).contains(&length)).ok_or(CatalogError::Key { length })?;
    let mut bytes = Vec::with_capacity(length + 12);
    for number in [total, CANCEL_REQUEST, pid] {
        bytes.extend_from_slice(&number.to_be_bytes());
    }
    bytes.extend_from_slice(secret);
    Ok(bytes)
}

/// Asks for TLS. Exactly one byte is read: what an attacker puts behind it in plain text becomes a
/// broken handshake.
async fn has_tls(tcp: &mut TcpStream, address: SocketAddr, settings: &UpstreamTls) -> Result<bool, CatalogError> {
    let unreachable = |source| CatalogError::Unreachable { address, source };
    tcp.write_all(&SSL_REQUEST).await.map_err(unreachable)?;
    match tcp.read_u8().await.map_err(unreachable)? {
        b'S' => Ok(true),
        b'N' if settings.required() => Err(CatalogError::NoTls { address }),
        b'N' => Ok(false),
        byte => Err(CatalogError::NotPostgres { address, byte }),
    }
}

async fn send<S>(stream: &mut S, request: &[u8], address: SocketAddr) -> Result<(), CatalogError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let unreachable = |source| CatalogError::Unreachable { address, source };
    stream.write_all(request).await.map_err(unreachable)?;
    stream.flush().await.map_err(unreachable)?;
    let mut one = [0u8; 1];
    match stream.read(&mut one).await {
        Ok(0) => Ok(()),
        // The server never answers a cancel; it closes, over TLS without a farewell.
        Ok(_) => Err(CatalogError::NotPostgres { address, byte: one[0] }),
        Err(e) if matches!(e.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset) => Ok(()),
        Err(e) => Err(unreachable(e)),
    }
}

#[cfg(test)]
mod tests {
    use super::request;

    #[test]
    fn a_request_is_as_documented_and_keys_are_bounded() {
        let bytes = request(0x0102_0304, &[9, 8, 7, 6]).unwrap_or_default();
        assert_eq!(bytes, [0, 0, 0, 16, 4, 210, 22, 46, 1, 2, 3, 4, 9, 8, 7, 6]);
        assert_eq!(request(1, &[0; 256]).unwrap_or_default().len(), 268);
        assert!(request(1, &[0; 3]).is_err() && request(1, &[0; 257]).is_err());
    }
}
