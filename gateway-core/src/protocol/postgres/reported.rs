//! The settings that the server reports by itself (ParameterStatus) and that decide how text is read.

use super::codec::Reader;
use crate::protocol::Encoding;

/// As last reported.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reported {
    pub(super) standard_conforming_strings: bool,
    client: Charset,
    server: Charset,
}

/// A character set, by the names of PostgreSQL docs, "Character Set Support".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Charset {
    Utf8,
    Latin1,
    /// Bytes without a meaning: between client and server they are not converted.
    Ascii,
    Other,
}

impl Default for Reported {
    /// Before the first report: nothing but ASCII is understood.
    fn default() -> Self {
        Self { standard_conforming_strings: true, client: Charset::Other, server: Charset::Other }
    }
}

impl Reported {
    /// Hears a ParameterStatus' body.
    pub(super) fn hear(&mut self, body: &[u8]) {
        let mut reader = Reader(body);
        let (Some(name), Some(value)) = (reader.text(), reader.text()) else { return };
        match name {
            b"standard_conforming_strings" => self.standard_conforming_strings = value == b"on",
            b"client_encoding" => self.client = charset(value),
            b"server_encoding" => self.server = charset(value),
            _ => {}
        }
    }

    /// How the client's bytes are to be read.
    pub(super) const fn encoding(&self) -> Encoding {
        match (self.client, self.server) {
            (Charset::Utf8, _) | (Charset::Ascii, Charset::Utf8 | Charset::Ascii) => Encoding::Utf8,
            (Charset::Latin1, _) | (Charset::Ascii, Charset::Latin1) => Encoding::Latin1,
            (Charset::Other, _) | (Charset::Ascii, Charset::Other) => Encoding::Other,
        }
    }
}

fn charset(name: &[u8]) -> Charset {
    match name {
        b"UTF8" => Charset::Utf8,
        b"LATIN1" => Charset::Latin1,
        b"SQL_ASCII" => Charset::Ascii,
        _ => Charset::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_heard() {
        let mut reported = Reported::default();
        for (body, strings, encoding) in [
            (&b"client_encoding\0UTF8\0"[..], true, Encoding::Utf8),
            (b"standard_conforming_strings\0off\0", false, Encoding::Utf8),
            (b"client_encoding\0SJIS\0", false, Encoding::Other),
            (b"client_encoding\0LATIN1\0", false, Encoding::Latin1),
            (b"TimeZone\0UTC\0", false, Encoding::Latin1),
            (b"client_encoding", false, Encoding::Latin1),
            (b"client_encoding\0SQL_ASCII\0", false, Encoding::Other),
            (b"server_encoding\0UTF8\0", false, Encoding::Utf8),
        ] {
            reported.hear(body);
            assert_eq!((reported.standard_conforming_strings, reported.encoding()), (strings, encoding));
        }
    }
}
