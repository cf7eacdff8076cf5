//! What weir keeps of a round: its files, and what `weir session` shows of them.

use crate::Weir;
use std::path::Path;

/// A piece of what is kept, and where it was found.
#[derive(Debug)]
pub(super) struct Kept {
    /// A file below the state directory, or a command.
    pub(super) place: String,
    /// What is there.
    pub(super) bytes: Vec<u8>,
}

/// All files, the list of sessions, and `show` of one session in `every`.
pub(super) fn of(weir: &Weir, every: usize) -> Vec<Kept> {
    let mut all = Vec::new();
    files(&weir.directory().join("state"), &mut all);
    let mut command = |arguments: &[&str]| {
        let outcome = weir.cli(arguments);
        assert_eq!(outcome.status, Some(0), "weir {}: {}", arguments.join(" "), outcome.stderr);
        all.push(Kept { place: format!("weir {}", arguments.join(" ")), bytes: (outcome.stdout + &outcome.stderr).into_bytes() });
    };
    command(&["session", "list"]);
    command(&["session", "list", "--format", "json"]);
    let sessions = weir.sessions();
    assert!(!sessions.is_empty(), "what was played went through the gateway");
    for session in sessions.iter().step_by(every) {
        let id = session["session"].as_str().expect("an id is text");
        command(&["session", "show", id]);
        command(&["session", "show", id, "--format", "json"]);
        command(&["session", "play", id, "--instant", "--format", "json"]);
    }
    all
}

fn files(place: &Path, all: &mut Vec<Kept>) {
    for entry in std::fs::read_dir(place).expect("weir has made it").flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => files(&path, all),
            Ok(kind) if kind.is_file() => {
                let bytes = std::fs::read(&path).unwrap_or_default();
                all.push(Kept { place: path.display().to_string(), bytes });
            }
            _ => {}
        }
    }
}
