//! Arrays, as text and as the driver writes and reads them.

use super::*;
use bytes::BytesMut;
use postgres_types::{FromSql, ToSql, Type};
use proptest::prelude::*;

fn array(kind: &Type, values: &impl ToSql) -> Vec<u8> {
    let mut buffer = BytesMut::new();
    let null = values.to_sql(kind, &mut buffer).unwrap();
    assert!(matches!(null, postgres_types::IsNull::No));
    buffer.to_vec()
}

fn elements<'a, T: FromSql<'a>>(kind: &Type, array: &'a [u8]) -> Vec<Option<T>> {
    Vec::from_sql(kind, array).unwrap()
}

/// An array's text, as the server writes it.
fn written(values: &[Option<String>]) -> String {
    let quoted = |value: &String| format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""));
    let values: Vec<String> = values.iter().map(|value| value.as_ref().map_or_else(|| "NULL".to_owned(), quoted)).collect();
    format!("{{{}}}", values.join(","))
}

/// The elements of an array's text of one dimension.
fn read(text: &str) -> Vec<Option<String>> {
    let mut values = Vec::new();
    let mut rest = text.strip_prefix('{').unwrap().strip_suffix('}').unwrap().chars().peekable();
    while rest.peek().is_some() {
        let quoted = rest.next_if_eq(&'"').is_some();
        let mut value = String::new();
        while let Some(character) = rest.next_if(|next| if quoted { *next != '"' } else { *next != ',' }) {
            let escaped = character == '\\';
            value.push(if escaped { rest.next().unwrap() } else { character });
        }
        assert!(!quoted || rest.next() == Some('"'));
        values.push(if !quoted && value == "NULL" { None } else { Some(value) });
        assert!(matches!(rest.next(), None | Some(',')));
    }
    values
}

#[test]
fn elements_are_masked_and_the_shape_is_kept() {
    let partial = Transform::Partial { first: 1, last: 1 };
    for (transform, oid, value, expected) in [
        (&Transform::Redact, 1009, "{Ann,NULL,\"Bob, Jr.\"}", Some("{[masked],NULL,[masked]}")),
        (&Transform::Redact, 1009, "{{a,b},{c,d}}", Some("{{[masked],[masked]},{[masked],[masked]}}")),
        (&Transform::Redact, 1009, "{}", Some("{}")),
        (&Transform::Redact, 3807, "{\"{\\\"a\\\": 1}\"}", Some("{\"\\\"[masked]\\\"\"}")),
        (&Transform::Redact, 1007, "{1,2}", None),
        (&Transform::Null, 1009, "{a}", None),
        (&partial, 1009, "{\"a b\\\\c\",\"\",\"NULL\",\"{},\\\"\"}", Some("{a***c,\"\",N**L,\"{**\\\"\"}")),
        (&partial, 1009, "[0:1]={abc,\" a \"}", Some("[0:1]={a*c,\" * \"}")),
        (&partial, 1014, "{\"abc  \"}", Some("{\"a*c  \"}")),
        (&constant("7"), 1007, "[2:3][-1:0]={{1,NULL},{3,4}}", Some("[2:3][-1:0]={{7,NULL},{7,7}}")),
        (
            &Transform::Date(DatePart::Year),
            1115,
            "{\"2024-05-14 01:02:03\",infinity}",
            Some("{\"2024-01-01 00:00:00\",infinity}"),
        ),
        // What can't be read as an element is a NULL element.
        (&Transform::Date(DatePart::Year), 1182, "{2024-05-14,secret}", Some("{2024-01-01,NULL}")),
    ] {
        assert_eq!(text(transform, oid, NONE, value).as_deref(), expected, "{value}");
    }
}

#[test]
fn what_is_no_array_is_null() {
    for value in [
        "",
        "a",
        "{",
        "}",
        "{a",
        "{a}b",
        "{a}}",
        "{a,}",
        "{,a}",
        "{a b\"c}",
        "{\"a}",
        "{\"a\\\"}",
        "{\"a\"b}",
        "{a}{b}",
        "a{}",
        "{{{{{{{a}}}}}}}",
        "[0:1]",
        "[secret]={a}",
        "{{a},b,}",
        "{\\a}",
    ] {
        assert_eq!(text(&Transform::Redact, 1009, NONE, value), None, "{value}");
    }
    let good = array(&Type::TEXT_ARRAY, &vec!["secret"]);
    assert!(binary(&Transform::Redact, 1009, NONE, &good).is_some());
    for (at, byte) in [(0, 0x7f), (3, 7), (3, 2), (7, 2), (11, 23), (12, 0x80), (15, 2), (15, 0), (20, 0xfe), (23, 5), (23, 7)] {
        let mut broken = good.clone();
        *broken.get_mut(at).unwrap() = byte;
        assert_eq!(binary(&Transform::Redact, 1009, NONE, &broken), None, "{at} {byte}");
    }
    assert_eq!(binary(&Transform::Redact, 1009, NONE, &[good.as_slice(), b"x"].concat()), None);
}

#[test]
fn binary_arrays_of_more_dimensions_keep_their_header() {
    let mut two = b"\0\0\0\x02\0\0\0\0\0\0\0\x17\0\0\0\x01\0\0\0\x01\0\0\0\x02\xff\xff\xff\xff".to_vec();
    let header = two.len();
    two.extend_from_slice(b"\0\0\0\x04\0\0\0\x01\0\0\0\x04\0\0\0\x02");
    let masked = binary(&constant("7"), 1007, NONE, &two).unwrap();
    assert_eq!(masked.get(..header), two.get(..header));
    assert_eq!(masked.get(header..), Some(&b"\0\0\0\x04\0\0\0\x07\0\0\0\x04\0\0\0\x07"[..]));
    let empty = b"\0\0\0\0\0\0\0\0\0\0\0\x17";
    assert_eq!(binary(&constant("7"), 1007, NONE, empty).as_deref(), Some(&empty[..]));
}

#[test]
fn an_element_that_becomes_null_is_told_in_the_header() {
    let numbers = vec!["2024-05-14 secret"];
    let masked = binary(&Transform::Date(DatePart::Year), 1009, NONE, &array(&Type::TEXT_ARRAY, &numbers)).unwrap();
    assert_eq!(masked.get(..8), Some(&[0, 0, 0, 1, 0, 0, 0, 1][..]));
    assert_eq!(elements::<String>(&Type::TEXT_ARRAY, &masked), [None]);
}

proptest! {
    #[test]
    fn text_and_binary_arrays_are_masked_alike(values in proptest::collection::vec(proptest::option::of("[{}\",\\\\ aA1é]{0,8}|NULL"), 0..6)) {
        for transform in [Transform::Redact, Transform::Pseudonym, Transform::Digits, Transform::Partial { first: 2, last: 1 }] {
            let by_text = text(&transform, 1009, NONE, &written(&values)).unwrap();
            let by_binary = binary(&transform, 1009, NONE, &array(&Type::TEXT_ARRAY, &values)).unwrap();
            let by_binary: Vec<Option<String>> = elements(&Type::TEXT_ARRAY, &by_binary);
            let each: Vec<Option<String>> = values.iter().map(|value| text(&transform, 25, NONE, value.as_ref()?)).collect();
            prop_assert_eq!(&read(&by_text), &by_binary);
            prop_assert_eq!(by_binary, each);
        }
    }

    #[test]
    fn arrays_of_integers_are_masked_alike(values in proptest::collection::vec(proptest::option::of(any::<i32>()), 0..6)) {
        let texts: Vec<String> = values.iter().map(|value| value.map_or_else(|| "NULL".to_owned(), |value| value.to_string())).collect();
        for transform in [Transform::Pseudonym, Transform::Digits] {
            let by_text = text(&transform, 1007, NONE, &format!("{{{}}}", texts.join(","))).unwrap();
            let by_binary = binary(&transform, 1007, NONE, &array(&Type::INT4_ARRAY, &values)).unwrap();
            let by_binary: Vec<Option<i32>> = elements(&Type::INT4_ARRAY, &by_binary);
            let by_text: Vec<Option<i32>> = read(&by_text).iter().map(|value| value.as_ref().map(|value| value.parse().unwrap())).collect();
            prop_assert_eq!(by_text, by_binary);
        }
    }
}
