//! What a client got of one case, and what of that can be held against another time.

use crate::wire::Received;

/// What came.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// Every byte that reached the client behind its login.
    pub(super) raw: Vec<u8>,
    /// The messages in it.
    pub(super) messages: Vec<Received>,
    /// What the client printed.
    pub(super) text: Vec<u8>,
}

/// The first OID that is no server's own: what a job makes has another each time.
const FIRST_OF_USERS: u32 = 16_384;

impl Seen {
    /// Of `raw` bytes of the server, and what the client printed.
    pub(super) fn new(raw: Vec<u8>, text: Vec<u8>) -> Self {
        Self { messages: behind_login(messages(&raw)), raw, text }
    }

    /// Whether anything came at all.
    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.text.is_empty()
    }

    /// Whether weir refused some of it.
    pub(super) fn refused(&self) -> bool {
        let weirs = |message: &Received| {
            message.field(b'M').starts_with("weir refused ") || message.field(b'D').starts_with("weir did not")
        };
        self.errors().any(weirs) || contains(&self.text, "weir refused ")
    }

    /// The first error that is not weir's refusal.
    pub(super) fn error(&self) -> Option<String> {
        let of = |message: &Received| {
            let parts = [b'C', b'M', b'D', b'H'].map(|code| message.field(code));
            parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ")
        };
        let printed = ["ERROR", "client:"]
            .iter()
            .any(|words| contains(&self.text, words))
            .then(|| String::from_utf8_lossy(&self.text).chars().take(300).collect());
        self.errors().next().map(of).or(printed)
    }

    fn errors(&self) -> impl Iterator<Item = &Received> {
        self.messages.iter().filter(|message| message.kind == b'E')
    }

    /// All of it, without what is another each time.
    pub(super) fn comparable(&self) -> Vec<(char, String)> {
        if self.messages.is_empty() {
            return vec![(' ', without_ids(&printable(&self.text)))];
        }
        self.messages.iter().filter_map(comparable).collect()
    }

    /// The first thing in which it is another than `other`.
    pub(super) fn difference(&self, other: &Self) -> Option<String> {
        let (mine, theirs) = (self.comparable(), other.comparable());
        let at = (0..mine.len().max(theirs.len())).find(|at| mine.get(*at) != theirs.get(*at))?;
        let shown = |all: &[(char, String)]| {
            all.get(at).map_or_else(
                || "nothing".to_owned(),
                |(kind, text)| format!("{kind} {}", text.chars().take(300).collect::<String>()),
            )
        };
        Some(format!("{} | {}", shown(&mine), shown(&theirs)))
    }
}

fn comparable(message: &Received) -> Option<(char, String)> {
    let kind = char::from(message.kind);
    match message.kind {
        b'K' => None,
        b'T' => Some((kind, printable(&without_oids(&message.body)))),
        b'E' | b'N' => Some((kind, without_ids(&printable(&without_source(&message.body))))),
        // The backend's own number.
        b'A' => Some((kind, printable(message.body.get(4..).unwrap_or_default()))),
        _ => Some((kind, printable(&message.body))),
    }
}

/// An error without its place in the server's source, where that is all that says who raised it: weir's own have none.
fn without_source(body: &[u8]) -> Vec<u8> {
    let fields = body.split(|byte| *byte == 0);
    let kept = fields.filter(|field| !matches!(field.first(), Some(b'F' | b'L' | b'R')));
    kept.collect::<Vec<_>>().join(&0)
}

/// A RowDescription in which tables and types of the job's own have no number.
fn without_oids(body: &[u8]) -> Vec<u8> {
    let mut told = body.get(..2).unwrap_or_default().to_vec();
    let mut rest = body.get(2..).unwrap_or_default();
    while let Some(end) = rest.iter().position(|byte| *byte == 0) {
        let (name, tail) = rest.split_at(end + 1);
        let Some((fixed, tail)) = tail.split_first_chunk::<18>() else { break };
        let [t0, t1, t2, t3, a0, a1, k0, k1, k2, k3, others @ ..] = *fixed;
        let number = |bytes| match u32::from_be_bytes(bytes) {
            number if number >= FIRST_OF_USERS => 0,
            number => number,
        };
        told.extend(name);
        told.extend(number([t0, t1, t2, t3]).to_be_bytes());
        told.extend([a0, a1]);
        told.extend(number([k0, k1, k2, k3]).to_be_bytes());
        told.extend(others);
        rest = tail;
    }
    told
}

/// Runs, sessions and statements have other names each time.
fn without_ids(text: &str) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some(at) = [" r-", " s-"].iter().filter_map(|mark| rest.find(mark)).min() {
        let (before, id) = rest.split_at(at + 3);
        kept.push_str(before);
        rest = id.trim_start_matches(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '/');
    }
    kept + rest
}

fn printable(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

fn contains(bytes: &[u8], words: &str) -> bool {
    bytes.windows(words.len()).any(|window| window == words.as_bytes())
}

/// The whole messages in `raw`.
fn messages(raw: &[u8]) -> Vec<Received> {
    let (mut all, mut rest) = (Vec::new(), raw);
    while let Some(([kind, length @ ..], tail)) = rest.split_first_chunk::<5>() {
        let length = usize::try_from(i32::from_be_bytes(*length)).unwrap_or(0).saturating_sub(4);
        let Some((body, tail)) = tail.split_at_checked(length) else { break };
        all.push(Received { kind: *kind, body: body.to_vec() });
        rest = tail;
    }
    all
}

/// Without what a login brings, where one is there.
fn behind_login(messages: Vec<Received>) -> Vec<Received> {
    if messages.first().is_none_or(|first| first.kind != b'R') {
        return messages;
    }
    let ready = messages.iter().position(|message| message.kind == b'Z');
    messages.into_iter().skip(ready.map_or(0, |at| at + 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::message::message;

    #[test]
    fn a_difference_is_told_and_names_of_a_time_are_none() {
        let seen = |row: &[u8], error: &[u8]| Seen::new([message(b'D', row), message(b'E', error)].concat(), Vec::new());
        let one = seen(b"\0\x01\0\0\0\x01a", b"Mweir refused SELECT\0Dpolicy p, run r-7f3, session s-1a\0\0");
        let same = seen(b"\0\x01\0\0\0\x01a", b"Mweir refused SELECT\0Dpolicy p, run r-9, session s-77\0\0");
        assert_eq!(one.difference(&same), None);
        assert!(one.refused() && one.difference(&seen(b"\0\x01\0\0\0\x01b", b"")).is_some());
        assert!(one.difference(&Seen::default()).is_some());
    }

    #[test]
    fn a_login_is_passed_over() {
        let raw = [message(b'R', &[0; 4]), message(b'Z', b"I"), message(b'C', b"SELECT 1\0")].concat();
        assert_eq!(Seen::new(raw, Vec::new()).comparable().len(), 1);
    }
}
