//! Where the names of prepared statements and cursors are written.

use super::lexer::{Kind, Lexer, Token};
use super::names;
use crate::inspect::{NameKind, NameUse, Usage};
use std::ops::Range;

/// A name that a statement has, yet to be found in its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) kind: NameKind,
    pub(super) usage: Usage,
    pub(super) name: Box<str>,
    pub(super) place: Place,
}

/// Where the grammar has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The second word: `PREPARE name`, `DECLARE name`.
    Second,
    /// The last: `FETCH … name`, `CLOSE name`, `DEALLOCATE name`.
    Last,
    /// Behind `EXECUTE`.
    AfterExecute,
    /// Behind `CURRENT OF`.
    CurrentOf,
}

/// A token that may be a name.
#[derive(Debug)]
struct Word {
    span: Range<usize>,
    /// The name, where it is written plainly enough to be compared.
    name: Option<Box<str>>,
    /// It could be a keyword.
    plain: bool,
    /// It stands inside of parentheses.
    inside: bool,
}

/// Finds `wanted` in the statement at `span` of `text`, in the order of their places.
pub(super) fn find(text: &str, span: &Range<usize>, conforming: bool, wanted: Vec<Wanted>) -> Result<Vec<NameUse>, String> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let statement = text.get(span.clone()).unwrap_or_default();
    let words = words(statement, conforming);
    let mut current = current_of(&words).into_iter();
    let mut found = Vec::with_capacity(wanted.len());
    for Wanted { kind, usage, name, place } in wanted {
        let word = match place {
            Place::Second => words.get(1),
            Place::Last => words.last(),
            Place::AfterExecute => after_execute(&words, &name),
            Place::CurrentOf => current.next(),
        };
        let matches = |word: &&Word| usage == Usage::DropAll || word.name.as_deref().is_none_or(|written| *written == *name);
        let Some(word) = word.filter(matches) else {
            return Err(format!("the name {name} is not where it is expected"));
        };
        let span = span.start + word.span.start..span.start + word.span.end;
        found.push(NameUse { kind, usage, name, span });
    }
    if current.next().is_some() {
        return Err("more cursors are written than the tree has".to_owned());
    }
    found.sort_by_key(|name| name.span.start);
    // A cursor's row can only be named in the body of a PREPARE: the name is also the body's.
    let used: Vec<NameUse> = found.iter().filter(|name| name.usage == Usage::Use).cloned().collect();
    for name in &mut found {
        if let Usage::Make(body) = &mut name.usage {
            body.names = used.clone();
        }
    }
    Ok(found)
}

/// The tokens of a statement; `U&"…" UESCAPE '…'` is one.
fn words(statement: &str, conforming: bool) -> Vec<Word> {
    let mut lexer = Lexer::new(statement, conforming);
    let mut words: Vec<Word> = Vec::new();
    let mut depth: usize = 0;
    while let Ok(Some(Token { kind, span })) = lexer.next() {
        let written = statement.get(span.clone()).unwrap_or_default();
        match kind {
            Kind::Symbol(b'(') => depth += 1,
            Kind::Symbol(b')') => depth = depth.saturating_sub(1),
            _ => {}
        }
        let escape = kind == Kind::Text && words.last().is_some_and(|word| is(word, "uescape"));
        if escape && words.len() >= 2 {
            words.pop();
            if let Some(name) = words.last_mut() {
                name.span.end = span.end;
            }
            continue;
        }
        let name = match kind {
            Kind::Word => Some(names::fold(written)),
            Kind::Quoted => {
                let inner = written.get(1..written.len().saturating_sub(1)).unwrap_or_default();
                Some(names::name(&inner.replace("\"\"", "\"")))
            }
            // Another kind of token: it is no name.
            Kind::Text | Kind::Number | Kind::Parameter | Kind::Operator | Kind::Symbol(_) => Some(Box::from("")),
            Kind::Unicode => None,
        };
        words.push(Word { span, name, plain: kind == Kind::Word, inside: depth > 0 });
    }
    words
}

/// Whether it is this keyword.
fn is(word: &Word, keyword: &str) -> bool {
    word.plain && word.name.as_deref() == Some(keyword)
}

/// The names behind `CURRENT OF`.
fn current_of(words: &[Word]) -> Vec<&Word> {
    words
        .windows(3)
        .filter_map(|three| match three {
            [current, of, name] if is(current, "current") && is(of, "of") => Some(name),
            _ => None,
        })
        .collect()
}

/// The name behind `EXECUTE`, which ends the statement but for arguments and `WITH [NO] DATA`.
fn after_execute<'a>(words: &'a [Word], name: &str) -> Option<&'a Word> {
    words.iter().enumerate().find_map(|(at, word)| {
        let named = words.get(at + 1)?;
        let fits = named.name.as_deref().is_none_or(|written| written == name);
        let ends = words.get(at + 2).is_none_or(|next| next.inside || is(next, "with"));
        (is(word, "execute") && !word.inside && fits && ends).then_some(named)
    })
}
