//! Errors, notices and payloads without what may be a value in them.

use super::codec::{self, Reader};
use crate::protocol::masking::Texts;

/// Instead of a message that is not known to carry no value.
pub(super) const WITHHELD: &[u8] = b"weir withholds the server's text: it may carry a value of a masked column";

/// SQLSTATEs, or their classes, whose messages name objects and never values (PostgreSQL docs, appendix A). Class 22 (data),
/// P0 (raised by code), HV (foreign data) and XX (internal) are not among them.
const NO_VALUES: [&[u8]; 26] = [
    b"00", b"01", b"02", b"03", b"08", b"0A", b"21", b"23", b"24", b"25", b"26", b"28", b"2B", b"2D", b"34", b"3B", b"3D", b"3F",
    b"40", b"42", b"44", b"53", b"54", b"55", b"57", b"58",
];
/// What code that can choose its SQLSTATE is taken to have raised, unless it is one of these.
const RAISED: &[u8] = b"P0001";
const OFTEN: [&[u8]; 16] = [
    b"40001", b"40P01", b"57014", b"57P01", b"25P02", b"23505", b"23503", b"23502", b"23514", b"55P03", b"53300", b"P0001",
    b"42883", b"42P01", b"42703", b"42601",
];

/// What an error's or notice's message becomes.
pub(super) fn message<'m>(code: &[u8], message: &'m [u8], texts: Texts) -> &'m [u8] {
    match texts {
        Texts::Clear => message,
        Texts::Known if NO_VALUES.iter().any(|known| code.starts_with(known)) => message,
        Texts::Known | Texts::Code => WITHHELD,
    }
}

/// The SQLSTATE that is told.
pub(super) fn code(code: &[u8], texts: Texts) -> &[u8] {
    match texts {
        Texts::Clear | Texts::Known => code,
        Texts::Code if OFTEN.contains(&code) => code,
        Texts::Code => RAISED,
    }
}

/// Appends the fields of an ErrorResponse or NoticeResponse that may be told.
pub(super) fn fields(body: &[u8], texts: Texts, to: &mut Vec<u8>) {
    let told = codec::error_fields(body);
    let mut reader = Reader(body);
    while let Some(field @ 1..) = reader.byte() {
        let Some(value) = reader.text() else { break };
        let kept = match field {
            b'S' | b'V' => Some(value),
            b'C' => Some(code(told.code, texts)),
            b'M' => Some(message(told.code, value, texts)),
            // Places in the client's text, names of what is concerned, places in the server's source.
            // Of what is wrong with a text hints name objects, as its message does.
            b'H' if texts == Texts::Known && told.code.starts_with(b"42") => Some(value),
            b'P' | b's' | b't' | b'c' | b'd' | b'n' | b'F' | b'L' | b'R' if texts == Texts::Known => Some(value),
            _ => None,
        };
        if let Some(kept) = kept {
            to.push(field);
            codec::text(to, kept);
        }
    }
    to.push(0);
}

/// A NotificationResponse's body without its payload, of which the closing zero stays.
pub(super) fn notification(body: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader(body);
    reader.number()?;
    reader.text()?;
    let named = body.len() - reader.0.len();
    body.get(..named)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: &str) -> Vec<u8> {
        let mut body = Vec::new();
        let fields = [
            (b'S', "ERROR"),
            (b'V', "ERROR"),
            (b'C', code),
            (b'M', "about ada@b.c"),
            (b'D', "Key (email)=(ada@b.c)"),
            (b'n', "customers_email_key"),
        ];
        for (field, value) in fields {
            body.push(field);
            codec::text(&mut body, value.as_bytes());
        }
        body.push(0);
        body
    }

    fn told(code: &str, texts: Texts) -> String {
        let mut to = Vec::new();
        fields(&error(code), texts, &mut to);
        String::from_utf8(to).unwrap()
    }

    #[test]
    fn details_go_and_messages_stay_where_they_name_no_value() {
        let known = told("23505", Texts::Known);
        assert!(known.contains("about") && !known.contains("Key") && known.contains("customers_email_key"), "{known:?}");
        for (code, texts) in [("22P02", Texts::Known), ("P0001", Texts::Known), ("23505", Texts::Code), ("XX000", Texts::Code)] {
            let told = told(code, texts);
            assert!(!told.contains("ada") && told.contains("withholds"), "{code} {told:?}");
        }
    }

    #[test]
    fn code_can_not_tell_by_the_sqlstate_or_by_names() {
        let raised = told("ADA42", Texts::Code);
        assert!(raised.contains("P0001") && !raised.contains("ADA42") && !raised.contains("customers"), "{raised:?}");
        assert!(told("40001", Texts::Code).contains("40001"));
    }

    #[test]
    fn a_payload_goes_and_its_channel_stays() {
        let body = b"\0\0\0\x07jobs\0ada@b.c\0";
        assert_eq!(notification(body), Some(&b"\0\0\0\x07jobs\0"[..]));
        assert_eq!(notification(b"\0\0"), None);
    }
}
