//! Rules of one's own: what they may be, and how they become forms beside the built-in ones.

use super::compile::Building;
use super::config::{OwnRule, RuleProblem};
use super::context::Words;
use super::pass::{is_word, syntax};
use super::rules::{CHECKS, Candidate, Check, Tail, Verdict};
use super::{Form, LONGEST_MATCH};
use aho_corasick::{AhoCorasick, MatchKind};
use regex_automata::nfa::thompson;
use regex_automata::util::syntax::parse_with;
use std::fmt::Write as _;

/// Bytes that a match has at least: less is found everywhere.
const SHORTEST_MATCH: usize = 3;
/// Words of one rule, and the bytes of all of them.
const MOST_WORDS: usize = 2000;
const MOST_WORD_BYTES: usize = 32 << 10;
/// Bytes of one pattern's automaton.
const PATTERN: usize = 2 << 20;

pub(super) fn add(rule: &OwnRule, building: &mut Building) -> Result<(), RuleProblem> {
    let name = rule.name.as_str();
    let fine = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if !(1..=40).contains(&name.len()) || !name.bytes().all(fine) || building.has(name) {
        return Err(RuleProblem::Name { name: name.to_owned() });
    }
    if !(1..=100).contains(&rule.score) {
        return Err(RuleProblem::Score { name: name.to_owned(), score: rule.score });
    }
    if rule.pattern.is_none() && rule.words.is_empty() {
        return Err(RuleProblem::Nothing { name: name.to_owned() });
    }
    let check = check(rule)?;
    let words_problem = |what: String| RuleProblem::Words { name: name.to_owned(), what };
    if let Some(empty) = rule.context.iter().position(String::is_empty) {
        return Err(words_problem(format!("word {} of `context` is empty: take it out", empty + 1)));
    }
    let context = Words::new(&rule.context).map_err(|error| words_problem(format!("`context` is too large ({error})")))?;
    rule.pattern.as_deref().map_or(Ok(()), |text| expression(name, text))?;
    let list = if rule.words.is_empty() { None } else { Some(words(&rule.words).map_err(words_problem)?) };
    let id = building.rule(name, context, None)?;
    let form = |words, check| Form { rule: id, words, score: rule.score, check, tail: Tail::None };
    if let Some(text) = &rule.pattern {
        building.form(form(None, check.unwrap_or(any)), text.clone());
    }
    if let Some((words, text)) = list {
        building.form(form(Some(Box::new(words)), whole_words), text);
    }
    Ok(())
}

fn check(rule: &OwnRule) -> Result<Option<Check>, RuleProblem> {
    let Some(named) = &rule.check else { return Ok(None) };
    CHECKS.iter().find(|(name, _)| name == named).map(|(_, check)| Some(*check)).ok_or_else(|| RuleProblem::NoCheck {
        name: rule.name.clone(),
        check: named.clone(),
        known: CHECKS.map(|(name, _)| name).join(", "),
    })
}

/// A pattern of bounded length, so that a stream has to hold back no more than that.
fn expression(name: &str, text: &str) -> Result<(), RuleProblem> {
    let problem = |what: String| RuleProblem::Pattern { name: name.to_owned(), what };
    let parsed = parse_with(text, &syntax()).map_err(|error| problem(format!("is not understood: {error}")))?;
    let properties = parsed.properties();
    if properties.look_set().contains_anchor() {
        return Err(problem(
            "has `^`, `$`, `\\A` or `\\z`: use `\\b`, since a text has no lines and may be cut anywhere".to_owned(),
        ));
    }
    if properties.minimum_len().is_none_or(|length| length < SHORTEST_MATCH) {
        return Err(problem(format!("can match fewer than {SHORTEST_MATCH} bytes: make more of it obligatory")));
    }
    match properties.maximum_len() {
        Some(length) if length <= LONGEST_MATCH => {}
        Some(length) => {
            return Err(problem(format!(
                "can match {length} bytes, of {LONGEST_MATCH} at most: lower the bounds of its repetitions"
            )));
        }
        None => return Err(problem("has a repetition without an end: write `{0,64}` for `*`, and `{1,64}` for `+`".to_owned())),
    }
    let built = thompson::NFA::compiler()
        .configure(thompson::Config::new().utf8(false).nfa_size_limit(Some(PATTERN)))
        .build_from_hir(&parsed);
    built.map_or_else(|error| Err(problem(format!("is too large ({error}): bound its repetitions more tightly"))), |_| Ok(()))
}

/// The words as an automaton, and as a pattern for the pass.
fn words(words: &[String]) -> Result<(AhoCorasick, String), String> {
    let bytes: usize = words.iter().map(String::len).sum();
    if words.len() > MOST_WORDS || bytes > MOST_WORD_BYTES {
        return Err(format!(
            "{} `words` of {bytes} bytes, of {MOST_WORDS} and {MOST_WORD_BYTES} at most: split the list between rules",
            words.len()
        ));
    }
    if let Some(wrong) = words.iter().find(|word| word.len() < SHORTEST_MATCH || word.len() > LONGEST_MATCH) {
        return Err(format!("`{wrong}` in `words` has not {SHORTEST_MATCH} to {LONGEST_MATCH} bytes: take it out"));
    }
    let automaton = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::LeftmostLongest)
        .build(words)
        .map_err(|error| format!("`words` are too many ({error}): use fewer"))?;
    let mut pattern = String::from("(?i)(?:");
    for (place, word) in words.iter().enumerate() {
        let at_word = |byte: Option<u8>| if byte.is_some_and(is_word) { r"\b" } else { "" };
        pattern += if place == 0 { "" } else { "|" };
        pattern += at_word(word.bytes().next());
        for byte in word.bytes() {
            // Writing to a string can't fail.
            write!(pattern, r"\x{byte:02x}").ok();
        }
        pattern += at_word(word.bytes().next_back());
    }
    pattern.push(')');
    Ok((automaton, pattern))
}

fn any(candidate: &mut Candidate<'_>) -> Option<Verdict> {
    Some(Verdict { span: candidate.span.clone(), score: candidate.score })
}

/// The words are whole where `\b` would hold on either side.
fn whole_words(candidate: &mut Candidate<'_>) -> Option<Verdict> {
    let at = |place: Option<usize>| place.and_then(|place| candidate.text.get(place)).copied().is_some_and(is_word);
    let (start, end) = (candidate.span.start, candidate.span.end);
    let begins = !at(start.checked_sub(1)) || !at(Some(start));
    let ends = !at(end.checked_sub(1)) || !at(Some(end));
    if begins && ends { any(candidate) } else { None }
}
