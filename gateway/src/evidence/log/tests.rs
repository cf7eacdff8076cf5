//! The log: what comes back, what a crash leaves, and what several gateways make of it.

mod crash;
mod damage;
mod others;
mod signers;
mod witness;

pub(super) use crash::step;

use super::*;
use gateway_core::model::ids::{RunId, SessionId};
use gateway_core::record::log::tile::Tile;
use gateway_core::record::log::{Entry, Proof, SignedCheckpoint, SigningKey, VerifierKey};
use std::fs;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const NAME: &str = "acme.example/weir";

/// In memory, where there is such a place: what a sync costs is not the matter here.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(NAME, &Zeroizing::new([seed; 32])).unwrap()
}

fn open(directory: &Path) -> Result<Log, LogError> {
    Log::open(directory, Signer::of(key(1)))
}

/// An entry that says its number.
fn entry(number: u64) -> Entry {
    Entry::Opened { at: number * 1000, session: SessionId::from_number(number), run: RunId::from_number(0) }
}

fn append(log: &Log, count: u64) -> u64 {
    log.locked(|log| {
        let first = log.size();
        let entries: Vec<Entry> = (first..first + count).map(entry).collect();
        assert_eq!(log.append(&entries)?, first);
        Ok::<_, LogError>(log.size())
    })
    .unwrap()
}

fn problems(directory: &Path, outside: &[Vec<u8>]) -> Vec<Problem> {
    verify_log(directory, &[key(1).verifier().clone()], outside, &mut |_| {}).problems
}

/// All files below the log, but for its lock.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![directory.join("log")];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path)
            } else if !path.ends_with("lock") {
                found.push(path)
            }
        }
    }
    found.sort();
    found
}

#[test]
fn entries_come_back_and_are_proved_across_bundles_and_restarts() {
    let state = folder();
    let log = open(state.path()).unwrap();
    assert_eq!((log.size().unwrap(), log.checkpoint_now().unwrap()), (0, None));
    assert!(matches!(log.prove(0), Err(LogError::NoEntry { index: 0, size: 0 })));
    let mut all = Vec::new();
    for count in [1, 1, 254, 1, 300, 256, 5000] {
        let size = append(&log, count);
        let text = log.checkpoint_now().unwrap().expect("something is new");
        assert_eq!(log.checkpoint_now().unwrap(), None, "nothing is new");
        let signed = SignedCheckpoint::parse(text.as_bytes()).unwrap();
        assert_eq!(signed.checkpoint().size, size);
        signed.verify(NAME, &[log.verifier()]).unwrap();
        assert_eq!(fs::read_to_string(state.path().join("log/checkpoint")).unwrap(), text);
        all.push(text.into_bytes());
        assert_eq!(problems(state.path(), &all), []);
    }
    append(&log, 7);
    drop(log);
    let log = open(state.path()).unwrap();
    let size = log.size().unwrap();
    assert_eq!(size, 5820);
    let back: Vec<(u64, Entry)> = log.entries(0).map(Result::unwrap).collect();
    assert_eq!(back, (0..size).map(|number| (number, entry(number))).collect::<Vec<_>>());
    assert_eq!(log.entries(5818).count(), 2);
    assert_eq!(log.entries(size + 9).count(), 0);
    for index in [0, 1, 255, 256, 511, 5812] {
        assert_eq!(log.entry(index).unwrap(), entry(index));
        let proof = Proof::parse(log.prove(index).unwrap().as_bytes()).unwrap();
        proof.verify(&entry(index).to_bytes().unwrap(), NAME, &[log.verifier()]).unwrap();
        assert_eq!(proof.extra, Some(entry(index).to_bytes().unwrap()));
    }
    assert!(matches!(log.prove(5813), Err(LogError::NoEntry { size: 5813, .. })), "no checkpoint covers it yet");
    assert!(matches!(log.entry(size), Err(LogError::NoEntry { .. })));
    let read: Vec<u64> = read_log(state.path())
        .unwrap()
        .map(|(index, entry)| {
            entry.unwrap();
            index
        })
        .collect();
    assert_eq!(read, (0..size).collect::<Vec<_>>());
    let done = verify_log(state.path(), &[log.verifier()], &all, &mut |_| {});
    assert_eq!((done.problems, done.size, done.covered), (vec![], 5820, 5813));
}

#[test]
fn partial_tiles_are_those_of_the_last_two_checkpoints() {
    let state = folder();
    let log = open(state.path()).unwrap();
    for count in [3, 4, 5, 250, 1, 1, 300, 2] {
        append(&log, count);
        log.checkpoint_now().unwrap().unwrap();
    }
    let partial: Vec<String> = files(state.path())
        .into_iter()
        .map(|path| path.strip_prefix(state.path().join("log")).unwrap().to_str().unwrap().to_owned())
        .filter(|path| path.contains(".p/"))
        .collect();
    assert!(partial.iter().all(|path| Tile::parse(path).is_some()));
    // 564 and 566.
    assert_eq!(
        partial,
        ["tile/0/002.p/52", "tile/0/002.p/54", "tile/1/000.p/2", "tile/entries/002.p/52", "tile/entries/002.p/54"]
    );
}

#[test]
fn gateways_share_the_log_whoever_appends_rolls_and_signs() {
    let state = folder();
    let logs = [open(state.path()).unwrap(), open(state.path()).unwrap()];
    std::thread::scope(|scope| {
        for log in &logs {
            scope.spawn(move || {
                for round in 0..40 {
                    append(log, 1 + round % 17);
                    log.sync().unwrap();
                    if round % 5 == 0 {
                        log.checkpoint_now().unwrap();
                    }
                }
            });
        }
    });
    let total = 2 * (0..40u64).map(|round| 1 + round % 17).sum::<u64>();
    for log in &logs {
        assert_eq!(log.size().unwrap(), total);
        assert!(log.entries(0).map(Result::unwrap).all(|(index, found)| found == entry(index)));
    }
    logs[0].checkpoint_now().unwrap();
    assert_eq!(problems(state.path(), &[]), []);
}

#[test]
fn a_checkpoint_that_was_overtaken_leaves_the_later_one_its_tiles() {
    let state = folder();
    let logs = [open(state.path()).unwrap(), open(state.path()).unwrap()];
    let signed = |log: &Log| {
        let mut signed = SignedCheckpoint::new(log.locked(|log| log.prepare(NAME)).unwrap().unwrap()).unwrap();
        signed.note_mut().sign(&key(1));
        signed
    };
    append(&logs[0], 100);
    let early = signed(&logs[0]);
    append(&logs[1], 5);
    let late = signed(&logs[1]);
    assert!(logs[0].publish(early.clone()).unwrap().is_some());
    assert_eq!(problems(state.path(), &[]), []);
    assert!(logs[1].publish(late).unwrap().is_some());
    assert!(logs[0].publish(early).unwrap().is_none(), "it is not put in place of a later one");
    assert_eq!(problems(state.path(), &[]), []);
}

#[test]
fn an_entry_that_is_too_long_takes_none_with_it() {
    let state = folder();
    let log = open(state.path()).unwrap();
    let long = Entry::Policy { at: 1, hash: "a".repeat(70_000) };
    assert!(matches!(log.locked(|log| log.append(&[entry(0), long])), Err(LogError::Entry(_))));
    assert_eq!(log.size().unwrap(), 0);
    append(&log, 1);
    let wide = Entry::Policy { at: 1, hash: "a".repeat(65_000) };
    for _ in 0..600 {
        log.locked(|log| log.append(std::slice::from_ref(&wide))).unwrap();
    }
    assert!(fs::metadata(state.path().join("log/journal")).unwrap().len() < 34 << 20, "it began anew without a checkpoint");
    drop(log);
    let log = open(state.path()).unwrap();
    log.checkpoint_now().unwrap().unwrap();
    assert_eq!((log.size().unwrap(), problems(state.path(), &[])), (601, vec![]));
}

#[test]
fn another_key_does_not_go_on_with_the_log() {
    let state = folder();
    let log = open(state.path()).unwrap();
    append(&log, 1);
    log.checkpoint_now().unwrap().unwrap();
    let other = Log::open(state.path(), Signer::of(key(2)));
    assert!(matches!(other.map(drop), Err(LogError::OtherKey { .. })));
    let done = verify_log(state.path(), &[key(2).verifier().clone()], &[], &mut |_| {});
    let told = done.problems.as_slice();
    assert!(matches!(told, [Problem::Forged { size: 1, .. }, Problem::PublicKey { .. }]), "{told:?}");
    let public: VerifierKey = log.verifier().to_string().parse().unwrap();
    assert_eq!(&public, key(1).verifier());
}
