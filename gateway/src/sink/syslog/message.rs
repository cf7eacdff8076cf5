//! A syslog message (RFC 5424 §6), and how messages follow each other on a stream (RFC 6587 §3.4, RFC 5425 §4.3).

use super::super::Entry;
use crate::evidence::utc;
use std::fmt::Write as _;

/// How messages follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Each is preceded by its length: what RFC 5425 requires.
    OctetCounting,
    /// Each ends with a line feed.
    Lines,
}

/// What is the same in all messages of a link.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub(super) facility: u8,
    pub(super) host: String,
    pub(super) process: u32,
}

/// Appends an entry's message to `out`, framed.
pub(super) fn append(framing: Framing, header: &Header, entry: &Entry<'_>, out: &mut Vec<u8>) {
    let message = message(header, entry);
    match framing {
        Framing::OctetCounting => {
            out.extend_from_slice(format!("{} ", message.len()).as_bytes());
            out.extend_from_slice(message.as_bytes());
        }
        Framing::Lines => {
            // One in a text would end it: a format writes none, but this is what the framing rests on.
            out.extend(message.bytes().map(|byte| if byte == b'\n' { b' ' } else { byte }));
            out.push(b'\n');
        }
    }
}

fn message(header: &Header, entry: &Entry<'_>) -> String {
    let Header { facility, host, process } = header;
    let priority = u16::from(*facility) * 8 + severity(entry.severity);
    let mut message =
        format!("<{priority}>1 {} {} weir {process} event [weir@32473 number=\"{}\"", utc(entry.at), name(host), entry.number);
    parameter(&mut message, "uid", entry.uid);
    parameter(&mut message, "session", &entry.session.to_string());
    if entry.again {
        parameter(&mut message, "again", "1");
    }
    message.push_str("] ");
    message.push_str(entry.text);
    message
}

/// RFC 5424 §6.2.1: 6 informational, 5 notice, 4 warning, 3 error.
fn severity(severity: u8) -> u16 {
    6 - u16::from(severity.min(3))
}

/// RFC 5424 §6.3.3: `"`, `\` and `]` are escaped.
fn parameter(message: &mut String, name: &str, value: &str) {
    // Writing to a text does not fail.
    let _written = write!(message, " {name}=\"").is_ok();
    for letter in value.chars() {
        if matches!(letter, '"' | '\\' | ']') {
            message.push('\\');
        }
        message.push(letter);
    }
    message.push('"');
}

/// RFC 5424 §6.2.4: printable ASCII, at most 255, or `-`.
fn name(host: &str) -> &str {
    let fits = !host.is_empty() && host.len() <= 255 && host.bytes().all(|byte| byte.is_ascii_graphic());
    if fits { host } else { "-" }
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::entry;
    use super::*;

    #[test]
    fn a_message_is_as_the_rfc_has_it_and_nothing_in_it_ends_it() {
        let header = Header { facility: 13, host: "ci-7".to_owned(), process: 4711 };
        let framed = |framing, entry: &Entry<'_>| {
            let mut out = Vec::new();
            append(framing, &header, entry, &mut out);
            String::from_utf8(out).unwrap()
        };
        let plain = "<108>1 2023-11-14T22:13:20.000Z ci-7 weir 4711 event [weir@32473 number=\"1\" uid=\"s-1\" session=\"s-0000000000007\"] {}";
        assert_eq!(framed(Framing::OctetCounting, &entry(1, "{}")), format!("{} {plain}", plain.len()));
        assert_eq!(framed(Framing::Lines, &entry(1, "{}")), format!("{plain}\n"));
        let odd = Entry { uid: "a]\"\\b", ..entry(2, "ä\nb") };
        let line = framed(Framing::Lines, &odd);
        assert!(line.contains("uid=\"a\\]\\\"\\\\b\" session=\"s-0000000000007\" again=\"1\"] ä b\n"), "{line}");
        let counted = framed(Framing::OctetCounting, &odd);
        let (length, rest) = counted.split_once(' ').unwrap();
        assert_eq!(length.parse(), Ok(rest.len()), "octets are counted, not letters");
        assert_eq!([0, 1, 2, 3, 200].map(severity), [6, 5, 4, 3, 3]);
        assert_eq!([name("a b"), name(""), name("ä"), name("a.b")], ["-", "-", "-", "a.b"]);
    }
}
