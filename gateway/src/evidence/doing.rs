//! What a session does at the moment, as far as its record has it: kept by the writer, beside what it writes.

use gateway_core::model::time::Timestamp;
use gateway_core::record::body::{self, Completed, Failure, Statement};
use gateway_core::record::{FrameBuffer, FrameKind};
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// Bytes of a statement's text that are kept.
const TEXT: usize = 512;
/// Texts that are kept of what was prepared.
const TEXTS: usize = 16;

/// What a session does, for whoever asks.
#[derive(Debug, Default)]
pub struct Doing(Mutex<State>);

/// The last statement of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Current {
    /// Its text as the record has it, cut at 512 bytes.
    pub text: String,
    /// When it, or its last execution, was sent.
    pub since: Timestamp,
    /// Whether the server has not answered it yet.
    pub runs: bool,
}

#[derive(Debug, Default)]
struct State {
    operation: u64,
    since: Timestamp,
    runs: bool,
    /// By operation, the oldest first.
    texts: VecDeque<(u64, Vec<u8>)>,
}

impl Doing {
    /// What was sent last.
    #[must_use]
    pub fn current(&self) -> Option<Current> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, text) = state.texts.iter().find(|(operation, _)| *operation == state.operation)?;
        Some(Current { text: String::from_utf8_lossy(text).into_owned(), since: state.since, runs: state.runs })
    }

    /// Hears what is about to be written.
    pub(super) fn hear(&self, frames: &FrameBuffer) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (time, kind, body) in frames.iter() {
            state.hear(time, kind, body);
        }
    }
}

impl State {
    fn hear(&mut self, time: Timestamp, kind: FrameKind, body: &[u8]) {
        match kind {
            FrameKind::Statement => {
                let Some(Statement { operation, kind, text }) = Statement::parse(body) else { return };
                self.keep(operation, text);
                // What is only prepared is not run yet.
                (self.operation, self.since, self.runs) = (operation, time, kind != b'P');
            }
            FrameKind::Parameters => {
                let Some((operation, _)) = body::number(body) else { return };
                (self.operation, self.since, self.runs) = (operation, time, true);
            }
            FrameKind::Completed => self.ended(Completed::parse(body).map(|completed| completed.operation)),
            FrameKind::Failed => self.ended(Failure::parse(body).map(|failure| failure.operation)),
            FrameKind::Opened
            | FrameKind::Decision
            | FrameKind::Rows
            | FrameKind::Note
            | FrameKind::Ended
            | FrameKind::Digest => {}
        }
    }

    fn ended(&mut self, operation: Option<u64>) {
        if operation.is_some_and(|operation| operation >= self.operation || operation == 0) {
            self.runs = false;
        }
    }

    fn keep(&mut self, operation: u64, text: &[u8]) {
        // Memory of the oldest is used again.
        let mut kept = if self.texts.len() < TEXTS { Vec::new() } else { self.texts.pop_front().unwrap_or_default().1 };
        kept.clear();
        let end = if text.len() <= TEXT { text.len() } else { whole(text) };
        kept.extend_from_slice(text.get(..end).unwrap_or_default());
        self.texts.push_back((operation, kept));
    }
}

/// Where a text that is too long is cut: between two characters.
fn whole(text: &[u8]) -> usize {
    (TEXT - 3..=TEXT).rev().find(|at| text.get(*at).is_some_and(|byte| byte & 0xc0 != 0x80)).unwrap_or(TEXT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_core::record::body::write_statement;

    fn told(doing: &Doing, kind: FrameKind, at: u64, write: impl FnOnce(&mut Vec<u8>)) -> Option<(String, u64, bool)> {
        let mut frames = FrameBuffer::default();
        frames.push(Timestamp(at), kind, write);
        doing.hear(&frames);
        doing.current().map(|current| (current.text, current.since.0, current.runs))
    }

    fn number(operation: u64) -> impl FnOnce(&mut Vec<u8>) {
        move |body| {
            body.extend_from_slice(&operation.to_le_bytes());
            body.extend_from_slice(&[0; 21]);
        }
    }

    fn is(text: &str, at: u64, runs: bool) -> Option<(String, u64, bool)> {
        Some((text.to_owned(), at, runs))
    }

    #[test]
    fn the_last_statement_runs_until_its_answer_and_what_was_prepared_when_it_is_executed() {
        let doing = Doing::default();
        assert_eq!(doing.current(), None);
        assert_eq!(
            told(&doing, FrameKind::Statement, 1, |to| write_statement(1, b'Q', b"SELECT 1", to)),
            is("SELECT 1", 1, true)
        );
        assert_eq!(told(&doing, FrameKind::Completed, 2, number(1)), is("SELECT 1", 1, false));
        assert_eq!(told(&doing, FrameKind::Statement, 3, |to| write_statement(2, b'P', b"TABLE t", to)), is("TABLE t", 3, false));
        assert_eq!(told(&doing, FrameKind::Statement, 4, |to| write_statement(3, b'Q', b"BEGIN", to)), is("BEGIN", 4, true));
        assert_eq!(told(&doing, FrameKind::Completed, 5, number(3)), is("BEGIN", 4, false));
        assert_eq!(told(&doing, FrameKind::Parameters, 6, number(2)), is("TABLE t", 6, true));
        assert_eq!(told(&doing, FrameKind::Failed, 7, number(2)), is("TABLE t", 6, false));
    }

    #[test]
    fn so_many_texts_are_kept_and_long_ones_are_cut_between_characters() {
        let doing = Doing::default();
        for operation in 1..=100 {
            told(&doing, FrameKind::Statement, operation, |to| write_statement(operation, b'P', b"SELECT 1", to));
        }
        assert_eq!(doing.0.lock().unwrap().texts.len(), TEXTS);
        assert_eq!(told(&doing, FrameKind::Parameters, 200, number(1)), None, "its text is not known any more");
        let long = format!("x{}", "é".repeat(TEXT));
        let (text, ..) = told(&doing, FrameKind::Statement, 201, |to| write_statement(101, b'Q', long.as_bytes(), to)).unwrap();
        assert!(long.starts_with(&text) && (TEXT - 2..=TEXT).contains(&text.len()), "{}", text.len());
    }
}
