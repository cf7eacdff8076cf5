//! What the configuration says of detectors, and what can be wrong with it.

use serde::Deserialize;

/// Which rules there are.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DetectConfig {
    /// The built-in rules that are used, by name; all of them where this is not given.
    pub rules: Option<Vec<String>>,
    /// Built-in rules that are not used.
    pub without: Vec<String>,
    /// Countries whose telephone numbers are found as they are dialled at home: ISO 3166-1, two capitals. `["US"]` unless given.
    pub phone_regions: Vec<String>,
    /// Rules of one's own.
    pub own: Vec<OwnRule>,
}

impl Default for DetectConfig {
    fn default() -> Self {
        Self { rules: None, without: Vec::new(), phone_regions: vec!["US".to_owned()], own: Vec::new() }
    }
}

/// A rule of one's own: a pattern, a list of words, or both.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnRule {
    /// Small letters, digits and `_`; findings become `[name]`.
    pub name: String,
    /// A regular expression over bytes, without Unicode classes and without look-around but `\b`. It matches 3 to 500 bytes of one line.
    #[serde(default)]
    pub pattern: Option<String>,
    /// Words that are found whole and in any case (ASCII).
    #[serde(default)]
    pub words: Vec<String>,
    /// A checksum that the digits of a match have to fit: `luhn`, `mod97`, `verhoeff` …
    #[serde(default)]
    pub check: Option<String>,
    /// Words that raise the score by 40 where they stand within 64 bytes before the match.
    #[serde(default)]
    pub context: Vec<String>,
    /// 1 to 100; what comes to less than 50 does not count.
    #[serde(default = "certain")]
    pub score: u8,
}

const fn certain() -> u8 {
    75
}

/// What is wrong with a rule, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleProblem {
    /// A built-in rule that is not there.
    #[error("there is no built-in rule `{name}`: the rules are {known}")]
    NoRule {
        /// As it was written.
        name: String,
        /// All names.
        known: String,
    },
    /// A region that the numbering plans don't have.
    #[error("`{region}` in `phone_regions` is no country with telephone numbers: write two capitals of ISO 3166-1, as in \"GB\"")]
    NoRegion {
        /// As it was written.
        region: String,
    },
    /// A name that can't stand in `[name]`, or is there already.
    #[error("rule `{name}`: a name has 1 to 40 small letters, digits and `_`, and no other rule has it: choose another")]
    Name {
        /// As it was written.
        name: String,
    },
    /// Neither a pattern nor words.
    #[error("rule `{name}`: it finds nothing: give it a `pattern` or `words`")]
    Nothing {
        /// The rule.
        name: String,
    },
    /// A pattern that can't be used.
    #[error("rule `{name}`: the pattern {what}")]
    Pattern {
        /// The rule.
        name: String,
        /// What is wrong, and what to do.
        what: String,
    },
    /// A word that can't be looked for.
    #[error("rule `{name}`: {what}")]
    Words {
        /// The rule.
        name: String,
        /// What is wrong, and what to do.
        what: String,
    },
    /// A check that is not there.
    #[error("rule `{name}`: there is no check `{check}`: the checks are {known}")]
    NoCheck {
        /// The rule.
        name: String,
        /// As it was written.
        check: String,
        /// All checks.
        known: String,
    },
    /// A score beyond its bounds.
    #[error("rule `{name}`: the score {score} is not in 1 to 100; with less than 10 nothing is ever found")]
    Score {
        /// The rule.
        name: String,
        /// As it was written.
        score: u8,
    },
    /// All rules together are too much.
    #[error("the rules together are too large ({what}): use fewer, shorten lists of words, or bound repetitions more tightly")]
    Size {
        /// What is.
        what: String,
    },
}
