//! Reads frames from bytes that may have been changed by anyone.

use crate::model::time::Timestamp;
use crate::record::chain::{FILE_HEADER, Hash, file_header};
use crate::record::frame::{FrameKind, HEADER, MAX_FRAME, TRAILER, VERSION};

/// A frame as it stands in a file. Nothing of it is proved: see [`crate::record::verify`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Its number within the session.
    pub seq: u64,
    /// When it was made.
    pub time: Timestamp,
    /// What it holds.
    pub kind: FrameKind,
    /// The body.
    pub body: &'a [u8],
    /// The bytes that the chain covers: the header and the body.
    pub covered: &'a [u8],
    /// The hash that stands behind it.
    pub chain: Hash,
}

impl Frame<'_> {
    /// The frame's length in its file, in bytes.
    #[must_use]
    pub const fn length(&self) -> usize {
        self.covered.len() + TRAILER
    }
}

/// Why the bytes at some place are no whole frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The file ends within a frame.
    #[error("the file ends within a frame: {have} of {want} bytes are there")]
    Torn {
        /// How many bytes are there.
        have: usize,
        /// How many the frame, or its header, has.
        want: usize,
    },
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
    /// Not the header of a record file.
    #[error("the file does not begin with the header of segment {segment} of a weir record")]
    Header {
        /// The segment that was expected.
        segment: u32,
    },
}

/// Iterates over the frames of one segment; ends at the first place that holds no whole frame.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    stopped: bool,
}

impl<'a> Reader<'a> {
    /// Over a segment file's bytes, header included.
    pub fn new(bytes: &'a [u8], segment: u32) -> Result<Self, ReadError> {
        check_header(bytes, segment)?;
        Ok(Self { bytes, at: FILE_HEADER, stopped: false })
    }

    /// How far in the file whole frames have been read, in bytes.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.at
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = Result<Frame<'a>, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.bytes.get(self.at..).filter(|rest| !rest.is_empty() && !self.stopped)?;
        let frame = frame(rest);
        match &frame {
            Ok(frame) => self.at += frame.length(),
            Err(_) => self.stopped = true,
        }
        Some(frame)
    }
}

/// Checks a segment file's header.
pub fn check_header(bytes: &[u8], segment: u32) -> Result<(), ReadError> {
    let Some(header) = bytes.first_chunk::<FILE_HEADER>() else {
        return Err(ReadError::Torn { have: bytes.len(), want: FILE_HEADER });
    };
    if *header == file_header(segment) { Ok(()) } else { Err(ReadError::Header { segment }) }
}

/// The length of the frame whose first bytes these are, checked; none where fewer than four are there.
pub fn frame_length(bytes: &[u8]) -> Result<Option<usize>, ReadError> {
    let Some(length) = bytes.first_chunk::<4>() else { return Ok(None) };
    let length = u32::from_le_bytes(*length);
    match usize::try_from(length) {
        Ok(fits) if (HEADER + TRAILER..=MAX_FRAME).contains(&fits) => Ok(Some(fits)),
        _ => Err(ReadError::Length(length)),
    }
}

/// The frame that `bytes` begin with.
pub fn frame(bytes: &[u8]) -> Result<Frame<'_>, ReadError> {
    let torn = |want| ReadError::Torn { have: bytes.len(), want };
    let length = frame_length(bytes)?.ok_or_else(|| torn(HEADER))?;
    let header = bytes.first_chunk::<HEADER>().ok_or_else(|| torn(length))?;
    let flags = u16::from_le_bytes([header[6], header[7]]);
    if header[5] != VERSION || flags != 0 {
        return Err(ReadError::Version { version: header[5], flags });
    }
    let kind = FrameKind::from_number(header[4]).ok_or(ReadError::Kind(header[4]))?;
    let whole = bytes.get(..length).ok_or_else(|| torn(length))?;
    let (covered, trailer) = whole.split_at(length - TRAILER);
    let mut chain = Hash::default();
    chain.0.copy_from_slice(trailer);
    Ok(Frame {
        seq: number(header, 8),
        time: Timestamp(number(header, 16)),
        kind,
        body: covered.get(HEADER..).unwrap_or_default(),
        covered,
        chain,
    })
}

fn number(header: &[u8; HEADER], at: usize) -> u64 {
    let bytes = header.get(at..at + 8).and_then(|bytes| bytes.first_chunk::<8>());
    bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
}
