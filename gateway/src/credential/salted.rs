//! SCRAM's slow step (RFC 5802 §3, `SaltedPassword`), off the runtime's threads and remembered.

use super::{CredentialError, Secret, Source, fill, source};
use aws_lc_rs::pbkdf2;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

/// As many results are remembered; the oldest makes room.
const KEPT: usize = 256;
/// As many are computed at once.
const AT_ONCE: usize = 2;
/// No server may ask for more.
const MOST_ITERATIONS: u32 = 1_000_000;
/// A server's salt is 16 bytes as a rule.
const LONGEST_SALT: usize = 1024;

/// The targets' credentials, and what SCRAM made of them.
pub struct Credentials {
    kept: Mutex<Kept>,
    work: Arc<Semaphore>,
    /// Mixed into the keys of what is kept, so that they can't be searched for a password.
    pepper: OnceLock<Zeroizing<[u8; 32]>>,
}

#[derive(Default)]
struct Kept {
    results: HashMap<[u8; 32], (u64, Zeroizing<[u8; 32]>)>,
    count: u64,
}

impl Default for Credentials {
    fn default() -> Self {
        Self { kept: Mutex::default(), work: Arc::new(Semaphore::new(AT_ONCE)), pepper: OnceLock::new() }
    }
}

impl Credentials {
    /// Reads a credential anew, so that a changed one is taken up by the next session.
    ///
    /// # Errors
    /// As [`super::fetch`].
    pub fn fetch(&self, source: &Source) -> Result<Secret, CredentialError> {
        source::fetch(source)
    }

    /// PBKDF2-HMAC-SHA-256 of the password prepared as libpq does. An unknown one takes a
    /// millisecond for each few thousand iterations, on another thread.
    ///
    /// # Errors
    /// When the server asks for no iterations or more than a million, or for a salt beyond 1 KiB;
    /// when the system gives no randomness.
    pub async fn salted_password(
        &self,
        password: &str,
        salt: &[u8],
        iterations: u32,
    ) -> Result<Zeroizing<[u8; 32]>, CredentialError> {
        let rounds = NonZeroU32::new(iterations)
            .filter(|n| n.get() <= MOST_ITERATIONS)
            .ok_or(CredentialError::Scram("the server asks for no iterations, or for more than 1 000 000"))?;
        if salt.len() > LONGEST_SALT {
            return Err(CredentialError::Scram("the server's salt is longer than 1 KiB"));
        }
        let key = self.key(password, salt, iterations)?;
        if let Some(known) = self.known(&key) {
            return Ok(known);
        }
        let stopped = || CredentialError::Scram("the gateway is stopping");
        let permit = Arc::clone(&self.work).acquire_owned().await.map_err(|_| stopped())?;
        // Whoever was ahead may have computed the same.
        if let Some(known) = self.known(&key) {
            return Ok(known);
        }
        let (password, salt) = (prepare(password), salt.to_vec());
        let work = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            salt_password(password.as_bytes(), &salt, rounds)
        });
        let salted = work.await.map_err(|_| stopped())?;
        self.keep(key, &salted);
        Ok(salted)
    }

    fn key(&self, password: &str, salt: &[u8], iterations: u32) -> Result<[u8; 32], CredentialError> {
        if self.pepper.get().is_none() {
            let mut fresh = Zeroizing::new([0u8; 32]);
            fill(fresh.as_mut_slice())?;
            self.pepper.get_or_init(|| fresh);
        }
        let pepper = self.pepper.get().ok_or(CredentialError::Scram("no random numbers"))?;
        let mut digest = Sha256::new();
        digest.update(pepper.as_slice());
        // Of a fixed length, so that no other split of the same bytes gives the same key.
        digest.update(Sha256::digest(password.as_bytes()));
        digest.update(iterations.to_be_bytes());
        digest.update(salt);
        Ok(digest.finalize().into())
    }

    fn known(&self, key: &[u8; 32]) -> Option<Zeroizing<[u8; 32]>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.results.get(key).map(|(_, salted)| salted.clone())
    }

    fn keep(&self, key: [u8; 32], salted: &Zeroizing<[u8; 32]>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.results.len() >= KEPT
            && let Some(oldest) = kept.results.iter().min_by_key(|(_, (age, _))| *age).map(|(key, _)| *key)
        {
            kept.results.remove(&oldest);
        }
        kept.count += 1;
        let age = kept.count;
        kept.results.insert(key, (age, salted.clone()));
    }
}

/// SASLprep (RFC 4013) where it succeeds, else the bytes as they are: libpq's rule, and the
/// server's when it stored the password.
fn prepare(password: &str) -> Zeroizing<String> {
    let prepared = stringprep::saslprep(password).ok().filter(|p| !p.is_empty());
    Zeroizing::new(prepared.map_or_else(|| password.to_owned(), std::borrow::Cow::into_owned))
}

fn salt_password(password: &[u8], salt: &[u8], iterations: NonZeroU32) -> Zeroizing<[u8; 32]> {
    let mut salted = Zeroizing::new([0u8; 32]);
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, salt, password, salted.as_mut_slice());
    salted
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::hmac;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    /// RFC 7677 §3: the client's proof follows from the salted password.
    #[tokio::test]
    async fn the_example_of_rfc_7677_holds() {
        let credentials = Credentials::default();
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let salted = credentials.salted_password("pencil", &salt, 4096).await.unwrap();
        let sign = |key: &[u8], text: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text).as_ref().to_vec();
        let message = b"n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
            s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let client_key = sign(salted.as_slice(), b"Client Key");
        let signature = sign(&Sha256::digest(&client_key), message);
        let proof: Vec<u8> = client_key.iter().zip(&signature).map(|(a, b)| a ^ b).collect();
        assert_eq!(STANDARD.encode(proof), "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
        let server_key = sign(salted.as_slice(), b"Server Key");
        assert_eq!(STANDARD.encode(sign(&server_key, message)), "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
        assert_eq!(credentials.known(&credentials.key("pencil", &salt, 4096).unwrap()), Some(salted));
    }

    #[test]
    fn passwords_are_prepared_as_libpq_does() {
        for (password, prepared) in [
            ("plain", "plain"),
            ("I\u{ad}X", "IX"),
            ("\u{2168}", "IX"),
            ("pass\u{a0}word", "pass word"),
            ("tab\tstays", "tab\tstays"),
            ("\u{627}1", "\u{627}1"),
            ("\u{ad}", "\u{ad}"),
            ("pässword", "pässword"),
        ] {
            assert_eq!(prepare(password).as_str(), prepared, "{password:?}");
        }
    }

    #[tokio::test]
    async fn what_a_server_may_ask_for_is_bounded_and_so_is_memory() {
        let credentials = Credentials::default();
        assert!(credentials.salted_password("p", b"s", 0).await.is_err());
        assert!(credentials.salted_password("p", b"s", MOST_ITERATIONS + 1).await.is_err());
        assert!(credentials.salted_password("p", &[0; LONGEST_SALT + 1], 1).await.is_err());
        for n in 0..2 * KEPT {
            credentials.salted_password("p", &n.to_be_bytes(), 1).await.unwrap();
        }
        assert_eq!(credentials.kept.lock().unwrap().results.len(), KEPT);
    }
}
