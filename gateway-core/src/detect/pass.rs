//! The one pass over all bytes: a lazy DFA of all patterns says where one may be, and which.

use super::{AHEAD, LONGEST_REGION, OVERLAP};
use regex_automata::hybrid::BuildError;
use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, Config, DFA};
use regex_automata::nfa::thompson;
use regex_automata::util::start;
use regex_automata::util::syntax;
use regex_automata::{Anchored, MatchKind};

/// Patterns there can be, those of own rules included.
pub(super) const MOST_PATTERNS: usize = 256;
/// Bytes of states that a worker keeps at most; then it forgets them and goes on.
const STATES: usize = 8 << 20;
/// Repetitions whose bounds are so far apart are not counted in the pass.
const WIDE: usize = 10;
/// Bytes of the automaton of all patterns.
const AUTOMATON: usize = 32 << 20;

/// The automaton of all patterns at once.
#[derive(Debug)]
pub(super) struct Pass {
    dfa: DFA,
}

/// Where something may be.
#[derive(Debug)]
pub(super) struct Region {
    /// No match spans its start.
    pub(super) start: usize,
    /// Where no pattern is in progress any more, or where it was cut.
    pub(super) end: usize,
    /// Matches that begin here or later are the next region's: its end, but where it was cut.
    pub(super) next: usize,
    /// What a check may see: the region's end and a little more.
    pub(super) view: usize,
    /// Patterns that match somewhere in it.
    pub(super) flagged: Flags,
}

/// What the pass came to.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Something may be there.
    Region(Region),
    /// From here on more bytes are needed; before it there is nothing.
    Undecided(usize),
    /// Nothing up to the text's end.
    Nothing,
}

/// A set of patterns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Flags([u64; MOST_PATTERNS / 64]);

impl Flags {
    pub(super) fn insert(&mut self, pattern: usize) {
        if let Some(word) = self.0.get_mut(pattern / 64) {
            *word |= 1 << (pattern % 64);
        }
    }

    const fn is_empty(&self) -> bool {
        let [a, b, c, d] = self.0;
        a | b | c | d == 0
    }

    /// The patterns, in order.
    pub(super) fn iter(self) -> impl Iterator<Item = usize> {
        self.0.into_iter().enumerate().flat_map(|(place, mut word)| {
            std::iter::from_fn(move || {
                let bit = word.trailing_zeros() as usize;
                word &= word.checked_sub(1)?;
                Some(place * 64 + bit)
            })
        })
    }
}

/// The states in which no pattern is in progress, behind a character of a word and behind any other.
struct Idle {
    word: LazyStateID,
    other: LazyStateID,
    /// How often the cache had been cleared when they were looked up.
    clears: usize,
}

impl Idle {
    /// The one that a region begins with.
    fn behind(&self, text: &[u8], from: usize) -> LazyStateID {
        let behind = from.checked_sub(1).and_then(|at| text.get(at)).copied().unwrap_or(b' ');
        if is_word(behind) { self.word } else { self.other }
    }
}

impl Pass {
    pub(super) fn new<P: AsRef<str>>(patterns: &[P]) -> Result<Self, Box<BuildError>> {
        let config = Config::new()
            .match_kind(MatchKind::All)
            .cache_capacity(STATES)
            .minimum_cache_clear_count(None)
            .specialize_start_states(false);
        let dfa = DFA::builder()
            .configure(config)
            .syntax(syntax())
            .thompson(thompson::Config::new().utf8(false).nfa_size_limit(Some(AUTOMATON)))
            .build_many(patterns)
            .map_err(Box::new)?;
        Ok(Self { dfa })
    }

    pub(super) fn cache(&self) -> Cache {
        self.dfa.create_cache()
    }

    fn idle(&self, cache: &mut Cache) -> Option<Idle> {
        let state = |cache: &mut Cache, behind| {
            self.dfa.start_state(cache, &start::Config::new().look_behind(Some(behind)).anchored(Anchored::No)).ok()
        };
        let (word, other) = (state(cache, b'a')?, state(cache, b' ')?);
        Some(Idle { word, other, clears: cache.clear_count() })
    }

    /// The next region of `text` from `from` on, where a region begins. With `more`, other bytes may follow the text.
    pub(super) fn next(&self, cache: &mut Cache, text: &[u8], from: usize, more: bool) -> Outcome {
        // A lazy DFA without a limit of clears never gives up; if it did, everything would be looked at.
        self.walk(cache, text, from, more).unwrap_or_else(|| self.whole(text, from, more))
    }

    fn walk(&self, cache: &mut Cache, text: &[u8], from: usize, more: bool) -> Option<Outcome> {
        let mut idle = self.idle(cache)?;
        let mut flagged = Flags::default();
        let (mut start, mut at) = (from, from);
        let mut state = idle.behind(text, at);
        loop {
            let stop = text.len().min(start + LONGEST_REGION);
            for byte in text.get(at..stop).unwrap_or_default() {
                at += 1;
                state = if state.is_tagged() {
                    self.step(cache, state, *byte, &mut idle)?
                } else {
                    let next = self.dfa.next_state_untagged(cache, state, *byte);
                    if next.is_unknown() { self.step(cache, state, *byte, &mut idle)? } else { next }
                };
                if state.is_tagged() {
                    self.flag(cache, state, &mut flagged);
                }
                if state == idle.word || state == idle.other {
                    if !flagged.is_empty() {
                        return Some(region(text, start, at, at, flagged, more));
                    }
                    start = at;
                }
            }
            if at == text.len() {
                break;
            }
            if at - start >= LONGEST_REGION {
                let next = at - OVERLAP;
                if !flagged.is_empty() {
                    return Some(Outcome::Region(Region { start, end: at, next, view: at, flagged }));
                }
                // What begins before it would have matched. It goes on as if the text began here: so it does in a stream.
                (start, at) = (next, next);
                state = idle.behind(text, at);
            }
        }
        if more {
            return Some(Outcome::Undecided(start));
        }
        let last = self.dfa.next_eoi_state(cache, state).ok()?;
        self.flag(cache, last, &mut flagged);
        Some(if flagged.is_empty() { Outcome::Nothing } else { region(text, start, at, at, flagged, false) })
    }

    /// The next state where it may have to be made first.
    fn step(&self, cache: &mut Cache, state: LazyStateID, byte: u8, idle: &mut Idle) -> Option<LazyStateID> {
        let next = self.dfa.next_state(cache, state, byte).ok()?;
        let clears = cache.clear_count();
        if clears != idle.clears {
            *idle = self.idle(cache)?;
            // Looking the idle states up may itself have cleared it: then this state's number is another's.
            if idle.clears != clears {
                return None;
            }
        }
        Some(next)
    }

    fn flag(&self, cache: &Cache, state: LazyStateID, flagged: &mut Flags) {
        if state.is_match() {
            for index in 0..self.dfa.match_len(cache, state) {
                flagged.insert(self.dfa.match_pattern(cache, state, index).as_usize());
            }
        }
    }

    /// Everything as a region, with all patterns: what is done where the automaton can't say.
    fn whole(&self, text: &[u8], from: usize, more: bool) -> Outcome {
        let mut flagged = Flags::default();
        (0..self.dfa.pattern_len()).for_each(|pattern| flagged.insert(pattern));
        let end = from + LONGEST_REGION;
        match (end < text.len(), more) {
            (true, _) => Outcome::Region(Region { start: from, end, next: end - OVERLAP, view: end, flagged }),
            (false, true) => Outcome::Undecided(from),
            (false, false) => region(text, from, text.len(), text.len(), flagged, false),
        }
    }
}

/// A region, once there is enough of the text to judge it: a line feed is enough.
fn region(text: &[u8], start: usize, end: usize, next: usize, flagged: Flags, more: bool) -> Outcome {
    let mut view = end;
    while view < end + AHEAD && view.checked_sub(1).and_then(|at| text.get(at)) != Some(&b'\n') {
        if view >= text.len() {
            if more {
                return Outcome::Undecided(start);
            }
            break;
        }
        view += 1;
    }
    Outcome::Region(Region { start, end, next, view, flagged })
}

/// How all patterns are read: bytes, no Unicode.
pub(super) fn syntax() -> syntax::Config {
    syntax::Config::new().unicode(false).utf8(false)
}

/// What `\b` takes for a part of a word.
pub(super) const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// A built-in pattern as the pass looks for it: wide repetitions have no upper bound, since counting each of them apart would
/// make a state of nearly every combination. It matches where the pattern does, and is as long in progress.
pub(super) fn relaxed(pattern: &str) -> String {
    let mut out = String::new();
    let mut rest = pattern;
    while let Some(place) = rest.find('{') {
        let (before, behind) = rest.split_at(place);
        out += before;
        let Some((bounds, after)) = behind.get(1..).and_then(|behind| behind.split_once('}')) else { break };
        let range: Option<(usize, usize)> =
            bounds.split_once(',').and_then(|(least, most)| Some((least.parse().ok()?, most.parse().ok()?)));
        rest = match range {
            Some((least, most)) if most >= least + WIDE => {
                out += &format!("{{{least},}}");
                after
            }
            _ => {
                out.push('{');
                behind.get(1..).unwrap_or_default()
            }
        };
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_repetitions_are_relaxed() {
        for (pattern, expected) in
            [("a{0,63}b{2}c{6,14}", "a{0,}b{2}c{6,14}"), ("[{|}]{1,200}@", "[{|}]{1,}@"), ("a{0,9}b{3,}", "a{0,9}b{3,}")]
        {
            assert_eq!(relaxed(pattern), expected);
        }
    }

    #[test]
    fn a_region_ends_where_nothing_is_in_progress() {
        let pass = Pass::new(&[r"\b[a-z]+@[a-z]+", r"\b[0-9]{4}\b"]).expect("two patterns");
        let (text, mut cache) = (b"some words, a@b; and 1234 or 12345", pass.cache());
        let mut from = 0;
        let mut regions = Vec::new();
        while let Outcome::Region(region) = pass.next(&mut cache, text, from, false) {
            regions.push((region.start, region.end, region.flagged.iter().collect::<Vec<_>>()));
            from = region.next;
        }
        assert_eq!(regions, [(12, 17, vec![0]), (21, 29, vec![1])]);
        assert!(matches!(pass.next(&mut cache, b"and a", 0, true), Outcome::Undecided(4)));
    }
}
