//! Where records lie: `<state>/sessions/<session>.weir`, then `<session>.0001.weir` and so on.

use super::EvidenceError;
use gateway_core::model::ids::SessionId;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The directory of records below the state directory.
#[must_use]
pub fn sessions(state_dir: &Path) -> PathBuf {
    state_dir.join("sessions")
}

/// The file of one segment of a session's record.
#[must_use]
pub fn segment(state_dir: &Path, session: SessionId, number: u32) -> PathBuf {
    let name = if number == 0 { format!("{session}.weir") } else { format!("{session}.{number:04}.weir") };
    sessions(state_dir).join(name)
}

/// A session's segments as far as they are there without a gap, each file's length beside it.
pub fn segments(state_dir: &Path, session: SessionId) -> Result<Vec<(PathBuf, u64)>, EvidenceError> {
    let mut found = Vec::new();
    for number in 0..u32::MAX {
        let path = segment(state_dir, session, number);
        match fs::metadata(&path) {
            Ok(about) => found.push((path, about.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => break,
            Err(error) => return Err(EvidenceError::io("look at", &path)(error)),
        }
    }
    Ok(found)
}

/// A file, and the session and segment that its name says.
pub type NamedFile = (PathBuf, Option<(SessionId, u32)>);

/// Each file in the directory of records, with the session and segment that its name says; none
/// where its name says neither.
pub fn all(state_dir: &Path) -> Result<Vec<NamedFile>, EvidenceError> {
    let directory = sessions(state_dir);
    let entries = match fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(EvidenceError::io("read", &directory)(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(EvidenceError::io("read", &directory))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).and_then(parse_name);
        found.push((path, name));
    }
    found.sort();
    Ok(found)
}

/// The session and segment that a file's name says.
#[must_use]
pub fn parse_name(name: &str) -> Option<(SessionId, u32)> {
    let stem = name.strip_suffix(".weir")?;
    match stem.split_once('.') {
        None => Some((stem.parse().ok()?, 0)),
        Some((session, number)) => Some((session.parse().ok()?, number.parse().ok().filter(|&number| number > 0)?)),
    }
}
