//! Reads blocks, and frames from them, from bytes that may have been changed by anyone.

use crate::model::time::Timestamp;
use crate::record::block::{Block, BlockKind, Codec, HEADER, Header, MAX_RAW, TRAILER, length};
use crate::record::chain::{FILE_HEADER, Hash, file_header};
use crate::record::frame::{self, FrameKind, MAX_FRAME, VERSION};

/// A frame of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// When it was made.
    pub time: Timestamp,
    /// What it holds.
    pub kind: FrameKind,
    /// The body.
    pub body: &'a [u8],
}

/// Why the bytes at some place are no whole block, or a block has no whole frames.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The file ends within a block.
    #[error("the file ends within a block: {have} of {want} bytes are there")]
    Torn {
        /// How many bytes are there.
        have: usize,
        /// How many the block, or its header, has.
        want: usize,
    },
    /// A header that no block has.
    #[error("no block that is known here begins there: it was changed, or a newer weir wrote it")]
    Header,
    /// Not the header of a record file.
    #[error("the file does not begin with the header of segment {segment} of a weir record")]
    File {
        /// The segment that was expected.
        segment: u32,
    },
    /// A payload that can't be decompressed to what its header says.
    #[error("the block's frames can't be decompressed")]
    Compressed,
    /// A block without frames that can be read here.
    #[error("the block is not of the plain layer")]
    Sealed,
    /// A length that no frame has.
    #[error("no frame can have {0} bytes")]
    Length(u32),
    /// A kind that isn't known.
    #[error("frame kind {0} is not known")]
    Kind(u8),
    /// A version or flags that aren't known.
    #[error("frame version {version} with flags {flags:#06x} is not known")]
    Version {
        /// The frame's version.
        version: u8,
        /// The frame's flags.
        flags: u16,
    },
}

/// Iterates over the blocks of one segment; ends at the first place that holds no whole block.
#[derive(Clone, Debug)]
pub struct Blocks<'a> {
    bytes: &'a [u8],
    at: usize,
    stopped: bool,
}

impl<'a> Blocks<'a> {
    /// Over a segment file's bytes, header included.
    ///
    /// # Errors
    /// Where the file's own header is not that of the segment.
    pub fn new(bytes: &'a [u8], segment: u32) -> Result<Self, ReadError> {
        check_header(bytes, segment)?;
        Ok(Self { bytes, at: FILE_HEADER, stopped: false })
    }

    /// How far in the file whole blocks have been read, in bytes.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.at
    }
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Result<Block<'a>, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.bytes.get(self.at..).filter(|rest| !rest.is_empty() && !self.stopped)?;
        let block = block(rest);
        match &block {
            Ok(block) => self.at += block.header.length,
            Err(_) => self.stopped = true,
        }
        Some(block)
    }
}

/// Checks a segment file's header.
///
/// # Errors
/// Where it is another one, or not there.
pub fn check_header(bytes: &[u8], segment: u32) -> Result<(), ReadError> {
    let Some(header) = bytes.first_chunk::<FILE_HEADER>() else {
        return Err(ReadError::Torn { have: bytes.len(), want: FILE_HEADER });
    };
    if *header == file_header(segment) { Ok(()) } else { Err(ReadError::File { segment }) }
}

/// The block that `bytes` begin with.
///
/// # Errors
/// Where none does, or not all of it is there.
pub fn block(bytes: &[u8]) -> Result<Block<'_>, ReadError> {
    let torn = |want| ReadError::Torn { have: bytes.len(), want };
    if bytes.len() >= 4 && length(bytes).is_none() {
        return Err(ReadError::Header);
    }
    let head = bytes.first_chunk::<HEADER>().ok_or_else(|| torn(length(bytes).unwrap_or(HEADER)))?;
    let header = Header::parse(head).ok_or(ReadError::Header)?;
    let whole = bytes.get(..header.length).ok_or_else(|| torn(header.length))?;
    let (covered, trailer) = whole.split_at(header.length - TRAILER);
    let mut chain = Hash::default();
    chain.0.copy_from_slice(trailer);
    Ok(Block { header, payload: covered.get(HEADER..).unwrap_or_default(), covered, chain })
}

/// Memory for reading blocks, used again for each.
#[derive(Default)]
pub struct Unpacker {
    decompressor: Option<zstd::bulk::Decompressor<'static>>,
    raw: Vec<u8>,
}

impl Unpacker {
    /// The frames of a plain block, as they were before they were compressed.
    ///
    /// # Errors
    /// Where the block has none, or not those that its header says.
    pub fn unpack(&mut self, header: &Header, payload: &[u8]) -> Result<&[u8], ReadError> {
        match header.kind {
            BlockKind::Plain => self.expand(header, payload),
            BlockKind::Sealed | BlockKind::Key => Err(ReadError::Sealed),
        }
    }

    /// The same of any block whose payload is not encrypted, or not any more.
    ///
    /// # Errors
    /// Where it does not expand to what the header says.
    pub fn expand(&mut self, header: &Header, payload: &[u8]) -> Result<&[u8], ReadError> {
        self.raw.clear();
        match header.codec {
            Codec::Stored => self.raw.extend_from_slice(payload),
            Codec::Zstd => {
                let decompressor = match &mut self.decompressor {
                    Some(decompressor) => decompressor,
                    none => none.insert(zstd::bulk::Decompressor::new().map_err(|_no_memory| ReadError::Compressed)?),
                };
                // Never more than the header asks for, which is bounded.
                self.raw.reserve_exact(header.raw.min(MAX_RAW));
                decompressor.decompress_to_buffer(payload, &mut self.raw).map_err(|_broken| ReadError::Compressed)?;
            }
        }
        if self.raw.len() == header.raw { Ok(&self.raw) } else { Err(ReadError::Compressed) }
    }

    /// What was unpacked last.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }
}

/// The frame that `raw` begins with, and what is behind it; none at the end.
///
/// # Errors
/// Where no whole frame that is known here begins there.
pub fn frame(raw: &[u8]) -> Result<Option<(Frame<'_>, &[u8])>, ReadError> {
    let Some(length) = raw.first_chunk::<4>() else {
        return if raw.is_empty() { Ok(None) } else { Err(ReadError::Torn { have: raw.len(), want: frame::HEADER }) };
    };
    let length = u32::from_le_bytes(*length);
    let fits = usize::try_from(length).ok().filter(|length| (frame::HEADER..=MAX_FRAME).contains(length));
    let Some(whole) = fits.and_then(|length| raw.split_at_checked(length)) else { return Err(ReadError::Length(length)) };
    let (frame, behind) = whole;
    let &[_, _, _, _, kind, version, low, high, ..] = frame else { return Err(ReadError::Length(length)) };
    let flags = u16::from_le_bytes([low, high]);
    if version != VERSION || flags != 0 {
        return Err(ReadError::Version { version, flags });
    }
    let (time, kind, body) = frame::taken_apart(frame).ok_or(ReadError::Kind(kind))?;
    Ok(Some((Frame { time, kind, body }, behind)))
}
