//! An issuer's public keys: a JWK set (RFC 7517), of which only what can verify a signature is kept.

use super::failure::Failure;
use super::strict;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

const MOST_KEYS: usize = 64;
const LONGEST_ID: usize = 512;
/// A modulus that is shorter can be factored; one that is longer makes a check slow.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// The algorithms that are taken, by their names in RFC 7518 and RFC 8037. None is symmetric: an
/// issuer's public key is no secret, so a signature made with it as one proves nothing.
const ALGORITHMS: [(&str, Algorithm, Shape); 9] = [
    ("RS256", Algorithm::RS256, Shape::Rsa),
    ("RS384", Algorithm::RS384, Shape::Rsa),
    ("RS512", Algorithm::RS512, Shape::Rsa),
    ("PS256", Algorithm::PS256, Shape::Rsa),
    ("PS384", Algorithm::PS384, Shape::Rsa),
    ("PS512", Algorithm::PS512, Shape::Rsa),
    ("ES256", Algorithm::ES256, Shape::P256),
    ("ES384", Algorithm::ES384, Shape::P384),
    ("EdDSA", Algorithm::EdDSA, Shape::Ed25519),
];

/// What a key is, and so which algorithms it can be used with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Rsa,
    P256,
    P384,
    Ed25519,
}

/// One public key.
#[derive(Clone, Debug)]
pub(super) struct Key {
    shape: Shape,
    /// The one algorithm that the issuer says it is for.
    algorithm: Option<String>,
    key: DecodingKey,
}

/// A set of keys by their ids.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys(BTreeMap<String, Key>);

impl Keys {
    /// Reads a JWK set. Keys of other kinds and for other uses are passed over, as RFC 7517 §5 wants it;
    /// one that is meant for signatures and is broken or weak makes the whole set unfit.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Failure> {
        let unfit = |what: &str| Failure::unavailable(format!("the issuer's key set: {what}"));
        let fields = strict::object(bytes).map_err(|error| unfit(&error.to_string()))?;
        let Some(Value::Array(list)) = fields.get("keys") else { return Err(unfit("it has no list `keys`")) };
        if list.len() > MOST_KEYS {
            return Err(unfit(&format!("it has more than {MOST_KEYS} keys")));
        }
        let mut keys = BTreeMap::new();
        for entry in list {
            let Value::Object(entry) = entry else { return Err(unfit("a key is no object")) };
            let Some((id, key)) = key(entry).map_err(|what| unfit(&what))? else { continue };
            if keys.insert(id.clone(), key).is_some() {
                return Err(unfit(&format!("two keys have the id {id:?}")));
            }
        }
        if keys.is_empty() {
            return Err(unfit("it has no key for signatures"));
        }
        Ok(Self(keys))
    }

    /// The key with this id.
    pub(super) fn find(&self, id: &str) -> Option<&Key> {
        self.0.get(id)
    }
}

impl Key {
    /// Checks a signature over `signed`. The key says what the algorithm may be, never the token alone.
    pub(super) fn verify(&self, algorithm: &str, signed: &str, signature: &str) -> Result<(), Failure> {
        let Some((_, known, shape)) = ALGORITHMS.iter().find(|(name, ..)| *name == algorithm) else {
            return Err(Failure::invalid(format!("its algorithm is {algorithm:?}, which is not taken")));
        };
        if *shape != self.shape || self.algorithm.as_ref().is_some_and(|only| only != algorithm) {
            return Err(Failure::invalid(format!("its algorithm {algorithm} is not the one of the issuer's key")));
        }
        match jsonwebtoken::crypto::verify(signature, signed.as_bytes(), &self.key, *known) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(Failure::invalid("its signature is not the issuer's")),
        }
    }
}

/// A key that can verify signatures, with its id; none for one that is for something else.
fn key(entry: &Map<String, Value>) -> Result<Option<(String, Key)>, String> {
    let text = |name: &str| entry.get(name).and_then(Value::as_str);
    if text("use").is_some_and(|purpose| purpose != "sig") {
        return Ok(None);
    }
    if let Some(Value::Array(operations)) = entry.get("key_ops")
        && !operations.iter().any(|operation| operation == "verify")
    {
        return Ok(None);
    }
    let shape = match (text("kty"), text("crv")) {
        (Some("RSA"), _) => Shape::Rsa,
        (Some("EC"), Some("P-256")) => Shape::P256,
        (Some("EC"), Some("P-384")) => Shape::P384,
        (Some("OKP"), Some("Ed25519")) => Shape::Ed25519,
        // Symmetric ones among them: what is published is no secret.
        _ => return Ok(None),
    };
    let Some(id) = text("kid").filter(|id| !id.is_empty() && id.len() <= LONGEST_ID) else { return Ok(None) };
    let part = |name: &str| {
        let bytes = text(name).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        bytes.ok_or_else(|| format!("key {id:?} has no `{name}`"))
    };
    let sized = |name: &str, bytes: usize| {
        part(name).and_then(|found| if found.len() == bytes { Ok(()) } else { Err(format!("key {id:?} has a bad `{name}`")) })
    };
    let broken = |error: jsonwebtoken::errors::Error| format!("key {id:?}: {error}");
    let key = match shape {
        Shape::Rsa => {
            let (modulus, exponent) = (part("n")?, part("e")?);
            let length = bits(&modulus);
            if !RSA_BITS.contains(&length) {
                return Err(format!("key {id:?} is RSA of {length} bits: {} to {} are taken", RSA_BITS.start(), RSA_BITS.end()));
            }
            // With 1 as the exponent a signature is the message itself.
            if bits(&exponent) < 2 || exponent.last().is_none_or(|last| last % 2 == 0) {
                return Err(format!("key {id:?} has an exponent that signs nothing"));
            }
            DecodingKey::from_rsa_raw_components(&modulus, &exponent)
        }
        Shape::P256 | Shape::P384 => {
            let length = if shape == Shape::P256 { 32 } else { 48 };
            sized("x", length)?;
            sized("y", length)?;
            DecodingKey::from_ec_components(text("x").unwrap_or_default(), text("y").unwrap_or_default()).map_err(broken)?
        }
        Shape::Ed25519 => {
            sized("x", 32)?;
            DecodingKey::from_ed_components(text("x").unwrap_or_default()).map_err(broken)?
        }
    };
    Ok(Some((id.to_owned(), Key { shape, algorithm: text("alg").map(str::to_owned), key })))
}

/// How many bits a big-endian number has.
fn bits(number: &[u8]) -> usize {
    let significant = number.iter().skip_while(|byte| **byte == 0);
    let first = significant.clone().next().map_or(0, |byte| 8 - byte.leading_zeros() as usize);
    first + 8 * significant.count().saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const P256: &str = r#""kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM""#;

    fn rsa(bytes: usize, exponent: &str) -> String {
        let modulus = URL_SAFE_NO_PAD.encode(vec![0xff; bytes]);
        format!(r#"{{"keys":[{{"kty":"RSA","kid":"a","n":"{modulus}","e":"{exponent}"}}]}}"#)
    }

    #[test]
    fn keys_for_signatures_are_kept_and_others_passed_over() {
        let set = format!(
            r#"{{"keys":[{{{P256},"kid":"a","use":"sig","alg":"ES256"}},{{{P256},"kid":"b","use":"enc"}},{{"kty":"oct","kid":"c","k":"AAAA"}},
            {{{P256},"kid":"d","key_ops":["sign"]}},{{{P256}}},{{"kty":"EC","crv":"P-521","kid":"e"}}]}}"#
        );
        let keys = Keys::read(set.as_bytes()).unwrap();
        assert_eq!(keys.0.keys().collect::<Vec<_>>(), ["a"]);
        let key = keys.find("a").unwrap();
        for wrong in ["none", "None", "HS256", "RS256", "ES384", "", "es256"] {
            assert!(key.verify(wrong, "a.b", "AAAA").is_err(), "{wrong}");
        }
    }

    #[test]
    fn weak_and_ambiguous_sets_are_unfit() {
        assert!(Keys::read(rsa(256, "AQAB").as_bytes()).is_ok());
        let twice = format!(r#"{{"keys":[{{{P256},"kid":"a"}},{{{P256},"kid":"a"}}]}}"#);
        let many = format!(r#"{{"keys":[{}]}}"#, vec!["{}"; 65].join(","));
        let bad = [
            rsa(128, "AQAB"),
            rsa(2048, "AQAB"),
            rsa(256, "AQ"),
            rsa(256, "AA"),
            rsa(256, "AQAA"),
            twice,
            many,
            r#"{"keys":[]}"#.to_owned(),
            r#"{"keys":{}}"#.to_owned(),
            r#"{"keys":[{"kty":"EC","crv":"P-256","kid":"a","x":"AA","y":"AA"}]}"#.to_owned(),
            r#"{"keys":[],"keys":[]}"#.to_owned(),
        ];
        for set in bad {
            assert!(Keys::read(set.as_bytes()).is_err(), "{set}");
        }
    }

    #[test]
    fn bits_are_counted_from_the_first_that_is_set() {
        for (number, expected) in [(&[][..], 0), (&[0, 0], 0), (&[1], 1), (&[0, 1, 0], 9), (&[0x80, 0], 16)] {
            assert_eq!(bits(number), expected);
        }
    }
}
