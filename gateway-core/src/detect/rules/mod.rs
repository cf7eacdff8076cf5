//! The rules that weir brings, a file a family: how a value is written, what is checked, which words speak for it.

mod asia_pacific;
mod birth;
mod brazil;
mod card;
mod checks;
mod email;
mod europe;
mod iban;
mod network;
mod phone;
mod secret;
mod token;
mod uk;
mod url;
mod us;

use super::checksum::Digits;
use super::numbering::{Dialled, Numbering};
use std::ops::Range;

pub(super) use checks::CHECKS;

/// A rule as it is written.
pub(super) struct Rule {
    /// What it is called, and what its findings become: `[name]`.
    pub(super) name: &'static str,
    /// The ways of writing it.
    pub(super) forms: &'static [Form],
    /// Words before it that raise the score.
    pub(super) raise: &'static [&'static str],
    /// Words before it that lower the score.
    pub(super) lower: &'static [&'static str],
}

/// What a finding of a built-in rule has to score to count.
pub(super) const THRESHOLD: u8 = 50;

/// One way of writing a value.
pub(super) struct Form {
    /// Of bytes, without look-around but `\b`, and of bounded length.
    pub(super) pattern: &'static str,
    /// 1 to 100, where no words are near.
    pub(super) score: u8,
    /// What the pattern can't say.
    pub(super) check: Check,
    /// What follows and belongs to it.
    pub(super) tail: Tail,
    /// Which of the configured regions make it of use.
    pub(super) only: Where,
    /// What the pass looks for instead of the pattern: it matches wherever that does and is as long in progress, and needs fewer
    /// states. Forms that share one are told apart by another automaton, only there.
    pub(super) pass: Option<&'static str>,
}

/// Where telephone numbers are dialled as a form has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Where {
    /// In all regions, and where there are none.
    Everywhere,
    /// In the North American plan.
    NorthAmerica,
    /// In other plans.
    Elsewhere,
}

impl Form {
    const fn new(pattern: &'static str, score: u8, check: Check) -> Self {
        Self { pattern, score, check, tail: Tail::None, only: Where::Everywhere, pass: None }
    }

    const fn pass(mut self, pattern: &'static str) -> Self {
        self.pass = Some(pattern);
        self
    }

    const fn only(mut self, only: Where) -> Self {
        self.only = only;
        self
    }

    const fn with_tail(pattern: &'static str, score: u8, check: Check, tail: Tail) -> Self {
        Self { pattern, score, check, tail, only: Where::Everywhere, pass: None }
    }
}

/// What follows a match and belongs to it, however long.
#[derive(Clone, Copy, Debug)]
pub(super) enum Tail {
    /// Nothing.
    None,
    /// Bytes of this kind.
    While(fn(u8) -> bool),
    /// Lines up to the one that ends a PEM block.
    Pem,
}

impl Tail {
    pub(super) const fn is_some(self) -> bool {
        !matches!(self, Self::None)
    }
}

/// Judges what a pattern matched; `None` where it is none.
pub(super) type Check = fn(&mut Candidate<'_>) -> Option<Verdict>;

/// What a pattern matched.
pub(super) struct Candidate<'a> {
    /// The text up to a little behind the match. A check may look at `BEHIND - CONTEXT` bytes before the match.
    pub(super) text: &'a [u8],
    /// Where the match stands.
    pub(super) span: Range<usize>,
    /// The form's score.
    pub(super) score: u8,
    pub(super) dialled: &'a mut Dialled,
    pub(super) numbering: &'a Numbering,
}

/// What a check says of it.
pub(super) struct Verdict {
    /// Where the value itself stands, within the match.
    pub(super) span: Range<usize>,
    /// The form's score, or less.
    pub(super) score: u8,
}

impl Candidate<'_> {
    /// The matched bytes.
    fn written(&self) -> &[u8] {
        self.text.get(self.span.clone()).unwrap_or_default()
    }

    fn digits(&self) -> Option<Digits> {
        Digits::of(self.written())
    }

    /// The whole match, with the form's score.
    fn whole(&self) -> Option<Verdict> {
        Some(Verdict { span: self.span.clone(), score: self.score })
    }

    /// The whole match where `right` holds.
    fn when(&self, right: bool) -> Option<Verdict> {
        if right { self.whole() } else { None }
    }

    /// The byte `places` before the match; 0 at the text's start.
    fn before(&self, places: usize) -> u8 {
        self.span.start.checked_sub(places).and_then(|at| self.text.get(at)).copied().unwrap_or_default()
    }

    /// The byte `places` behind `end`, itself the first; 0 at the text's end. No more than two can be seen.
    fn behind(&self, end: usize, places: usize) -> u8 {
        self.text.get(end + places).copied().unwrap_or_default()
    }

    /// Whether more groups of digits stand beside it, or of letters behind a dash.
    fn is_in_row(&self) -> bool {
        let parts = |separator: u8, beyond: u8| match separator {
            b' ' => beyond.is_ascii_digit(),
            b'-' => beyond.is_ascii_alphanumeric(),
            _ => false,
        };
        let end = self.span.end;
        parts(self.before(1), self.before(2)) || parts(self.behind(end, 0), self.behind(end, 1))
    }

    /// Whether a match that is digits is part of a longer number or name: `1.` before it, `.5` or `-7` behind it, `_` around it.
    fn is_part(&self) -> bool {
        let joins = |sign: u8, digit: u8| matches!(sign, b'.' | b'-' | b'/') && digit.is_ascii_digit();
        let (first, second) = (self.behind(self.span.end, 0), self.behind(self.span.end, 1));
        matches!(self.before(1), b'_' | b'+') || first == b'_' || joins(self.before(1), self.before(2)) || joins(first, second)
    }
}

/// Digits in groups, and an extension.
macro_rules! grouped {
    ($begin:literal, $more:literal) => {
        concat!(
            $begin,
            r"[0-9](?:[ .()/-]{0,3}[0-9])",
            $more,
            r"(?: ?(?:x|e(?:xt?)?\.?|#))?(?:[0-9 .()/-]|[0-9] ?(?:x|e(?:xt?)?\.?|#))*"
        )
    };
}

/// Where nine digits or more stand in groups: of cards, telephones and national ids.
const DIGITS: &str = grouped!(r"(?:\b|[+(_])", "{8}");
/// Seven digits or more behind a `+`: of telephones.
const PLUS_DIGITS: &str = grouped!(r"\+", "{6}");
/// Seven digits or more: of telephones where numbers are short.
const FEW_DIGITS: &str = grouped!(r"(?:\b|\()", "{6}");

/// All rules, in the order of their ids.
pub(super) fn all() -> impl Iterator<Item = &'static Rule> {
    [
        email::RULES,
        card::RULES,
        iban::RULES,
        phone::RULES,
        us::RULES,
        uk::RULES,
        europe::RULES,
        asia_pacific::RULES,
        brazil::RULES,
        network::RULES,
        url::RULES,
        token::RULES,
        secret::RULES,
        birth::RULES,
    ]
    .into_iter()
    .flatten()
}

/// The names of the rules that weir brings.
pub fn names() -> impl Iterator<Item = &'static str> {
    all().map(|rule| rule.name)
}
