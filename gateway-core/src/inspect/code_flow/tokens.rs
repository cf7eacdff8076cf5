//! The tokens of code, with names as the server has them.

use crate::inspect::postgres::{Kind, Lexer, cut};
use std::ops::Range;

/// A token of code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A name or keyword.
    Word(Box<str>),
    /// A name in quotes: no keyword.
    Quoted(Box<str>),
    /// A string constant, a number.
    Constant,
    /// `$1`.
    Parameter,
    /// A run of operator characters.
    Operator(Box<str>),
    /// `:=`.
    Becomes,
    /// `::`.
    Cast,
    /// Any other byte.
    Symbol(u8),
}

/// The tokens of `text`; none where it can't be cut into tokens for certain.
pub(super) fn tokens(text: &str) -> Option<Vec<Token>> {
    let found = cut_up(text, true)?;
    // A backslash in a plain string is one more reading where a setting says so: they have to agree.
    if text.contains('\\') && cut_up(text, false)? != found {
        return None;
    }
    found.into_iter().map(|(kind, span)| token(kind, text.get(span)?)).collect()
}

fn cut_up(text: &str, conforming: bool) -> Option<Vec<(Kind, Range<usize>)>> {
    let (mut lexer, mut found) = (Lexer::new(text, conforming), Vec::new());
    while let Some(token) = lexer.next().ok()? {
        found.push((token.kind, token.span));
    }
    Some(found)
}

fn token(kind: Kind, text: &str) -> Option<Token> {
    Some(match kind {
        Kind::Word => Token::Word(cut(&text.to_ascii_lowercase()).into()),
        Kind::Quoted => Token::Quoted(cut(&text.strip_prefix('"')?.strip_suffix('"')?.replace("\"\"", "\"")).into()),
        // Its escapes are not undone here, and may spell any name.
        Kind::Unicode => return None,
        Kind::Text | Kind::Number => Token::Constant,
        Kind::Parameter => Token::Parameter,
        Kind::Operator => Token::Operator(text.into()),
        Kind::Symbol(b':') if text == ":=" => Token::Becomes,
        Kind::Symbol(b':') if text == "::" => Token::Cast,
        Kind::Symbol(byte) => Token::Symbol(byte),
    })
}

impl Token {
    /// The name that it is, keywords among them.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::Word(name) | Self::Quoted(name) => Some(name),
            Self::Constant | Self::Parameter | Self::Operator(_) | Self::Becomes | Self::Cast | Self::Symbol(_) => None,
        }
    }

    /// The keyword that it is, or a name without quotes.
    pub(super) fn word(&self) -> Option<&str> {
        if let Self::Word(word) = self { Some(word) } else { None }
    }

    /// Whether it is this keyword.
    pub(super) fn is(&self, keyword: &str) -> bool {
        self.word() == Some(keyword)
    }

    /// Whether it is one of these keywords.
    pub(super) fn is_any(&self, keywords: &[&str]) -> bool {
        self.word().is_some_and(|word| keywords.contains(&word))
    }

    /// Whether it is this byte.
    pub(super) fn symbol(&self, byte: u8) -> bool {
        *self == Self::Symbol(byte)
    }

    /// Whether it is `=` or `:=`.
    pub(super) fn assigns(&self) -> bool {
        *self == Self::Becomes || self.operator("=")
    }

    /// Whether it is this operator.
    pub(super) fn operator(&self, symbol: &str) -> bool {
        matches!(self, Self::Operator(found) if **found == *symbol)
    }

    /// By how much it goes deeper into parentheses.
    pub(super) fn deeper(&self) -> isize {
        match self {
            Self::Symbol(b'(' | b'[') => 1,
            Self::Symbol(b')' | b']') => -1,
            Self::Symbol(_)
            | Self::Word(_)
            | Self::Quoted(_)
            | Self::Constant
            | Self::Parameter
            | Self::Operator(_)
            | Self::Becomes
            | Self::Cast => 0,
        }
    }
}

/// `a.b.c`, and whether `.*` follows.
#[derive(Debug)]
pub(super) struct Chain<'t> {
    pub(super) names: Vec<&'t str>,
    /// Whether the first of them is in quotes.
    pub(super) quoted: bool,
    pub(super) star: bool,
    /// Where the next token stands.
    pub(super) end: usize,
}

/// The names that begin at a place, if any do.
pub(super) fn chain(tokens: &[Token], at: usize) -> Option<Chain<'_>> {
    let first = tokens.get(at)?;
    let mut chain = Chain { names: vec![first.name()?], quoted: matches!(first, Token::Quoted(_)), star: false, end: at + 1 };
    while tokens.get(chain.end).is_some_and(|token| token.symbol(b'.')) {
        match tokens.get(chain.end + 1) {
            Some(next) if next.operator("*") => {
                (chain.star, chain.end) = (true, chain.end + 2);
                break;
            }
            Some(next) => match next.name() {
                Some(name) => {
                    chain.names.push(name);
                    chain.end += 2;
                }
                None => break,
            },
            None => break,
        }
    }
    Some(chain)
}

impl Chain<'_> {
    /// What stands behind NEW or OLD, where it is the row of the trigger or rule: the name of its function may stand before.
    pub(super) fn of_row(&self) -> Option<&[&str]> {
        let place = self.names.iter().take(2).position(|name| matches!(*name, "new" | "old"))?;
        self.names.get(place + 1..)
    }
}

/// The parts of `tokens` between commas outside of parentheses.
pub(super) fn items(tokens: &[Token]) -> Vec<&[Token]> {
    split(tokens, |token| token.symbol(b','))
}

/// The parts between tokens outside of parentheses that end one.
pub(super) fn split(tokens: &[Token], ends: impl Fn(&Token) -> bool) -> Vec<&[Token]> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, token) in tokens.iter().enumerate() {
        depth += token.deeper();
        if depth == 0 && ends(token) {
            parts.extend(tokens.get(start..at));
            start = at + 1;
        }
    }
    parts.extend(tokens.get(start..));
    parts
}

/// Where a token outside of parentheses stands, from `from` on.
pub(super) fn outside(tokens: &[Token], from: usize, wanted: impl Fn(&Token) -> bool) -> Option<usize> {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(from) {
        if depth == 0 && wanted(token) {
            return Some(at);
        }
        depth += token.deeper();
    }
    None
}

/// What is in the parentheses that open at a place, and where the next token stands.
pub(super) fn enclosed(tokens: &[Token], at: usize) -> Option<(&[Token], usize)> {
    if !tokens.get(at)?.symbol(b'(') {
        return None;
    }
    let end = outside(tokens, at + 1, |token| token.symbol(b')'))?;
    Some((tokens.get(at + 1..end)?, end + 1))
}

/// What stands in parentheses, where they are around all of it.
pub(super) fn bare(tokens: &[Token]) -> &[Token] {
    match enclosed(tokens, 0) {
        Some((inner, end)) if end == tokens.len() => inner,
        Some(_) | None => tokens,
    }
}
