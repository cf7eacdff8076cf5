//! What a lazy DFA has been seen to do, as a table: following it takes half the instructions that following the DFA takes.

use super::automaton::Automaton;
use super::flags::Flags;
use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::Cache;
use std::collections::BTreeMap;

/// A transition: the row of the state that it leads to. One that asks for more than to go on has a bit that makes it a row
/// beyond all, so that whether there is such a row is all that has to be asked of most bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step(u32);

impl Step {
    const MATCH: u32 = 1 << 31;
    /// Nothing matches any more.
    const DEAD: u32 = 1 << 30;
    /// Not seen yet.
    const UNKNOWN: u32 = 1 << 29;
    const ROW: u32 = Self::UNKNOWN - 1;

    pub(super) const fn is_match(self) -> bool {
        self.0 & Self::MATCH != 0
    }

    pub(super) const fn is_dead(self) -> bool {
        self.0 & Self::DEAD != 0
    }

    const fn is_unknown(self) -> bool {
        self.0 & Self::UNKNOWN != 0
    }

    /// Where its transitions stand.
    const fn row(self) -> usize {
        (self.0 & Self::ROW) as usize
    }
}

/// A worker's states of an automaton: about as large as the DFA's own cache, and forgotten with it.
#[derive(Debug)]
pub(super) struct Table {
    cache: Cache,
    steps: Vec<Step>,
    states: Vec<State>,
    known: BTreeMap<LazyStateID, Step>,
    /// Where a search begins behind a character of a word, and behind any other.
    starts: [Option<Step>; 2],
    /// Where the rows of these end, once both are known.
    begun: u32,
    /// How often the cache had been cleared when this was noted.
    clears: usize,
    /// Transitions of a row. Behind them stands the state's place in `states`, so that rows are no longer than they have to be:
    /// of rows of a power of two the same few columns would share their place in the processor's cache.
    width: usize,
}

#[derive(Debug)]
struct State {
    id: LazyStateID,
    /// Patterns that have matched.
    matched: Flags,
}

impl Table {
    /// The table of an automaton that tells so many classes of bytes apart.
    pub(super) fn new(cache: Cache, classes: usize) -> Self {
        Self {
            clears: cache.clear_count(),
            width: classes,
            cache,
            steps: Vec::new(),
            states: Vec::new(),
            known: BTreeMap::new(),
            starts: [None; 2],
            begun: 0,
        }
    }

    /// How often states have been forgotten.
    #[cfg(test)]
    pub(super) const fn clears(&self) -> usize {
        self.clears
    }

    pub(super) fn memory(&self) -> usize {
        let state = size_of::<State>() + size_of::<(LazyStateID, Step)>();
        self.cache.memory_usage() + self.steps.len() * size_of::<Step>() + self.states.len() * state
    }

    /// Goes on from `state` through `text` from `at` on, up to its end or to where more is to be done than to go on. Tells how far it
    /// came, and moves `idle` to the last place where it was as at the start. Most bytes are taken here, so it is kept small.
    #[inline]
    pub(super) fn glide(&self, automaton: &Automaton, text: &[u8], mut at: usize, state: &mut Step, idle: &mut usize) -> usize {
        let (steps, classes, begun) = (&*self.steps, automaton.classes(), self.begun);
        let (mut here, mut before, mut last) = (*state, *state, *idle);
        while let Some(byte) = text.get(at) {
            let Some(next) = steps.get(here.0 as usize + usize::from(classes[usize::from(*byte)])) else { break };
            (before, here) = (here, *next);
            at += 1;
            last = if next.0 < begun { at } else { last };
        }
        *idle = last;
        if here.is_unknown() {
            *state = before;
            return at - 1;
        }
        *state = here;
        at
    }

    /// Goes on from `state` through `text` from `at` on, through matches too, up to its end, to where nothing is in progress, behind a
    /// line feed, or to a transition that is not known. Tells how far it came, and whether nothing is in progress.
    #[inline]
    pub(super) fn pass_matches(
        &self,
        automaton: &Automaton,
        text: &[u8],
        mut at: usize,
        state: &mut Step,
        matched: &mut Flags,
    ) -> (usize, bool) {
        let (steps, classes, begun) = (&*self.steps, automaton.classes(), self.begun);
        while let Some(byte) = text.get(at) {
            let Some(next) = steps.get(state.row() + usize::from(classes[usize::from(*byte)])) else { break };
            if next.0 & (Step::MATCH | Step::UNKNOWN) != 0 {
                if next.is_unknown() {
                    break;
                }
                // A state that has not changed has nothing more to tell.
                if next != state {
                    matched.add(self.matched(*next));
                }
            }
            *state = *next;
            at += 1;
            if next.0 & Step::ROW < begun || *byte == b'\n' {
                return (at, true);
            }
        }
        (at, false)
    }

    /// Whether no pattern is in progress, as where a search begins.
    pub(super) const fn is_idle(&self, step: Step) -> bool {
        step.0 & Step::ROW < self.begun
    }

    /// Patterns that have matched where a step leads to.
    pub(super) fn matched(&self, step: Step) -> Flags {
        self.state(step).map(|state| state.matched).unwrap_or_default()
    }

    /// Where a search begins.
    #[inline]
    pub(super) fn start(&mut self, automaton: &Automaton, behind_word: bool) -> Option<Step> {
        match self.starts[usize::from(behind_word)] {
            Some(step) => Some(step),
            None => self.begin(automaton).and_then(|()| self.starts[usize::from(behind_word)]),
        }
    }

    /// Looks up where a search begins.
    #[cold]
    fn begin(&mut self, automaton: &Automaton) -> Option<()> {
        let (other, word) = (automaton.start(&mut self.cache, false)?, automaton.start(&mut self.cache, true)?);
        self.forget();
        self.starts = [Some(self.note(automaton, other)), Some(self.note(automaton, word))];
        self.begun = u32::try_from(self.steps.len()).ok()?;
        Some(())
    }

    /// The transition by `byte`, or by the text's end, looked up or made. None where the DFA gives up, which one without a limit of
    /// clears never does, or has no room for three states, which one that was built has.
    #[inline]
    pub(super) fn step(&mut self, automaton: &Automaton, from: Step, byte: Option<u8>) -> Option<Step> {
        let place = from.row() + automaton.class(byte);
        match self.steps.get(place) {
            Some(step) if !step.is_unknown() => Some(*step),
            _ => self.make(automaton, from, byte, place),
        }
    }

    #[cold]
    fn make(&mut self, automaton: &Automaton, from: Step, byte: Option<u8>, place: usize) -> Option<Step> {
        let id = self.state(from)?.id;
        let next = automaton.next(&mut self.cache, id, byte)?;
        if self.cache.clear_count() == self.clears {
            let step = self.note(automaton, next);
            *self.steps.get_mut(place)? = step;
            return Some(step);
        }
        let clears = self.cache.clear_count();
        self.begin(automaton)?;
        // Looking up the starts may itself have made it forget: then this state's number is another's.
        (self.cache.clear_count() == clears).then(|| self.note(automaton, next))
    }

    fn state(&self, step: Step) -> Option<&State> {
        let place = self.steps.get(step.row() + self.width)?;
        self.states.get(place.0 as usize)
    }

    fn forget(&mut self) {
        self.clears = self.cache.clear_count();
        self.steps.clear();
        self.states.clear();
        self.known.clear();
    }

    /// The step to a state.
    fn note(&mut self, automaton: &Automaton, id: LazyStateID) -> Step {
        if let Some(step) = self.known.get(&id) {
            return *step;
        }
        let told = if id.is_match() { Step::MATCH } else { 0 } | if id.is_dead() { Step::DEAD } else { 0 };
        let step = Step(u32::try_from(self.steps.len()).unwrap_or(Step::ROW) | told);
        self.steps.resize(self.steps.len() + self.width, Step(Step::UNKNOWN));
        self.steps.push(Step(u32::try_from(self.states.len()).unwrap_or(u32::MAX)));
        self.states.push(State { id, matched: automaton.matched(&self.cache, id) });
        self.known.insert(id, step);
        step
    }
}
