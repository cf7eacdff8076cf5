//! Signs tokens: as an issuer does, and as someone does who would like to be one.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// A key pair with an id.
#[derive(Debug)]
pub struct Signer {
    /// The key's id.
    pub kid: String,
    pair: Pair,
}

#[derive(Debug)]
enum Pair {
    Rsa(Box<RsaKeyPair>),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Signer {
    /// RSA of 2048 bits.
    pub fn rsa(kid: &str) -> Self {
        Self { kid: kid.to_owned(), pair: Pair::Rsa(Box::new(RsaKeyPair::generate(KeySize::Rsa2048).expect("a key"))) }
    }

    /// NIST's P-256.
    pub fn p256(kid: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        Self { kid: kid.to_owned(), pair: Pair::P256(pair) }
    }

    /// Ed25519.
    pub fn ed25519(kid: &str) -> Self {
        Self { kid: kid.to_owned(), pair: Pair::Ed25519(Ed25519KeyPair::generate().expect("a key")) }
    }

    /// The algorithm that it signs with.
    pub fn algorithm(&self) -> &'static str {
        match &self.pair {
            Pair::Rsa(_) => "RS256",
            Pair::P256(_) => "ES256",
            Pair::Ed25519(_) => "EdDSA",
        }
    }

    /// Its public key as a JWK.
    pub fn jwk(&self) -> Value {
        let mut key = match &self.pair {
            Pair::Rsa(pair) => {
                // PKCS 1's SEQUENCE of two INTEGERs: with 2048 bits the modulus is its bytes 9 to 265, 65537 its last three.
                let public = pair.public_key().as_ref();
                assert_eq!((public.len(), &public[267..]), (270, &[1, 0, 1][..]), "a key of 2048 bits");
                json!({ "kty": "RSA", "n": encode(&public[9..265]), "e": encode(&public[267..]) })
            }
            Pair::P256(pair) => {
                let point = pair.public_key().as_ref();
                json!({ "kty": "EC", "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..65]) })
            }
            Pair::Ed25519(pair) => json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key().as_ref()) }),
        };
        key["kid"] = json!(self.kid);
        key["use"] = json!("sig");
        key["alg"] = json!(self.algorithm());
        key
    }

    /// A token of these claims.
    pub fn token(&self, claims: &Value) -> String {
        self.token_with(&json!({ "typ": "JWT", "alg": self.algorithm(), "kid": self.kid }), claims)
    }

    /// A token with this header.
    pub fn token_with(&self, header: &Value, claims: &Value) -> String {
        self.token_of(&header.to_string(), &claims.to_string())
    }

    /// A token of these texts, whatever they are.
    pub fn token_of(&self, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", encode(header.as_bytes()), encode(claims.as_bytes()));
        let signature = self.sign(signed.as_bytes());
        format!("{signed}.{}", encode(&signature))
    }

    /// The key's own signature.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.pair {
            Pair::Rsa(pair) => rsa(pair, &RSA_PKCS1_SHA256, message),
            Pair::P256(pair) => pair.sign(&SystemRandom::new(), message).expect("a signature").as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    /// An RSA key's signature with the other padding.
    pub fn sign_pss(&self, message: &[u8]) -> Vec<u8> {
        match &self.pair {
            Pair::Rsa(pair) => rsa(pair, &RSA_PSS_SHA256, message),
            Pair::P256(_) | Pair::Ed25519(_) => panic!("only RSA has paddings"),
        }
    }

    /// What HS256 would take for its secret, where someone took the public key for one.
    pub fn public_bytes(&self) -> Vec<u8> {
        match &self.pair {
            Pair::Rsa(pair) => pair.public_key().as_ref().to_vec(),
            Pair::P256(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
        }
    }
}

/// HS256 with this secret.
pub fn hs256(secret: &[u8], header: &Value, claims: &Value) -> String {
    let signed = format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret);
    format!("{signed}.{}", encode(aws_lc_rs::hmac::sign(&key, signed.as_bytes()).as_ref()))
}

/// base64url without padding.
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn rsa(pair: &RsaKeyPair, padding: &'static dyn aws_lc_rs::signature::RsaEncoding, message: &[u8]) -> Vec<u8> {
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(padding, &SystemRandom::new(), message, &mut signature).expect("a signature");
    signature
}
