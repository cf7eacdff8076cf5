//! What may go: segments that every sink has read, and the oldest where there is no room for more.

use super::SpoolError;
use super::segment;
use std::fs;
use std::io;
use std::path::Path;

/// How much there is, after what may go has gone.
pub(super) struct Room {
    /// Bytes of all segments.
    pub(super) bytes: u64,
    /// The sink for which no more may go, where that would have to be.
    pub(super) blocked: Option<String>,
}

impl Room {
    /// Removes what may go. Each reader is its name, the number up to which it has read, and whether nothing of it may be dropped.
    /// Only under the spool's lock.
    pub(super) fn made<'r>(
        directory: &Path,
        max_bytes: u64,
        readers: impl Iterator<Item = (&'r str, u64, bool)>,
    ) -> Result<Self, SpoolError> {
        let readers: Vec<_> = readers.collect();
        let read_by_all = readers.iter().map(|(_, number, _)| *number).min().unwrap_or_default();
        let slowest = readers.iter().filter(|(_, _, blocks)| *blocks).min_by_key(|(_, number, _)| *number);
        let firsts = segment::all(directory)?;
        let mut sizes = Vec::with_capacity(firsts.len());
        for first in &firsts {
            sizes.push(size(directory, *first)?);
        }
        let mut bytes: u64 = sizes.iter().sum();
        // The last one is written to, and numbers go on from it.
        for (pair, size) in firsts.windows(2).zip(sizes) {
            let &[first, next] = pair else { continue };
            let last = next - 1;
            if last > read_by_all {
                if bytes <= max_bytes {
                    break;
                }
                if let Some((name, ..)) = slowest.filter(|(_, number, _)| last > *number) {
                    return Ok(Self { bytes, blocked: Some((*name).to_owned()) });
                }
                tracing::warn!(first, last, "the spool is full: sinks that have not read these events lose them");
            }
            let path = segment::path(directory, first);
            fs::remove_file(&path).map_err(SpoolError::io("remove", &path))?;
            bytes = bytes.saturating_sub(size);
        }
        Ok(Self { bytes, blocked: None })
    }
}

fn size(directory: &Path, first: u64) -> Result<u64, SpoolError> {
    let path = segment::path(directory, first);
    match fs::metadata(&path) {
        Ok(about) => Ok(about.len()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(SpoolError::io("look at", &path)(error)),
    }
}
