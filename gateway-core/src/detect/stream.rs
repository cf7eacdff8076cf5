//! A text that comes in pieces: however it is cut, the same comes out. What may still be part of a finding is held back.

use super::engine::{Cursor, Scratch};
use super::redact::Hits;
use super::{BEHIND, Detectors};

/// Bytes that are taken in at a time, so that memory does not follow the size of a piece.
const PIECE: usize = 16 << 10;

/// One direction of a text protocol. It holds back 1.1 KiB at most; of what is longer than that only the finding is kept, not
/// its bytes. A line feed holds nothing back.
#[derive(Debug, Default)]
pub struct Stream {
    /// Bytes before the cursor that findings depend on, and those that are held back.
    buffer: Vec<u8>,
    cursor: Cursor,
}

impl Stream {
    /// Takes `bytes` and appends what is decided to `out`, with findings replaced.
    pub fn push(&mut self, detectors: &Detectors, bytes: &[u8], scratch: &mut Scratch, out: &mut Vec<u8>, hits: &mut Hits) {
        for piece in bytes.chunks(PIECE) {
            self.buffer.extend_from_slice(piece);
            self.go_on(detectors, true, scratch, out, hits);
        }
    }

    /// Appends what is held back: no more comes. What is pushed later is another text.
    pub fn finish(&mut self, detectors: &Detectors, scratch: &mut Scratch, out: &mut Vec<u8>, hits: &mut Hits) {
        self.go_on(detectors, false, scratch, out, hits);
        self.buffer.clear();
        self.cursor = Cursor::default();
    }

    /// How many bytes are held back.
    #[must_use]
    pub fn held(&self) -> usize {
        self.buffer.len().saturating_sub(self.cursor.done)
    }

    fn go_on(&mut self, detectors: &Detectors, more: bool, scratch: &mut Scratch, out: &mut Vec<u8>, hits: &mut Hits) {
        self.cursor.swallow(&self.buffer);
        let from = self.cursor.done;
        let mut found = std::mem::take(&mut scratch.found);
        found.clear();
        detectors.advance(&self.buffer, &mut self.cursor, more, scratch, &mut found);
        detectors.write(&self.buffer, from, self.cursor.done, &found, out, hits);
        scratch.found = found;
        let passed = self.cursor.region.min(self.cursor.done).saturating_sub(BEHIND);
        self.buffer.drain(..passed);
        self.cursor.region -= passed;
        self.cursor.done -= passed;
    }
}
