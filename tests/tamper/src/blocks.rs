//! Records taken apart and put together again, as somebody does who knows the format.

use anyhow::Context as _;
use gateway_core::model::ids::SessionId;
use gateway_core::record::Hash;
use gateway_core::record::block::{HEADER, Header, TRAILER};
use gateway_core::record::chain::{FILE_HEADER, file_header};
use gateway_core::record::read::{Blocks, Unpacker, block};
use std::ops::Range;

/// A block of a record, and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) number: u64,
    pub(crate) segment: u32,
    /// In its segment's file.
    pub(crate) bytes: Range<usize>,
    pub(crate) first_frame: u64,
    pub(crate) frames: u64,
}

/// The blocks of a segment's file.
pub(crate) fn placed(segment: u32, file: &[u8]) -> anyhow::Result<Vec<Placed>> {
    let mut at = FILE_HEADER;
    let mut all = Vec::new();
    for block in Blocks::new(file, segment)? {
        let header = block?.header;
        let bytes = at..at + header.length;
        at = bytes.end;
        let frames = u64::from(header.frames);
        all.push(Placed { number: header.number, segment, bytes, first_frame: header.first, frames });
    }
    Ok(all)
}

/// A record as its blocks, segment by segment.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) session: SessionId,
    pub(crate) segments: Vec<Vec<Vec<u8>>>,
}

impl Record {
    pub(crate) fn take_apart(session: SessionId, files: &[&[u8]]) -> anyhow::Result<Self> {
        let segments = files.iter().zip(0..).map(|(file, segment)| {
            let blocks = placed(segment, file)?;
            blocks.into_iter().map(|one| Ok(file.get(one.bytes).context("a block is in its file")?.to_vec())).collect()
        });
        Ok(Self { session, segments: segments.collect::<anyhow::Result<_>>()? })
    }

    /// Has each block follow the one before it: numbers of blocks and frames, and hashes.
    pub(crate) fn chain_anew(&mut self) {
        let session = self.session.to_string();
        let (mut before, mut number, mut frame) = (None, 0u64, 0u64);
        for (segment, blocks) in (0..).zip(&mut self.segments) {
            let mut chain = Hash::genesis(&session, segment, before);
            for block in blocks {
                let length = u32::try_from(block.len()).unwrap_or(u32::MAX);
                put(block, 0, &length.to_le_bytes());
                put(block, 8, &number.to_le_bytes());
                put(block, 16, &frame.to_le_bytes());
                frame += header(block).map_or(0, |header| u64::from(header.frames));
                number += 1;
                chain = hash_anew(block, chain);
            }
            before = Some(chain);
        }
    }

    /// The hash that stands before a block of the first segment.
    pub(crate) fn hash_before(&self, block: usize) -> Hash {
        match block.checked_sub(1).and_then(|before| self.segments.first()?.get(before)) {
            Some(before) => trailer(before),
            None => Hash::genesis(&self.session.to_string(), 0, None),
        }
    }

    pub(crate) fn last_hash(&self) -> Hash {
        self.segments.iter().flatten().next_back().map_or_else(Hash::default, |block| trailer(block))
    }

    /// Its files' bytes.
    pub(crate) fn files(&self) -> Vec<Vec<u8>> {
        let of = |(segment, blocks): (u32, &Vec<Vec<u8>>)| [file_header(segment).to_vec(), blocks.concat()].concat();
        (0..).zip(&self.segments).map(of).collect()
    }
}

/// The same block with other frames behind its header, uncompressed: `change` has their bytes.
pub(crate) fn with_frames(bytes: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> anyhow::Result<Vec<u8>> {
    let whole = block(bytes)?;
    let mut raw = Unpacker::default().unpack(&whole.header, whole.payload)?.to_vec();
    let length = raw.len();
    change(&mut raw);
    anyhow::ensure!(raw.len() == length, "frames keep their lengths");
    let mut new = bytes.get(..HEADER).context("a header")?.to_vec();
    new.extend_from_slice(&raw);
    new.extend_from_slice(&whole.chain.0);
    let length = u32::try_from(new.len())?;
    put(&mut new, 0, &length.to_le_bytes());
    put(&mut new, 5, &[0]);
    Ok(new)
}

/// Gives a block the hash that it has behind `before`.
pub(crate) fn hash_anew(block: &mut [u8], before: Hash) -> Hash {
    let at = block.len().saturating_sub(TRAILER);
    let hash = before.next(block.get(..at).unwrap_or_default());
    put(block, at, &hash.0);
    hash
}

pub(crate) fn put(bytes: &mut [u8], at: usize, new: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + new.len()) {
        place.copy_from_slice(new);
    }
}

pub(crate) fn header(block: &[u8]) -> Option<Header> {
    block.first_chunk().and_then(Header::parse)
}

fn trailer(block: &[u8]) -> Hash {
    let mut hash = Hash::default();
    if let Some(last) = block.last_chunk() {
        hash.0 = *last;
    }
    hash
}
