//! What masked values look like, type by type.

use super::super::fits;
use super::*;

#[test]
fn redacted_values_fit_their_types() {
    for (oid, modifier, value, expected) in [
        (25, NONE, "Ann", Some("[masked]")),
        (25, NONE, "", Some("[masked]")),
        (1043, 4 + 5, "Ann", Some("[mask")),
        (1042, 4 + 10, "Ann       ", Some("[masked]  ")),
        (1042, 4 + 3, "Ann", Some("[ma")),
        (19, NONE, "Ann", Some("[masked]")),
        (142, NONE, "<a>Ann</a>", Some("[masked]")),
        (114, NONE, "{\"a\": 1}", Some("\"[masked]\"")),
        (3802, NONE, "{\"a\": 1}", Some("\"[masked]\"")),
        (23, NONE, "42", None),
        (1082, NONE, "2024-01-01", None),
        (869, NONE, "10.0.0.1", None),
        (3904, NONE, "[1,2)", None),
        (90_000, NONE, "citext", None),
    ] {
        assert_eq!(text(&Transform::Redact, oid, modifier, value).as_deref(), expected, "{oid} {value}");
        assert_eq!(text(&Transform::Null, oid, modifier, value), None);
        let whole = masked(&ColumnMask::whole(oid, modifier, Format::Text), value.as_bytes());
        assert_eq!(whole.as_deref(), expected.map(str::as_bytes), "{oid}");
    }
    assert_eq!(binary(&Transform::Redact, 3802, NONE, b"\x01{}").as_deref(), Some(&b"\x01\"[masked]\""[..]));
    assert_eq!(masked(&ColumnMask::whole(1009, NONE, Format::Text), b"{a,b}"), None);
}

#[test]
fn parts_are_counted_in_characters_and_never_show_all() {
    for (first, last, value, expected) in [
        (2, 2, "4111111111", "41******11"),
        (1, 0, "Zoë Ärger", "Z********"),
        (0, 2, "Zoë Ärgë", "******gë"),
        (2, 2, "four", "****"),
        (2, 2, "fiver", "fi*er"),
        (9, 9, "short", "*****"),
        (0, 0, "all", "***"),
        (1, 1, "", ""),
    ] {
        let partial = Transform::Partial { first, last };
        assert_eq!(text(&partial, 25, NONE, value).as_deref(), Some(expected), "{value}");
        assert_eq!(binary(&partial, 1043, NONE, value.as_bytes()).as_deref(), Some(expected.as_bytes()));
    }
    let partial = Transform::Partial { first: 1, last: 1 };
    assert_eq!(text(&partial, 1042, 4 + 6, "Anna  ").as_deref(), Some("A**a  "));
    assert_eq!(masked(&column(&partial, 25, NONE, Format::Text), b"\xff\xfe\xfd\xfc"), None);
}

#[test]
fn pseudonyms_of_text_are_readable_and_fit() {
    let token = text(&Transform::Pseudonym, 25, NONE, "Ann").unwrap();
    assert_eq!(token.len(), 24);
    assert!(token.bytes().all(|byte| byte.is_ascii_lowercase() || (b'2'..=b'7').contains(&byte)));
    assert_eq!(text(&Transform::Pseudonym, 1043, 4 + 8, "Ann").as_deref(), token.get(..8));
    assert_eq!(text(&Transform::Pseudonym, 1043, 4 + 200, "Ann"), Some(token.clone()));
    assert_eq!(text(&Transform::Pseudonym, 1042, 4 + 30, &format!("{:30}", "Ann")), Some(format!("{token:30}")));
    assert_eq!(text(&Transform::Pseudonym, 1042, 4 + 5, "Ann  ").as_deref(), token.get(..5));
    assert_ne!(text(&Transform::Pseudonym, 25, NONE, "Ann "), Some(token.clone()));
    let other = ColumnMask::new(&Transform::Pseudonym, 25, NONE, Format::Text, &key(), "other");
    assert_ne!(masked(&other, b"Ann"), Some(token.into_bytes()));
}

#[test]
fn mail_addresses_stay_mail_addresses() {
    let mail = text(&Transform::Pseudonym, 25, NONE, "ann@acme.example").unwrap();
    assert_eq!(mail.len(), 36);
    assert!(mail.ends_with("@example.com"));
    let short = text(&Transform::Pseudonym, 1043, 4 + 20, "ann@acme.example").unwrap();
    assert_eq!((short.len(), short.get(..8), short.ends_with("@example.com")), (20, mail.get(..8), true));
    assert!(!text(&Transform::Pseudonym, 1043, 4 + 19, "a@acme.example").unwrap().contains('@'));
    for value in ["@acme.example", "ann@acme", "ann@x@acme.example", "to ann@acme.example", "ann@.example", "ann@acme."] {
        assert!(!text(&Transform::Pseudonym, 25, NONE, value).unwrap().contains('@'), "{value}");
    }
}

#[test]
fn pseudonyms_of_other_types_are_values_of_them() {
    let uuid = text(&Transform::Pseudonym, 2950, NONE, "6ba7b810-9dad-11d1-80b4-00c04fd430c8").unwrap();
    assert_eq!((uuid.len(), uuid.get(14..15)), (36, Some("8")));
    assert!(matches!(uuid.as_bytes().get(19), Some(b'8' | b'9' | b'a' | b'b')));
    assert_eq!(text(&Transform::Pseudonym, 17, NONE, "\\x00").unwrap().len(), 34);
    assert_eq!(
        text(&Transform::Pseudonym, 17, NONE, "\\x5c78000AFF61"),
        text(&Transform::Pseudonym, 17, NONE, "\\\\x\\000\\012\\377a")
    );
    assert!(text(&Transform::Pseudonym, 114, NONE, "[1]").unwrap().starts_with('"'));
    for (modifier, digits) in
        [(NONE, 18), ((10 << 16 | 2) + 4, 8), ((3 << 16) + 4, 3), ((2 << 16 | 2) + 4, 1), ((2 << 16 | 0x7fd) + 4, 5)]
    {
        for value in ["123.45", "-7", "0", "NaN", "100000000000000000000.5"] {
            let number = text(&Transform::Pseudonym, 1700, modifier, value).unwrap();
            assert!(number.bytes().all(|byte| byte.is_ascii_digit()) && number.len() <= digits, "{modifier} {number}");
            assert!(modifier != (2 << 16 | 0x7fd) + 4 || number == "0" || number.ends_with("000"), "{number}");
        }
    }
}

#[test]
fn digits_keep_the_shape() {
    let digits = |oid, value: &str| text(&Transform::Digits, oid, NONE, value);
    let shape = |text: &str| -> String { text.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect() };
    for (oid, value) in [
        (25, "+44 20 7946 0958"),
        (25, "AB-12"),
        (1042, "12345   "),
        (20, "-9223372036854775808"),
        (21, "-32768"),
        (23, "7"),
        (1700, "-1234567.8900"),
        (1700, "0.004"),
    ] {
        let image = digits(oid, value).unwrap();
        assert_eq!(shape(&image), shape(value), "{value} {image}");
        assert_eq!(digits(oid, value), Some(image));
    }
    assert!(digits(1700, "0.1234567").unwrap().starts_with("0."));
    assert_eq!(digits(1700, "NaN"), None);
    assert_eq!(digits(1700, "1e5"), None);
    assert_eq!(digits(25, "٣٤ ½").as_deref(), Some("** *"));
}

#[test]
fn constants_are_values_of_the_type() {
    for (oid, constant_text, shown, bytes) in [
        (25, "gone", "gone", &b"gone"[..]),
        (23, "-5", "-5", &[0xff, 0xff, 0xff, 0xfb]),
        (1700, "12.50", "12.50", &[0, 2, 0, 0, 0, 0, 0, 2, 0, 12, 0x13, 0x88]),
        (16, "true", "t", &[1]),
        (1082, "2000-01-02", "2000-01-02", &[0, 0, 0, 1]),
        (1114, "2000-01-01", "2000-01-01 00:00:00", &[0; 8]),
        (701, "1.5", "1.5", &[0x3f, 0xf8, 0, 0, 0, 0, 0, 0]),
        (17, "\\x0aff", "\\x0aff", &[0x0a, 0xff]),
        (3802, "{}", "{}", b"\x01{}"),
        (869, "0.0.0.0", "0.0.0.0", &[2, 32, 0, 4, 0, 0, 0, 0]),
        (
            2950,
            "00000000-0000-8000-8000-000000000001",
            "00000000-0000-8000-8000-000000000001",
            &[0, 0, 0, 0, 0, 0, 0x80, 0, 0x80, 0, 0, 0, 0, 0, 0, 1],
        ),
    ] {
        let constant = constant(constant_text);
        assert_eq!(fits(&constant, oid), Ok(()), "{oid}");
        assert_eq!(text(&constant, oid, NONE, "any").as_deref(), Some(shown), "{oid}");
        assert_eq!(binary(&constant, oid, NONE, b"any").as_deref(), Some(bytes), "{oid}");
    }
    assert_eq!(text(&constant("Zoë and Ann"), 1043, 4 + 3, "x").as_deref(), Some("Zoë"));
    assert_eq!(text(&constant("1000"), 1700, (3 << 16) + 4, "1"), None);
    assert_eq!(text(&constant("x"), 90_000, NONE, "1").as_deref(), Some("x"));
    assert_eq!(binary(&constant("x"), 90_000, NONE, b"1"), None);
    for (oid, wrong) in [
        (23, "x"),
        (21, "40000"),
        (1700, "1e5"),
        (16, "yes!"),
        (1082, "2000-02-30"),
        (2950, "1"),
        (114, "{"),
        (869, "::x"),
        (142, "<a"),
        (700, "1e99"),
    ] {
        let misfit = fits(&constant(wrong), oid).unwrap_err();
        assert_eq!(misfit.transform, "constant");
        assert_eq!(text(&constant(wrong), oid, NONE, "1"), None, "{oid}");
    }
}

#[test]
fn what_does_not_fit_is_refused_and_masks_to_null() {
    let samples = [
        (25, "2024-05-14"),
        (142, "<a/>"),
        (114, "1"),
        (3802, "1"),
        (21, "1234"),
        (23, "1234"),
        (20, "1234"),
        (26, "1234"),
        (1700, "12.5"),
        (700, "1.5"),
        (701, "1.5"),
        (16, "t"),
        (17, "\\x00"),
        (1082, "2024-05-14"),
        (1114, "2024-05-14 01:02:03"),
        (1184, "2024-05-14 01:02:03+00"),
        (2950, "6ba7b810-9dad-11d1-80b4-00c04fd430c8"),
        (869, "::1"),
        (3904, "empty"),
        (90_000, "x"),
    ];
    let mut fitting = Vec::new();
    for (oid, sample) in samples {
        let mut names = String::new();
        for (transform, letter) in transforms().iter().zip("rnxpgydc".chars()) {
            let fit = fits(transform, oid);
            let shown = text(transform, oid, NONE, sample);
            match fit {
                Ok(()) => names.push(letter),
                Err(misfit) => {
                    assert_eq!(shown, None, "{oid} {transform:?}");
                    assert!(misfit.to_string().contains("use "), "{misfit}");
                }
            }
            if shown.is_some() {
                assert_eq!(fits(transform, oid), Ok(()), "{oid} {transform:?}");
            } else if fits(transform, oid).is_ok() {
                assert!(matches!(transform, Transform::Redact | Transform::Null), "{oid} {transform:?} of {sample} is NULL");
            }
        }
        fitting.push((oid, names));
    }
    let fitting: Vec<(u32, &str)> = fitting.iter().map(|(oid, names)| (*oid, names.as_str())).collect();
    assert_eq!(
        fitting,
        [
            (25, "rnxpgydc"),
            (142, "rnc"),
            (114, "rnpc"),
            (3802, "rnpc"),
            (21, "rnpgc"),
            (23, "rnpgc"),
            (20, "rnpgc"),
            (26, "rnpc"),
            (1700, "rnpgc"),
            (700, "rnc"),
            (701, "rnc"),
            (16, "rn"),
            (17, "rnp"),
            (1082, "rny"),
            (1114, "rnyd"),
            (1184, "rnyd"),
            (2950, "rnp"),
            (869, "rn"),
            (3904, "rn"),
            (90_000, "rnc"),
        ]
    );
    let misfit = fits(&Transform::Date(DatePart::Day), 1082).unwrap_err();
    assert_eq!(
        misfit.to_string(),
        "`date` can't be used for values of type date, whose day is all of it: use null, date to the year or month, or a constant \
         like `2000-01-01`"
    );
}
