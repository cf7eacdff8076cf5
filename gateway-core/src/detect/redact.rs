//! A text with each finding replaced by its rule's name in brackets, and how often that was.

use super::engine::{Finding, Scratch};
use super::{Detectors, RuleId};

/// How many findings each rule had. Values are not among it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hits(Vec<u64>);

impl Hits {
    /// Those of one rule.
    #[must_use]
    pub fn of(&self, rule: RuleId) -> u64 {
        self.0.get(usize::from(rule.0)).copied().unwrap_or_default()
    }

    /// Those of all rules.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Rules that had some, with their count.
    pub fn iter(&self) -> impl Iterator<Item = (RuleId, u64)> {
        let rules = self.0.iter().enumerate().filter(|(_, count)| **count > 0);
        rules.filter_map(|(place, count)| Some((RuleId(u16::try_from(place).ok()?), *count)))
    }

    /// Begins anew.
    pub fn clear(&mut self) {
        self.0.fill(0);
    }

    fn count(&mut self, rule: RuleId) {
        if let Some(count) = self.0.get_mut(usize::from(rule.0)) {
            *count = count.saturating_add(1);
        }
    }
}

impl Detectors {
    /// Counters of these rules, all zero.
    #[must_use]
    pub fn hits(&self) -> Hits {
        Hits(vec![0; self.rules.len()])
    }

    /// Appends `text` to `out` with each finding replaced by `[rule]`, and counts them in `hits`.
    pub fn redact(&self, text: &[u8], scratch: &mut Scratch, out: &mut Vec<u8>, hits: &mut Hits) {
        self.redact_from(text, 0, scratch, out, hits);
    }

    /// The same for a value of a column: its name counts as the words before it.
    pub fn redact_column(&self, column: &[u8], value: &[u8], scratch: &mut Scratch, out: &mut Vec<u8>, hits: &mut Hits) {
        let mut buffers = std::mem::take(&mut scratch.json);
        let from = buffers.label(column);
        buffers.text.extend_from_slice(value);
        self.redact_from(&buffers.text, from, scratch, out, hits);
        scratch.json = buffers;
    }

    /// What of `text` stands behind `from`, redacted.
    pub(super) fn redact_from(&self, text: &[u8], from: usize, scratch: &mut Scratch, out: &mut Vec<u8>, hits: &mut Hits) {
        let mut found = std::mem::take(&mut scratch.found);
        found.clear();
        self.find_from(text, from, scratch, &mut found);
        self.write(text, from, text.len(), &found, out, hits);
        scratch.found = found;
    }

    /// Appends `text` from `from` up to `end` with each of `found` replaced.
    pub(super) fn write(&self, text: &[u8], from: usize, end: usize, found: &[Finding], out: &mut Vec<u8>, hits: &mut Hits) {
        let mut written = from;
        for finding in found {
            out.extend_from_slice(text.get(written..finding.span.start).unwrap_or_default());
            out.extend_from_slice(self.placeholder(finding.rule));
            hits.count(finding.rule);
            written = finding.span.end;
        }
        out.extend_from_slice(text.get(written..end).unwrap_or_default());
    }

    pub(super) fn placeholder(&self, rule: RuleId) -> &[u8] {
        self.rules.get(usize::from(rule.0)).map_or(b"[masked]", |rule| &rule.placeholder)
    }
}
