//! Keys of signed notes (c2sp.org/signed-note): Ed25519 (RFC 8032), in the text forms that other implementations read.

use super::text;
use ed25519_dalek::Signer as _;
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;
use zeroize::Zeroizing;

/// The most bytes that a key's name may have.
pub const MAX_NAME: usize = 255;

/// What a key's signatures are over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyKind {
    /// The note's text (0x01).
    Note,
    /// A time and the note's text: a witness's, of a checkpoint (0x04, c2sp.org/tlog-cosignature).
    Cosignature,
}

impl KeyKind {
    const fn byte(self) -> u8 {
        match self {
            Self::Note => 0x01,
            Self::Cosignature => 0x04,
        }
    }
}

/// A key that checks signatures: `name+hash+base64`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VerifierKey {
    name: String,
    kind: KeyKind,
    public: [u8; 32],
}

/// A text that is no key. The text itself is not in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It has another form.
    #[error("a public key is `name+hash+base64`, and a private one `PRIVATE+KEY+name+hash+base64` (c2sp.org/signed-note)")]
    Form,
    /// The name can't stand in a note.
    #[error("a key's name has no white space and no plus, and 1 to {MAX_NAME} bytes")]
    Name,
    /// Its algorithm is none that is known here.
    #[error("the key's algorithm is {0:#04x}, and only Ed25519 (0x01) and its cosignatures (0x04) are known")]
    Algorithm(u8),
    /// The hash in its text is that of another key.
    #[error("the hash in the key's text is not that of the key: the text was changed or cut")]
    Hash,
    /// Its bytes are no point of the curve.
    #[error("the key's bytes are no Ed25519 key")]
    Point,
}

impl VerifierKey {
    /// The key of this name.
    ///
    /// # Errors
    /// Where the name or the bytes are none.
    pub fn new(name: &str, kind: KeyKind, public: [u8; 32]) -> Result<Self, KeyError> {
        if !is_name(name) {
            return Err(KeyError::Name);
        }
        ed25519_dalek::VerifyingKey::from_bytes(&public).map_err(|_| KeyError::Point)?;
        Ok(Self { name: name.to_owned(), kind, public })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its signatures are over.
    #[must_use]
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The public key itself.
    #[must_use]
    pub const fn public(&self) -> &[u8; 32] {
        &self.public
    }

    /// What, with the name, says which key signed.
    #[must_use]
    pub fn id(&self) -> u32 {
        let mut hash = Sha256::new();
        hash.update(self.name.as_bytes());
        hash.update([b'\n', self.kind.byte()]);
        hash.update(self.public);
        let [a, b, c, d, ..] = <[u8; 32]>::from(hash.finalize());
        u32::from_be_bytes([a, b, c, d])
    }

    /// Whether `signature` is this key's over `message`.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let Ok(key) = ed25519_dalek::VerifyingKey::from_bytes(&self.public) else { return false };
        let Ok(signature) = ed25519_dalek::Signature::from_slice(signature) else { return false };
        key.verify_strict(message, &signature).is_ok()
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![self.kind.byte()];
        bytes.extend_from_slice(&self.public);
        write!(f, "{}+{:08x}+{}", self.name, self.id(), text::encode(&bytes))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let (name, id, bytes) = parts(text)?;
        let (&algorithm, public) = bytes.split_first().ok_or(KeyError::Form)?;
        let kind = match algorithm {
            0x01 => KeyKind::Note,
            0x04 => KeyKind::Cosignature,
            other => return Err(KeyError::Algorithm(other)),
        };
        let key = Self::new(name, kind, public.try_into().map_err(|_| KeyError::Form)?)?;
        if key.id() == id { Ok(key) } else { Err(KeyError::Hash) }
    }
}

/// A key that signs notes. It shows its name alone, and is wiped when it is dropped.
pub struct SigningKey {
    /// In one place: what is moved would leave a copy.
    pair: Box<ed25519_dalek::SigningKey>,
    verifier: VerifierKey,
}

impl SigningKey {
    /// The key of this name and seed.
    ///
    /// # Errors
    /// Where the name is none.
    pub fn from_seed(name: &str, seed: &Zeroizing<[u8; 32]>) -> Result<Self, KeyError> {
        let pair = Box::new(ed25519_dalek::SigningKey::from_bytes(seed));
        let verifier = VerifierKey::new(name, KeyKind::Note, pair.verifying_key().to_bytes())?;
        Ok(Self { pair, verifier })
    }

    /// Reads `PRIVATE+KEY+name+hash+base64`.
    ///
    /// # Errors
    /// Where it is none. Nothing of the text is in that.
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        let (name, id, bytes) = parts(text.strip_prefix("PRIVATE+KEY+").ok_or(KeyError::Form)?)?;
        let bytes = Zeroizing::new(bytes);
        let (&algorithm, seed) = bytes.split_first().ok_or(KeyError::Form)?;
        if algorithm != KeyKind::Note.byte() {
            return Err(KeyError::Algorithm(algorithm));
        }
        let seed = Zeroizing::new(<[u8; 32]>::try_from(seed).map_err(|_| KeyError::Form)?);
        let key = Self::from_seed(name, &seed)?;
        if key.verifier.id() == id { Ok(key) } else { Err(KeyError::Hash) }
    }

    /// The text of it: a secret.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new(vec![KeyKind::Note.byte()]);
        bytes.extend_from_slice(Zeroizing::new(self.pair.to_bytes()).as_slice());
        let secret = Zeroizing::new(text::encode(&bytes));
        Zeroizing::new(format!("PRIVATE+KEY+{}+{:08x}+{}", self.verifier.name, self.verifier.id(), *secret))
    }

    /// The key that checks what this one signs.
    #[must_use]
    pub const fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// The signature of `message`.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.pair.sign(message).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.verifier.name)
    }
}

/// Whether this can be a key's name.
pub(super) fn is_name(name: &str) -> bool {
    let legal = |letter: char| !letter.is_whitespace() && !letter.is_control() && letter != '+';
    !name.is_empty() && name.len() <= MAX_NAME && name.chars().all(legal)
}

/// Name, id and bytes of `name+hash+base64`.
fn parts(text: &str) -> Result<(&str, u32, Vec<u8>), KeyError> {
    let mut parts = text.splitn(3, '+');
    let (Some(name), Some(id), Some(bytes)) = (parts.next(), parts.next(), parts.next()) else { return Err(KeyError::Form) };
    let digits = id.len() == 8 && id.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    let id = digits.then(|| u32::from_str_radix(id, 16).ok()).flatten().ok_or(KeyError::Form)?;
    Ok((name, id, text::bytes(bytes).ok_or(KeyError::Form)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the tests of golang.org/x/mod/sumdb/note, which defined the forms.
    const PRIVATE: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const PUBLIC: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

    #[test]
    fn the_text_forms_are_those_of_others() {
        let key = SigningKey::from_text(PRIVATE).unwrap();
        assert_eq!(key.verifier().to_string(), PUBLIC);
        assert_eq!(*key.to_text(), PRIVATE);
        assert_eq!(PUBLIC.parse::<VerifierKey>().as_ref(), Ok(key.verifier()));
        assert_eq!(format!("{key:?}"), "SigningKey(PeterNeumann)", "no seed is shown");
        // The specification's example.
        let example = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
        assert_eq!(example.parse::<VerifierKey>().map(|key| key.to_string()).as_deref(), Ok(example));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for (wrong, why) in [
            ("", KeyError::Form),
            ("PeterNeumann", KeyError::Form),
            ("PeterNeumann+c74f20a3", KeyError::Form),
            ("PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", KeyError::Form),
            ("PeterNeumann+c74f20a+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", KeyError::Form),
            ("PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", KeyError::Hash),
            ("Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", KeyError::Name),
            ("+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", KeyError::Name),
            ("PeterNeumann+c74f20a3+AhpC2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", KeyError::Algorithm(2)),
            ("PeterNeumann+c74f20a3+ARpc", KeyError::Form),
        ] {
            assert_eq!(wrong.parse::<VerifierKey>(), Err(why), "{wrong}");
            assert!(SigningKey::from_text(&format!("PRIVATE+KEY+{wrong}")).is_err());
        }
        assert_eq!(SigningKey::from_text(PUBLIC).map(|_| ()), Err(KeyError::Form));
    }
}
