//! Tests of the spool: torn tails, two writers, bounds, and gaps that show.

use super::super::tests::event;
use super::*;
use proptest::prelude::*;
use std::sync::Arc;
use std::thread;

fn reader(name: &str, on_full: OnFull) -> Reader {
    Reader { name: name.to_owned(), on_full }
}

fn open(state: &Path, max_bytes: u64, readers: &[Reader]) -> Spool {
    Spool::open(state, SpoolSettings { max_bytes }, readers.to_vec()).unwrap()
}

/// Each number that is there from `number + 1` on, with the number that its event has in its note.
fn read(spool: &Spool, number: u64) -> Vec<(u64, u64)> {
    let mut tail = spool.tail(number);
    let mut found = Vec::new();
    while let Some(spooled) = tail.next().unwrap() {
        let uid = spooled.event.unwrap().uid;
        found.push((spooled.number, uid.trim_start_matches("s-").parse().unwrap()));
    }
    found
}

fn segments(state: &Path) -> Vec<PathBuf> {
    segment::all(&directory(state)).unwrap().into_iter().map(|first| segment::path(&directory(state), first)).collect()
}

#[test]
fn a_tail_that_is_torn_at_any_byte_costs_what_is_torn_and_nothing_else() {
    let state = tempfile::tempdir().unwrap();
    let spool = open(state.path(), 1 << 30, &[]);
    spool.append(&[event(1), event(2)]).unwrap();
    let path = segments(state.path()).pop().unwrap();
    let two = fs::metadata(&path).unwrap().len();
    spool.append(&[event(3)]).unwrap();
    let whole = fs::read(&path).unwrap();
    drop(spool);
    for length in 0..=whole.len() as u64 {
        // Zeros change nothing from one byte to the next.
        for broken in [false, true].into_iter().take(if length % 16 == 0 { 2 } else { 1 }) {
            let mut bytes = whole.clone();
            bytes.truncate(usize::try_from(length).unwrap());
            // A power cut may leave zeros where bytes should be.
            if broken {
                bytes.resize(whole.len() + 7, 0);
            }
            fs::write(&path, &bytes).unwrap();
            let spool = open(state.path(), 1 << 30, &[]);
            let left = match length {
                length if length == whole.len() as u64 => 3,
                length if length >= two => 2,
                length if length >= two / 2 + segment::HEADER / 2 => 1,
                _ => 0,
            };
            assert_eq!(read(&spool, 0).len() as u64, left, "{length} of {} bytes, {broken}", whole.len());
            spool.append(&[event(9)]).unwrap();
            let expected: Vec<_> = (1..=left).map(|number| (number, number)).chain([(left + 1, 9)]).collect();
            assert_eq!(read(&spool, 0), expected, "{length} of {} bytes, {broken}", whole.len());
            for path in segments(state.path()) {
                fs::remove_file(path).unwrap();
            }
        }
    }
}

#[test]
fn a_flipped_bit_costs_the_event_that_it_is_in_and_the_gap_shows() {
    let state = tempfile::tempdir().unwrap();
    let spool = open(state.path(), 1 << 30, &[]);
    for number in 1..=5 {
        spool.append(&[event(number)]).unwrap();
    }
    let path = segments(state.path()).pop().unwrap();
    let whole = fs::read(&path).unwrap();
    let record = (whole.len() - 16) / 5;
    drop(spool);
    // In its length, its checksum, its number and its text.
    for at in [0, 3, 5, 9, 20, record - 1] {
        let mut bytes = whole.clone();
        bytes[16 + 2 * record + at] ^= 0x10;
        fs::write(&path, &bytes).unwrap();
        let spool = open(state.path(), 1 << 30, &[]);
        assert_eq!(read(&spool, 0), [(1, 1), (2, 2), (4, 4), (5, 5)], "{at}");
        spool.append(&[event(6)]).unwrap();
        assert_eq!(read(&spool, 4), [(5, 5), (6, 6)], "{at}");
    }
}

#[test]
fn two_writers_and_a_reader_share_it_and_each_number_is_given_once() {
    const EACH: u64 = 400;
    let state = tempfile::tempdir().unwrap();
    let path = state.path().to_owned();
    // Each has its own files and lock, as another process has.
    let writers: Vec<_> = (0..2)
        .map(|writer| {
            let path = path.clone();
            thread::spawn(move || {
                let spool = open(&path, 1 << 20, &[reader("siem", OnFull::Block)]);
                for number in 0..EACH {
                    spool.append(&[event(writer * EACH + number)]).unwrap();
                }
            })
        })
        .collect();
    let spool = open(&path, 1 << 20, &[reader("siem", OnFull::Block)]);
    let (mut tail, mut numbers, mut events) = (spool.tail(0), Vec::new(), [Vec::new(), Vec::new()]);
    while numbers.len() < 2 * EACH as usize {
        let done = writers.iter().all(thread::JoinHandle::is_finished);
        match tail.next().unwrap() {
            Some(spooled) => {
                numbers.push(spooled.number);
                let number: u64 = spooled.event.unwrap().uid.trim_start_matches("s-").parse().unwrap();
                events[usize::from(number >= EACH)].push(number);
            }
            None => assert!(!done || tail.next().unwrap().is_some(), "only {} came", numbers.len()),
        }
    }
    assert_eq!(numbers, (1..=2 * EACH).collect::<Vec<_>>());
    assert!(events.iter().all(|events| events.is_sorted()), "each writer's events keep their order");
    assert!(segments(&path).len() > 2, "{:?}", segments(&path));
}

#[test]
fn what_every_sink_has_is_removed_and_a_new_one_begins_at_the_end() {
    let state = tempfile::tempdir().unwrap();
    let spool = open(state.path(), 256 << 10, &[reader("a", OnFull::Drop), reader("b", OnFull::Drop)]);
    let many: Vec<_> = (1..=20).map(event).collect();
    for _ in 0..10 {
        spool.append(&many).unwrap();
    }
    let before = segments(state.path()).len();
    spool.keep().unwrap();
    assert_eq!(segments(state.path()).len(), before, "nobody has read any of it");
    for (sink, number) in [("a", 200), ("b", 150)] {
        let mut cursor = spool.cursor(sink).unwrap().unwrap();
        assert!(spool.cursor(sink).unwrap().is_none(), "one at a time has it");
        cursor.progress.number = number;
        cursor.write().unwrap();
    }
    spool.keep().unwrap();
    let left = segments(state.path()).len();
    assert!(left < before && left > 1, "{left} of {before}");
    let first = extent(state.path()).unwrap().first;
    assert!((2..=151).contains(&first), "what b has not read is there: {first}");
    let again = open(state.path(), 256 << 10, &[reader("c", OnFull::Drop)]);
    assert_eq!(progress(state.path(), "c").unwrap().unwrap().number, 200);
    assert_eq!(progress(state.path(), "a").unwrap().unwrap().number, 200);
    // The files may be lost: no number is given twice all the same.
    drop((spool, again));
    for path in segments(state.path()) {
        fs::remove_file(path).unwrap();
    }
    let spool = open(state.path(), 256 << 10, &[]);
    spool.append(&[event(7)]).unwrap();
    assert_eq!(read(&spool, 200), [(201, 7)]);
}

#[test]
fn it_is_bounded_by_what_is_dropped_or_by_who_waits() {
    let most = 64 << 10;
    let many: Vec<_> = (1..=20).map(event).collect();
    let bytes = |state: &Path| segments(state).iter().map(|path| fs::metadata(path).unwrap().len()).sum::<u64>();

    let state = tempfile::tempdir().unwrap();
    let spool = open(state.path(), most, &[reader("slow", OnFull::Drop)]);
    for _ in 0..100 {
        spool.append(&many).unwrap();
        assert!(bytes(state.path()) <= most + 8192);
    }
    let numbers = read(&spool, 0);
    let (first, last) = (numbers.first().unwrap().0, numbers.last().unwrap().0);
    assert!(first > 1 && last == 2000 && numbers.len() as u64 == last + 1 - first, "{first} {last}");

    let state = tempfile::tempdir().unwrap();
    let spool = Arc::new(open(state.path(), most, &[reader("slow", OnFull::Block), reader("other", OnFull::Drop)]));
    let full = (0..100).find_map(|_| spool.append(&many).err()).unwrap();
    assert!(full.to_string().contains("slow") && spool.is_full(), "{full}");
    assert!(bytes(state.path()) <= most + 8192 && read(&spool, 0)[0] == (1, 1), "nothing is lost");
    assert!(!spool.wait_for_room(Duration::from_millis(1)));
    let waiting = {
        let spool = Arc::clone(&spool);
        thread::spawn(move || spool.wait_for_room(Duration::from_secs(20)))
    };
    let mut cursor = spool.cursor("slow").unwrap().unwrap();
    cursor.progress.number = extent(state.path()).unwrap().last;
    cursor.write().unwrap();
    spool.keep().unwrap();
    assert!(waiting.join().unwrap() && !spool.is_full());
    spool.append(&many).unwrap();
}

#[test]
fn a_cursor_that_is_half_written_is_as_it_was_before() {
    let state = tempfile::tempdir().unwrap();
    let spool = open(state.path(), 1 << 20, &[reader("siem", OnFull::Drop)]);
    let mut cursor = spool.cursor("siem").unwrap().unwrap();
    for number in [5, 6] {
        (cursor.progress.number, cursor.progress.sent) = (number, number);
        cursor.write().unwrap();
    }
    drop(cursor);
    let path = cursor::path(&directory(state.path()), "siem");
    let whole = fs::read(&path).unwrap();
    let newest =
        [0, 4096].into_iter().find(|at| String::from_utf8_lossy(&whole[*at..*at + 200]).contains("\"number\":6")).unwrap();
    let mut torn = whole.clone();
    torn[newest + 12] ^= 1;
    fs::write(&path, &torn).unwrap();
    assert_eq!(progress(state.path(), "siem").unwrap().unwrap().number, 5);
    // After another boot, all that was there may have been sent.
    let other = String::from_utf8(whole).unwrap();
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let slots = other.split_inclusive('\n').map(|slot| {
        let Some((_, json)) = slot.trim_start().split_once(' ') else { return String::new() };
        let json = json.trim_end().replace(boot.trim(), "another");
        format!("{:4096}", format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes())))
    });
    fs::write(&path, slots.collect::<String>()).unwrap();
    spool.append(&[event(1), event(2), event(3), event(4), event(5), event(6), event(7), event(8)]).unwrap();
    let cursor = spool.cursor("siem").unwrap().unwrap();
    assert_eq!((cursor.progress.number, cursor.progress.sent), (6, 8));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// However it is appended to, closed, read and removed from: what is read has each number once, in order, and its event.
    #[test]
    fn what_is_appended_is_read(steps in prop::collection::vec((0_usize..9, 0_u8..8), 1..40)) {
        let state = tempfile::tempdir().unwrap();
        let readers = [reader("siem", OnFull::Block)];
        let (mut spool, mut next, mut seen) = (open(state.path(), 64 << 10, &readers), 1_u64, 0_u64);
        let mut tail = spool.tail(0);
        for (many, what) in steps {
            match what {
                0 => spool = open(state.path(), 64 << 10, &readers),
                1 => tail = spool.tail(seen),
                2 => {
                    let mut cursor = spool.cursor("siem").unwrap().unwrap();
                    cursor.progress.number = seen;
                    cursor.write().unwrap();
                    spool.keep().unwrap();
                }
                3 | 4 => while let Some(spooled) = tail.next().unwrap() {
                    seen += 1;
                    prop_assert_eq!(spooled.number, seen);
                    prop_assert_eq!(spooled.event.unwrap().uid, format!("s-{seen}"));
                },
                _ => {
                    let events: Vec<_> = (next..next + many as u64).map(event).collect();
                    spool.append(&events).unwrap();
                    next += many as u64;
                }
            }
        }
        while tail.next().unwrap().is_some() {
            seen += 1;
        }
        prop_assert_eq!(seen, next - 1);
    }
}
