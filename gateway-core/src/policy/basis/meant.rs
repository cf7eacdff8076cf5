//! What names without a schema mean under another set: where no catalog says, those schemas count that the set names.

use crate::inspect::resolve::{Mentions, Question, Resource};
use std::collections::BTreeSet;

/// The same questions as they would have been raised under a set that mentions `new` where `old` was mentioned.
///
/// A question about a name whose schema nobody knows stands beside those about each schema that the set names for it.
pub(super) fn meant(questions: &[Question], by_catalog: bool, old: &Mentions, new: &Mentions) -> Vec<Question> {
    if old == new {
        return questions.to_vec();
    }
    let open: BTreeSet<&Question> = questions.iter().filter(|question| is_open(&question.resource)).collect();
    if open.is_empty() {
        return questions.to_vec();
    }
    let candidates = |question: &Question, mentions: &Mentions| -> BTreeSet<Question> {
        let (names, name) = match &question.resource {
            Resource::Table(_, name) => (&mentions.relations, name),
            Resource::Function(_, name) => (&mentions.functions, name),
            Resource::Target | Resource::Schema(_) => return BTreeSet::new(),
        };
        // With a catalog a schema that is named by itself counts where it is there, which the record does not say.
        let schemas = mentions.schemas.iter().filter(|_| !by_catalog);
        let schemas = names.get(name).into_iter().flatten().chain(schemas);
        schemas.map(|schema| Question { resource: within(&question.resource, schema), ..question.clone() }).collect()
    };
    let (mut gone, mut come) = (BTreeSet::new(), BTreeSet::new());
    for question in open {
        let (before, now) = (candidates(question, old), candidates(question, new));
        gone.extend(before.difference(&now).filter(|question| !is_built_in(&question.resource)).cloned());
        come.extend(now);
    }
    let stays = |question: &&Question| !gone.contains(*question);
    let mut all: Vec<_> = questions.iter().filter(stays).cloned().collect();
    let known: BTreeSet<_> = all.iter().cloned().collect();
    all.extend(come.into_iter().filter(|question| !known.contains(question)));
    all
}

/// Whether nobody knows the schema.
pub(super) const fn is_open(resource: &Resource) -> bool {
    matches!(resource, Resource::Table(None, _) | Resource::Function(None, _))
}

/// What the server brings is asked about whatever a set names.
fn is_built_in(resource: &Resource) -> bool {
    let (Resource::Table(schema, _) | Resource::Function(schema, _)) = resource else { return false };
    schema.as_deref() == Some("pg_catalog")
}

fn within(resource: &Resource, schema: &str) -> Resource {
    match resource {
        Resource::Table(_, name) => Resource::Table(Some(schema.into()), name.clone()),
        Resource::Function(_, name) => Resource::Function(Some(schema.into()), name.clone()),
        Resource::Target => Resource::Target,
        Resource::Schema(schema) => Resource::Schema(schema.clone()),
    }
}
