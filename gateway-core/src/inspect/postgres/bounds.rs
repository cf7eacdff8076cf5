//! What is looked at before any parser is asked, in time linear in the text.

use super::Bounds;
use super::lexer::{COMMENTS, Kind, Lexer, Stop};

/// How deep parentheses and brackets may be nested.
const PARENTHESES: usize = 1_000;

/// What one look at a text found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Shape {
    /// Its tokens.
    pub(super) tokens: usize,
    /// Tokens that join two expressions or queries: what makes a tree deep without parentheses.
    pub(super) joints: usize,
    /// A plain string has a backslash in it: it is read in two ways.
    pub(super) backslash: bool,
}

/// Whether a text is no longer than it may be, and has no NUL.
pub(super) fn bytes(text: &str, bounds: Bounds) -> Result<(), String> {
    if text.len() > bounds.bytes {
        return Err(format!("longer than {} bytes", bounds.bytes));
    }
    if text.as_bytes().contains(&0) {
        return Err("it has a NUL byte".to_owned());
    }
    Ok(())
}

/// The shape of a text that is within bounds; else why it is not.
///
/// Besides plain counts it bounds a text's *weight*: in `SET (a, b, c) = (…)` PostgreSQL's tree has
/// the part behind the sign once for each column, so each token there weighs as many, and nested
/// ones multiply. Any list in parentheses before `=` counts as one of these, unless it has a
/// literal.
pub(super) fn look(text: &str, conforming: bool, bounds: Bounds) -> Result<Shape, String> {
    let mut shape = Shape::default();
    let mut lexer = Lexer::new(text, conforming);
    let mut levels: Vec<Level> = vec![Level { weight: 1, commas: 0, literals: false }];
    let mut weight: usize = 0;
    // The columns of the list that a parenthesis has just closed.
    let mut closed: Option<usize> = None;
    loop {
        let token = match lexer.next() {
            Ok(Some(token)) => token,
            Ok(None) => return Ok(shape),
            // PostgreSQL says so better.
            Err(Stop::Unterminated) => return Ok(shape),
            Err(Stop::Comments) => return Err(format!("comments nested deeper than {COMMENTS}")),
        };
        shape.tokens += 1;
        weight = weight.saturating_add(levels.last().map_or(1, |level| level.weight));
        if weight > bounds.tokens {
            return Err(format!("more than {} tokens", bounds.tokens));
        }
        let written = text.get(token.span.clone()).unwrap_or_default();
        let before = closed.take();
        match token.kind {
            Kind::Symbol(b'(' | b'[') => {
                if levels.len() > PARENTHESES {
                    return Err(format!("parentheses nested deeper than {PARENTHESES}"));
                }
                let weight = levels.last().map_or(1, |level| level.weight);
                levels.push(Level { weight, commas: 0, literals: false });
            }
            Kind::Symbol(b')' | b']') => {
                if levels.len() > 1
                    && let Some(level) = levels.pop()
                {
                    closed = (!level.literals).then_some(level.commas + 1);
                }
            }
            Kind::Symbol(b',') => {
                if let Some(level) = levels.last_mut() {
                    level.commas += 1;
                }
            }
            Kind::Symbol(b';') => levels = vec![Level { weight: 1, commas: 0, literals: false }],
            Kind::Operator => {
                shape.joints += 1;
                if let Some(columns) = before.filter(|columns| *columns > 1)
                    && written == "="
                {
                    let outer = levels.len().checked_sub(2).and_then(|at| levels.get(at)).map_or(1, |level| level.weight);
                    if let Some(level) = levels.last_mut() {
                        level.weight = level.weight.max(outer.saturating_mul(columns));
                    }
                }
            }
            Kind::Word => shape.joints += usize::from(joins(written)),
            Kind::Text => {
                literal(&mut levels);
                // `E'…'` and its like are read in one way only.
                shape.backslash |= written.starts_with('\'') && written.contains('\\');
            }
            Kind::Number | Kind::Parameter => literal(&mut levels),
            Kind::Quoted | Kind::Unicode | Kind::Symbol(_) => {}
        }
    }
}

/// One level of parentheses.
#[derive(Clone, Copy, Debug)]
struct Level {
    /// What a token in it weighs.
    weight: usize,
    /// The commas in it so far.
    commas: usize,
    /// It has a literal: it is no list of columns.
    literals: bool,
}

fn literal(levels: &mut [Level]) {
    if let Some(level) = levels.last_mut() {
        level.literals = true;
    }
}

/// Words that make a tree deeper without a parenthesis.
fn joins(word: &str) -> bool {
    [
        "and",
        "or",
        "not",
        "union",
        "except",
        "intersect",
        "join",
        "case",
        "collate",
        "at",
        "is",
        "in",
        "like",
        "ilike",
        "similar",
        "between",
    ]
    .iter()
    .any(|joint| word.eq_ignore_ascii_case(joint))
}
