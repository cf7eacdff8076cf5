//! The one pass over all bytes: a lazy DFA of all patterns says where one may be, and which.

mod flags;
mod pattern;
mod run;

use super::{AHEAD, LONGEST_REGION, OVERLAP};
use flags::Flags;
use regex_automata::Anchored;
use regex_automata::hybrid::BuildError;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::util::{start, syntax};
use run::{Run, automaton, flag};

pub(super) use pattern::{relaxed, shape};

/// Patterns there can be, those of own rules included.
pub(super) const MOST_PATTERNS: usize = 256;

/// What the pass looks for: a pattern, and the forms that can match only where it does and while it is in progress.
#[derive(Debug)]
pub(super) struct Sought {
    pub(super) pattern: String,
    /// Each form with its own pattern.
    pub(super) forms: Vec<(usize, String)>,
}

/// The automaton of all that is sought. Where several forms have a pattern in common, another automaton says of a region which
/// of them it may be: apart, so that the first has few states.
#[derive(Debug)]
pub(super) struct Pass {
    dfa: DFA,
    groups: Vec<Group>,
}

#[derive(Debug)]
struct Group {
    forms: Vec<usize>,
    /// None where there is but one form.
    dfa: Option<DFA>,
}

/// A worker's states of it.
#[derive(Debug)]
pub(super) struct Caches {
    pass: Cache,
    groups: Vec<Option<Cache>>,
}

impl Caches {
    pub(super) fn memory(&self) -> usize {
        self.pass.memory_usage() + self.groups.iter().flatten().map(Cache::memory_usage).sum::<usize>()
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
        let group = |sought: &Sought| {
            let patterns: Vec<_> = sought.forms.iter().map(|(_, pattern)| pattern.as_str()).collect();
            let dfa = if patterns.len() > 1 { Some(automaton(&patterns)?) } else { None };
            Ok::<_, Box<BuildError>>(Group { forms: sought.forms.iter().map(|(form, _)| *form).collect(), dfa })
        };
        let patterns: Vec<_> = sought.iter().map(|sought| sought.pattern.as_str()).collect();
        Ok(Self { dfa: automaton(&patterns)?, groups: sought.iter().map(group).collect::<Result<_, _>>()? })
    }

    pub(super) fn caches(&self) -> Caches {
        let groups = self.groups.iter().map(|group| group.dfa.as_ref().map(DFA::create_cache)).collect();
        Caches { pass: self.dfa.create_cache(), groups }
    }

    /// The forms that may match in a region.
    pub(super) fn forms(&self, caches: &mut Caches, text: &[u8], region: &Region) -> Flags {
        let mut forms = Flags::default();
        for place in region.flagged.iter() {
            let (Some(group), Some(cache)) = (self.groups.get(place), caches.groups.get_mut(place)) else { continue };
            let found = match (&group.dfa, cache) {
                (Some(dfa), Some(cache)) => matching(dfa, cache, text, region),
                _ => None,
            };
            // Where there is no automaton, or it gives up, it may be any of them.
            let maybe = |at: usize| found.is_none_or(|found| found.contains(at));
            group.forms.iter().enumerate().filter(|(at, _)| maybe(*at)).for_each(|(_, form)| forms.insert(*form));
        }
        forms
    }

    /// The next region of `text` from `from` on, where a region begins. With `more`, other bytes may follow the text.
    pub(super) fn next(&self, caches: &mut Caches, text: &[u8], from: usize, more: bool) -> Outcome {
        // A lazy DFA without a limit of clears never gives up; if it did, everything would be looked at.
        self.walk(&mut caches.pass, text, from, more).unwrap_or_else(|| self.whole(text, from, more))
    }

    fn walk(&self, cache: &mut Cache, text: &[u8], from: usize, more: bool) -> Option<Outcome> {
        let mut run = Run::begin(&self.dfa, cache, text, from)?;
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
                run.again(text, at);
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

/// Which patterns match in a region; `None` where the automaton gives up.
fn matching(dfa: &DFA, cache: &mut Cache, text: &[u8], region: &Region) -> Option<Flags> {
    let behind = region.start.checked_sub(1).and_then(|at| text.get(at)).copied();
    let mut state = dfa.start_state(cache, &start::Config::new().look_behind(behind).anchored(Anchored::No)).ok()?;
    let mut flagged = Flags::default();
    for byte in text.get(region.start..region.end)? {
        if !state.is_tagged() {
            let next = dfa.next_state_untagged(cache, state, *byte);
            if !next.is_tagged() {
                state = next;
                continue;
            }
        }
        state = dfa.next_state(cache, state, *byte).ok()?;
        flag(dfa, cache, state, &mut flagged);
    }
    // What ends with the region is told by what follows.
    let last = match text.get(region.end) {
        Some(byte) => dfa.next_state(cache, state, *byte).ok()?,
        None => dfa.next_eoi_state(cache, state).ok()?,
    };
    flag(dfa, cache, last, &mut flagged);
    Some(flagged)
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

    #[test]
    fn a_region_ends_where_nothing_is_in_progress() {
        let sought =
            [(r"\b[a-z]+@[a-z]+", &[r"\b[a-z]+@[a-z]+"][..]), (r"[0-9]+", &[r"\b[0-9]{4}\b", r"\b[0-9]{5}\b", r"\b[0-9]{6}\b"])];
        let mut form = 0..;
        let sought = sought.map(|(pattern, forms)| Sought {
            pattern: pattern.to_owned(),
            forms: forms.iter().filter_map(|text| Some((form.next()?, (*text).to_owned()))).collect(),
        });
        let pass = Pass::new(&sought).expect("four patterns");
        let (text, mut caches) = (b"some words, a@b; and 1234 or 12345", pass.caches());
        let mut from = 0;
        let mut regions = Vec::new();
        while let Outcome::Region(region) = pass.next(&mut caches, text, from, false) {
            let forms = pass.forms(&mut caches, text, &region);
            regions.push((region.start, region.end, forms.iter().collect::<Vec<_>>()));
            from = region.next;
        }
        assert_eq!(regions, [(12, 17, vec![0]), (21, 29, vec![1]), (29, 34, vec![2])]);
        assert!(matches!(pass.next(&mut caches, b"and a", 0, true), Outcome::Undecided(4)));
    }
}
