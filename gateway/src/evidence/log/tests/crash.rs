//! A gateway is killed at each of its writes: whatever is on the disk then, the next one goes on with it.

use super::*;
use proptest::prelude::*;
use std::cell::RefCell;

thread_local! {
    /// What is done after each write.
    static AT_STEP: RefCell<Option<Box<dyn FnMut()>>> = const { RefCell::new(None) };
}

/// A step of writing is done.
pub(in super::super) fn step() {
    // Taken meanwhile: what is done there may write as well.
    let Some(mut at_step) = AT_STEP.with_borrow_mut(Option::take) else { return };
    at_step();
    AT_STEP.with_borrow_mut(|slot| *slot = Some(at_step));
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() { copy(&path, &target) } else { drop(fs::copy(&path, &target).unwrap()) }
    }
}

/// What lay on the disk after each step of `work`, with the number of entries that were synced and covered by then.
fn every_step(work: impl FnOnce(&Path, &RefCell<u64>)) -> Vec<(tempfile::TempDir, u64)> {
    let state = tempfile::tempdir().unwrap();
    let directory = state.path().to_owned();
    let copies = std::rc::Rc::new(RefCell::new(Vec::new()));
    let into = std::rc::Rc::clone(&copies);
    let take = move || {
        let copied = tempfile::tempdir().unwrap();
        copy(&directory, copied.path());
        into.borrow_mut().push((copied, 0u64));
    };
    AT_STEP.with_borrow_mut(|slot| *slot = Some(Box::new(take)));
    let least = RefCell::new(0);
    work(state.path(), &least);
    AT_STEP.with_borrow_mut(|slot| *slot = None);
    std::rc::Rc::try_unwrap(copies).map(RefCell::into_inner).unwrap_or_default()
}

/// The log goes on: nothing that a checkpoint covered is lost, and what was signed before is a prefix.
fn goes_on(directory: &Path) {
    let before = fs::read(directory.join("log/checkpoint")).ok();
    let covered = before.as_ref().map_or(0, |note| SignedCheckpoint::parse(note).unwrap().checkpoint().size);
    let log = open(directory).unwrap();
    let size = log.size().unwrap();
    assert!(size >= covered);
    assert!(log.entries(0).map(Result::unwrap).all(|(index, found)| found == entry(index)));
    append(&log, 3);
    log.checkpoint_now().unwrap().expect("three are new");
    let outside: Vec<Vec<u8>> = before.into_iter().collect();
    assert_eq!(problems(directory, &outside), []);
    assert_eq!(log.entries(0).count() as u64, size + 3);
}

#[test]
fn whatever_write_was_the_last_the_next_gateway_goes_on() {
    let copies = every_step(|directory, _| {
        let log = open(directory).unwrap();
        for count in [2, 253, 3, 600, 1] {
            append(&log, count);
            log.checkpoint_now().unwrap();
        }
        append(&log, 5000);
        append(&log, 1);
        drop(log);
        open(directory).unwrap().checkpoint_now().unwrap();
    });
    assert!(copies.len() > 60, "{}", copies.len());
    for (copied, _) in copies {
        goes_on(copied.path());
    }
}

#[test]
fn a_torn_end_is_cut_where_nothing_covers_it_and_nowhere_else() {
    let state = tempfile::tempdir().unwrap();
    let log = open(state.path()).unwrap();
    append(&log, 5);
    log.checkpoint_now().unwrap().unwrap();
    let covered = fs::metadata(state.path().join("log/journal")).unwrap().len();
    append(&log, 5);
    let journal = state.path().join("log/journal");
    let whole = fs::read(&journal).unwrap();
    for length in 0..whole.len() {
        let copied = tempfile::tempdir().unwrap();
        copy(state.path(), copied.path());
        fs::write(copied.path().join("log/journal"), &whole[..length]).unwrap();
        if (length as u64) < covered {
            let damaged = open(copied.path()).map(drop);
            assert!(matches!(damaged, Err(LogError::Damaged { .. })), "{length}: {damaged:?}");
            assert_ne!(problems(copied.path(), &[]), []);
        } else {
            goes_on(copied.path());
        }
    }
    // Zeros, as a file system may leave them.
    let mut zeros = whole.clone();
    zeros.extend_from_slice(&[0; 5000]);
    fs::write(&journal, zeros).unwrap();
    drop(log);
    goes_on(state.path());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn any_history_goes_on_after_any_write(counts in proptest::collection::vec((1u64..700, any::<bool>()), 1..5), at in any::<prop::sample::Index>(), cut in 0usize..200) {
        let copies = every_step(|directory, _| {
            let log = open(directory).unwrap();
            for (count, publish) in counts {
                append(&log, count);
                if publish { log.checkpoint_now().unwrap(); }
            }
        });
        let (copied, _) = at.get(&copies);
        // Besides, the journal's end may not have reached the disk as far as nothing covers it.
        let path = copied.path().join("log/journal");
        let bytes = fs::read(&path).unwrap();
        let shorter = bytes.len().saturating_sub(cut).max(16);
        fs::write(&path, &bytes[..shorter]).unwrap();
        if let Err(LogError::Damaged { .. }) = open(copied.path()).map(drop) {
            fs::write(&path, &bytes).unwrap();
        }
        goes_on(copied.path());
    }
}
