//! Makes blocks of frames: compresses them, numbers them, and joins them by the chain.

use crate::model::time::Timestamp;
use crate::record::FrameBuffer;
use crate::record::block::{BlockKind, Codec, HEADER, Header, ROOM, TRAILER};
use crate::record::chain::Hash;
use crate::record::frame::{self, FrameKind, MAX_FRAME};

/// Level of zstd: the fastest of its ordinary ones.
const LEVEL: i32 = 1;
/// Payloads below this are not worth a try, in bytes.
const WORTH: usize = 64;

/// Gives a session's blocks and frames their numbers and their chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealer {
    /// The number of the next block.
    pub next_block: u64,
    /// The number of the next plain frame.
    pub next_frame: u64,
    /// The last block's hash.
    pub chain: Hash,
}

/// Encrypts in place: the block's number, what is authenticated beside it, and the bytes; 16 bytes are added.
pub type Encrypt<'a> = &'a dyn Fn(u64, &[u8], &mut Vec<u8>) -> Result<(), SealError>;

/// Frames that can't be made a block of: nothing of them was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// A frame is larger than any may be.
    #[error("a frame has {0} bytes, more than the {MAX_FRAME} that one may have")]
    Oversize(usize),
    /// zstd failed.
    #[error("zstd can't compress")]
    Compress,
    /// There are frames for the sealed layer, and nothing to encrypt them with; or it failed.
    #[error("the sealed layer can't be encrypted")]
    Encrypt,
}

/// Memory for making blocks, used again for each.
pub struct Packer {
    compressor: Option<zstd::bulk::Compressor<'static>>,
    plain: Vec<u8>,
    sealed: Vec<u8>,
    packed: Vec<u8>,
}

impl Default for Packer {
    fn default() -> Self {
        // Without memory for it frames are stored as they are.
        let compressor = zstd::bulk::Compressor::new(LEVEL).ok();
        Self { compressor, plain: Vec::new(), sealed: Vec::new(), packed: Vec::new() }
    }
}

impl Sealer {
    /// For a new record of `session`.
    #[must_use]
    pub fn new(session: &str) -> Self {
        Self { next_block: 0, next_frame: 0, chain: Hash::genesis(session, 0, None) }
    }

    /// Goes on in the segment numbered `segment`.
    pub fn rotate(&mut self, session: &str, segment: u32) {
        self.chain = Hash::genesis(session, segment, Some(self.chain));
    }

    /// Appends the blocks of all of `frames` to `out`.
    ///
    /// # Errors
    /// Where a frame is too large or can't be encrypted: `self` and `out` are then of no use.
    pub fn seal(
        &mut self,
        frames: &FrameBuffer,
        packer: &mut Packer,
        encrypt: Option<Encrypt<'_>>,
        out: &mut Vec<u8>,
    ) -> Result<(), SealError> {
        let (mut plain, mut sealed) = (std::mem::take(&mut packer.plain), std::mem::take(&mut packer.sealed));
        let sorted = self.sort(frames, packer, encrypt, (&mut plain, &mut sealed), out);
        (packer.plain, packer.sealed) = (plain, sealed);
        sorted
    }

    fn sort(
        &mut self,
        frames: &FrameBuffer,
        packer: &mut Packer,
        encrypt: Option<Encrypt<'_>>,
        (plain, sealed): (&mut Vec<u8>, &mut Vec<u8>),
        out: &mut Vec<u8>,
    ) -> Result<(), SealError> {
        plain.clear();
        sealed.clear();
        for (frame, is_sealed) in frames.whole() {
            if frame.len() > MAX_FRAME {
                return Err(SealError::Oversize(frame.len()));
            }
            let layer = if is_sealed { &mut *sealed } else { &mut *plain };
            let full = layer.len() + frame.len() > ROOM && !layer.is_empty();
            if full && is_sealed {
                self.sealed_block(sealed, packer, encrypt, out)?;
            } else if full {
                self.plain_block(plain, packer, out)?;
            }
            let layer = if is_sealed { &mut *sealed } else { &mut *plain };
            let at = layer.len();
            layer.extend_from_slice(frame);
            if let Some(flags) = layer.get_mut(at + 6..at + 8) {
                flags.fill(0);
            }
        }
        // Before the frame that may end the session.
        if !sealed.is_empty() {
            self.sealed_block(sealed, packer, encrypt, out)?;
        }
        if !plain.is_empty() {
            self.plain_block(plain, packer, out)?;
        }
        Ok(())
    }

    /// Appends the block that holds the sealed layer's key, as `payload`: an age file.
    pub fn key(&mut self, payload: &[u8], now: Timestamp, out: &mut Vec<u8>) {
        let header = Header {
            length: HEADER + payload.len() + TRAILER,
            kind: BlockKind::Key,
            codec: Codec::Stored,
            ends: false,
            number: self.next_block,
            first: self.next_frame,
            frames: 0,
            raw: payload.len(),
            from: now,
            to: now,
        };
        self.append(&header, payload, out);
    }

    fn plain_block(&mut self, raw: &mut Vec<u8>, packer: &mut Packer, out: &mut Vec<u8>) -> Result<(), SealError> {
        let about = About::of(raw);
        let codec = packer.pack(raw)?;
        let payload = if codec == Codec::Zstd { &packer.packed } else { &*raw };
        let header = Header {
            length: HEADER + payload.len() + TRAILER,
            kind: BlockKind::Plain,
            codec,
            ends: about.ends,
            number: self.next_block,
            first: self.next_frame,
            frames: about.frames,
            raw: raw.len(),
            from: about.from,
            to: about.to,
        };
        self.append(&header, payload, out);
        self.next_frame += u64::from(about.frames);
        raw.clear();
        Ok(())
    }

    fn sealed_block(
        &mut self,
        raw: &mut Vec<u8>,
        packer: &mut Packer,
        encrypt: Option<Encrypt<'_>>,
        out: &mut Vec<u8>,
    ) -> Result<(), SealError> {
        let encrypt = encrypt.ok_or(SealError::Encrypt)?;
        let about = About::of(raw);
        let codec = packer.pack(raw)?;
        let length = raw.len();
        let payload = if codec == Codec::Zstd { &mut packer.packed } else { &mut *raw };
        let header = Header {
            length: HEADER + payload.len() + crate::record::block::TAG + TRAILER,
            kind: BlockKind::Sealed,
            codec,
            ends: false,
            number: self.next_block,
            first: self.next_frame,
            frames: 0,
            raw: length,
            from: about.from,
            to: about.to,
        };
        let mut head = Vec::with_capacity(HEADER);
        header.write(&mut head);
        encrypt(self.next_block, &head, payload)?;
        let payload = if codec == Codec::Zstd { &packer.packed } else { &*raw };
        self.append(&header, payload, out);
        raw.clear();
        Ok(())
    }

    fn append(&mut self, header: &Header, payload: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        header.write(out);
        out.extend_from_slice(payload);
        self.chain = self.chain.next(out.get(start..).unwrap_or_default());
        out.extend_from_slice(&self.chain.0);
        self.next_block += 1;
    }
}

impl Packer {
    /// Compresses `raw` into `packed`, where that makes it smaller.
    fn pack(&mut self, raw: &[u8]) -> Result<Codec, SealError> {
        let Some(compressor) = self.compressor.as_mut().filter(|_| raw.len() >= WORTH) else { return Ok(Codec::Stored) };
        self.packed.clear();
        self.packed.reserve(zstd::zstd_safe::compress_bound(raw.len()));
        let length = compressor.compress_to_buffer(raw, &mut self.packed).map_err(|_broken| SealError::Compress)?;
        Ok(if length < raw.len() { Codec::Zstd } else { Codec::Stored })
    }

    /// Gives memory back that one large frame took.
    pub fn shrink(&mut self) {
        for memory in [&mut self.plain, &mut self.sealed, &mut self.packed] {
            if memory.capacity() > 4 * ROOM {
                *memory = Vec::new();
            }
        }
    }
}

/// What a block's header says of its frames.
struct About {
    frames: u32,
    from: Timestamp,
    to: Timestamp,
    ends: bool,
}

impl About {
    fn of(raw: &[u8]) -> Self {
        let mut about = Self { frames: 0, from: Timestamp(0), to: Timestamp(0), ends: false };
        let mut rest = raw;
        while let Some((frame, behind)) = next(rest) {
            rest = behind;
            let Some((time, kind, _)) = frame::taken_apart(frame) else { continue };
            if about.frames == 0 {
                about.from = time;
            }
            (about.to, about.ends) = (time, kind == FrameKind::Ended);
            about.frames += 1;
        }
        about
    }
}

fn next(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = usize::try_from(u32::from_le_bytes(*bytes.first_chunk()?)).ok()?;
    bytes.split_at_checked(length).filter(|_| length > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::read::{Blocks, Unpacker, frame};
    use proptest::prelude::*;

    fn reversed(number: u64, head: &[u8], bytes: &mut Vec<u8>) -> Result<(), SealError> {
        assert_eq!((head.len(), u64::from_le_bytes(head[8..16].try_into().unwrap())), (HEADER, number));
        bytes.reverse();
        bytes.extend_from_slice(&[0; 16]);
        Ok(())
    }

    #[test]
    fn sealed_frames_come_before_the_block_that_ends_and_need_something_to_encrypt_with() {
        let mut frames = FrameBuffer::default();
        frames.push_sealed(Timestamp(1), FrameKind::Statement, |body| body.extend_from_slice(b"secret"));
        frames.push_json(Timestamp(2), FrameKind::Ended, &serde_json::json!({}));
        let (mut sealer, mut out) = (Sealer::new("s-1"), crate::record::chain::file_header(0).to_vec());
        assert_eq!(sealer.seal(&frames, &mut Packer::default(), None, &mut Vec::new()), Err(SealError::Encrypt));
        sealer = Sealer::new("s-1");
        sealer.key(b"age", Timestamp(1), &mut out);
        sealer.seal(&frames, &mut Packer::default(), Some(&reversed), &mut out).unwrap();
        let blocks: Vec<_> = Blocks::new(&out, 0).unwrap().map(Result::unwrap).collect();
        let told = |block: &crate::record::block::Block<'_>| (block.header.kind, block.header.frames, block.header.ends);
        assert_eq!(
            blocks.iter().map(told).collect::<Vec<_>>(),
            [(BlockKind::Key, 0, false), (BlockKind::Sealed, 0, false), (BlockKind::Plain, 1, true)]
        );
        assert!(!out.windows(6).any(|window| window == b"secret"));
    }

    proptest! {
        #[test]
        fn what_is_sealed_is_read_back(
            bodies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..2000), 1..40),
            large in proptest::option::of(200_000_usize..600_000),
        ) {
            let mut frames = FrameBuffer::default();
            for body in &bodies {
                frames.push(Timestamp(7), FrameKind::Rows, |to| to.extend_from_slice(body));
            }
            if let Some(large) = large {
                frames.push(Timestamp(8), FrameKind::Rows, |to| to.resize(to.len() + large, 3));
            }
            let (mut sealer, mut out) = (Sealer::new("s-1"), crate::record::chain::file_header(0).to_vec());
            sealer.seal(&frames, &mut Packer::default(), None, &mut out).unwrap();
            let (mut found, mut unpacker) = (Vec::new(), Unpacker::default());
            for block in Blocks::new(&out, 0).unwrap() {
                let block = block.unwrap();
                prop_assert_eq!(block.header.first, found.len() as u64);
                let mut rest = unpacker.unpack(&block.header, block.payload).unwrap();
                while let Some((frame, behind)) = frame(rest).unwrap() {
                    found.push(frame.body.to_vec());
                    rest = behind;
                }
            }
            prop_assert_eq!(sealer.next_frame, found.len() as u64);
            prop_assert_eq!(&found[..bodies.len()], &bodies[..]);
            prop_assert_eq!(found.len() - bodies.len(), usize::from(large.is_some()));
        }
    }
}
