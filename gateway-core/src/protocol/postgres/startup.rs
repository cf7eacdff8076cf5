//! The client's first packets: PostgreSQL docs, "Message Flow", Start-up, and "SSL Session Encryption".

use super::codec::{self, Reader};

const SSL_REQUEST: u32 = 80_877_103;
const GSS_REQUEST: u32 = 80_877_104;
const CANCEL_REQUEST: u32 = 80_877_102;
/// Protocol 3.0; the minor version is in the lower half.
pub(super) const VERSION_3: u32 = 3 << 16;
/// The newest minor version that is spoken here.
pub(super) const NEWEST_MINOR: u32 = 2;
/// The longest cancel secret of protocol 3.2.
const LONGEST_SECRET: usize = 256;
/// The longest name that the server keeps of a client (`NAMEDATALEN` - 1).
const APPLICATION_BYTES: usize = 63;

/// A packet that a connection may begin with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Packet<'a> {
    Ssl,
    Gss,
    Cancel { pid: u32, secret: &'a [u8] },
    Startup { minor: u32, parameters: &'a [u8] },
}

/// Why a packet is none of those: SQLSTATE and text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unfit(pub(super) &'static str, pub(super) &'static str);

/// Reads the packet at the front of `bytes` and its length; `None` where it is not whole yet.
pub(super) fn packet(bytes: &[u8], limit: usize) -> Result<Option<(Packet<'_>, usize)>, Unfit> {
    let mut reader = Reader(bytes);
    let Some(length) = reader.number() else { return Ok(None) };
    let length = length as usize;
    if !(8..=limit).contains(&length) {
        return Err(Unfit("08P01", "the start-up packet's length is outside the protocol"));
    }
    let Some(code) = reader.number() else { return Ok(None) };
    let wrong = Err(Unfit("08P01", "the start-up packet's length does not fit its kind"));
    match (code, length) {
        (SSL_REQUEST, 8) => return Ok(Some((Packet::Ssl, 8))),
        (GSS_REQUEST, 8) => return Ok(Some((Packet::Gss, 8))),
        (SSL_REQUEST | GSS_REQUEST, _) => return wrong,
        (CANCEL_REQUEST, length) if !(16..=12 + LONGEST_SECRET).contains(&length) => return wrong,
        (CANCEL_REQUEST, _) => {}
        (version, _) if version >> 16 == 3 => {}
        _ => return Err(Unfit("0A000", "weir speaks PostgreSQL's protocol 3 only")),
    }
    let Some(body) = bytes.get(8..length) else { return Ok(None) };
    if code == CANCEL_REQUEST {
        let mut reader = Reader(body);
        let Some(pid) = reader.number() else { return wrong };
        return Ok(Some((Packet::Cancel { pid, secret: reader.0 }, length)));
    }
    Ok(Some((Packet::Startup { minor: code & 0xffff, parameters: body }, length)))
}

/// What the client said of itself.
#[derive(Debug, Default)]
pub(super) struct Hello {
    pub(super) minor: u32,
    pub(super) user: Vec<u8>,
    pub(super) database: Vec<u8>,
    pub(super) application: Vec<u8>,
    /// The client wants the replication protocol.
    pub(super) replication: bool,
    /// All other parameters, as they came.
    others: Vec<u8>,
    /// Protocol options that are not spoken here, each ended by a zero byte, and their number.
    pub(super) unknown: Vec<u8>,
    pub(super) unknown_count: u32,
}

impl Hello {
    pub(super) fn read(minor: u32, parameters: &[u8]) -> Result<Self, Unfit> {
        let malformed = Unfit("08P01", "the start-up packet's parameters are not pairs of texts");
        let mut hello = Self { minor, ..Self::default() };
        let mut reader = Reader(parameters);
        loop {
            let Some(name) = reader.text() else { return Err(malformed) };
            if name.is_empty() {
                break;
            }
            let Some(value) = reader.text() else { return Err(malformed) };
            hello.parameter(name, value)?;
        }
        if !reader.0.is_empty() {
            return Err(malformed);
        }
        if hello.user.is_empty() {
            return Err(Unfit("28000", "the start-up packet names no user"));
        }
        if hello.database.is_empty() {
            hello.database.clone_from(&hello.user);
        }
        Ok(hello)
    }

    fn parameter(&mut self, name: &[u8], value: &[u8]) -> Result<(), Unfit> {
        match name {
            b"user" => self.user = value.to_vec(),
            b"database" => self.database = value.to_vec(),
            b"application_name" => self.application = value.to_vec(),
            b"replication" if !matches!(value, b"false" | b"off" | b"no" | b"0") => {
                self.replication = true;
                codec::text(&mut self.others, name);
                codec::text(&mut self.others, value);
            }
            b"replication" => {}
            _ if name.starts_with(b"_pq_.") => {
                codec::text(&mut self.unknown, name);
                self.unknown_count += 1;
            }
            _ => {
                codec::text(&mut self.others, name);
                codec::text(&mut self.others, value);
            }
        }
        Ok(())
    }

    /// The version that the server is asked for.
    pub(super) fn version(&self) -> u32 {
        VERSION_3 | self.minor.min(NEWEST_MINOR)
    }

    /// Appends the StartupMessage for the server.
    pub(super) fn write(&self, user: &[u8], tag: Option<&str>, to: &mut Vec<u8>) {
        codec::untyped(to, |body| {
            body.extend_from_slice(&self.version().to_be_bytes());
            for (name, value) in [(&b"user"[..], user), (b"database", &self.database)] {
                codec::text(body, name);
                codec::text(body, value);
            }
            body.extend_from_slice(&self.others);
            let application = tagged(&self.application, tag);
            if !application.is_empty() {
                codec::text(body, b"application_name");
                codec::text(body, &application);
            }
            body.push(0);
        });
    }
}

/// The client's name for itself with `tag` behind it, cut so that the server keeps all of the tag.
fn tagged(application: &[u8], tag: Option<&str>) -> Vec<u8> {
    let Some(tag) = tag else { return application.to_vec() };
    let tag = tag.as_bytes();
    let room = APPLICATION_BYTES.saturating_sub(tag.len() + 1);
    let mut end = application.len().min(room);
    // A cut inside of a character would be an encoding error at the server.
    while end < application.len() && application.get(end).is_some_and(|byte| byte & 0xc0 == 0x80) && end > 0 {
        end -= 1;
    }
    let mut text = application.get(..end).unwrap_or_default().to_vec();
    if !text.is_empty() {
        text.push(b' ');
    }
    text.extend_from_slice(tag);
    text
}

/// Appends the request for TLS to the server.
pub(super) fn ssl_request(to: &mut Vec<u8>) {
    codec::untyped(to, |body| body.extend_from_slice(&SSL_REQUEST.to_be_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_stays_whole_and_characters_too() {
        assert_eq!(tagged(b"psql", Some("weir:s-1")), b"psql weir:s-1");
        assert_eq!(tagged(b"", Some("weir:s-1")), b"weir:s-1");
        assert_eq!(tagged(b"psql", None), b"psql");
        let long = "ä".repeat(40);
        let text = tagged(long.as_bytes(), Some("weir:s-1"));
        assert!(text.len() <= 63 && text.ends_with(b" weir:s-1"));
        assert!(std::str::from_utf8(&text).is_ok());
    }

    #[test]
    fn packets_are_told_apart_and_bad_lengths_refused() {
        let mut request = Vec::new();
        ssl_request(&mut request);
        assert_eq!(packet(&request, 10_000), Ok(Some((Packet::Ssl, 8))));
        assert_eq!(packet(&request[..7], 10_000), Ok(None));
        assert!(packet(&[0, 0, 0, 7, 0, 0, 0, 0], 10_000).is_err());
        assert!(packet(&[0, 0, 0x27, 0x11], 10_000).is_err());
        let cancel = [&16u32.to_be_bytes()[..], &CANCEL_REQUEST.to_be_bytes(), &[0, 0, 0, 7], b"abcd"].concat();
        assert_eq!(packet(&cancel, 10_000), Ok(Some((Packet::Cancel { pid: 7, secret: b"abcd" }, 16))));
        assert!(packet(&[0, 0, 0, 8, 0, 2, 0, 0], 10_000).is_err());
    }

    #[test]
    fn replication_is_seen_and_namelessness_is_refused() {
        assert!(Hello::read(0, b"user\0ann\0replication\0database\0\0").unwrap().replication);
        assert!(!Hello::read(0, b"user\0ann\0replication\0off\0\0").unwrap().replication);
        assert_eq!(Hello::read(0, b"database\0shop\0\0").unwrap_err().0, "28000");
        assert_eq!(Hello::read(0, b"user\0ann\0\0").unwrap().database, b"ann");
        assert!(Hello::read(0, b"user\0ann\0").is_err());
        assert!(Hello::read(0, b"user\0ann\0\0x").is_err());
    }
}
