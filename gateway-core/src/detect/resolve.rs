//! Which of the findings that overlap counts: the one with the best score; none of the others' bytes stays in sight.

use super::Finding;

/// Leaves in `found` what does not overlap, sorted. Bytes that only a lower finding covers go to one beside them.
pub(super) fn resolve(found: &mut Vec<Finding>) {
    if found.len() < 2 {
        return;
    }
    // The better first, then the longer, then the earlier.
    found.sort_unstable_by_key(|one| (std::cmp::Reverse(one.score), std::cmp::Reverse(one.span.len()), one.span.start, one.rule));
    let mut kept = 0;
    for place in 0..found.len() {
        let Some(one) = found.get(place).cloned() else { continue };
        let (winners, _) = found.split_at_mut(kept);
        if give(&one, winners) {
            continue;
        }
        found.swap(kept, place);
        kept += 1;
    }
    found.truncate(kept);
    found.sort_unstable_by_key(|one| one.span.start);
}

/// Whether `one` overlaps a winner; what of it none covers is given to those that it overlaps.
fn give(one: &Finding, winners: &mut [Finding]) -> bool {
    let overlapping = |winner: &Finding| winner.span.start < one.span.end && one.span.start < winner.span.end;
    if !winners.iter().any(overlapping) {
        return false;
    }
    for place in 0..winners.len() {
        let Some(winner) = winners.get(place).filter(|winner| overlapping(winner)) else { continue };
        let (start, end) = (winner.span.start, winner.span.end);
        let others = || winners.iter().filter(|other| other.span.start != start);
        // No further than to the next winner on either side.
        let floor = others().map(|other| other.span.end).filter(|other| *other <= start).max().unwrap_or(0);
        let ceiling = others().map(|other| other.span.start).filter(|other| *other >= end).min().unwrap_or(usize::MAX);
        let (start, end) = (start.min(one.span.start).max(floor), end.max(one.span.end).min(ceiling));
        if let Some(winner) = winners.get_mut(place) {
            winner.span = start..end;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::super::RuleId;
    use super::*;
    use proptest::prelude::*;

    fn finding((start, length, score, rule): (usize, usize, u8, u16)) -> Finding {
        Finding { span: start..start + length, rule: RuleId(rule), score }
    }

    #[test]
    fn the_better_wins_and_hides_the_others_bytes() {
        let mut found = vec![finding((0, 10, 50, 1)), finding((5, 10, 90, 2)), finding((30, 4, 60, 3))];
        resolve(&mut found);
        assert_eq!(found, [Finding { span: 0..15, rule: RuleId(2), score: 90 }, finding((30, 4, 60, 3))]);
    }

    proptest! {
        #[test]
        fn nothing_overlaps_and_no_byte_is_lost(
            parts in prop::collection::vec((0usize..60, 1usize..20, 1u8..100, 0u16..5), 0..12)
        ) {
            let all: Vec<_> = parts.into_iter().map(finding).collect();
            let mut found = all.clone();
            resolve(&mut found);
            prop_assert!(found.windows(2).all(|pair| pair[0].span.end <= pair[1].span.start), "{found:?}");
            for byte in 0..100 {
                let covered = |list: &[Finding]| list.iter().any(|one| one.span.contains(&byte));
                prop_assert_eq!(covered(&all), covered(&found), "{} of {:?} and {:?}", byte, all, found);
            }
            let best = all.iter().map(|one| one.score).max();
            prop_assert_eq!(best, found.iter().map(|one| one.score).max());
        }
    }
}
