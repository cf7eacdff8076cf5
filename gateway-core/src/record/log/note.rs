//! Signed notes (c2sp.org/signed-note): a text, and who signed it.

use super::key::{KeyKind, SigningKey, VerifierKey, is_name};
use super::text;
use std::fmt;

/// The most bytes that a note may have.
pub const MAX_NOTE: usize = 1 << 20;
/// The most signatures that a note may have.
pub const MOST_SIGNATURES: usize = 100;

/// A text with signatures, none of them checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

/// One signature, as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The key's name.
    pub name: String,
    /// The key's id.
    pub id: u32,
    /// What the algorithm makes: 64 bytes of Ed25519; before them a time in a cosignature.
    pub bytes: Vec<u8>,
}

/// A signature that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// By which key.
    pub key: VerifierKey,
    /// When, in seconds since 1970: a cosignature says it.
    pub time: Option<u64>,
}

/// Why a note is not to be believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// It is longer than a note may be.
    #[error("it has {0} bytes, and a signed note may have {MAX_NOTE}")]
    TooLong(usize),
    /// It is no text of lines.
    #[error("it is no signed note: a note is UTF-8 without control characters, and ends with a line feed")]
    NotText,
    /// No empty line is before signatures.
    #[error("it is no signed note: an empty line and signatures have to follow the text")]
    NoSignatures,
    /// A line behind the text is no signature.
    #[error("signature {0} of the note is malformed: it should be `— name base64`")]
    Malformed(usize),
    /// It has more signatures than are looked at.
    #[error("it has more than {MOST_SIGNATURES} signatures")]
    TooMany,
    /// Nobody who is known signed it.
    #[error("none of its signatures is by a key that is trusted here ({})", .0.join(", "))]
    Unsigned(Vec<String>),
    /// A signature that names a known key is not that key's.
    #[error("the signature of {0} is not over this text: it was changed, or signed by another key")]
    Forged(String),
}

impl Note {
    /// A note that is not signed yet. `text` ends with a line feed.
    ///
    /// # Errors
    /// Where it is no text for a note.
    pub fn new(text: impl Into<String>) -> Result<Self, NoteError> {
        let text = text.into();
        if text.len() > MAX_NOTE {
            return Err(NoteError::TooLong(text.len()));
        }
        if !text.ends_with('\n') || has_controls(&text) {
            return Err(NoteError::NotText);
        }
        Ok(Self { text, signatures: Vec::new() })
    }

    /// Reads a note with its signatures.
    ///
    /// # Errors
    /// Where it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > MAX_NOTE {
            return Err(NoteError::TooLong(bytes.len()));
        }
        let whole = std::str::from_utf8(bytes).map_err(|_| NoteError::NotText)?;
        if has_controls(whole) || !whole.ends_with('\n') {
            return Err(NoteError::NotText);
        }
        // The text has its own line feed; the last empty line is the border.
        let border = whole.rfind("\n\n").ok_or(NoteError::NoSignatures)?;
        let (text, signatures) = (whole.get(..=border).unwrap_or_default(), whole.get(border + 2..).unwrap_or_default());
        let signatures = read_signatures(signatures)?;
        if signatures.is_empty() {
            return Err(NoteError::NoSignatures);
        }
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// What is signed, with its last line feed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Who claims to have signed.
    #[must_use]
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// Signs it.
    pub fn sign(&mut self, key: &SigningKey) {
        let bytes = key.sign(self.text.as_bytes()).to_vec();
        self.attach(Signature { name: key.verifier().name().to_owned(), id: key.verifier().id(), bytes });
    }

    /// Adds a signature that was made elsewhere; one of the same key is replaced.
    pub fn attach(&mut self, signature: Signature) {
        self.signatures.retain(|other| (&other.name, other.id) != (&signature.name, signature.id));
        self.signatures.push(signature);
    }

    /// Who of `keys` signed it; signatures of other keys are passed over.
    ///
    /// # Errors
    /// Where none of them did, or what claims to be the signature of one of them is not.
    pub fn verify(&self, keys: &[VerifierKey]) -> Result<Vec<Signed>, NoteError> {
        let mut signed: Vec<Signed> = Vec::new();
        for signature in &self.signatures {
            let known = keys.iter().find(|key| key.name() == signature.name && key.id() == signature.id);
            let Some(key) = known else { continue };
            let Some(time) = signature.check(key, &self.text) else { return Err(NoteError::Forged(signature.name.clone())) };
            if !signed.iter().any(|other| other.key == *key) {
                signed.push(Signed { key: key.clone(), time });
            }
        }
        if signed.is_empty() {
            return Err(NoteError::Unsigned(self.signatures.iter().map(|signature| signature.name.clone()).collect()));
        }
        Ok(signed)
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

impl Signature {
    /// A signature that `key` made over a note's text, by whatever means.
    #[must_use]
    pub fn of(key: &VerifierKey, bytes: Vec<u8>) -> Self {
        Self { name: key.name().to_owned(), id: key.id(), bytes }
    }

    /// Whether it is `key`'s over `text`: then, of a cosignature, its time.
    #[must_use]
    pub fn check(&self, key: &VerifierKey, text: &str) -> Option<Option<u64>> {
        match key.kind() {
            KeyKind::Note => key.verifies(text.as_bytes(), &self.bytes).then_some(None),
            KeyKind::Cosignature => {
                let (time, signature) = self.bytes.split_first_chunk::<8>()?;
                let time = u64::from_be_bytes(*time);
                let fits = i64::try_from(time).is_ok();
                (fits && key.verifies(cosigned(time, text).as_bytes(), signature)).then_some(Some(time))
            }
        }
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.id.to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.bytes);
        write!(f, "— {} {}", self.name, text::encode(&bytes))
    }
}

/// What a witness signs of a checkpoint at a time, in seconds since 1970.
#[must_use]
pub fn cosigned(time: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

/// Reads lines of signatures, such as a witness answers with.
///
/// # Errors
/// Where a line is none.
pub fn read_signatures(lines: &str) -> Result<Vec<Signature>, NoteError> {
    let mut signatures = Vec::new();
    for line in lines.split_inclusive('\n') {
        let number = signatures.len() + 1;
        if number > MOST_SIGNATURES {
            return Err(NoteError::TooMany);
        }
        signatures.push(read_signature(line).ok_or(NoteError::Malformed(number))?);
    }
    Ok(signatures)
}

fn read_signature(line: &str) -> Option<Signature> {
    let (name, encoded) = line.strip_suffix('\n')?.strip_prefix("— ")?.split_once(' ')?;
    let bytes = text::bytes(encoded)?;
    let (id, bytes) = bytes.split_first_chunk::<4>()?;
    let fits = is_name(name) && !bytes.is_empty();
    fits.then(|| Signature { name: name.to_owned(), id: u32::from_be_bytes(*id), bytes: bytes.to_vec() })
}

fn has_controls(text: &str) -> bool {
    text.bytes().any(|byte| byte < 0x20 && byte != b'\n')
}

#[cfg(test)]
mod tests;
