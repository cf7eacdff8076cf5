//! Every single thing that can be done to a record shows, and what was done is named.

use super::*;
use crate::record::chain::file_header;
use crate::record::read::{Blocks, Unpacker};
use crate::record::seal::{Packer, Sealer};
use crate::record::{FrameBuffer, FrameKind};
use proptest::prelude::*;

const SESSION: &str = "s-0000000000001";

/// A record of one block for each body; each block has two frames, the last one.
struct Made {
    header: Vec<u8>,
    blocks: Vec<Vec<u8>>,
    closed: ClosedAs,
}

impl Made {
    fn new(bodies: &[Vec<u8>]) -> Self {
        let (mut sealer, mut packer) = (Sealer::new(SESSION), Packer::default());
        let mut blocks = Vec::new();
        for (number, body) in bodies.iter().enumerate() {
            let ends = number + 1 == bodies.len();
            let mut buffer = FrameBuffer::default();
            buffer.push(Timestamp(number as u64), FrameKind::Rows, |to| to.extend_from_slice(body));
            let kind = if ends { FrameKind::Ended } else { FrameKind::Rows };
            buffer.push(Timestamp(number as u64), kind, |to| to.extend_from_slice(body));
            let mut block = Vec::new();
            sealer.seal(&buffer, &mut packer, None, &mut block).unwrap();
            blocks.push(block);
        }
        let bytes = 16 + blocks.iter().map(Vec::len).sum::<usize>() as u64;
        let mark = Mark { frames: sealer.next_frame, blocks: sealer.next_block, chain: sealer.chain };
        Self { header: file_header(0).to_vec(), blocks, closed: ClosedAs { mark, bytes, end: "ended".into() } }
    }

    fn bytes(&self) -> Vec<u8> {
        [self.header.clone(), self.blocks.concat()].concat()
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

fn two(block: u64) -> Span {
    Span::one(block, 2 * block, 2)
}

fn changed(block: u64) -> impl Fn(&Problem) -> bool {
    move |problem| matches!(problem, Problem::Changed { blocks, .. } if blocks.has(block))
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
        let mut blocks = made.blocks.clone();
        change(&mut blocks);
        made.check(&[made.header.clone(), blocks.concat()].concat())
    };
    assert_eq!(with(&|blocks| drop(blocks.remove(2))), [Problem::Removed { blocks: two(2) }]);
    assert_eq!(with(&|blocks| drop(blocks.remove(0))), [Problem::Removed { blocks: two(0) }]);
    assert_eq!(with(&|blocks| drop(blocks.pop())), [Problem::Cut { have: 10, want: 12 }]);
    let three = Span { block: 1, last_block: 3, frame: 2, frames: 6 };
    assert_eq!(with(&|blocks| drop(blocks.drain(1..4))), [Problem::Removed { blocks: three }]);
    let removed = with(&|blocks| (drop(blocks.remove(3)), drop(blocks.remove(1))).1);
    assert_eq!(removed, [Problem::Removed { blocks: two(1) }, Problem::Removed { blocks: two(3) }]);
    assert!(matches!(with(&|blocks| blocks.swap(2, 3))[..], [Problem::Reordered { blocks, .. }] if blocks == two(2)));
    assert!(
        matches!(with(&|blocks| blocks.insert(3, blocks[2].clone()))[..], [Problem::Duplicated { blocks, .. }] if blocks == two(2))
    );
    assert!(matches!(with(&|blocks| blocks[2].insert(60, 7))[..], [Problem::Changed { blocks, .. }] if blocks == two(2)));
    assert!(matches!(
        with(&|blocks| blocks[5].truncate(40))[..],
        [Problem::Torn { block: 5, frame: 10, bytes: 40, .. }, Problem::Cut { .. }]
    ));
    assert!(matches!(
        with(&|blocks| (blocks[1][55] ^= 1, blocks[4][55] ^= 1).1)[..],
        [Problem::Changed { blocks: first, .. }, Problem::Changed { blocks: second, .. }] if first == two(1) && second == two(4)
    ));
    // How many frames it says that it has is part of it, too.
    assert!(matches!(with(&|blocks| blocks[3][24] = 9)[..], [Problem::Changed { blocks, .. }] if blocks == two(3)));
}

#[test]
fn a_record_that_was_recomputed_or_renamed_is_not_the_one_that_was_closed() {
    let made = six();
    let mut other = Made::new(&vec![vec![9; 4]; 6]);
    assert!(matches!(made.check(&other.bytes())[..], [Problem::Replaced { .. }]));
    other.blocks.truncate(3);
    assert!(!made.check(&other.bytes()).is_empty());
    let mut renamed = Verifier::new("s-0000000000002", None);
    renamed.segment(&made.bytes());
    assert!(matches!(renamed.finish().problems[..], [Problem::Changed { blocks: Span { block: 0, .. }, .. }]));
}

#[test]
fn what_the_log_said_while_it_grew_holds() {
    let (made, other) = (six(), Made::new(&vec![vec![9; 4]; 6]));
    let chain = |blocks: &[Vec<u8>], count: usize| {
        let mut hash = Hash::default();
        hash.0.copy_from_slice(blocks[count - 1].split_at(blocks[count - 1].len() - TRAILER).1);
        hash
    };
    let mark = |count: usize| Mark { frames: 2 * count as u64, blocks: count as u64, chain: chain(&made.blocks, count) };
    let check = |blocks: &[Vec<u8>]| {
        let mut verifier = Verifier::new(SESSION, None).with_marks([mark(2), mark(4)]);
        verifier.segment(&[made.header.clone(), blocks.concat()].concat());
        verifier.finish().problems
    };
    assert_eq!(check(&made.blocks[..5]), []);
    assert_eq!(check(&made.blocks[..4]), []);
    assert_eq!(check(&made.blocks[..3]), [Problem::Cut { have: 6, want: 8 }], "it was longer");
    assert!(matches!(check(&other.blocks[..5])[..], [Problem::Replaced { .. }, Problem::Changed { .. }]));
    let dated = Verifier::new(SESSION, None).made_between(Timestamp(2), Timestamp(4));
    let mut verifier = dated;
    verifier.segment(&made.bytes());
    let misdated: Vec<_> = verifier.finish().problems;
    assert!(misdated.iter().all(|problem| matches!(problem, Problem::Misdated { .. })) && misdated.len() == 3, "{misdated:?}");
}

#[test]
fn a_crash_is_told_from_an_end() {
    let made = six();
    let mut open = Verifier::new(SESSION, None);
    open.segment(&[made.header.clone(), made.blocks[..3].concat()].concat());
    let report = open.finish();
    assert_eq!((report.frames, report.blocks, report.ended, report.problems.len()), (6, 3, false, 0));
}

#[test]
fn segments_are_one_chain() {
    let (mut sealer, mut packer) = (Sealer::new(SESSION), Packer::default());
    let mut segments = Vec::new();
    for segment in 0..3 {
        if segment > 0 {
            sealer.rotate(SESSION, segment);
        }
        let mut buffer = FrameBuffer::default();
        for _ in 0..3 {
            buffer.push(Timestamp(1), FrameKind::Note, |to| to.extend_from_slice(b"{}"));
        }
        let mut bytes = file_header(segment).to_vec();
        sealer.seal(&buffer, &mut packer, None, &mut bytes).unwrap();
        segments.push(bytes);
    }
    let check = |segments: &[Vec<u8>]| {
        let mut verifier = Verifier::new(SESSION, None);
        segments.iter().for_each(|segment| verifier.segment(segment));
        verifier.finish().problems
    };
    assert_eq!(check(&segments), []);
    let mut flipped = segments.clone();
    *flipped[0].last_mut().unwrap() ^= 1;
    assert!(matches!(check(&flipped)[..], [Problem::Changed { blocks: Span { block: 0, frames: 3, .. }, .. }]));
    segments.remove(1);
    assert!(check(&segments).contains(&Problem::Removed { blocks: Span::one(1, 3, 3) }));
}

proptest! {
    #[test]
    fn any_flipped_bit_is_found_and_its_block_named(
        bodies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..90), 2..8),
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
            let number = made.blocks.iter().position(|block| left < block.len() || { left -= block.len(); false }).unwrap() as u64;
            let torn = |problem: &Problem| matches!(problem, Problem::Torn { block, .. } if *block == number);
            prop_assert!(problems.iter().any(|problem| changed(number)(problem) || torn(problem)), "{number}: {problems:?}");
            let frames = |problem: &Problem| match problem {
                Problem::Changed { blocks, .. } => blocks.frame <= 2 * number && 2 * number + 2 <= blocks.frame + blocks.frames,
                _ => true,
            };
            prop_assert!(problems.iter().all(frames), "{number}: {problems:?}");
        } else {
            let header = Problem::Header { segment: 0 };
            prop_assert!(problems.contains(&header));
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
        let mut blocks = made.blocks.clone();
        let (from, to) = (from.index(blocks.len()), to.index(blocks.len()));
        let bytes = match what {
            0 => { blocks.remove(from); [made.header.clone(), blocks.concat()].concat() }
            1 => { prop_assume!(from != to); blocks.swap(from, to); [made.header.clone(), blocks.concat()].concat() }
            2 => { blocks.insert(to, blocks[from].clone()); [made.header.clone(), blocks.concat()].concat() }
            3 => { let mut bytes = made.bytes(); bytes.truncate(from * bytes.len() / made.blocks.len()); bytes }
            _ => { let mut bytes = made.bytes(); bytes.insert(16 + to, 42); bytes }
        };
        prop_assert!(!made.check(&bytes).is_empty());
    }

    #[test]
    fn any_bytes_are_checked_and_read_without_a_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        headed in any::<bool>(),
    ) {
        let bytes = if headed { [file_header(0).to_vec(), bytes].concat() } else { bytes };
        let mut verifier = Verifier::new(SESSION, None);
        verifier.segment(&bytes);
        let report = verifier.finish();
        prop_assert!(!report.problems.is_empty() || bytes.len() == 16);
        if let Ok(mut blocks) = Blocks::new(&bytes, 0) {
            let read = blocks.by_ref().map_while(Result::ok).count();
            prop_assert!(read <= bytes.len());
        }
        let mut unpacker = Unpacker::default();
        if let Some(header) = bytes.first_chunk().and_then(Header::parse) {
            let whole = unpacker.unpack(&header, &bytes).is_ok_and(|raw| raw.len() == header.raw);
            prop_assert!(whole || unpacker.raw().len() <= header.raw.max(bytes.len()));
        }
    }
}
