//! What a session did can be listed, shown, played back and verified; a touched record is named.

use std::path::{Path, PathBuf};
use weir_tests::{Postgres, Weir};

#[test]
fn the_exact_sequence_is_played_back() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).build();
    weir.run(&["psql", "-X", "-c", "SELECT 'first thing'", "-c", "SELECT 'second thing'"]).expect_success();
    let session = weir.sessions()[0]["session"].as_str().expect("an id").to_owned();
    let played = weir.cli(&["session", "play", &session, "--instant"]).expect_success().stdout;
    let first = played.find("SELECT 'first thing'").expect("the first statement is there");
    let second = played.find("SELECT 'second thing'").expect("the second statement is there");
    assert!(first < second);
    assert!(!played.contains("real-secret-of-the-target"), "the credential is in the record");
    weir.cli(&["audit", "verify"]).expect_success();
}

#[test]
fn a_changed_or_cut_record_is_named() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).build();
    weir.run(&["psql", "-X", "-c", "SELECT 'the evidence'"]).expect_success();
    let session = weir.sessions()[0]["session"].as_str().expect("an id").to_owned();
    let file = record_of(&weir.directory().join("state"), &session).expect("the session has a file");
    let whole = std::fs::read(&file).expect("root reads it");
    let mut changed = whole.clone();
    changed[whole.len() / 2] ^= 1;
    for touched in [changed, whole[..whole.len() - 10].to_vec()] {
        std::fs::write(&file, touched).expect("root writes it");
        let verified = weir.cli(&["audit", "verify"]);
        assert_eq!(verified.status, Some(1), "{}", verified.stdout);
        assert!((verified.stdout + &verified.stderr).contains(&session));
    }
    std::fs::write(&file, whole).expect("root writes it");
    weir.cli(&["audit", "verify"]).expect_success();
}

/// The largest file below `directory` that is named for the session.
fn record_of(directory: &Path, session: &str) -> Option<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).ok()?.flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if path.to_string_lossy().contains(session) {
                found.push((entry.metadata().ok()?.len(), path));
            }
        }
    }
    found.into_iter().max().map(|(_, path)| path)
}
