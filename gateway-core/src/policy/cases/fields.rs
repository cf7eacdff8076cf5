//! Reads the tables of a case file field by field, and gathers every problem instead of stopping at the first.

use crate::policy::PolicyProblem;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A case file being read, with what is wrong so far.
pub(super) struct Page<'t> {
    pub(super) file: &'t str,
    pub(super) text: &'t str,
    pub(super) problems: Vec<PolicyProblem>,
}

impl Page<'_> {
    /// The line, from 1, of a place in the text.
    pub(super) fn line(&self, place: usize) -> usize {
        self.text.get(..place).unwrap_or_default().matches('\n').count() + 1
    }

    pub(super) fn problem(&mut self, place: usize, what: impl Into<String>) {
        let line = Some(self.line(place));
        self.problems.push(PolicyProblem { file: self.file.to_owned(), line, what: what.into() });
    }
}

/// One table of it. What was not asked for by [`Self::end`] is unknown.
pub(super) struct Fields<'t> {
    fields: DeTable<'t>,
    /// Where it begins.
    pub(super) place: usize,
    name: &'static str,
    known: Vec<&'static str>,
    /// Of the known ones, those that were there.
    written: Vec<&'static str>,
}

impl<'t> Fields<'t> {
    pub(super) const fn new(fields: DeTable<'t>, span: &Range<usize>, name: &'static str) -> Self {
        Self { fields, place: span.start, name, known: Vec::new(), written: Vec::new() }
    }

    /// Whether the key is there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.fields.keys().any(|name| name.get_ref() == key)
    }

    /// Whether the key was there and has been asked for.
    pub(super) fn taken(&self, key: &str) -> bool {
        self.written.contains(&key)
    }

    /// A text, with its place.
    pub(super) fn text_at(&mut self, key: &'static str, page: &mut Page<'_>) -> Option<(usize, String)> {
        let value = self.take(key)?;
        let place = value.span().start;
        match value.into_inner() {
            DeValue::String(text) => Some((place, text.into_owned())),
            _ => wrong(page, place, key, "a text in quotes"),
        }
    }

    pub(super) fn text(&mut self, key: &'static str, page: &mut Page<'_>) -> Option<String> {
        self.text_at(key, page).map(|(_, text)| text)
    }

    /// A text that has to be one of a few; the problem names them.
    pub(super) fn chosen<T: Copy>(&mut self, key: &'static str, may_be: &[(&str, T)], page: &mut Page<'_>) -> Option<T> {
        let (place, text) = self.text_at(key, page)?;
        let found = may_be.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
        if found.is_none() {
            let names: Vec<_> = may_be.iter().map(|(name, _)| format!("\"{name}\"")).collect();
            page.problem(place, format!("`{key}` can't be {text:?}: it may be {}", names.join(", ")));
        }
        found
    }

    pub(super) fn flag(&mut self, key: &'static str, page: &mut Page<'_>) -> Option<bool> {
        let value = self.take(key)?;
        let place = value.span().start;
        match value.into_inner() {
            DeValue::Boolean(flag) => Some(flag),
            _ => wrong(page, place, key, "true or false"),
        }
    }

    pub(super) fn number(&mut self, key: &'static str, page: &mut Page<'_>) -> Option<u64> {
        let value = self.take(key)?;
        let place = value.span().start;
        match value.into_inner() {
            DeValue::Integer(number) => {
                let parsed = number.as_str().replace('_', "").parse().ok();
                parsed.or_else(|| wrong(page, place, key, "a whole number from 0 up"))
            }
            _ => wrong(page, place, key, "a whole number from 0 up"),
        }
    }

    pub(super) fn texts(&mut self, key: &'static str, page: &mut Page<'_>) -> Option<Vec<String>> {
        let value = self.take(key)?;
        let place = value.span().start;
        let DeValue::Array(items) = value.into_inner() else { return wrong(page, place, key, "a list of texts") };
        let text = |item: Spanned<DeValue<'_>>| match item.into_inner() {
            DeValue::String(text) => Some(text.into_owned()),
            _ => None,
        };
        let read: Option<Vec<_>> = items.into_iter().map(text).collect();
        read.or_else(|| wrong(page, place, key, "a list of texts"))
    }

    /// A table in this one.
    pub(super) fn table(&mut self, key: &'static str, page: &mut Page<'_>) -> Option<Self> {
        let value = self.take(key)?;
        let span = value.span();
        match value.into_inner() {
            DeValue::Table(fields) => Some(Self::new(fields, &span, key)),
            _ => wrong(page, span.start, key, "a table"),
        }
    }

    /// The tables of a list.
    pub(super) fn tables(&mut self, key: &'static str, page: &mut Page<'_>) -> Option<Vec<Self>> {
        let value = self.take(key)?;
        let span = value.span();
        let DeValue::Array(items) = value.into_inner() else { return wrong(page, span.start, key, "a list of tables") };
        let mut tables = Vec::new();
        for item in items {
            let span = item.span();
            match item.into_inner() {
                DeValue::Table(fields) => tables.push(Self::new(fields, &span, key)),
                _ => return wrong(page, span.start, key, "a list of tables"),
            }
        }
        Some(tables)
    }

    /// All that is left, as texts.
    pub(super) fn rest(self, page: &mut Page<'_>) -> Vec<(String, String)> {
        let mut rest = Vec::new();
        for (key, value) in self.fields {
            match value.get_ref() {
                DeValue::String(text) => rest.push((key.get_ref().to_string(), text.to_string())),
                _ => page.problem(key.span().start, format!("`{}` has to be a text in quotes", key.get_ref())),
            }
        }
        rest
    }

    /// Reports every field that nobody asked for.
    pub(super) fn end(self, page: &mut Page<'_>) {
        for key in self.fields.keys() {
            let known = self.known.join(", ");
            page.problem(key.span().start, format!("unknown key `{}` in `{}`: there are {known}", key.get_ref(), self.name));
        }
    }

    fn take(&mut self, key: &'static str) -> Option<Spanned<DeValue<'t>>> {
        self.known.push(key);
        let name = self.fields.keys().find(|name| name.get_ref() == key)?.clone();
        self.written.push(key);
        self.fields.remove(&name)
    }
}

fn wrong<T>(page: &mut Page<'_>, place: usize, key: &str, wanted: &str) -> Option<T> {
    page.problem(place, format!("`{key}` has to be {wanted}"));
    None
}
