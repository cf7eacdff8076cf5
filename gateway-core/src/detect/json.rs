//! JSON (RFC 8259): string values are decoded, redacted and encoded again, so that no escape hides a value; all else stays
//! byte for byte. What is no valid JSON becomes `"[masked]"` as a whole.

use super::engine::Scratch;
use super::redact::Hits;
use super::{CONTEXT, Detectors};

/// Levels that values are nested in at most.
const DEEPEST: usize = 1024;
/// What stands between a name and its value where they are looked through together.
const SIGN: &[u8] = b"\":\"";

/// Memory that is used again for each value.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    /// A name, a sign and the value that is looked through.
    pub(super) text: Vec<u8>,
    /// The last name.
    name: Vec<u8>,
    redacted: Vec<u8>,
    /// What is open: objects are true, arrays false.
    open: Vec<bool>,
}

impl Buffers {
    /// Begins a text with `name`; where its value begins is returned.
    pub(super) fn label(&mut self, name: &[u8]) -> usize {
        self.text.clear();
        if !name.is_empty() {
            self.text.extend_from_slice(name.get(name.len().saturating_sub(CONTEXT - SIGN.len())..).unwrap_or_default());
            self.text.extend_from_slice(SIGN);
        }
        self.text.len()
    }
}

/// What may come next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expect {
    Value,
    ValueOrEnd,
    Name,
    NameOrEnd,
    Colon,
    CommaOrEnd,
    Nothing,
}

/// What is no JSON.
struct Invalid;

impl Detectors {
    /// Appends a JSON text with what is sensitive in its strings, names and numbers replaced. A number becomes a string then.
    pub fn redact_json(&self, text: &[u8], scratch: &mut Scratch, out: &mut Vec<u8>, hits: &mut Hits) {
        let before = out.len();
        let mut buffers = std::mem::take(&mut scratch.json);
        buffers.name.clear();
        buffers.open.clear();
        if self.document(text, &mut buffers, scratch, out, hits).is_err() {
            out.truncate(before);
            out.extend_from_slice(b"\"[masked]\"");
        }
        scratch.json = buffers;
    }

    fn document(
        &self,
        text: &[u8],
        buffers: &mut Buffers,
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
        hits: &mut Hits,
    ) -> Result<(), Invalid> {
        let (mut at, mut expect) = (0, Expect::Value);
        while let Some(byte) = text.get(at) {
            let rest = text.get(at..).ok_or(Invalid)?;
            let length = match (byte, expect) {
                (b' ' | b'\t' | b'\n' | b'\r', _) => 1,
                (b'{' | b'[', Expect::Value | Expect::ValueOrEnd) if buffers.open.len() < DEEPEST => {
                    buffers.open.push(*byte == b'{');
                    expect = if *byte == b'{' { Expect::NameOrEnd } else { Expect::ValueOrEnd };
                    1
                }
                (b'}', Expect::NameOrEnd | Expect::CommaOrEnd) | (b']', Expect::ValueOrEnd | Expect::CommaOrEnd) => {
                    let same = buffers.open.pop() == Some(*byte == b'}');
                    expect = if same { after(&buffers.open) } else { return Err(Invalid) };
                    1
                }
                (b',', Expect::CommaOrEnd) => {
                    expect = if buffers.open.last() == Some(&true) { Expect::Name } else { Expect::Value };
                    1
                }
                (b':', Expect::Colon) => {
                    expect = Expect::Value;
                    1
                }
                (b'"', Expect::Name | Expect::NameOrEnd) => {
                    let raw = string(rest)?;
                    buffers.label(b"");
                    decode(raw, &mut buffers.text);
                    buffers.name.clone_from(&buffers.text);
                    self.string(raw, 0, buffers, scratch, out, hits);
                    at += raw.len() + 2;
                    expect = Expect::Colon;
                    continue;
                }
                (b'"', Expect::Value | Expect::ValueOrEnd) => {
                    let raw = string(rest)?;
                    let from = named(buffers);
                    decode(raw, &mut buffers.text);
                    self.string(raw, from, buffers, scratch, out, hits);
                    at += raw.len() + 2;
                    expect = after(&buffers.open);
                    continue;
                }
                (_, Expect::Value | Expect::ValueOrEnd) => {
                    let literal = literal(rest)?;
                    self.literal(literal, buffers, scratch, out, hits);
                    at += literal.len();
                    expect = after(&buffers.open);
                    continue;
                }
                _ => return Err(Invalid),
            };
            out.extend_from_slice(rest.get(..length).unwrap_or_default());
            at += length;
        }
        if expect == Expect::Nothing { Ok(()) } else { Err(Invalid) }
    }

    /// A string whose decoded value stands in the buffer from `from` on.
    fn string(&self, raw: &[u8], from: usize, buffers: &mut Buffers, scratch: &mut Scratch, out: &mut Vec<u8>, hits: &mut Hits) {
        let before = hits.total();
        buffers.redacted.clear();
        self.redact_from(&buffers.text, from, scratch, &mut buffers.redacted, hits);
        out.push(b'"');
        if hits.total() == before {
            out.extend_from_slice(raw);
        } else {
            encode(&buffers.redacted, out);
        }
        out.push(b'"');
    }

    /// A number, or a word of JSON.
    fn literal(&self, literal: &[u8], buffers: &mut Buffers, scratch: &mut Scratch, out: &mut Vec<u8>, hits: &mut Hits) {
        let before = hits.total();
        buffers.redacted.clear();
        if literal.first().is_some_and(|byte| !byte.is_ascii_alphabetic()) {
            let from = named(buffers);
            buffers.text.extend_from_slice(literal);
            self.redact_from(&buffers.text, from, scratch, &mut buffers.redacted, hits);
        }
        if hits.total() == before {
            out.extend_from_slice(literal);
            return;
        }
        out.push(b'"');
        encode(&buffers.redacted, out);
        out.push(b'"');
    }
}

/// Begins the text with the last name.
fn named(buffers: &mut Buffers) -> usize {
    let name = std::mem::take(&mut buffers.name);
    let from = buffers.label(&name);
    buffers.name = name;
    from
}

fn after(open: &[bool]) -> Expect {
    if open.is_empty() { Expect::Nothing } else { Expect::CommaOrEnd }
}

/// What stands between the quotes of the string that `rest` begins with.
fn string(rest: &[u8]) -> Result<&[u8], Invalid> {
    let mut at = 1;
    loop {
        match (rest.get(at).ok_or(Invalid)?, rest.get(at + 1)) {
            (b'"', _) => return rest.get(1..at).ok_or(Invalid),
            (b'\\', Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't')) => at += 2,
            (b'\\', Some(b'u')) => {
                let digits = rest.get(at + 2..at + 6).ok_or(Invalid)?;
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return Err(Invalid);
                }
                at += 6;
            }
            (b'\\' | 0..0x20, _) => return Err(Invalid),
            _ => at += 1,
        }
    }
}

/// A number or a word that `rest` begins with.
fn literal(rest: &[u8]) -> Result<&[u8], Invalid> {
    let end =
        rest.iter().position(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))).unwrap_or(rest.len());
    let literal = rest.get(..end).ok_or(Invalid)?;
    let right = matches!(literal, b"true" | b"false" | b"null") || is_number(literal);
    if right { Ok(literal) } else { Err(Invalid) }
}

fn is_number(text: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut rest = text.strip_prefix(b"-").unwrap_or(text);
    let whole = digits(rest);
    if whole == 0 || whole > 1 && rest.first() == Some(&b'0') {
        return false;
    }
    rest = rest.get(whole..).unwrap_or_default();
    if let [b'.', fraction @ ..] = rest {
        let count = digits(fraction);
        if count == 0 {
            return false;
        }
        rest = fraction.get(count..).unwrap_or_default();
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let exponent = exponent.strip_prefix(b"+").or_else(|| exponent.strip_prefix(b"-")).unwrap_or(exponent);
        let count = digits(exponent);
        if count == 0 {
            return false;
        }
        rest = exponent.get(count..).unwrap_or_default();
    }
    rest.is_empty()
}

/// Appends what `raw` says; half of a surrogate pair is U+FFFD.
fn decode(raw: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(byte) = raw.get(at) {
        at += 1;
        if *byte != b'\\' {
            out.push(*byte);
            continue;
        }
        let escaped = raw.get(at).copied().unwrap_or(b'\\');
        at += 1;
        match escaped {
            b'n' => out.push(b'\n'),
            b't' => out.push(b'\t'),
            b'r' => out.push(b'\r'),
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'u' => {
                let unit = |at: &mut usize| {
                    let digits = raw.get(*at..*at + 4).and_then(|digits| std::str::from_utf8(digits).ok())?;
                    *at += 4;
                    u32::from_str_radix(digits, 16).ok()
                };
                let mut code = unit(&mut at).unwrap_or(0xfffd);
                if (0xd800..0xdc00).contains(&code) && raw.get(at..at + 2) == Some(b"\\u") {
                    let mut ahead = at + 2;
                    if let Some(low) = unit(&mut ahead).filter(|low| (0xdc00..0xe000).contains(low)) {
                        code = 0x1_0000 + ((code - 0xd800) << 10) + (low - 0xdc00);
                        at = ahead;
                    }
                }
                let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            other => out.push(other),
        }
    }
}

/// Appends `text` as it stands between quotes.
fn encode(text: &[u8], out: &mut Vec<u8>) {
    for byte in text {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..0x20 => {
                let digit = |value: u8| if value < 10 { b'0' + value } else { b'a' + value - 10 };
                out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 15)]);
            }
            _ => out.push(*byte),
        }
    }
}
