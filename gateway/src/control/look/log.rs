//! How the transparency log stands, and who has signed it.

use super::super::CommandError;
use crate::evidence::EvidenceError;
use crate::session::context::Shared;
use gateway_core::model::time::Timestamp;
use serde::Serialize;

/// The transparency log.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = TransparencyLog)]
pub struct ShownLog {
    /// Its name.
    pub origin: String,
    /// The public key that signs it now: `name+hash+base64`.
    pub key: String,
    /// How many entries it has.
    pub entries: u64,
    /// The last checkpoint; none before the first one is signed.
    pub checkpoint: Option<ShownCheckpoint>,
    /// The witnesses that are configured.
    pub witnesses: Vec<ShownWitness>,
}

/// A checkpoint.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = LogCheckpoint)]
pub struct ShownCheckpoint {
    /// How many entries it covers.
    pub entries: u64,
    /// Their root hash, in base 64.
    pub root: String,
    /// All of it with its signatures, as it is kept elsewhere and given to `weir audit verify --checkpoint`.
    pub text: String,
}

/// A witness.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = LogWitness)]
pub struct ShownWitness {
    /// Its name.
    pub name: String,
    /// Its public key.
    pub key: String,
    /// Where it is asked.
    pub url: String,
    /// How many entries the last checkpoint that it has signed covers; none where it has signed none.
    pub entries: Option<u64>,
    /// When it signed that, as it says.
    pub at: Option<Timestamp>,
}

pub(super) fn standing(shared: &Shared) -> Result<ShownLog, CommandError> {
    let settings = &shared.config.transparency.witnesses;
    let keys: Vec<_> = settings.iter().map(|witness| witness.key.clone()).collect();
    let standing = shared.store.log().standing(&keys).map_err(EvidenceError::from)?;
    let checkpoint = standing.checkpoint.map(|signed| ShownCheckpoint {
        entries: signed.checkpoint().size,
        root: root(signed.note().text()),
        text: signed.to_string(),
    });
    let witnesses = settings.iter().zip(standing.witnessed).map(|(witness, signed)| ShownWitness {
        name: witness.key.name().to_owned(),
        key: witness.key.to_string(),
        url: witness.url.clone(),
        entries: signed.map(|signed| signed.size),
        at: signed.and_then(|signed| signed.at).map(|seconds| Timestamp(seconds.saturating_mul(1_000_000_000))),
    });
    Ok(ShownLog {
        origin: standing.key.name().to_owned(),
        key: standing.key.to_string(),
        entries: standing.size,
        checkpoint,
        witnesses: witnesses.collect(),
    })
}

/// The third line of what is signed.
fn root(text: &str) -> String {
    text.lines().nth(2).unwrap_or_default().to_owned()
}
