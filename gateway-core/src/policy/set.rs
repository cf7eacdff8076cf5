//! A policy set: parsed, validated against the schema, linted, or refused with all its problems.

use super::annotation::Annotations;
use cedar_policy::{Policy, PolicyId, PolicySet as Cedar, Schema, ValidationMode, Validator};
use miette::Diagnostic;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fmt;

/// A checked set. It never changes: a new one takes its place.
#[derive(Debug)]
pub struct PolicySet {
    pub(super) cedar: Cedar,
    pub(super) annotations: HashMap<PolicyId, Annotations>,
    hash: String,
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

/// Where a policy was written.
struct Place {
    file: String,
    line: Option<usize>,
}

impl PolicySet {
    /// Checks the texts of a set, each with its file's name.
    pub fn load(sources: Vec<(String, String)>) -> Result<Self, Vec<PolicyProblem>> {
        let mut problems = Vec::new();
        let mut places = HashMap::new();
        let mut set = Self { cedar: Cedar::new(), annotations: HashMap::new(), hash: hash(&sources) };
        for (file, text) in &sources {
            match text.parse::<Cedar>() {
                Ok(parsed) => {
                    if parsed.templates().next().is_some() {
                        problems.push(problem(
                            file,
                            None,
                            "templates (?principal, ?resource) are not supported: write the policy out",
                        ));
                    }
                    for policy in parsed.policies() {
                        set.add(policy, file, text, &mut places, &mut problems);
                    }
                }
                Err(errors) => {
                    for error in errors.iter() {
                        let at = error.labels().and_then(|mut labels| labels.next()).map(|label| line_of(text, label.offset()));
                        let help = error.help().map(|help| format!(" ({help})")).unwrap_or_default();
                        problems.push(problem(file, at, &format!("{error}{help}")));
                    }
                }
            }
        }
        set.validate(&places, &mut problems);
        if problems.is_empty() { Ok(set) } else { Err(problems) }
    }

    /// SHA-256 of the sources, in hex: every decision names it.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// How many policies there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.annotations.len()
    }

    /// Whether there is none: everything is denied then.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.annotations.is_empty()
    }

    fn add(
        &mut self,
        policy: &Policy,
        file: &str,
        text: &str,
        places: &mut HashMap<PolicyId, Place>,
        problems: &mut Vec<PolicyProblem>,
    ) {
        let line = policy.to_cedar().and_then(|written| text.find(&written)).map(|offset| line_of(text, offset));
        let Some(id) = policy.annotation("id").filter(|id| !id.is_empty()) else {
            let what = "a policy has no @id(\"…\"): decisions and records name policies by it";
            return problems.push(problem(file, line, &format!("{what}\n      {}", first_line(policy))));
        };
        let mut wrong = Vec::new();
        let annotations = Annotations::read(policy.annotations(), &mut wrong);
        if bare_permit(policy) && !id.starts_with("allow-all") {
            wrong.push("this permits everything to everyone: if that is meant, let its @id begin with \"allow-all\"".to_owned());
        }
        problems.extend(wrong.iter().map(|what| problem(file, line, &format!("{id}: {what}"))));
        let key = PolicyId::new(id);
        if let Some(first) = places.get(&key) {
            return problems.push(problem(file, line, &format!("the id {id} is taken by a policy in {}", first.file)));
        }
        if let Err(error) = self.cedar.add(policy.new_id(key.clone())) {
            return problems.push(problem(file, line, &format!("{id}: {error}")));
        }
        places.insert(key.clone(), Place { file: file.to_owned(), line });
        self.annotations.insert(key, annotations);
    }

    fn validate(&self, places: &HashMap<PolicyId, Place>, problems: &mut Vec<PolicyProblem>) {
        let schema = match schema() {
            Ok(schema) => schema,
            Err(error) => return problems.push(problem("the built-in schema", None, &error)),
        };
        let result = Validator::new(schema).validate(&self.cedar, ValidationMode::Strict);
        for error in result.validation_errors() {
            let place = places.get(error.policy_id());
            let help = error.help().map(|help| format!(" ({help})")).unwrap_or_default();
            problems.push(PolicyProblem {
                file: place.map_or_else(String::new, |place| place.file.clone()),
                line: place.and_then(|place| place.line),
                what: format!("{error}{help}"),
            });
        }
    }
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

fn hash(sources: &[(String, String)]) -> String {
    let mut digest = Sha256::new();
    for (file, text) in sources {
        let name = file.rsplit('/').next().unwrap_or(file);
        for part in [name, text] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
    }
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
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
