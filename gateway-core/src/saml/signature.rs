//! The one form of XML Signature that is accepted: of an assertion, enveloped in it, over the whole of it.

use super::canonical::exclusive;
use super::xml::{attribute, elements, is, named, only, read, text};
use super::{ASSERTION, Refusal};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use roxmltree::Node;
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use std::collections::BTreeSet;

/// XML Signature's namespace.
pub(super) const SIGNATURE: &str = "http://www.w3.org/2000/09/xmldsig#";
const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
/// Prefixes that a signature may list.
const MOST_PREFIXES: usize = 16;

/// How a signature is made (RFC 9231, §2.2 and §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RsaSha256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RsaSha384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RsaSha512,
    /// ECDSA on P-256 with SHA-256, both numbers beside each other.
    EcdsaSha256,
    /// ECDSA on P-384 with SHA-384, both numbers beside each other.
    EcdsaSha384,
}

/// Whether a trusted key has made this signature over these octets: the algorithm, the octets, the signature.
pub type Keys<'k> = &'k dyn Fn(Algorithm, &[u8], &[u8]) -> bool;

/// What makes a digest of octets.
type Digest = fn(&[u8]) -> Vec<u8>;

impl Algorithm {
    fn of(uri: &str) -> Option<Self> {
        match uri {
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256" => Some(Self::RsaSha256),
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384" => Some(Self::RsaSha384),
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512" => Some(Self::RsaSha512),
            "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256" => Some(Self::EcdsaSha256),
            "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384" => Some(Self::EcdsaSha384),
            _ => None,
        }
    }
}

/// What a signature says of what it is for.
struct SignedInfo {
    algorithm: Algorithm,
    digest_of: Digest,
    digest: Vec<u8>,
    prefixes: Vec<String>,
}

/// The octets of the assertion that a trusted key has signed.
pub(super) fn verified(assertion: Node<'_, '_>, keys: Keys<'_>) -> Result<String, Refusal> {
    let own = named(assertion, SIGNATURE, "Signature").next().ok_or(Refusal::Unsigned)?;
    let signature = only(assertion, SIGNATURE, "Signature").ok_or(Refusal::Signatures)?;
    if own.descendants().filter(|node| is(*node, SIGNATURE, "Signature")).count() != 1 {
        return Err(Refusal::Signatures);
    }
    let parts: Vec<_> = elements(signature).collect();
    let (signed_info, value) = match parts.as_slice() {
        [info, value] => (*info, *value),
        // What key it says it is by is not looked at: keys are configured.
        [info, value, key] if is(*key, SIGNATURE, "KeyInfo") => (*info, *value),
        _ => return Err(Refusal::SignatureForm),
    };
    if !is(signed_info, SIGNATURE, "SignedInfo") || !is(value, SIGNATURE, "SignatureValue") {
        return Err(Refusal::SignatureForm);
    }
    let id = attribute(assertion, "ID").filter(|id| !id.is_empty()).ok_or(Refusal::Reference)?;
    // What it says is read from the octets that are signed.
    let octets = exclusive(signed_info, None, &BTreeSet::new());
    let info = SignedInfo::read(&octets, id)?;
    let value = decoded(value).ok_or(Refusal::SignatureForm)?;
    if !keys(info.algorithm, octets.as_bytes(), &value) {
        return Err(Refusal::Key);
    }
    let prefixes = info.prefixes.iter().map(String::as_str).collect();
    let signed = exclusive(assertion, Some(signature.id()), &prefixes);
    if (info.digest_of)(signed.as_bytes()) != info.digest {
        return Err(Refusal::Digest);
    }
    Ok(signed)
}

impl SignedInfo {
    fn read(octets: &str, id: &str) -> Result<Self, Refusal> {
        let document = read(octets)?;
        let parts: Vec<_> = elements(document.root_element()).collect();
        let references = parts.iter().filter(|part| is(**part, SIGNATURE, "Reference")).count();
        let [canonicalization, method, reference] = parts.as_slice() else {
            return Err(if references == 1 { Refusal::SignatureForm } else { Refusal::Reference });
        };
        let bare = |node: Node<'_, '_>, name| is(node, SIGNATURE, name) && elements(node).next().is_none();
        if !is(*canonicalization, SIGNATURE, "CanonicalizationMethod") || !is(*method, SIGNATURE, "SignatureMethod") {
            return Err(Refusal::SignatureForm);
        }
        if attribute(*canonicalization, "Algorithm") != Some(EXCLUSIVE) || !bare(*canonicalization, "CanonicalizationMethod") {
            return Err(Refusal::Canonicalization);
        }
        let algorithm = attribute(*method, "Algorithm").and_then(Algorithm::of).filter(|_| bare(*method, "SignatureMethod"));
        let algorithm = algorithm.ok_or(Refusal::SignatureAlgorithm)?;
        let is_own = attribute(*reference, "URI").and_then(|uri| uri.strip_prefix('#')) == Some(id);
        if !is(*reference, SIGNATURE, "Reference") || !is_own {
            return Err(Refusal::Reference);
        }
        let parts: Vec<_> = elements(*reference).collect();
        let [transforms, method, value] = parts.as_slice() else { return Err(Refusal::SignatureForm) };
        let prefixes = transforms_of(*transforms)?;
        let digest_of = attribute(*method, "Algorithm").and_then(digest).filter(|_| bare(*method, "DigestMethod"));
        let digest_of = digest_of.ok_or(Refusal::DigestAlgorithm)?;
        let digest = Some(*value).filter(|value| is(*value, SIGNATURE, "DigestValue")).and_then(decoded);
        Ok(Self { algorithm, digest_of, digest: digest.ok_or(Refusal::SignatureForm)?, prefixes })
    }
}

/// The prefixes that are listed. It is these two transforms, in this order.
fn transforms_of(transforms: Node<'_, '_>) -> Result<Vec<String>, Refusal> {
    let all: Vec<_> = elements(transforms).collect();
    let [enveloped, canonical] = all.as_slice() else { return Err(Refusal::Transforms) };
    let has = |node: Node<'_, '_>, algorithm| is(node, SIGNATURE, "Transform") && attribute(node, "Algorithm") == Some(algorithm);
    let right = has(*enveloped, ENVELOPED) && has(*canonical, EXCLUSIVE);
    if !is(transforms, SIGNATURE, "Transforms") || !right || elements(*enveloped).next().is_some() {
        return Err(Refusal::Transforms);
    }
    let inside: Vec<_> = elements(*canonical).collect();
    let listed = match inside.as_slice() {
        [] => return Ok(Vec::new()),
        [list] if is(*list, EXCLUSIVE, "InclusiveNamespaces") => attribute(*list, "PrefixList").unwrap_or_default(),
        _ => return Err(Refusal::Transforms),
    };
    let prefixes: Vec<_> = listed.split_ascii_whitespace().map(|prefix| if prefix == "#default" { "" } else { prefix }).collect();
    if prefixes.len() > MOST_PREFIXES {
        return Err(Refusal::Transforms);
    }
    Ok(prefixes.into_iter().map(str::to_owned).collect())
}

fn digest(uri: &str) -> Option<Digest> {
    match uri {
        "http://www.w3.org/2001/04/xmlenc#sha256" => Some(|octets| Sha256::digest(octets).to_vec()),
        "http://www.w3.org/2001/04/xmldsig-more#sha384" => Some(|octets| Sha384::digest(octets).to_vec()),
        "http://www.w3.org/2001/04/xmlenc#sha512" => Some(|octets| Sha512::digest(octets).to_vec()),
        _ => None,
    }
}

/// Base64 that may be on several lines.
fn decoded(node: Node<'_, '_>) -> Option<Vec<u8>> {
    let text: String = text(node)?.chars().filter(|letter| !letter.is_ascii_whitespace()).collect();
    STANDARD.decode(text).ok().filter(|bytes| !bytes.is_empty())
}

/// Whether every signature of a document is where one may be: the response's own, which is not looked at, and the assertion's.
pub(super) fn are_in_place(response: Node<'_, '_>) -> bool {
    let all = response.descendants().filter(|node| is(*node, SIGNATURE, "Signature"));
    let mut fine = all.map(|node| node.parent().is_some_and(|parent| parent == response || is(parent, ASSERTION, "Assertion")));
    fine.all(|fine| fine) && named(response, SIGNATURE, "Signature").count() <= 1
}
