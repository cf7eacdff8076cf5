//! Values of every type, masked as text and as binary.

mod alike;
mod arrays;
mod hidden;
mod shapes;

use super::super::{DatePart, Key, Transform};
use super::{ColumnMask, Format, Masked};
use zeroize::Zeroizing;

const NONE: i32 = -1;

fn key() -> Key {
    Key::new(Zeroizing::new(*b"a key for tests and nothing else"))
}

fn column(transform: &Transform, oid: u32, modifier: i32, format: Format) -> ColumnMask {
    ColumnMask::new(transform, oid, modifier, format, &key(), "class")
}

/// What a mask makes of a value; `None` for NULL. What is in the buffer already stays.
fn masked(mask: &ColumnMask, value: &[u8]) -> Option<Vec<u8>> {
    let mut out = b"before".to_vec();
    let outcome = mask.mask(value, &mut out);
    assert_eq!(out.get(..6), Some(&b"before"[..]));
    let appended = out.split_off(6);
    match outcome {
        Masked::Value => Some(appended),
        Masked::Null => {
            assert!(appended.is_empty(), "NULL has no bytes");
            None
        }
    }
}

fn text(transform: &Transform, oid: u32, modifier: i32, value: &str) -> Option<String> {
    masked(&column(transform, oid, modifier, Format::Text), value.as_bytes()).map(|bytes| String::from_utf8(bytes).unwrap())
}

fn binary(transform: &Transform, oid: u32, modifier: i32, value: &[u8]) -> Option<Vec<u8>> {
    masked(&column(transform, oid, modifier, Format::Binary), value)
}

fn constant(text: &str) -> Transform {
    Transform::Constant(text.into())
}

/// One of each, for tests of what holds for all.
fn transforms() -> Vec<Transform> {
    vec![
        Transform::Redact,
        Transform::Null,
        Transform::Partial { first: 1, last: 1 },
        Transform::Pseudonym,
        Transform::Digits,
        Transform::Date(DatePart::Year),
        Transform::Date(DatePart::Day),
        constant("7"),
    ]
}
