//! What texts were found to do, by the exact text and its reading; the least used is forgotten first.

use foldhash::quality::RandomState;
use gateway_core::inspect::Inspection;
use gateway_core::inspect::postgres::Reading;
use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Parts with a lock each, so that sessions seldom wait for one another.
const PARTS: usize = 8;
/// The most that one part keeps, in bytes as [`weight`] counts them.
const ROOM: usize = 2 << 20;
/// One entry heavier than this would push out too many others.
const HEAVIEST: usize = 1 << 20;

/// A bounded cache. Texts are hashed once, with a secret of its own, and compared whole.
pub(super) struct Cache {
    secret: RandomState,
    parts: [Mutex<Part>; PARTS],
}

#[derive(Default)]
struct Part {
    /// By hash. Of two texts with the same one, the later is kept.
    texts: HashMap<u64, Kept, RandomState>,
    /// When each was last used: the least first.
    order: BTreeMap<u64, u64>,
    clock: u64,
    weight: usize,
}

struct Kept {
    text: Arc<str>,
    reading: Reading,
    inspection: Arc<Inspection>,
    used: u64,
    weight: usize,
}

impl Default for Cache {
    fn default() -> Self {
        Self { secret: RandomState::default(), parts: std::array::from_fn(|_| Mutex::default()) }
    }
}

impl Cache {
    /// What is known of `text` under `reading`. Copies nothing.
    pub(super) fn find(&self, text: &str, reading: Reading) -> Option<Arc<Inspection>> {
        let hash = self.secret.hash_one((text, reading));
        self.part(hash)?.find(hash, text, reading)
    }

    /// Remembers, and forgets what has not been used for longest where there is no room.
    pub(super) fn keep(&self, text: Arc<str>, reading: Reading, inspection: Arc<Inspection>) {
        let hash = self.secret.hash_one((&*text, reading));
        let weight = weight(&text, &inspection);
        if let Some(mut part) = self.part(hash).filter(|_| weight <= HEAVIEST) {
            part.keep(hash, Kept { text, reading, inspection, used: 0, weight });
        }
    }

    fn part(&self, hash: u64) -> Option<MutexGuard<'_, Part>> {
        // Of the high bits: the map within goes by the low ones.
        let place = usize::try_from(hash >> 32).unwrap_or_default() % PARTS;
        self.parts.get(place).map(|part| part.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Part {
    fn find(&mut self, hash: u64, text: &str, reading: Reading) -> Option<Arc<Inspection>> {
        let kept = self.texts.get_mut(&hash).filter(|kept| kept.reading == reading && *kept.text == *text)?;
        // Who is asked for again and again is the newest already.
        if kept.used != self.clock {
            self.clock += 1;
            self.order.remove(&kept.used);
            self.order.insert(self.clock, hash);
            kept.used = self.clock;
        }
        Some(Arc::clone(&kept.inspection))
    }

    fn keep(&mut self, hash: u64, mut kept: Kept) {
        self.forget(hash);
        while self.weight + kept.weight > ROOM {
            let Some((_, &oldest)) = self.order.first_key_value() else { break };
            self.forget(oldest);
        }
        self.clock += 1;
        self.weight += kept.weight;
        self.order.insert(self.clock, hash);
        kept.used = self.clock;
        self.texts.insert(hash, kept);
    }

    fn forget(&mut self, hash: u64) {
        if let Some(gone) = self.texts.remove(&hash) {
            self.order.remove(&gone.used);
            self.weight = self.weight.saturating_sub(gone.weight);
        }
    }
}

/// About what an entry takes in memory, in bytes.
fn weight(text: &str, inspection: &Inspection) -> usize {
    let parts = inspection.statements.iter().map(|statement| {
        // PostgreSQL's tree takes some 750 bytes for each token.
        let tree = if statement.tree.is_some() { 160 * statement.span.len() * (1 + statement.names.len()) } else { 0 };
        512 + tree + 128 * (statement.accesses.len() + 8 * statement.names.len())
    });
    256 + text.len() + parts.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(on: bool) -> Reading {
        Reading { standard_conforming_strings: Some(on), exact: false }
    }

    /// How many are kept, and that each part is in order and has room.
    fn kept(cache: &Cache) -> usize {
        let parts = cache.parts.iter().map(|part| {
            let part = part.lock().unwrap();
            assert!(part.weight <= ROOM && part.texts.len() == part.order.len());
            assert_eq!(part.texts.values().map(|kept| kept.weight).sum::<usize>(), part.weight);
            part.texts.len()
        });
        parts.sum()
    }

    #[test]
    fn readings_are_kept_apart_and_the_least_used_goes_first() {
        let cache = Cache::default();
        let empty = Arc::new(Inspection::default());
        cache.keep("first".into(), reading(true), Arc::clone(&empty));
        assert!(cache.find("first", reading(true)).is_some());
        assert!(cache.find("first", reading(false)).is_none());
        let fill = |number: usize| -> Arc<str> { format!("{number} {}", "x".repeat(300_000)).into() };
        for number in 0..250 {
            cache.keep(fill(number), reading(true), Arc::clone(&empty));
            assert!(cache.find("first", reading(true)).is_some(), "it was used just now");
        }
        assert!(cache.find(&fill(0), reading(true)).is_none() && cache.find(&fill(249), reading(true)).is_some());
        let before = kept(&cache);
        cache.keep("x".repeat(HEAVIEST + 1).into(), reading(true), empty);
        assert_eq!(kept(&cache), before, "one heavy text pushes nothing out");
    }

    #[test]
    fn one_text_is_kept_once() {
        let cache = Cache::default();
        for _ in 0..3 {
            cache.keep("SELECT 1".into(), reading(true), Arc::default());
        }
        assert_eq!(kept(&cache), 1);
    }

    /// Run by hand: `cargo test --release -p gateway --lib parse_pool -- --ignored --nocapture`.
    #[test]
    #[ignore = "a measurement: a known statement"]
    fn figures() {
        let cache = Cache::default();
        let texts: Vec<Arc<str>> = (0..1_000).map(|number| format!("SELECT {number:>200}").into()).collect();
        for text in &texts {
            cache.keep(Arc::clone(text), reading(true), Arc::default());
        }
        let started = std::time::Instant::now();
        for text in texts.iter().cycle().take(1_000_000) {
            assert!(cache.find(text, reading(true)).is_some());
        }
        println!("a known statement of 207 bytes: {:?}", started.elapsed() / 1_000_000);
    }
}
