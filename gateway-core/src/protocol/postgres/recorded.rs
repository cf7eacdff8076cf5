//! Recorded messages taken apart: parameters of Bind, RowDescription, DataRow.
//!
//! Numbers are big-endian (PostgreSQL docs, "Message Formats").

/// What a Parameters frame holds: the values, and the formats asked for of the result.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Parameters<'a> {
    /// The values.
    pub values: Vec<Value<'a>>,
    /// The result's format codes, where they were recorded.
    pub formats: Vec<u16>,
}

/// One parameter, or one column of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// NULL.
    Null,
    /// Anything else.
    Bytes {
        /// As much as was recorded.
        bytes: &'a [u8],
        /// How many there were.
        length: usize,
        /// 1 is binary; none where it isn't known.
        format: Option<u16>,
    },
    /// The record was cut before it; the ones behind it are not known either.
    Lost,
}

/// Takes Bind's body apart, from its format codes on; as much as there is of it.
#[must_use]
pub fn parameters(body: &[u8]) -> Parameters<'_> {
    let mut input = Input(body);
    let mut read = Parameters::default();
    let Some(formats) = input.formats() else { return read };
    let count = input.short().unwrap_or_default();
    for number in 0..usize::from(count) {
        let Some(value) = input.value(format_of(&formats, number)) else {
            read.values.push(Value::Lost);
            return read;
        };
        read.values.push(value);
        if value.is_cut() {
            return read;
        }
    }
    read.formats = input.formats().unwrap_or_default();
    read
}

impl Value<'_> {
    /// Whether less of it was recorded than there was.
    #[must_use]
    pub const fn is_cut(self) -> bool {
        matches!(self, Self::Bytes { bytes, length, .. } if bytes.len() < length)
    }
}

/// One message of a result.
#[derive(Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// The columns' names.
    Columns(Vec<&'a [u8]>),
    /// A row's values.
    Row(Vec<Value<'a>>),
    /// A line, or a part, of COPY.
    Copy(&'a [u8]),
    /// Another one: its type and length.
    Other(char, usize),
}

/// The messages of a Rows frame. `formats` are those that Bind asked for.
pub fn messages<'a>(body: &'a [u8], formats: &'a [u16]) -> impl Iterator<Item = Message<'a>> + 'a {
    let mut input = Input(body);
    std::iter::from_fn(move || {
        let kind = *input.take(1).first()?;
        let length = usize::try_from(input.long()?.checked_sub(4)?).ok()?;
        let mut content = Input(input.take(length.min(input.0.len())));
        Some(match kind {
            b'T' => Message::Columns(content.columns().unwrap_or_default()),
            b'D' => Message::Row(content.row(formats)),
            b'd' => Message::Copy(content.0),
            _ => Message::Other(char::from(kind), length),
        })
    })
}

/// Bind's rule: no code means text for all, one holds for all, else one each.
fn format_of(formats: &[u16], number: usize) -> Option<u16> {
    match formats {
        [] => Some(0),
        [all] => Some(*all),
        each => each.get(number).copied(),
    }
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at_checked(count).unwrap_or((&[], &[]));
        self.0 = rest;
        taken
    }

    fn short(&mut self) -> Option<u16> {
        self.take(2).first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
    }

    fn long(&mut self) -> Option<i32> {
        self.take(4).first_chunk().map(|bytes| i32::from_be_bytes(*bytes))
    }

    fn formats(&mut self) -> Option<Vec<u16>> {
        let count = self.short()?;
        (0..count).map(|_| self.short()).collect()
    }

    /// A value behind its length, which is negative for NULL.
    fn value(&mut self, format: Option<u16>) -> Option<Value<'a>> {
        let Ok(length) = usize::try_from(self.long()?) else { return Some(Value::Null) };
        Some(Value::Bytes { bytes: self.take(length.min(self.0.len())), length, format })
    }

    fn columns(&mut self) -> Option<Vec<&'a [u8]>> {
        let count = self.short()?;
        let mut columns = Vec::new();
        for _ in 0..count {
            let end = self.0.iter().position(|&byte| byte == 0)?;
            columns.push(self.take(end));
            // The zero, then table, column, type, length, modifier, format.
            self.take(1 + 18);
        }
        Some(columns)
    }

    /// Without Bind's own codes the format isn't known: a simple query's is text, and reads as it.
    fn row(&mut self, formats: &[u16]) -> Vec<Value<'a>> {
        let count = self.short().unwrap_or_default();
        let format = |number| if formats.is_empty() { None } else { format_of(formats, number) };
        (0..usize::from(count)).map_while(|number| self.value(format(number))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_read_back_as_far_as_they_were_recorded() {
        let body =
            [&[0, 2, 0, 0, 0, 1][..], &[0, 3], &[0, 0, 0, 2], b"a'", &[0, 0, 0, 1], &[9], &[255; 4], &[0, 1, 0, 1]].concat();
        let text = |bytes| Value::Bytes { bytes, length: 2, format: Some(0) };
        let binary = Value::Bytes { bytes: &[9], length: 1, format: Some(1) };
        for (length, values, formats) in [
            (body.len(), vec![text(b"a'"), binary, Value::Null], &[1][..]),
            (13, vec![text(b"a")], &[]),
            (15, vec![text(b"a'"), Value::Lost], &[]),
            (0, vec![], &[]),
        ] {
            let read = parameters(body.get(..length).unwrap());
            assert_eq!((read.values, read.formats.as_slice()), (values, formats), "{length}");
        }
        assert!(text(b"a").is_cut() && !text(b"a'").is_cut());
    }
}
