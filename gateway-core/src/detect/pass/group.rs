//! The forms that share a pattern of the pass, told apart where they begin.

use super::automaton::Automaton;
use super::flags::bits;
use super::table::Table;
use super::{Region, Sought, is_word};
use regex_automata::hybrid::BuildError;
use regex_automata::util::syntax::parse_with;

/// Forms, and the automaton of their own patterns.
#[derive(Debug)]
pub(in crate::detect) struct Group {
    forms: Vec<usize>,
    /// None where it is words that are sought.
    automaton: Option<Automaton>,
    /// For each byte whether a form can begin with it behind a character of a word (2) and behind any other (1), whether it is
    /// itself such a character (4), and whether it is in no match (8).
    begins: Box<[u8; 256]>,
    /// Bytes that the shortest match has.
    shortest: usize,
}

/// What a worker needs for it.
#[derive(Debug)]
pub(in crate::detect) struct Places {
    pub(super) table: Option<Table>,
    /// Where each form ends that matched.
    ends: Vec<usize>,
    /// Where the automaton came by matches on its way, and of which forms.
    passed: Vec<(usize, u64)>,
}

impl Group {
    pub(super) fn new(sought: &Sought) -> Result<Self, Box<BuildError>> {
        let forms = sought.forms.iter().map(|(form, _)| *form).collect();
        let patterns: Option<Vec<_>> = sought.forms.iter().map(|(_, pattern)| pattern.as_deref()).collect();
        let automaton = patterns.map(|patterns| Automaton::beginning(&patterns)).transpose()?;
        let mut begins = Box::new([0; 256]);
        if let Some(automaton) = &automaton {
            let mut table = automaton.table();
            let within = automaton.bytes();
            for (byte, begins) in (0..=u8::MAX).zip(begins.iter_mut()) {
                *begins = u8::from(is_word(byte)) << 2 | u8::from(!within.contains(&byte)) << 3;
                for (behind_word, bit) in [(false, 1), (true, 2)] {
                    let step = table.start(automaton, behind_word).and_then(|start| table.step(automaton, start, Some(byte)));
                    *begins |= if step.is_some_and(|step| step.is_dead()) { 0 } else { bit };
                }
            }
        }
        let length = |pattern: &str| parse_with(pattern, &super::syntax()).ok()?.properties().minimum_len();
        let lengths = sought.forms.iter().map(|(_, pattern)| pattern.as_deref().and_then(length));
        let shortest = lengths.map(Option::unwrap_or_default).min().unwrap_or_default();
        Ok(Self { forms, automaton, begins, shortest })
    }

    pub(super) fn places(&self) -> Places {
        Places { table: self.automaton.as_ref().map(Automaton::table), ends: vec![0; self.forms.len()], passed: Vec::new() }
    }

    /// Its forms, each by its place among all.
    pub(in crate::detect) fn forms(&self) -> &[usize] {
        &self.forms
    }

    /// Behind where matches in a region can begin: the last ones need room.
    pub(in crate::detect) fn last(&self, region: &Region) -> usize {
        region.next.min((region.end + 1).saturating_sub(self.shortest))
    }

    /// The next place from `from` on where one of its forms may begin: all bytes that the shortest match has can be in one.
    pub(in crate::detect) fn next(&self, text: &[u8], from: usize, end: usize) -> Option<usize> {
        let told = |byte: u8| self.begins[usize::from(byte)];
        let mut at = from;
        loop {
            let mut behind = 1 + u8::from(at.checked_sub(1).and_then(|at| text.get(at)).copied().is_some_and(is_word));
            let begins = |byte: &u8| {
                let begins = told(*byte);
                let here = begins & behind != 0;
                behind = 1 + (begins >> 2 & 1);
                here
            };
            at += text.get(at..end)?.iter().position(begins)?;
            let Some(other) = text.get(at..at + self.shortest)?.iter().rposition(|byte| told(*byte) & 8 != 0) else {
                return Some(at);
            };
            at += other + 1;
        }
    }

    /// Which forms match in a region from `start` on, a bit for each place in this group; [`Places::end`] says how far.
    pub(in crate::detect) fn matching(&self, places: &mut Places, text: &[u8], region: &Region, start: usize) -> u64 {
        // It never gives up: it may forget states as often as it likes.
        self.walk(places, text, region, start).unwrap_or_default()
    }

    #[inline]
    fn walk(&self, places: &mut Places, text: &[u8], region: &Region, start: usize) -> Option<u64> {
        let (Some(automaton), Places { table: Some(table), ends, passed }) = (&self.automaton, places) else { return None };
        let behind = start.checked_sub(1).and_then(|at| text.get(at)).copied().is_some_and(is_word);
        let mut state = table.start(automaton, behind)?;
        let seen = text.get(..region.end.min(text.len()))?;
        let mut at = start;
        passed.clear();
        while at <= seen.len() && !state.is_dead() {
            let from = at;
            at = table.glide(automaton, seen, at, &mut state, &mut 0);
            if at == from {
                // What ends with the region is told by what follows.
                state = table.step(automaton, state, text.get(at).copied())?;
                at += 1;
            }
            if state.is_match() {
                passed.push((at - 1, table.matched(state).first()));
            }
        }
        // The last end of each form is the one that counts.
        let mut matched = 0;
        while let Some((at, here)) = passed.pop() {
            let more = here & !matched;
            for form in bits(more) {
                *ends.get_mut(form)? = at;
            }
            matched |= more;
        }
        Some(matched)
    }
}

impl Places {
    /// Where the form at this place in the group ends, if it matched.
    pub(in crate::detect) fn end(&self, form: usize) -> usize {
        self.ends.get(form).copied().unwrap_or_default()
    }
}
