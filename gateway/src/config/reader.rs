//! Reads TOML tables field by field and gathers every problem instead of stopping at the first.

use crate::config::problem::Problem;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::str::FromStr;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The text and what is wrong with it so far.
pub(super) struct Source<'t> {
    text: &'t str,
    problems: RefCell<Vec<(usize, Problem)>>,
}

impl<'t> Source<'t> {
    pub(super) const fn new(text: &'t str) -> Self {
        Self { text, problems: RefCell::new(Vec::new()) }
    }

    /// Notes a problem at `span`.
    pub(super) fn problem(&self, span: Range<usize>, what: impl Into<String>, hint: impl Into<String>) {
        let before = self.text.get(..span.start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let problem = Problem { place: Some((line, column)), what: what.into(), hint: hint.into() };
        self.problems.borrow_mut().push((span.start, problem));
    }

    /// All problems, in the order of their place.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|(place, _)| *place);
        problems.into_iter().map(|(_, problem)| problem).collect()
    }
}

/// What `read` makes of a text that is one table, for the tests of a part.
#[cfg(test)]
pub(crate) fn in_table<T>(text: &str, read: impl FnOnce(&mut Table<'_, '_>) -> Option<T>) -> Result<T, Vec<String>> {
    let source = Source::new(text);
    let document = DeTable::parse(text).map_err(|error| vec![error.to_string()])?;
    let mut table = Table::new(&source, document.into_inner(), 0..0, "");
    let value = read(&mut table);
    table.end();
    let problems: Vec<_> =
        source.into_problems().into_iter().map(|problem| format!("{} {}", problem.what, problem.hint)).collect();
    value.filter(|_| problems.is_empty()).ok_or(problems)
}

/// One table that is being read. What was not asked for by [`Self::end`] is unknown.
pub(crate) struct Table<'s, 't> {
    source: &'s Source<'t>,
    fields: DeTable<'t>,
    /// Where the table is, for what is missing in it.
    pub(crate) span: Range<usize>,
    name: &'static str,
    known: Vec<&'static str>,
    /// Of the known ones, those that were written.
    written: Vec<&'static str>,
}

impl<'s, 't> Table<'s, 't> {
    pub(super) const fn new(source: &'s Source<'t>, fields: DeTable<'t>, span: Range<usize>, name: &'static str) -> Self {
        Self { source, fields, span, name, known: Vec::new(), written: Vec::new() }
    }

    /// Notes a problem with the table as a whole.
    pub(crate) fn problem(&self, what: impl Into<String>, hint: impl Into<String>) {
        self.source.problem(self.span.clone(), what, hint);
    }

    /// Notes a problem at `span`.
    pub(crate) fn problem_at(&self, span: Range<usize>, what: impl Into<String>, hint: impl Into<String>) {
        self.source.problem(span, what, hint);
    }

    /// A text field.
    pub(crate) fn text(&mut self, key: &'static str) -> Option<Spanned<String>> {
        let value = self.take(key)?;
        let span = value.span();
        match value.into_inner() {
            DeValue::String(text) => Some(Spanned::new(span, text.into_owned())),
            other => self.wrong_type(key, span, &other, "a text in quotes"),
        }
    }

    /// A text field that is parsed; `hint` says what it may be.
    pub(crate) fn parsed<T>(&mut self, key: &'static str, hint: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let text = self.text(key)?;
        let parsed = parse(text.get_ref());
        if parsed.is_none() {
            self.problem_at(text.span(), format!("`{key}` can't be {:?}", text.get_ref()), hint);
        }
        parsed
    }

    /// A whole number within bounds.
    pub(crate) fn number<T: FromStr + PartialOrd + std::fmt::Display>(&mut self, key: &'static str, from: T, to: T) -> Option<T> {
        let value = self.take(key)?;
        let span = value.span();
        match value.into_inner() {
            DeValue::Integer(number) => {
                let parsed = number.as_str().parse::<T>().ok().filter(|number| *number >= from && *number <= to);
                if parsed.is_none() {
                    self.problem_at(
                        span,
                        format!("`{key}` can't be {}", number.as_str()),
                        format!("a whole number from {from} to {to}"),
                    );
                }
                parsed
            }
            other => self.wrong_type(key, span, &other, "a whole number"),
        }
    }

    /// `true` or `false`.
    pub(crate) fn flag(&mut self, key: &'static str) -> Option<bool> {
        let value = self.take(key)?;
        let span = value.span();
        match value.into_inner() {
            DeValue::Boolean(flag) => Some(flag),
            other => self.wrong_type(key, span, &other, "true or false"),
        }
    }

    /// A list of texts; a single text counts as a list of one.
    pub(crate) fn texts(&mut self, key: &'static str) -> Option<Vec<Spanned<String>>> {
        let value = self.take(key)?;
        let span = value.span();
        match value.into_inner() {
            DeValue::String(text) => Some(vec![Spanned::new(span, text.into_owned())]),
            DeValue::Array(items) => Some(
                items
                    .into_iter()
                    .filter_map(|item| {
                        let span = item.span();
                        match item.into_inner() {
                            DeValue::String(text) => Some(Spanned::new(span, text.into_owned())),
                            other => self.wrong_type(key, span, &other, "a text in quotes"),
                        }
                    })
                    .collect(),
            ),
            other => self.wrong_type(key, span, &other, "a list of texts"),
        }
    }

    /// A table in this one.
    pub(crate) fn table(&mut self, key: &'static str) -> Option<Self> {
        let value = self.take(key)?;
        let span = value.span();
        match value.into_inner() {
            DeValue::Table(fields) => Some(Self::new(self.source, fields, span, key)),
            other => self.wrong_type(key, span, &other, "a table"),
        }
    }

    /// A text or a table.
    pub(crate) fn text_or_table(&mut self, key: &'static str) -> Option<Result<Spanned<String>, Self>> {
        let value = self.take(key)?;
        let span = value.span();
        match value.into_inner() {
            DeValue::String(text) => Some(Ok(Spanned::new(span, text.into_owned()))),
            DeValue::Table(fields) => Some(Err(Self::new(self.source, fields, span, key))),
            other => self.wrong_type(key, span, &other, "a text or a table"),
        }
    }

    /// The tables of an array, `[[key]]`.
    pub(crate) fn tables(&mut self, key: &'static str) -> Vec<Self> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let span = value.span();
        match value.into_inner() {
            DeValue::Array(items) => items
                .into_iter()
                .filter_map(|item| {
                    let span = item.span();
                    match item.into_inner() {
                        DeValue::Table(fields) => Some(Self::new(self.source, fields, span, key)),
                        other => self.wrong_type(key, span, &other, "a table"),
                    }
                })
                .collect(),
            other => {
                let _none: Option<()> = self.wrong_type(key, span, &other, "a list of tables, each written [[…]]");
                Vec::new()
            }
        }
    }

    /// All of a table whose keys are free, as texts.
    pub(crate) fn pairs(self) -> BTreeMap<String, String> {
        let Self { source, fields, .. } = self;
        let mut pairs = BTreeMap::new();
        for (key, value) in fields {
            let span = value.span();
            match value.into_inner() {
                DeValue::String(text) => drop(pairs.insert(key.get_ref().to_string(), text.into_owned())),
                other => {
                    source.problem(span, format!("`{}` is {}", key.get_ref(), type_name(&other)), "it has to be a text in quotes")
                }
            }
        }
        pairs
    }

    /// Reports a field that has to be there.
    pub(crate) fn required<T>(&self, key: &str, value: Option<T>, hint: &str) -> Option<T> {
        if value.is_none() && !self.reported(key) {
            self.problem(format!("`{key}` is missing in {}", self.title()), hint);
        }
        value
    }

    /// Reports every field that nobody asked for.
    pub(crate) fn end(self) {
        let title = self.title();
        for (key, _) in self.fields {
            let name = key.get_ref().to_string();
            let near = nearest(&name, &self.known);
            let hint = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("this version knows here: {}", self.known.join(", ")),
            };
            self.source.problem(key.span(), format!("unknown key `{name}` in {title}"), hint);
        }
    }

    fn take(&mut self, key: &'static str) -> Option<Spanned<DeValue<'t>>> {
        self.known.push(key);
        let name = self.fields.keys().find(|name| name.get_ref() == key)?.clone();
        self.written.push(key);
        self.fields.remove(&name)
    }

    /// A field that is there but wrong has been reported already.
    fn reported(&self, key: &str) -> bool {
        self.written.contains(&key)
    }

    fn wrong_type<T>(&self, key: &str, span: Range<usize>, value: &DeValue<'_>, wanted: &str) -> Option<T> {
        self.problem_at(span, format!("`{key}` is {}", type_name(value)), format!("it has to be {wanted}"));
        None
    }

    fn title(&self) -> String {
        if self.name.is_empty() { "the file".to_owned() } else { format!("[{}]", self.name) }
    }
}

const fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// The known name that is at most two edits away.
fn nearest<'n>(name: &str, known: &[&'n str]) -> Option<&'n str> {
    known
        .iter()
        .map(|candidate| (distance(name, candidate), *candidate))
        .filter(|(edits, _)| *edits <= 2)
        .min()
        .map(|(_, near)| near)
}

/// Levenshtein's distance, over bytes: keys are ASCII.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, left) in from.bytes().enumerate() {
        let mut corner = i;
        let mut previous = i + 1;
        for (right, cell) in to.bytes().zip(row.iter_mut().skip(1)) {
            let cost = (corner + usize::from(left != right)).min(*cell + 1).min(previous + 1);
            corner = *cell;
            *cell = cost;
            previous = cost;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}
