//! Text against binary: the same value has the same mask, which the driver decodes.

use super::super::numeric;
use super::*;
use postgres_protocol::types;
use proptest::prelude::*;

/// The text of a binary value, as the driver decodes it.
fn decoded(oid: u32, value: &[u8]) -> String {
    match oid {
        21 => types::int2_from_sql(value).unwrap().to_string(),
        23 => types::int4_from_sql(value).unwrap().to_string(),
        20 => types::int8_from_sql(value).unwrap().to_string(),
        26 => types::oid_from_sql(value).unwrap().to_string(),
        1700 => number(value),
        2950 => {
            let bytes = types::uuid_from_sql(value).unwrap();
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
        }
        17 => types::bytea_from_sql(value).iter().fold("\\x".to_owned(), |text, byte| text + &format!("{byte:02x}")),
        3802 => types::text_from_sql(value.strip_prefix(&[1]).unwrap()).unwrap().to_owned(),
        _ => types::text_from_sql(value).unwrap().to_owned(),
    }
}

fn number(value: &[u8]) -> String {
    let mut text = Vec::new();
    numeric::to_text(value, &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

fn binary_number(text: &str) -> Vec<u8> {
    let mut out = text.as_bytes().to_vec();
    numeric::to_binary(&mut out, 0).unwrap();
    out
}

fn check(transform: &Transform, oid: u32, modifier: i32, value: &str, bytes: &[u8]) {
    let by_text = text(transform, oid, modifier, value);
    let by_binary = binary(transform, oid, modifier, bytes).map(|value| decoded(oid, &value));
    assert_eq!(by_text, by_binary, "{transform:?} of {value} ({oid})");
    let hidden = matches!(transform, Transform::Redact | Transform::Null);
    assert!(hidden || by_text.is_some(), "{transform:?} of {value} ({oid}) is NULL");
}

fn both() -> [Transform; 2] {
    [Transform::Pseudonym, Transform::Digits]
}

#[test]
fn numerics_are_read_and_written_as_the_server_does() {
    // What numeric_send gives.
    for (text, hex) in [
        ("0", "0000000000000000"),
        ("-1", "00010000400000000001"),
        ("10000", "00010001000000000001"),
        ("12345678.9", "000300010000000104d2162e2328"),
        ("0.00012", "0002ffff00000005000107d0"),
        ("100000000", "00010002000000000001"),
        ("0.0000000001", "0001fffd0000000a0064"),
        ("-99999999.99990", "0003000140000005270f270f270f"),
        ("0.00", "0000000000000002"),
        ("120000.0000", "0001000100000004000c"),
        ("9999.9999", "0002000000000004270f270f"),
    ] {
        let bytes = super::super::bytes::read_hex(hex).unwrap();
        assert_eq!(number(&bytes), text);
        assert_eq!(binary_number(text), bytes, "{text}");
    }
    for (text, hex) in [("NaN", "00000000c0000000"), ("Infinity", "00000000d0000020"), ("-Infinity", "00000000f0000020")] {
        let bytes = super::super::bytes::read_hex(hex).unwrap();
        assert_eq!(number(&bytes), text);
        check(&Transform::Pseudonym, 1700, NONE, text, &bytes);
    }
    for broken in ["00010000000000", "000100000000000027", "0001000000000000ffff", "0000000012340000", "000000000000ffff"] {
        let bytes = super::super::bytes::read_hex(broken).unwrap();
        assert_eq!(binary(&Transform::Pseudonym, 1700, NONE, &bytes), None, "{broken}");
    }
}

#[test]
fn the_same_number_has_one_pseudonym() {
    let of = |value| text(&Transform::Pseudonym, 1700, NONE, value).unwrap();
    for (one, other) in [("1.00", "1"), ("-0.50", "-0.5"), ("0", "0.000"), ("0", "-0"), ("007", "7")] {
        assert_eq!(of(one), of(other), "{one}");
    }
    for (one, other) in [("1", "-1"), ("10", "1"), ("1.5", "15"), ("0.5", "5"), ("0.05", "0.5")] {
        assert_ne!(of(one), of(other), "{one}");
    }
}

#[test]
fn infinite_dates_and_what_is_no_date() {
    let year = Transform::Date(DatePart::Year);
    assert_eq!(binary(&year, 1082, NONE, &i32::MAX.to_be_bytes()), Some(i32::MAX.to_be_bytes().to_vec()));
    assert_eq!(binary(&year, 1114, NONE, &i64::MIN.to_be_bytes()), Some(i64::MIN.to_be_bytes().to_vec()));
    assert_eq!(text(&year, 1184, NONE, "-infinity").as_deref(), Some("-infinity"));
    assert_eq!(binary(&year, 1082, NONE, &[0; 3]), None);
    // The first day that the server has has no first of January.
    assert_eq!(binary(&year, 1082, NONE, &(-2_451_545_i32).to_be_bytes()), None);
}

proptest! {
    #[test]
    fn integers(value: i64) {
        for transform in both() {
            check(&transform, 20, NONE, &value.to_string(), &value.to_be_bytes());
            let value = value as i32;
            check(&transform, 23, NONE, &value.to_string(), &value.to_be_bytes());
            let value = value as i16;
            check(&transform, 21, NONE, &value.to_string(), &value.to_be_bytes());
        }
        let value = value as u32;
        check(&Transform::Pseudonym, 26, NONE, &value.to_string(), &value.to_be_bytes());
    }

    #[test]
    fn numerics(value in "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,30})?") {
        // The server does not know a negative zero.
        prop_assume!(!value.starts_with('-') || value.contains(|digit| ('1'..='9').contains(&digit)));
        let bytes = binary_number(&value);
        prop_assert_eq!(number(&bytes), value.clone());
        check(&Transform::Pseudonym, 1700, NONE, &value, &bytes);
        check(&Transform::Pseudonym, 1700, (12 << 16 | 2) + 4, &value, &bytes);
        check(&Transform::Digits, 1700, NONE, &value, &bytes);
    }

    #[test]
    fn bytes_and_uuids(bytes in proptest::collection::vec(any::<u8>(), 0..200), uuid: [u8; 16]) {
        check(&Transform::Pseudonym, 17, NONE, &decoded(17, &bytes), &bytes);
        let escaped = bytes.iter().fold(String::new(), |text, byte| match byte {
            b'\\' => text + "\\\\",
            0x20..=0x7e => text + &char::from(*byte).to_string(),
            _ => text + &format!("\\{byte:03o}"),
        });
        check(&Transform::Pseudonym, 17, NONE, &escaped, &bytes);
        check(&Transform::Pseudonym, 2950, NONE, &decoded(2950, &uuid), &uuid);
        check(&Transform::Pseudonym, 2950, NONE, &decoded(2950, &uuid).to_uppercase(), &uuid);
    }

    #[test]
    fn texts(value in "\\PC{0,40}", modifier in 5..40) {
        for transform in [Transform::Redact, Transform::Pseudonym, Transform::Digits, Transform::Partial { first: 2, last: 2 }] {
            check(&transform, 25, NONE, &value, value.as_bytes());
            let short: String = value.chars().take(usize::try_from(modifier - 4).unwrap()).collect();
            for oid in [1043, 1042] {
                check(&transform, oid, modifier, &short, short.as_bytes());
                let masked = text(&transform, oid, modifier, &short).unwrap();
                prop_assert!(masked.chars().count() <= usize::try_from(modifier - 4).unwrap());
            }
        }
        let json = serde_json::to_string(&value).unwrap();
        for transform in [Transform::Redact, Transform::Pseudonym, constant("[]")] {
            check(&transform, 3802, NONE, &json, &[b"\x01", json.as_bytes()].concat());
            check(&transform, 114, NONE, &json, json.as_bytes());
            let masked = text(&transform, 114, NONE, &json).unwrap();
            prop_assert!(serde_json::from_str::<serde_json::Value>(&masked).is_ok());
        }
    }
}
