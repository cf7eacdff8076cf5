//! How policies name what is in a target: `prod-pg/public.users`, and the quotes where a name needs them.
//!
//! A part is written as it is, unless it is empty, is `?` or `*`, or has a dot, a slash, a double
//! quote or a control character in it: then it stands in double quotes, with those inside it
//! doubled. Each name has exactly one spelling, so two spellings never mean the same and one never two.

use crate::inspect::resolve::{Mentions, Resource};
use std::collections::BTreeMap;

/// The kinds of entities whose ids are made of parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Schema,
    Table,
    Function,
    Column,
}

/// An id, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) target: String,
    /// Schema, name, column, as many as the kind has; none where the schema is `?`.
    pub(super) names: Vec<Option<String>>,
}

impl Kind {
    pub(super) fn of(name: &str) -> Option<Self> {
        match name {
            "Schema" => Some(Self::Schema),
            "Table" => Some(Self::Table),
            "Function" => Some(Self::Function),
            "Column" => Some(Self::Column),
            _ => None,
        }
    }

    const fn parts(self) -> usize {
        match self {
            Self::Schema => 1,
            Self::Table | Self::Function => 2,
            Self::Column => 3,
        }
    }

    /// How an id of this kind is written.
    const fn example(self) -> &'static str {
        match self {
            Self::Schema => "Schema::\"prod-pg/public\"",
            Self::Table => "Table::\"prod-pg/public.users\", or Table::\"prod-pg/?.users\" where nobody knows the schema",
            Self::Function => "Function::\"prod-pg/public.f\", or Function::\"prod-pg/?.f\" where nobody knows the schema",
            Self::Column => "Column::\"prod-pg/public.users.email\"",
        }
    }
}

/// The id of a target's resource: the target's own name is verbatim.
pub(super) fn id(target: &str, resource: &Resource) -> String {
    match resource {
        Resource::Target => target.to_owned(),
        Resource::Schema(schema) => join(target, &[Some(schema)]),
        Resource::Table(schema, name) | Resource::Function(schema, name) => join(target, &[schema.as_deref(), Some(name)]),
    }
}

/// The kind and the id of a target's resource, as policies name it.
#[must_use]
pub fn entity(target: &str, resource: &Resource) -> (&'static str, String) {
    let kind = match resource {
        Resource::Target => "Target",
        Resource::Schema(_) => "Schema",
        Resource::Table(..) => "Table",
        Resource::Function(..) => "Function",
    };
    (kind, id(target, resource))
}

fn join(target: &str, parts: &[Option<&str>]) -> String {
    let mut text = String::with_capacity(target.len() + 32);
    part(&mut text, target, target.contains(['/', '"']));
    for (index, name) in parts.iter().enumerate() {
        text.push(if index == 0 { '/' } else { '.' });
        match name {
            None => text.push('?'),
            Some(name) => part(&mut text, name, needs_quotes(name)),
        }
    }
    text
}

fn part(text: &mut String, name: &str, quoted: bool) {
    if quoted {
        text.push('"');
        text.push_str(&name.replace('"', "\"\""));
        text.push('"');
    } else {
        text.push_str(name);
    }
}

fn needs_quotes(name: &str) -> bool {
    matches!(name, "" | "?" | "*") || name.contains(|c: char| matches!(c, '.' | '/' | '"') || c.is_control())
}

/// Takes an id apart; the error says how such an id is written.
pub(super) fn parse(kind: Kind, id: &str) -> Result<Parts, String> {
    let wrong = |why: &str| format!("{kind:?}::{id:?} {why}: write {}", kind.example());
    let (target, mut rest) = first(id, '/').ok_or_else(|| wrong("names no target"))?;
    let mut names = Vec::new();
    while names.len() + 1 < kind.parts() {
        let lacking = if names.is_empty() { "names no schema" } else { "names no column" };
        let (name, behind) = first(rest, '.').ok_or_else(|| wrong(lacking))?;
        names.push(name);
        rest = behind;
    }
    names.push(rest.to_owned());
    if names.iter().any(|name| name == "*") {
        return Err(wrong("has a `*`, which stands for nothing (for all of a schema: resource in Schema::\"prod-pg/public\")"));
    }
    let unknown_schema = kind.parts() == 2 && names.first().is_some_and(|schema| schema == "?");
    let names: Option<Vec<_>> = names
        .iter()
        .enumerate()
        .map(|(index, name)| if index == 0 && unknown_schema { Some(None) } else { plain(name).map(Some) })
        .collect();
    let names = names.ok_or_else(|| wrong("has a part that needs double quotes, or has needless ones"))?;
    let target = if target.starts_with('"') { plain(&target) } else { Some(target) };
    let target = target.ok_or_else(|| wrong("has a target in broken quotes"))?;
    let parts: Vec<_> = names.iter().map(Option::as_deref).collect();
    // One spelling each: what is not written as it would be written here is never meant.
    if join(&target, &parts) == id { Ok(Parts { target, names }) } else { Err(wrong("is not spelled as weir spells it")) }
}

/// The text before the first `separator` that is not in quotes, and what is behind it.
fn first(text: &str, separator: char) -> Option<(String, &str)> {
    let mut quoted = false;
    for (at, character) in text.char_indices() {
        match character {
            '"' => quoted = !quoted,
            other if other == separator && !quoted => {
                return Some((text.get(..at)?.to_owned(), text.get(at + separator.len_utf8()..)?));
            }
            _ => {}
        }
    }
    None
}

/// A part without its quotes; none where it is in quotes that don't close, or lacks them.
fn plain(part: &str) -> Option<String> {
    let Some(inside) = part.strip_prefix('"') else {
        return (!needs_quotes(part)).then(|| part.to_owned());
    };
    let inside = inside.strip_suffix('"')?;
    let name = inside.replace("\"\"", "\u{0}");
    (!name.contains('"') && !inside.contains('\u{0}')).then(|| name.replace('\u{0}', "\""))
}

/// What a set names, target by target.
#[derive(Clone, Debug, Default)]
pub(super) struct Named(BTreeMap<String, Mentions>);

impl Named {
    /// Notes an id of a policy; the error says how such an id is written.
    pub(super) fn add(&mut self, kind: Kind, id: &str) -> Result<(), String> {
        let Parts { target, names } = parse(kind, id)?;
        let mentions = self.0.entry(target).or_default();
        let mut names = names.into_iter();
        let (schema, name) = (names.next().flatten(), names.next().flatten());
        let list = match kind {
            Kind::Schema => {
                mentions.schemas.extend(schema.map(String::into_boxed_str));
                return Ok(());
            }
            Kind::Table | Kind::Column => &mut mentions.relations,
            Kind::Function => &mut mentions.functions,
        };
        if let Some(name) = name {
            list.entry(name.into_boxed_str()).or_default().extend(schema.map(String::into_boxed_str));
        }
        Ok(())
    }

    pub(super) fn of(&self, target: &str) -> Mentions {
        self.0.get(target).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_id_has_one_spelling_and_says_how_it_is_written() {
        let good = [
            (Kind::Schema, "prod-pg/public"),
            (Kind::Table, "prod-pg/public.users"),
            (Kind::Table, "10.0.0.1:5432/public.Users"),
            (Kind::Table, "prod-pg/?.users"),
            (Kind::Table, "prod-pg/\"?\".users"),
            (Kind::Table, "prod-pg/\"my.schema\".\"a\"\"b\""),
            (Kind::Function, "\"a/b\"/public.f"),
            (Kind::Column, "prod-pg/public.users.email"),
        ];
        for (kind, id) in good {
            assert!(parse(kind, id).is_ok(), "{kind:?} {id}: {:?}", parse(kind, id));
        }
        let bad = [
            (Kind::Schema, "public", "no target"),
            (Kind::Schema, "prod-pg/public.users", "double quotes"),
            (Kind::Schema, "prod-pg/?", "double quotes"),
            (Kind::Table, "users", "no target"),
            (Kind::Table, "prod-pg/users", "no schema: write Table::\"prod-pg/public.users\""),
            (Kind::Table, "prod-pg/public.", "double quotes"),
            (Kind::Table, "prod-pg/public.*", "stands for nothing"),
            (Kind::Table, "prod-pg/\"public\".users", "spelled"),
            (Kind::Table, "prod-pg/public.\"a", "double quotes"),
            (Kind::Table, "prod-pg/public.users.email", "double quotes"),
            (Kind::Column, "prod-pg/public.users", "no column"),
            (Kind::Function, "prod-pg/f", "no schema"),
        ];
        for (kind, id, words) in bad {
            let why = parse(kind, id).unwrap_err();
            assert!(why.contains(words), "{kind:?} {id}: {why}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(target in "[a-z/\".:0-9]{1,8}", schema in proptest::option::of(".{0,6}"), name in "[a-z.\"/?*é\\n]{0,6}") {
            let schema = schema.map(|schema: String| schema.replace('\u{0}', "").into_boxed_str());
            let resource = Resource::Table(schema.clone(), name.clone().into());
            let parts = parse(Kind::Table, &id(&target, &resource));
            prop_assert_eq!(parts, Ok(Parts { target, names: vec![schema.map(Into::into), Some(name)] }));
        }
    }
}
