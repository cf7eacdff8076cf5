//! The handshakes, each within a deadline, and what went wrong in words that lead on.

use super::{ALPN, Prefixed, TlsError, UpstreamTls, end_point};
use rustls::{AlertDescription, CertificateError, Error, ServerConfig};
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

/// A handshake has this long.
const DEADLINE: Duration = Duration::from_secs(10);

/// Accepts a job's TLS. `early` is what was already read of its ClientHello.
///
/// # Errors
/// When the client does not finish a handshake, or ends it because it does not trust us.
pub async fn accept<S>(stream: S, early: &[u8], config: Arc<ServerConfig>) -> Result<server::TlsStream<Prefixed<S>>, TlsError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let handshake = TlsAcceptor::from(config).accept(Prefixed::new(early.to_vec(), stream));
    match tokio::time::timeout(DEADLINE, handshake).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(TlsError::Client(client_fault(&error))),
        Err(_) => Err(TlsError::Deadline { side: "the client", seconds: DEADLINE.as_secs() }),
    }
}

/// Starts TLS with a server dialled at `address`, and verifies it as `settings` say. Besides the
/// stream it gives `tls-server-end-point` of the server's certificate, for SCRAM-SHA-256-PLUS.
///
/// # Errors
/// When the server is not the one that was meant, or does not finish a handshake; or the settings'
/// files can't be used.
pub async fn connect<S>(
    stream: S,
    settings: &UpstreamTls,
    address: IpAddr,
) -> Result<(client::TlsStream<S>, Option<Vec<u8>>), TlsError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let name = settings.verified_name(address)?;
    let label = name.to_str().into_owned();
    let handshake = TlsConnector::from(settings.config()?).connect(name, stream);
    match tokio::time::timeout(DEADLINE, handshake).await {
        Ok(Ok(stream)) => {
            let end_point = peer_end_point(&stream);
            Ok((stream, end_point))
        }
        Ok(Err(error)) => Err(TlsError::Server { reason: server_fault(&error), name: label }),
        Err(_) => Err(TlsError::Deadline { side: "the server", seconds: DEADLINE.as_secs() }),
    }
}

/// `tls-server-end-point` of the server's certificate, for SCRAM-SHA-256-PLUS.
#[must_use]
pub fn peer_end_point<S>(stream: &client::TlsStream<S>) -> Option<Vec<u8>> {
    end_point(stream.get_ref().1.peer_certificates()?.first()?)
}

/// Whether the client offered ALPN `postgresql`, which direct TLS must (and SSLRequest need not).
#[must_use]
pub fn spoke_postgresql<S>(stream: &server::TlsStream<S>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(ALPN)
}

fn inner(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

fn client_fault(error: &io::Error) -> String {
    match inner(error) {
        Some(Error::AlertReceived(
            AlertDescription::UnknownCA | AlertDescription::BadCertificate | AlertDescription::CertificateUnknown,
        )) => "it does not trust the gateway's certificate: run it under `weir run`, give the target the owner's certificate, or see `weir doctor --tls`".to_owned(),
        Some(Error::NoApplicationProtocol) => "it offered application protocols without postgresql".to_owned(),
        Some(other) => other.to_string(),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            "it closed the connection within the handshake; clients that don't trust a certificate often do: see `weir doctor --tls`".to_owned()
        }
        None => error.to_string(),
    }
}

fn server_fault(error: &io::Error) -> String {
    let Some(Error::InvalidCertificate(fault)) = inner(error) else {
        return inner(error).map_or_else(|| error.to_string(), ToString::to_string);
    };
    let advice = match fault {
        CertificateError::UnknownIssuer => "no trusted CA signed its certificate: set tls.ca to the server's CA file",
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate has another name (subjectAltName; the common name does not count): set tls.name to the one it has"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired: renew it on the server"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet: compare the clocks of both machines"
        }
        CertificateError::Other(_) => {
            "its certificate can't be a server's; a self-signed one with CA:TRUE is such: sign the server's certificate with a CA, and set tls.ca to that"
        }
        _ => "its certificate is refused",
    };
    format!("{advice} ({fault})")
}
