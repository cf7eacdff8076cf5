//! What texts were found to do, by the exact text and its reading; the least used is forgotten first.

use gateway_core::inspect::Inspection;
use gateway_core::inspect::postgres::Reading;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The most that is kept, in bytes as [`weight`] counts them.
const ROOM: usize = 16 << 20;
/// One entry heavier than this would push out too many others.
const HEAVIEST: usize = 1 << 20;

/// A bounded cache. The map hashes with a secret of its own and compares whole texts.
#[derive(Default)]
pub(super) struct Cache {
    /// By reading: not known, on, off.
    texts: [HashMap<Arc<str>, Kept>; 3],
    /// When each was last used: the least first.
    order: BTreeMap<u64, (usize, Arc<str>)>,
    clock: u64,
    weight: usize,
}

struct Kept {
    inspection: Arc<Inspection>,
    used: u64,
    weight: usize,
}

impl Cache {
    /// What is known of `text` under `reading`.
    pub(super) fn find(&mut self, text: &str, reading: Reading) -> Option<Arc<Inspection>> {
        let place = place(reading);
        let kept = self.texts.get_mut(place)?.get_mut(text)?;
        self.clock += 1;
        if let Some(entry) = self.order.remove(&kept.used) {
            self.order.insert(self.clock, entry);
        }
        kept.used = self.clock;
        Some(Arc::clone(&kept.inspection))
    }

    /// Remembers, and forgets what has not been used for longest where there is no room.
    pub(super) fn keep(&mut self, text: Arc<str>, reading: Reading, inspection: Arc<Inspection>) {
        let weight = weight(&text, &inspection);
        if weight > HEAVIEST || self.find(&text, reading).is_some() {
            return;
        }
        while self.weight + weight > ROOM {
            let Some((_, (place, oldest))) = self.order.pop_first() else { break };
            if let Some(gone) = self.texts.get_mut(place).and_then(|texts| texts.remove(&oldest)) {
                self.weight = self.weight.saturating_sub(gone.weight);
            }
        }
        let place = place(reading);
        self.clock += 1;
        self.weight += weight;
        self.order.insert(self.clock, (place, Arc::clone(&text)));
        if let Some(texts) = self.texts.get_mut(place) {
            texts.insert(text, Kept { inspection, used: self.clock, weight });
        }
    }
}

const fn place(reading: Reading) -> usize {
    match reading.standard_conforming_strings {
        None => 0,
        Some(true) => 1,
        Some(false) => 2,
    }
}

/// About what an entry takes in memory, in bytes.
fn weight(text: &str, inspection: &Inspection) -> usize {
    let parts = inspection.statements.iter().map(|statement| 512 + 128 * (statement.accesses.len() + 8 * statement.names.len()));
    256 + text.len() + parts.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(on: bool) -> Reading {
        Reading { standard_conforming_strings: Some(on) }
    }

    #[test]
    fn readings_are_kept_apart_and_the_least_used_goes_first() {
        let mut cache = Cache::default();
        let empty = Arc::new(Inspection::default());
        cache.keep("first".into(), reading(true), Arc::clone(&empty));
        assert!(cache.find("first", reading(true)).is_some());
        assert!(cache.find("first", reading(false)).is_none());
        let fill = |number: usize| -> Arc<str> { format!("{number} {}", "x".repeat(500_000)).into() };
        for number in 0..40 {
            cache.keep(fill(number), reading(true), Arc::clone(&empty));
            assert!(cache.find("first", reading(true)).is_some(), "it was used just now");
            assert!(cache.weight <= ROOM);
        }
        assert!(cache.find(&fill(0), reading(true)).is_none() && cache.find(&fill(39), reading(true)).is_some());
        let kept: usize = cache.texts.iter().map(HashMap::len).sum();
        assert_eq!(kept, cache.order.len());
        cache.keep("x".repeat(HEAVIEST + 1).into(), reading(true), empty);
        assert_eq!(kept, cache.order.len(), "one heavy text pushes nothing out");
    }
}
