//! From regions to findings: each flagged pattern is searched, checked, scored, and what overlaps is resolved.

use super::numbering::Dialled;
use super::pass::{Caches, Outcome, Region};
use super::resolve::resolve;
use super::rules::{Candidate, THRESHOLD};
use super::tail::Open;
use super::{BESIDE, CONTEXT, Detectors, Form, RuleId, Search};
use regex_automata::{Input, meta};
use std::ops::Range;

/// What words before a finding add to its score, or take from it.
const WORDS: u8 = 40;

/// Something sensitive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where it stands, in bytes.
    pub span: Range<usize>,
    /// What found it.
    pub rule: RuleId,
    /// How sure that is, 1 to 100.
    pub score: u8,
}

/// A worker's own memory: states of the automata and buffers. It serves the [`Detectors`] that made it, and no others.
#[derive(Debug)]
pub struct Scratch {
    pass: Caches,
    forms: Vec<Option<meta::Cache>>,
    dialled: Dialled,
    candidates: Vec<Finding>,
    tails: Vec<(usize, usize)>,
    pub(super) found: Vec<Finding>,
    pub(super) json: super::json::Buffers,
}

/// How far a text has been looked through.
#[derive(Clone, Debug, Default)]
pub(super) struct Cursor {
    /// Where the next region begins.
    pub(super) region: usize,
    /// All before it is decided.
    pub(super) done: usize,
    /// What the last finding goes on with.
    pub(super) tail: Option<Open>,
}

impl Cursor {
    /// Takes what belongs to the last finding's tail; it has been found already.
    pub(super) fn swallow(&mut self, text: &[u8]) {
        let Some(open) = &mut self.tail else { return };
        let (taken, ended) = open.take(text.get(self.done..).unwrap_or_default());
        self.done += taken;
        self.region = self.done;
        if ended {
            self.tail = None;
        }
    }
}

impl Scratch {
    /// Bytes of states that the pass has kept so far.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.pass.memory()
    }
}

impl Detectors {
    /// What a worker needs to use them.
    #[must_use]
    pub fn scratch(&self) -> Scratch {
        let cache = |form: &Form| match &form.search {
            Search::Pattern(pattern) => Some(pattern.create_cache()),
            Search::Words(_) => None,
        };
        Scratch {
            pass: self.pass.caches(),
            forms: self.forms.iter().map(cache).collect(),
            dialled: self.numbering.dialled(),
            candidates: Vec::new(),
            tails: Vec::new(),
            found: Vec::new(),
            json: super::json::Buffers::default(),
        }
    }

    /// Appends to `found` what is sensitive in `text`: nothing overlaps, in the text's order.
    pub fn find(&self, text: &[u8], scratch: &mut Scratch, found: &mut Vec<Finding>) {
        self.find_from(text, 0, scratch, found);
    }

    /// The same from `from` on; what stands before says what it is, and nothing of that is found.
    pub(super) fn find_from(&self, text: &[u8], from: usize, scratch: &mut Scratch, found: &mut Vec<Finding>) {
        self.advance(text, &mut Cursor { region: 0, done: from, tail: None }, false, scratch, found);
    }

    /// Appends what is found between the cursor and where more of the text would be needed. Without `more` that is its end.
    pub(super) fn advance(&self, text: &[u8], cursor: &mut Cursor, more: bool, scratch: &mut Scratch, found: &mut Vec<Finding>) {
        while cursor.tail.is_none() && cursor.region <= text.len() {
            match self.pass.next(&mut scratch.pass, text, cursor.region, more) {
                Outcome::Region(region) => self.judge(text, &region, cursor, more, scratch, found),
                Outcome::Undecided(from) => {
                    cursor.region = from;
                    cursor.done = cursor.done.max(from);
                    return;
                }
                Outcome::Nothing => {
                    (cursor.region, cursor.done) = (text.len(), text.len());
                    return;
                }
            }
        }
    }

    /// What is in one region.
    fn judge(
        &self,
        text: &[u8],
        region: &Region,
        cursor: &mut Cursor,
        more: bool,
        scratch: &mut Scratch,
        found: &mut Vec<Finding>,
    ) {
        scratch.candidates.clear();
        scratch.tails.clear();
        for place in self.pass.forms(&mut scratch.pass, text, region).iter() {
            if let Some(form) = self.forms.get(place) {
                self.search(text, region, place, form, scratch);
            }
        }
        resolve(&mut scratch.candidates);
        cursor.region = region.next;
        for mut finding in scratch.candidates.drain(..) {
            finding.span.start = finding.span.start.max(cursor.done);
            if finding.span.end <= cursor.done {
                continue;
            }
            let tail = scratch.tails.iter().find(|(end, _)| finding.span.contains(&(end - 1)));
            if let Some(form) = tail.and_then(|(_, form)| self.forms.get(*form)) {
                let mut open = Open::new(form.tail);
                let end = tail.map_or(finding.span.end, |(end, _)| *end);
                let (taken, ended) = open.take(text.get(end..).unwrap_or_default());
                finding.span.end = finding.span.end.max(end + taken);
                cursor.region = cursor.region.max(finding.span.end);
                if !ended && more {
                    cursor.tail = Some(open);
                }
            }
            cursor.done = finding.span.end;
            found.push(finding);
        }
        cursor.done = cursor.done.max(cursor.region);
    }

    /// The candidates of one form in a region, those that score enough.
    fn search(&self, text: &[u8], region: &Region, place: usize, form: &Form, scratch: &mut Scratch) {
        let view = text.get(..region.view).unwrap_or(text);
        let mut at = region.start;
        while at < region.next {
            let input = Input::new(view).range(at..region.end.min(view.len()));
            let matched = match (&form.search, scratch.forms.get_mut(place)) {
                (Search::Pattern(pattern), Some(Some(cache))) => pattern.search_with(cache, &input).map(|found| found.range()),
                (Search::Words(words), _) => words.find(input_of(view, at, region.end)).map(|found| found.range()),
                (Search::Pattern(_), _) => None,
            };
            let Some(span) = matched.filter(|span| span.start < region.next) else { return };
            at = span.start + 1;
            let mut candidate =
                Candidate { text: view, span, score: form.score, dialled: &mut scratch.dialled, numbering: &self.numbering };
            let Some(verdict) = (form.check)(&mut candidate) else { continue };
            let Some(score) = self.score(view, form.rule, verdict.span.start, verdict.score) else { continue };
            at = at.max(verdict.span.end);
            if form.tail.is_some() {
                scratch.tails.push((verdict.span.end, place));
            }
            scratch.candidates.push(Finding { span: verdict.span, rule: form.rule, score });
        }
    }

    /// The score with what the words before say; `None` where it is too low to count.
    fn score(&self, text: &[u8], rule: RuleId, at: usize, base: u8) -> Option<u8> {
        let rule = self.rules.get(usize::from(rule.0))?;
        let (raise, lower) = (
            rule.raise.as_ref().and_then(|words| words.before(text, at, CONTEXT)),
            rule.lower.as_ref().and_then(|words| words.before(text, at, BESIDE)),
        );
        // The nearer word is the one that is meant.
        let score = match (raise, lower) {
            (Some(raise), Some(lower)) if lower < raise => base.saturating_sub(WORDS),
            (Some(_), _) => base.saturating_add(WORDS).min(100),
            (None, Some(_)) => base.saturating_sub(WORDS),
            (None, None) => base,
        };
        (score >= THRESHOLD).then_some(score)
    }
}

/// A region as what searches for words takes it.
fn input_of(text: &[u8], start: usize, end: usize) -> aho_corasick::Input<'_> {
    aho_corasick::Input::new(text).range(start..end.min(text.len()))
}
