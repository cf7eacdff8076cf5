//! The right edge of a growing tree: the last tile of each level, as far as it is filled. It is all that appending needs.

use super::tile::{FULL, HEIGHT, Kind, Tile};
use super::tree::{self, Subtree};
use crate::record::chain::Hash;

/// The right edge of a tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edge {
    size: u64,
    /// For each level the hashes of its last tile: 255 at most.
    levels: Vec<Vec<Hash>>,
}

impl Edge {
    /// The edge of a tree of `size` entries, whose last tiles `read` gives: exactly as many hashes as it is asked for.
    ///
    /// # Errors
    /// What `read` says.
    pub fn read<E>(size: u64, mut read: impl FnMut(Tile) -> Result<Vec<Hash>, E>) -> Result<Self, E> {
        let mut levels = Vec::new();
        for level in 0..HEIGHT {
            let tile = Tile::rightmost(Kind::Hashes(level), size);
            levels.push(tile.map_or_else(|| Ok(Vec::new()), &mut read)?);
        }
        Ok(Self { size, levels })
    }

    /// How many entries the tree has.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf, and gives `full` each tile that is full with it.
    pub fn push(&mut self, leaf: Hash, mut full: impl FnMut(Tile, Vec<Hash>)) {
        let mut hash = leaf;
        self.size += 1;
        for level in 0..HEIGHT {
            let place = usize::from(level);
            if self.levels.len() <= place {
                self.levels.push(Vec::new());
            }
            let Some(row) = self.levels.get_mut(place) else { return };
            row.push(hash);
            if (row.len() as u64) < FULL {
                return;
            }
            let row = std::mem::take(row);
            hash = tree::complete(&row);
            let index = (self.size >> (level * HEIGHT)) / FULL - 1;
            full(Tile::full(Kind::Hashes(level), index), row);
        }
    }

    /// The tree's root.
    #[must_use]
    pub fn root(&self) -> Hash {
        // All of it is in the edge.
        tree::root(self.size, |subtree| self.hash(subtree).ok_or(())).unwrap_or_default()
    }

    /// The hash of a complete subtree, where it is made of the edge.
    #[must_use]
    pub fn hash(&self, subtree: Subtree) -> Option<Hash> {
        let (level, index, range) = Tile::below(subtree);
        Some(tree::complete(self.last(level, index)?.get(range)?))
    }

    /// The partial tiles of the edge, with their hashes.
    pub fn tiles(&self) -> impl Iterator<Item = (Tile, &[Hash])> {
        Tile::edge(self.size).filter_map(|tile| match tile.kind {
            Kind::Hashes(level) => Some((tile, self.last(level, tile.index)?)),
            Kind::Entries => None,
        })
    }

    /// The hashes of the last tile of `level`, if `index` is its number.
    fn last(&self, level: u8, index: u64) -> Option<&[Hash]> {
        let tile = Tile::rightmost(Kind::Hashes(level), self.size)?;
        (tile.index == index).then(|| self.levels.get(usize::from(level)).map(Vec::as_slice)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::convert::Infallible;

    #[test]
    fn the_edge_and_the_full_tiles_are_the_whole_tree() {
        let leaves: Vec<Hash> = (0..66_000u64).map(|number| tree::leaf_hash(&number.to_be_bytes())).collect();
        let mut edge = Edge::default();
        let mut full = BTreeMap::new();
        let mut known = Vec::new();
        for (size, &leaf) in leaves.iter().enumerate() {
            if [0, 1, 255, 256, 257, 600, 65_535].contains(&size) {
                known.push((size as u64, edge.root()));
            }
            edge.push(leaf, |tile, hashes| assert!(full.insert((tile.kind, tile.index), hashes).is_none()));
        }
        assert_eq!((edge.size(), full.len()), (66_000, 257 + 1));
        let read = |subtree: Subtree| {
            let (level, index, range) = Tile::below(subtree);
            let below = full.get(&(Kind::Hashes(level), index)).map(|hashes| tree::complete(&hashes[range]));
            Ok::<_, Infallible>(below.or_else(|| edge.hash(subtree)).expect("in a full tile, or at the edge"))
        };
        let Ok(root) = tree::root(edge.size(), read);
        assert_eq!(edge.root(), root);
        for (size, old) in known {
            let Ok(proof) = tree::consistency(size, edge.size(), read);
            let old = if size == 0 { tree::empty_root() } else { old };
            assert_eq!(tree::verify_consistency(size, old, edge.size(), root, &proof), Ok(()), "{size}");
        }
        for (index, &leaf) in leaves.iter().enumerate().step_by(997) {
            let Ok(path) = tree::inclusion(index as u64, edge.size(), read);
            assert_eq!(tree::verify_inclusion(leaf, index as u64, edge.size(), &path, root), Ok(()));
        }
        let tiles: BTreeMap<Tile, Vec<Hash>> = edge.tiles().map(|(tile, hashes)| (tile, hashes.to_vec())).collect();
        let Ok(again) = Edge::read(edge.size(), |tile| Ok::<_, Infallible>(tiles[&tile].clone()));
        assert_eq!(again.root(), root);
    }
}
