//! What is taken on of a policy text before Cedar reads it, so that no text can exhaust the process.
//!
//! Cedar's parser walks a policy's tree by recursion, and so does the drop of that tree. Neither
//! has a bound of its own, so the depth is bounded here by what can make it: brackets, and the
//! operators of one policy that can be chained, each of which may be one level. Comparisons can't be.

use super::PolicyProblem;

/// Bytes of one policy file.
pub const FILE_BYTES: usize = 1 << 20;
/// Bytes of all files of a set.
pub const SET_BYTES: usize = 4 << 20;
/// Policies of a set.
pub const POLICIES: usize = 10_000;
/// Brackets within brackets.
pub const DEPTH: usize = 64;
/// Operators of one policy that can be chained (`&&`, `||`, `.`, `+`, `-`, `*`, `!`, `if`) and its
/// brackets, together. Cedar 4.14 overflows a stack of 2 MiB at some 600, built without optimisation.
pub const OPERATORS: usize = 400;

/// Whether `sources` are within bounds: what isn't is reported, and is not to be parsed.
pub(super) fn check(sources: &[(String, String)]) -> Vec<PolicyProblem> {
    let bytes: usize = sources.iter().map(|(_, text)| text.len()).sum();
    if bytes > SET_BYTES {
        let what = format!("the set has {bytes} bytes; at most {SET_BYTES} are read: split it, or shorten its lists");
        return vec![PolicyProblem { file: "the policy set".to_owned(), line: None, what }];
    }
    sources.iter().filter_map(|(file, text)| excess(text).map(|(line, what)| (file, line, what))).map(problem).collect()
}

fn problem((file, line, what): (&String, Option<usize>, String)) -> PolicyProblem {
    PolicyProblem { file: file.clone(), line, what }
}

/// The first thing of `text` that is too much, with its line.
fn excess(text: &str) -> Option<(Option<usize>, String)> {
    if text.len() > FILE_BYTES {
        return Some((None, format!("the file has {} bytes; at most {FILE_BYTES} are read: split it", text.len())));
    }
    let (mut depth, mut operators, mut line) = (0_usize, 0_usize, 1_usize);
    for token in Tokens::new(text) {
        match token {
            Token::Open => {
                depth += 1;
                operators += 1;
            }
            Token::Close => depth = depth.saturating_sub(1),
            Token::End => operators = 0,
            Token::Operator => operators += 1,
            Token::Line => line += 1,
        }
        if depth > DEPTH {
            return Some((Some(line), format!("brackets are nested deeper than {DEPTH}: write the policy flatter")));
        }
        if operators > OPERATORS {
            let what = format!(
                "the policy has more than {OPERATORS} operators and brackets: use a set ([…].contains), or split the policy"
            );
            return Some((Some(line), what));
        }
    }
    None
}

/// What of a text can make a tree deep.
enum Token {
    Open,
    Close,
    /// The end of a policy.
    End,
    Operator,
    Line,
}

/// Reads a text coarsely: strings and comments apart, all else by its characters.
struct Tokens<'t> {
    rest: std::iter::Peekable<std::str::Bytes<'t>>,
}

impl<'t> Tokens<'t> {
    fn new(text: &'t str) -> Self {
        Self { rest: text.bytes().peekable() }
    }

    /// Passes over a comment up to its line's end, which is left.
    fn comment(&mut self) {
        while self.rest.next_if(|byte| *byte != b'\n').is_some() {}
    }

    /// Passes over a word; whether it is `if`, the one word that chains.
    fn word(&mut self, first: u8) -> bool {
        let mut length = 1;
        let mut last = first;
        while let Some(byte) = self.rest.next_if(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') {
            length += 1;
            last = byte;
        }
        (first, last, length) == (b'i', b'f', 2)
    }

    /// Passes over a string; the lines in it are lost, which matters to no one but a line number.
    fn string(&mut self) {
        while let Some(byte) = self.rest.next() {
            match byte {
                b'"' => return,
                b'\\' => {
                    self.rest.next();
                }
                _ => {}
            }
        }
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        loop {
            match self.rest.next()? {
                b'\n' => return Some(Token::Line),
                b'"' => self.string(),
                b'/' if self.rest.peek() == Some(&b'/') => self.comment(),
                b'(' | b'[' | b'{' => return Some(Token::Open),
                b')' | b']' | b'}' => return Some(Token::Close),
                b';' => return Some(Token::End),
                b'!' | b'-' | b'+' | b'*' | b'.' => return Some(Token::Operator),
                byte @ (b'&' | b'|') => {
                    self.rest.next_if_eq(&byte);
                    return Some(Token::Operator);
                }
                byte if (byte.is_ascii_alphabetic() || byte == b'_') && self.word(byte) => return Some(Token::Operator),
                _ => {}
            }
        }
    }
}
