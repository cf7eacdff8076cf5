//! The tree against RFC 6962's own definition, written down naively.

use super::*;
use proptest::prelude::*;
use std::convert::Infallible;

fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|number| leaf_hash(&number.to_be_bytes())).collect()
}

/// MTH of RFC 6962.
fn naive_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [one] => *one,
        more => {
            let (left, right) = more.split_at(more.len().next_power_of_two() / 2);
            node_hash(naive_root(left), naive_root(right))
        }
    }
}

/// PATH of RFC 6962.
fn naive_path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() <= 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
    let (mut path, other) = if index < left.len() {
        (naive_path(index, left), naive_root(right))
    } else {
        (naive_path(index - left.len(), right), naive_root(left))
    };
    path.push(other);
    path
}

/// SUBPROOF of RFC 6962.
fn naive_proof(from: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
    if from == leaves.len() {
        return if whole { Vec::new() } else { vec![naive_root(leaves)] };
    }
    let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
    let (mut proof, other) = if from <= left.len() {
        (naive_proof(from, left, whole), naive_root(right))
    } else {
        (naive_proof(from - left.len(), right, false), naive_root(left))
    };
    proof.push(other);
    proof
}

fn reader(leaves: &[Hash]) -> impl FnMut(Subtree) -> Result<Hash, Infallible> + '_ {
    move |subtree| {
        let size = 1usize << subtree.level;
        let from = subtree.index as usize * size;
        Ok(naive_root(leaves.get(from..from + size).expect("only complete subtrees are asked for")))
    }
}

#[test]
fn every_root_up_to_600_is_that_of_the_definition() {
    let all = leaves(600);
    for size in 0..=600usize {
        let some = &all[..size];
        let Ok(ours) = root(size as u64, reader(some));
        assert_eq!(ours, naive_root(some), "{size}");
        if size.is_power_of_two() {
            assert_eq!(complete(some), ours);
        }
    }
}

#[test]
fn every_proof_of_small_trees_is_that_of_the_definition_and_holds() {
    let all = leaves(70);
    for size in 1..=70usize {
        let some = &all[..size];
        let whole = naive_root(some);
        for index in 0..size {
            let Ok(path) = inclusion(index as u64, size as u64, reader(some));
            assert_eq!(path, naive_path(index, some), "{index} in {size}");
            assert_eq!(verify_inclusion(some[index], index as u64, size as u64, &path, whole), Ok(()));
        }
        for from in 1..=size {
            let Ok(path) = consistency(from as u64, size as u64, reader(some));
            assert_eq!(path, naive_proof(from, some, true), "{from} to {size}");
            let old = naive_root(&all[..from]);
            assert_eq!(verify_consistency(from as u64, old, size as u64, whole, &path), Ok(()));
        }
    }
}

#[test]
fn a_size_makes_nothing_deep() {
    let read = |subtree: Subtree| Ok::<_, Infallible>(leaf_hash(&subtree.index.to_be_bytes()));
    let size = i64::MAX.unsigned_abs();
    let Ok(path) = inclusion(0, size, read);
    assert!(path.len() <= MOST_HASHES);
    let Ok(path) = consistency(size / 3, size, read);
    assert!(path.len() <= MOST_HASHES);
    for wrong in [u64::MAX, u64::MAX - 1, 1 << 63] {
        assert!(verify_inclusion(Hash::default(), wrong - 1, wrong, &path, Hash::default()).is_err());
        assert!(verify_consistency(1, Hash::default(), wrong, Hash::default(), &path).is_err());
    }
}

#[test]
fn the_empty_tree_has_one_root() {
    // As `sha256sum /dev/null` has it.
    assert_eq!(empty_root().to_string(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    let (other, empty) = (Hash([1; 32]), empty_root());
    assert_eq!(verify_consistency(0, empty, 5, other, &[]), Ok(()));
    assert_eq!(verify_consistency(0, other, 5, other, &[]), Err(TreeError::Root));
    assert_eq!(verify_consistency(0, other, 0, other, &[]), Err(TreeError::Root));
    assert_eq!(verify_consistency(0, empty, 5, other, &[other]), Err(TreeError::Length(1)));
    assert_eq!(verify_consistency(3, other, 2, other, &[]), Err(TreeError::Shrunk { from: 3, to: 2 }));
    assert_eq!(verify_inclusion(other, 0, 0, &[], other), Err(TreeError::Outside { index: 0, size: 0 }));
}

proptest! {
    #[test]
    fn any_proof_holds_and_no_changed_one_does(size in 1u64..=600, at in any::<u64>(), flip in any::<u16>()) {
        let all = leaves(size);
        let whole = naive_root(&all);
        let (index, from) = (at % size, at % size + 1);
        let leaf = all[index as usize];
        let Ok(path) = inclusion(index, size, reader(&all));
        prop_assert_eq!(verify_inclusion(leaf, index, size, &path, whole), Ok(()));
        let old = naive_root(&all[..from as usize]);
        let Ok(proof) = consistency(from, size, reader(&all));
        prop_assert_eq!(verify_consistency(from, old, size, whole, &proof), Ok(()));

        for (kind, hashes) in [(0, path), (1, proof)] {
            let check = |hashes: &[Hash], leaf, old, whole| if kind == 0 { verify_inclusion(leaf, index, size, hashes, whole) } else { verify_consistency(from, old, size, whole, hashes) };
            let changed = |hash: Hash| { let mut hash = hash; hash.0[usize::from(flip) % 32] ^= 1 << (flip % 8); hash };
            prop_assert!(check(&hashes, leaf, old, changed(whole)).is_err());
            if kind == 0 { prop_assert!(check(&hashes, changed(leaf), old, whole).is_err()); } else { prop_assert!(check(&hashes, leaf, changed(old), whole).is_err()); }
            let mut longer = hashes.clone();
            longer.push(whole);
            prop_assert!(check(&longer, leaf, old, whole).is_err());
            if !hashes.is_empty() {
                let mut other = hashes.clone();
                let place = usize::from(flip) % other.len();
                other[place] = changed(other[place]);
                prop_assert!(check(&other, leaf, old, whole).is_err());
                prop_assert!(check(&hashes[1..], leaf, old, whole).is_err());
            }
        }
    }
}
