//! SAML 2.0's sign-in of browsers: a response in one strict profile, believed only as far as the octets that its issuer has signed.
//!
//! Pure: what time it is, whom it has to be for, and whether a signature is by a key that is trusted are arguments. The
//! standards are SAML 2.0 Core and Profiles (§4.1), XML Signature 1.1 and Exclusive XML Canonicalization 1.0.

mod assertion;
mod canonical;
mod fuzz;
mod refusal;
mod request;
mod signature;
#[cfg(test)]
mod tests;
mod xml;

pub use fuzz::fuzz_entry;
pub use refusal::Refusal;
pub use request::{Request, metadata};
pub use signature::{Algorithm, Keys};

use crate::model::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Bytes that a response may have.
pub const LARGEST: usize = 192 << 10;
/// `urn:oasis:names:tc:SAML:2.0:assertion`.
const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
/// `urn:oasis:names:tc:SAML:2.0:protocol`.
const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";

/// What a response has to say, exactly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// The provider's entity id.
    pub issuer: String,
    /// Our entity id.
    pub audience: String,
    /// Where it is posted to.
    pub recipient: String,
    /// The id of the request that it answers.
    pub in_response_to: String,
    /// What time it is.
    pub now: Timestamp,
    /// How far clocks may differ.
    pub skew: Duration,
}

/// Who has signed in, as the provider has signed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// The subject's `NameID`.
    pub name_id: String,
    /// What kind of name that is.
    pub format: Option<String>,
    /// What else is said of them, in its order.
    pub attributes: Vec<Attribute>,
    /// The assertion's id, which is good once.
    pub assertion_id: String,
    /// Until when it could be used.
    pub not_on_or_after: Timestamp,
    /// When the provider wants the session to end at the latest.
    pub session_until: Option<Timestamp>,
}

/// One thing that is said of somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attribute {
    /// What it is.
    pub name: String,
    /// Its values that are texts.
    pub values: Vec<String>,
}

impl Person {
    /// All values of the attribute of this name; none where nothing is said of it.
    #[must_use]
    pub fn values(&self, name: &str) -> Option<Vec<&str>> {
        let mut found = self.attributes.iter().filter(|attribute| attribute.name == name).peekable();
        found.peek()?;
        Some(found.flat_map(|attribute| attribute.values.iter().map(String::as_str)).collect())
    }
}

/// Reads a response, and says who has signed in.
///
/// # Errors
/// Why it is not believed.
pub fn verify(response: &[u8], expected: &Expected, keys: Keys<'_>) -> Result<Person, Refusal> {
    if response.len() > LARGEST {
        return Err(Refusal::TooLarge);
    }
    let text = std::str::from_utf8(response).map_err(|_| Refusal::NotUtf8)?;
    let document = xml::read(text)?;
    let unsigned = assertion::of_response(&document, expected)?;
    let signed = signature::verified(unsigned, keys)?;
    // From here on nothing is read but what was signed.
    assertion::person(&xml::read(&signed)?, expected)
}
