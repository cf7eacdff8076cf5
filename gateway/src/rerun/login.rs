//! The way to the scratch server: TCP, TLS, and the log-in (PostgreSQL docs, "Message Flow: Start-up").

use super::against::Against;
use super::wire::{Message, WireError, write_message};
use crate::tls::{self, UpstreamTls};
use bytes::BytesMut;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, ScramSha256};
use postgres_protocol::message::frontend;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// To be connected.
const DIALLING: Duration = Duration::from_secs(10);

/// Bytes both ways.
pub(super) trait Bytes: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Bytes for T {}

/// A connection that is not logged in yet, and its channel's binding.
pub(super) async fn dial(against: &Against) -> Result<(Box<dyn Bytes>, SocketAddr, Option<Vec<u8>>), WireError> {
    let mut last = WireError::Lost("it has no address".to_owned());
    for address in &against.addresses {
        let connecting = tokio::time::timeout(DIALLING, TcpStream::connect(address)).await;
        match connecting {
            Ok(Ok(tcp)) => {
                // Small messages are not to wait for one another.
                tcp.set_nodelay(true)?;
                let (stream, binding) = secure(tcp, &against.tls, *address).await?;
                return Ok((stream, *address, binding));
            }
            Ok(Err(error)) => last = WireError::Lost(format!("{address}: {error}")),
            Err(_) => last = WireError::Lost(format!("{address} did not answer within {} s", DIALLING.as_secs())),
        }
    }
    Err(last)
}

async fn secure(
    mut tcp: TcpStream,
    settings: &UpstreamTls,
    address: SocketAddr,
) -> Result<(Box<dyn Bytes>, Option<Vec<u8>>), WireError> {
    if !settings.wanted() {
        return Ok((Box::new(tcp), None));
    }
    let mut request = BytesMut::new();
    frontend::ssl_request(&mut request);
    tcp.write_all(&request).await?;
    match tcp.read_u8().await? {
        b'S' => {
            let (stream, binding) =
                tls::connect(tcp, settings, address.ip()).await.map_err(|error| WireError::Lost(error.to_string()))?;
            Ok((Box::new(stream), binding))
        }
        _ if settings.required() => Err(WireError::Lost(format!("{address} has no TLS, and it is required"))),
        _ => Ok((Box::new(tcp), None)),
    }
}

/// What is said to begin with.
pub(super) fn startup(user: &str, database: &str) -> Result<BytesMut, WireError> {
    let mut bytes = BytesMut::new();
    let parameters = [("user", user), ("database", database), ("application_name", "weir session rerun")];
    frontend::startup_message(parameters, &mut bytes)?;
    Ok(bytes)
}

/// Answers the server's questions until it is satisfied.
pub(super) struct Login<'a> {
    against: &'a Against,
    binding: Option<Vec<u8>>,
    scram: Option<ScramSha256>,
}

impl<'a> Login<'a> {
    pub(super) const fn new(against: &'a Against, binding: Option<Vec<u8>>) -> Self {
        Self { against, binding, scram: None }
    }

    /// What is answered to an authentication message; nothing where none is wanted.
    pub(super) fn answer(&mut self, message: &Message) -> Result<Option<Vec<u8>>, WireError> {
        let (kind, rest) = message.body.split_first_chunk::<4>().ok_or(WireError::Protocol)?;
        match u32::from_be_bytes(*kind) {
            0 => Ok(None),
            3 => Ok(Some(password_message(self.password()?))),
            5 => {
                let salt = *rest.first_chunk().ok_or(WireError::Protocol)?;
                let hashed = md5_hash(self.against.user.as_bytes(), self.password()?, salt);
                Ok(Some(password_message(hashed.as_bytes())))
            }
            10 => self.begin(rest).map(Some),
            11 => {
                let scram = self.scram.as_mut().ok_or(WireError::Protocol)?;
                scram.update(rest)?;
                Ok(Some(write_message(b'p', scram.message())))
            }
            12 => {
                self.scram.as_mut().ok_or(WireError::Protocol)?.finish(rest)?;
                Ok(None)
            }
            other => Err(WireError::Lost(format!("it asks for an authentication that is not spoken here (method {other})"))),
        }
    }

    fn begin(&mut self, offered: &[u8]) -> Result<Vec<u8>, WireError> {
        let offers = |name: &str| offered.split(|byte| *byte == 0).any(|one| one == name.as_bytes());
        let (name, binding) = match self.binding.take() {
            Some(binding) if offers(SCRAM_SHA_256_PLUS) => (SCRAM_SHA_256_PLUS, ChannelBinding::tls_server_end_point(binding)),
            Some(_) => (SCRAM_SHA_256, ChannelBinding::unrequested()),
            None => (SCRAM_SHA_256, ChannelBinding::unsupported()),
        };
        let scram = ScramSha256::new(self.password()?, binding);
        let first = scram.message();
        let length = u32::try_from(first.len()).map_err(|_| WireError::Protocol)?;
        let answer = write_message(b'p', &[name.as_bytes(), &[0], &length.to_be_bytes(), first].concat());
        self.scram = Some(scram);
        Ok(answer)
    }

    fn password(&self) -> Result<&[u8], WireError> {
        let password = self.against.password.as_ref().map(|password| password.as_slice());
        password.ok_or_else(|| WireError::Lost("it asks for a password, and --against has none".to_owned()))
    }
}

fn password_message(password: &[u8]) -> Vec<u8> {
    write_message(b'p', &[password, &[0]].concat())
}
