//! Asks PostgreSQL's own parser.

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
        Ok(Err(Error::Parse(why))) => Err(why),
        Ok(Err(Error::Decode(_))) => Err("too deeply nested".to_owned()),
        Ok(Err(other)) => Err(other.to_string()),
        Err(_) => Err("the parser failed".to_owned()),
    }
}
