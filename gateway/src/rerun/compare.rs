//! What came then against what comes now: tags, counts, errors, rows. Rows are compared as they come and not kept.

use super::exact::{End, Exact, Expected, Kind};
use super::missing::message;
use crate::replay::postgres::{self, Message, Shown as _};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// Of a row so much is shown.
const SHOWN: usize = 4 << 10;

/// What came of an operation now.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The ends of its statements.
    pub(super) ends: Vec<End>,
    /// Its error.
    pub(super) error: Option<(String, String)>,
    /// The server waited for the data of a copy.
    pub(super) copied: bool,
    /// The first row that differs.
    pub(super) row: Option<RowDifference>,
    /// The same rows came in another order.
    pub(super) reordered: bool,
    /// The digest of all rows, where one is to be compared.
    pub(super) digest: Option<[u8; 32]>,
}

/// A row that differs, as it is read by people. None where there is none on that side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RowDifference {
    /// Its number, from 1.
    pub row: u64,
    /// As it was recorded.
    pub recorded: Option<String>,
    /// As it came now.
    pub found: Option<String>,
}

/// One thing in which an operation differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Difference {
    /// It failed and had not, or the other way round, or otherwise.
    Error {
        /// SQLSTATE then; none where it did not fail.
        recorded: Option<String>,
        /// SQLSTATE now.
        found: Option<String>,
        /// The server's text now.
        message: Option<String>,
    },
    /// A command tag is another.
    Tag {
        /// Which of its statements, from 1.
        statement: usize,
        /// Then; none where there was none.
        recorded: Option<String>,
        /// Now.
        found: Option<String>,
    },
    /// Another number of rows came.
    Rows {
        /// Which of its statements, from 1.
        statement: usize,
        /// Then.
        recorded: u64,
        /// Now.
        found: u64,
    },
    /// A row has other values.
    Row(RowDifference),
    /// The same rows came in another order.
    Order,
    /// The rows differ in something that the record has no more of than its digest.
    Digest,
    /// The connection was lost, or no end came in time.
    Connection {
        /// Why.
        why: String,
    },
    /// The server waits for the data of a copy, which are not recorded.
    Copy,
}

impl Found {
    /// Of nothing yet.
    #[must_use]
    pub(super) fn new(expected: &Expected) -> Self {
        Self { ends: Vec::with_capacity(expected.ends.len()), ..Self::default() }
    }

    /// In what it differs from what was recorded.
    #[must_use]
    pub(super) fn differences(self, exact: &Exact) -> Vec<Difference> {
        let expected = &exact.expected;
        let mut all = Vec::new();
        if self.copied {
            return vec![Difference::Copy];
        }
        let code = |error: &Option<(String, String)>| error.as_ref().map(|(code, _)| code.clone());
        let (then, now) = (code(&expected.error), code(&self.error));
        // What weir refused fails at the server by another code.
        let refused = matches!(exact.kind, Kind::Refused(..)) && then.is_some() && now.is_some();
        if then != now && !refused {
            let message = self.error.as_ref().map(|(_, message)| message.clone());
            all.push(Difference::Error { recorded: then, found: now, message });
        }
        let failed_otherwise = !all.is_empty();
        for number in 0..expected.ends.len().max(self.ends.len()) {
            let (then, now) = (expected.ends.get(number), self.ends.get(number));
            let tag = |end: Option<&End>| end.map(|end| end.tag.clone());
            let statement = number + 1;
            match (then, now) {
                (Some(then), Some(now)) => {
                    if then.rows != now.rows {
                        all.push(Difference::Rows { statement, recorded: then.rows, found: now.rows });
                    } else if then.tag != now.tag {
                        all.push(Difference::Tag { statement, recorded: tag(Some(then)), found: tag(Some(now)) });
                    }
                }
                // Of what failed it is told that it did.
                _ if failed_otherwise => {}
                _ => all.push(Difference::Tag { statement, recorded: tag(then), found: tag(now) }),
            }
        }
        match (self.row, self.reordered) {
            _ if failed_otherwise => {}
            (_, true) => all.push(Difference::Order),
            (Some(row), false) => all.push(Difference::Row(row)),
            (None, false) if all.is_empty() && self.digest != expected.digest => all.push(Difference::Digest),
            (None, false) => {}
        }
        all
    }
}

/// Compares rows while they come.
pub(super) struct Compared<'a> {
    expected: &'a Expected,
    formats: Vec<u16>,
    /// Recorded rows that are still to come.
    rest: &'a [u8],
    rows: u64,
    /// Rows of the statement that is being answered.
    here: u64,
    first: Option<RowDifference>,
    /// Sums of the rows' hashes, whatever their order.
    sums: [u128; 2],
    digest: Option<Sha256>,
}

impl<'a> Compared<'a> {
    /// Of no row yet.
    #[must_use]
    pub(super) fn new(exact: &'a Exact) -> Self {
        let expected = &exact.expected;
        let formats = match &exact.kind {
            Kind::Execute(_, body) => postgres::parameters(body).formats,
            Kind::Simple(_) | Kind::Prepare(_) | Kind::Continue(_) | Kind::Function(..) | Kind::Refused(..) => Vec::new(),
        };
        let digest = expected.digest.map(|_| Sha256::new());
        Self { expected, formats, rest: &expected.rows.bytes, rows: 0, here: 0, first: None, sums: [0; 2], digest }
    }

    /// A whole row.
    pub(super) fn row(&mut self, now: &[u8]) {
        self.count(now);
        if self.expected.rows.masked {
            return;
        }
        let then = message(self.rest).map(|(then, rest)| {
            self.rest = rest;
            then
        });
        // Behind what was recorded, nothing can be said.
        let Some(then) = then else { return };
        self.sums = [self.sums[0].wrapping_add(hash(then)), self.sums[1].wrapping_add(hash(now))];
        if then != now && self.first.is_none() {
            let shown = |row: &[u8]| Some(shown(row, &self.formats));
            self.first = Some(RowDifference { row: self.rows, recorded: shown(then), found: shown(now) });
        }
    }

    /// The beginning of a row that is too long to be a recorded one.
    pub(super) fn long_row(&mut self, header: &[u8]) {
        self.count(header);
        if let Some((_, rest)) = message(self.rest) {
            self.rest = rest;
        }
    }

    /// More of it.
    pub(super) fn more(&mut self, bytes: &[u8]) {
        if let Some(digest) = &mut self.digest {
            digest.update(bytes);
        }
    }

    /// A statement has ended.
    pub(super) fn ended(&mut self, tag: String, found: &mut Found) {
        found.ends.push(End { tag, rows: std::mem::take(&mut self.here) });
    }

    /// Nothing more comes.
    pub(super) fn finish(self, found: &mut Found) {
        let recorded = &self.expected.rows;
        let whole = recorded.recorded == recorded.held && self.rows == recorded.recorded;
        found.reordered = self.first.is_some() && whole && self.sums[0] == self.sums[1];
        found.row = self.first;
        found.digest = self.digest.map(|digest| digest.finalize().into());
    }

    fn count(&mut self, bytes: &[u8]) {
        self.rows += 1;
        // The answer of a function that was called is no row.
        self.here += u64::from(bytes.first() != Some(&b'V'));
        // As the record's digest is made: each row's body behind its length. A message's length counts itself.
        if let (Some(digest), Some((head, body))) = (&mut self.digest, bytes.split_first_chunk::<5>()) {
            let [kind, length @ ..] = *head;
            if kind != b'V' {
                digest.update(u32::from_be_bytes(length).saturating_sub(4).to_le_bytes());
                digest.update(body);
            }
        }
    }
}

fn hash(row: &[u8]) -> u128 {
    Sha256::digest(row).first_chunk().map_or(0, |bytes| u128::from_be_bytes(*bytes))
}

/// A row as it reads.
fn shown(row: &[u8], formats: &[u16]) -> String {
    let mut text = match postgres::messages(row, formats).next() {
        Some(Message::Row(values)) => values.into_iter().map(|value| value.plain()).collect::<Vec<_>>().join(" | "),
        Some(Message::Copy(data)) => postgres::plain(data, None),
        Some(Message::Columns(_) | Message::Other(..)) | None => postgres::plain(row, None),
    };
    if text.len() > SHOWN {
        let end = (0..=SHOWN).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rerun::exact::Rows;

    fn data(text: &str) -> Vec<u8> {
        let length = u32::try_from(text.len()).unwrap();
        [&b"D"[..], &(length + 10).to_be_bytes(), &[0, 1], &length.to_be_bytes(), text.as_bytes()].concat()
    }

    fn differences(then: &[&str], now: &[&str], masked: bool) -> Vec<Difference> {
        let bytes: Vec<u8> = then.iter().flat_map(|text| data(text)).collect();
        let count = then.len() as u64;
        let rows = Rows { bytes, recorded: count, held: count, masked };
        let ends = vec![End { tag: format!("SELECT {count}"), rows: count }];
        let expected = Expected { ends, rows, ..Expected::default() };
        let exact = Exact {
            session: gateway_core::model::ids::SessionId::from_number(1),
            operation: 1,
            at: gateway_core::model::time::Timestamp(0),
            ended: gateway_core::model::time::Timestamp(0),
            kind: Kind::Simple(std::sync::Arc::default()),
            synced: true,
            expected,
            obstacle: None,
        };
        let mut found = Found::new(&exact.expected);
        let mut compared = Compared::new(&exact);
        now.iter().for_each(|text| compared.row(&data(text)));
        compared.ended(format!("SELECT {}", now.len()), &mut found);
        compared.finish(&mut found);
        found.differences(&exact)
    }

    #[test]
    fn exactly_what_differs_is_told() {
        let row = |row, then: &str, now: &str| {
            Difference::Row(RowDifference { row, recorded: Some(then.to_owned()), found: Some(now.to_owned()) })
        };
        for (then, now, masked, told) in [
            (&["a", "b"][..], &["a", "b"][..], false, vec![]),
            (&["a", "b"], &["a", "c"], false, vec![row(2, "b", "c")]),
            (&["a", "b"], &["b", "a"], false, vec![Difference::Order]),
            (&["***"], &["secret"], true, vec![]),
            (&["a"], &["a", "b"], false, vec![Difference::Rows { statement: 1, recorded: 1, found: 2 }]),
            (&["a", "b"], &[], true, vec![Difference::Rows { statement: 1, recorded: 2, found: 0 }]),
        ] {
            assert_eq!(differences(then, now, masked), told, "{then:?} {now:?}");
        }
    }
}
