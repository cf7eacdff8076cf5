//! Fills in what only a record's writer knows: each frame's number, and the hash that chains it.

use crate::record::chain::Hash;
use crate::record::frame::{HEADER, MAX_FRAME, TRAILER};

/// Gives a session's frames their numbers and their chain.
#[derive(Clone, Debug)]
pub struct Sealer {
    /// The number of the next frame.
    pub next_seq: u64,
    /// The last frame's hash.
    pub chain: Hash,
}

/// A batch that can't be sealed: nothing of it was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("frame {frame} of the batch claims {length} bytes, more than is there or than the {MAX_FRAME} that a frame may have")]
pub struct SealError {
    /// Which frame of the batch, from 0.
    pub frame: u64,
    /// The length that it claims.
    pub length: usize,
}

impl Sealer {
    /// For a new record of `session`.
    #[must_use]
    pub fn new(session: &str) -> Self {
        Self { next_seq: 0, chain: Hash::genesis(session, 0, None) }
    }

    /// Goes on in the segment numbered `segment`.
    pub fn rotate(&mut self, session: &str, segment: u32) {
        self.chain = Hash::genesis(session, segment, Some(self.chain));
    }

    /// Fills in the numbers and hashes of all frames in `batch`, in place.
    pub fn seal(&mut self, batch: &mut [u8]) -> Result<u64, SealError> {
        let frames = count(batch)?;
        let mut rest = batch;
        while let Some(length) = length_of(rest).filter(|&length| length <= rest.len()) {
            let (frame, behind) = rest.split_at_mut(length);
            let (covered, trailer) = frame.split_at_mut(length - TRAILER);
            covered[8..16].copy_from_slice(&self.next_seq.to_le_bytes());
            self.chain = self.chain.next(covered);
            trailer.copy_from_slice(&self.chain.0);
            self.next_seq += 1;
            rest = behind;
        }
        Ok(frames)
    }
}

/// How many frames `batch` is made of; an error where it isn't made of whole frames.
fn count(batch: &[u8]) -> Result<u64, SealError> {
    let mut frames = 0;
    let mut rest = batch;
    while !rest.is_empty() {
        let length = length_of(rest).unwrap_or_default();
        let fits = (HEADER + TRAILER..=MAX_FRAME).contains(&length);
        let Some(behind) = rest.get(length..).filter(|_| fits) else {
            return Err(SealError { frame: frames, length });
        };
        rest = behind;
        frames += 1;
    }
    Ok(frames)
}

fn length_of(bytes: &[u8]) -> Option<usize> {
    let length = bytes.first_chunk::<4>()?;
    usize::try_from(u32::from_le_bytes(*length)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Timestamp;
    use crate::record::{FrameBuffer, FrameKind};

    #[test]
    fn two_batches_seal_as_one_does_and_a_broken_batch_is_left_alone() {
        let push =
            |buffer: &mut FrameBuffer, body: &[u8]| buffer.push(Timestamp(7), FrameKind::Note, |to| to.extend_from_slice(body));
        let (mut one, mut two, mut three) = (FrameBuffer::default(), FrameBuffer::default(), FrameBuffer::default());
        push(&mut one, b"a");
        push(&mut one, b"b");
        push(&mut two, b"a");
        push(&mut three, b"b");
        let (mut at_once, mut in_two) = (Sealer::new("s-1"), Sealer::new("s-1"));
        assert_eq!(at_once.seal(one.bytes_mut()), Ok(2));
        assert_eq!(in_two.seal(two.bytes_mut()), Ok(1));
        assert_eq!(in_two.seal(three.bytes_mut()), Ok(1));
        assert_eq!(*one.bytes_mut(), [two.bytes_mut().clone(), three.bytes_mut().clone()].concat());
        let mut broken = one.bytes_mut().clone();
        broken.pop();
        let before = broken.clone();
        assert!(at_once.seal(&mut broken).is_err());
        assert_eq!(broken, before);
    }
}
