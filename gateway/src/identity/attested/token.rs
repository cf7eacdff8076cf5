//! One token (a signed JWT, RFC 7519), checked field by field before anything in it is believed.

use super::failure::Failure;
use super::keys::Keys;
use super::strict;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gateway_core::hex::hex;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

/// The longest token that is looked at, in bytes.
pub(super) const LONGEST: usize = 16 << 10;
const LONGEST_CLAIM: usize = 1024;
/// How far the issuer's clock and ours may be apart, in seconds.
pub(super) const SKEW: i64 = 60;
/// The longest that a token may be good for, in seconds: what lives longer is no job's.
const LONGEST_LIFE: i64 = 24 * 3600;

/// A token that was taken apart, and whose header is fit. Nothing in it is believed yet.
pub(super) struct Parts<'t> {
    /// The id of the key that is said to have signed it.
    pub(super) key: String,
    algorithm: String,
    signed: &'t str,
    payload: &'t str,
    signature: &'t str,
}

/// What a token has to say to be meant for us.
pub(super) struct Expected<'e> {
    pub(super) issuer: &'e str,
    pub(super) audience: &'e str,
    /// Seconds since 1970.
    pub(super) now: i64,
}

/// A token whose signature, times and addressee hold.
#[derive(Debug)]
pub(super) struct Verified {
    pub(super) claims: Map<String, Value>,
    pub(super) subject: String,
    /// The token's own id, where it has one.
    pub(super) id: Option<String>,
    pub(super) issued_at: i64,
    pub(super) expires_at: i64,
    /// Of what was signed: a signature can be written in several ways, what it signs can't.
    pub(super) sha256: String,
    pub(super) key: String,
    pub(super) algorithm: String,
}

impl<'t> Parts<'t> {
    /// Takes a token apart.
    pub(super) fn read(token: &'t str) -> Result<Self, Failure> {
        if token.len() > LONGEST {
            return Err(Failure::invalid(format!("it has more than {LONGEST} bytes")));
        }
        let mut dots = token.split('.');
        let (Some(header), Some(payload), Some(signature), None) = (dots.next(), dots.next(), dots.next(), dots.next()) else {
            return Err(Failure::invalid("it is no signed JWT: three parts between dots are wanted"));
        };
        let fields = decode(header, "header")?;
        let text = |name: &str| fields.get(name).and_then(Value::as_str);
        // What would give the verifier the key, or change what is signed (RFC 7515 §4.1, RFC 7797).
        for forbidden in ["crit", "b64", "zip", "jku", "jwk", "x5u", "enc"] {
            if fields.contains_key(forbidden) {
                return Err(Failure::invalid(format!("its header has `{forbidden}`, which is not taken")));
            }
        }
        if fields.get("typ").is_some_and(|kind| !kind.as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("JWT"))) {
            return Err(Failure::invalid("its `typ` is not JWT"));
        }
        let algorithm = text("alg").ok_or_else(|| Failure::invalid("its header names no algorithm"))?.to_owned();
        let key = text("kid").filter(|id| !id.is_empty()).ok_or_else(|| Failure::invalid("its header names no key"))?.to_owned();
        let signed = token.get(..header.len() + 1 + payload.len()).unwrap_or_default();
        Ok(Self { key, algorithm, signed, payload, signature })
    }

    /// Checks the signature, and then everything that was signed.
    pub(super) fn verify(&self, keys: &Keys, expected: &Expected<'_>) -> Result<Verified, Failure> {
        let key = keys.find(&self.key).ok_or_else(|| Failure::invalid("the issuer has no key of that id"))?;
        key.verify(&self.algorithm, self.signed, self.signature)?;
        let claims = decode(self.payload, "payload")?;
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        if text("iss") != Some(expected.issuer) {
            return Err(Failure::invalid(format!("its issuer is not {}", expected.issuer)));
        }
        audience(claims.get("aud"), expected.audience)?;
        let subject = text("sub").filter(|subject| !subject.is_empty() && subject.len() <= LONGEST_CLAIM);
        let subject = subject.ok_or_else(|| Failure::invalid("it has no `sub` that can be used"))?.to_owned();
        let (issued_at, expires_at) = times(&claims, expected.now)?;
        let id = text("jti").map(str::to_owned);
        let sha256 = hex(&Sha256::digest(self.signed.as_bytes()));
        Ok(Verified {
            claims,
            subject,
            id,
            issued_at,
            expires_at,
            sha256,
            key: self.key.clone(),
            algorithm: self.algorithm.clone(),
        })
    }
}

/// A claim as text: numbers and flags as JSON writes them.
pub(super) fn plain(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    (text.len() <= LONGEST_CLAIM).then_some(text)
}

fn decode(part: &str, name: &str) -> Result<Map<String, Value>, Failure> {
    // One spelling alone: trailing bits that count for nothing are refused.
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| Failure::invalid(format!("its {name} is not base64url")))?;
    strict::object(&bytes).map_err(|error| Failure::invalid(format!("its {name}: {error}")))
}

/// A token that others may have too is no proof that a job of ours holds it.
fn audience(found: Option<&Value>, wanted: &str) -> Result<(), Failure> {
    let only = match found {
        Some(Value::String(one)) => Some(one.as_str()),
        Some(Value::Array(list)) if list.len() == 1 => list.first().and_then(Value::as_str),
        _ => None,
    };
    if only == Some(wanted) {
        return Ok(());
    }
    Err(Failure::invalid(format!("its audience is not {wanted:?} alone: set it where the job's token is asked for")))
}

/// When it was issued and when it ends; both have to be there.
fn times(claims: &Map<String, Value>, now: i64) -> Result<(i64, i64), Failure> {
    let time = |name: &str| match claims.get(name) {
        None => Ok(None),
        Some(value) => seconds(value).map(Some).ok_or_else(|| Failure::invalid(format!("its `{name}` is no time"))),
    };
    let wanted = |name: &str, time: Option<i64>| time.ok_or_else(|| Failure::invalid(format!("it has no `{name}`")));
    let expires_at = wanted("exp", time("exp")?)?;
    let issued_at = wanted("iat", time("iat")?)?;
    let begins_at = time("nbf")?.unwrap_or(issued_at);
    if expires_at <= now - SKEW {
        return Err(Failure::invalid(format!("it ended {} s ago", now - expires_at)));
    }
    if begins_at > now + SKEW || issued_at > now + SKEW {
        return Err(Failure::invalid(format!("it begins in {} s: compare the clocks", begins_at.max(issued_at) - now)));
    }
    if expires_at <= issued_at || expires_at - issued_at > LONGEST_LIFE {
        return Err(Failure::invalid(format!("it is good for longer than {LONGEST_LIFE} s, or for no time at all")));
    }
    Ok((issued_at, expires_at))
}

/// A NumericDate (RFC 7519 §2), within what a calendar knows.
fn seconds(value: &Value) -> Option<i64> {
    const LAST: f64 = 253_402_300_800.0;
    let number = value.as_f64().filter(|number| number.is_finite() && *number >= 0.0 && *number < LAST)?;
    // Whole seconds of that range fit.
    #[expect(clippy::cast_possible_truncation, reason = "it is within bounds, and fractions of a second count for nothing")]
    let whole = number.floor() as i64;
    Some(whole)
}
