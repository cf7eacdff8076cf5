//! What is done to records.

use crate::alter::Alteration;
use crate::blocks::{Record, hash_anew, header, put, with_frames};
use crate::place::Place;
use crate::store::{Base, Stores};
use anyhow::Context as _;
use gateway_core::model::ids::SessionId;

/// A record that alterations are made of.
struct Subject<'s> {
    base: &'s Base,
    session: SessionId,
    record: Record,
}

impl<'s> Subject<'s> {
    fn of(base: &'s Base, session: SessionId) -> anyhow::Result<Self> {
        Ok(Self { base, session, record: Record::take_apart(session, &base.segments(session))? })
    }

    fn blocks(&self, from: u64, to: u64) -> Place {
        Place::Blocks(self.session, from, to)
    }

    fn last(&self) -> u64 {
        self.base.records.get(&self.session).map_or(0, |blocks| blocks.len() as u64 - 1)
    }

    /// The record's first file with these bytes.
    fn file(&self, what: &str, bytes: Vec<u8>) -> Alteration {
        Alteration::new(what).file(Base::path(self.session, 0), bytes)
    }

    /// The record's files as this record has them.
    fn files(&self, what: &str, record: &Record) -> Alteration {
        let files = record.files();
        (0..)
            .zip(files)
            .fold(Alteration::new(what), |alteration, (segment, bytes)| alteration.file(Base::path(self.session, segment), bytes))
    }

    /// The record's first file, changed.
    fn edited(&self, what: &str, change: impl FnOnce(&mut Record) -> anyhow::Result<()>) -> anyhow::Result<Alteration> {
        let mut record = self.record.clone();
        change(&mut record)?;
        Ok(self.files(what, &record))
    }

    fn bytes(&self) -> Vec<u8> {
        self.base.segments(self.session).first().map(|bytes| bytes.to_vec()).unwrap_or_default()
    }
}

/// Turns a digit of a statement into another.
fn forge(block: &[u8]) -> anyhow::Result<Vec<u8>> {
    with_frames(block, |raw| {
        if let Some(byte) = raw.iter_mut().rev().find(|byte| byte.is_ascii_digit()) {
            *byte = if *byte == b'7' { b'8' } else { b'7' };
        }
    })
}

fn block_mut(record: &mut Record, number: usize) -> anyhow::Result<&mut Vec<u8>> {
    record.segments.first_mut().and_then(|blocks| blocks.get_mut(number)).context("the record has that block")
}

pub(super) fn all(stores: &Stores) -> anyhow::Result<Vec<Alteration>> {
    let base = &stores.records;
    // Of one segment, with the most blocks; and of several.
    let single = base.records.iter().filter(|(_, blocks)| blocks.iter().all(|block| block.segment == 0));
    let (single, _) = single.max_by_key(|(_, blocks)| blocks.len()).context("a record of one segment")?;
    let one = Subject::of(base, *single)?;
    anyhow::ensure!(one.last() >= 4, "the record has {} blocks", one.last() + 1);
    let several = base.records.iter().rev().find(|(_, blocks)| blocks.iter().any(|block| block.segment > 2));
    let several = Subject::of(base, *several.context("a record of several segments")?.0)?;
    let mut all = edits(&one)?;
    all.extend(moves(&one)?);
    all.extend(ends(&one)?);
    all.extend(segments(&several)?);
    all.extend(elsewhere(stores, &one)?);
    Ok(all)
}

/// A statement is turned into another.
fn edits(one: &Subject<'_>) -> anyhow::Result<Vec<Alteration>> {
    let session = Place::Record(one.session);
    let all = vec![
        one.edited("a statement is changed", |record| {
            let block = block_mut(record, 2)?;
            *block = forge(block)?;
            Ok(())
        })?
        .at([one.blocks(2, 2)]),
        one.edited("a statement is changed, and its block's hash made anew", |record| {
            let before = record.hash_before(2);
            let block = block_mut(record, 2)?;
            *block = forge(block)?;
            hash_anew(block, before);
            Ok(())
        })?
        .at([one.blocks(2, 3)]),
        one.edited("a statement is changed, and the chain made anew to its end", |record| {
            let block = block_mut(record, 2)?;
            *block = forge(block)?;
            record.chain_anew();
            Ok(())
        })?
        .at([session.clone()]),
        one.edited("a block is set back by an hour, and the chain made anew", |record| {
            let block = block_mut(record, 2)?;
            let times = header(block).context("a header")?;
            let hour = 3_600_000_000_000;
            put(block, 32, &(times.from.0 - hour).to_le_bytes());
            put(block, 40, &(times.to.0 - hour).to_le_bytes());
            record.chain_anew();
            Ok(())
        })?
        .at([session.clone()]),
        one.edited("a block says another kind", |record| {
            put(block_mut(record, 1)?, 4, &[2]);
            Ok(())
        })?
        .at([one.blocks(1, 1)]),
        one.edited("a block says that the session ends there", |record| {
            put(block_mut(record, 1)?, 6, &[1]);
            Ok(())
        })?
        .at([one.blocks(1, 1)]),
    ];
    Ok(all)
}

/// Blocks change places.
fn moves(one: &Subject<'_>) -> anyhow::Result<Vec<Alteration>> {
    let swap = |record: &mut Record| -> anyhow::Result<()> {
        record.segments.first_mut().context("a segment")?.swap(1, 2);
        Ok(())
    };
    let session = Place::Record(one.session);
    Ok(vec![
        one.edited("two blocks change places", swap)?.at([one.blocks(1, 2)]),
        one.edited("two blocks change places, and their headers say so", |record| {
            swap(record)?;
            let (first, second) = (header(block_mut(record, 1)?), header(block_mut(record, 2)?));
            let (first, second) = first.zip(second).context("headers")?;
            put(block_mut(record, 1)?, 8, &second.number.min(first.number).to_le_bytes());
            put(block_mut(record, 2)?, 8, &second.number.max(first.number).to_le_bytes());
            Ok(())
        })?
        .at([one.blocks(1, 2)]),
        one.edited("two blocks change places, and the chain is made anew", |record| {
            swap(record)?;
            record.chain_anew();
            Ok(())
        })?
        .at([session.clone()]),
        one.edited("a block is removed", |record| {
            record.segments.first_mut().context("a segment")?.remove(2);
            Ok(())
        })?
        .at([one.blocks(2, 2)]),
        one.edited("a block is removed, and the chain made anew", |record| {
            record.segments.first_mut().context("a segment")?.remove(2);
            record.chain_anew();
            Ok(())
        })?
        .at([session]),
        one.edited("a block is there twice", |record| {
            let again = block_mut(record, 1)?.clone();
            record.segments.first_mut().context("a segment")?.insert(2, again);
            Ok(())
        })?
        .at([one.blocks(1, 1)]),
    ])
}

/// The record's end is another.
fn ends(one: &Subject<'_>) -> anyhow::Result<Vec<Alteration>> {
    let (bytes, last) = (one.bytes(), one.last());
    let blocks = one.base.records.get(&one.session).context("blocks")?;
    let start = blocks.last().context("a block")?.bytes.start;
    let mut more = one.record.clone();
    let again = forge(block_mut(&mut more, 1)?)?;
    more.segments.first_mut().context("a segment")?.push(again);
    more.chain_anew();
    let mut zeroed = bytes.clone();
    let tail = zeroed.len() - 100;
    zeroed.get_mut(tail..).unwrap_or_default().fill(0);
    let mut magic = bytes.clone();
    put(&mut magic, 0, b"weirrec1");
    let mut version = bytes.clone();
    put(&mut version, 8, &[3]);
    let path = Base::path(one.session, 0);
    Ok(vec![
        one.file("the end is cut off at a block", bytes.get(..start).unwrap_or_default().to_vec()).at([one.blocks(last, last)]),
        one.file("the end is cut off within a block", bytes.get(..start + 20).unwrap_or_default().to_vec())
            .at([one.blocks(last, last)]),
        one.file("all but the header is cut off", bytes.get(..16).unwrap_or_default().to_vec()).at([one.blocks(0, last)]),
        one.file("nothing is left of it", Vec::new()).at([one.blocks(0, last), Place::Segment(one.session, 0)]),
        one.file("zeros behind the end", [bytes.as_slice(), &[0; 4096]].concat()).at([one.blocks(last + 1, last + 1)]),
        one.files("a block behind the end, well chained", &more).at([one.blocks(last + 1, last + 1)]),
        one.file("the end is zeros", zeroed).at([one.blocks(last, last)]),
        one.file("the file says that it is of the version before", magic).at([Place::Segment(one.session, 0)]),
        one.file("the file says a version to come", version).at([Place::Segment(one.session, 0)]),
        Alteration::new("a record is removed").gone(path).at([Place::Record(one.session)]),
    ])
}

/// Segments are changed with each other, or go.
fn segments(one: &Subject<'_>) -> anyhow::Result<Vec<Alteration>> {
    let files: Vec<Vec<u8>> = one.base.segments(one.session).into_iter().map(<[u8]>::to_vec).collect();
    let last = u32::try_from(files.len() - 1)?;
    let path = |segment| Base::path(one.session, segment);
    let file = |segment: u32| files.get(segment as usize).cloned().context("a segment");
    let mut renumbered = file(1)?;
    put(&mut renumbered, 12, &[9]);
    let whole = |segment| one.base.whole_segment(one.session, segment);
    let gone = |segment: u32| [whole(segment), Place::Segment(one.session, segment)];
    let mut without = one.record.clone();
    without.segments.remove(1);
    without.chain_anew();
    let shorter = one.files("a segment in the middle is removed, and the rest made anew", &without).gone(path(last));
    Ok(vec![
        Alteration::new("a segment in the middle is removed").gone(path(1)).at(gone(1)),
        Alteration::new("the first segment is removed").gone(path(0)).at(gone(0)),
        Alteration::new("the last segment is removed").gone(path(last)).at([whole(last)]),
        Alteration::new("two segments change places")
            .file(path(1), file(2)?)
            .file(path(2), file(1)?)
            .at([whole(1), Place::Segment(one.session, 1)]),
        Alteration::new("a segment says another number").file(path(1), renumbered).at([Place::Segment(one.session, 1)]),
        Alteration::new("a segment more, a copy")
            .file(path(last + 1), file(last)?)
            .at([one.blocks(one.last(), one.last() + 1), Place::Segment(one.session, last + 1)]),
        shorter.at([Place::Record(one.session)]),
    ])
}

/// What other records and other hosts have.
fn elsewhere(stores: &Stores, one: &Subject<'_>) -> anyhow::Result<Vec<Alteration>> {
    let (base, other) = (one.base, &stores.other);
    let common = other.records.keys().find(|session| base.records.contains_key(session)).context("a name that both have")?;
    let foreign =
        other.records.keys().find(|session| !base.records.contains_key(session)).context("a name of the other alone")?;
    let neighbour = base.records.keys().find(|session| **session != one.session).context("another record")?;
    let there = Record::take_apart(*common, &other.segments(*common))?;
    let here = Record::take_apart(*common, &base.segments(*common))?;
    let neighbours = Record::take_apart(*neighbour, &base.segments(*neighbour))?;
    let taken = neighbours.segments.first().and_then(|blocks| blocks.get(1)).context("a second block")?.clone();
    let whole = |what: &str, record: &Record, name: SessionId| {
        let files = record.files();
        (0..).zip(files).fold(Alteration::new(what), |all, (segment, bytes)| all.file(Base::path(name, segment), bytes))
    };
    let mut spliced = here.clone();
    let block = there.segments.first().and_then(|blocks| blocks.get(2)).context("a third block")?.clone();
    *block_mut(&mut spliced, 2)? = block;
    let unknown = SessionId::from_number(common.number() ^ 1 << 20);
    let mut all = vec![
        one.edited("a block of another record in place of one", |record| {
            *block_mut(record, 1)? = taken.clone();
            Ok(())
        })?
        .at([one.blocks(1, 1)]),
        one.edited("a block of another record in place of one, its number and hash fitted", |record| {
            let before = record.hash_before(1);
            let true_one = header(block_mut(record, 1)?).context("a header")?;
            let mut block = taken.clone();
            put(&mut block, 8, &true_one.number.to_le_bytes());
            put(&mut block, 16, &true_one.first.to_le_bytes());
            hash_anew(&mut block, before);
            *block_mut(record, 1)? = block;
            Ok(())
        })?
        .at([one.blocks(1, 2)]),
        whole("a block of another host's record of the same name", &spliced, *common).at([Place::Blocks(*common, 2, 2)]),
        whole("another host's record of the same name", &there, *common).at([Place::Record(*common)]),
        whole("another host's record", &Record::take_apart(*foreign, &other.segments(*foreign))?, *foreign)
            .at([Place::Record(*foreign)]),
        whole("a record is there a second time, under another name", &one.record, unknown).at([Place::Record(unknown)]),
        whole("a record under another record's name", &one.record, *neighbour)
            .at([Place::Record(*neighbour), Place::Blocks(*neighbour, 0, 0)]),
        Alteration::new("a file that is no record")
            .file("sessions/notes.txt", b"hello".to_vec())
            .at([Place::File("sessions/notes.txt".to_owned())]),
    ];
    for (path, bytes) in base.files.iter().filter(|(path, _)| path.starts_with("policies/")).take(1) {
        let hash = path.trim_start_matches("policies/").trim_end_matches(".json").to_owned();
        let text = String::from_utf8_lossy(bytes).replace("permit", "forbid");
        all.push(Alteration::new("a policy's text is changed").file(path, text.into_bytes()).at([Place::Policy(hash.clone())]));
        all.push(Alteration::new("a policy is removed").gone(path).at([Place::Policy(hash)]));
    }
    Ok(all)
}

/// A record in which a statement is another, and all else fits.
pub(super) fn rewritten(base: &Base, session: SessionId) -> anyhow::Result<Record> {
    let mut record = Record::take_apart(session, &base.segments(session))?;
    let block = block_mut(&mut record, 1)?;
    *block = forge(block)?;
    record.chain_anew();
    Ok(record)
}
