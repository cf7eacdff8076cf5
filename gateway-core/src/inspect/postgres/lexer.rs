//! Cuts a text into tokens as PostgreSQL's scanner does (`src/backend/parser/scan.l`), in one pass
//! and in a fixed amount of memory, so that it can be asked before any parser is.

use std::ops::Range;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::inspect) enum Kind {
    /// A keyword or an unquoted identifier.
    Word,
    /// `"…"`.
    Quoted,
    /// `U&"…"`.
    Unicode,
    /// Any string constant: `'…'`, `E'…'`, `$$…$$`, with those that continue it.
    Text,
    Number,
    /// `$1`.
    Parameter,
    Operator,
    /// One of `, ; : . ( ) [ ]` and any other single byte.
    Symbol(u8),
}

/// A token and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::inspect) struct Token {
    pub(in crate::inspect) kind: Kind,
    pub(in crate::inspect) span: Range<usize>,
}

/// Why the rest of a text has no tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::inspect) enum Stop {
    /// A string, name or comment has no end.
    Unterminated,
    /// Comments are nested deeper than this lexer takes.
    Comments,
}

/// How deep comments may be nested: PostgreSQL's own scanner takes quadratic time in it.
pub(super) const COMMENTS: usize = 32;

/// The tokens of a text.
#[derive(Debug)]
pub(in crate::inspect) struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
    /// A backslash in a plain string is itself.
    conforming: bool,
}

impl<'a> Lexer<'a> {
    pub(in crate::inspect) const fn new(text: &'a str, conforming: bool) -> Self {
        Self { text: text.as_bytes(), at: 0, conforming }
    }

    /// The next token; none at the end.
    pub(in crate::inspect) fn next(&mut self) -> Result<Option<Token>, Stop> {
        self.blanks()?;
        let start = self.at;
        let Some(first) = self.peek(0) else { return Ok(None) };
        let kind = match first {
            b'\'' => self.string(!self.conforming, true)?,
            b'"' => self.quoted(Kind::Quoted)?,
            b'$' => self.dollar()?,
            b'0'..=b'9' => self.number(),
            b'.' if self.peek(1).is_some_and(|next| next.is_ascii_digit()) => self.number(),
            first if is(first, BEGINS_WORD) => self.word(first)?,
            first if is(first, OPERATOR) => self.operator(),
            first => {
                let pair = matches!((first, self.peek(1)), (b':', Some(b':' | b'=')) | (b'.', Some(b'.')));
                self.at += 1 + usize::from(pair);
                Kind::Symbol(first)
            }
        };
        Ok(Some(Token { kind, span: start..self.at }))
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.get(self.at + ahead).copied()
    }

    fn skip_while(&mut self, wanted: impl Fn(u8) -> bool) {
        self.at = end_of(self.text, self.at, wanted);
    }

    /// Spaces and comments.
    fn blanks(&mut self) -> Result<(), Stop> {
        loop {
            self.skip_while(|byte| is(byte, BLANK));
            match (self.peek(0), self.peek(1)) {
                (Some(b'-'), Some(b'-')) => self.skip_while(|byte| !is_newline(byte)),
                (Some(b'/'), Some(b'*')) => self.comment()?,
                _ => return Ok(()),
            }
        }
    }

    fn comment(&mut self) -> Result<(), Stop> {
        let mut depth = 0;
        loop {
            match (self.peek(0), self.peek(1)) {
                (Some(b'/'), Some(b'*')) => {
                    depth += 1;
                    self.at += 2;
                    if depth > COMMENTS {
                        return Err(Stop::Comments);
                    }
                }
                (Some(b'*'), Some(b'/')) => {
                    depth -= 1;
                    self.at += 2;
                    if depth == 0 {
                        return Ok(());
                    }
                }
                (Some(_), _) => self.at += 1,
                (None, _) => return Err(Stop::Unterminated),
            }
        }
    }

    /// A quoted string with those that continue it behind a new line. Two quotes are one of its
    /// own, except in a string of bits.
    fn string(&mut self, escapes: bool, doubles: bool) -> Result<Kind, Stop> {
        loop {
            self.at += 1;
            loop {
                self.skip_while(|byte| !matches!(byte, b'\'' | b'\\'));
                match self.peek(0) {
                    None => return Err(Stop::Unterminated),
                    Some(b'\\') if escapes => self.at += 2,
                    Some(b'\'') if doubles && self.peek(1) == Some(b'\'') => self.at += 2,
                    Some(b'\'') => break,
                    Some(_) => self.at += 1,
                }
            }
            self.at += 1;
            match self.continued() {
                Some(quote) => self.at = quote,
                None => return Ok(Kind::Text),
            }
        }
    }

    /// Where a string goes on: a quote behind blanks and `--` comments with a new line among them.
    fn continued(&self) -> Option<usize> {
        let (mut at, mut lines) = (self.at, false);
        loop {
            match (self.text.get(at).copied(), self.text.get(at + 1).copied()) {
                (Some(b'\''), _) => return lines.then_some(at),
                (Some(byte), _) if is(byte, BLANK) => {
                    lines |= is_newline(byte);
                    at += 1;
                }
                (Some(b'-'), Some(b'-')) => {
                    let rest = self.text.get(at..)?;
                    at += rest.iter().position(|byte| is_newline(*byte))?;
                }
                _ => return None,
            }
        }
    }

    fn quoted(&mut self, kind: Kind) -> Result<Kind, Stop> {
        self.at += 1;
        loop {
            match self.peek(0) {
                None => return Err(Stop::Unterminated),
                Some(b'"') if self.peek(1) == Some(b'"') => self.at += 2,
                Some(b'"') => {
                    self.at += 1;
                    return Ok(kind);
                }
                Some(_) => self.at += 1,
            }
        }
    }

    /// `$1`, `$$…$$`, `$tag$…$tag$`, or a dollar by itself.
    fn dollar(&mut self) -> Result<Kind, Stop> {
        let start = self.at;
        self.at += 1;
        if self.peek(0).is_some_and(|byte| byte.is_ascii_digit()) {
            self.skip_while(|byte| byte.is_ascii_digit());
            return Ok(Kind::Parameter);
        }
        if self.peek(0).is_some_and(|byte| is(byte, BEGINS_WORD)) {
            self.skip_while(|byte| byte != b'$' && is(byte, IN_WORD));
        }
        if self.peek(0) != Some(b'$') {
            self.at = start + 1;
            return Ok(Kind::Symbol(b'$'));
        }
        self.at += 1;
        let tag = self.text.get(start..self.at).unwrap_or_default();
        loop {
            self.skip_while(|byte| byte != b'$');
            let rest = self.text.get(self.at..).unwrap_or_default();
            if rest.is_empty() {
                return Err(Stop::Unterminated);
            }
            if rest.starts_with(tag) {
                self.at += tag.len();
                return Ok(Kind::Text);
            }
            self.at += 1;
        }
    }

    fn number(&mut self) -> Kind {
        self.skip_while(|byte| byte.is_ascii_digit() || byte == b'_');
        if matches!(self.peek(0), Some(b'x' | b'X' | b'o' | b'O' | b'b' | b'B')) {
            self.skip_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            return Kind::Number;
        }
        // `1..10` is a number and two dots.
        if self.peek(0) == Some(b'.') && self.peek(1) != Some(b'.') {
            self.at += 1;
            self.skip_while(|byte| byte.is_ascii_digit() || byte == b'_');
        }
        if matches!(self.peek(0), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(self.peek(1), Some(b'+' | b'-')));
            if self.peek(1 + sign).is_some_and(|byte| byte.is_ascii_digit()) {
                self.at += 1 + sign;
                self.skip_while(|byte| byte.is_ascii_digit() || byte == b'_');
            }
        }
        Kind::Number
    }

    /// A word, or a string or name that begins with a letter.
    fn word(&mut self, first: u8) -> Result<Kind, Stop> {
        match (first.to_ascii_lowercase(), self.peek(1), self.peek(2)) {
            (b'e', Some(b'\''), _) => {
                self.at += 1;
                self.string(true, true)
            }
            (b'b' | b'x', Some(b'\''), _) => {
                self.at += 1;
                self.string(false, false)
            }
            // A word of its own; the string is next.
            (b'n', Some(b'\''), _) => {
                self.at += 1;
                Ok(Kind::Word)
            }
            (b'u', Some(b'&'), Some(b'\'')) => {
                self.at += 2;
                self.string(false, true)
            }
            (b'u', Some(b'&'), Some(b'"')) => {
                self.at += 2;
                self.quoted(Kind::Unicode)
            }
            _ => {
                self.skip_while(|byte| is(byte, IN_WORD));
                Ok(Kind::Word)
            }
        }
    }

    /// A run of operator characters; a comment ends it.
    fn operator(&mut self) -> Kind {
        while let Some(byte) = self.peek(0)
            && is(byte, OPERATOR)
            && !matches!((byte, self.peek(1)), (b'-', Some(b'-')) | (b'/', Some(b'*')))
        {
            self.at += 1;
        }
        Kind::Operator
    }
}

/// Where the bytes end that are `wanted`, from `at` on.
pub(super) fn end_of(text: &[u8], at: usize, wanted: impl Fn(u8) -> bool) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + rest.iter().position(|byte| !wanted(*byte)).unwrap_or(rest.len())
}

const fn is_newline(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// What a byte may be, a bit each.
pub(super) const BLANK: u8 = 1;
pub(super) const BEGINS_WORD: u8 = 2;
pub(super) const IN_WORD: u8 = 4;
const OPERATOR: u8 = 8;

const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte: u8 = 0;
    loop {
        classes[byte as usize] = class(byte);
        if byte == u8::MAX {
            break classes;
        }
        byte += 1;
    }
};

const fn class(byte: u8) -> u8 {
    match byte {
        b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => BLANK,
        b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => BEGINS_WORD | IN_WORD,
        b'0'..=b'9' | b'$' => IN_WORD,
        b'~' | b'!' | b'@' | b'#' | b'^' | b'&' | b'|' | b'`' | b'?' | b'+' | b'-' | b'*' | b'/' | b'%' | b'<' | b'>' | b'=' => {
            OPERATOR
        }
        _ => 0,
    }
}

/// Whether a byte is of a class.
pub(super) fn is(byte: u8, class: u8) -> bool {
    CLASSES.get(usize::from(byte)).is_some_and(|classes| classes & class != 0)
}
