//! Finding canaries in bytes: as they are, and in every form that a server or a client can bring them into.

use super::canary::{CUSTOMERS, State};
use crate::wire::Received;
use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// So many letters of a canary that stand together are it. What is less is found where the two states are compared.
const LETTERS: usize = 8;
/// So many digits of a number.
const DIGITS: usize = 10;

/// What looks for the canaries of [`State::Ada`].
#[derive(Debug)]
pub(super) struct Needles {
    /// Without regard to case.
    folded: AhoCorasick,
    /// To the byte.
    exact: AhoCorasick,
    /// In what is left when everything but letters and digits is taken away.
    spread: AhoCorasick,
    names: [Vec<String>; 3],
}

/// Needles of one kind, with what each is.
#[derive(Default)]
struct Heap {
    patterns: Vec<Vec<u8>>,
    names: Vec<String>,
}

impl Heap {
    fn add(&mut self, name: impl Into<String>, pattern: impl Into<Vec<u8>>) {
        let pattern = pattern.into();
        // What is too short is in everything.
        if pattern.len() >= 6 {
            self.patterns.push(pattern);
            self.names.push(name.into());
        }
    }
}

impl Needles {
    /// All that the tables hold.
    pub(super) fn new() -> Self {
        let (mut folded, mut exact, mut spread) = (Heap::default(), Heap::default(), Heap::default());
        for row in 1..=CUSTOMERS {
            for (what, text) in words(row) {
                for window in text.as_bytes().windows(LETTERS) {
                    forms(&format!("{what} of row {row}"), window, &mut folded, &mut exact);
                    spread.add(format!("{what} of row {row}, spread"), window);
                    spread.add(format!("{what} of row {row}, spread and reversed"), reversed(window));
                }
            }
            for (what, text) in numbers(row) {
                for window in text.as_bytes().windows(DIGITS) {
                    forms(&format!("{what} of row {row}"), window, &mut folded, &mut exact);
                }
            }
            times(row, &mut folded, &mut exact);
            binaries(row, &mut folded, &mut exact);
        }
        let build = |heap: &Heap, fold: bool| {
            let mut builder = AhoCorasick::builder();
            builder.ascii_case_insensitive(fold).match_kind(MatchKind::LeftmostFirst);
            builder.build(&heap.patterns).expect("some thousand patterns fit")
        };
        Self {
            folded: build(&folded, true),
            exact: build(&exact, false),
            spread: build(&spread, true),
            names: [folded.names, exact.names, spread.names],
        }
    }

    /// The first canary in `bytes`, as what it is and what stands around it.
    pub(super) fn find(&self, bytes: &[u8]) -> Option<String> {
        let [folded, exact, spread] = &self.names;
        let found = |finder: &AhoCorasick, names: &[String], bytes: &[u8]| {
            let hit = finder.find(bytes)?;
            let around = bytes.get(hit.start().saturating_sub(60)..(hit.end() + 20).min(bytes.len())).unwrap_or_default();
            let name = names.get(hit.pattern().as_usize()).cloned().unwrap_or_default();
            Some(format!("{name}: …{}…", String::from_utf8_lossy(around).escape_debug()))
        };
        found(&self.folded, folded, bytes).or_else(|| found(&self.exact, exact, bytes)).or_else(|| {
            let kept: Vec<u8> = bytes.iter().copied().filter(u8::is_ascii_alphanumeric).collect();
            found(&self.spread, spread, &kept)
        })
    }

    /// The first canary in what a server sent: in its messages, and in what its values make together.
    pub(super) fn find_in_messages(&self, messages: &[Received], raw: &[u8]) -> Option<String> {
        self.find(raw).or_else(|| self.find(&joined(messages))).or_else(|| self.find(&as_characters(messages)))
    }
}

/// All values of rows and copies, one behind the other: a canary may come a letter at a time.
fn joined(messages: &[Received]) -> Vec<u8> {
    let mut all = Vec::new();
    for message in messages {
        match message.kind {
            b'D' => values(&message.body).into_iter().flatten().for_each(|value| all.extend(value)),
            b'd' => all.extend(&message.body),
            _ => {}
        }
    }
    all
}

/// All values that are numbers of characters, as the characters.
fn as_characters(messages: &[Received]) -> Vec<u8> {
    let mut all = Vec::new();
    let rows = messages.iter().filter(|message| message.kind == b'D');
    for value in rows.flat_map(|row| values(&row.body)).flatten() {
        let text = std::str::from_utf8(value).ok().and_then(|text| text.trim().parse::<u64>().ok());
        let binary =
            (value.len() == 4 || value.len() == 8).then(|| value.iter().fold(0, |all, byte| (all << 8) | u64::from(*byte)));
        all.extend([text, binary].into_iter().flatten().find_map(|number| u8::try_from(number).ok()));
    }
    all
}

fn values(body: &[u8]) -> Vec<Option<&[u8]>> {
    let mut rest = body.get(2..).unwrap_or_default();
    let mut all = Vec::new();
    while let Some((length, tail)) = rest.split_first_chunk::<4>() {
        let length = usize::try_from(i32::from_be_bytes(*length)).ok();
        let (value, tail) = tail.split_at_checked(length.unwrap_or(0)).unwrap_or((tail, &[]));
        all.push(length.map(|_| value));
        rest = tail;
    }
    all
}

fn words(row: u64) -> Vec<(&'static str, String)> {
    let texts = [
        "email",
        "domain",
        "customers",
        "persons",
        "staff",
        "bare",
        "derived",
        "low",
        "high",
        "odd",
        "notes",
        "inner",
        "tags",
        "tags2",
    ];
    let more = ["blob", "bio", "friend"];
    texts.into_iter().chain(more).map(|what| (what, State::Ada.letters(what, row))).collect()
}

fn numbers(row: u64) -> Vec<(&'static str, String)> {
    let state = State::Ada;
    vec![
        ("salary", state.salary(row).replace('.', "")),
        ("pin", state.pin(row)),
        ("card", state.digits("card", row, 16)),
        ("code", state.digits("code", row, 18)),
        ("note", state.digits("note", row, 11)),
        ("token", state.token(row).replace('-', "")),
        ("token", state.token(row)),
    ]
}

/// What one piece of a canary looks like in other forms.
fn forms(name: &str, piece: &[u8], folded: &mut Heap, exact: &mut Heap) {
    let each = |form: fn(u8) -> String| piece.iter().map(|byte| form(*byte)).collect::<String>();
    folded.add(name, piece);
    folded.add(format!("{name}, reversed"), reversed(piece));
    folded.add(format!("{name}, in hex"), each(|byte| format!("{byte:02x}")));
    folded.add(format!("{name}, escaped as in JSON"), each(|byte| format!("\\u{byte:04x}")));
    folded.add(format!("{name}, escaped as in a URL"), each(|byte| format!("%{byte:02x}")));
    folded.add(format!("{name}, as octets"), each(|byte| format!("\\{byte:03o}")));
    folded.add(format!("{name}, as entities"), each(|byte| format!("&#{byte};")));
    folded.add(format!("{name}, in UTF-16"), piece.iter().flat_map(|byte| [*byte, 0]).collect::<Vec<u8>>());
    // Pieces begin at every letter, so that one of three stands at a boundary of any base64 of the whole.
    for start in 0..piece.len().saturating_sub(5) {
        exact.add(format!("{name}, in base64"), STANDARD.encode(piece.get(start..start + 6).unwrap_or_default()));
    }
}

fn reversed(piece: &[u8]) -> Vec<u8> {
    piece.iter().rev().copied().collect()
}

/// Dates and times in the styles that a server writes.
fn times(row: u64, folded: &mut Heap, exact: &mut Heap) {
    let born = State::Ada.born(row);
    let parts: Vec<&str> = born.split('-').collect();
    if let [year, month, day] = parts.as_slice() {
        let name = format!("born of row {row}");
        for text in [
            born.clone(),
            format!("{day}.{month}.{year}"),
            format!("{month}/{day}/{year}"),
            format!("{day}/{month}/{year}"),
            format!("{month}-{day}-{year}"),
            format!("{day}-{month}-{year}"),
            format!("{year}{month}{day}"),
            format!("Feb {day} {year}"),
            format!("{day} Feb {year}"),
        ] {
            folded.add(name.clone(), text);
        }
        exact.add(format!("{name}, binary"), [&[0, 0, 0, 4], &days(&born).to_be_bytes()[..]].concat());
    }
    let seen = State::Ada.seen(row);
    let time = seen.get(11..26).unwrap_or_default();
    folded.add(format!("seen of row {row}"), time);
    let micros = i64::from(days(seen.get(..10).unwrap_or_default())) * 86_400_000_000 + micros(time);
    exact.add(format!("seen of row {row}, binary"), micros.to_be_bytes());
}

/// Days since 1 January 2000, as the binary format of a date has them.
fn days(date: &str) -> i32 {
    let part = |from: usize, to: usize| date.get(from..to).and_then(|text| text.parse::<i32>().ok()).unwrap_or(0);
    let (year, month, day) = (part(0, 4), part(5, 7), part(8, 10));
    // Days from the first of March of year 0, in which the leap day comes last.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 730_425
}

fn micros(time: &str) -> i64 {
    let part = |from: usize, to: usize| time.get(from..to).and_then(|text| text.parse::<i64>().ok()).unwrap_or(0);
    ((part(0, 2) * 60 + part(3, 5)) * 60 + part(6, 8)) * 1_000_000 + part(9, 15)
}

/// Binary forms of types that have one of their own.
fn binaries(row: u64, folded: &mut Heap, exact: &mut Heap) {
    let state = State::Ada;
    let pin: i32 = state.pin(row).parse().expect("it was made so");
    exact.add(format!("pin of row {row}, binary"), [&[0, 0, 0, 4], &pin.to_be_bytes()[..]].concat());
    let token: Vec<u8> = state.token(row).replace('-', "").as_bytes().chunks(2).filter_map(hex).collect();
    for window in token.windows(8) {
        exact.add(format!("token of row {row}, binary"), window);
        exact.add(format!("token of row {row}, in base64"), STANDARD.encode(window.get(..6).unwrap_or_default()));
    }
    let salary = state.salary(row);
    let groups = salary.split('.').next().unwrap_or_default().as_bytes().chunks(4);
    let groups = groups.filter_map(|group| std::str::from_utf8(group).ok()?.parse::<u16>().ok());
    exact.add(format!("salary of row {row}, binary"), groups.flat_map(u16::to_be_bytes).collect::<Vec<u8>>());
    let addr = state.addr(row);
    let octets: Vec<u8> = addr.split('.').filter_map(|octet| octet.parse().ok()).collect();
    // Its family, the bits of its mask, whether it is a cidr, and its length.
    exact.add(format!("addr of row {row}, binary"), [&[2, 32, 0, 4], &octets[..]].concat());
    folded.add(format!("addr of row {row}"), addr);
}

fn hex(pair: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(values: &[&[u8]]) -> Received {
        let mut body = u16::try_from(values.len()).expect("few").to_be_bytes().to_vec();
        for value in values {
            body.extend(i32::try_from(value.len()).expect("short").to_be_bytes());
            body.extend(*value);
        }
        Received { kind: b'D', body }
    }

    #[test]
    fn each_form_is_found_and_its_absence_too() {
        let needles = Needles::new();
        let email = State::Ada.email(2);
        let hex: String = email.bytes().map(|byte| format!("{byte:02X}")).collect();
        for text in [
            email.clone(),
            email.to_uppercase(),
            email.chars().rev().collect(),
            hex,
            STANDARD.encode(&email),
            STANDARD.encode(format!("x{email}")),
            STANDARD.encode(format!("xy{email}")),
            email.chars().map(|letter| format!("{letter},")).collect(),
            State::Ada.salary(3),
            State::Ada.pin(1),
            State::Ada.token(4),
            State::Ada.seen(1).replace(' ', "T"),
        ] {
            assert!(needles.find(format!("before {text} behind").as_bytes()).is_some(), "{text}");
        }
        for text in [State::Bob.email(2), "[masked]".to_owned(), "1931-01-01".to_owned(), "a b c d e f g".repeat(100)] {
            assert_eq!(needles.find(text.as_bytes()), None);
        }
    }

    #[test]
    fn a_canary_in_pieces_is_found() {
        let needles = Needles::new();
        let ssn = State::Ada.ssn("customers", 1);
        let letters: Vec<Received> = ssn.bytes().map(|byte| row(&[&[byte]])).collect();
        assert!(needles.find_in_messages(&letters, b"").is_some());
        let numbers: Vec<Received> = ssn.bytes().map(|byte| row(&[byte.to_string().as_bytes()])).collect();
        assert!(needles.find_in_messages(&numbers, b"").is_some());
        let binary: Vec<Received> = ssn.bytes().map(|byte| row(&[&i32::from(byte).to_be_bytes()])).collect();
        assert!(needles.find_in_messages(&binary, b"").is_some());
    }

    #[test]
    fn days_are_counted_as_the_server_counts_them() {
        assert_eq!((days("2000-01-01"), days("2024-02-29"), days("1999-12-31")), (0, 8825, -1));
    }
}
