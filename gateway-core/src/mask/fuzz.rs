//! Masks hostile rows: for the fuzz target and the properties.

use super::copy::{CopyFormat, CopyMask, CopyOptions, ForceQuote};
use super::row::value;
use super::{ColumnMask, DatePart, Format, Key, Transform, data_row};
use zeroize::Zeroizing;

/// Types of every family, with arrays, and some that are not built in.
const TYPES: [u32; 31] = [
    25, 1043, 1042, 19, 142, 114, 3802, 21, 23, 20, 26, 1700, 700, 701, 16, 17, 1082, 1114, 1184, 2950, 869, 1009, 1007, 1231,
    1115, 2951, 3807, 199, 1001, 3904, 90_000,
];

/// Masks `bytes`, as DataRow and as COPY, by masks that the first four bytes choose. Whatever the bytes, it has to return.
///
/// # Panics
///
/// Where a masked row has another shape than its row, an unmasked one changes, or a redacted one shows anything.
pub fn fuzz_entry(bytes: &[u8]) {
    let Some(([transform, kind, modifier, options], bytes)) = bytes.split_first_chunk::<4>() else { return };
    let oid = TYPES.get(usize::from(*kind) % TYPES.len()).copied().unwrap_or_default();
    let format = if options & 1 == 0 { Format::Text } else { Format::Binary };
    let column = || {
        let key = Key::new(Zeroizing::new([3; 32]));
        ColumnMask::new(&chosen(*transform), oid, i32::from(*modifier) - 1, format, &key, "class")
    };
    let _one = column().mask(bytes, &mut Vec::new());
    rows(bytes, vec![Some(column()), None, Some(column())]);
    plain_rows(bytes);
    let copies = || CopyOptions { format: copy_format(*options), header: options & 64 != 0 };
    feed(CopyMask::new(copies(), vec![Some(column()), None]), bytes);
    let unchanged = feed(CopyMask::new(copies(), vec![None, None]), bytes);
    let extended = matches!(copies().format, CopyFormat::Binary);
    assert!(extended || bytes.starts_with(&unchanged), "a copy without masks is passed on as it is");
}

fn chosen(choice: u8) -> Transform {
    match choice % 10 {
        0 => Transform::Redact,
        1 => Transform::Null,
        2 => Transform::Partial { first: choice / 10 % 5, last: choice / 50 },
        3 | 4 => Transform::Pseudonym,
        5 | 6 => Transform::Digits,
        7 => Transform::Date(DatePart::Year),
        8 => Transform::Date(DatePart::Day),
        _ => Transform::Constant("1".into()),
    }
}

fn copy_format(options: u8) -> CopyFormat {
    match options >> 1 & 7 {
        0 | 1 => CopyFormat::text(),
        2 => CopyFormat::Text { delimiter: b'|', null: Vec::new() },
        3 | 4 => CopyFormat::csv(),
        5 => {
            CopyFormat::Csv { delimiter: b';', null: b"NULL".to_vec(), quote: b'\'', escape: b'\\', force_quote: ForceQuote::All }
        }
        _ => CopyFormat::Binary,
    }
}

/// A row that is masked has as many fields, NULLs stay, and columns without masks do not change.
fn rows(body: &[u8], columns: Vec<Option<ColumnMask>>) {
    let mut out = Vec::new();
    if data_row(body, &columns, &mut out).is_err() {
        assert!(out.is_empty(), "a row that is refused leaves nothing");
        return;
    }
    let (before, after) = (fields(body), fields(&out));
    assert_eq!((before.len(), after.len()), (columns.len(), columns.len()), "a row keeps its fields");
    for ((before, after), column) in before.iter().zip(&after).zip(&columns) {
        assert!(before.is_some() || after.is_none(), "NULL stays NULL");
        assert!(column.is_some() || before == after, "what has no mask stays");
    }
}

/// A redacted row shows nothing, and one without masks is the same.
fn plain_rows(body: &[u8]) {
    let redacted = || Some(ColumnMask::whole(25, -1, Format::Text));
    let mut out = Vec::new();
    if data_row(body, &[redacted(), redacted()], &mut out).is_ok() {
        assert!(fields(&out).iter().flatten().all(|field| *field == b"[masked]"), "nothing but the mask is shown");
    }
    out.clear();
    if data_row(body, &[None, None], &mut out).is_ok() {
        assert_eq!(out, body, "a row without masks is the same");
    }
}

fn fields(body: &[u8]) -> Vec<Option<&[u8]>> {
    let mut rest = body.get(2..).unwrap_or_default();
    std::iter::from_fn(|| value(&mut rest)).collect()
}

/// Masks `bytes` in two messages, cut at the first line's end or in the middle; returns what was passed on.
fn feed(mut mask: CopyMask, bytes: &[u8]) -> Vec<u8> {
    let line = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len() / 2, |at| at + 1);
    let (first, second) = bytes.split_at_checked(line).unwrap_or_default();
    let mut out = Vec::new();
    for message in [first, second] {
        let before = out.len();
        if mask.row(message, &mut out).is_err() {
            assert_eq!(out.len(), before, "a message that is refused leaves nothing");
            assert!(mask.row(b"\n", &mut out).is_err(), "a copy that failed goes on");
            break;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_are_masked(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            fuzz_entry(&bytes);
        }

        #[test]
        fn rows_that_could_be_are_masked(
            choice: [u8; 4],
            values in proptest::collection::vec(proptest::option::of("[0-9]{1,12}|-?[0-9]{1,6}\\.[0-9]{0,5}|2024-0[1-9]-1[0-9]|[{}\",\\\\a1 ]{0,12}|\\PC{0,9}"), 1..4),
            lines in proptest::collection::vec("[a0-9,;|'\"\\\\\t\r\n.N]{0,12}", 1..5),
        ) {
            let mut body = u16::try_from(values.len()).unwrap().to_be_bytes().to_vec();
            for value in &values {
                let length = value.as_ref().map_or(-1, |value| i32::try_from(value.len()).unwrap());
                body.extend_from_slice(&length.to_be_bytes());
                body.extend_from_slice(value.as_deref().unwrap_or_default().as_bytes());
            }
            fuzz_entry(&[&choice[..], &body].concat());
            fuzz_entry(&[&choice[..], b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0", &body, b"\xff\xff"].concat());
            fuzz_entry(&[&choice[..], format!("{}\n", lines.join("\n")).as_bytes()].concat());
        }
    }
}
