//! Copies with nasty content, in the three formats.

use super::super::{Format, Key, Transform};
use super::*;
use proptest::prelude::*;
use zeroize::Zeroizing;

fn column(transform: &Transform, format: Format) -> Option<ColumnMask> {
    Some(ColumnMask::new(transform, 25, -1, format, &Key::new(Zeroizing::new([1; 32])), "class"))
}

fn partial() -> Option<ColumnMask> {
    column(&Transform::Partial { first: 1, last: 1 }, Format::Text)
}

fn copy(options: CopyOptions, columns: Vec<Option<ColumnMask>>, messages: &[&[u8]]) -> Result<String, CopyFault> {
    let mut mask = CopyMask::new(options, columns);
    let mut out = Vec::new();
    for message in messages {
        mask.row(message, &mut out)?;
    }
    Ok(String::from_utf8_lossy(&out).into_owned())
}

fn csv() -> CopyOptions {
    CopyOptions { format: CopyFormat::csv(), header: false }
}

#[test]
fn text_rows() {
    for (row, expected) in [
        ("id\tsecret\n", "id\ts****t\n"),
        ("a\\tb\t\\\\N\n", "a\\tb\t**\n"),
        ("\\N\t\\N\n", "\\N\t\\N\n"),
        ("\t\n", "\t\n"),
        ("a\t\\tb\\n\n", "a\t\\t*\\n\n"),
        ("a\t\\\\b\\\\\n", "a\t\\\\*\\\\\n"),
        ("a\t\\b\\r\\f\\v\n", "a\t\\b**\\v\n"),
        ("a\t\\101\\x4a\\q\n", "a\tA*q\n"),
        ("a\tb\r\n", "a\t*\r\n"),
        ("a\tabc\nb\tdef\n", "a\ta*c\nb\td*f\n"),
        ("\\.\n", "\\.\n"),
        ("a\té|ü\n", "a\té*ü\n"),
    ] {
        let copied = copy(CopyOptions::default(), vec![None, partial()], &[row.as_bytes()]);
        assert_eq!(copied, Ok(expected.to_owned()), "{row:?}");
    }
    let piped = CopyOptions { format: CopyFormat::Text { delimiter: b'|', null: Vec::new() }, header: true };
    let copied = copy(piped, vec![partial(), None], &[b"secret|name\n", b"\\|ab\\||\n", b"|x\n"]);
    assert_eq!(copied.as_deref(), Ok("secret|name\n\\|**\\||\n|x\n"));
}

#[test]
fn a_text_for_null_tells_nobody_which_values_are_equal_to_it() {
    let options = || CopyOptions { format: CopyFormat::Text { delimiter: b'\t', null: b"guess".to_vec() }, header: false };
    let columns = || vec![column(&Transform::Redact, Format::Text), column(&Transform::Null, Format::Text), None];
    let copied = copy(options(), columns(), &[b"guess\tguess\tguess\n", b"other\tother\tother\n"]);
    assert_eq!(copied.as_deref(), Ok("[masked]\tguess\tguess\n[masked]\tguess\tother\n"));
    let csv =
        CopyFormat::Csv { delimiter: b',', null: b"guess".to_vec(), quote: b'"', escape: b'"', force_quote: ForceQuote::No };
    let copied =
        copy(CopyOptions { format: csv, header: false }, columns(), &[b"guess,guess,guess\n", b"\"guess\",other,\"guess\"\n"]);
    assert_eq!(copied.as_deref(), Ok("guess,guess,guess\n[masked],guess,\"guess\"\n"));
}

#[test]
fn csv_rows() {
    for (row, expected) in [
        ("id,secret\n", "id,s****t\n"),
        ("\"a,b\",\"x\"\"y\"\n", "\"a,b\",x*y\n"),
        ("a,\n", "a,\n"),
        ("a,\"\"\n", "a,\"\"\n"),
        ("a,\",\n\r\"\"\"\n", "a,\",**\"\"\"\n"),
        ("a,\"\nab\n\"\n", "a,\"\n**\n\"\n"),
        ("a\\,\\b\\\n", "a\\,\\*\\\n"),
        ("\"a\nb\",abc\r\n", "\"a\nb\",a*c\r\n"),
    ] {
        assert_eq!(copy(csv(), vec![None, partial()], &[row.as_bytes()]), Ok(expected.to_owned()), "{row:?}");
    }
    let one = CopyOptions { header: true, ..csv() };
    let copied = copy(one, vec![column(&Transform::Constant("\\.".into()), Format::Text)], &[b"\"na,me\"\n", b"x\n", b"\n"]);
    assert_eq!(copied.as_deref(), Ok("\"na,me\"\n\"\\.\"\n\n"));
    let format =
        |force_quote| CopyFormat::Csv { delimiter: b';', null: b"NULL".to_vec(), quote: b'\'', escape: b'\\', force_quote };
    for (force, expected) in [
        (ForceQuote::No, "a*c;'\\'*\\\\';NULL\n"),
        (ForceQuote::All, "'a*c';'\\'*\\\\';NULL\n"),
        (ForceQuote::Columns(vec![0]), "'a*c';'\\'*\\\\';NULL\n"),
        (ForceQuote::Columns(vec![2]), "a*c;'\\'*\\\\';NULL\n"),
    ] {
        let options = CopyOptions { format: format(force), header: false };
        let copied = copy(options, vec![partial(), partial(), partial()], &[b"abc;'\\'a\\\\';NULL\n"]);
        assert_eq!(copied.as_deref(), Ok(expected));
    }
    // A value that reads as NULL is quoted.
    let options = CopyOptions { format: format(ForceQuote::No), header: false };
    let null = column(&Transform::Constant("NULL".into()), Format::Text);
    assert_eq!(copy(options, vec![null], &[b"abc\n"]).as_deref(), Ok("'NULL'\n"));
}

#[test]
fn binary_rows() {
    const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
    let options = || CopyOptions { format: CopyFormat::Binary, header: false };
    let columns = || vec![None, column(&Transform::Redact, Format::Binary), column(&Transform::Redact, Format::Binary)];
    let row = b"\0\x03\0\0\0\x01a\0\0\0\x06secret\xff\xff\xff\xff";
    let masked = b"\0\x03\0\0\0\x01a\0\0\0\x08[masked]\xff\xff\xff\xff";
    let first = [HEADER, row].concat();
    let mut mask = CopyMask::new(options(), columns());
    let mut out = Vec::new();
    for message in [first.as_slice(), row, b"\xff\xff"] {
        assert_eq!(mask.row(message, &mut out), Ok(()));
    }
    assert_eq!(out, [HEADER, masked, masked, b"\xff\xff"].concat());
    assert_eq!(mask.row(row, &mut out), Err(CopyFault::Ended));

    let extended = [b"PGCOPY\n\xff\r\n\0\0\0\0\x05\0\0\0\x06secret", &row[..]].concat();
    out.clear();
    assert_eq!(CopyMask::new(options(), columns()).row(&extended, &mut out), Ok(()));
    assert_eq!(out, [b"PGCOPY\n\xff\r\n\0\0\0\0\x05\0\0\0\0", &masked[..]].concat());
    for (message, fault) in [
        (&row[..], CopyFault::Header),
        (b"PGCOPY\n\xff\r\n\0\0\x01\0\0\0\0\0\0", CopyFault::Header),
        (b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\x01", CopyFault::Header),
        (&[HEADER, b"\0\x02\xff\xff\xff\xff\xff\xff\xff\xff"].concat(), CopyFault::Fields { expected: 3 }),
        (&[HEADER, b"\xff\xfe"].concat(), CopyFault::Fields { expected: 3 }),
        (&[HEADER, b"\0\x03\0\0\0\x09a"].concat(), CopyFault::Malformed),
        (&[HEADER, b"\0\x03\xff\xff\xff\xfe"].concat(), CopyFault::Malformed),
        (&[HEADER, b"\xff\xff\0\x03"].concat(), CopyFault::Ended),
    ] {
        out.clear();
        assert_eq!(CopyMask::new(options(), columns()).row(message, &mut out), Err(fault));
        assert!(out.is_empty());
    }
}

#[test]
fn what_is_no_row_of_the_columns_is_not_passed_on() {
    let fields = Err(CopyFault::Fields { expected: 2 });
    let malformed = Err(CopyFault::Malformed);
    for (options, row, fault) in [
        (CopyOptions::default(), "a\n", &fields),
        (CopyOptions::default(), "a\tb\tc\n", &fields),
        (CopyOptions::default(), "a\tb", &malformed),
        (CopyOptions::default(), "a\tb\\\n", &malformed),
        (CopyOptions::default(), "a\tb\rc\n", &malformed),
        (CopyOptions { header: true, ..CopyOptions::default() }, "a\tb\tc\n", &fields),
        (csv(), "a\n", &fields),
        (csv(), "a,b,c\n", &fields),
        (csv(), "a,\"b\n", &malformed),
        (csv(), "a,b\"c\n", &malformed),
        (csv(), "a,\"b\"c\n", &fields),
        (csv(), "a,b", &malformed),
    ] {
        assert_eq!(&copy(options.clone(), vec![None, partial()], &[row.as_bytes()]), fault, "{row:?}");
        let mut mask = CopyMask::new(options, vec![None, partial()]);
        let mut out = Vec::new();
        assert!(mask.row(row.as_bytes(), &mut out).is_err() && out.is_empty());
        assert_eq!(mask.row(b"a\tb\n", &mut out), Err(CopyFault::Ended));
    }
    assert_eq!(copy(CopyOptions::default(), Vec::new(), &[b"\n"]).as_deref(), Ok("\n"));
    assert_eq!(copy(CopyOptions::default(), Vec::new(), &[b"x\n"]), Err(CopyFault::Fields { expected: 0 }));
    assert_eq!(copy(CopyOptions::default(), vec![None], &[b"\\.\n", b"x\n"]), Err(CopyFault::Ended));
}

/// A row as the server writes it, of what is not masked, by the masks' own escapes.
fn written(form: &impl Form, values: &[Option<String>]) -> Vec<u8> {
    let mut out = Vec::new();
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            out.push(form.delimiter());
        }
        let from = out.len();
        match value {
            Some(value) => {
                out.extend_from_slice(value.as_bytes());
                form.encode(index, from, &mut out);
            }
            None => out.extend_from_slice(form.null()),
        }
    }
    out.push(b'\n');
    out
}

fn round_trip(form: &impl Form, options: &CopyOptions, values: &[Option<String>]) {
    let transforms = [Transform::Partial { first: 2, last: 2 }, Transform::Redact, Transform::Pseudonym, Transform::Digits];
    for transform in transforms {
        let columns = || values.iter().map(|_| column(&transform, Format::Text)).collect::<Vec<_>>();
        let masked: Vec<Option<String>> = values
            .iter()
            .zip(columns())
            .map(|(value, mask)| {
                let mut out = Vec::new();
                match mask.unwrap().mask(value.as_ref()?.as_bytes(), &mut out) {
                    Masked::Value => Some(String::from_utf8(out).unwrap()),
                    Masked::Null => None,
                }
            })
            .collect();
        let mut out = Vec::new();
        assert_eq!(CopyMask::new(options.clone(), columns()).row(&written(form, values), &mut out), Ok(()));
        assert_eq!(String::from_utf8(out), String::from_utf8(written(form, &masked)), "{values:?}");
    }
}

proptest! {
    #[test]
    fn any_values_survive_the_formats(
        values in proptest::collection::vec(proptest::option::of("[ab1,;|'\"\\\\\t\r\n\u{8}.Né]{0,8}|NULL|\\\\N|\\\\\\."), 1..5),
        force: bool,
    ) {
        for (delimiter, null) in [(b'\t', "\\N"), (b'|', "\\N"), (b',', "\\N")] {
            let form = text::Form { delimiter, null: null.as_bytes() };
            let options = CopyOptions { format: CopyFormat::Text { delimiter, null: null.as_bytes().to_vec() }, header: false };
            round_trip(&form, &options, &values);
        }
        let force_quote = if force { ForceQuote::All } else { ForceQuote::No };
        for (delimiter, null, quote, escape) in [(b',', "", b'"', b'"'), (b';', "NULL", b'\'', b'\\'), (b'\t', "\\N", b'"', b'\'')] {
            let alone = values.len() == 1;
            let form = csv::Form { delimiter, null: null.as_bytes(), quote, escape, force_quote: &force_quote, alone };
            let format = CopyFormat::Csv { delimiter, null: null.as_bytes().to_vec(), quote, escape, force_quote: force_quote.clone() };
            round_trip(&form, &CopyOptions { format, header: false }, &values);
        }
    }
}
