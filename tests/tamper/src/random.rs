//! Alterations by chance: bits, ranges, blocks and files, anywhere in a store.

use crate::alter::Alteration;
use crate::crafted::ledger;
use crate::place::Place;
use crate::store::Base;
use anyhow::Context as _;
use gateway_core::record::log::tile::{FULL, Kind, Tile};
use std::ops::Range;
use weir_tests::Chance;

/// What is done to a file's bytes.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Flip,
    Overwrite,
    Zero,
    Delete,
    Insert,
    Truncate,
    Append,
    Swap,
    Remove,
}

impl Deed {
    const ALL: [Self; 9] = [
        Self::Flip,
        Self::Overwrite,
        Self::Zero,
        Self::Delete,
        Self::Insert,
        Self::Truncate,
        Self::Append,
        Self::Swap,
        Self::Remove,
    ];
}

/// One of `base` that changes something.
pub(crate) fn one(base: &Base, chance: &mut Chance) -> anyhow::Result<Alteration> {
    let files: Vec<&String> = base.files.keys().filter(|path| open_to_chance(path)).collect();
    loop {
        let tried = if base.files.contains_key("ledger.db") && chance.below(20) == 0 {
            ledger::by_chance(base, chance)?
        } else {
            let path = files.get(below(chance, files.len())).context("a store has files")?;
            // Bits most often: there are most of them.
            let deed = if chance.below(2) == 0 { Deed::Flip } else { Deed::ALL[below(chance, Deed::ALL.len())] };
            at_file(base, path, deed, chance)
        };
        if tried.alters(base) {
            return Ok(tried);
        }
    }
}

/// The ledger is altered by its rows: what a database keeps beside them is no evidence. A lock holds nothing.
fn open_to_chance(path: &str) -> bool {
    !["ledger.db", "log/lock"].contains(&path)
}

fn at_file(base: &Base, path: &str, deed: Deed, chance: &mut Chance) -> Alteration {
    let old = base.files.get(path).map(Vec::as_slice).unwrap_or_default();
    let mut new = old.to_vec();
    let at = below(chance, old.len());
    let end = (at + 1 + below(chance, 64)).min(old.len());
    let noise = |chance: &mut Chance, length: usize| -> Vec<u8> { (0..length).map(|_| chance.below(256) as u8).collect() };
    let (touched, kept) = match deed {
        Deed::Flip => {
            new.get_mut(at).into_iter().for_each(|byte| *byte ^= 1 << chance.below(8));
            (at..at + 1, true)
        }
        Deed::Overwrite => {
            let bytes = noise(chance, end - at);
            new.splice(at..end, bytes);
            (at..end, true)
        }
        Deed::Zero => {
            new.splice(at..end, std::iter::repeat_n(0, end - at));
            (at..end, true)
        }
        Deed::Delete => {
            new.drain(at..end);
            (at..end, true)
        }
        Deed::Insert => {
            let bytes = noise(chance, end - at);
            new.splice(at..at, bytes);
            (at.saturating_sub(1)..at + 1, true)
        }
        Deed::Truncate => {
            new.truncate(at);
            (at..old.len(), true)
        }
        Deed::Append => {
            let length = 1 + below(chance, 64);
            new.extend(noise(chance, length));
            (old.len()..old.len() + 1, true)
        }
        Deed::Swap => {
            let other = below(chance, old.len());
            new.swap(at, other);
            (at.min(other)..at.max(other) + 1, true)
        }
        Deed::Remove => (0..old.len(), false),
    };
    // Bytes that came out as they were were not touched.
    let same = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let touched = touched.start.max(same.min(touched.end - 1))..touched.end;
    let what = format!("{deed:?} {path} at {}", touched.start).to_lowercase();
    let alteration = Alteration::new(what).at(places(base, path, touched, kept));
    if kept { alteration.file(path, new) } else { alteration.gone(path) }
}

/// Where a check may say that this range of a file is.
fn places(base: &Base, path: &str, touched: Range<usize>, kept: bool) -> Vec<Place> {
    let mut places = vec![Place::File(path.to_owned())];
    if let Some((session, segment)) = Base::session_of(path) {
        places = if kept {
            vec![base.place(session, segment, touched)]
        } else {
            vec![base.whole_segment(session, segment), Place::Segment(session, segment), Place::Record(session)]
        };
    } else if path == "log/checkpoint" {
        places.extend((0..2000).map(Place::Checkpoint));
    } else if path == "log/journal" {
        places.push(in_journal(bytes(base, path), touched));
    } else if let Some(tile) = path.strip_prefix("log/").and_then(Tile::parse)
        && tile.kind == Kind::Entries
    {
        places.push(Place::Entries(tile.index * FULL, tile.index * FULL + u64::from(tile.width) - 1));
    } else if let Some(hash) = path.strip_prefix("policies/").and_then(|name| name.strip_suffix(".json")) {
        places.push(Place::Policy(hash.to_owned()));
    } else if path == "ledger.pub" {
        places.extend((1..1000).map(Place::Event));
    }
    places
}

/// The entries of the journal that a range of its bytes has; from the first on, for what is behind it moves with it.
fn in_journal(journal: &[u8], touched: Range<usize>) -> Place {
    let base = journal.get(8..16).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_be_bytes);
    let (mut at, mut entry) = (16, base);
    let (mut first, mut last) = (None, base);
    while let Some(length) = journal.get(at..at + 2).and_then(|bytes| bytes.try_into().ok()).map(u16::from_be_bytes) {
        let behind = at + 10 + usize::from(length);
        if at < touched.end && touched.start < behind {
            first.get_or_insert(entry);
            last = entry;
        }
        (at, entry) = (behind, entry + 1);
    }
    Place::Entries(first.unwrap_or(entry), last.max(first.unwrap_or(entry)))
}

fn bytes<'b>(base: &'b Base, path: &str) -> &'b [u8] {
    base.files.get(path).map(Vec::as_slice).unwrap_or_default()
}

fn below(chance: &mut Chance, end: usize) -> usize {
    usize::try_from(chance.below(end as u64)).unwrap_or(0)
}
