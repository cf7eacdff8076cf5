//! What a client's first bytes say: TLS (RFC 8446 §4.1.2, RFC 6066 §3), HTTP/1 (RFC 9112), HTTP/2 (RFC 9113 §3.4), SSH (RFC 4253 §4.2).
//!
//! Each look begins anew with all bytes so far, so that no chunking makes a difference.

use crate::buffer::Buffer;
use crate::protocol::Refusal;
use serde::{Deserialize, Serialize};

/// Bytes within which a client has to have said what it speaks.
pub const HELLO_BYTES: usize = 32 << 10;
/// Bytes of the longest method of HTTP that is known here, and one to see its end.
const METHOD_BYTES: usize = 24;
/// ALPN names that are kept of a ClientHello.
const ALPN_KEPT: usize = 16;

/// What a client speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Speaks {
    /// TLS: its first record is a handshake.
    Tls,
    /// HTTP/1.0 or 1.1.
    Http,
    /// HTTP/2 without TLS.
    Http2,
    /// SSH.
    Ssh,
    /// Something else.
    #[default]
    Unknown,
}

/// What the client's first bytes say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// What it speaks.
    pub speaks: Speaks,
    /// TLS: the server's name, in lower case and without a dot at its end.
    pub sni: Option<String>,
    /// HTTP/1: the host of the first request, as above and without its port.
    pub http_host: Option<String>,
    /// TLS: the protocols that the client offers.
    pub alpn: Vec<String>,
    /// TLS: it has an encrypted ClientHello, or pretends to (RFC 9849): the name above may be the outer one.
    pub ech: bool,
    /// It can't be told which host is meant: too long, cut off, named twice, malformed.
    pub unreadable: bool,
}

/// What came of a look.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// No bytes.
    Nothing,
    /// It may become any of several: more is needed.
    More,
    Hello(Hello),
}

impl Speaks {
    /// Its name, as policies and records have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::Http => "http",
            Self::Http2 => "http2",
            Self::Ssh => "ssh",
            Self::Unknown => "unknown",
        }
    }
}

/// Looks at the first bytes; `last` where no more will come.
pub(super) fn hear(first: &[u8], last: bool) -> Heard {
    if first.is_empty() {
        return Heard::Nothing;
    }
    // What decides is the same however many bytes come at once.
    let first = first.get(..HELLO_BYTES).unwrap_or(first);
    let unreadable = |speaks| Hello { speaks, unreadable: true, ..Hello::default() };
    let (speaks, read) = match guess(first) {
        None if !last => return Heard::More,
        None => (Speaks::Unknown, Read::Said(Hello::default())),
        Some(Speaks::Tls) => (Speaks::Tls, client_hello(first)),
        Some(Speaks::Http) => (Speaks::Http, request(first)),
        Some(speaks @ (Speaks::Http2 | Speaks::Ssh | Speaks::Unknown)) => {
            (speaks, Read::Said(Hello { speaks, ..Hello::default() }))
        }
    };
    match read {
        Read::More if !last && first.len() < HELLO_BYTES => Heard::More,
        Read::More | Read::Wrong => Heard::Hello(unreadable(speaks)),
        Read::Said(hello) => Heard::Hello(hello),
    }
}

/// The protocol's own words for a refusal.
pub(super) fn write_refusal(speaks: Speaks, refusal: &Refusal, to: &mut Buffer) {
    match speaks {
        // A fatal alert, access_denied (RFC 8446 §6.2).
        Speaks::Tls => to.extend(&[21, 3, 3, 0, 2, 2, 49]),
        Speaks::Http => {
            let line = |text: &str| text.replace(['\r', '\n'], " ");
            let body = format!("{}\n{}\n{}\n", line(&refusal.message), line(&refusal.detail), line(&refusal.hint));
            let head =
                "HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\nContent-Length: ";
            to.extend(format!("{head}{}\r\n\r\n{body}", body.len()).as_bytes());
        }
        Speaks::Http2 | Speaks::Ssh | Speaks::Unknown => {}
    }
}

/// What came of reading a protocol's first message.
enum Read {
    More,
    Wrong,
    Said(Hello),
}

/// What it can only be; none where that is open.
fn guess(first: &[u8]) -> Option<Speaks> {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let open = |known: &[u8]| known.starts_with(first);
    match first {
        [22] => return None,
        [22, 3, ..] => return Some(Speaks::Tls),
        _ if first.starts_with(PREFACE) => return Some(Speaks::Http2),
        _ if first.starts_with(b"SSH-") => return Some(Speaks::Ssh),
        _ if open(PREFACE) || open(b"SSH-") => return None,
        _ => {}
    }
    // A method, a target, a version, at the end of the first line.
    let line = first.iter().position(|byte| *byte == b'\n');
    let (start, whole) =
        first.split_at_checked(line.unwrap_or(first.len())).map_or((first, false), |(start, _)| (start, line.is_some()));
    let method = start.iter().position(|byte| *byte == b' ');
    let token = start.get(..method.unwrap_or(start.len())).unwrap_or_default();
    if token.is_empty() || token.len() > METHOD_BYTES || !token.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'-') {
        return Some(Speaks::Unknown);
    }
    if !whole {
        return if first.len() < HELLO_BYTES { None } else { Some(Speaks::Unknown) };
    }
    let line = start.strip_suffix(b"\r").unwrap_or(start);
    let version = line.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
    let http = method.is_some() && matches!(version, b"HTTP/1.1" | b"HTTP/1.0") && version.len() < line.len();
    Some(if http { Speaks::Http } else { Speaks::Unknown })
}

/// Reads the head of an HTTP/1 request.
fn request(first: &[u8]) -> Read {
    let mut lines = Lines(first);
    let Some(start) = lines.next() else { return Read::More };
    let mut parts = start.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(_version), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Read::Wrong;
    };
    let mut host = None;
    loop {
        let Some(line) = lines.next() else { return Read::More };
        if line.is_empty() {
            break;
        }
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { return Read::Wrong };
        let (name, value) = (line.get(..colon).unwrap_or_default(), line.get(colon + 1..).unwrap_or_default());
        // A name with a space in it, or a line that goes on with the one before: servers differ in what they make of it.
        if name.is_empty() || name.iter().any(|byte| byte.is_ascii_whitespace() || byte.is_ascii_control()) {
            return Read::Wrong;
        }
        if name.eq_ignore_ascii_case(b"host") && host.replace(value.trim_ascii()).is_some() {
            return Read::Wrong;
        }
    }
    let named = match host.map(authority) {
        Some(None) => return Read::Wrong,
        Some(Some(name)) => Some(name),
        None => None,
    };
    let written = if method == b"CONNECT" {
        Some(target)
    } else {
        let scheme = target.windows(3).position(|three| three == b"://");
        let behind = scheme.and_then(|at| target.get(at + 3..));
        behind.map(|behind| behind.split(|byte| matches!(byte, b'/' | b'?' | b'#')).next().unwrap_or_default())
    };
    let http_host = match written.map(authority) {
        None => named,
        Some(Some(written)) if named.as_ref().is_none_or(|named| *named == written) => Some(written),
        Some(_) => return Read::Wrong,
    };
    Read::Said(Hello { speaks: Speaks::Http, http_host, ..Hello::default() })
}

/// The lines of a head: with their end, or not at all.
struct Lines<'b>(&'b [u8]);

impl<'b> Iterator for Lines<'b> {
    type Item = &'b [u8];

    fn next(&mut self) -> Option<&'b [u8]> {
        let end = self.0.iter().position(|byte| *byte == b'\n')?;
        let line = self.0.get(..end)?;
        self.0 = self.0.get(end + 1..)?;
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }
}

/// The host of `host:port`; none where it is no host.
fn authority(text: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(text).ok()?;
    let text = text.rsplit_once('@').map_or(text, |(_, behind)| behind);
    if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        address.parse::<std::net::Ipv6Addr>().ok()?;
        return (port.is_empty() || port.strip_prefix(':').is_some_and(digits)).then(|| address.to_ascii_lowercase());
    }
    let host = match text.split_once(':') {
        Some((host, port)) if digits(port) => host,
        Some(_) => return None,
        None => text,
    };
    name(host.as_bytes())
}

fn digits(text: &str) -> bool {
    text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A host's name as it is compared; none where it is none.
fn name(bytes: &[u8]) -> Option<String> {
    let bytes = bytes.strip_suffix(b".").unwrap_or(bytes);
    let legal = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    let good = !bytes.is_empty() && bytes.len() <= 253 && bytes.iter().all(legal);
    good.then(|| String::from_utf8_lossy(bytes).to_ascii_lowercase())
}

/// Reads a ClientHello, over as many records as it comes in.
fn client_hello(first: &[u8]) -> Read {
    let mut message = Vec::new();
    let mut records = first;
    loop {
        let [kind, major, _minor, high, low, rest @ ..] = records else { return Read::More };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        // A record that is no handshake between those of one message is none that a server takes (RFC 8446 §5.1).
        if *kind != 22 || *major != 3 || length == 0 || length > 1 << 14 {
            return Read::Wrong;
        }
        let (fragment, whole) = match rest.split_at_checked(length) {
            Some((fragment, behind)) => {
                records = behind;
                (fragment, true)
            }
            None => (rest, false),
        };
        message.extend_from_slice(fragment);
        let Some([handshake, a, b, c]) = message.first_chunk() else {
            if whole {
                continue;
            } else {
                return Read::More;
            };
        };
        let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
        if *handshake != 1 || length > HELLO_BYTES {
            return Read::Wrong;
        }
        if let Some(body) = message.get(4..4 + length) {
            return hello_body(body).map_or(Read::Wrong, Read::Said);
        }
        if !whole {
            return Read::More;
        }
    }
}

/// The extensions of a ClientHello that matter here.
fn hello_body(body: &[u8]) -> Option<Hello> {
    let mut body = Reader(body);
    body.take(2 + 32)?;
    body.vector8()?;
    body.vector16()?;
    body.vector8()?;
    let mut hello = Hello { speaks: Speaks::Tls, ..Hello::default() };
    if body.0.is_empty() {
        return Some(hello);
    }
    let mut extensions = Reader(body.vector16()?);
    if !body.0.is_empty() {
        return None;
    }
    let (mut named, mut offered) = (false, false);
    while !extensions.0.is_empty() {
        let (kind, data) = (extensions.number16()?, extensions.vector16()?);
        match kind {
            0 => {
                if std::mem::replace(&mut named, true) {
                    return None;
                }
                hello.sni = Some(server_name(data)?);
            }
            16 => {
                if std::mem::replace(&mut offered, true) {
                    return None;
                }
                hello.alpn = protocols(data)?;
            }
            0xfe0d => hello.ech = true,
            _ => {}
        }
    }
    Some(hello)
}

/// The one host name of a `server_name` extension.
fn server_name(data: &[u8]) -> Option<String> {
    let mut data = Reader(data);
    let mut list = Reader(data.vector16()?);
    let kind = list.take(1)?;
    let host = list.vector16()?;
    (data.0.is_empty() && list.0.is_empty() && kind == [0]).then(|| name(host))?
}

fn protocols(data: &[u8]) -> Option<Vec<String>> {
    let mut data = Reader(data);
    let mut list = Reader(data.vector16()?);
    let mut found = Vec::new();
    while !list.0.is_empty() {
        let protocol = list.vector8()?;
        if found.len() < ALPN_KEPT {
            found.push(protocol.escape_ascii().to_string());
        }
    }
    data.0.is_empty().then_some(found)
}

/// Takes what TLS's vectors are made of off the front.
struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn number16(&mut self) -> Option<u16> {
        self.take(2)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
    }

    fn vector8(&mut self) -> Option<&'b [u8]> {
        let length = *self.take(1)?.first()?;
        self.take(length.into())
    }

    fn vector16(&mut self) -> Option<&'b [u8]> {
        let length = self.number16()?;
        self.take(length.into())
    }
}
