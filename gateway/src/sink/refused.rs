//! What a receiver will never take is set aside, with the reason: `<sink>.refused.jsonl` beside the spool, and one such file before it.

use super::Entry;
use super::spool::SpoolError;
use serde_json::json;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Bytes after which the file is moved to `.1`, and the one that was there is gone.
const MOST: u64 = 16 << 20;

/// Sets an entry aside.
pub(super) fn set_aside(directory: &Path, sink: &str, entry: &Entry<'_>, why: &str) -> Result<(), SpoolError> {
    let path = directory.join(format!("{sink}.refused.jsonl"));
    if fs::metadata(&path).is_ok_and(|about| about.len() >= MOST) {
        let before = directory.join(format!("{sink}.refused.jsonl.1"));
        fs::rename(&path, &before).map_err(SpoolError::io("move", &path))?;
    }
    let line = json!({ "number": entry.number, "uid": entry.uid, "at": entry.at, "why": why, "text": entry.text });
    let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path).map_err(SpoolError::io("open", &path))?;
    let written = (&file).write_all(format!("{line}\n").as_bytes()).and_then(|()| file.sync_data());
    written.map_err(SpoolError::io("append to", &path))
}
