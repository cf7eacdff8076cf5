//! The Merkle tree of RFC 6962, section 2.1: hashes, roots, inclusion and consistency proofs, and their verification (RFC 9162,
//! sections 2.1.3.2 and 2.1.4.2).
//!
//! A tree is a function that gives the hash of any complete subtree. Nothing here recurses; no loop has more than 64 turns.

use crate::record::chain::Hash;
use sha2::{Digest, Sha256};

/// The most hashes that a proof may have.
pub const MOST_HASHES: usize = 64;

/// A complete subtree: the 2^`level` leaves from `index` × 2^`level` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subtree {
    /// How many levels of nodes lie between it and its leaves: 0 is a leaf.
    pub level: u8,
    /// Which of its level, from 0.
    pub index: u64,
}

/// Why a proof proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// The entry lies outside of the tree.
    #[error("entry {index} is not in a tree of {size} entries")]
    Outside {
        /// The entry.
        index: u64,
        /// The tree's size.
        size: u64,
    },
    /// The older tree is the larger one.
    #[error("a tree of {from} entries can't have grown to one of {to}")]
    Shrunk {
        /// The size before.
        from: u64,
        /// The size after.
        to: u64,
    },
    /// There are more or fewer hashes than such a proof has.
    #[error("the proof has {0} hashes, which is not what these sizes need")]
    Length(usize),
    /// The hashes lead to another root.
    #[error("the proof leads to another root hash")]
    Root,
}

/// The hash of an entry: SHA-256(0x00 ‖ entry).
#[must_use]
pub fn leaf_hash(entry: &[u8]) -> Hash {
    let mut hash = Sha256::new();
    hash.update([0]);
    hash.update(entry);
    Hash(hash.finalize().into())
}

/// The hash of two subtrees side by side: SHA-256(0x01 ‖ left ‖ right).
#[must_use]
pub fn node_hash(left: Hash, right: Hash) -> Hash {
    let mut hash = Sha256::new();
    hash.update([1]);
    hash.update(left.0);
    hash.update(right.0);
    Hash(hash.finalize().into())
}

/// The root of a tree without entries: SHA-256 of nothing.
#[must_use]
pub fn empty_root() -> Hash {
    Hash(Sha256::digest([]).into())
}

/// The hash of the complete subtree over `leaves`, of which there are 2ⁿ.
#[must_use]
pub fn complete(leaves: &[Hash]) -> Hash {
    let mut row = leaves.to_vec();
    while row.len() > 1 {
        row = row.chunks(2).map(|pair| if let &[left, right] = pair { node_hash(left, right) } else { pair[0] }).collect();
    }
    row.first().copied().unwrap_or_else(empty_root)
}

/// The root of the first `size` entries.
///
/// # Errors
/// What `read` says.
pub fn root<E>(size: u64, mut read: impl FnMut(Subtree) -> Result<Hash, E>) -> Result<Hash, E> {
    if size == 0 { Ok(empty_root()) } else { range(0, size, &mut read) }
}

/// The proof that entry `index` is in the tree of the first `size`: RFC 6962's PATH, from the leaf's sibling on.
/// It is empty where the entry is not in that tree.
///
/// # Errors
/// What `read` says.
pub fn inclusion<E>(index: u64, size: u64, mut read: impl FnMut(Subtree) -> Result<Hash, E>) -> Result<Vec<Hash>, E> {
    let mut path = Vec::new();
    let (mut low, mut high) = (0, size);
    while index < high && high - low > 1 {
        let middle = low + split(high - low);
        if index < middle {
            path.push(range(middle, high, &mut read)?);
            high = middle;
        } else {
            path.push(range(low, middle, &mut read)?);
            low = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// The proof that the tree of the first `from` entries is a prefix of that of the first `to`: RFC 6962's PROOF. It is empty where
/// nothing has to be proved: `from` is 0 or `to`.
///
/// # Errors
/// What `read` says.
pub fn consistency<E>(from: u64, to: u64, mut read: impl FnMut(Subtree) -> Result<Hash, E>) -> Result<Vec<Hash>, E> {
    let mut path = Vec::new();
    if from == 0 || from >= to {
        return Ok(path);
    }
    let (mut low, mut high) = (0, to);
    while from != high {
        let middle = low + split(high - low);
        if from <= middle {
            path.push(range(middle, high, &mut read)?);
            high = middle;
        } else {
            path.push(range(low, middle, &mut read)?);
            low = middle;
        }
    }
    // The older tree's own root is known to who checks.
    if low > 0 {
        path.push(range(low, high, &mut read)?);
    }
    path.reverse();
    Ok(path)
}

/// Whether `path` leads from the leaf `leaf`, entry `index` of `size`, to `root`.
///
/// # Errors
/// Where it doesn't: why.
pub fn verify_inclusion(leaf: Hash, index: u64, size: u64, path: &[Hash], root: Hash) -> Result<(), TreeError> {
    if index >= size {
        return Err(TreeError::Outside { index, size });
    }
    let (mut node, mut last, mut hash) = (index, size - 1, leaf);
    for &sibling in path {
        if last == 0 {
            return Err(TreeError::Length(path.len()));
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, hash);
            (node, last) = up_to_right_child(node, last);
        } else {
            hash = node_hash(hash, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    match last {
        0 if hash == root => Ok(()),
        0 => Err(TreeError::Root),
        _ => Err(TreeError::Length(path.len())),
    }
}

/// Whether `path` shows that the tree of `from` entries with root `old` is a prefix of that of `to` entries with root `new`.
///
/// # Errors
/// Where it doesn't: why.
pub fn verify_consistency(from: u64, old: Hash, to: u64, new: Hash, path: &[Hash]) -> Result<(), TreeError> {
    if from > to {
        return Err(TreeError::Shrunk { from, to });
    }
    if from == 0 || from == to {
        let right = if from == to { old == new } else { old == empty_root() };
        let right = right && (to > 0 || new == empty_root());
        return if !path.is_empty() { Err(TreeError::Length(path.len())) } else { right.then_some(()).ok_or(TreeError::Root) };
    }
    let (mut node, mut last) = (from - 1, to - 1);
    let shift = node.trailing_ones();
    (node, last) = (node >> shift, last >> shift);
    let (first, rest) = if from.is_power_of_two() {
        (old, path)
    } else {
        path.split_first().map(|(&first, rest)| (first, rest)).ok_or(TreeError::Length(0))?
    };
    let (mut old_hash, mut new_hash) = (first, first);
    for &sibling in rest {
        if last == 0 {
            return Err(TreeError::Length(path.len()));
        }
        if node & 1 == 1 || node == last {
            old_hash = node_hash(sibling, old_hash);
            new_hash = node_hash(sibling, new_hash);
            (node, last) = up_to_right_child(node, last);
        } else {
            new_hash = node_hash(new_hash, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    match last {
        0 if old_hash == old && new_hash == new => Ok(()),
        0 => Err(TreeError::Root),
        _ => Err(TreeError::Length(path.len())),
    }
}

/// Goes up while the node is a left child without a sibling.
const fn up_to_right_child(node: u64, last: u64) -> (u64, u64) {
    if node & 1 == 1 || node == 0 {
        return (node, last);
    }
    let levels = node.trailing_zeros();
    (node >> levels, last >> levels)
}

/// The largest power of two below `count`, which is at least 2.
const fn split(count: u64) -> u64 {
    1 << (63 - (count - 1).leading_zeros())
}

/// The hash over the entries from `low` to `high`, where `low` is a multiple of a power of two that is not below their number.
fn range<E>(low: u64, high: u64, read: &mut impl FnMut(Subtree) -> Result<Hash, E>) -> Result<Hash, E> {
    let mut hash = None;
    let mut end = high;
    // From the smallest complete subtree, at the right, to the largest.
    while end > low {
        let level = (end - low).trailing_zeros();
        let size = 1u64 << level;
        end -= size;
        let left = read(Subtree { level: level as u8, index: end >> level })?;
        hash = Some(hash.map_or(left, |right| node_hash(left, right)));
    }
    Ok(hash.unwrap_or_else(empty_root))
}

#[cfg(test)]
mod tests;
