//! An automaton on its way through a text.

use super::flags::Flags;
use super::is_word;
use regex_automata::hybrid::dfa::{Cache, Config, DFA};
use regex_automata::hybrid::{BuildError, LazyStateID};
use regex_automata::nfa::thompson;
use regex_automata::util::start;
use regex_automata::{Anchored, MatchKind};

/// Bytes of states that a worker keeps of one automaton at most; then it forgets them and goes on.
const STATES: usize = 8 << 20;
/// Bytes of an automaton.
const AUTOMATON: usize = 32 << 20;

/// Where an automaton is.
pub(super) struct Run<'a> {
    dfa: &'a DFA,
    cache: &'a mut Cache,
    state: LazyStateID,
    idle: Idle,
}

/// The states in which no pattern is in progress, behind a character of a word and behind any other.
struct Idle {
    word: LazyStateID,
    other: LazyStateID,
    /// How often the cache had been cleared when they were looked up.
    clears: usize,
}

impl<'a> Run<'a> {
    /// Begins at `at`. None where the automaton gives up, which one without a limit of clears never does.
    pub(super) fn begin(dfa: &'a DFA, cache: &'a mut Cache, text: &[u8], at: usize) -> Option<Self> {
        let idle = idle(dfa, cache)?;
        let mut run = Self { dfa, cache, state: idle.other, idle };
        run.again(text, at);
        Some(run)
    }

    /// Goes on at `at` as if the text began there.
    pub(super) fn again(&mut self, text: &[u8], at: usize) {
        let behind = at.checked_sub(1).and_then(|at| text.get(at)).copied().unwrap_or(b' ');
        self.state = if is_word(behind) { self.idle.word } else { self.idle.other };
    }

    /// Takes bytes of `text` from `at` on, up to its end or to where a pattern matches. Tells how far it came, and moves
    /// `start` to the last place where nothing was in progress.
    pub(super) fn quiet(&mut self, text: &[u8], mut at: usize, start: &mut usize, flagged: &mut Flags) -> Option<usize> {
        let mut last = *start;
        while let Some(byte) = text.get(at) {
            at += 1;
            // Nothing has matched, so the state has no tag; the new one has where it is not made yet, or matches.
            let next = self.dfa.next_state_untagged(self.cache, self.state, *byte);
            if next.is_tagged() {
                self.state = if next.is_unknown() { self.make(*byte)? } else { next };
                if self.state.is_tagged() {
                    self.flag(flagged);
                    break;
                }
            } else {
                self.state = next;
            }
            last = if self.is_idle() { at } else { last };
        }
        *start = last;
        Some(at)
    }

    /// Takes bytes of `text` from `at` on, up to its end or to where nothing is in progress: behind a line feed in any case, so
    /// that no line waits for the next. Tells how far it came and which.
    pub(super) fn flagged(&mut self, text: &[u8], mut at: usize, flagged: &mut Flags) -> Option<(usize, bool)> {
        while let Some(byte) = text.get(at) {
            at += 1;
            let before = self.state;
            let next = if before.is_tagged() { before } else { self.dfa.next_state_untagged(self.cache, before, *byte) };
            self.state = if next.is_tagged() { self.make(*byte)? } else { next };
            // A state that goes on to itself, as in a row of digits, has been told already.
            if self.state.is_tagged() && self.state != before {
                self.flag(flagged);
            }
            if self.is_idle() || *byte == b'\n' {
                return Some((at, true));
            }
        }
        Some((at, false))
    }

    /// Takes the text's end.
    pub(super) fn end(&mut self, flagged: &mut Flags) -> Option<()> {
        self.state = self.dfa.next_eoi_state(self.cache, self.state).ok()?;
        self.flag(flagged);
        Some(())
    }

    fn is_idle(&self) -> bool {
        self.state == self.idle.word || self.state == self.idle.other
    }

    /// The next state, which may have to be made first.
    fn make(&mut self, byte: u8) -> Option<LazyStateID> {
        let next = self.dfa.next_state(self.cache, self.state, byte).ok()?;
        let clears = self.cache.clear_count();
        if clears != self.idle.clears {
            self.idle = idle(self.dfa, self.cache)?;
            // Looking the idle states up may itself have cleared it: then this state's number is another's.
            if self.idle.clears != clears {
                return None;
            }
        }
        Some(next)
    }

    fn flag(&self, flagged: &mut Flags) {
        flag(self.dfa, self.cache, self.state, flagged);
    }
}

/// Notes the patterns that a state says have matched.
pub(super) fn flag(dfa: &DFA, cache: &Cache, state: LazyStateID, flagged: &mut Flags) {
    if state.is_match() {
        for index in 0..dfa.match_len(cache, state) {
            flagged.insert(dfa.match_pattern(cache, state, index).as_usize());
        }
    }
}

fn idle(dfa: &DFA, cache: &mut Cache) -> Option<Idle> {
    let state = |cache: &mut Cache, behind| {
        dfa.start_state(cache, &start::Config::new().look_behind(Some(behind)).anchored(Anchored::No)).ok()
    };
    let (word, other) = (state(cache, b'a')?, state(cache, b' ')?);
    Some(Idle { word, other, clears: cache.clear_count() })
}

pub(super) fn automaton(patterns: &[&str]) -> Result<DFA, Box<BuildError>> {
    let config = Config::new()
        .match_kind(MatchKind::All)
        .cache_capacity(STATES)
        .minimum_cache_clear_count(None)
        .specialize_start_states(false);
    DFA::builder()
        .configure(config)
        .syntax(super::syntax())
        .thompson(thompson::Config::new().utf8(false).nfa_size_limit(Some(AUTOMATON)))
        .build_many(patterns)
        .map_err(Box::new)
}
