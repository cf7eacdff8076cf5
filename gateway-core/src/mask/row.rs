//! A DataRow's body, rewritten (PostgreSQL docs, chapter "Frontend/Backend Protocol", "Message Formats").

use super::value::{ColumnMask, Masked};
use thiserror::Error;

/// Why a row can't be masked: none of it is passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RowFault {
    /// The row has more or fewer fields than the result has columns.
    #[error("the row has {found} fields where the result has {expected} columns")]
    Fields {
        /// How many columns the result has.
        expected: usize,
        /// How many fields the row says it has.
        found: usize,
    },
    /// The row ends within a field, or says that one has a negative length.
    #[error("the row ends within a field")]
    Cut,
    /// Bytes stand behind the last field.
    #[error("the row has bytes behind its last field")]
    Trailing,
}

/// Appends the DataRow body `body` to `out`, each field masked by its column's mask; those of `None` stay as they are.
///
/// # Errors
///
/// A [`RowFault`] where the body is not a row of these columns; `out` is then as it was.
pub fn data_row(body: &[u8], columns: &[Option<ColumnMask>], out: &mut Vec<u8>) -> Result<(), RowFault> {
    let start = out.len();
    let rewritten = rewrite(body, columns, out);
    if rewritten.is_err() {
        out.truncate(start);
    }
    rewritten
}

fn rewrite(body: &[u8], columns: &[Option<ColumnMask>], out: &mut Vec<u8>) -> Result<(), RowFault> {
    let mut rest = body;
    let count = take(&mut rest).map(u16::from_be_bytes).ok_or(RowFault::Cut)?;
    if usize::from(count) != columns.len() {
        return Err(RowFault::Fields { expected: columns.len(), found: usize::from(count) });
    }
    out.extend_from_slice(&count.to_be_bytes());
    for column in columns {
        field(&mut rest, column.as_ref(), out).ok_or(RowFault::Cut)?;
    }
    if rest.is_empty() { Ok(()) } else { Err(RowFault::Trailing) }
}

/// Takes a length and as many bytes from `rest`, and appends both to `out`, masked.
pub(super) fn field(rest: &mut &[u8], column: Option<&ColumnMask>, out: &mut Vec<u8>) -> Option<()> {
    let value = value(rest)?.or_else(|| column.filter(|mask| mask.covers_null()).map(|_| &b""[..]));
    put(value, out, |value, out| match column {
        Some(mask) => mask.mask(value, out),
        None => {
            out.extend_from_slice(value);
            Masked::Value
        }
    });
    Some(())
}

/// Takes a length and as many bytes from `rest`: -1 and none for NULL.
pub(super) fn value<'a>(rest: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let length = i32::from_be_bytes(take(rest)?);
    if length == -1 {
        return Some(None);
    }
    let (value, behind) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    *rest = behind;
    Some(Some(value))
}

/// Appends a length and what `mask` appends for `value`; returns whether it is NULL.
pub(super) fn put(value: Option<&[u8]>, out: &mut Vec<u8>, mask: impl FnOnce(&[u8], &mut Vec<u8>) -> Masked) -> bool {
    let start = out.len();
    out.extend_from_slice(&(-1_i32).to_be_bytes());
    let Some(value) = value else { return true };
    let masked = mask(value, out);
    let length = out.len().saturating_sub(start + 4);
    match (masked, i32::try_from(length), out.get_mut(start..start + 4)) {
        (Masked::Value, Ok(length), Some(place)) => {
            place.copy_from_slice(&length.to_be_bytes());
            false
        }
        // A value that has no length on the wire has to be NULL.
        _ => {
            out.truncate(start + 4);
            true
        }
    }
}

/// Takes `N` bytes from `rest`.
pub(super) fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, behind) = rest.split_first_chunk::<N>()?;
    *rest = behind;
    Some(*taken)
}

#[cfg(test)]
mod tests {
    use super::super::value::Format;
    use super::super::{Key, Transform};
    use super::*;
    use proptest::prelude::*;
    use zeroize::Zeroizing;

    #[test]
    fn a_null_that_is_computed_is_replaced_and_a_null_of_a_column_stays() {
        let null = [0, 2, 255, 255, 255, 255, 255, 255, 255, 255];
        let key = Key::new(Zeroizing::new([1; 32]));
        let columns = [
            Some(ColumnMask::whole(25, -1, Format::Text)),
            Some(ColumnMask::new(&Transform::Redact, 25, -1, Format::Text, &key, "pii")),
        ];
        let mut out = Vec::new();
        data_row(&null, &columns, &mut out).unwrap();
        assert_eq!(out, [&[0, 2, 0, 0, 0, 8][..], b"[masked]", &[255; 4]].concat());
    }

    fn body(fields: &[Option<Vec<u8>>]) -> Vec<u8> {
        let mut body = u16::try_from(fields.len()).unwrap().to_be_bytes().to_vec();
        for field in fields {
            match field {
                Some(value) => {
                    body.extend_from_slice(&i32::try_from(value.len()).unwrap().to_be_bytes());
                    body.extend_from_slice(value);
                }
                None => body.extend_from_slice(&(-1_i32).to_be_bytes()),
            }
        }
        body
    }

    fn mask(transform: &Transform) -> Option<ColumnMask> {
        Some(ColumnMask::new(transform, 25, -1, Format::Text, &Key::new(Zeroizing::new([1; 32])), "c"))
    }

    #[test]
    fn each_field_has_its_columns_mask() {
        let columns = [None, mask(&Transform::Redact), mask(&Transform::Null), mask(&Transform::Redact)];
        let row = body(&[Some(b"a".to_vec()), Some(b"b".to_vec()), Some(b"c".to_vec()), None]);
        let mut out = Vec::new();
        assert_eq!(data_row(&row, &columns, &mut out), Ok(()));
        assert_eq!(out, body(&[Some(b"a".to_vec()), Some(b"[masked]".to_vec()), None, None]));
    }

    #[test]
    fn what_is_no_row_of_the_columns_is_not_passed_on() {
        let columns = [mask(&Transform::Redact)];
        let good = body(&[Some(b"secret".to_vec())]);
        let longer = [good.as_slice(), b"x"].concat();
        for (row, fault) in [
            (body(&[]), RowFault::Fields { expected: 1, found: 0 }),
            (body(&[None, None]), RowFault::Fields { expected: 1, found: 2 }),
            (good.get(..9).unwrap().to_vec(), RowFault::Cut),
            (b"\0\x01\xff\xff\xff\xfe".to_vec(), RowFault::Cut),
            (vec![0], RowFault::Cut),
            (longer, RowFault::Trailing),
        ] {
            let mut out = b"before".to_vec();
            assert_eq!(data_row(&row, &columns, &mut out), Err(fault));
            assert_eq!(out, b"before");
        }
    }

    proptest! {
        #[test]
        fn any_row_keeps_its_shape_and_loses_what_is_masked(
            cells in proptest::collection::vec((proptest::option::of(proptest::collection::vec(any::<u8>(), 0..40)), 0_u8..3), 0..12)
        ) {
            let columns: Vec<_> = cells.iter().map(|(_, kind)| match kind {
                0 => None,
                1 => mask(&Transform::Redact),
                _ => mask(&Transform::Null),
            }).collect();
            let fields: Vec<_> = cells.iter().map(|(value, _)| value.clone()).collect();
            let expected: Vec<_> = cells.iter().map(|(value, kind)| match kind {
                0 => value.clone(),
                1 => value.as_ref().map(|_| b"[masked]".to_vec()),
                _ => None,
            }).collect();
            let mut out = Vec::new();
            prop_assert_eq!(data_row(&body(&fields), &columns, &mut out), Ok(()));
            prop_assert_eq!(out, body(&expected));
        }
    }
}
