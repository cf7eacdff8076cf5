//! The same text in any pieces gives the same.

use super::super::fuzz::holds;
use super::super::pass::{MOST_PATTERNS, Outcome, Region, Tables, syntax};
use super::super::rules::{self, Form};
use super::super::{DetectConfig, Detectors, LONGEST_MATCH, Stream};
use super::{detectors, redacted};
use proptest::prelude::*;
use regex_automata::{Anchored, Input, meta};
use std::sync::OnceLock;

/// Each form's number, its group, its place in that, and its expression by itself.
type Expression = (usize, usize, usize, meta::Regex);

/// All forms, those of telephone numbers of either kind of country among them.
fn everywhere() -> &'static (Detectors, Vec<Expression>) {
    static EVERYWHERE: OnceLock<(Detectors, Vec<Expression>)> = OnceLock::new();
    EVERYWHERE.get_or_init(|| {
        let config = DetectConfig { phone_regions: vec!["US".to_owned(), "GB".to_owned()], ..DetectConfig::default() };
        let detectors = Detectors::new(&config).expect("the built-in rules");
        let one = |(number, form): (usize, &Form)| {
            let place = |place: &usize| detectors.pass.group(*place).is_some_and(|group| group.forms().contains(&number));
            let group = (0..MOST_PATTERNS).find(place).expect("a group of each form");
            let member = detectors.pass.group(group)?.forms().iter().position(|other| *other == number)?;
            let config = meta::Config::new().utf8_empty(false);
            let pattern = meta::Regex::builder().configure(config).syntax(syntax()).build(form.pattern).expect("a pattern");
            Some((number, group, member, pattern))
        };
        let expressions = rules::all().flat_map(|rule| rule.forms).enumerate().filter_map(one).collect();
        (detectors, expressions)
    })
}

fn regions(detectors: &Detectors, tables: &mut Tables, text: &str) -> Vec<Region> {
    let (mut regions, mut from) = (Vec::new(), 0);
    while let Outcome::Region(region) = detectors.pass.next(tables, text.as_bytes(), from, false) {
        from = region.next;
        regions.push(region);
    }
    regions
}

/// What is put together to texts: values, parts of values, what is beside them, and what is long.
fn part() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec![
            "ana@example.com", "4111 1111 1111 1111", "4111111111111112", "DE89 3704 0044 0532 0130 00", "+44 20 7946 0958",
            "(650) 253-0000", "536-22-1234", "943 476 5919", "192.168.1.20", "2001:db8::1", "00:1a:2b:3c:4d:5e",
            "postgres://app:s3cr3t@db/x", "AKIAIOSFODNN7EXAMPLE", "password=hunter2", "token: ", "f3a9c1d27be04458",
            "born on ", "1980-03-03", "AB 12 34 56 C", "QQ123456C", "12345678Z", "X-1234567-L", "RSSMRA85T10A562S", "131052-308T", "1.2.3.4",
            "529.982.247-25", "11.222.333/0001-81", "1 (650) - 253 0000 ext. 12", "3 March 1980", "00-1A-2b-3c-4d-5e", "ssn ", "536221234", "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
        ]).prop_map(str::to_owned),
        4 => prop::sample::select(vec![" ", "\n", ", ", ".", "-", ":", "@", "_", "1", "12 ", "a", "\"", "é", "/", "="]).prop_map(str::to_owned),
        1 => "[0-9 .-]{1,40}",
        1 => "[a-z0-9@._+-]{1,40}",
        1 => (prop::sample::select(vec!["a", "1", "1 ", "-", "a@", "a.", "0:", "+1", "é", "password="]), 1usize..900)
            .prop_map(|(text, times)| text.repeat(times)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(160))]
    #[test]
    fn cuts_make_no_difference(parts in prop::collection::vec(part(), 1..14), piece in prop_oneof![1usize..8, 1usize..700]) {
        let text = parts.concat();
        holds(detectors(), &mut detectors().scratch(), text.as_bytes(), piece);
    }

    #[test]
    fn the_pass_misses_no_match(parts in prop::collection::vec(part(), 1..14)) {
        let (text, (detectors, expressions)) = (parts.concat(), everywhere());
        let regions = regions(detectors, &mut detectors.pass.tables(), &text);
        for (number, place, _, pattern) in expressions {
            for found in pattern.find_iter(text.as_bytes()) {
                let covers = |region: &&Region| region.start <= found.start() && found.start() < region.next && found.end() <= region.end;
                let region = regions.iter().find(covers).filter(|region| region.flagged.iter().any(|flagged| flagged == *place));
                let name = detectors.name(detectors.forms[*number].rule);
                prop_assert!(region.is_some(), "{} at {:?} in {}", name, found.span(), text);
                let begins = detectors.pass.group(*place).and_then(|group| group.next(text.as_bytes(), found.start(), found.end()));
                prop_assert_eq!(begins, Some(found.start()), "{} in {}", name, text);
            }
        }
    }

    #[test]
    fn a_group_says_what_each_expression_says(parts in prop::collection::vec(part(), 1..14)) {
        let (text, (detectors, expressions)) = (parts.concat(), everywhere());
        let mut tables = detectors.pass.tables();
        for region in regions(detectors, &mut tables, &text) {
            for (number, place, member, pattern) in expressions {
                let (group, places) = (detectors.pass.group(*place).expect("a group"), &mut tables.groups[*place]);
                let mut at = region.start;
                while let Some(start) = group.next(text.as_bytes(), at, region.next) {
                    let matched = group.matching(places, text.as_bytes(), &region, start) >> member & 1 == 1;
                    let input = Input::new(text.as_bytes()).range(start..region.end).anchored(Anchored::Yes);
                    let expected = pattern.find(input).map(|found| found.end());
                    let name = detectors.name(detectors.forms[*number].rule);
                    prop_assert_eq!(matched.then(|| places.end(*member)), expected, "{} at {} in {}", name, start, text);
                    at = start + 1;
                }
            }
        }
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..600), piece in 1usize..100) {
        holds(detectors(), &mut detectors().scratch(), &bytes, piece);
    }
}

#[test]
fn no_form_matches_more_than_regions_overlap() {
    for form in rules::all().flat_map(|rule| rule.forms) {
        let parsed = regex_automata::util::syntax::parse_with(form.pattern, &syntax()).expect("a pattern");
        let longest = parsed.properties().maximum_len();
        assert!(longest.is_some_and(|longest| longest <= LONGEST_MATCH), "{longest:?} of {}", form.pattern);
    }
}

#[test]
fn a_value_is_found_however_much_stands_around_it() {
    // Words without an end keep patterns in progress, so that regions are cut: not within a value.
    for length in (0..1600).step_by(7) {
        for filler in ["x", "x.", "1 ", "-", "a@"] {
            let around = filler.repeat(length / filler.len());
            let text = format!("{around} ana.maria@mail.example.com {around}");
            let out = redacted(detectors(), &text);
            assert!(out.contains("[email]") && !out.contains("ana.maria"), "{length} of {filler}: {out}");
        }
    }
}

#[test]
fn a_line_waits_for_nothing() {
    let detectors = detectors();
    for line in
        ["plain words\n", "password=hunter2\n", "pay with 4111 1111 1111 1111\r\n", "ana@example.com\n", "TFN 123456782\n"]
    {
        let (mut stream, mut out, mut hits) = (Stream::default(), Vec::new(), detectors.hits());
        stream.push(detectors, line.as_bytes(), &mut detectors.scratch(), &mut out, &mut hits);
        assert_eq!((stream.held(), String::from_utf8_lossy(&out).into_owned()), (0, redacted(detectors, line)), "{line}");
    }
}

#[test]
fn a_small_cache_makes_no_difference() {
    let text = "4111 1111 1111 1111 or ana@example.com at 192.168.1.20, +44 20 7946 0958\n".repeat(50);
    let detectors = detectors();
    let (mut first, mut second) = (detectors.scratch(), detectors.scratch());
    // One has seen much that the other has not.
    for number in 0..3000u32 {
        let noise = format!("{number}-{number:x}@{}.{number}", number.wrapping_mul(2_654_435_761));
        detectors.find(noise.as_bytes(), &mut first, &mut Vec::new());
    }
    let (mut one, mut other) = (Vec::new(), Vec::new());
    detectors.find(text.as_bytes(), &mut first, &mut one);
    detectors.find(text.as_bytes(), &mut second, &mut other);
    assert_eq!(one.len(), 200);
    assert_eq!(one, other);
}
