//! A lazy DFA of patterns.

use super::flags::Flags;
use super::table::Table;
use regex_automata::hybrid::dfa::{Cache, Config, DFA};
use regex_automata::hybrid::{BuildError, LazyStateID};
use regex_automata::nfa::thompson::{self, State, Transition};
use regex_automata::util::primitives::StateID;
use regex_automata::util::start;
use regex_automata::{Anchored, MatchKind};
use std::collections::BTreeSet;

/// Bytes of states that a worker keeps of one automaton at most; then it forgets them and goes on.
const STATES: usize = 8 << 20;
/// Bytes of an automaton.
const AUTOMATON: usize = 32 << 20;

/// An automaton that workers share.
#[derive(Debug)]
pub(super) struct Automaton {
    dfa: DFA,
    anchored: Anchored,
    /// Bytes that no pattern tells apart have one class.
    classes: Box<[u8; 256]>,
    /// The class of a text's end, the last one.
    end: usize,
}

impl Automaton {
    /// One that looks for all patterns at once, wherever they begin, and tells of each of them.
    pub(super) fn searching(patterns: &[&str]) -> Result<Self, Box<BuildError>> {
        Self::new(patterns, Anchored::No, MatchKind::All, STATES)
    }

    /// The same with so many bytes of states at most.
    #[cfg(test)]
    pub(super) fn searching_within(patterns: &[&str], states: usize) -> Result<Self, Box<BuildError>> {
        Self::new(patterns, Anchored::No, MatchKind::All, states)
    }

    /// One that says where patterns end that begin at a place: a single one as its alternatives prefer, of several each at its longest.
    pub(super) fn beginning(patterns: &[&str]) -> Result<Self, Box<BuildError>> {
        let kind = if patterns.len() > 1 { MatchKind::All } else { MatchKind::LeftmostFirst };
        Self::new(patterns, Anchored::Yes, kind, STATES)
    }

    fn new(patterns: &[&str], anchored: Anchored, kind: MatchKind, states: usize) -> Result<Self, Box<BuildError>> {
        let config =
            Config::new().match_kind(kind).cache_capacity(states).minimum_cache_clear_count(None).specialize_start_states(false);
        let dfa = DFA::builder()
            .configure(config)
            .syntax(super::syntax())
            .thompson(thompson::Config::new().utf8(false).nfa_size_limit(Some(AUTOMATON)))
            .build_many(patterns)
            .map_err(Box::new)?;
        let mut classes = Box::new([0; 256]);
        for (byte, class) in (0..=u8::MAX).zip(classes.iter_mut()) {
            *class = dfa.byte_classes().get(byte);
        }
        let end = dfa.byte_classes().alphabet_len() - 1;
        Ok(Self { dfa, anchored, classes, end })
    }

    /// Bytes that can be in a match.
    pub(super) fn bytes(&self) -> BTreeSet<u8> {
        let nfa = self.dfa.get_nfa();
        let (mut bytes, mut seen, mut open) = (BTreeSet::new(), BTreeSet::new(), vec![nfa.start_anchored()]);
        while let Some(id) = open.pop() {
            if !seen.insert(id) {
                continue;
            }
            let mut take = |step: &Transition| {
                bytes.extend(step.start..=step.end);
                open.push(step.next);
            };
            match nfa.state(id) {
                State::ByteRange { trans } => take(trans),
                State::Sparse(steps) => steps.transitions.iter().for_each(take),
                State::Dense(steps) => {
                    for (byte, next) in (0..=u8::MAX).zip(steps.transitions.iter()).filter(|(_, next)| **next != StateID::ZERO) {
                        take(&Transition { start: byte, end: byte, next: *next });
                    }
                }
                State::Look { next, .. } | State::Capture { next, .. } => open.push(*next),
                State::Union { alternates } => open.extend(alternates.iter()),
                State::BinaryUnion { alt1, alt2 } => open.extend([*alt1, *alt2]),
                State::Fail | State::Match { .. } => {}
            }
        }
        bytes
    }

    pub(super) const fn classes(&self) -> &[u8; 256] {
        &self.classes
    }

    /// The class of a byte, or of a text's end.
    #[inline]
    pub(super) fn class(&self, byte: Option<u8>) -> usize {
        byte.map_or(self.end, |byte| usize::from(self.classes[usize::from(byte)]))
    }

    pub(super) fn table(&self) -> Table {
        Table::new(self.dfa.create_cache(), self.end + 1)
    }

    /// Where a search begins. None where the DFA gives up, as below.
    pub(super) fn start(&self, cache: &mut Cache, behind_word: bool) -> Option<LazyStateID> {
        let behind = Some(if behind_word { b'a' } else { b' ' });
        self.dfa.start_state(cache, &start::Config::new().anchored(self.anchored).look_behind(behind)).ok()
    }

    /// The state behind `from`, by `byte` or by the text's end.
    pub(super) fn next(&self, cache: &mut Cache, from: LazyStateID, byte: Option<u8>) -> Option<LazyStateID> {
        let next = match byte {
            Some(byte) => self.dfa.next_state(cache, from, byte),
            None => self.dfa.next_eoi_state(cache, from),
        };
        next.ok()
    }

    /// Patterns that have matched in a state.
    pub(super) fn matched(&self, cache: &Cache, state: LazyStateID) -> Flags {
        let mut matched = Flags::default();
        let count = if state.is_match() { self.dfa.match_len(cache, state) } else { 0 };
        (0..count).for_each(|index| matched.insert(self.dfa.match_pattern(cache, state, index).as_usize()));
        matched
    }
}
