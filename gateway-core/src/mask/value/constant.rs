//! Constants: checked against a type once, when masks are made, and encoded as values of it.

use super::Format;
use super::types::{Family, Room, precision};
use super::{bytes, iso, numeric, plain, text};
use serde::de::IgnoredAny;

/// What stands in place of a redacted text.
pub(super) const REDACTED: &str = "[masked]";
/// The most characters of a number.
const LONGEST_NUMBER: usize = 200;

/// A constant as a value of a type, or `None` where it is none.
pub(super) fn encode(constant: &str, family: Family, room: Room, modifier: i32, format: Format) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let binary = format == Format::Binary;
    match family {
        Family::Text if constant.contains('\0') => return None,
        Family::Text => out.extend_from_slice(text::cut(constant, room).as_bytes()),
        Family::Xml => {
            let plain = !constant.contains(['<', '&', '\0']) && !constant.contains("]]>");
            out.extend_from_slice(Some(constant).filter(|_| plain)?.as_bytes());
        }
        Family::Json | Family::Jsonb => {
            serde_json::from_str::<IgnoredAny>(constant).ok()?;
            bytes::open_json(family, format, &mut out);
            out.extend_from_slice(constant.as_bytes());
        }
        Family::Integer(width) => width.write(width.read(constant.as_bytes(), Format::Text)?, format, &mut out)?,
        Family::Numeric => {
            let fits = constant.len() <= LONGEST_NUMBER && numeric::fits(constant.as_bytes(), precision(modifier));
            out.extend_from_slice(Some(constant).filter(|_| fits)?.as_bytes());
            if binary {
                numeric::to_binary(&mut out, 0)?;
            }
        }
        Family::Float4 => {
            let number = constant.parse::<f32>().ok().filter(|number| number.is_finite())?.to_be_bytes();
            out.extend_from_slice(if binary { &number } else { constant.as_bytes() });
        }
        Family::Float8 => {
            let number = constant.parse::<f64>().ok().filter(|number| number.is_finite())?.to_be_bytes();
            out.extend_from_slice(if binary { &number } else { constant.as_bytes() });
        }
        Family::Bool => {
            let truth = match constant {
                "true" | "t" => true,
                "false" | "f" => false,
                _ => return None,
            };
            out.push(match format {
                Format::Text => {
                    if truth {
                        b't'
                    } else {
                        b'f'
                    }
                }
                Format::Binary => u8::from(truth),
            });
        }
        Family::Bytea => {
            let decoded = bytes::read_hex(constant.strip_prefix("\\x")?)?;
            out.extend_from_slice(if binary { &decoded } else { constant.as_bytes() });
        }
        Family::Date => {
            let days = iso::days(constant)?;
            match format {
                Format::Text => iso::write_date(days, b"", &mut out),
                Format::Binary => out.extend_from_slice(&i32::try_from(days).ok()?.to_be_bytes()),
            }
        }
        Family::Timestamp | Family::TimestampTz => {
            let days = iso::days(constant)?;
            let rest: &[u8] = if family == Family::Timestamp { b" 00:00:00" } else { b" 00:00:00+00" };
            match format {
                Format::Text => iso::write_date(days, rest, &mut out),
                Format::Binary => out.extend_from_slice(&iso::midnight(days)?.to_be_bytes()),
            }
        }
        Family::Uuid => bytes::write_uuid(&bytes::read_uuid(constant.as_bytes())?, format, &mut out),
        Family::Plain(kind) => return plain::encode(constant, kind, modifier, format),
        Family::Foreign if binary || constant.contains('\0') => return None,
        Family::Foreign => out.extend_from_slice(constant.as_bytes()),
    }
    Some(out)
}

/// What stands in place of a redacted value, where the type has room for it.
pub(super) fn redacted(family: Family, room: Room, format: Format) -> Option<Vec<u8>> {
    match family {
        Family::Text | Family::Xml => encode(REDACTED, family, room, -1, format),
        Family::Json | Family::Jsonb => encode(&format!("\"{REDACTED}\""), family, room, -1, format),
        Family::Integer(_)
        | Family::Numeric
        | Family::Float4
        | Family::Float8
        | Family::Bool
        | Family::Bytea
        | Family::Date
        | Family::Timestamp
        | Family::TimestampTz
        | Family::Uuid
        | Family::Plain(_)
        | Family::Foreign => None,
    }
}
