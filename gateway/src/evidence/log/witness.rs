//! A witness elsewhere cosigns checkpoints (c2sp.org/tlog-witness, `add-checkpoint`): it remembers the log's size, and signs no
//! tree that is not a continuation of what it signed before. What it has signed is what a rewritten host can't take back.

use super::error::LogError;
use super::files::{self, Files};
use super::shared::Log;
use crate::https::{Client, Url};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway_core::record::log::note::{MAX_NOTE, read_signatures};
use gateway_core::record::log::{SignedCheckpoint, VerifierKey, tree};
use hyper::{Request, StatusCode};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The most bytes that are read of an answer.
const MOST_ANSWER: usize = 64 << 10;
/// How often one checkpoint is offered: again where the witness knows another size than was thought.
const TRIES: usize = 3;

/// A witness.
#[derive(Debug)]
pub struct Witness {
    url: String,
    key: VerifierKey,
    client: Client,
}

/// What came of asking it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cosigned {
    /// There is no checkpoint, or it has signed it already.
    Nothing,
    /// It has signed; so the last checkpoint reads now.
    Checkpoint(String),
}

/// Why it did not sign.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// Its address is none.
    #[error("the witness {url}: {why}")]
    Address {
        /// The address.
        url: String,
        /// Why.
        why: String,
    },
    /// It can't be asked.
    #[error("the witness {name} was not reached: {why}")]
    Unreached {
        /// Its name.
        name: String,
        /// Why.
        why: String,
    },
    /// It does not know the log, or not its key.
    #[error("the witness {name} does not sign for this log ({status}): {said}; its operator has to know the log's key (log.pub)")]
    Refused {
        /// Its name.
        name: String,
        /// Its answer.
        status: StatusCode,
        /// What it said.
        said: String,
    },
    /// It has signed more than is here, or another tree.
    #[error(
        "the witness {name} has signed another log than this one: {why}. The log was rolled back or rewritten since: run \
         `weir audit verify`, and ask the witness's operator for its last checkpoint"
    )]
    Inconsistent {
        /// Its name.
        name: String,
        /// What it said.
        why: String,
    },
    /// What it answered is not its signature.
    #[error("the witness {name} answered with no signature of its own: {why}")]
    Forged {
        /// Its name.
        name: String,
        /// Why.
        why: String,
    },
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl Witness {
    /// The witness of this submission prefix and key, whose server's certificate comes from the CAs of this file or the system's.
    ///
    /// # Errors
    /// Where the address is none that can be asked.
    pub fn new(prefix: &str, key: VerifierKey, ca: Option<PathBuf>, patience: Duration) -> Result<Self, WitnessError> {
        let url = format!("{}/add-checkpoint", prefix.trim_end_matches('/'));
        Url::read_local(&url).map_err(|why| WitnessError::Address { url: prefix.to_owned(), why: why.to_string() })?;
        Ok(Self { url, key, client: Client::new(ca, patience) })
    }

    /// Whether a witness may be asked there.
    #[must_use]
    pub fn is_address(prefix: &str) -> bool {
        Url::read_local(prefix).is_ok()
    }

    /// Has the last checkpoint cosigned, if it is not yet, and adds the signature to it.
    ///
    /// # Errors
    /// Where the witness did not sign: why.
    pub async fn cosign(&self, log: &Arc<Log>) -> Result<Cosigned, WitnessError> {
        let Some(signed) = log.checkpoint()? else { return Ok(Cosigned::Nothing) };
        let known = log.witnessed(&self.key)?;
        if known.as_ref().is_some_and(|known| known.note().text() == signed.note().text()) {
            return Ok(Cosigned::Nothing);
        }
        let size = signed.checkpoint().size;
        let mut old = known.map_or(0, |known| known.checkpoint().size);
        for _ in 0..TRIES {
            if old > size {
                return Err(self.inconsistent(format!("it knows {old} entries, and the log's checkpoint has {size}")));
            }
            let body = self.request(log, old, &signed).await?;
            let (status, answer) = self.ask(body).await?;
            let said =
                String::from_utf8_lossy(&answer).chars().filter(|letter| !letter.is_control()).take(200).collect::<String>();
            match status {
                StatusCode::OK => return self.accept(log, &signed, &answer),
                // It knows another size than was thought; an answer without one is another root of the same size.
                StatusCode::CONFLICT => match said.parse::<u64>() {
                    Ok(size) if size != old => old = size,
                    Ok(_) | Err(_) => return Err(self.inconsistent(said)),
                },
                StatusCode::UNPROCESSABLE_ENTITY => return Err(self.inconsistent(said)),
                other => return Err(WitnessError::Refused { name: self.key.name().to_owned(), status: other, said }),
            }
        }
        Err(self.unreached("it named another size each time: does another gateway ask it as well?".to_owned()))
    }

    /// What is sent: the size that it knows, the proof from there, the checkpoint.
    async fn request(&self, log: &Arc<Log>, old: u64, signed: &SignedCheckpoint) -> Result<Vec<u8>, WitnessError> {
        let (log, size) = (Arc::clone(log), signed.checkpoint().size);
        // It waits for the log's lock, and reads files.
        let prove = move || log.locked(|log| tree::consistency(old, size, |subtree| log.hash(subtree)));
        let proof = tokio::task::spawn_blocking(prove).await.map_err(|error| self.unreached(error.to_string()))??;
        let proof: String = proof.iter().map(|hash| format!("{}\n", STANDARD.encode(hash.0))).collect();
        Ok(format!("old {old}\n{proof}\n{signed}").into_bytes())
    }

    async fn ask(&self, body: Vec<u8>) -> Result<(StatusCode, Vec<u8>), WitnessError> {
        let url = Url::read_local(&self.url).map_err(|why| self.unreached(why.to_string()))?;
        let request = Request::post(url.path()).header("content-type", "text/plain; charset=utf-8").body(body);
        let request = request.map_err(|error| self.unreached(error.to_string()))?;
        let answer = self.client.ask(&url, request, MOST_ANSWER).await.map_err(|why| self.unreached(why))?;
        let (parts, body) = answer.into_parts();
        Ok((parts.status, body))
    }

    /// Its signature is looked for among those that it answered with, checked, and added to the checkpoint.
    fn accept(&self, log: &Log, signed: &SignedCheckpoint, answer: &[u8]) -> Result<Cosigned, WitnessError> {
        let forged = |why: String| WitnessError::Forged { name: self.key.name().to_owned(), why };
        let answer = std::str::from_utf8(answer).map_err(|_| forged("it is no text".to_owned()))?;
        let signatures = read_signatures(answer).map_err(|error| forged(error.to_string()))?;
        let ours = |name: &str, id: u32| (name, id) == (self.key.name(), self.key.id());
        let signature = signatures.into_iter().find(|signature| ours(&signature.name, signature.id));
        let signature = signature.ok_or_else(|| forged("none of its signatures is by the key that is configured".to_owned()))?;
        if signature.check(&self.key, signed.note().text()).is_none() {
            return Err(forged("the signature is not over this checkpoint".to_owned()));
        }
        let mut cosigned = signed.clone();
        cosigned.note_mut().attach(signature.clone());
        log.locked(|locked| {
            Files::write(&locked.files.witnessed(&self.key), cosigned.to_string().as_bytes())?;
            // Another gateway may have published a later one meanwhile, or another witness have signed this one.
            let mut last = locked.files.last_checkpoint()?.unwrap_or_else(|| signed.clone());
            if last.note().text() == signed.note().text() {
                last.note_mut().attach(signature);
                Files::write(&locked.files.checkpoint(), last.to_string().as_bytes())?;
                return Ok(Cosigned::Checkpoint(last.to_string()));
            }
            Ok(Cosigned::Checkpoint(cosigned.to_string()))
        })
    }

    fn unreached(&self, why: String) -> WitnessError {
        WitnessError::Unreached { name: self.key.name().to_owned(), why }
    }

    fn inconsistent(&self, why: String) -> WitnessError {
        WitnessError::Inconsistent { name: self.key.name().to_owned(), why }
    }
}

impl Log {
    /// The last checkpoint that the witness of this key has signed: it is asked from there on.
    pub(super) fn witnessed(&self, key: &VerifierKey) -> Result<Option<SignedCheckpoint>, LogError> {
        let bytes = files::read(&self.files.witnessed(key), MAX_NOTE as u64)?;
        // What can't be read is asked for again: the witness itself knows.
        Ok(bytes.and_then(|bytes| SignedCheckpoint::parse(&bytes).ok()))
    }
}
