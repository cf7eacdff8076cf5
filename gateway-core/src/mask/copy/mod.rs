//! The rows of COPY TO, masked, in its three formats (PostgreSQL docs, "COPY", "File Formats").

mod binary;
mod csv;
#[cfg(test)]
mod tests;
mod text;

use super::value::{ColumnMask, Masked};
use thiserror::Error;

/// How COPY TO writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyOptions {
    /// The format, with what can be chosen about it.
    pub format: CopyFormat,
    /// Whether the first row has the columns' names; it is passed on as it is. The binary format has none.
    pub header: bool,
}

/// COPY's formats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CopyFormat {
    /// A row a line, escapes with backslashes.
    Text {
        /// What stands between two fields.
        delimiter: u8,
        /// What stands for NULL. A value may be written like it, unless it is `\N` or empty: then NULLs of masked
        /// columns are masked like values, so that nobody learns by such a text which values are equal to it.
        null: Vec<u8>,
    },
    /// Comma-separated values.
    Csv {
        /// What stands between two fields.
        delimiter: u8,
        /// What stands for NULL, without quotes.
        null: Vec<u8>,
        /// What encloses a field.
        quote: u8,
        /// What stands before a quote within a field, and before itself.
        escape: u8,
        /// Which fields are enclosed though they need not be.
        force_quote: ForceQuote,
    },
    /// PGCOPY, with binary values.
    Binary,
}

/// CSV's FORCE_QUOTE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ForceQuote {
    /// No fields.
    No,
    /// All that are not NULL.
    All,
    /// Those of these columns, by their place in the copied list, from 0.
    Columns(Vec<usize>),
}

impl ForceQuote {
    fn has(&self, column: usize) -> bool {
        match self {
            Self::No => false,
            Self::All => true,
            Self::Columns(columns) => columns.contains(&column),
        }
    }
}

impl CopyFormat {
    /// The text format as COPY has it without options.
    #[must_use]
    pub fn text() -> Self {
        Self::Text { delimiter: b'\t', null: b"\\N".to_vec() }
    }

    /// CSV as COPY has it without other options.
    #[must_use]
    pub fn csv() -> Self {
        Self::Csv { delimiter: b',', null: Vec::new(), quote: b'"', escape: b'"', force_quote: ForceQuote::No }
    }
}

impl Default for CopyOptions {
    /// What COPY does without options.
    fn default() -> Self {
        Self { format: CopyFormat::text(), header: false }
    }
}

/// Why the rows can't be masked: nothing of the message is passed on, and the session has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CopyFault {
    /// A row has more or fewer fields than there are columns.
    #[error("a copied row does not have {expected} fields")]
    Fields {
        /// How many columns are copied.
        expected: usize,
    },
    /// A message ends within a row, or a field is not written as the options say.
    #[error("a copied row is not written as the statement's options say")]
    Malformed,
    /// The binary format's header is none, or asks for what is not known.
    #[error("the header of a binary copy is not understood")]
    Header,
    /// Something comes behind what ends the copy.
    #[error("a copy goes on behind its end")]
    Ended,
}

/// The masks of one COPY TO.
#[derive(Debug)]
pub struct CopyMask {
    options: CopyOptions,
    columns: Vec<Option<ColumnMask>>,
    place: Place,
    /// A field's value without its escapes.
    decoded: Vec<u8>,
}

/// Where in the copy the next byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Header,
    Rows,
    End,
}

impl CopyMask {
    /// Masks for the copied columns, in their order; those of `None` stay as they are. They have to be
    /// [binary](super::Format::Binary) where the copy is, and [text](super::Format::Text) where it is not.
    #[must_use]
    pub fn new(options: CopyOptions, columns: Vec<Option<ColumnMask>>) -> Self {
        let place = if options.header || options.format == CopyFormat::Binary { Place::Header } else { Place::Rows };
        Self { options, columns, place, decoded: Vec::new() }
    }

    /// The masks of the copied columns.
    #[must_use]
    pub fn columns(&self) -> &[Option<ColumnMask>] {
        &self.columns
    }

    /// Appends one CopyData message's payload, masked, to `out`. It has to hold whole rows, as the server's do.
    ///
    /// # Errors
    ///
    /// A [`CopyFault`]; `out` is then as it was, and no later row is taken.
    pub fn row(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), CopyFault> {
        let start = out.len();
        let masked = match &self.options.format {
            CopyFormat::Binary => binary::rows(data, &self.columns, &mut self.place, out),
            CopyFormat::Text { delimiter, null } => {
                let form = text::Form { delimiter: *delimiter, null };
                lines(data, &form, &self.columns, &mut self.place, &mut self.decoded, out)
            }
            CopyFormat::Csv { delimiter, null, quote, escape, force_quote } => {
                let form = csv::Form {
                    delimiter: *delimiter,
                    null,
                    quote: *quote,
                    escape: *escape,
                    force_quote,
                    alone: self.columns.len() == 1,
                };
                lines(data, &form, &self.columns, &mut self.place, &mut self.decoded, out)
            }
        };
        if masked.is_err() {
            out.truncate(start);
            self.place = Place::End;
        }
        masked
    }
}

/// A format of lines.
trait Form {
    fn delimiter(&self) -> u8;
    fn null(&self) -> &[u8];
    /// Whether a field is NULL and can't be a value.
    fn is_null(&self, field: &[u8]) -> bool;
    /// How many bytes of `rest` the field is that it begins with.
    fn length(&self, rest: &[u8]) -> Option<usize>;
    /// A field's value, without quotes and escapes: in `decoded`, where it is written otherwise than it is.
    fn decode<'b>(&self, field: &'b [u8], decoded: &'b mut Vec<u8>) -> &'b [u8];
    /// Brings the value of `out[from..]` into this format.
    fn encode(&self, column: usize, from: usize, out: &mut Vec<u8>);
}

/// What old clients are told the end with; it carries nothing.
const END: &[u8] = b"\\.";

fn lines(
    data: &[u8],
    form: &impl Form,
    columns: &[Option<ColumnMask>],
    place: &mut Place,
    decoded: &mut Vec<u8>,
    out: &mut Vec<u8>,
) -> Result<(), CopyFault> {
    let mut rest = data;
    while !rest.is_empty() {
        if *place == Place::End {
            return Err(CopyFault::Ended);
        }
        if let Some(behind) = rest.strip_prefix(END).and_then(after_line).filter(|_| *place == Place::Rows) {
            out.extend_from_slice(rest.get(..rest.len() - behind.len()).unwrap_or_default());
            rest = behind;
            *place = Place::End;
            continue;
        }
        rest = line(rest, form, columns, *place == Place::Header, decoded, out)?;
        *place = Place::Rows;
    }
    Ok(())
}

/// Appends the line that `rest` begins with, masked unless it is the header; returns what is behind it.
fn line<'a>(
    mut rest: &'a [u8],
    form: &impl Form,
    columns: &[Option<ColumnMask>],
    header: bool,
    decoded: &mut Vec<u8>,
    out: &mut Vec<u8>,
) -> Result<&'a [u8], CopyFault> {
    for (index, column) in columns.iter().enumerate() {
        if index > 0 {
            let behind = rest.strip_prefix(&[form.delimiter()]).ok_or(CopyFault::Fields { expected: columns.len() })?;
            out.push(form.delimiter());
            rest = behind;
        }
        let length = form.length(rest).ok_or(CopyFault::Malformed)?;
        let (field, behind) = rest.split_at_checked(length).ok_or(CopyFault::Malformed)?;
        rest = behind;
        let Some(mask) = column.as_ref().filter(|mask| !header && (!form.is_null(field) || mask.covers_null())) else {
            out.extend_from_slice(field);
            continue;
        };
        let (value, from) = (form.decode(field, decoded), out.len());
        match mask.mask(value, out) {
            Masked::Value => form.encode(index, from, out),
            Masked::Null => out.extend_from_slice(form.null()),
        }
    }
    let behind = after_line(rest).ok_or(match rest.is_empty() {
        true => CopyFault::Malformed,
        false => CopyFault::Fields { expected: columns.len() },
    })?;
    out.extend_from_slice(rest.get(..rest.len() - behind.len()).unwrap_or_default());
    Ok(behind)
}

/// What is behind the end of a line, if `rest` begins with it.
fn after_line(rest: &[u8]) -> Option<&[u8]> {
    rest.strip_prefix(b"\r").unwrap_or(rest).strip_prefix(b"\n")
}
