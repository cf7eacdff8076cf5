//! From rules as they are written to rules as they are used; every problem is told at once.

use super::config::{DetectConfig, RuleProblem};
use super::context::Words;
use super::numbering::{Numbering, NumberingProblem};
use super::own;
use super::pass::{MOST_PATTERNS, MOST_SHARING, Pass, Sought, relaxed};
use super::rules::Where;
use super::{Detectors, Form, Rule, RuleId, rules};

/// Rules while they are compiled.
#[derive(Debug, Default)]
pub(super) struct Building {
    rules: Vec<Rule>,
    forms: Vec<Form>,
    sought: Vec<Sought>,
}

impl Detectors {
    /// Compiles the built-in rules that `config` chooses, and its own.
    ///
    /// # Errors
    /// All problems of the configuration.
    pub fn new(config: &DetectConfig) -> Result<Self, Vec<RuleProblem>> {
        let mut problems = Vec::new();
        let mut building = Building::default();
        let numbering = Numbering::new(&config.phone_regions);
        let uses = |only| numbering.as_ref().is_ok_and(|numbering| numbering.uses(only));
        for rule in chosen(config, &mut problems) {
            if let Err(problem) = building.built_in(rule, uses) {
                problems.push(problem);
            }
        }
        for rule in &config.own {
            if let Err(problem) = own::add(rule, &mut building) {
                problems.push(problem);
            }
        }
        if building.forms.len() > MOST_PATTERNS {
            problems.push(RuleProblem::Size { what: format!("{} patterns, of {MOST_PATTERNS} at most", building.forms.len()) });
        }
        let numbering = match numbering {
            Ok(numbering) if problems.is_empty() => numbering,
            Ok(_) => return Err(problems),
            Err(problem) => {
                problems.push(numbering_problem(problem));
                return Err(problems);
            }
        };
        let pass = Pass::new(&building.sought).map_err(|error| vec![RuleProblem::Size { what: error.to_string() }])?;
        Ok(Self { rules: building.rules, forms: building.forms, pass, numbering })
    }
}

/// The built-in rules that are chosen; names that are none are told.
fn chosen(config: &DetectConfig, problems: &mut Vec<RuleProblem>) -> Vec<&'static rules::Rule> {
    let known: Vec<_> = rules::names().collect();
    for name in config.rules.iter().flatten().chain(&config.without).filter(|name| !known.contains(&name.as_str())) {
        problems.push(RuleProblem::NoRule { name: name.clone(), known: known.join(", ") });
    }
    let named = |list: &Vec<String>, rule: &rules::Rule| list.iter().any(|name| name == rule.name);
    let wanted = |rule: &rules::Rule| config.rules.as_ref().is_none_or(|only| named(only, rule));
    rules::all().filter(|rule| wanted(rule) && !named(&config.without, rule)).collect()
}

fn numbering_problem(problem: NumberingProblem) -> RuleProblem {
    match problem {
        NumberingProblem::Region(region) => RuleProblem::NoRegion { region: region.into() },
        NumberingProblem::Build(error) => RuleProblem::Size { what: error.to_string() },
    }
}

impl Building {
    fn built_in(&mut self, rule: &rules::Rule, uses: impl Fn(Where) -> bool) -> Result<(), RuleProblem> {
        let problem = |what: String| RuleProblem::Pattern { name: rule.name.to_owned(), what };
        let words = |words: &[&str]| Words::new(words).map_err(|error| problem(error.to_string()));
        let id = self.rule(rule.name, words(rule.raise)?, words(rule.lower)?)?;
        for form in rule.forms.iter().filter(|form| uses(form.only)) {
            let own = (self.forms.len(), Some(form.pattern.to_owned()));
            self.forms.push(Form { rule: id, words: None, score: form.score, check: form.check, tail: form.tail });
            let pattern = form.pass.map_or_else(|| relaxed(form.pattern), str::to_owned);
            match self.sought.iter_mut().find(|other| other.pattern == pattern && other.forms.len() < MOST_SHARING) {
                Some(other) => other.forms.push(own),
                None => self.sought.push(Sought { pattern, forms: vec![own] }),
            }
        }
        Ok(())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.rules.iter().any(|rule| &*rule.name == name)
    }

    pub(super) fn rule(&mut self, name: &str, raise: Option<Words>, lower: Option<Words>) -> Result<RuleId, RuleProblem> {
        let id = u16::try_from(self.rules.len()).map_err(|_| RuleProblem::Size { what: "65536 rules".to_owned() })?;
        let placeholder = format!("[{name}]").into_bytes().into();
        self.rules.push(Rule { name: name.into(), placeholder, raise, lower });
        Ok(RuleId(id))
    }

    /// Adds a form that is sought by its own pattern, which no other form shares.
    pub(super) fn form(&mut self, form: Form, pattern: String) {
        let own = form.words.is_none().then(|| pattern.clone());
        self.sought.push(Sought { pattern, forms: vec![(self.forms.len(), own)] });
        self.forms.push(form);
    }
}
