//! What a response and its assertion have to say (SAML 2.0 Core §2 and §3, Profiles §4.1.4).

use super::xml::{attribute, elements, is, named, only, text};
use super::{ASSERTION, Attribute, Expected, PROTOCOL, Person, Refusal, signature};
use crate::model::time::Timestamp;
use roxmltree::{Document, Node};

const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";
const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
const VERSION: &str = "2.0";
/// The longest name or value, in bytes.
const LONGEST: usize = 1_024;

/// The one assertion of a response. Nothing here is signed: it refuses, and decides nothing.
pub(super) fn of_response<'a, 'i>(document: &'a Document<'i>, expected: &Expected) -> Result<Node<'a, 'i>, Refusal> {
    let response = document.root_element();
    if !is(response, PROTOCOL, "Response") || attribute(response, "Version") != Some(VERSION) {
        return Err(Refusal::NotResponse);
    }
    let count = |name: &str| response.descendants().filter(|node| node.is_element() && node.tag_name().name() == name).count();
    if count("EncryptedAssertion") + count("EncryptedID") + count("EncryptedAttribute") + count("EncryptedData") > 0 {
        return Err(Refusal::Encrypted);
    }
    let status = only(response, PROTOCOL, "Status").and_then(|status| only(status, PROTOCOL, "StatusCode"));
    if status.and_then(|code| attribute(code, "Value")) != Some(SUCCESS) {
        return Err(Refusal::Status);
    }
    if count("Response") != 1 {
        return Err(Refusal::NotResponse);
    }
    if attribute(response, "Destination") != Some(&expected.recipient) {
        return Err(Refusal::Destination);
    }
    if attribute(response, "InResponseTo") != Some(&expected.in_response_to) {
        return Err(Refusal::InResponseTo);
    }
    if !named(response, ASSERTION, "Issuer").all(|issuer| text(issuer).as_ref() == Some(&expected.issuer)) {
        return Err(Refusal::Issuer);
    }
    // Of any namespace: what another reader could take for one.
    match count("Assertion") {
        0 => return Err(Refusal::NoAssertion),
        1 => {}
        _ => return Err(Refusal::Assertions),
    }
    let assertion = only(response, ASSERTION, "Assertion").ok_or(Refusal::NoAssertion)?;
    if !signature::are_in_place(response) {
        return Err(Refusal::Signatures);
    }
    Ok(assertion)
}

/// Who has signed in, read from what was signed.
pub(super) fn person(signed: &Document<'_>, expected: &Expected) -> Result<Person, Refusal> {
    let assertion = signed.root_element();
    if !is(assertion, ASSERTION, "Assertion") || attribute(assertion, "Version") != Some(VERSION) {
        return Err(Refusal::AssertionForm);
    }
    let assertion_id = attribute(assertion, "ID").filter(|id| !id.is_empty() && id.len() <= LONGEST);
    let assertion_id = assertion_id.ok_or(Refusal::AssertionForm)?.to_owned();
    if only(assertion, ASSERTION, "Issuer").and_then(text).as_ref() != Some(&expected.issuer) {
        return Err(Refusal::Issuer);
    }
    let subject = only(assertion, ASSERTION, "Subject").ok_or(Refusal::NameId)?;
    let name_id = only(subject, ASSERTION, "NameID").ok_or(Refusal::NameId)?;
    let format = attribute(name_id, "Format").map(str::to_owned);
    let name_id = text(name_id).filter(|name| !name.is_empty() && name.len() <= LONGEST).ok_or(Refusal::NameId)?;
    let confirmed_until = confirmation(subject, expected)?;
    let good_until = conditions(assertion, expected)?;
    let session_until = statement(assertion, expected)?;
    let not_on_or_after = confirmed_until.max(good_until.unwrap_or(confirmed_until)).after(expected.skew);
    Ok(Person { name_id, format, attributes: attributes(assertion)?, assertion_id, not_on_or_after, session_until })
}

/// That whoever brings it is who it is for, and until when. Several confirmations would leave open which of them counts.
fn confirmation(subject: Node<'_, '_>, expected: &Expected) -> Result<Timestamp, Refusal> {
    let confirmation = only(subject, ASSERTION, "SubjectConfirmation").ok_or(Refusal::Confirmation)?;
    let data = only(confirmation, ASSERTION, "SubjectConfirmationData").ok_or(Refusal::Confirmation)?;
    // Profiles §4.1.4.2: a bearer's has no NotBefore.
    if attribute(confirmation, "Method") != Some(BEARER) || attribute(data, "NotBefore").is_some() {
        return Err(Refusal::Confirmation);
    }
    if attribute(data, "Recipient") != Some(&expected.recipient) {
        return Err(Refusal::Recipient);
    }
    if attribute(data, "InResponseTo") != Some(&expected.in_response_to) {
        return Err(Refusal::InResponseTo);
    }
    let until = attribute(data, "NotOnOrAfter").ok_or(Refusal::Confirmation)?;
    in_future(until, expected)
}

fn conditions(assertion: Node<'_, '_>, expected: &Expected) -> Result<Option<Timestamp>, Refusal> {
    let conditions = only(assertion, ASSERTION, "Conditions").ok_or(Refusal::Audience)?;
    let known = ["AudienceRestriction", "OneTimeUse", "ProxyRestriction"];
    if !elements(conditions).all(|condition| known.iter().any(|name| is(condition, ASSERTION, name))) {
        return Err(Refusal::Condition);
    }
    if let Some(from) = attribute(conditions, "NotBefore")
        && time(from)? > expected.now.after(expected.skew)
    {
        return Err(Refusal::NotYet);
    }
    let until = attribute(conditions, "NotOnOrAfter").map(|until| in_future(until, expected)).transpose()?;
    let audience = only(conditions, ASSERTION, "AudienceRestriction").and_then(|all| only(all, ASSERTION, "Audience"));
    if audience.and_then(text).as_ref() != Some(&expected.audience) {
        return Err(Refusal::Audience);
    }
    Ok(until)
}

/// That somebody has signed in, and when that session ends.
fn statement(assertion: Node<'_, '_>, expected: &Expected) -> Result<Option<Timestamp>, Refusal> {
    let statement = only(assertion, ASSERTION, "AuthnStatement").ok_or(Refusal::NotAuthenticated)?;
    attribute(statement, "SessionNotOnOrAfter").map(|until| in_future(until, expected)).transpose()
}

fn attributes(assertion: Node<'_, '_>) -> Result<Vec<Attribute>, Refusal> {
    let statements = named(assertion, ASSERTION, "AttributeStatement");
    let all = statements.flat_map(|statement| named(statement, ASSERTION, "Attribute"));
    all.map(|attribute_of| {
        let name = attribute(attribute_of, "Name").filter(|name| !name.is_empty() && name.len() <= LONGEST);
        let values = named(attribute_of, ASSERTION, "AttributeValue").filter_map(text);
        let values = values.filter(|value| value.len() <= LONGEST).collect();
        Ok(Attribute { name: name.ok_or(Refusal::AssertionForm)?.to_owned(), values })
    })
    .collect()
}

fn in_future(text: &str, expected: &Expected) -> Result<Timestamp, Refusal> {
    let until = time(text)?;
    if until.after(expected.skew) > expected.now { Ok(until) } else { Err(Refusal::Expired) }
}

/// Core §1.3.3: in UTC, as `2026-03-01T12:00:00Z`.
fn time(text: &str) -> Result<Timestamp, Refusal> {
    let time = Some(text).filter(|text| text.len() <= 40 && text.ends_with('Z') && text.contains('T'));
    let time: Option<jiff::Timestamp> = time.and_then(|text| text.parse().ok());
    let nanoseconds = time.and_then(|time| u64::try_from(time.as_nanosecond()).ok());
    nanoseconds.map(Timestamp).ok_or(Refusal::AssertionForm)
}
