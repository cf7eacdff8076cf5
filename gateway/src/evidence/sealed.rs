//! The sealed layer's keys: one for each session, wrapped once to the customer's age recipients.
//!
//! A sealed block is AES-256-GCM (NIST SP 800-38D) of its frames under the session's key: the nonce is the block's number, in 12
//! bytes little-endian, the header is authenticated beside it. A number is never used twice under a key, for a record is only
//! appended to, and what a crash cut off was never followed by anything under the same key: the next gateway has none.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use gateway_core::model::time::Timestamp;
use gateway_core::record::FrameKind;
use gateway_core::record::block::{Block, BlockKind, HEADER};
use gateway_core::record::read::{self, ReadError, Unpacker};
use gateway_core::record::seal::SealError;
use std::fmt;
use std::io::{Read as _, Write as _};
use std::str::FromStr;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Bytes of a session's key.
const KEY: usize = 32;

/// Who may read the sealed layer: age recipients (`age1…`).
#[derive(Clone)]
pub struct Recipients(Arc<[age::x25519::Recipient]>);

/// Why something sealed can't be made or read. No text holds any of a key.
#[derive(Debug, thiserror::Error)]
pub enum SealedError {
    /// Not a recipient.
    #[error("{0:?} is no age recipient: `age-keygen` makes one, it begins with age1")]
    Recipient(String),
    /// Not an identity.
    #[error("the identity is no age secret key: it begins with AGE-SECRET-KEY-1")]
    Identity,
    /// The key can't be wrapped.
    #[error("the sealed layer's key can't be encrypted to its recipients: {0}")]
    Wrap(String),
    /// The identity is none of the recipients'.
    #[error("the sealed layer can't be opened with this identity: {0}")]
    Unwrap(String),
    /// A block is not what was sealed.
    #[error("a sealed block is not what was written: `weir audit verify` says what was done to it")]
    Broken,
    /// There was no key block before it.
    #[error("the record has no sealed layer, or its key was removed")]
    NoKey,
    /// What was opened has no frames.
    #[error("a sealed block: {0}")]
    Frames(#[from] ReadError),
}

impl Recipients {
    /// Reads them as they are written.
    ///
    /// # Errors
    /// Where one is none.
    pub fn parse(texts: &[impl AsRef<str>]) -> Result<Self, SealedError> {
        let parse = |text: &str| age::x25519::Recipient::from_str(text).map_err(|_wrong| SealedError::Recipient(text.to_owned()));
        Ok(Self(texts.iter().map(|text| parse(text.as_ref())).collect::<Result<_, _>>()?))
    }
}

impl PartialEq for Recipients {
    fn eq(&self, other: &Self) -> bool {
        self.0.iter().map(ToString::to_string).eq(other.0.iter().map(ToString::to_string))
    }
}

impl Eq for Recipients {}

impl fmt::Debug for Recipients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(ToString::to_string)).finish()
    }
}

/// The key of one session's sealed layer.
pub(super) struct SessionKey {
    key: LessSafeKey,
    /// An age file that holds it.
    pub(super) wrapped: Vec<u8>,
}

impl SessionKey {
    pub(super) fn new(recipients: &Recipients) -> Result<Self, SealedError> {
        let mut bytes = Zeroizing::new([0; KEY]);
        getrandom::fill(bytes.as_mut()).map_err(|error| SealedError::Wrap(error.to_string()))?;
        let wrapped = wrap(recipients, bytes.as_ref()).map_err(SealedError::Wrap)?;
        Ok(Self { key: key(bytes.as_ref()).ok_or(SealedError::Broken)?, wrapped })
    }

    /// Encrypts a block's payload in place.
    pub(super) fn encrypt(&self, number: u64, head: &[u8], payload: &mut Vec<u8>) -> Result<(), SealError> {
        let sealed = self.key.seal_in_place_append_tag(nonce(number), Aad::from(head), payload);
        sealed.map_err(|_unspecified| SealError::Encrypt)
    }
}

/// Opens the sealed layer of one record, block by block, in their order.
pub struct Opener {
    identity: age::x25519::Identity,
    key: Option<LessSafeKey>,
    unpacker: Unpacker,
}

impl Opener {
    /// With an age secret key as text; other lines of its file are comments.
    ///
    /// # Errors
    /// Where there is none.
    pub fn new(identity: &str) -> Result<Self, SealedError> {
        let identity = identity.lines().map(str::trim).find_map(|line| age::x25519::Identity::from_str(line).ok());
        Ok(Self { identity: identity.ok_or(SealedError::Identity)?, key: None, unpacker: Unpacker::default() })
    }

    /// Has `each` look at the frames of `block`, where it is one of the sealed layer's.
    ///
    /// # Errors
    /// Where it can't be opened.
    pub fn open(&mut self, block: &Block<'_>, mut each: impl FnMut(Timestamp, FrameKind, &[u8])) -> Result<(), SealedError> {
        match block.header.kind {
            BlockKind::Plain => return Ok(()),
            BlockKind::Key => {
                let bytes = unwrap(&self.identity, block.payload).map_err(SealedError::Unwrap)?;
                self.key = Some(key(&bytes).ok_or(SealedError::Broken)?);
                return Ok(());
            }
            BlockKind::Sealed => {}
        }
        let key = self.key.as_ref().ok_or(SealedError::NoKey)?;
        let mut payload = Zeroizing::new(block.payload.to_vec());
        let head = block.covered.get(..HEADER).unwrap_or_default();
        let opened = key.open_in_place(nonce(block.header.number), Aad::from(head), &mut payload);
        let opened = opened.map_err(|_unspecified| SealedError::Broken)?;
        let mut rest = self.unpacker.expand(&block.header, opened)?;
        while let Some((frame, behind)) = read::frame(rest)? {
            each(frame.time, frame.kind, frame.body);
            rest = behind;
        }
        Ok(())
    }
}

fn wrap(recipients: &Recipients, bytes: &[u8]) -> Result<Vec<u8>, String> {
    let each = recipients.0.iter().map(|recipient| recipient as &dyn age::Recipient);
    let encryptor = age::Encryptor::with_recipients(each).map_err(|error| error.to_string())?;
    let mut wrapped = Vec::new();
    let mut writer = encryptor.wrap_output(&mut wrapped).map_err(|error| error.to_string())?;
    writer.write_all(bytes).map_err(|error| error.to_string())?;
    writer.finish().map_err(|error| error.to_string())?;
    Ok(wrapped)
}

fn unwrap(identity: &age::x25519::Identity, file: &[u8]) -> Result<Zeroizing<Vec<u8>>, String> {
    let decryptor = age::Decryptor::new(file).map_err(|error| error.to_string())?;
    let reader = decryptor.decrypt(std::iter::once(identity as &dyn age::Identity)).map_err(|error| error.to_string())?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(KEY));
    reader.take(KEY as u64).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes)
}

fn key(bytes: &[u8]) -> Option<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, bytes).ok().map(LessSafeKey::new)
}

fn nonce(number: u64) -> Nonce {
    let mut nonce = [0; NONCE_LEN];
    if let Some(low) = nonce.first_chunk_mut::<8>() {
        *low = number.to_le_bytes();
    }
    Nonce::assume_unique_for_key(nonce)
}

#[cfg(test)]
mod tests {
    use super::*;
    use age::secrecy::ExposeSecret as _;
    use gateway_core::record::FrameBuffer;
    use gateway_core::record::chain::file_header;
    use gateway_core::record::read::Blocks;
    use gateway_core::record::seal::{Packer, Sealer};

    #[test]
    fn who_has_the_identity_reads_what_was_sealed_and_nobody_else_does() {
        let (own, other) = (age::x25519::Identity::generate(), age::x25519::Identity::generate());
        let recipients = Recipients::parse(&[own.to_public().to_string()]).unwrap();
        let key = SessionKey::new(&recipients).unwrap();
        let (mut sealer, mut out) = (Sealer::new("s-1"), file_header(0).to_vec());
        let encrypt = |number: u64, head: &[u8], payload: &mut Vec<u8>| key.encrypt(number, head, payload);
        sealer.key(&key.wrapped, Timestamp(1), &mut out);
        for text in ["SELECT 'hunter2'".to_owned(), "x".repeat(100_000)] {
            let mut frames = FrameBuffer::default();
            frames.push_sealed(Timestamp(2), FrameKind::Statement, |body| body.extend_from_slice(text.as_bytes()));
            sealer.seal(&frames, &mut Packer::default(), Some(&encrypt), &mut out).unwrap();
        }
        assert!(!out.windows(7).any(|window| window == b"hunter2"));
        let read = |identity: &age::x25519::Identity, bytes: &[u8]| {
            let mut opener = Opener::new(&format!("# made\n{}\n", identity.to_string().expose_secret()))?;
            let mut texts = Vec::new();
            for block in Blocks::new(bytes, 0)? {
                opener.open(&block?, |_, _, body| texts.push(body.to_vec()))?;
            }
            Ok::<_, SealedError>(texts)
        };
        let texts = read(&own, &out).unwrap();
        assert_eq!((texts[0].as_slice(), texts[1].len()), (&b"SELECT 'hunter2'"[..], 100_000));
        assert!(matches!(read(&other, &out), Err(SealedError::Unwrap(_))));
        let mut flipped = out.clone();
        let at = out.len() - 40;
        flipped[at] ^= 1;
        assert!(matches!(read(&own, &flipped), Err(SealedError::Broken)));
        assert!(Recipients::parse(&["age1nobody"]).is_err() && Opener::new("hunter2").is_err());
    }
}
