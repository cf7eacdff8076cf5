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
        let state = table.start(automaton, false)?;
        let mut run = Self { automaton, table, state };
        run.again(text, at)?;
        Some(run)
    }

    /// Goes on at `at` as if the text began there.
    pub(super) fn again(&mut self, text: &[u8], at: usize) -> Option<()> {
        let behind = at.checked_sub(1).and_then(|at| text.get(at)).copied().unwrap_or(b' ');
        self.state = self.table.start(self.automaton, is_word(behind))?;
        Some(())
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
        while let Some(byte) = text.get(at) {
            at += 1;
            self.state = self.table.step(self.automaton, self.state, Some(*byte))?;
            if self.state.is_match() {
                flagged.add(self.table.matched(self.state));
            }
            if self.table.is_idle(self.state) || *byte == b'\n' {
                return Some((at, true));
            }
        }
        Some((at, false))
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
