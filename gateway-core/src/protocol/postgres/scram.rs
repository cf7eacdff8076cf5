//! The client's side of SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677) and of md5.

use crate::hex::hex;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use sha2::Sha256;
use zeroize::Zeroizing;

/// The mechanism without channel binding.
pub(super) const SHA_256: &[u8] = b"SCRAM-SHA-256";
/// The mechanism with channel binding.
pub(super) const SHA_256_PLUS: &[u8] = b"SCRAM-SHA-256-PLUS";
/// More iterations than this are a server's way to keep us busy.
const MOST_ITERATIONS: u32 = 1_000_000;

/// A conversation that waits for the server's next message.
#[derive(Debug)]
pub(super) struct Scram {
    /// `n,,`, `y,,` or `p=tls-server-end-point,,`, with the binding's data behind it.
    binding: Vec<u8>,
    first_bare: String,
    nonce: String,
    server_first: Vec<u8>,
    combined_nonce: String,
    signature: Option<[u8; 32]>,
    pub(super) verified: bool,
}

/// What the server's first message asks for.
#[derive(Debug)]
pub(super) struct Challenge {
    pub(super) salt: Vec<u8>,
    pub(super) iterations: u32,
}

impl Scram {
    /// Begins with a choice of what the server offers; returns the mechanism and the first message.
    pub(super) fn start(plus: bool, end_point: Option<&[u8]>, user: &str, nonce: &str) -> (Self, &'static [u8], String) {
        let (mechanism, header) = match (plus, end_point) {
            (true, Some(_)) => (SHA_256_PLUS, "p=tls-server-end-point,,"),
            // RFC 5802 §6: we could bind, and the server does not seem to.
            (false, Some(_)) => (SHA_256, "y,,"),
            (_, None) => (SHA_256, "n,,"),
        };
        let mut binding = header.as_bytes().to_vec();
        if let (true, Some(end_point)) = (plus, end_point) {
            binding.extend_from_slice(end_point);
        }
        let first_bare = format!("n={user},r={nonce}");
        let first = format!("{header}{first_bare}");
        let scram = Self {
            binding,
            first_bare,
            nonce: nonce.to_owned(),
            server_first: Vec::new(),
            combined_nonce: String::new(),
            signature: None,
            verified: false,
        };
        (scram, mechanism, first)
    }

    /// Reads the server's first message.
    pub(super) fn challenge(&mut self, message: &[u8]) -> Option<Challenge> {
        if !self.server_first.is_empty() {
            return None;
        }
        let text = std::str::from_utf8(message).ok()?;
        let mut fields = text.split(',');
        let nonce = fields.next()?.strip_prefix("r=")?;
        let salt = STANDARD.decode(fields.next()?.strip_prefix("s=")?).ok()?;
        let iterations = fields.next()?.strip_prefix("i=")?.parse().ok()?;
        let ours = nonce.strip_prefix(self.nonce.as_str())?;
        if ours.is_empty() || salt.is_empty() || !(1..=MOST_ITERATIONS).contains(&iterations) {
            return None;
        }
        self.combined_nonce = nonce.to_owned();
        self.server_first = message.to_vec();
        Some(Challenge { salt, iterations })
    }

    /// The client's final message; `None` before a challenge.
    pub(super) fn respond(&mut self, salted: &[u8; 32]) -> Option<String> {
        if self.server_first.is_empty() || self.signature.is_some() {
            return None;
        }
        let without_proof = format!("c={},r={}", STANDARD.encode(&self.binding), self.combined_nonce);
        let mut authenticated = self.first_bare.as_bytes().to_vec();
        authenticated.push(b',');
        authenticated.extend_from_slice(&self.server_first);
        authenticated.push(b',');
        authenticated.extend_from_slice(without_proof.as_bytes());
        let client_key = Zeroizing::new(keyed(salted, b"Client Key"));
        let mut proof = keyed(&Sha256::digest(*client_key), &authenticated);
        for (byte, key) in proof.iter_mut().zip(client_key.iter()) {
            *byte ^= key;
        }
        self.signature = Some(keyed(&keyed(salted, b"Server Key"), &authenticated));
        Some(format!("{without_proof},p={}", STANDARD.encode(proof)))
    }

    /// Whether the server's final message shows that it knows the password too.
    pub(super) fn verify(&mut self, message: &[u8]) -> bool {
        let expected = self.signature.as_ref();
        let given = message.strip_prefix(b"v=").and_then(|text| STANDARD.decode(text).ok());
        self.verified = match (expected, given) {
            (Some(expected), Some(given)) => same(expected, &given),
            _ => false,
        };
        self.verified
    }
}

/// The answer to AuthenticationMD5Password.
pub(super) fn md5_password(user: &[u8], password: &str, salt: &[u8]) -> Zeroizing<String> {
    let inner = Zeroizing::new(hex(&Md5::new().chain_update(password).chain_update(user).finalize()));
    let outer = hex(&Md5::new().chain_update(inner.as_bytes()).chain_update(salt).finalize());
    Zeroizing::new(format!("md5{outer}"))
}

fn keyed(key: &[u8], text: &[u8]) -> [u8; 32] {
    // HMAC takes a key of any length, so there is no error to give.
    Hmac::<Sha256>::new_from_slice(key).map(|mac| mac.chain_update(text).finalize().into_bytes().into()).unwrap_or_default()
}

/// Compares without telling by its time where the first difference is.
fn same(expected: &[u8; 32], given: &[u8]) -> bool {
    given.len() == expected.len() && expected.iter().zip(given).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

/// `SaltedPassword` of RFC 5802 §3: PBKDF2's first block.
#[cfg(test)]
pub(super) fn salted(password: &str, salt: &[u8], iterations: u32) -> [u8; 32] {
    let mut block = keyed(password.as_bytes(), &[salt, &[0, 0, 0, 1]].concat());
    let mut sum = block;
    for _ in 1..iterations {
        block = keyed(password.as_bytes(), &block);
        sum.iter_mut().zip(block).for_each(|(to, from)| *to ^= from);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_7677_section_3() {
        let (mut scram, mechanism, first) = Scram::start(false, None, "user", "rOprNGfwEbeRWgbNEkqO");
        assert_eq!((mechanism, first.as_str()), (SHA_256, "n,,n=user,r=rOprNGfwEbeRWgbNEkqO"));
        let server = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        let challenge = scram.challenge(server).unwrap();
        let reply = scram.respond(&salted("pencil", &challenge.salt, challenge.iterations)).unwrap();
        assert_eq!(
            reply,
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        assert!(!scram.verify(b"v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
        assert!(scram.verify(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
    }

    #[test]
    fn a_challenge_that_is_not_ours_is_refused() {
        for wrong in [
            &b"r=other,s=W22Z,i=4096"[..],
            b"r=nonce,s=W22Z,i=4096",
            b"r=nonceX,s=W22Z,i=0",
            b"r=nonceX,s=W22Z,i=1000001",
            b"r=nonceX,s=,i=1",
            b"m=x,r=nonceX,s=W22Z,i=1",
        ] {
            assert!(Scram::start(false, None, "", "nonce").0.challenge(wrong).is_none());
        }
    }

    #[test]
    fn md5_as_the_server_computes_it() {
        // select 'md5' || md5(md5('secret' || 'ann') || '\x01020304'::bytea), by the server's own rule.
        let once = hex(&Md5::digest(b"secretann"));
        let twice = hex(&Md5::digest([once.as_bytes(), &[1, 2, 3, 4]].concat()));
        assert_eq!(*md5_password(b"ann", "secret", &[1, 2, 3, 4]), format!("md5{twice}"));
    }

    #[test]
    fn binding_is_chosen_by_what_both_can_do() {
        let choice = |plus, end_point| Scram::start(plus, end_point, "", "n");
        assert_eq!(choice(true, Some(&b"hash"[..])).1, SHA_256_PLUS);
        assert!(choice(false, Some(&b"hash"[..])).2.starts_with("y,,"));
        assert!(choice(true, None).2.starts_with("n,,"));
    }
}
