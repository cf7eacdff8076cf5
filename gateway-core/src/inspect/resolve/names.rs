//! Which schemas a name without one may mean.

use super::Scope;
use std::collections::BTreeSet;

/// A schema; none for one that nobody knows.
pub(super) type Candidate = Option<Box<str>>;

/// What is known of one name without a schema.
pub(super) struct Bare<'a> {
    /// The schemas that have it, by the catalog.
    pub known: Vec<&'a str>,
    /// The schemas in which the policy set names it.
    pub mentioned: Option<&'a BTreeSet<Box<str>>>,
    /// Whether the server brings it.
    pub built_in: bool,
    /// Whether the statement may make it.
    pub made: bool,
}

/// The search path as a way to rule schemas out. None where it rules out none: it is not known, or
/// names the schema of a role that is not known here.
pub(super) fn path<'a>(scope: &Scope<'a>) -> Option<&'a [Box<str>]> {
    scope.search_path.filter(|path| !path.iter().any(|schema| **schema == *"$user"))
}

/// Whether a bare name may mean something in `schema`. `pg_catalog` is on every path.
pub(super) fn reachable(scope: &Scope<'_>, schema: &str) -> bool {
    schema == "pg_catalog" || path(scope).is_none_or(|path| path.iter().any(|known| **known == *schema))
}

/// The schemas that a bare name may mean, never none.
///
/// All schemas of the path count rather than the first that has the name: the server passes over
/// those that the user has no right to use.
pub(super) fn candidates(scope: &Scope<'_>, bare: &Bare<'_>) -> BTreeSet<Candidate> {
    let mut found = BTreeSet::new();
    if scope.catalog.is_some() {
        found.extend(bare.known.iter().filter(|schema| reachable(scope, schema)).map(|schema| Some(Box::from(*schema))));
        if bare.made {
            found.extend(places(scope, bare));
        }
        if found.is_empty() {
            // Made in this very transaction, perhaps by code that can't be seen.
            found.insert(None);
            let mentioned = bare.mentioned.into_iter().flatten();
            found.extend(mentioned.filter(|schema| reachable(scope, schema)).cloned().map(Some));
        }
        return found;
    }
    if bare.built_in {
        found.insert(Some("pg_catalog".into()));
    }
    found.extend(places(scope, bare));
    found
}

/// Where a bare name may be, for all that is known without looking it up.
fn places(scope: &Scope<'_>, bare: &Bare<'_>) -> BTreeSet<Candidate> {
    let exists = |schema: &str| scope.catalog.is_none_or(|catalog| catalog.has_schema(schema));
    if let Some(path) = path(scope).filter(|path| path.iter().any(|schema| exists(schema))) {
        return path.iter().filter(|schema| exists(schema)).cloned().map(Some).collect();
    }
    let mentioned = bare.mentioned.into_iter().flatten().chain(&scope.mentions.schemas);
    let mentioned = mentioned.filter(|schema| reachable(scope, schema) && exists(schema));
    mentioned.cloned().map(Some).chain([None]).collect()
}
