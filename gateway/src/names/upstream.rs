//! Asks the host's resolvers: over UDP, and over TCP what does not fit (RFC 1035 §4.2, RFC 7766).

use crate::config::{NamesSettings, upstream as address};
use hickory_proto::op::{Message, MessageType};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

/// Where the host's own resolvers are written.
const RESOLV_CONF: &str = "/etc/resolv.conf";
/// How long what was read there is taken for true.
const FRESH: Duration = Duration::from_secs(5);
/// Bytes that an answer over UDP may have here: what fits without fragments (RFC 9715).
pub(super) const UDP_BYTES: u16 = 1232;
/// How often all resolvers are asked.
const ROUNDS: usize = 2;
/// Resolvers that are asked, and search domains that are known.
const MOST: usize = 8;

/// Whom the resolver asks.
#[derive(Debug)]
pub(super) struct Upstreams {
    configured: Vec<SocketAddr>,
    search: Vec<String>,
    timeout: Duration,
    host: Mutex<Option<(Instant, Host)>>,
}

/// What `/etc/resolv.conf` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Host {
    upstreams: Vec<SocketAddr>,
    search: Vec<String>,
}

impl Upstreams {
    pub(super) fn new(settings: &NamesSettings) -> Self {
        Self {
            configured: settings.upstreams.clone(),
            search: settings.search.clone(),
            timeout: settings.timeout,
            host: Mutex::default(),
        }
    }

    /// Asks `query`, which has a random id, until one answers. The error says what each said.
    pub(super) async fn ask(&self, query: &Message) -> Result<Message, String> {
        let upstreams = if self.configured.is_empty() { self.host().upstreams } else { self.configured.clone() };
        let bytes = query.to_vec().map_err(|error| error.to_string())?;
        let mut said = Vec::new();
        for _ in 0..ROUNDS {
            for upstream in &upstreams {
                match self.exchange(*upstream, query, &bytes).await {
                    Ok(answer) => return Ok(answer),
                    Err(error) => said.push(format!("{upstream}: {error}")),
                }
            }
        }
        said.dedup();
        Err(if said.is_empty() {
            format!("{RESOLV_CONF} names no resolver, and [names] upstreams none")
        } else {
            said.join("; ")
        })
    }

    /// Whether `name` is in one of the domains in which jobs look for short names.
    pub(super) fn is_searched(&self, name: &str) -> bool {
        let below = |domain: &String| name.strip_suffix(domain.as_str()).is_some_and(|rest| rest.ends_with('.'));
        self.search.iter().any(below) || self.host().search.iter().any(below)
    }

    async fn exchange(&self, upstream: SocketAddr, query: &Message, bytes: &[u8]) -> io::Result<Message> {
        let late = || io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} ms", self.timeout.as_millis()));
        let answer = timeout(self.timeout, datagram(upstream, query, bytes)).await.map_err(|_elapsed| late())??;
        if !answer.metadata.truncation {
            return Ok(answer);
        }
        timeout(self.timeout, stream(upstream, query, bytes)).await.map_err(|_elapsed| late())?
    }

    fn host(&self) -> Host {
        let mut host = self.host.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((read, host)) = host.as_ref()
            && read.elapsed() < FRESH
        {
            return host.clone();
        }
        // A file that can't be read names no one: the answer is a failure that says so.
        let fresh = parse(&std::fs::read_to_string(RESOLV_CONF).unwrap_or_default());
        *host = Some((Instant::now(), fresh.clone()));
        fresh
    }
}

/// Every question from a socket of its own: its port is as hard to guess as its id (RFC 5452).
async fn datagram(upstream: SocketAddr, query: &Message, bytes: &[u8]) -> io::Result<Message> {
    let own = if upstream.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind(SocketAddr::new(own, 0)).await?;
    socket.connect(upstream).await?;
    socket.send(bytes).await?;
    let mut buffer = [0; 4096];
    loop {
        let length = socket.recv(&mut buffer).await?;
        // What is no answer to this question was sent by someone who guesses.
        if let Some(answer) = buffer.get(..length).and_then(|bytes| answers(query, bytes)) {
            return Ok(answer);
        }
    }
}

async fn stream(upstream: SocketAddr, query: &Message, bytes: &[u8]) -> io::Result<Message> {
    let mut tcp = TcpStream::connect(upstream).await?;
    let length = u16::try_from(bytes.len()).map_err(io::Error::other)?;
    tcp.write_all(&[&length.to_be_bytes(), bytes].concat()).await?;
    let length = tcp.read_u16().await?;
    let mut answer = vec![0; length.into()];
    tcp.read_exact(&mut answer).await?;
    answers(query, &answer).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no answer to the question"))
}

fn answers(query: &Message, bytes: &[u8]) -> Option<Message> {
    let answer = Message::from_vec(bytes).ok()?;
    let fits = answer.metadata.message_type == MessageType::Response
        && answer.metadata.id == query.metadata.id
        && answer.queries == query.queries;
    fits.then_some(answer)
}

fn parse(text: &str) -> Host {
    let mut host = Host::default();
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        match words.next() {
            Some("nameserver") => host.upstreams.extend(words.next().and_then(scoped).filter(|_| host.upstreams.len() < MOST)),
            Some("search" | "domain") => {
                let name = |word: &str| word.trim_matches('.').to_ascii_lowercase();
                host.search = words.map(name).filter(|name| !name.is_empty()).take(MOST).collect();
            }
            _ => {}
        }
    }
    host
}

/// An address, which may name its interface: `fe80::1%eth0`.
fn scoped(text: &str) -> Option<SocketAddr> {
    let Some((ip, interface)) = text.split_once('%') else { return address(text) };
    let index = nix::net::if_::if_nametoindex(interface).ok()?;
    Some(std::net::SocketAddrV6::new(ip.parse().ok()?, 53, 0, index).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_s_file_is_read() {
        let host = parse(
            "# made by hand\nnameserver 192.0.2.53\nnameserver 2001:db8::53 # second\noptions ndots:5\nsearch Corp.example. svc.local\n",
        );
        assert_eq!(host.upstreams, ["192.0.2.53:53".parse().unwrap(), "[2001:db8::53]:53".parse().unwrap()]);
        assert_eq!(host.search, ["corp.example", "svc.local"]);
        assert_eq!(parse("nameserver nonsense\nnameserver\n"), Host::default());
    }
}
