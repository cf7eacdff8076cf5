//! Cuts a body into its statements, as PL/pgSQL's own grammar does (`src/pl/plpgsql/src/pl_gram.y`): the first word of
//! each says by what it ends.

use super::tokens::Token;

/// A language that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// `sql`, as a string or as BEGIN ATOMIC.
    Sql,
    /// `plpgsql`.
    PlPgSql,
}

/// The statements of a body; none where it is not built as its language is.
pub(super) fn pieces(tokens: &[Token], language: Language) -> Option<Vec<&[Token]>> {
    let mut rest = match language {
        Language::Sql => without_atomic(tokens),
        Language::PlPgSql => without_options(tokens)?,
    };
    let mut pieces = Vec::new();
    while let Some(first) = rest.first() {
        let end = match (language, first.word()) {
            (Language::PlPgSql, Some("begin" | "declare" | "else" | "loop" | "exception" | "then")) => Some(1),
            (Language::PlPgSql, Some("if" | "elsif" | "elseif" | "when" | "case")) => Some(until(rest, Some("then"))?),
            (Language::PlPgSql, Some("for" | "foreach" | "while")) => Some(until(rest, Some("loop"))?),
            (Language::PlPgSql, _) if first.operator("<<") => Some(3),
            (_, Some(_) | None) => until(rest, None),
        };
        let end = end.unwrap_or(rest.len()).min(rest.len());
        pieces.extend(rest.get(..end).filter(|piece| !piece.is_empty()));
        rest = rest.get(end..)?;
        // What ended it.
        if rest.first().is_some_and(|token| token.symbol(b';') || token.is_any(&["then", "loop"])) {
            rest = rest.get(1..)?;
        }
    }
    Some(pieces)
}

/// Where a statement ends that ends by this word, or by a semicolon. One that should end by a word and does
/// not is none.
fn until(tokens: &[Token], word: Option<&str>) -> Option<usize> {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate() {
        if depth == 0 {
            match word {
                Some(word) if token.is(word) => return Some(at),
                Some(_) if token.symbol(b';') => return None,
                None if token.symbol(b';') => return Some(at),
                Some(_) | None => {}
            }
        }
        depth += token.deeper();
    }
    None
}

/// BEGIN ATOMIC and END around statements.
fn without_atomic(tokens: &[Token]) -> &[Token] {
    match tokens {
        [begin, atomic, body @ .., end] if begin.is("begin") && atomic.is("atomic") && end.is("end") => body,
        _ => tokens,
    }
}

/// `#option value` in front of a body. One that lets a variable hide a column is not read.
fn without_options(mut tokens: &[Token]) -> Option<&[Token]> {
    while let [mark, option, value, rest @ ..] = tokens
        && mark.operator("#")
    {
        if option.is("variable_conflict") && value.is("use_variable") {
            return None;
        }
        tokens = rest;
    }
    Some(tokens)
}
