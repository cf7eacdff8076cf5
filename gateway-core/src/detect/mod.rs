//! Finds what is sensitive by its own form, in free text: e-mail addresses, cards, keys.
//!
//! One pass of a lazy DFA over all patterns (`pass`) says in which *regions* of a text something may be, and of which
//! pattern. Only there the patterns' own expressions are followed from where one can begin, and what they match is checked in
//! code: what stands beside it, its checksum, the words before it (`rules`). What is said of a region depends on its bytes and a
//! few beside it alone, so a text gives the same findings however it is cut (`stream`).

mod checksum;
mod compile;
mod config;
mod context;
mod engine;
mod fuzz;
mod json;
mod numbering;
mod own;
mod pass;
mod redact;
mod resolve;
mod rules;
mod stream;
mod tail;
#[cfg(test)]
mod tests;

pub use config::{DetectConfig, OwnRule, RuleProblem};
pub use engine::{Finding, Scratch};
pub use fuzz::fuzz_entry;
pub use redact::Hits;
pub use rules::names;
pub use stream::Stream;

use aho_corasick::AhoCorasick;
use context::Words;
use rules::{Check, Tail};
use std::fmt;

/// Bytes before a finding whose words raise its score.
const CONTEXT: usize = 64;
/// Bytes before a finding whose words lower its score.
const BESIDE: usize = 16;
/// Bytes before a region that its findings may depend on.
const BEHIND: usize = 96;
/// Bytes behind a region that its findings may depend on; none behind a line feed.
const AHEAD: usize = 2;
/// Bytes at which a region in which patterns never cease to be in progress is cut.
const LONGEST_REGION: usize = 1024;
/// Bytes by which such a region and the next overlap.
const OVERLAP: usize = 512;
/// Bytes that a pattern matches at most; what is longer has a tail.
const LONGEST_MATCH: usize = 500;

/// A rule by its place: [`Detectors::name`] has its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(u16);

/// Compiled rules. They are shared by all workers; each has a [`Scratch`] of its own.
pub struct Detectors {
    rules: Vec<Rule>,
    forms: Vec<Form>,
    pass: pass::Pass,
    numbering: numbering::Numbering,
}

/// A rule as it is used.
#[derive(Debug)]
struct Rule {
    name: Box<str>,
    /// `[name]`.
    placeholder: Box<[u8]>,
    /// Words that raise the score.
    raise: Option<Words>,
    /// Words that lower it.
    lower: Option<Words>,
}

/// One way of writing what a rule finds.
#[derive(Debug)]
struct Form {
    rule: RuleId,
    /// What finds it, where it is words; a pattern is followed by its group's automaton.
    words: Option<Box<AhoCorasick>>,
    score: u8,
    check: Check,
    tail: Tail,
}

impl fmt::Debug for Detectors {
    /// Their names: the automata would fill pages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.rules.iter().map(|rule| &rule.name)).finish()
    }
}

impl Detectors {
    /// The name of a rule.
    #[must_use]
    pub fn name(&self, rule: RuleId) -> &str {
        self.rules.get(usize::from(rule.0)).map_or("", |rule| &rule.name)
    }

    /// The rule of this name.
    #[must_use]
    pub fn rule(&self, name: &str) -> Option<RuleId> {
        let place = self.rules.iter().position(|rule| &*rule.name == name)?;
        u16::try_from(place).ok().map(RuleId)
    }

    /// All rules, in their order.
    pub fn rules(&self) -> impl Iterator<Item = RuleId> {
        (0..self.rules.len()).filter_map(|place| u16::try_from(place).ok().map(RuleId))
    }
}
