//! What detection keeps across restarts: what was seen, up to which event, and what is found and not told yet. One file, whole
//! or not at all, so that no event counts twice.

use crate::durable;
use gateway_core::finding::{State, Told};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// The form of the file.
const VERSION: u32 = 1;
/// Bytes of it. What the engine remembers has limits of its own, which are below that.
const LARGEST: u64 = 512 << 20;

/// The file, as it is written.
#[derive(Serialize)]
struct Page<'k> {
    version: u32,
    heard: u64,
    untold: &'k VecDeque<Told>,
    state: &'k State,
}

/// What was kept.
#[derive(Debug, Default, PartialEq, Deserialize)]
pub(super) struct Kept {
    version: u32,
    /// The number of the last event that was heard.
    pub(super) heard: u64,
    /// What is found and was to be told.
    pub(super) untold: VecDeque<Told>,
    /// What was seen.
    pub(super) state: State,
}

/// Why what was kept is not to be had.
#[derive(Debug, thiserror::Error)]
#[error("what detection has learned, {}, can't be read: {why}; it begins anew, and what was there is {}", path.display(), aside.display())]
pub(super) struct Damaged {
    path: PathBuf,
    aside: PathBuf,
    why: String,
}

/// Where it is.
pub(super) fn path(state_dir: &Path) -> PathBuf {
    state_dir.join("detection.json")
}

/// Reads it; nothing where there is none.
///
/// # Errors
/// Where it is damaged: it is set aside then.
pub(super) fn read(state_dir: &Path) -> Result<Option<Kept>, Damaged> {
    let path = path(state_dir);
    let damaged = |why: String| {
        let aside = path.with_extension("damaged");
        // Where it can't be moved, it is overwritten.
        let _moved = fs::rename(&path, &aside).is_ok();
        Damaged { path: path.clone(), aside, why }
    };
    let mut bytes = Vec::new();
    match File::open(&path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes)) {
        Ok(_read) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(damaged(error.to_string())),
    }
    if bytes.len() as u64 > LARGEST {
        return Err(damaged(format!("it has more than {LARGEST} bytes")));
    }
    let kept: Kept = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
    if kept.version != VERSION {
        return Err(damaged(format!("it is of version {}, and this is {VERSION}", kept.version)));
    }
    Ok(Some(kept))
}

/// Writes it, in place of what was there.
///
/// # Errors
/// Where it can't be written: what was there still is.
pub(super) fn write(state_dir: &Path, heard: u64, untold: &VecDeque<Told>, state: &State) -> io::Result<()> {
    let bytes = serde_json::to_vec(&Page { version: VERSION, heard, untold, state })?;
    durable::replace(&path(state_dir), &bytes, 0o600)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_back_and_what_is_damaged_is_said_and_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        assert_eq!(read(at).unwrap(), None);
        write(at, 7, &VecDeque::new(), &State::default()).unwrap();
        assert_eq!(read(at).unwrap().unwrap(), Kept { version: VERSION, heard: 7, ..Kept::default() });
        for wrong in ["{", "{\"version\":9,\"heard\":1,\"untold\":[],\"state\":{}}", "\u{0}"] {
            fs::write(path(at), wrong).unwrap();
            let told = read(at).unwrap_err().to_string();
            assert!(told.contains("begins anew") && told.contains("detection.damaged"), "{told}");
            assert_eq!(fs::read_to_string(at.join("detection.damaged")).unwrap(), wrong);
            assert_eq!(read(at).unwrap(), None);
        }
    }
}
