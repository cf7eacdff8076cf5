//! Rules of one's own, and what is wrong with them.

use super::super::{DetectConfig, Detectors, OwnRule, RuleProblem};
use super::redacted;

fn own(text: &str) -> OwnRule {
    toml::from_str(text).expect("a rule")
}

fn problem(rule: OwnRule) -> RuleProblem {
    let config = DetectConfig { rules: Some(Vec::new()), own: vec![rule], ..DetectConfig::default() };
    let mut problems = Detectors::new(&config).expect_err("a problem");
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems.remove(0)
}

#[test]
fn patterns_and_words() {
    let config = DetectConfig {
        rules: Some(vec!["email".to_owned()]),
        own: vec![
            own("name = 'badge'\npattern = '\\bB-[0-9]{6}\\b'"),
            own("name = 'member'\npattern = '\\b[0-9]{8}\\b'\ncheck = 'luhn'\ncontext = ['member']\nscore = 20"),
            own("name = 'project'\nwords = ['Blue Heron', 'tundra', 'Ünion']"),
        ],
        ..DetectConfig::default()
    };
    let detectors = Detectors::new(&config).expect("fine rules");
    for (text, expected) in [
        ("badge B-123456 of ana@example.com", "badge [badge] of [email]"),
        ("member 79927397 and member 79927398", "member 79927397 and member [member]"),
        ("member 12345674", "member [member]"),
        ("number 12345674", "number 12345674"),
        ("the blue HERON and Tundras, tundra; ünion Ünion", "the [project] and Tundras, [project]; ünion [project]"),
        ("4111 1111 1111 1111", "4111 1111 1111 1111"),
    ] {
        assert_eq!(redacted(&detectors, text), expected, "{text}");
    }
    assert_eq!(
        detectors.rules().map(|rule| detectors.name(rule).to_owned()).collect::<Vec<_>>(),
        ["email", "badge", "member", "project"]
    );
    assert_eq!(detectors.rule("member").map(|rule| detectors.name(rule)), Some("member"));
}

#[test]
fn every_problem_says_what_and_where() {
    for (rule, says) in [
        ("name = 'A b'\npattern = 'abc'", "rule `A b`: a name has"),
        ("name = 'a'", "rule `a`: it finds nothing"),
        ("name = 'a'\npattern = 'ab('", "rule `a`: the pattern is not understood"),
        ("name = 'a'\npattern = 'abc+'", "has a repetition without an end"),
        ("name = 'a'\npattern = 'a?b'", "fewer than 3 bytes"),
        ("name = 'a'\npattern = 'a{501}'", "501 bytes, of 500 at most"),
        ("name = 'a'\npattern = '^abc'", "use `\\b`"),
        ("name = 'a'\npattern = 'ab\\pL'", "is not understood"),
        ("name = 'a'\nwords = ['ab']", "`ab` in `words`"),
        ("name = 'a'\nwords = ['abc']\ncontext = ['']", "word 1 of `context` is empty"),
        ("name = 'a'\nwords = ['abc']\ncheck = 'crc'", "there is no check `crc`: the checks are luhn"),
        ("name = 'a'\nwords = ['abc']\nscore = 0", "the score 0"),
    ] {
        let told = problem(own(rule)).to_string();
        assert!(told.contains(says), "{rule}: {told}");
    }
    let many = OwnRule { words: (0..2001).map(|number| format!("w{number}")).collect(), ..own("name = 'a'") };
    assert!(problem(many).to_string().contains("split the list"));
}

#[test]
fn all_problems_are_told_at_once() {
    let config = DetectConfig {
        rules: Some(vec!["emial".to_owned()]),
        without: vec!["fone".to_owned()],
        phone_regions: vec!["UK".to_owned()],
        own: vec![own("name = 'a'"), own("name = 'ok'\nwords = ['abc']"), own("name = 'ok'\nwords = ['abc']")],
    };
    let told: Vec<_> = Detectors::new(&config).expect_err("problems").iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 5, "{told:#?}");
    assert!(told[0].contains("`emial`") && told[1].contains("`fone`"), "{told:#?}");
    assert!(
        told.iter().any(|problem| problem.contains("`UK`")) && told.iter().any(|problem| problem.contains("`ok`")),
        "{told:#?}"
    );
}
