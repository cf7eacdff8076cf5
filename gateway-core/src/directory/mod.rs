//! The directory of people and groups as an identity provider keeps it here: SCIM 2.0's values, filters and changes.
//!
//! Pure (RFC 7643, RFC 7644): what is kept where, who may change it, and what follows from it is the gateway's business.

pub mod filter;
mod fuzz;
pub mod group;
pub mod patch;
pub mod path;
#[cfg(test)]
mod tests;
pub mod user;

pub use filter::{Attribute, Filter, Term};
pub use fuzz::fuzz_entry;
pub use group::Group;
pub use patch::{Operation, Verb};
pub use path::Path;
pub use user::{Email, Name, User};

use serde_json::{Map, Value};

/// People that a directory may have.
pub const MOST_PEOPLE: usize = 100_000;
/// Groups that it may have.
pub const MOST_GROUPS: usize = 10_000;
/// People that a group may have.
pub const MOST_MEMBERS: usize = 10_000;
/// Operations of one PATCH.
pub const MOST_OPERATIONS: usize = 1_000;
/// Things that a filter may ask for at once.
pub const MOST_TERMS: usize = 8;
/// Addresses of a person.
pub const MOST_EMAILS: usize = 20;
/// The longest name, in bytes.
pub const LONGEST: usize = 256;
/// Names that records use for others than people of a directory.
const TAKEN: [&str; 2] = ["weir", "root"];

/// What kind of refusal it is (RFC 7644, table 9; the last ones are statuses of their own).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The body is not what it has to be.
    Syntax,
    /// The filter is none, or asks for more than is known here.
    Filter,
    /// The path is none.
    Path,
    /// The path leads nowhere.
    NoTarget,
    /// A value is missing or can't be.
    Value,
    /// It can't be changed.
    Mutability,
    /// It is too much.
    TooMany,
    /// Another has it.
    Uniqueness,
    /// It is another version than the one that is meant.
    Version,
    /// There is none.
    Missing,
}

/// Why something is not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Refused {
    /// What kind of refusal it is.
    pub kind: Kind,
    /// What is wrong.
    pub detail: String,
}

impl Refused {
    /// A refusal in these words.
    #[must_use]
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }
}

impl Kind {
    /// RFC 7644's `scimType`; a status alone says the others.
    #[must_use]
    pub const fn scim_type(self) -> Option<&'static str> {
        match self {
            Self::Syntax => Some("invalidSyntax"),
            Self::Filter => Some("invalidFilter"),
            Self::Path => Some("invalidPath"),
            Self::NoTarget => Some("noTarget"),
            Self::Value => Some("invalidValue"),
            Self::Mutability => Some("mutability"),
            Self::TooMany => Some("tooMany"),
            Self::Uniqueness => Some("uniqueness"),
            Self::Version | Self::Missing => None,
        }
    }

    /// The status of HTTP.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Syntax | Self::Filter | Self::Path | Self::NoTarget | Self::Value | Self::Mutability | Self::TooMany => 400,
            Self::Uniqueness => 409,
            Self::Version => 412,
            Self::Missing => 404,
        }
    }
}

/// A name as names are compared: whatever its case.
#[must_use]
pub fn folded(name: &str) -> String {
    name.to_lowercase()
}

/// The field of an object, whatever its case (RFC 7643 §2.1). Two of one name mean nothing.
pub(crate) fn field<'v>(object: &'v Map<String, Value>, name: &str) -> Result<Option<&'v Value>, Refused> {
    let mut found = object.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    match (found.next(), found.next()) {
        (Some(_), Some(_)) => Err(Refused::new(Kind::Syntax, format!("`{name}` is there twice"))),
        (found, _) => Ok(found),
    }
}

/// A text that may stand in a record: one line of a bounded length. None where it is empty, or null.
fn line(what: &str, value: &Value) -> Result<Option<String>, Refused> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) if text.is_empty() => Ok(None),
        Value::String(text) if text.len() <= LONGEST && !text.chars().any(char::is_control) => Ok(Some(text.clone())),
        Value::String(_) => Err(Refused::new(Kind::Value, format!("`{what}` is a line of at most {LONGEST} bytes"))),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Err(Refused::new(Kind::Value, format!("`{what}` is a text")))
        }
    }
}

/// A name that records can use for somebody.
fn name(what: &str, value: &Value) -> Result<String, Refused> {
    let text = line(what, value)?.ok_or_else(|| Refused::new(Kind::Value, format!("`{what}` is needed")))?;
    if text.trim() != text {
        return Err(Refused::new(Kind::Value, format!("`{what}` begins or ends with a blank")));
    }
    if TAKEN.iter().any(|taken| text.eq_ignore_ascii_case(taken)) {
        return Err(Refused::new(Kind::Value, format!("`{what}` can't be {text:?}: records use that name for another")));
    }
    Ok(text)
}

/// True or false, as it is and as Microsoft Entra writes it: "False".
fn flag(what: &str, value: &Value) -> Result<bool, Refused> {
    match value {
        Value::Bool(flag) => Ok(*flag),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Ok(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Ok(false),
        Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            Err(Refused::new(Kind::Value, format!("`{what}` is true or false")))
        }
    }
}
