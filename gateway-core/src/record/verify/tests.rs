//! Every single thing that can be done to a record shows, and what was done is named.

use super::*;
use crate::model::time::Timestamp;
use crate::record::FrameBuffer;
use crate::record::chain::file_header;
use crate::record::read::Reader;
use crate::record::seal::Sealer;
use proptest::prelude::*;

const SESSION: &str = "s-0000000000001";

struct Made {
    header: Vec<u8>,
    frames: Vec<Vec<u8>>,
    closed: ClosedAs,
}

impl Made {
    fn new(bodies: &[Vec<u8>]) -> Self {
        let mut sealer = Sealer::new(SESSION);
        let mut frames = Vec::new();
        for (number, body) in bodies.iter().enumerate() {
            let kind = if number + 1 == bodies.len() { FrameKind::Ended } else { FrameKind::Rows };
            let mut buffer = FrameBuffer::default();
            buffer.push(Timestamp(number as u64), kind, |to| to.extend_from_slice(body));
            sealer.seal(buffer.bytes_mut()).unwrap();
            frames.push(buffer.bytes_mut().clone());
        }
        let bytes = 16 + frames.iter().map(Vec::len).sum::<usize>() as u64;
        let closed = ClosedAs { frames: frames.len() as u64, bytes, chain: sealer.chain, end: "ended".into() };
        Self { header: file_header(0).to_vec(), frames, closed }
    }

    fn bytes(&self) -> Vec<u8> {
        [self.header.clone(), self.frames.concat()].concat()
    }

    fn check(&self, bytes: &[u8]) -> Vec<Problem> {
        let mut verifier = Verifier::new(SESSION, Some(self.closed.clone()));
        verifier.segment(bytes);
        verifier.finish().problems
    }
}

fn six() -> Made {
    Made::new(&(0..6u8).map(|number| vec![number; 5 + usize::from(number)]).collect::<Vec<_>>())
}

fn changed(frame: u64) -> impl Fn(&Problem) -> bool {
    move |problem| matches!(problem, Problem::Changed { first, last, .. } if *first <= frame && frame <= *last)
}

#[test]
fn an_untouched_record_is_intact() {
    let made = six();
    assert_eq!(made.check(&made.bytes()), []);
}

#[test]
fn each_kind_of_change_is_named() {
    let made = six();
    let with = |change: &dyn Fn(&mut Vec<Vec<u8>>)| {
        let mut frames = made.frames.clone();
        change(&mut frames);
        made.check(&[made.header.clone(), frames.concat()].concat())
    };
    assert_eq!(with(&|frames| drop(frames.remove(2))), [Problem::Removed { first: 2, last: 2 }]);
    assert_eq!(with(&|frames| drop(frames.remove(0))), [Problem::Removed { first: 0, last: 0 }]);
    assert_eq!(with(&|frames| drop(frames.pop())), [Problem::Cut { have: 5, want: 6 }]);
    assert_eq!(with(&|frames| drop(frames.drain(1..4))), [Problem::Removed { first: 1, last: 3 }]);
    let two = with(&|frames| (drop(frames.remove(3)), drop(frames.remove(1))).1);
    assert_eq!(two, [Problem::Removed { first: 1, last: 1 }, Problem::Removed { first: 3, last: 3 }]);
    assert!(matches!(with(&|frames| frames.swap(2, 3))[..], [Problem::Reordered { frame: 2, .. }]));
    assert!(matches!(with(&|frames| frames.insert(3, frames[2].clone()))[..], [Problem::Duplicated { frame: 2, .. }]));
    assert!(matches!(with(&|frames| frames[2].insert(30, 7))[..], [Problem::Changed { first: 2, last: 2, .. }]));
    assert!(matches!(
        with(&|frames| frames[5].truncate(40))[..],
        [Problem::Torn { frame: 5, bytes: 40, .. }, Problem::Cut { .. }]
    ));
    assert!(matches!(
        with(&|frames| (frames[1][25] ^= 1, frames[4][25] ^= 1).1)[..],
        [Problem::Changed { first: 1, last: 1, .. }, Problem::Changed { first: 4, last: 4, .. }]
    ));
}

#[test]
fn a_record_that_was_recomputed_or_renamed_is_not_the_one_that_was_closed() {
    let made = six();
    let mut other = Made::new(&vec![vec![9; 4]; 6]);
    assert!(matches!(made.check(&other.bytes())[..], [Problem::Replaced { .. }]));
    other.frames.truncate(3);
    assert!(!made.check(&other.bytes()).is_empty());
    let mut renamed = Verifier::new("s-0000000000002", None);
    renamed.segment(&made.bytes());
    assert!(matches!(renamed.finish().problems[..], [Problem::Changed { first: 0, .. }]));
}

#[test]
fn a_crash_is_told_from_an_end() {
    let made = six();
    let mut open = Verifier::new(SESSION, None);
    open.segment(&[made.header.clone(), made.frames[..3].concat()].concat());
    let report = open.finish();
    assert_eq!((report.frames, report.ended, report.problems.len()), (3, false, 0));
}

#[test]
fn segments_are_one_chain() {
    let mut sealer = Sealer::new(SESSION);
    let mut segments = Vec::new();
    for segment in 0..3 {
        if segment > 0 {
            sealer.rotate(SESSION, segment);
        }
        let mut buffer = FrameBuffer::default();
        for _ in 0..3 {
            buffer.push(Timestamp(1), FrameKind::Note, |to| to.extend_from_slice(b"{}"));
        }
        sealer.seal(buffer.bytes_mut()).unwrap();
        segments.push([file_header(segment).to_vec(), buffer.bytes_mut().clone()].concat());
    }
    let check = |segments: &[Vec<u8>]| {
        let mut verifier = Verifier::new(SESSION, None);
        segments.iter().for_each(|segment| verifier.segment(segment));
        verifier.finish().problems
    };
    assert_eq!(check(&segments), []);
    let mut flipped = segments.clone();
    *flipped[0].last_mut().unwrap() ^= 1;
    assert!(matches!(check(&flipped)[..], [Problem::Changed { first: 2, last: 2, .. }]));
    segments.remove(1);
    assert!(check(&segments).contains(&Problem::Removed { first: 3, last: 5 }));
}

proptest! {
    #[test]
    fn any_flipped_bit_is_found_and_its_frame_named(
        bodies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 2..8),
        at in any::<prop::sample::Index>(),
        bit in 0u8..8,
    ) {
        let made = Made::new(&bodies);
        let mut bytes = made.bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let problems = made.check(&bytes);
        prop_assert!(!problems.is_empty());
        if let Some(mut left) = at.checked_sub(16) {
            let number = made.frames.iter().position(|frame| left < frame.len() || { left -= frame.len(); false }).unwrap() as u64;
            let torn = |problem: &Problem| matches!(problem, Problem::Torn { frame, .. } if *frame == number);
            prop_assert!(problems.iter().any(|problem| changed(number)(problem) || torn(problem)), "{number}: {problems:?}");
        }
    }

    #[test]
    fn any_cut_removal_insertion_or_swap_is_found(
        bodies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 3..8),
        from in any::<prop::sample::Index>(),
        to in any::<prop::sample::Index>(),
        what in 0u8..5,
    ) {
        let made = Made::new(&bodies);
        let mut frames = made.frames.clone();
        let (from, to) = (from.index(frames.len()), to.index(frames.len()));
        let bytes = match what {
            0 => { frames.remove(from); [made.header.clone(), frames.concat()].concat() }
            1 => { prop_assume!(from != to); frames.swap(from, to); [made.header.clone(), frames.concat()].concat() }
            2 => { frames.insert(to, frames[from].clone()); [made.header.clone(), frames.concat()].concat() }
            3 => { let mut bytes = made.bytes(); bytes.truncate(from * bytes.len() / made.frames.len()); bytes }
            _ => { let mut bytes = made.bytes(); bytes.insert(16 + to, 42); bytes }
        };
        prop_assert!(!made.check(&bytes).is_empty());
    }

    #[test]
    fn any_bytes_are_checked_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), headed in any::<bool>()) {
        let bytes = if headed { [file_header(0).to_vec(), bytes].concat() } else { bytes };
        let mut verifier = Verifier::new(SESSION, None);
        verifier.segment(&bytes);
        let report = verifier.finish();
        prop_assert!(!report.problems.is_empty() || bytes.len() == 16);
        if let Ok(reader) = Reader::new(&bytes, 0) {
            prop_assert!(reader.count() <= bytes.len());
        }
    }
}
