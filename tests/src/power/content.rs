//! What a file holds: its bytes as they were written, and those that would outlast a power cut.

use crate::chance::Chance;
use std::collections::BTreeSet;

/// What a disk writes whole or not at all, at the least.
pub(super) const PAGE: usize = 4096;

/// A file's bytes, twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Content {
    /// As readers see them.
    now: Vec<u8>,
    /// As the last sync left them.
    durable: Vec<u8>,
    /// Pages that were written to since then.
    dirty: BTreeSet<usize>,
    /// How short the file has been since then.
    shortest: usize,
}

/// What becomes of bytes that were not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// They are gone, all of them.
    All,
    /// Each page, each change of a size and each step of the journal is there or gone, as chance will have it: out of so many
    /// pages, one is gone.
    Torn {
        /// From 1, where all are gone.
        gone: u64,
    },
}

impl Content {
    /// The bytes from `offset` on, at most so many.
    pub(super) fn read(&self, offset: usize, size: usize) -> &[u8] {
        let end = offset.saturating_add(size).min(self.now.len());
        self.now.get(offset..end).unwrap_or_default()
    }

    pub(super) fn write(&mut self, offset: usize, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let end = offset.saturating_add(bytes.len());
        if end > self.now.len() {
            self.now.resize(end, 0);
        }
        if let Some(place) = self.now.get_mut(offset..end) {
            place.copy_from_slice(bytes);
        }
        self.dirty.extend(offset / PAGE..end.div_ceil(PAGE));
    }

    pub(super) fn resize(&mut self, size: usize) {
        self.now.resize(size, 0);
        self.shortest = self.shortest.min(size);
        self.dirty.retain(|page| page * PAGE < size);
    }

    pub(super) const fn size(&self) -> usize {
        self.now.len()
    }

    /// Bytes that a power cut would take, at most.
    pub(super) fn at_risk(&self) -> usize {
        self.dirty.len() * PAGE + self.now.len().abs_diff(self.durable.len())
    }

    /// What was written so far outlasts a power cut.
    pub(super) fn sync(&mut self) {
        let pages = std::mem::take(&mut self.dirty);
        let mut durable = std::mem::take(&mut self.durable);
        durable.truncate(self.shortest);
        durable.resize(self.now.len(), 0);
        for page in pages {
            self.copy_page(page, &mut durable);
        }
        self.settle(durable);
    }

    /// The power goes.
    pub(super) fn cut(&mut self, loss: Loss, chance: &mut Chance) {
        let left = match loss {
            Loss::All => std::mem::take(&mut self.durable),
            Loss::Torn { gone } => self.torn(gone, chance),
        };
        self.now.clone_from(&left);
        self.settle(left);
    }

    /// Some of it: of the sizes that it had, one; of the pages that were written, some.
    fn torn(&self, gone: u64, chance: &mut Chance) -> Vec<u8> {
        let (before, after) = (self.durable.len(), self.now.len());
        let grown = after.saturating_sub(before).div_ceil(PAGE) as u64;
        // A file grows page by page, as its pages reach the disk.
        let between = before / PAGE * PAGE + usize::try_from(chance.below(grown)).unwrap_or(0) * PAGE;
        let size = match chance.below(4) {
            0 => before,
            1 if after > before => between.max(before).min(after),
            _ => after,
        };
        let mut left = self.durable.clone();
        if size != before || chance.below(2) == 0 {
            left.truncate(self.shortest);
        }
        // What no page came for reads as zeros.
        left.resize(size, 0);
        for &page in &self.dirty {
            if chance.below(gone) != 0 {
                self.copy_page(page, &mut left);
            }
        }
        left
    }

    fn copy_page(&self, page: usize, into: &mut [u8]) {
        let end = (page * PAGE + PAGE).min(into.len()).min(self.now.len());
        let range = page * PAGE..end;
        if let (Some(to), Some(from)) = (into.get_mut(range.clone()), self.now.get(range)) {
            to.copy_from_slice(from);
        }
    }

    fn settle(&mut self, durable: Vec<u8>) {
        self.shortest = durable.len();
        self.durable = durable;
        self.dirty.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(content: &Content, loss: Loss, seed: u64) -> Vec<u8> {
        let mut content = content.clone();
        content.cut(loss, &mut Chance(seed));
        assert_eq!(content.now, content.durable);
        assert_eq!(content.at_risk(), 0);
        content.now
    }

    #[test]
    fn what_was_synced_stays_and_the_rest_goes() {
        let mut content = Content::default();
        content.write(0, b"synced");
        assert_eq!(cut(&content, Loss::All, 1), b"");
        content.sync();
        content.write(3, b"CEDED, and more");
        assert_eq!(content.read(0, 100), b"synCEDED, and more");
        assert_eq!(cut(&content, Loss::All, 1), b"synced");
        content.resize(2);
        assert_eq!(content.read(0, 100), b"sy");
        assert_eq!(cut(&content, Loss::All, 1), b"synced");
        content.sync();
        content.resize(4);
        content.sync();
        assert_eq!(cut(&content, Loss::All, 1), b"sy\0\0");
    }

    #[test]
    fn a_torn_file_has_each_page_as_it_was_or_as_it_was_written() {
        let mut content = Content::default();
        content.write(0, &[1; 3 * PAGE]);
        content.sync();
        content.write(PAGE / 2, &[2; 4 * PAGE]);
        let mut seen = BTreeSet::new();
        for seed in 1..400 {
            let left = cut(&content, Loss::Torn { gone: 2 }, seed * 77_777);
            assert!(left.len() >= 3 * PAGE && left.len() <= content.size(), "{}", left.len());
            assert_eq!(left[..PAGE / 2], [1; PAGE / 2], "it was synced, and never written to again");
            for (number, page) in left.chunks(PAGE).enumerate().skip(1) {
                let old = if number < 3 { 1 } else { 0 };
                assert!(page.iter().all(|&byte| byte == old) || page[..] == content.now[number * PAGE..][..page.len()]);
            }
            seen.insert((left.len(), left[PAGE - 1], left[PAGE]));
        }
        assert!(seen.len() >= 8, "{seen:?}");
    }

    #[test]
    fn what_was_cut_off_and_written_anew_never_shows_what_was_there_before_under_the_new_size() {
        let mut content = Content::default();
        content.write(0, &[1; 2 * PAGE]);
        content.sync();
        content.resize(10);
        content.write(10, &[2; 3 * PAGE]);
        for seed in 1..200 {
            let left = cut(&content, Loss::Torn { gone: 2 }, seed * 99_991);
            if left.len() != 2 * PAGE {
                assert!(left[10..].iter().all(|&byte| byte != 1), "the new size means that it was cut off");
            }
        }
    }
}
