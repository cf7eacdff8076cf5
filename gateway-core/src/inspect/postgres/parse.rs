//! Asks PostgreSQL's own parser.

use super::depth::LEVELS;
use pg_query::{Error, ParserOptions, protobuf::ParseResult};

/// The tree of a text; else why there is none.
///
/// The binding makes lists of its own from the tree, and that code can panic on trees that its
/// authors did not think of: then the text is not understood, and the process goes on.
pub(super) fn parse(text: &str, conforming: bool) -> Result<ParseResult, String> {
    let options = if conforming { ParserOptions::DEFAULT } else { ParserOptions::DISABLE_STANDARD_CONFORMING_STRINGS };
    let parsed = std::panic::catch_unwind(|| pg_query::parse(text, options));
    match parsed {
        Ok(Ok(result)) => Ok(result.protobuf),
        Ok(Err(Error::Parse(why))) if why.starts_with("parse tree is nested too deeply") => {
            Err(format!("its tree is deeper than {LEVELS} levels, or than the stack that reads it"))
        }
        Ok(Err(Error::Parse(why))) if why.starts_with("stack depth limit exceeded") => {
            Err("its tree is deeper than the parser's stack allows".to_owned())
        }
        Ok(Err(Error::Parse(why))) => Err(without_text(&why)),
        // Its decoder has no limit of its own.
        Ok(Err(Error::Decode(_))) => Err("the parser's tree can't be decoded".to_owned()),
        Ok(Err(other)) => Err(other.to_string()),
        Err(_) => Err("the parser failed".to_owned()),
    }
}

/// What the parser says of a text that it can't read: in its own words, which may repeat the text.
/// None where it can, or says something else than where the text stops being SQL.
pub(super) fn error(text: &str, conforming: bool) -> Option<String> {
    let options = if conforming { ParserOptions::DEFAULT } else { ParserOptions::DISABLE_STANDARD_CONFORMING_STRINGS };
    match std::panic::catch_unwind(|| pg_query::parse(text, options)) {
        Ok(Err(Error::Parse(why))) => (why.contains(" at or near \"") || why.ends_with(" at end of input")).then_some(why),
        Ok(Ok(_) | Err(_)) | Err(_) => None,
    }
}

/// The parser's words without those of the text: they may be a secret, and as long as the text.
fn without_text(why: &str) -> String {
    let own = why.split(" at or near ").next().unwrap_or_default();
    let quoted = own.find('"').unwrap_or(own.len());
    own.get(..quoted).unwrap_or_default().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_syntax_error_does_not_repeat_the_text() {
        for text in ["SELECT 1 'secret'", "SELECT * FROM \"secret", "CREATE TABLE t (a int) PARTITION BY secret (a)"] {
            let why = parse(text, true).unwrap_err();
            assert!(!why.is_empty() && !why.contains("secret"), "{text}: {why}");
        }
    }
}
