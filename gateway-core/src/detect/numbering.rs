//! The telephone numbering plans of all countries, as two lazy DFAs over digits: made of phonenumber's metadata, they
//! take some tens of nanoseconds and no memory for a number, where its parser takes microseconds, a lock and allocations.

use super::rules::Where;
use phonenumber::Metadata;
use phonenumber::metadata::{DATABASE, Descriptor};
use regex_automata::hybrid::BuildError;
use regex_automata::hybrid::dfa::{Cache, Config, DFA};
use regex_automata::nfa::thompson;
use regex_automata::util::{start, syntax};
use regex_automata::{Anchored, MatchKind};
use std::collections::BTreeMap;

/// Bytes of states that a worker keeps of each plan.
const STATES: usize = 4 << 20;
/// The calling code of the North American plan, whose numbers are written in groups of 3, 3 and 4.
const NORTH_AMERICA: u16 = 1;

/// Calling codes have three digits at most.
const LONGEST_CODE: u16 = 999;

/// Which numbers there are.
#[derive(Debug)]
pub(super) struct Numbering {
    international: DFA,
    /// For each region two patterns: without its national prefix, and with it.
    national: DFA,
    regions: Vec<u16>,
}

/// A worker's states of it.
#[derive(Debug)]
pub(super) struct Dialled {
    international: Cache,
    national: Cache,
}

/// How a number is dialled in a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// In the region's North American plan.
    pub(super) north_american: bool,
    /// With the digit that is dialled for another area.
    pub(super) prefixed: bool,
}

/// Why there is no such plan.
#[derive(Debug)]
pub(super) enum NumberingProblem {
    Region(Box<str>),
    Build(Box<BuildError>),
}

impl Numbering {
    /// The plans of all countries, and those that are dialled in `regions` (ISO 3166-1, two letters).
    pub(super) fn new<R: AsRef<str>>(regions: &[R]) -> Result<Self, NumberingProblem> {
        let countries: BTreeMap<u16, Vec<&Metadata>> =
            (1..=LONGEST_CODE).filter_map(|code| Some((code, DATABASE.by_code(&code)?))).collect();
        let international = countries.iter().map(|(code, sharing)| format!("{code}(?:{})", numbers(sharing)));
        let international = [format!("(?:{})", international.collect::<Vec<_>>().join("|"))];
        let (mut national, mut codes) = (Vec::new(), Vec::new());
        for region in regions.iter().map(AsRef::as_ref) {
            let unknown = || NumberingProblem::Region(region.into());
            let country = DATABASE.by_id(region).ok_or_else(unknown)?;
            let numbers = numbers(countries.get(&country.country_code()).ok_or_else(unknown)?);
            let prefix = country.national_prefix().filter(|prefix| prefix.bytes().all(|byte| byte.is_ascii_digit()));
            national.push(format!("(?:{numbers})"));
            // Where there is no prefix, no number has one.
            national.push(prefix.map_or_else(|| "[^\\x00-\\xff]".to_owned(), |prefix| format!("{prefix}(?:{numbers})")));
            codes.push(country.country_code());
        }
        Ok(Self { international: automaton(&international)?, national: automaton(&national)?, regions: codes })
    }

    /// Whether some configured region dials so.
    pub(super) fn uses(&self, only: Where) -> bool {
        match only {
            Where::Everywhere => true,
            Where::NorthAmerica => self.regions.contains(&NORTH_AMERICA),
            Where::Elsewhere => self.regions.iter().any(|code| *code != NORTH_AMERICA),
        }
    }

    pub(super) fn dialled(&self) -> Dialled {
        Dialled { international: self.international.create_cache(), national: self.national.create_cache() }
    }
}

impl Dialled {
    /// Whether `digits`, with the calling code first, are a number of some country.
    pub(super) fn international(&mut self, numbering: &Numbering, digits: &[u8]) -> bool {
        walk(&numbering.international, &mut self.international, digits, |_| Some(())).is_some()
    }

    /// How `digits` are dialled in one of the configured regions.
    pub(super) fn national(&mut self, numbering: &Numbering, digits: &[u8]) -> Option<Plan> {
        walk(&numbering.national, &mut self.national, digits, |pattern| {
            let code = numbering.regions.get(pattern / 2)?;
            Some(Plan { north_american: *code == NORTH_AMERICA, prefixed: pattern % 2 == 1 })
        })
    }
}

/// What `of` says of the first pattern that `digits` are, if any.
fn walk<T>(dfa: &DFA, cache: &mut Cache, digits: &[u8], of: impl Fn(usize) -> Option<T>) -> Option<T> {
    let mut state = dfa.start_state(cache, &start::Config::new().anchored(Anchored::Yes)).ok()?;
    for digit in digits {
        state = dfa.next_state(cache, state, b'0' + digit).ok()?;
        if state.is_dead() {
            return None;
        }
    }
    let last = dfa.next_eoi_state(cache, state).ok()?;
    if !last.is_match() {
        return None;
    }
    of(dfa.match_pattern(cache, last, 0).as_usize())
}

fn automaton(patterns: &[String]) -> Result<DFA, NumberingProblem> {
    DFA::builder()
        .configure(Config::new().match_kind(MatchKind::All).cache_capacity(STATES).skip_cache_capacity_check(true))
        .syntax(syntax::Config::new().unicode(false).utf8(false).ignore_whitespace(true))
        .thompson(thompson::Config::new().utf8(false))
        .build_many(patterns)
        .map_err(|error| NumberingProblem::Build(Box::new(error)))
}

/// All numbers of countries that share a calling code, of every kind that people are called at.
fn numbers(countries: &[&Metadata]) -> String {
    let kinds = countries.iter().flat_map(|country| {
        let kinds = country.descriptors();
        [
            kinds.fixed_line(),
            kinds.mobile(),
            kinds.toll_free(),
            kinds.premium_rate(),
            kinds.shared_cost(),
            kinds.personal_number(),
            kinds.voip(),
            kinds.pager(),
            kinds.uan(),
            kinds.voicemail(),
        ]
    });
    let mut patterns: Vec<_> = kinds.flatten().map(Descriptor::national_number).map(|pattern| pattern.as_str()).collect();
    patterns.sort_unstable();
    patterns.dedup();
    patterns.iter().map(|pattern| format!("(?:{pattern})")).collect::<Vec<_>>().join("|")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::checksum::Digits;

    #[test]
    fn numbers_that_are_and_are_not() {
        let numbering = Numbering::new(&["US", "GB"]).expect("two regions");
        let mut dialled = numbering.dialled();
        for (text, valid) in [
            ("1 650 253 0000", true),
            ("39 02 3661 8300", true),
            ("44 7912 345678", true),
            ("800 1234 5678", true),
            ("64 21 387 835", true),
            ("1 253 0000", false),
            ("44 791 234 567", false),
            ("49 1234", false),
            ("999 123 456 789", false),
        ] {
            let digits = Digits::of(text.as_bytes()).expect("short");
            assert_eq!(dialled.international(&numbering, digits.values()), valid, "{text}");
        }
        for (text, plan) in [
            ("650 253 0000", Some((true, false))),
            ("1 650 253 0000", Some((true, true))),
            ("020 7946 0958", Some((false, true))),
            ("000 253 0000", None),
            ("650 253", None),
        ] {
            let digits = Digits::of(text.as_bytes()).expect("short");
            let plan = plan.map(|(north_american, prefixed)| Plan { north_american, prefixed });
            assert_eq!(dialled.national(&numbering, digits.values()), plan, "{text}");
        }
        assert!(matches!(Numbering::new(&["XX"]), Err(NumberingProblem::Region(_))));
    }
}
