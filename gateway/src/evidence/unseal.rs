//! Reads the sealed layer of a record, for who has the identity; weir never has it.

use super::sealed::{Opener, SealedError};
use super::{EvidenceError, files};
use gateway_core::model::ids::SessionId;
use gateway_core::model::time::Timestamp;
use gateway_core::record::FrameKind;
use gateway_core::record::block::{Block, BlockKind};
use gateway_core::record::read::{Blocks, ReadError};
use std::path::Path;

/// Whether a record has a sealed layer.
///
/// # Errors
/// Where it can't be read.
pub fn has_sealed_layer(state_dir: &Path, session: SessionId) -> Result<bool, EvidenceError> {
    let mut found = false;
    walk(state_dir, session, &mut |block| {
        found = block.header.kind == BlockKind::Key;
        Ok(!found)
    })?;
    Ok(found)
}

/// Whether this identity opens it: its key is unwrapped, and nothing read.
///
/// # Errors
/// Where it does not, or the record has no sealed layer.
pub fn fits(state_dir: &Path, session: SessionId, opener: &mut Opener) -> Result<(), EvidenceError> {
    let mut found = false;
    walk(state_dir, session, &mut |block| {
        found = block.header.kind == BlockKind::Key;
        if found {
            opener.open(block, |_, _, _| {})?;
        }
        Ok(!found)
    })?;
    if found { Ok(()) } else { Err(SealedError::NoKey.into()) }
}

/// Has `each` look at every frame of the sealed layer, in their order.
///
/// # Errors
/// Where the identity does not open it, or a block of it is not what was written.
pub fn unseal(
    state_dir: &Path,
    session: SessionId,
    opener: &mut Opener,
    each: &mut dyn FnMut(Timestamp, FrameKind, &[u8]),
) -> Result<(), EvidenceError> {
    let mut found = false;
    walk(state_dir, session, &mut |block| {
        found |= block.header.kind == BlockKind::Key;
        opener.open(block, |time, kind, body| each(time, kind, body))?;
        Ok(true)
    })?;
    if found { Ok(()) } else { Err(SealedError::NoKey.into()) }
}

/// Goes through the blocks of a record as long as `work` wants more. What a gateway is still writing is left out.
fn walk(
    state_dir: &Path,
    session: SessionId,
    work: &mut dyn FnMut(&Block<'_>) -> Result<bool, EvidenceError>,
) -> Result<(), EvidenceError> {
    let segments = files::segments(state_dir, session)?;
    if segments.is_empty() {
        return Err(EvidenceError::NoSession { session, directory: files::sessions(state_dir) });
    }
    for (number, (path, _)) in segments.iter().enumerate() {
        let bytes = std::fs::read(path).map_err(EvidenceError::io("read", path))?;
        let broken = |offset: usize, error| EvidenceError::Broken { path: path.clone(), offset: offset as u64, error };
        let mut blocks = match Blocks::new(&bytes, u32::try_from(number).unwrap_or(u32::MAX)) {
            Ok(blocks) => blocks,
            Err(ReadError::Torn { .. }) => return Ok(()),
            Err(error) => return Err(broken(0, error)),
        };
        loop {
            let at = blocks.position();
            match blocks.next() {
                None => break,
                Some(Ok(block)) => {
                    if !work(&block)? {
                        return Ok(());
                    }
                }
                Some(Err(ReadError::Torn { .. })) => return Ok(()),
                Some(Err(error)) => return Err(broken(at, error)),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{EvidenceSettings, Recipients, Store};
    use super::*;
    use age::secrecy::ExposeSecret as _;
    use gateway_core::model::ids::RunId;
    use gateway_core::record::FrameBuffer;
    use serde_json::json;

    #[tokio::test]
    async fn the_layer_opens_for_its_identity_and_no_other_and_a_plain_record_has_none() {
        let (own, other) = (age::x25519::Identity::generate(), age::x25519::Identity::generate());
        let opener = |identity: &age::x25519::Identity| Opener::new(identity.to_string().expose_secret()).unwrap();
        let state = tempfile::tempdir().unwrap();
        let seal_to = Some(Recipients::parse(&[own.to_public().to_string()]).unwrap());
        let settings = EvidenceSettings { seal_to, segment_bytes: 300, ..EvidenceSettings::default() };
        let (sealed, plain) = (SessionId::from_number(1), SessionId::from_number(2));
        for (session, settings) in [(sealed, settings), (plain, EvidenceSettings::default())] {
            let store = Store::open(state.path(), settings).unwrap();
            let recorder = store.begin(session, RunId::from_number(1), &json!({})).unwrap();
            for text in ["SELECT 'one'", "SELECT 'two'"] {
                let mut frames = FrameBuffer::default();
                frames.push(Timestamp(1), FrameKind::Statement, |body| body.extend_from_slice(b"plain"));
                if session == sealed {
                    frames.push_sealed(Timestamp(1), FrameKind::Statement, |body| body.extend_from_slice(text.as_bytes()));
                }
                recorder.submit(&mut frames).unwrap();
            }
            recorder.close(&json!({})).await.unwrap();
        }
        let read = |session, identity: &age::x25519::Identity| {
            let mut texts = Vec::new();
            unseal(state.path(), session, &mut opener(identity), &mut |_, _, body| texts.push(body.to_vec())).map(|()| texts)
        };
        assert_eq!(read(sealed, &own).unwrap(), [b"SELECT 'one'", b"SELECT 'two'"]);
        assert!(has_sealed_layer(state.path(), sealed).unwrap() && !has_sealed_layer(state.path(), plain).unwrap());
        fits(state.path(), sealed, &mut opener(&own)).unwrap();
        for wrong in [read(sealed, &other).map(drop), fits(state.path(), sealed, &mut opener(&other))] {
            assert!(matches!(wrong, Err(EvidenceError::Sealed(SealedError::Unwrap(_)))), "{wrong:?}");
        }
        assert!(matches!(read(plain, &own), Err(EvidenceError::Sealed(SealedError::NoKey))));
        assert!(matches!(read(SessionId::from_number(3), &own), Err(EvidenceError::NoSession { .. })));
    }
}
