//! A segment: a file of records, named by the number of its first one.
//!
//! All numbers are little-endian. The file begins with `weirspl1` and the first record's number (u64). A record is the length of its
//! JSON (u32), CRC-32 over number and JSON (u32, as zlib has it), its number (u64), and the JSON of an event.

use super::SpoolError;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// What a segment begins with.
pub(super) const MAGIC: &[u8; 8] = b"weirspl1";
/// Bytes before its first record.
pub(super) const HEADER: u64 = 16;
/// Bytes of a record before its JSON.
pub(super) const RECORD_HEADER: usize = 16;
/// An event's JSON is not longer: a statement's text is cut long before.
pub(super) const LONGEST: usize = 64 << 20;

/// Where the segment lies whose first record has this number.
pub(super) fn path(directory: &Path, first: u64) -> PathBuf {
    directory.join(format!("{first:020}.seg"))
}

/// The first numbers of all segments, in order.
pub(super) fn all(directory: &Path) -> Result<Vec<u64>, SpoolError> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(SpoolError::io("read", directory)(error)),
    };
    let mut firsts = Vec::new();
    for entry in entries {
        let name = entry.map_err(SpoolError::io("read", directory))?.file_name();
        let first = name.to_str().and_then(|name| name.strip_suffix(".seg")).filter(|digits| digits.len() == 20);
        firsts.extend(first.and_then(|digits| digits.parse::<u64>().ok()));
    }
    firsts.sort_unstable();
    Ok(firsts)
}

/// A segment's first bytes.
pub(super) fn header(first: u64) -> [u8; HEADER as usize] {
    let mut header = [0; HEADER as usize];
    let (magic, number) = header.split_at_mut(MAGIC.len());
    magic.copy_from_slice(MAGIC);
    number.copy_from_slice(&first.to_le_bytes());
    header
}

/// Appends a record to `out`.
pub(super) fn encode(number: u64, json: &[u8], out: &mut Vec<u8>) {
    let length = u32::try_from(json.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&crc(number, json).to_le_bytes());
    out.extend_from_slice(&number.to_le_bytes());
    out.extend_from_slice(json);
}

/// What a place in a segment holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A whole record: its number; its JSON is in the buffer.
    Record(u64),
    /// The file ends here, at a record's end.
    End,
    /// Something that is no whole record: torn, still being written, or broken.
    Torn,
}

/// What stands before a record's JSON.
struct Header {
    length: usize,
    /// The checksum that it has to have.
    expected: u32,
    number: u64,
}

impl Header {
    const fn parse(bytes: [u8; RECORD_HEADER]) -> Self {
        let [l0, l1, l2, l3, c0, c1, c2, c3, number @ ..] = bytes;
        let (length, expected) = (u32::from_le_bytes([l0, l1, l2, l3]) as usize, u32::from_le_bytes([c0, c1, c2, c3]));
        Self { length, expected, number: u64::from_le_bytes(number) }
    }
}

/// Reads the record that begins here; its JSON is put in `json`.
pub(super) fn decode(from: &mut impl Read, json: &mut Vec<u8>) -> io::Result<Found> {
    let mut header = [0; RECORD_HEADER];
    json.clear();
    match fill(from, &mut header)? {
        0 => return Ok(Found::End),
        RECORD_HEADER => {}
        _ => return Ok(Found::Torn),
    }
    let Header { length, expected, number } = Header::parse(header);
    if length > LONGEST {
        return Ok(Found::Torn);
    }
    from.take(length as u64).read_to_end(json)?;
    let whole = json.len() == length && crc(number, json) == expected;
    Ok(if whole { Found::Record(number) } else { Found::Torn })
}

/// Where behind `offset` the next whole record begins whose number is greater than `last`: what a broken one has behind it is not
/// lost with it.
pub(super) fn resume(file: &File, offset: u64, last: u64) -> io::Result<Option<u64>> {
    // At its place, so that whoever reads the file goes on where they are.
    let length = usize::try_from(file.metadata()?.len().saturating_sub(offset)).unwrap_or(usize::MAX);
    let mut rest = vec![0; length];
    match file.read_exact_at(&mut rest, offset) {
        Ok(()) => {}
        // What was torn has been cut off meanwhile.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let whole = |at: &usize| {
        let record = rest.get(*at..)?;
        let (header, behind) = record.split_first_chunk()?;
        let Header { length, expected, number } = Header::parse(*header);
        let json = behind.get(..length)?;
        // Nothing is there where a file was only made longer.
        (!json.is_empty() && number > last && crc(number, json) == expected).then_some(())
    };
    Ok((1..rest.len()).find(|at| whole(at).is_some()).map(|at| offset + at as u64))
}

/// Reads until the buffer is full or there is nothing more.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match from.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn crc(number: u64, json: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&number.to_le_bytes());
    hasher.update(json);
    hasher.finalize()
}
