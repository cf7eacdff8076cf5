//! The automaton of all that is sought on its way through a text.

use super::automaton::Automaton;
use super::flags::Flags;
use super::is_word;
use super::table::{Step, Table};

/// Where it is.
pub(super) struct Run<'a> {
    automaton: &'a Automaton,
    table: &'a mut Table,
    state: Step,
}

impl<'a> Run<'a> {
    /// Begins at `at`. None where the automaton gives up, which one without a limit of clears never does.
    pub(super) fn begin(automaton: &'a Automaton, table: &'a mut Table, text: &[u8], at: usize) -> Option<Self> {
        let state = Self::start(automaton, table, text, at)?;
        Some(Self { automaton, table, state })
    }

    /// Goes on at `at` as if the text began there.
    pub(super) fn again(&mut self, text: &[u8], at: usize) -> Option<()> {
        self.state = Self::start(self.automaton, self.table, text, at)?;
        Some(())
    }

    fn start(automaton: &Automaton, table: &mut Table, text: &[u8], at: usize) -> Option<Step> {
        let behind = at.checked_sub(1).and_then(|at| text.get(at)).copied().unwrap_or(b' ');
        table.start(automaton, is_word(behind))
    }

    /// Takes bytes of `text` from `at` on, up to its end or to where a pattern matches. Tells how far it came, and moves
    /// `start` to the last place where nothing was in progress.
    // By itself, so that what it needs of a byte stays in registers.
    #[inline(never)]
    pub(super) fn quiet(&mut self, text: &[u8], mut at: usize, start: &mut usize, flagged: &mut Flags) -> Option<usize> {
        loop {
            at = self.table.glide(self.automaton, text, at, &mut self.state, start);
            if self.state.is_match() {
                *flagged = self.table.matched(self.state);
                return Some(at);
            }
            let Some(byte) = text.get(at) else { return Some(at) };
            self.state = self.table.step(self.automaton, self.state, Some(*byte))?;
            at += 1;
            *start = if self.table.is_idle(self.state) { at } else { *start };
        }
    }

    /// Takes bytes of `text` from `at` on, up to its end or to where nothing is in progress: behind a line feed in any case, so
    /// that no line waits for the next. Tells how far it came and which.
    pub(super) fn flagged(&mut self, text: &[u8], mut at: usize, flagged: &mut Flags) -> Option<(usize, bool)> {
        loop {
            let (end, idle) = self.table.pass_matches(self.automaton, text, at, &mut self.state, flagged);
            if idle {
                return Some((end, true));
            }
            let Some(byte) = text.get(end) else { return Some((end, false)) };
            at = end + 1;
            let next = self.table.step(self.automaton, self.state, Some(*byte))?;
            // Its number may be another's from before states were forgotten: it always tells.
            if next.is_match() {
                flagged.add(self.table.matched(next));
            }
            self.state = next;
            if self.table.is_idle(next) || *byte == b'\n' {
                return Some((at, true));
            }
        }
    }

    /// Takes the text's end.
    pub(super) fn end(&mut self, flagged: &mut Flags) -> Option<()> {
        self.state = self.table.step(self.automaton, self.state, None)?;
        if self.state.is_match() {
            flagged.add(self.table.matched(self.state));
        }
        Some(())
    }
}
