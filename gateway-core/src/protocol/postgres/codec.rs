//! Bounds-checked reading and writing of messages: PostgreSQL docs, "Message Formats".

/// Bytes of a message's kind and length.
pub(super) const HEADER: usize = 5;
/// No peer that keeps the protocol sends a longer message (PostgreSQL's `MaxAllocSize`).
const LONGEST: usize = 0x3fff_ffff;

/// A message's kind and its whole length, header included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: u8,
    pub(super) total: usize,
}

/// What stands at the front of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Front {
    /// Not yet a whole header.
    Partial,
    /// A length below 4 or above every legal one.
    Wrong,
    /// A header.
    Message(Header),
}

/// Reads the header at the front of `bytes`.
pub(super) fn front(bytes: &[u8]) -> Front {
    let [kind, a, b, c, d, ..] = *bytes else { return Front::Partial };
    let length = u32::from_be_bytes([a, b, c, d]) as usize;
    if (4..=LONGEST).contains(&length) { Front::Message(Header { kind, total: length + 1 }) } else { Front::Wrong }
}

/// Takes fields off the front of a message's body; `None` where it is too short.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(byte)
    }

    pub(super) fn number(&mut self) -> Option<u32> {
        let (bytes, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*bytes))
    }

    pub(super) fn short(&mut self) -> Option<i16> {
        let (bytes, rest) = self.0.split_first_chunk::<2>()?;
        self.0 = rest;
        Some(i16::from_be_bytes(*bytes))
    }

    /// Text up to the next zero byte, which is taken too.
    pub(super) fn text(&mut self) -> Option<&'a [u8]> {
        let end = self.0.iter().position(|&byte| byte == 0)?;
        let text = self.take(end)?;
        self.take(1)?;
        Some(text)
    }
}

/// Appends a message of `kind` whose body `write` appends.
pub(super) fn message(to: &mut Vec<u8>, kind: u8, write: impl FnOnce(&mut Vec<u8>)) {
    beginning(to, kind, 0, write);
}

/// Appends the beginning of a message of `kind`, whose body `write` begins and `following` bytes complete.
pub(super) fn beginning(to: &mut Vec<u8>, kind: u8, following: usize, write: impl FnOnce(&mut Vec<u8>)) {
    to.push(kind);
    measured(to, following, write);
}

/// Appends a message without a kind: the start-up packets.
pub(super) fn untyped(to: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    measured(to, 0, write);
}

fn measured(to: &mut Vec<u8>, following: usize, write: impl FnOnce(&mut Vec<u8>)) {
    let start = to.len();
    to.extend_from_slice(&[0; 4]);
    write(to);
    let length = u32::try_from(to.len() - start + following).unwrap_or(u32::MAX);
    if let Some(place) = to.get_mut(start..start + 4) {
        place.copy_from_slice(&length.to_be_bytes());
    }
}

/// Appends `text` and a zero byte.
pub(super) fn text(to: &mut Vec<u8>, text: &[u8]) {
    let end = memchr::memchr(0, text).unwrap_or(text.len());
    to.extend_from_slice(text.get(..end).unwrap_or(text));
    to.push(0);
}

/// What is said in an ErrorResponse. Empty fields are left out.
#[derive(Clone, Copy, Default)]
pub(super) struct ErrorText<'a> {
    pub(super) code: &'a str,
    pub(super) message: &'a str,
    pub(super) detail: &'a str,
    pub(super) hint: &'a str,
    pub(super) position: &'a str,
}

/// Appends an ErrorResponse that ends the session.
pub(super) fn fatal(to: &mut Vec<u8>, text: ErrorText<'_>) {
    error(to, "FATAL", text);
}

/// Appends an ErrorResponse.
pub(super) fn error(to: &mut Vec<u8>, severity: &str, error: ErrorText<'_>) {
    said(to, b'E', severity, error);
}

/// Appends a NoticeResponse of `severity` NOTICE.
pub(super) fn notice(to: &mut Vec<u8>, notice: ErrorText<'_>) {
    said(to, b'N', "NOTICE", notice);
}

fn said(to: &mut Vec<u8>, kind: u8, severity: &str, error: ErrorText<'_>) {
    message(to, kind, |body| {
        let fields = [
            (b'S', severity),
            (b'V', severity),
            (b'C', error.code),
            (b'M', error.message),
            (b'D', error.detail),
            (b'H', error.hint),
            (b'P', error.position),
        ];
        for (field, value) in fields {
            if !value.is_empty() {
                body.push(field);
                text(body, value.as_bytes());
            }
        }
        body.push(0);
    });
}

/// The fields of an ErrorResponse that matter here; of a cut one, those that are there.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ErrorFields<'a> {
    pub(super) fatal: bool,
    pub(super) code: &'a [u8],
    pub(super) message: &'a [u8],
}

/// Reads an ErrorResponse's body, or the part of it that is there.
pub(super) fn error_fields(body: &[u8]) -> ErrorFields<'_> {
    let mut reader = Reader(body);
    let mut fields = ErrorFields::default();
    while let Some(field) = reader.byte() {
        let rest = reader.0;
        let value = reader.text().unwrap_or(rest);
        match field {
            0 => break,
            // `S` may be in the server's language; `V` (since 9.6) never is.
            b'S' | b'V' => fields.fatal |= matches!(value, b"FATAL" | b"PANIC"),
            b'C' => fields.code = value,
            b'M' => fields.message = value,
            _ => {}
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_reads_back() {
        let mut bytes = Vec::new();
        fatal(&mut bytes, ErrorText { code: "57P03", message: "no\0pe", ..ErrorText::default() });
        assert_eq!(front(&bytes), Front::Message(Header { kind: b'E', total: bytes.len() }));
        let fields = error_fields(&bytes[HEADER..]);
        assert!(fields.fatal);
        assert_eq!((fields.code, fields.message), (&b"57P03"[..], &b"no"[..]));
    }

    #[test]
    fn lengths_outside_the_protocol_are_wrong() {
        assert_eq!(front(b"Q\0\0\0"), Front::Partial);
        assert_eq!(front(b"Q\0\0\0\x03"), Front::Wrong);
        assert_eq!(front(b"Q\x40\0\0\0"), Front::Wrong);
        assert_eq!(front(b"S\0\0\0\x04"), Front::Message(Header { kind: b'S', total: 5 }));
    }
}
