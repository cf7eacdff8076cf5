//! Tokens that someone makes who has no right to: each is wrong in one way.

use super::{Issuer, Signer, encode, hs256, now};
use serde_json::{Value, json};

/// Every forgery of a token for `audience` with `more` claims, by what is wrong with it.
pub fn forged(server: &Issuer, audience: &str, more: &Value) -> Vec<(&'static str, String)> {
    let mut all = headers(server, audience, more);
    all.extend(claims(server, audience, more));
    all.extend(texts(server, audience, more));
    all
}

fn headers(server: &Issuer, audience: &str, more: &Value) -> Vec<(&'static str, String)> {
    let (signer, good, stranger) = (server.signer(), server.claims(audience, more), Signer::rsa("key-1"));
    let header = |alg: &str| json!({ "typ": "JWT", "alg": alg, "kid": "key-1" });
    let under = |header: Value| signer.token_with(&header, &good);
    let own = |name: &str, value: Value| {
        let mut header = header("RS256");
        header[name] = value;
        stranger.token_with(&header, &good)
    };
    let none = format!("{}.{}.", encode(header("none").to_string().as_bytes()), encode(good.to_string().as_bytes()));
    let modulus = signer.jwk()["n"].to_string();
    vec![
        ("signed by another key under the id of the issuer's", stranger.token(&good)),
        ("signed by a key that the issuer never had", Signer::rsa("key-9").token(&good)),
        ("alg none, no signature", none),
        ("alg None, the issuer's signature", under(header("None"))),
        ("HS256 with the public key as the secret", hs256(&signer.public_bytes(), &header("HS256"), &good)),
        ("HS256 with the modulus as the secret", hs256(modulus.trim_matches('"').as_bytes(), &header("HS256"), &good)),
        ("HS256 with an empty secret", hs256(b"", &header("HS256"), &good)),
        ("RS384 where the key is for RS256", under(header("RS384"))),
        ("ES256 under the id of an RSA key", Signer::p256("key-1").token(&good)),
        ("EdDSA under the id of an RSA key", Signer::ed25519("key-1").token(&good)),
        ("no alg", under(json!({ "typ": "JWT", "kid": "key-1" }))),
        ("no kid", under(json!({ "typ": "JWT", "alg": "RS256" }))),
        ("a key of its own in the header (jwk)", own("jwk", stranger.jwk())),
        ("a key set of its own in the header (jku)", own("jku", json!("https://127.0.0.1:1/keys"))),
        ("a certificate of its own in the header (x5u)", own("x5u", json!("https://127.0.0.1:1/c.pem"))),
        ("crit with b64", under(json!({ "alg": "RS256", "kid": "key-1", "crit": ["b64"], "b64": false }))),
        ("the type of an access token", under(json!({ "typ": "at+jwt", "alg": "RS256", "kid": "key-1" }))),
    ]
}

fn claims(server: &Issuer, audience: &str, more: &Value) -> Vec<(&'static str, String)> {
    let (signer, good, now) = (server.signer(), server.claims(audience, more), now());
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        signer.token(&claims)
    };
    let without = |name: &str| {
        let mut claims = good.clone();
        claims.as_object_mut().expect("claims are an object").remove(name);
        signer.token(&claims)
    };
    vec![
        ("another issuer in iss", with("iss", json!("https://127.0.0.1:1"))),
        ("iss with a slash more", with("iss", json!(format!("{}/", server.url)))),
        ("no iss", without("iss")),
        ("for another audience", with("aud", json!("sts.example"))),
        ("for two audiences", with("aud", json!([audience, "sts.example"]))),
        ("for an audience that begins like ours", with("aud", json!(format!("{audience}.evil")))),
        ("for no audience", without("aud")),
        ("an object for audience", with("aud", json!({ audience: 1 }))),
        ("ended", with("exp", json!(now - 120))),
        ("without an end", without("exp")),
        ("an end that is a text", with("exp", json!("9999999999"))),
        ("an end beyond time", with("exp", json!(1e300))),
        ("good for a year", with("exp", json!(now + 365 * 86_400))),
        ("not begun", with("nbf", json!(now + 600))),
        ("issued in the future", with("iat", json!(now + 600))),
        ("without iat", without("iat")),
        ("without sub", without("sub")),
        ("an empty sub", with("sub", json!(""))),
        ("a sub without end", with("sub", json!("a".repeat(2000)))),
        ("oversize", with("pad", json!("a".repeat(20_000)))),
    ]
}

fn texts(server: &Issuer, audience: &str, more: &Value) -> Vec<(&'static str, String)> {
    let (signer, good) = (server.signer(), server.claims(audience, more));
    let header = json!({ "typ": "JWT", "alg": "RS256", "kid": "key-1" }).to_string();
    let text = good.to_string();
    let token = signer.token(&good);
    let (signed, signature) = token.rsplit_once('.').expect("a token has dots");
    let head = signed.split('.').next().expect("it begins with its header");
    let twice = |pair: &str| signer.token_of(&header, &text.replacen('{', &format!("{{{pair},"), 1));
    let mut other = good.clone();
    other["sub"] = json!("admin");
    let swapped = encode(other.to_string().as_bytes());
    vec![
        ("PSS under a key that is for RS256", format!("{signed}.{}", encode(&signer.sign_pss(signed.as_bytes())))),
        ("another payload under the signature", format!("{head}.{swapped}.{signature}")),
        ("without signature", format!("{signed}.")),
        ("half a signature", format!("{signed}.{}", &signature[..signature.len() / 2])),
        ("the signature in other letters", format!("{signed}.{}", respelt(signature))),
        ("padded", format!("{signed}.{signature}=")),
        ("two parts", signed.to_owned()),
        ("five parts", format!("{token}.a.b")),
        ("sub twice", twice(r#""sub":"admin""#)),
        ("aud twice, once escaped", twice(&format!(r#""\u0061ud":"{audience}""#))),
        ("alg twice", signer.token_of(r#"{"alg":"none","alg":"RS256","kid":"key-1"}"#, &text)),
        ("a payload that is a list", signer.token_of(&header, "[]")),
        ("a payload with more behind it", signer.token_of(&header, &format!("{text} {{}}"))),
    ]
}

/// The same bytes in other letters: the last one has bits that count for nothing.
fn respelt(signature: &str) -> String {
    const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = signature.chars().last().expect("a signature has letters");
    let at = LETTERS.find(last).expect("of that alphabet");
    let other = LETTERS.chars().nth(at ^ 1).expect("within it");
    format!("{}{other}", &signature[..signature.len() - 1])
}
