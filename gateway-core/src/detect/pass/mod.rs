//! The one pass over all bytes: a lazy DFA of all patterns says where one may be, and which.

mod automaton;
mod flags;
mod group;
mod pattern;
mod run;
mod table;

use super::{AHEAD, LONGEST_REGION, OVERLAP};
use automaton::Automaton;
use flags::Flags;
use regex_automata::hybrid::BuildError;
use regex_automata::util::syntax;
use run::Run;
use table::Table;

pub(super) use flags::bits;
pub(super) use group::{Group, Places};
pub(super) use pattern::relaxed;

/// Patterns there can be, those of own rules included.
pub(super) const MOST_PATTERNS: usize = 256;
/// Forms that can share a pattern of the pass.
pub(super) const MOST_SHARING: usize = 64;

/// What the pass looks for: a pattern, and the forms that can match only where it does and while it is in progress.
#[derive(Debug)]
pub(super) struct Sought {
    pub(super) pattern: String,
    /// Each form with its own pattern; none where it is words.
    pub(super) forms: Vec<(usize, Option<String>)>,
}

/// The automaton of all that is sought, and those of the forms, which are followed only where it has seen something: apart, so
/// that the first has few states.
#[derive(Debug)]
pub(super) struct Pass {
    automaton: Automaton,
    groups: Vec<Group>,
}

/// A worker's states of it.
#[derive(Debug)]
pub(super) struct Tables {
    pass: Table,
    pub(super) groups: Vec<Places>,
}

impl Tables {
    pub(super) fn memory(&self) -> usize {
        self.pass.memory() + self.groups.iter().filter_map(|places| places.table.as_ref()).map(Table::memory).sum::<usize>()
    }
}

/// Where something may be.
#[derive(Debug)]
pub(super) struct Region {
    /// No match spans its start.
    pub(super) start: usize,
    /// Where no pattern is in progress any more, or where it was cut.
    pub(super) end: usize,
    /// Matches that begin here or later are the next region's: its end, but where it was cut.
    pub(super) next: usize,
    /// What a check may see: the region's end and a little more.
    pub(super) view: usize,
    /// Patterns that match somewhere in it.
    pub(super) flagged: Flags,
}

/// What the pass came to.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Something may be there.
    Region(Region),
    /// From here on more bytes are needed; before it there is nothing.
    Undecided(usize),
    /// Nothing up to the text's end.
    Nothing,
}

impl Pass {
    pub(super) fn new(sought: &[Sought]) -> Result<Self, Box<BuildError>> {
        let patterns: Vec<_> = sought.iter().map(|sought| sought.pattern.as_str()).collect();
        Ok(Self { automaton: Automaton::searching(&patterns)?, groups: sought.iter().map(Group::new).collect::<Result<_, _>>()? })
    }

    pub(super) fn tables(&self) -> Tables {
        Tables { pass: self.automaton.table(), groups: self.groups.iter().map(Group::places).collect() }
    }

    /// The forms that share the pattern of this place.
    pub(super) fn group(&self, place: usize) -> Option<&Group> {
        self.groups.get(place)
    }

    /// The next region of `text` from `from` on, where a region begins. With `more`, other bytes may follow the text.
    pub(super) fn next(&self, tables: &mut Tables, text: &[u8], from: usize, more: bool) -> Outcome {
        // A lazy DFA without a limit of clears never gives up; if it did, everything would be looked at.
        self.walk(&mut tables.pass, text, from, more).unwrap_or_else(|| self.whole(text, from, more))
    }

    fn walk(&self, table: &mut Table, text: &[u8], from: usize, more: bool) -> Option<Outcome> {
        let mut run = Run::begin(&self.automaton, table, text, from)?;
        let mut flagged = Flags::default();
        let (mut start, mut at) = (from, from);
        loop {
            let seen = text.get(..text.len().min(start + LONGEST_REGION))?;
            if flagged.is_empty() {
                at = run.quiet(seen, at, &mut start, &mut flagged)?;
                if !flagged.is_empty() && seen.get(..at).is_some_and(|seen| seen.ends_with(b"\n")) {
                    return Some(region(text, start, at, at, flagged, more));
                }
            } else {
                let (end, idle) = run.flagged(seen, at, &mut flagged)?;
                if idle {
                    return Some(region(text, start, end, end, flagged, more));
                }
                at = end;
            }
            if at == text.len() {
                break;
            }
            if at - start >= LONGEST_REGION {
                let next = at - OVERLAP;
                if !flagged.is_empty() {
                    return Some(Outcome::Region(Region { start, end: at, next, view: at, flagged }));
                }
                // What begins before it would have matched. It goes on as if the text began here: so it does in a stream.
                (start, at) = (next, next);
                run.again(text, at)?;
            }
        }
        if more {
            return Some(Outcome::Undecided(start));
        }
        run.end(&mut flagged)?;
        Some(if flagged.is_empty() { Outcome::Nothing } else { region(text, start, at, at, flagged, false) })
    }

    /// Everything as a region, with all patterns: what is done where the automaton can't say.
    fn whole(&self, text: &[u8], from: usize, more: bool) -> Outcome {
        let mut flagged = Flags::default();
        (0..self.groups.len()).for_each(|pattern| flagged.insert(pattern));
        let end = from + LONGEST_REGION;
        match (end < text.len(), more) {
            (true, _) => Outcome::Region(Region { start: from, end, next: end - OVERLAP, view: end, flagged }),
            (false, true) => Outcome::Undecided(from),
            (false, false) => region(text, from, text.len(), text.len(), flagged, false),
        }
    }
}

/// A region, once there is enough of the text to judge it: a line feed is enough.
fn region(text: &[u8], start: usize, end: usize, next: usize, flagged: Flags, more: bool) -> Outcome {
    let mut view = end;
    while view < end + AHEAD && view.checked_sub(1).and_then(|at| text.get(at)) != Some(&b'\n') {
        if view >= text.len() {
            if more {
                return Outcome::Undecided(start);
            }
            break;
        }
        view += 1;
    }
    Outcome::Region(Region { start, end, next, view, flagged })
}

/// How all patterns are read: bytes, no Unicode.
pub(super) fn syntax() -> syntax::Config {
    syntax::Config::new().unicode(false).utf8(false)
}

/// What `\b` takes for a part of a word.
pub(super) const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two patterns, one of which three forms share.
    fn sought() -> Vec<Sought> {
        let patterns =
            [(r"\b[a-z]+@[a-z]+", &[r"\b[a-z]+@[a-z]+"][..]), (r"[0-9]+", &[r"\b[0-9]{4}\b", r"\b[0-9]{5}\b", r"\b[0-9]{6}\b"])];
        let mut form = 0..;
        let sought = patterns.map(|(pattern, forms)| Sought {
            pattern: pattern.to_owned(),
            forms: forms.iter().filter_map(|text| Some((form.next()?, Some((*text).to_owned())))).collect(),
        });
        sought.into()
    }

    #[test]
    fn a_region_ends_where_nothing_is_in_progress() {
        let pass = Pass::new(&sought()).expect("four patterns");
        let (text, mut tables) = (b"some words, a@b; and 1234 or 12345", pass.tables());
        let mut from = 0;
        let mut regions = Vec::new();
        while let Outcome::Region(region) = pass.next(&mut tables, text, from, false) {
            let mut found = Vec::new();
            for place in region.flagged.iter() {
                let (group, places) = (pass.group(place).expect("a group"), &mut tables.groups[place]);
                let mut at = region.start;
                while let Some(start) = group.next(text, at, region.next) {
                    let matched = group.matching(places, text, &region, start);
                    found.extend(bits(matched).map(|form| (group.forms()[form], start, places.end(form))));
                    at = start + 1;
                }
            }
            regions.push((region.start, region.end, found));
            from = region.next;
        }
        let expected = [(12, 17, vec![(0, 12, 15)]), (21, 29, vec![(1, 21, 25)]), (29, 34, vec![(2, 29, 34)])];
        assert_eq!(regions, expected);
        assert!(matches!(pass.next(&mut tables, b"and a", 0, true), Outcome::Undecided(4)));
    }

    #[test]
    fn what_is_forgotten_makes_no_difference() {
        let patterns: Vec<_> =
            (3..9).map(|count| format!(r"\b[a-f]{{1,{count}}}[0-9]{{{count}}}@|[0-9a-c]{{{count}}}x")).collect();
        let patterns: Vec<_> = patterns.iter().map(String::as_str).collect();
        let pass = |automaton| Pass { automaton, groups: Vec::new() };
        let (wide, narrow) = (Automaton::searching(&patterns), Automaton::searching_within(&patterns, 16 << 10));
        let (wide, narrow) = (pass(wide.expect("patterns")), pass(narrow.expect("room for a few states")));
        let (mut many, mut few) = (wide.tables(), narrow.tables());
        let mut text = Vec::new();
        let mut random = 1u64;
        for _ in 0..40_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.extend(b"abcdef0123456789@x \n".get((random >> 33) as usize % 20));
        }
        let (mut from, mut regions) = (0, 0);
        while let Outcome::Region(region) = wide.next(&mut many, &text, from, false) {
            let Outcome::Region(other) = narrow.next(&mut few, &text, from, false) else { panic!("{region:?} is missed") };
            assert_eq!((region.start, region.end, region.flagged), (other.start, other.end, other.flagged));
            (from, regions) = (region.next, regions + 1);
        }
        let (few, many) = (few.pass.clears(), many.pass.clears());
        assert!(regions > 500 && few > 3 && many == 0, "{regions} regions, forgotten {few} times and {many}");
    }
}
