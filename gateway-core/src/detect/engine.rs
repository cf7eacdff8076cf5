//! From regions to findings: each flagged pattern is searched, checked, scored, and what overlaps is resolved.

use super::numbering::Dialled;
use super::pass::{Group, MOST_SHARING, Outcome, Region, Tables, bits};
use super::resolve::resolve;
use super::rules::{Candidate, THRESHOLD};
use super::tail::Open;
use super::{BESIDE, CONTEXT, Detectors, Form, RuleId};
use aho_corasick::{AhoCorasick, Input};
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
    pass: Tables,
    /// Where the next match of each form may begin, by its place in its group.
    free: [usize; MOST_SHARING],
    judged: Judged,
    pub(super) found: Vec<Finding>,
    pub(super) json: super::json::Buffers,
}

/// What has been made of a region's matches.
#[derive(Debug)]
struct Judged {
    dialled: Dialled,
    candidates: Vec<Finding>,
    /// Where those end that have a tail, and of which form.
    tails: Vec<(usize, usize)>,
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
        Scratch {
            pass: self.pass.tables(),
            free: [0; MOST_SHARING],
            judged: Judged { dialled: self.numbering.dialled(), candidates: Vec::new(), tails: Vec::new() },
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
        scratch.judged.candidates.clear();
        scratch.judged.tails.clear();
        // What a check may see.
        let view = text.get(..region.view).unwrap_or(text);
        for place in region.flagged.iter() {
            if let Some(group) = self.pass.group(place) {
                self.search(view, region, place, group, scratch);
            }
        }
        cursor.region = region.next;
        let Judged { candidates, tails, .. } = &mut scratch.judged;
        if candidates.is_empty() {
            cursor.done = cursor.done.max(cursor.region);
            return;
        }
        resolve(candidates);
        for mut finding in candidates.drain(..) {
            finding.span.start = finding.span.start.max(cursor.done);
            if finding.span.end <= cursor.done {
                continue;
            }
            let tail = tails.iter().find(|(end, _)| finding.span.contains(&(end - 1)));
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

    /// The candidates of a group's forms in a region, those that score enough.
    fn search(&self, text: &[u8], region: &Region, place: usize, group: &Group, scratch: &mut Scratch) {
        if let [only] = group.forms()
            && let Some(form) = self.forms.get(*only)
            && let Some(words) = &form.words
        {
            return self.words(text, region, *only, form, words, &mut scratch.judged);
        }
        let Scratch { pass, free, judged, .. } = scratch;
        let Some(places) = pass.groups.get_mut(place) else { return };
        let (mut at, mut found, last) = (region.start, 0u64, group.last(region));
        while let Some(start) = group.next(text, at, last) {
            at = start + 1;
            for member in bits(group.matching(places, text, region, start)) {
                let (Some(number), Some(free)) = (group.forms().get(member), free.get_mut(member)) else { continue };
                // What follows a finding of the form begins behind it.
                if found >> member & 1 == 1 && *free > start {
                    continue;
                }
                let Some(form) = self.forms.get(*number) else { continue };
                if let Some(end) = self.judge_match(text, start..places.end(member), *number, form, judged) {
                    found |= 1 << member;
                    *free = end;
                    at = if group.forms().len() == 1 { at.max(end) } else { at };
                }
            }
        }
    }

    /// The candidates of a form that is words.
    fn words(&self, text: &[u8], region: &Region, number: usize, form: &Form, words: &AhoCorasick, judged: &mut Judged) {
        let (mut at, end) = (region.start, region.end.min(text.len()));
        while at < region.next {
            let found = words.find(Input::new(text).range(at..end)).map(|found| found.range());
            let Some(span) = found.filter(|span| span.start < region.next) else { return };
            at = span.start + 1;
            at = at.max(self.judge_match(text, span, number, form, judged).unwrap_or_default());
        }
    }

    /// Makes a candidate of what a form matched, if it is one. Tells where it ends.
    fn judge_match(&self, text: &[u8], span: Range<usize>, number: usize, form: &Form, judged: &mut Judged) -> Option<usize> {
        let mut candidate = Candidate { text, span, score: form.score, dialled: &mut judged.dialled, numbering: &self.numbering };
        let verdict = (form.check)(&mut candidate)?;
        let score = self.score(text, form.rule, verdict.span.start, verdict.score)?;
        let end = verdict.span.end;
        if form.tail.is_some() {
            judged.tails.push((end, number));
        }
        judged.candidates.push(Finding { span: verdict.span, rule: form.rule, score });
        Some(end)
    }

    /// The score with what the words before say; `None` where it is too low to count.
    fn score(&self, text: &[u8], rule: RuleId, at: usize, base: u8) -> Option<u8> {
        let rule = self.rules.get(usize::from(rule.0))?;
        let raise = rule.raise.as_ref().and_then(|words| words.before(text, at, CONTEXT));
        if raise.is_none() && base < THRESHOLD {
            return None;
        }
        let lower = rule.lower.as_ref().and_then(|words| words.before(text, at, BESIDE));
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
