//! COPY's CSV format: fields between delimiters, enclosed in quotes where they have to be.

use super::super::escape::escape_from;
use super::ForceQuote;

pub(super) struct Form<'a> {
    pub(super) delimiter: u8,
    pub(super) null: &'a [u8],
    pub(super) quote: u8,
    pub(super) escape: u8,
    pub(super) force_quote: &'a ForceQuote,
    /// Whether there is one column only.
    pub(super) alone: bool,
}

impl Form<'_> {
    /// How long a field in quotes is, with both.
    fn quoted(&self, rest: &[u8]) -> Option<usize> {
        let mut at = 1;
        loop {
            let byte = *rest.get(at)?;
            let next = rest.get(at + 1).copied();
            if byte == self.escape && next.is_some_and(|next| next == self.quote || next == self.escape) {
                at += 2;
            } else if byte == self.quote {
                return Some(at + 1);
            } else {
                at += 1;
            }
        }
    }

    fn needs_quotes(&self, column: usize, value: &[u8]) -> bool {
        let special = |byte: &u8| *byte == self.delimiter || *byte == self.quote || matches!(byte, b'\n' | b'\r');
        // A line of nothing but a backslash and a dot ends a copy.
        self.force_quote.has(column) || value == self.null || (self.alone && value == b"\\.") || value.iter().any(special)
    }
}

impl super::Form for Form<'_> {
    fn delimiter(&self) -> u8 {
        self.delimiter
    }

    fn null(&self) -> &[u8] {
        self.null
    }

    fn is_null(&self, field: &[u8]) -> bool {
        // A value that is written like NULL is in quotes.
        field == self.null
    }

    fn length(&self, rest: &[u8]) -> Option<usize> {
        if rest.first() == Some(&self.quote) {
            return self.quoted(rest);
        }
        let end = rest.iter().position(|byte| *byte == self.delimiter || *byte == self.quote || matches!(byte, b'\n' | b'\r'))?;
        // The server encloses what has a quote in it.
        (rest.get(end) != Some(&self.quote)).then_some(end)
    }

    fn decode<'b>(&self, field: &'b [u8], decoded: &'b mut Vec<u8>) -> &'b [u8] {
        let Some(inner) = field.strip_prefix(&[self.quote]).and_then(|field| field.strip_suffix(&[self.quote])) else {
            return field;
        };
        decoded.clear();
        let mut bytes = inner.iter().peekable();
        while let Some(byte) = bytes.next() {
            let escaped = bytes.next_if(|next| *byte == self.escape && (**next == self.quote || **next == self.escape));
            decoded.push(*escaped.unwrap_or(byte));
        }
        decoded
    }

    fn encode(&self, column: usize, from: usize, out: &mut Vec<u8>) {
        if out.get(from..).is_some_and(|value| self.needs_quotes(column, value)) {
            let special = |byte: u8| byte == self.quote || byte == self.escape;
            escape_from(out, from, Some(self.quote), |byte| special(byte).then_some([self.escape, byte]));
        }
    }
}
