//! What somebody does to the files shows, and where.

use super::*;

/// A log of 600 entries whose checkpoint covers 590, and its checkpoints.
fn log_of_600(directory: &Path) -> Vec<Vec<u8>> {
    let log = open(directory).unwrap();
    let mut signed = Vec::new();
    for count in [100, 200, 290] {
        append(&log, count);
        signed.push(log.checkpoint_now().unwrap().unwrap().into_bytes());
    }
    append(&log, 10);
    signed
}

fn edit(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

fn flip(at: usize) -> impl FnOnce(&mut Vec<u8>) {
    move |bytes| bytes[at] ^= 1
}

/// Replaces one text in a file by another of its length.
fn swap(from: &'static str, to: &'static str) -> impl FnOnce(&mut Vec<u8>) {
    assert_eq!(from.len(), to.len());
    move |bytes| {
        let at = bytes.windows(from.len()).position(|window| window == from.as_bytes()).expect("it is there");
        bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
    }
}

fn tile_changed(tile: &str) -> Problem {
    Problem::TileChanged { tile: tile.to_owned() }
}

#[test]
fn each_change_is_named_by_its_place() {
    type Change = Box<dyn FnOnce(&Path)>;
    type Edit = Box<dyn FnOnce(&mut Vec<u8>)>;
    let on = |file: &'static str, change: Edit| -> Change { Box::new(move |log| edit(&log.join(file), change)) };
    let remove = |file: &'static str| -> Change { Box::new(move |log| fs::remove_file(log.join(file)).unwrap()) };
    let cases: Vec<(Change, Vec<Problem>)> = vec![
        (Box::new(|_| {}), vec![]),
        // Entry 7, in the first bundle.
        (on("tile/entries/000", Box::new(swap("\"at\":7000,", "\"at\":7001,"))), vec![Problem::Changed { entry: 7 }]),
        (on("tile/entries/000", Box::new(|bytes| bytes.truncate(1000))), vec![tile_changed("tile/entries/000")]),
        (remove("tile/entries/001"), vec![Problem::Missing { from: 256, to: 512 }]),
        (on("tile/0/001", Box::new(flip(33))), vec![tile_changed("tile/0/001")]),
        (on("tile/0/001", Box::new(|bytes| bytes.truncate(100))), vec![tile_changed("tile/0/001")]),
        (remove("tile/0/001"), vec![Problem::TileMissing { tile: "tile/0/001".into() }]),
        (on("tile/0/002.p/78", Box::new(flip(33))), vec![tile_changed("tile/0/002.p/78")]),
        (remove("tile/0/002.p/78"), vec![Problem::TileMissing { tile: "tile/0/002.p/78".into() }]),
        (
            on("tile/entries/002.p/78", Box::new(swap("\"at\":520000,", "\"at\":520001,"))),
            vec![tile_changed("tile/entries/002.p/78")],
        ),
        (remove("tile/entries/002.p/78"), vec![Problem::TileMissing { tile: "tile/entries/002.p/78".into() }]),
        (on("tile/1/000.p/2", Box::new(flip(33))), vec![tile_changed("tile/1/000.p/2")]),
        (on("journal", Box::new(swap("\"at\":520000,", "\"at\":520001,"))), vec![Problem::Changed { entry: 520 }]),
        // Behind the checkpoint nothing says what was there: it looks like a crash.
        (on("journal", Box::new(swap("\"at\":595000,", "\"at\":595001,"))), vec![Problem::Torn { entry: 595 }]),
        (on("journal", Box::new(|bytes| bytes.truncate(1000))), vec![Problem::Changed { entry: 522 }]),
        (on("journal", Box::new(|bytes| bytes.truncate(16))), vec![Problem::Missing { from: 512, to: 590 }]),
        (Box::new(|log| fs::write(log.join("tile/0/003"), "x").unwrap()), vec![Problem::Extra { path: "tile/0/003".into() }]),
        (Box::new(|log| fs::write(log.join("tile/0/000.q"), "x").unwrap()), vec![Problem::Extra { path: "tile/0/000.q".into() }]),
        (Box::new(|log| fs::write(log.join("more"), "x").unwrap()), vec![Problem::Extra { path: "more".into() }]),
        (remove("checkpoint"), vec![Problem::NoCheckpoint { why: "it is not there".into() }]),
    ];
    let state = folder();
    log_of_600(state.path());
    for (number, (change, expected)) in cases.into_iter().enumerate() {
        let copied = folder();
        crash::copy(state.path(), copied.path());
        change(&copied.path().join("log"));
        assert_eq!(problems(copied.path(), &[]), expected, "case {number}");
    }
}

#[test]
fn a_forged_checkpoint_shows() {
    let state = folder();
    log_of_600(state.path());
    edit(&state.path().join("log/checkpoint"), swap("590", "589"));
    assert!(matches!(problems(state.path(), &[]).as_slice(), [Problem::Forged { size: 589, .. }, ..]));
    edit(&state.path().join("log/checkpoint"), |bytes| bytes.truncate(20));
    assert!(matches!(problems(state.path(), &[]).as_slice(), [Problem::NoCheckpoint { .. }, ..]));
    assert!(matches!(open(state.path()).map(drop), Err(LogError::Damaged { problem: Problem::NoCheckpoint { .. }, .. })));
}

#[test]
fn a_log_that_was_written_anew_or_cut_shows_by_what_left_the_host() {
    let (state, forged) = (folder(), folder());
    let left = log_of_600(state.path());
    assert_eq!(problems(state.path(), &left), []);
    // Whoever has the key writes another log of the same size, in which all is right.
    let log = open(forged.path()).unwrap();
    log.locked(|log| {
        let mut entries: Vec<Entry> = (0..600).map(entry).collect();
        entries[350] = entry(351);
        log.append(&entries)
    })
    .unwrap();
    log.checkpoint_now().unwrap().unwrap();
    assert_eq!(problems(forged.path(), &[]), []);
    assert_eq!(problems(forged.path(), &left), [Problem::RolledBack { size: 590 }], "those of size 100 and 300 still hold");
    // A backup of an hour ago in place of the log.
    let older = folder();
    let log = open(older.path()).unwrap();
    append(&log, 300);
    log.checkpoint_now().unwrap().unwrap();
    assert_eq!(problems(older.path(), &left), [Problem::RolledBack { size: 590 }]);
    assert!(matches!(problems(state.path(), &[b"nonsense\n".to_vec()]).as_slice(), [Problem::Forged { .. }]));
}

#[test]
fn nothing_is_signed_over_a_log_that_was_changed() {
    let damaged = |change: &dyn Fn(&Path)| {
        let state = folder();
        log_of_600(state.path());
        change(&state.path().join("log"));
        match open(state.path()).and_then(|log| {
            append(&log, 1);
            log.checkpoint_now()
        }) {
            Err(LogError::Damaged { problem, .. }) => problem,
            other => panic!("{other:?}"),
        }
    };
    let changed = damaged(&|log| edit(&log.join("tile/1/000.p/2"), flip(40)));
    assert_eq!(changed, Problem::Rewritten { size: 590 });
    let changed = damaged(&|log| edit(&log.join("journal"), swap("\"at\":520000,", "\"at\":520001,")));
    assert_eq!(changed, Problem::Missing { from: 520, to: 590 });
    let gone = damaged(&|log| fs::remove_file(log.join("journal")).unwrap());
    assert!(matches!(gone, Problem::NoJournal { .. }));
    let older = damaged(&|log| {
        let state = folder();
        let other = open(state.path()).unwrap();
        append(&other, 300);
        fs::copy(state.path().join("log/journal"), log.join("journal")).unwrap();
    });
    assert!(matches!(older, Problem::Missing { .. } | Problem::Rewritten { .. }), "{older:?}");
}

#[test]
fn a_journal_that_is_changed_under_a_running_gateway_is_not_signed() {
    let state = folder();
    let log = open(state.path()).unwrap();
    append(&log, 10);
    edit(&state.path().join("log/journal"), swap("\"at\":5000,", "\"at\":5001,"));
    let error = log.checkpoint_now().unwrap_err();
    assert!(matches!(error, LogError::Damaged { problem: Problem::Changed { entry: 5 }, .. }), "{error}");
    assert!(!state.path().join("log/checkpoint").exists());
    edit(&state.path().join("log/journal"), |bytes| bytes.truncate(100));
    assert!(matches!(log.size(), Err(LogError::Damaged { .. })) && matches!(log.size(), Err(LogError::Damaged { .. })));
}

#[test]
fn times_that_run_backwards_show_beyond_what_gateways_differ_by() {
    let state = folder();
    let log = open(state.path()).unwrap();
    let at = |seconds: u64| Entry::Policy { at: seconds * 1_000_000_000, hash: String::new() };
    log.locked(|log| log.append(&[at(100), at(95), at(101), at(80), at(81), at(102)])).unwrap();
    // What a power cut kept from the log is told by the next gateway.
    log.locked(|log| log.append(&[Entry::belated(SessionId::from_number(5))])).unwrap();
    assert_eq!(problems(state.path(), &[]), [Problem::Backwards { entry: 3, seconds: 21 }]);
}

#[test]
fn a_journal_that_says_that_there_is_more_than_anybody_could_read_is_read_as_what_is_there() {
    let state = folder();
    let log = open(state.path()).unwrap();
    append(&log, 700);
    log.checkpoint_now().unwrap().unwrap();
    drop(log);
    edit(&state.path().join("log/journal"), |bytes| bytes[9] = 0x10);
    let found = problems(state.path(), &[]);
    assert!(found.iter().any(|problem| matches!(problem, Problem::Missing { from: 512, to } if *to > 1 << 50)), "{found:?}");
    let read: Vec<_> = read_log(state.path()).unwrap().collect();
    assert_eq!(read.iter().filter(|(_, entry)| entry.is_ok()).count(), 700);
    assert_eq!(read.iter().filter(|(_, entry)| entry.is_err()).count(), 1);
}
