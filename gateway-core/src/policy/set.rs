//! A policy set: parsed, validated against the schema, linted, or refused with all its problems.

use super::annotation::Annotations;
use super::bounds;
use super::entities::Vocabulary;
use super::names::{Kind, Named};
use super::reads::{Reads, reads};
use super::rule::Rule;
use super::slice::{ACTIONS, Slice, names};
use super::thresholds::Thresholds;
use crate::hex::hex;
use cedar_policy::{Policy, PolicyId, PolicySet as Cedar, Schema, ValidationMode, Validator};
use miette::Diagnostic;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt;

/// A checked set. It never changes: a new one takes its place.
#[derive(Debug)]
pub struct PolicySet {
    pub(super) entries: BTreeMap<String, Entry>,
    pub(super) slices: BTreeMap<&'static str, Slice>,
    pub(super) words: Vocabulary,
    pub(super) named: Named,
    pub(super) thresholds: Thresholds,
    hash: String,
}

/// One policy, as people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its `@id`.
    pub id: String,
    /// Whether it permits; it forbids else.
    pub permits: bool,
    /// The file it is written in.
    pub file: String,
    /// The line where it begins, from 1, where that is known.
    pub line: Option<usize>,
    /// Its annotations as written, `@id` apart, sorted.
    pub annotations: Vec<(String, String)>,
    pub(super) says: Annotations,
    reads: Reads,
    /// Its scope names the action `reveal`.
    reveals: bool,
}

/// One thing that is wrong with a policy set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyProblem {
    /// The file.
    pub file: String,
    /// The line, from 1, where it is known.
    pub line: Option<usize>,
    /// What is wrong and what to do.
    pub what: String,
}

impl fmt::Display for PolicyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.what),
            None => write!(f, "{}: {}", self.file, self.what),
        }
    }
}

impl PolicySet {
    /// Checks the texts of a set, each with its file's name.
    pub fn load(sources: Vec<(String, String)>) -> Result<Self, Vec<PolicyProblem>> {
        let problems = bounds::check(&sources);
        if !problems.is_empty() {
            return Err(problems);
        }
        let schema = schema().map_err(built_in)?;
        let mut loading = Loading {
            set: Self {
                entries: BTreeMap::new(),
                slices: ACTIONS.into_iter().map(|action| (action, Slice::default())).collect(),
                words: Vocabulary::new(&schema).map_err(built_in)?,
                named: Named::default(),
                thresholds: Thresholds::default(),
                hash: Self::hash_of(&sources),
            },
            cedar: Cedar::new(),
            problems: Vec::new(),
        };
        for (file, text) in &sources {
            loading.file(file, text);
        }
        loading.validate(schema);
        loading.problems.sort_by(|one, other| (&one.file, one.line).cmp(&(&other.file, other.line)));
        if loading.problems.is_empty() { Ok(loading.set) } else { Err(loading.problems) }
    }

    /// The name that a source goes by, wherever it lies.
    #[must_use]
    pub fn file_name(path: &str) -> &str {
        path.rsplit('/').next().unwrap_or(path)
    }

    /// The hash that a set of these sources has, whether or not it loads: of the files' names, not of where they lie.
    #[must_use]
    pub fn hash_of(sources: &[(String, String)]) -> String {
        let mut digest = Sha256::new();
        for (file, text) in sources {
            for part in [Self::file_name(file), text] {
                digest.update((part.len() as u64).to_be_bytes());
                digest.update(part);
            }
        }
        hex(&digest.finalize())
    }

    /// SHA-256 of the sources, in hex: every decision names it.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// How many policies there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none: everything is denied then.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The policies, by their ids.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// Whether any policy takes grants into account: where none does, a grant gives nothing.
    #[must_use]
    pub fn heeds_grants(&self) -> bool {
        self.entries.values().any(|entry| entry.reads.granted)
    }

    pub(super) fn annotations(&self, id: &str) -> Option<&Annotations> {
        self.entries.get(id).map(|entry| &entry.says)
    }

    /// Whether the policy of this id names `context.parsed` itself.
    pub(super) fn names_parsed(&self, id: &str) -> bool {
        self.entries.get(id).is_some_and(|entry| entry.reads.parsed)
    }

    /// Whether the scope of the policy of this id names the action `reveal`.
    pub(super) fn names_reveal(&self, id: &str) -> bool {
        self.entries.get(id).is_some_and(|entry| entry.reveals)
    }

    /// Whether the policy of this id names `context.mismatch` itself.
    pub(super) fn names_mismatch(&self, id: &str) -> bool {
        self.entries.get(id).is_some_and(|entry| entry.reads.mismatch)
    }
}

/// A set in the making, with what is wrong so far.
struct Loading {
    set: PolicySet,
    cedar: Cedar,
    problems: Vec<PolicyProblem>,
}

impl Loading {
    fn file(&mut self, file: &str, text: &str) {
        match text.parse::<Cedar>() {
            Ok(parsed) => {
                if parsed.templates().next().is_some() {
                    let what = "templates (?principal, ?resource) are not supported: write the policy out";
                    self.problems.push(problem(file, None, what));
                }
                let mut policies: Vec<_> = parsed.policies().map(|policy| (place(policy), policy)).collect();
                policies.sort_by_key(|(place, _)| *place);
                let (mut line, mut read) = (1, 0);
                for (place, policy) in policies {
                    if let Some(place) = place {
                        line += text.get(read..place).unwrap_or_default().matches('\n').count();
                        read = place;
                    }
                    self.policy(policy, file, place.map(|_| line));
                }
            }
            Err(errors) => {
                for error in errors.iter() {
                    let at = error.labels().and_then(|mut labels| labels.next()).map(|label| line_of(text, label.offset()));
                    let help = error.help().map(|help| format!(" ({help})")).unwrap_or_default();
                    self.problems.push(problem(file, at, &format!("{error}{help}")));
                }
            }
        }
    }

    fn policy(&mut self, policy: &Policy, file: &str, line: Option<usize>) {
        if self.set.entries.len() >= bounds::POLICIES {
            let what = format!("the set has more than {} policies: join those that differ in a name by a set", bounds::POLICIES);
            if !self.problems.iter().any(|problem| problem.what == what) {
                self.problems.push(PolicyProblem { file: file.to_owned(), line, what });
            }
            return;
        }
        let Some(id) = policy.annotation("id").filter(|id| !id.is_empty()) else {
            let what = "a policy has no @id(\"…\"): decisions and records name policies by it";
            return self.problems.push(problem(file, line, &format!("{what}\n      {}", first_line(policy))));
        };
        let mut wrong = Vec::new();
        let says = Annotations::read(policy.annotations(), &mut wrong);
        self.lint(policy, id, &says, &mut wrong);
        let reads = reads(policy).unwrap_or_else(|why| {
            wrong.push(format!("its conditions can't be read: {why}"));
            Reads::default()
        });
        if let Some(first) = self.set.entries.get(id) {
            wrong.push(format!("the id {id} is taken by a policy in {}", first.file));
        } else if let Err(error) = self.add(id, &policy.new_id(PolicyId::new(id)), &reads) {
            wrong.push(error);
        }
        self.problems.extend(wrong.iter().map(|what| problem(file, line, &format!("{id}: {what}"))));
        self.set.thresholds.add(&reads);
        let annotations = policy.annotations().filter(|(key, _)| *key != "id");
        let mut annotations: Vec<_> = annotations.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        annotations.sort();
        let permits = policy.effect() == cedar_policy::Effect::Permit;
        let entry = Entry {
            id: id.to_owned(),
            permits,
            file: file.to_owned(),
            line,
            annotations,
            says,
            reads,
            reveals: names(policy, "reveal"),
        };
        self.set.entries.entry(id.to_owned()).or_insert(entry);
    }

    /// What Cedar allows and is a mistake here.
    fn lint(&mut self, policy: &Policy, id: &str, says: &Annotations, wrong: &mut Vec<String>) {
        if bare_permit(policy) && !id.starts_with("allow-all") {
            wrong.push("this permits everything to everyone: if that is meant, let its @id begin with \"allow-all\"".to_owned());
        }
        if policy.effect() == cedar_policy::Effect::Permit && (says.hold.is_some() || policy.annotation("on_deny").is_some()) {
            wrong.push(
                "@hold and @on_deny say what a denial does, and a permit denies nothing: write them on a forbid".to_owned(),
            );
        }
        for literal in policy.entity_literals() {
            if let Some(kind) = Kind::of(&literal.type_name().to_string())
                && let Err(why) = self.set.named.add(kind, literal.id().unescaped())
                && !wrong.contains(&why)
            {
                wrong.push(why);
            }
        }
    }

    /// Adds a policy to the whole, and to every slice that it can decide in.
    fn add(&mut self, id: &str, policy: &Policy, reads: &Reads) -> Result<(), String> {
        self.cedar.add(policy.clone()).map_err(|error| error.to_string())?;
        for (action, rule) in Rule::of(id, policy, reads)? {
            self.set.slices.entry(action).or_default().add(policy, rule);
        }
        Ok(())
    }

    /// Cedar's own checks. What it only warns of is refused too: a policy that can never hold does
    /// not do what its author meant.
    fn validate(&mut self, schema: Schema) {
        let result = Validator::new(schema).validate(&self.cedar, ValidationMode::Strict);
        // One mistake is found again for each action that the policy is for: once is enough.
        let mut found: BTreeMap<(&str, String), String> = BTreeMap::new();
        for error in result.validation_errors() {
            let what = described(error);
            found.entry((error.policy_id().as_ref(), without_action(&what))).or_insert(what);
        }
        for warning in result.validation_warnings() {
            let id = warning.policy_id().as_ref();
            // Of a policy with an error, the warnings follow from it.
            if !result.validation_errors().any(|error| error.policy_id() == warning.policy_id()) {
                let what = described(warning);
                found.entry((id, without_action(&what))).or_insert(what);
            }
        }
        for ((id, _), what) in found {
            let entry = self.set.entries.get(id);
            self.problems.push(PolicyProblem {
                file: entry.map_or_else(String::new, |entry| entry.file.clone()),
                line: entry.and_then(|entry| entry.line),
                what,
            });
        }
    }
}

/// A message of the validator, but for the action that it was found with.
fn without_action(what: &str) -> String {
    match what.split_once(" for Action::\"") {
        Some((before, rest)) => format!("{before}{}", rest.split_once('"').map_or("", |(_, behind)| behind)),
        None => what.to_owned(),
    }
}

fn described(problem: &impl Diagnostic) -> String {
    let help = problem.help().map(|help| format!(" ({help})")).unwrap_or_default();
    format!("{problem}{help}")
}

fn built_in(error: String) -> Vec<PolicyProblem> {
    vec![PolicyProblem { file: "the built-in schema".to_owned(), line: None, what: error }]
}

/// The schema, parsed.
pub(super) fn schema() -> Result<Schema, String> {
    Schema::from_cedarschema_str(super::schema_text()).map(|(schema, _warnings)| schema).map_err(|error| error.to_string())
}

/// `permit (principal, action, resource);`
fn bare_permit(policy: &Policy) -> bool {
    policy.effect() == cedar_policy::Effect::Permit
        && policy.principal_constraint() == cedar_policy::PrincipalConstraint::Any
        && policy.action_constraint() == cedar_policy::ActionConstraint::Any
        && policy.resource_constraint() == cedar_policy::ResourceConstraint::Any
        && !policy.has_non_scope_constraint()
}

/// Where `policy` begins in the text that it was parsed from, in bytes.
fn place(policy: &Policy) -> Option<usize> {
    let parsed: &cedar_policy_core::ast::Policy = policy.as_ref();
    parsed.loc().map(|place| place.span.offset())
}

fn line_of(text: &str, offset: usize) -> usize {
    text.get(..offset).unwrap_or_default().matches('\n').count() + 1
}

fn first_line(policy: &Policy) -> String {
    policy.to_string().lines().next().unwrap_or_default().to_owned()
}

fn problem(file: &str, line: Option<usize>, what: &str) -> PolicyProblem {
    PolicyProblem { file: file.to_owned(), line, what: what.to_owned() }
}
