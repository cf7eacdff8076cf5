//! What CEF and LEEF have in common: names with values, each written so that it stays one value on one line.

use super::words;
use crate::event::{Event, Outcome, Severity, What};
use std::fmt::Display;

/// How a form writes a value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    /// What is behind a pair.
    pub(super) between: char,
    /// What has a backslash before it.
    pub(super) special: &'static [char],
    /// What a tab becomes.
    pub(super) tab: &'static str,
}

/// Pairs as they are written.
pub(super) struct Pairs<'a> {
    line: &'a mut String,
    style: Style,
    begun: bool,
}

impl<'a> Pairs<'a> {
    pub(super) const fn new(line: &'a mut String, style: Style) -> Self {
        Self { line, style, begun: false }
    }

    /// Appends a pair whose value is cut at so many characters; none where there is no value.
    pub(super) fn text(&mut self, name: &str, value: Option<&str>, most: usize) {
        let Some(value) = value.filter(|value| !value.is_empty()) else { return };
        if std::mem::replace(&mut self.begun, true) {
            self.line.push(self.style.between);
        }
        self.line.push_str(name);
        self.line.push('=');
        escape(first(value, most), self.line, self.style.special, self.style.tab);
    }

    /// The same for what needs no cutting.
    pub(super) fn shown(&mut self, name: &str, value: Option<impl Display>) {
        let value = value.map(|value| value.to_string());
        self.text(name, value.as_deref(), usize::MAX);
    }
}

/// Appends text in which no reader can see a line's end, a field's end or a head's end.
pub(super) fn escape(text: &str, line: &mut String, special: &[char], tab: &str) {
    for letter in text.chars() {
        match letter {
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str(tab),
            letter if special.contains(&letter) => line.extend(['\\', letter]),
            letter if words::obeyed(letter) => line.push('\u{fffd}'),
            letter => line.push(letter),
        }
    }
}

/// A text's first characters.
fn first(text: &str, most: usize) -> &str {
    text.char_indices().nth(most).map_or(text, |(end, _)| text.get(..end).unwrap_or(text))
}

/// How much it matters, from 0 to 10.
pub(super) fn severity(event: &Event) -> u8 {
    match event.severity() {
        Severity::Informational => 1,
        Severity::Low => 3,
        Severity::Medium => 6,
        Severity::High => 9,
    }
}

/// How it came out, in a word.
pub(super) fn outcome(event: &Event) -> Option<&'static str> {
    match &event.what {
        What::Opened { decision } if decision.refuses() => Some("refused"),
        What::Opened { decision } if decision.outcome == "hold" => Some("held"),
        What::Opened { .. } => Some("success"),
        What::Statement(statement) => Some(match statement.outcome {
            Outcome::Done => "success",
            Outcome::Failed => "failure",
            Outcome::Refused => "refused",
            Outcome::Cut => "cut",
        }),
        What::Ended { killed, .. } => Some(if *killed { "killed" } else { "success" }),
        What::Finding { .. } | What::Control { .. } | What::Checkpoint { .. } | What::Dropped { .. } => None,
    }
}
