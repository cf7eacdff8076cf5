//! Names as the server has them: folded, cut to 63 bytes, taken from lists of strings and from literals.

use crate::inspect::ObjectName;
use pg_query::protobuf::{Node, node::Node as Kind};

/// What an identifier is cut to: `NAMEDATALEN - 1`.
const BYTES: usize = 63;

/// `name`, cut to 63 bytes at the boundary of a character.
pub(in crate::inspect) fn cut(name: &str) -> &str {
    let mut end = name.len().min(BYTES);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name.get(..end).unwrap_or(name)
}

/// `name` as the server has it.
pub(super) fn name(name: &str) -> Box<str> {
    cut(name).into()
}

/// An unquoted identifier: ASCII letters become small ones. The server folds others too where its
/// encoding has one byte a character; such a name is then found under neither spelling.
pub(super) fn fold(written: &str) -> Box<str> {
    cut(&written.to_ascii_lowercase()).into()
}

/// A schema, where there is one, and a name.
pub(super) fn object(schema: &str, named: &str) -> ObjectName {
    ObjectName { schema: (!schema.is_empty()).then(|| name(schema)), name: name(named) }
}

/// The strings of a list; none where it holds anything else.
pub(in crate::inspect) fn strings(list: &[Node]) -> Option<Vec<&str>> {
    list.iter()
        .map(|item| match &item.node {
            Some(Kind::String(string)) => Some(string.sval.as_str()),
            _ => None,
        })
        .collect()
}

/// A dotted name from its parts; a database before the schema is dropped, for it can only be the current one.
pub(super) fn dotted(parts: &[&str]) -> Option<ObjectName> {
    match parts {
        [name] => Some(object("", name)),
        [schema, name] | [_, schema, name] => Some(object(schema, name)),
        _ => None,
    }
}

/// A dotted name from a list of strings.
pub(in crate::inspect) fn listed(list: &[Node]) -> Option<ObjectName> {
    dotted(&strings(list)?)
}

/// The relation that a literal names to `regclass`: `'seq'`, `'"My".seq'`. None for a number (an
/// OID) and for what is not a name.
pub(super) fn regclass(literal: &str) -> Option<ObjectName> {
    let mut parts = Vec::new();
    let mut rest = literal.trim_matches(is_blank);
    loop {
        let (part, behind) = one_part(rest)?;
        parts.push(part);
        rest = behind.trim_start_matches(is_blank);
        match rest.strip_prefix('.') {
            Some(more) => rest = more.trim_start_matches(is_blank),
            None if rest.is_empty() => break,
            None => return None,
        }
    }
    dotted(&parts.iter().map(AsRef::as_ref).collect::<Vec<_>>())
}

/// One part of a dotted name, and what is behind it.
fn one_part(text: &str) -> Option<(Box<str>, &str)> {
    if let Some(quoted) = text.strip_prefix('"') {
        let mut end = None;
        let mut bytes = quoted.bytes().enumerate().peekable();
        while let Some((at, byte)) = bytes.next() {
            if byte == b'"' && bytes.next_if(|(_, next)| *next == b'"').is_none() {
                end = Some(at);
                break;
            }
        }
        let end = end?;
        let part = quoted.get(..end)?.replace("\"\"", "\"");
        return (!part.is_empty()).then(|| (name(&part), quoted.get(end + 1..).unwrap_or_default()));
    }
    let end = text.find(|symbol: char| symbol == '.' || symbol == '"' || is_blank(symbol)).unwrap_or(text.len());
    let (part, rest) = text.split_at_checked(end)?;
    let number = part.bytes().next().is_none_or(|first| first.is_ascii_digit());
    (!number).then(|| (fold(part), rest))
}

const fn is_blank(symbol: char) -> bool {
    matches!(symbol, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_names_a_relation_as_the_server_reads_it() {
        for (literal, expected) in [
            ("seq", Some("seq")),
            (" Seq ", Some("seq")),
            ("public.Seq", Some("public.seq")),
            ("\"My Seq\"", Some("My Seq")),
            ("\"a\"\"b\" . \"C.d\"", Some("a\"b.C.d")),
            ("db.s.t", Some("s.t")),
            ("16384", None),
            ("", None),
            ("a b", None),
            ("\"open", None),
            ("a.", None),
        ] {
            assert_eq!(regclass(literal).map(|name| name.to_string()).as_deref(), expected, "{literal}");
        }
    }

    #[test]
    fn a_long_name_is_cut_between_characters() {
        assert_eq!(cut(&"x".repeat(80)).len(), 63);
        assert_eq!(cut(&"é".repeat(40)).len(), 62);
        assert_eq!(cut("short"), "short");
    }
}
