//! What a receiver has at the end, and what is wrong with that.

use std::collections::{BTreeMap, BTreeSet};

/// An event as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// Its number in the spool.
    pub number: u64,
    /// Its uid.
    pub uid: String,
    /// Whether it is marked as one that may have come before.
    pub again: bool,
}

/// What is wrong.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// Events that are not there.
    pub(super) lost: u64,
    /// The first of them, by their numbers.
    pub(super) missing: Vec<u64>,
    /// Events that are there more than once.
    pub(super) duplicates: u64,
    /// Of these, those that have no mark.
    pub(super) unmarked: u64,
    /// Events with a mark that are there once: the mark says only that they may have come before.
    pub(super) marked_once: u64,
    /// Events that stand behind a later one of their session, the first time that they are there.
    pub(super) out_of_order: u64,
}

/// So many missing events are named.
const SHOWN: usize = 20;

impl Findings {
    /// Holds what arrived against the so many that were told: the `n`th has the uid `load-<n>` and is of session `n % sessions`.
    pub(super) fn of(arrived: &[Arrived], told: u64, sessions: u64) -> Self {
        let (mut seen, mut marked, mut newest) = (BTreeSet::new(), BTreeSet::new(), BTreeMap::new());
        let mut findings = Self::default();
        for Arrived { uid, again, .. } in arrived {
            let Some(event) = uid.strip_prefix("load-").and_then(|number| number.parse::<u64>().ok()) else { continue };
            if *again {
                marked.insert(event);
            }
            if seen.insert(event) {
                let newest = newest.entry(event % sessions).or_insert(0);
                findings.out_of_order += u64::from(event < *newest);
                *newest = event.max(*newest);
            } else {
                findings.duplicates += 1;
                findings.unmarked += u64::from(!again);
            }
        }
        findings.lost = told - seen.range(..told).count() as u64;
        findings.missing = (0..told).filter(|event| !seen.contains(event)).take(SHOWN).collect();
        findings.marked_once = (marked.len() as u64).saturating_sub(findings.duplicates);
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_found() {
        let of = |arrived: &[(u64, bool)]| {
            let arrived: Vec<_> =
                arrived.iter().map(|(event, again)| Arrived { number: 9, uid: format!("load-{event}"), again: *again }).collect();
            let Findings { lost, missing, duplicates, unmarked, marked_once, out_of_order } = Findings::of(&arrived, 4, 2);
            assert_eq!(missing.len() as u64, lost);
            [lost, duplicates, unmarked, marked_once, out_of_order]
        };
        assert_eq!(of(&[(0, false), (1, false), (2, false), (3, false)]), [0; 5]);
        assert_eq!(of(&[(0, false), (1, false), (1, true), (2, true), (3, false)]), [0, 1, 0, 1, 0]);
        assert_eq!(of(&[(0, false), (1, false), (1, false), (3, false)]), [1, 1, 1, 0, 0]);
        assert_eq!(of(&[(1, false), (0, false), (2, false), (3, false)]), [0; 5], "of two sessions");
        assert_eq!(of(&[(2, false), (0, false), (1, false), (3, false)]), [0, 0, 0, 0, 1]);
    }
}
