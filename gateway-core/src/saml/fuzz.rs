//! Reads hostile responses, for the fuzz target and the properties: they are read or refused, and nothing panics.

use super::canonical::exclusive;
use super::{Expected, assertion, signature, verify, xml};
use crate::model::time::Timestamp;
use std::collections::BTreeSet;
use std::time::Duration;

/// Reads `bytes` as a response whose signature is good, as a signed assertion, and as an assertion with a signature in it.
///
/// # Panics
/// Where what is canonical does not stay what it is.
pub fn fuzz_entry(bytes: &[u8]) {
    let text = |text: &str| text.to_owned();
    let expected = Expected {
        issuer: text("i"),
        audience: text("a"),
        recipient: text("r"),
        in_response_to: text("q"),
        now: Timestamp(1_764_000_000_000_000_000),
        skew: Duration::from_secs(60),
    };
    let _believed = verify(bytes, &expected, &|_, _, _| true).is_ok();
    let Ok(document) = std::str::from_utf8(bytes).map_err(|_| ()).and_then(|text| xml::read(text).map_err(|_| ())) else {
        return;
    };
    let _person = assertion::person(&document, &expected).is_ok();
    let _signed = signature::verified(document.root_element(), &|_, _, _| true).is_ok();
    for prefixes in [BTreeSet::new(), BTreeSet::from(["", "a", "xml"])] {
        let canonical = exclusive(document.root_element(), None, &prefixes);
        let again = xml::read(&canonical).map(|again| exclusive(again.root_element(), None, &prefixes));
        assert_eq!(again.as_ref(), Ok(&canonical), "what is canonical can be read, and stays so");
    }
}
