//! Identifiers of sessions and runs: short, ordered by time, and the same wherever they are printed.

use crate::model::time::Timestamp;
use std::fmt;
use std::str::FromStr;

/// Crockford's base 32: no letter that reads as another.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Characters in an id, at five bits each.
const LENGTH: usize = 13;

/// A text that is not an id of the kind that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {kind} id: it should look like `{prefix}-01jd5k2v8q3xm`")]
pub struct IdError {
    text: String,
    kind: &'static str,
    prefix: char,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $prefix:literal, $letter:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u64);

        impl $name {
            /// An id of `now`'s millisecond; `random` tells those of one millisecond apart.
            #[must_use]
            pub const fn new(now: Timestamp, random: u32) -> Self {
                Self((now.0 / 1_000_000) << 22 | (random as u64 & 0x3f_ffff))
            }

            /// The millisecond that it is of.
            #[must_use]
            pub const fn made_at(self) -> Timestamp {
                Timestamp((self.0 >> 22) * 1_000_000)
            }

            /// The id as a number, for maps and wire formats.
            #[must_use]
            pub const fn number(self) -> u64 {
                self.0
            }

            /// The id whose number this is.
            #[must_use]
            pub const fn from_number(number: u64) -> Self {
                Self(number)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut text = [0u8; LENGTH + 2];
                text[0] = $letter;
                text[1] = b'-';
                for (place, byte) in text.iter_mut().rev().take(LENGTH).enumerate() {
                    *byte = ALPHABET[(self.0 >> (5 * place)) as usize & 31];
                }
                f.pad(std::str::from_utf8(&text).unwrap_or_default())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let wrong = || IdError { text: text.to_owned(), kind: $kind, prefix: $prefix };
                let digits = text.strip_prefix(concat!($prefix, "-")).ok_or_else(wrong)?;
                if digits.len() != LENGTH {
                    return Err(wrong());
                }
                let mut number = 0u64;
                for byte in digits.bytes() {
                    let digit = ALPHABET.iter().position(|&letter| letter == byte).ok_or_else(wrong)?;
                    if number >> 59 != 0 {
                        return Err(wrong());
                    }
                    number = number << 5 | digit as u64;
                }
                Ok(Self(number))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                let pattern = concat!("^", $prefix, "-[0-9a-f][0-9a-hjkmnp-tv-z]{12}$");
                let text = utoipa::openapi::schema::ObjectBuilder::new().schema_type(utoipa::openapi::schema::Type::String);
                text.pattern(Some(pattern)).description(Some(concat!("The id of a ", $kind, "."))).into()
            }
        }

        impl utoipa::ToSchema for $name {}

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id!(
    /// One intercepted connection.
    SessionId, "session", 's', b's'
);
id!(
    /// One execution of a workload.
    RunId, "run", 'r', b'r'
);
id!(
    /// One operation, or connection, that waits for a person.
    HoldId, "hold", 'h', b'h'
);
id!(
    /// One permission that ends by itself.
    GrantId, "grant", 'g', b'g'
);
id!(
    /// One refusal by name.
    BlockId, "block", 'b', b'b'
);
id!(
    /// One time that somebody broke the glass.
    GlassId, "break-glass", 'x', b'x'
);
id!(
    /// One token with which the API is asked.
    TokenId, "token", 't', b't'
);
id!(
    /// One person of the directory.
    PersonId, "person", 'p', b'p'
);
id!(
    /// One group of the directory.
    GroupId, "group", 'm', b'm'
);
id!(
    /// One time that somebody has taken a workload over.
    TakeoverId, "take-over", 'o', b'o'
);
id!(
    /// One time that records were put beyond removal.
    LegalHoldId, "legal hold", 'l', b'l'
);
id!(
    /// One finding of a rule of detection.
    AlertId, "alert", 'a', b'a'
);
id!(
    /// One time that somebody does not want to hear of findings.
    SnoozeId, "snooze", 'z', b'z'
);
id!(
    /// One request to open a sealed layer.
    UnsealId, "unseal", 'u', b'u'
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_and_orders_by_time() {
        let early = SessionId::new(Timestamp(1_764_000_000_000_000_000), 0x3f_ffff);
        let late = SessionId::new(Timestamp(1_764_000_000_001_000_000), 0);
        assert!(early < late && early.to_string() < late.to_string());
        assert_eq!(late.to_string().parse(), Ok(late));
        assert_eq!(late.made_at(), Timestamp(1_764_000_000_001_000_000));
        assert_eq!(u64::MAX, SessionId::from_number(u64::MAX).to_string().parse::<SessionId>().map_or(0, SessionId::number));
        for wrong in ["", "s-", "r-0000000000000", "s-000000000000u", "s-zzzzzzzzzzzzz"] {
            assert!(wrong.parse::<SessionId>().is_err(), "{wrong}");
        }
    }
}
