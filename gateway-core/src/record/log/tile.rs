//! Tiles: where the tree's hashes and the entries lie (c2sp.org/tlog-tiles), and how both are read.

use super::tree::Subtree;
use crate::record::chain::Hash;
use std::fmt;

/// Hashes, or entries, that a full tile has.
pub const FULL: u64 = 256;
/// Levels of nodes that a tile spans.
pub const HEIGHT: u8 = 8;
/// The most bytes that an entry may have: its length is a u16.
pub const MAX_ENTRY: usize = 65_535;
/// The highest level that a tile's path may name.
const TOP: u8 = 63;

/// What a tile has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Hashes of this level: of 256^level entries each.
    Hashes(u8),
    /// The entries themselves.
    Entries,
}

/// A tile, full or partial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    /// What it has.
    pub kind: Kind,
    /// Which of its level, from 0.
    pub index: u64,
    /// How many hashes or entries it has: 1 to 256.
    pub width: u16,
}

/// A tile that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TileError {
    /// Its length is not that of so many hashes.
    #[error("a tile of {width} hashes has {} bytes, and this one has {length}", .width * 32)]
    Length {
        /// Its width.
        width: usize,
        /// The bytes that it has.
        length: usize,
    },
    /// It ends within an entry.
    #[error("the bundle ends within entry {0} of it")]
    Torn(usize),
    /// It has another number of entries.
    #[error("the bundle has {found} entries instead of {width}")]
    Count {
        /// How many it should have.
        width: usize,
        /// How many it has.
        found: usize,
    },
}

impl Tile {
    /// A full tile.
    #[must_use]
    pub const fn full(kind: Kind, index: u64) -> Self {
        Self { kind, index, width: FULL as u16 }
    }

    /// Whether it has all that it can have.
    #[must_use]
    pub const fn is_full(self) -> bool {
        self.width as u64 == FULL
    }

    /// The full tile in its place.
    #[must_use]
    pub const fn filled(self) -> Self {
        Self::full(self.kind, self.index)
    }

    /// The tiles of hashes at the right edge of a tree of `size` entries: those that are not full, and so are there for that size alone.
    pub fn edge(size: u64) -> impl Iterator<Item = Self> {
        (0..=7).filter_map(move |level| Self::rightmost(Kind::Hashes(level), size))
    }

    /// The tile that is not full at the right edge of a tree of `size` entries.
    #[must_use]
    pub const fn rightmost(kind: Kind, size: u64) -> Option<Self> {
        let level = match kind {
            Kind::Hashes(level) => level,
            Kind::Entries => 0,
        };
        if level > 7 {
            return None;
        }
        let hashes = size >> (level * HEIGHT);
        let width = (hashes % FULL) as u16;
        if width == 0 { None } else { Some(Self { kind, index: hashes / FULL, width }) }
    }

    /// How many entries a tree has to have at least for this tile to be in it; none where no tree can have so many.
    #[must_use]
    pub fn needs(self) -> Option<u64> {
        let level = match self.kind {
            Kind::Hashes(level) => level,
            Kind::Entries => 0,
        };
        let hashes = self.index.checked_mul(FULL)?.checked_add(u64::from(self.width))?;
        let each = 1u64.checked_shl(u32::from(level) * u32::from(HEIGHT))?;
        hashes.checked_mul(each)
    }

    /// The tile of hashes from which a complete subtree's hash is made, and which of its hashes are below that subtree.
    #[must_use]
    pub const fn below(subtree: Subtree) -> (u8, u64, std::ops::Range<usize>) {
        let inside = subtree.level % HEIGHT;
        let first = subtree.index << inside;
        let from = (first % FULL) as usize;
        (subtree.level / HEIGHT, first / FULL, from..from + (1 << inside))
    }

    /// Reads a path such as `tile/0/x001/x234/067.p/5`.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let (kind, rest) = path.strip_prefix("tile/")?.split_once('/')?;
        let kind = match kind {
            "entries" => Kind::Entries,
            level => Kind::Hashes(super::text::number(level).filter(|&level| level <= u64::from(TOP))? as u8),
        };
        let (index, width) = match rest.split_once(".p/") {
            Some((index, width)) => (index, super::text::number(width).filter(|width| (1..FULL).contains(width))? as u16),
            None => (rest, FULL as u16),
        };
        let mut number = 0u64;
        let mut parts = index.split('/').peekable();
        while let Some(part) = parts.next() {
            let digits = if parts.peek().is_some() { part.strip_prefix('x')? } else { part };
            if digits.len() != 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            number = number.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
        }
        let tile = Self { kind, index: number, width };
        // A number has one spelling.
        (tile.to_string() == path).then_some(tile)
    }
}

/// Its path below the log's directory or address.
impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Hashes(level) => write!(f, "tile/{level}/")?,
            Kind::Entries => f.write_str("tile/entries/")?,
        }
        let mut groups = vec![self.index % 1000];
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups.push(rest % 1000);
            rest /= 1000;
        }
        for (place, group) in groups.iter().enumerate().rev() {
            if place == 0 { write!(f, "{group:03}")? } else { write!(f, "x{group:03}/")? }
        }
        if self.is_full() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

/// The hashes of a tile's bytes, of which there must be `width`.
///
/// # Errors
/// Where its length is another.
pub fn hashes(bytes: &[u8], width: usize) -> Result<Vec<Hash>, TileError> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    if hashes.len() != width || !rest.is_empty() {
        return Err(TileError::Length { width, length: bytes.len() });
    }
    Ok(hashes.iter().map(|&hash| Hash(hash)).collect())
}

/// The bytes of a tile of these hashes.
#[must_use]
pub fn hash_bytes(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

/// The entries of a bundle's bytes, of which there must be `width`.
///
/// # Errors
/// Where there are more or fewer, or the last one is not whole.
pub fn entries(bytes: &[u8], width: usize) -> Result<Vec<&[u8]>, TileError> {
    let mut found = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let torn = TileError::Torn(found.len());
        let (length, behind) = rest.split_first_chunk::<2>().ok_or(torn)?;
        let (entry, behind) = behind.split_at_checked(usize::from(u16::from_be_bytes(*length))).ok_or(torn)?;
        if found.len() >= width {
            return Err(TileError::Count { width, found: found.len() + 1 });
        }
        found.push(entry);
        rest = behind;
    }
    if found.len() == width { Ok(found) } else { Err(TileError::Count { width, found: found.len() }) }
}

/// Appends an entry of at most [`MAX_ENTRY`] bytes to a bundle; says whether it fits.
#[must_use]
pub fn push_entry(bundle: &mut Vec<u8>, entry: &[u8]) -> bool {
    let Ok(length) = u16::try_from(entry.len()) else { return false };
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tile(kind: Kind, index: u64, width: u16) -> Tile {
        Tile { kind, index, width }
    }

    #[test]
    fn a_path_is_as_the_specification_has_it() {
        for (path, expected) in [
            ("tile/0/x001/x234/067", tile(Kind::Hashes(0), 1_234_067, 256)),
            ("tile/entries/000", tile(Kind::Entries, 0, 256)),
            ("tile/entries/x001/000.p/255", tile(Kind::Entries, 1000, 255)),
            ("tile/63/999.p/1", tile(Kind::Hashes(63), 999, 1)),
            ("tile/1/x999/999", tile(Kind::Hashes(1), 999_999, 256)),
            ("tile/1/x001/x000/000", tile(Kind::Hashes(1), 1_000_000, 256)),
        ] {
            assert_eq!(Tile::parse(path), Some(expected), "{path}");
            assert_eq!(expected.to_string(), path);
        }
        for wrong in [
            "",
            "tile/",
            "tile/0",
            "tile/0/",
            "tile/64/000",
            "tile/00/000",
            "tile/0/0",
            "tile/0/0000",
            "tile/0/x000/001",
            "tile/0/001/002",
            "tile/0/x001",
            "tile/0/x001/x002",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/01",
            "tile/0/000.p/",
            "tile/0/000.p",
            "tile/-1/000",
            "tile/data/000",
            "tile/0/+01",
            "/tile/0/000",
            "tile/0/x018/x446/x744/x073/x709/x551/616",
            "tile/0/../000",
        ] {
            assert_eq!(Tile::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_edge_is_that_of_the_specifications_example() {
        let edge: Vec<String> = Tile::edge(70_000).map(|tile| tile.to_string()).collect();
        assert_eq!(edge, ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]);
        let edge: Vec<String> = Tile::edge(256).map(|tile| tile.to_string()).collect();
        assert_eq!(edge, ["tile/1/000.p/1"]);
        assert_eq!(Tile::edge(0).count(), 0);
        assert_eq!(tile(Kind::Hashes(1), 1, 17).needs(), Some(69_888));
        assert_eq!(tile(Kind::Hashes(63), 1, 17).needs(), None);
        assert_eq!(tile(Kind::Hashes(0), u64::MAX, 1).needs(), None);
    }

    #[test]
    fn hashes_below_a_subtree_lie_in_one_tile() {
        for (level, index, expected) in [
            (0, 0, (0, 0, 0..1)),
            (0, 300, (0, 1, 44..45)),
            (3, 33, (0, 1, 8..16)),
            (7, 1, (0, 0, 128..256)),
            (8, 5, (1, 0, 5..6)),
            (9, 200, (1, 1, 144..146)),
            (62, 1, (7, 0, 64..128)),
        ] {
            assert_eq!(Tile::below(Subtree { level, index }), expected, "{level}, {index}");
        }
    }

    #[test]
    fn a_bundle_that_is_torn_or_has_other_entries_shows() {
        let mut bundle = Vec::new();
        assert!(push_entry(&mut bundle, b"one") && push_entry(&mut bundle, b"") && push_entry(&mut bundle, &[7; MAX_ENTRY]));
        assert!(!push_entry(&mut bundle, &[7; MAX_ENTRY + 1]));
        assert_eq!(entries(&bundle, 3).unwrap(), [b"one".as_slice(), b"", &[7; MAX_ENTRY]]);
        assert_eq!(bundle.get(..5), Some(b"\0\x03one".as_slice()));
        assert_eq!(entries(&bundle, 2), Err(TileError::Count { width: 2, found: 3 }));
        assert_eq!(entries(&bundle, 4), Err(TileError::Count { width: 4, found: 3 }));
        assert_eq!(entries(bundle.get(..bundle.len() - 1).unwrap(), 3), Err(TileError::Torn(2)));
        assert_eq!(entries(&[0], 1), Err(TileError::Torn(0)));
        assert_eq!(hashes(&[0; 64], 2).map(|hashes| hashes.len()), Ok(2));
        for (length, width) in [(63, 2), (65, 2), (64, 1), (64, 3), (0, 1)] {
            assert!(hashes(&vec![0; length], width).is_err());
        }
    }

    proptest! {
        #[test]
        fn any_tile_reads_back(level in 0u8..=63, index in any::<u64>(), width in 1u16..=256, entries in any::<bool>()) {
            let tile = tile(if entries { Kind::Entries } else { Kind::Hashes(level) }, index, width);
            prop_assert_eq!(Tile::parse(&tile.to_string()), Some(tile));
        }

        #[test]
        fn any_text_is_read_without_a_panic(path in "(tile/(entries|[0-9]{1,3})/)?[x0-9/.p]{0,40}") {
            if let Some(tile) = Tile::parse(&path) {
                prop_assert_eq!(tile.to_string(), path);
            }
        }
    }
}
