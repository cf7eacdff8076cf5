//! An inspection held against what the server did.

use super::observe::{Observed, Touched};
use gateway_core::inspect::reviewed::{self, Verdict};
use gateway_core::inspect::{Action, NameKind, Object, Statement, Usage, answers};
use std::collections::HashMap;
use std::sync::Arc;

/// Something about a text that is worth a row in the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What kind.
    pub kind: Kind,
    /// The session's application name: the suite's file.
    pub file: String,
    /// The text's first 200 characters.
    pub text: String,
    /// Why.
    pub why: String,
}

/// Kinds of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The inspection was sure, and the server did something else.
    Wrong,
    /// The inspection did not understand the text.
    Unparsed,
    /// The inspection had two minds about the text.
    Ambiguous,
}

/// What the names of a session stand for, as the inspection of what made them said.
pub(super) type Names = HashMap<(NameKind, String), Statement>;

/// What a text's statements touch, what their names stand for included.
pub(super) struct Said<'a> {
    relations: Vec<(Action, Option<&'a str>, &'a str)>,
    /// Schemas that are acted on as a whole: DROP SCHEMA … CASCADE.
    schemas: Vec<&'a str>,
    /// All statements, those that names stand for included.
    pub(super) statements: Vec<&'a Statement>,
    /// Whether code that can't be seen was called, whose effects are apart.
    pub(super) calls: bool,
    /// Whether a name was used that nobody saw made.
    pub(super) unseen: bool,
    pub(super) explains: bool,
}

impl<'a> Said<'a> {
    /// What `statements` say.
    pub(super) fn of(statements: &'a [Arc<Statement>], names: &'a Names) -> Self {
        let mut said = Self {
            relations: Vec::new(),
            schemas: Vec::new(),
            statements: Vec::new(),
            calls: false,
            unseen: false,
            explains: false,
        };
        for statement in statements {
            said.add(statement);
            for name in &statement.names {
                match (&name.usage, names.get(&(name.kind, name.name.to_string()))) {
                    (Usage::Make(made), _) => said.add(made),
                    (Usage::Use, Some(made)) => said.add(made),
                    // It was made in the same text, or by code that can't be seen.
                    (Usage::Use, None) => (said.calls, said.unseen) = (true, true),
                    (Usage::Drop | Usage::DropAll, _) => {}
                }
            }
        }
        said
    }

    fn add(&mut self, statement: &'a Statement) {
        self.statements.push(statement);
        self.calls |= statement.facts.opaque;
        self.unseen |= statement.facts.opaque;
        self.explains |= statement.facts.explain;
        for access in &statement.accesses {
            match &access.object {
                Object::Relation(name) => self.relations.push((access.action, name.schema.as_deref(), &name.name)),
                Object::Function(name) => self.calls |= name.schema.as_deref() != Some("pg_catalog"),
                Object::Operator(name) => self.calls |= name.schema.is_some() || !reviewed::is_operator(&name.name),
                Object::Member(_) => {}
                Object::MemberOfValue(name) => {
                    self.calls |= reviewed::function(name).is_some_and(|verdict| verdict != Verdict::Reviewed)
                }
                Object::Schema(name) => self.schemas.push(name),
                Object::Target => {}
            }
        }
    }

    /// Whether an access has it.
    pub(super) fn has(&self, touched: &Touched) -> bool {
        self.actions(touched).next().is_some()
    }

    /// The relations' names.
    pub(super) fn names(&self) -> Vec<(Option<&'a str>, &'a str)> {
        self.relations.iter().map(|(_, schema, name)| (*schema, *name)).collect()
    }

    fn actions(&self, touched: &Touched) -> impl Iterator<Item = Action> {
        let fits = move |schema: Option<&str>| match schema {
            None => true,
            Some("pg_temp") => touched.schema.starts_with("pg_temp"),
            Some(schema) => schema == touched.schema,
        };
        self.relations.iter().filter(move |(_, schema, name)| *name == touched.name && fits(*schema)).map(|(action, ..)| *action)
    }
}

/// What the server locked or changed that `said` does not have. `text` has to name it: a sequence anywhere, anything
/// else outside of its literals, since what is in those reaches a relation only through a function.
pub(super) fn missing<'o>(text: &str, said: &Said<'_>, observed: &'o Observed) -> Vec<(u32, &'o Touched, String)> {
    let code = code(text);
    let mut found = Vec::new();
    for (oid, touched) in observed {
        let place = if touched.kind == "S" { text } else { &code };
        if apart(touched, said) || opened(&code, said, touched) || !names(place, &touched.name) {
            continue;
        }
        let actions: Vec<_> = said.actions(touched).collect();
        let may_write = actions.iter().any(|action| !matches!(action, Action::Read));
        let Touched { schema, name, modes, changes, .. } = touched;
        let done = format!("{schema}.{name} ({}, {changes} rows changed)", modes.join(" "));
        if actions.is_empty() {
            found.push((*oid, touched, format!("{done} is in no access")));
        } else if touched.written() && !may_write && !said.explains {
            found.push((*oid, touched, format!("{done} is only read in the accesses")));
        }
    }
    found
}

/// Long values and composite types, which have no rows of their own; indexes of what is accessed; what a schema has.
fn apart(touched: &Touched, said: &Said<'_>) -> bool {
    match touched.kind.as_str() {
        "t" | "c" => true,
        "i" | "I" if !said.relations.is_empty() => true,
        _ => said.schemas.contains(&touched.schema.as_str()),
    }
}

/// What the server opens without reading it, in texts that do nothing else: the relations in a function's body, when it
/// looks whether the body makes sense, and the table of a sequence's OWNED BY, to note whom the sequence belongs to. A
/// body in a literal is no code of the text's, and what the text names beside it are types: the rows of a table. A body
/// that is not in a literal begins with RETURN or BEGIN ATOMIC, and is held.
fn opened(code: &str, said: &Said<'_>, touched: &Touched) -> bool {
    let all = |commands: [&str; 2]| said.statements.iter().all(|statement| commands.contains(&statement.command));
    let validated = all(["CREATE FUNCTION", "CREATE PROCEDURE"]) && !names(code, "return") && !names(code, "atomic");
    let noted = all(["CREATE SEQUENCE", "ALTER SEQUENCE"]) && names(code, "owned");
    // A body that writes is locked for it, and does not run.
    let fits = validated || (noted && touched.modes == ["AccessShareLock"]);
    !said.statements.is_empty() && touched.changes == 0 && fits
}

/// `text` without what is in its literals and comments; the whole of it where one has no end.
fn code(text: &str) -> String {
    let (mut code, mut rest) = (String::new(), text);
    while let Some(character) = rest.chars().next() {
        let escapes = code.ends_with(['e', 'E']) && !code.trim_end_matches(['e', 'E']).ends_with(char::is_alphanumeric);
        let end = match character {
            '\'' => quoted(rest, escapes),
            '$' if !code.ends_with(char::is_alphanumeric) => dollars(rest),
            '-' if rest.starts_with("--") => Some(rest.find('\n').unwrap_or(rest.len())),
            '/' if rest.starts_with("/*") => rest.find("*/").map(|end| end + 2),
            _ => {
                code.push(character);
                rest = rest.get(character.len_utf8()..).unwrap_or_default();
                continue;
            }
        };
        let Some(end) = end else { return text.to_owned() };
        code.push(' ');
        rest = rest.get(end.max(1)..).unwrap_or_default();
    }
    code
}

/// How long the literal is that `text` begins with.
fn quoted(text: &str, escapes: bool) -> Option<usize> {
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' if escapes => drop(characters.next()),
            '\'' if characters.peek().is_some_and(|(_, next)| *next == '\'') => drop(characters.next()),
            '\'' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// How long the dollar-quoted literal is that `text` begins with; 1 where it is a parameter.
fn dollars(text: &str) -> Option<usize> {
    let tag = text.get(..text.get(1..)?.find('$')? + 2)?;
    let inner = tag.trim_matches('$');
    let word = |character: char| character.is_alphanumeric() || character == '_';
    if !inner.chars().all(word) || inner.starts_with(|first: char| first.is_ascii_digit()) {
        return Some(1);
    }
    text.get(tag.len()..)?.find(tag).map(|end| tag.len() * 2 + end)
}

/// The first thing that is wrong with the tags.
pub(super) fn tags(statements: &[Arc<Statement>], tags: &[Vec<u8>], aborted: bool) -> Option<String> {
    let show = |tag: &[u8]| String::from_utf8_lossy(tag).into_owned();
    let tags: Vec<_> = tags.iter().filter(|tag| !tag.is_empty()).collect();
    if tags.len() != statements.len() {
        let tags: Vec<_> = tags.iter().map(|tag| show(tag)).collect();
        return Some(format!("{} statements, but {} answers: {}", statements.len(), tags.len(), tags.join(", ")));
    }
    let illegal = statements.iter().zip(tags).find(|(statement, tag)| !answers::legal(statement, tag, Some(aborted)));
    illegal.map(|(statement, tag)| format!("{} was answered with {}", statement.command, show(tag)))
}

/// How the inspection begins its reason where it had two minds, or met what it does not know: two parsers, two readings
/// of backslashes, a tree that its own count contradicts, a node of a later grammar.
const TWO_MINDS: [&str; 4] =
    ["parsers disagree: ", "backslashes in strings: the two readings", "the walker missed a node of kind ", "unknown node "];

/// Whether a text that was not understood was so because of two minds.
pub(super) fn ambiguous(why: &str) -> bool {
    TWO_MINDS.iter().any(|reason| why.starts_with(reason))
}

/// Whether `text` has `name` as a word.
fn names(text: &str, name: &str) -> bool {
    let (text, name) = (text.to_lowercase(), name.to_lowercase());
    let word = |character: char| character.is_alphanumeric() || character == '_';
    text.match_indices(&name).any(|(at, _)| {
        let before = text.get(..at).and_then(|text| text.chars().next_back());
        let after = text.get(at + name.len()..).and_then(|text| text.chars().next());
        !before.is_some_and(word) && !after.is_some_and(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_core::inspect::{Access, ObjectName};

    fn reads(name: &str) -> Arc<Statement> {
        let accesses = vec![Access::new(Action::Read, Object::Relation(ObjectName::bare(name)))];
        Arc::new(Statement { command: "SELECT", accesses, ..Statement::default() })
    }

    #[track_caller]
    fn check(text: &str, statement: &Arc<Statement>, relation: &str, mode: &str, found: usize) {
        let touched =
            Touched { schema: "public".into(), name: relation.into(), kind: "r".into(), modes: vec![mode.into()], changes: 0 };
        let observed = Observed::from([(20_000, touched)]);
        let (statements, names) = (std::slice::from_ref(statement), Names::new());
        assert_eq!(missing(text, &Said::of(statements, &names), &observed).len(), found, "{text}");
    }

    #[test]
    fn what_is_locked_and_named_has_to_be_in_an_access() {
        check("SELECT * FROM t", &reads("t"), "t", "AccessShareLock", 0);
        check("SELECT * FROM t", &reads("u"), "t", "AccessShareLock", 1);
        check("SELECT * FROM tt", &reads("tt"), "t", "AccessShareLock", 0);
        check("DELETE FROM t", &reads("t"), "t", "RowExclusiveLock", 1);
    }

    #[test]
    fn what_is_in_a_literal_is_named_for_functions_only() {
        check("SELECT f('t')", &reads("u"), "t", "AccessShareLock", 0);
        check("SELECT $a$ t $a$, E'\\' t' /* t */ -- t", &reads("u"), "t", "AccessShareLock", 0);
        check("SELECT $1, 'x' FROM t -- $", &reads("u"), "t", "AccessShareLock", 1);
    }

    #[test]
    fn what_is_opened_and_not_read_is_apart() {
        let define = Arc::new(Statement { command: "CREATE FUNCTION", ..Statement::default() });
        check("CREATE FUNCTION f() RETURNS SETOF t LANGUAGE sql AS 'SELECT * FROM t'", &define, "t", "AccessShareLock", 0);
        check("CREATE FUNCTION f(t) RETURNS void LANGUAGE sql AS 'DELETE FROM t'", &define, "t", "RowExclusiveLock", 0);
        check("CREATE FUNCTION f() RETURNS int RETURN (SELECT n FROM t)", &define, "t", "AccessShareLock", 1);
        let sequence = Arc::new(Statement { command: "ALTER SEQUENCE", ..Statement::default() });
        check("ALTER SEQUENCE s OWNED BY t.n", &sequence, "t", "AccessShareLock", 0);
        check("ALTER SEQUENCE s OWNED BY t.n", &sequence, "t", "ShareLock", 1);
    }

    #[test]
    fn two_minds_are_those_that_the_inspection_has() {
        use gateway_core::inspect::postgres::{Bounds, Reading, inspect};
        const SOURCES: [&str; 3] = [
            include_str!("../../../gateway-core/src/inspect/postgres/cross/mod.rs"),
            include_str!("../../../gateway-core/src/inspect/postgres/merge.rs"),
            include_str!("../../../gateway-core/src/inspect/postgres/walk/mod.rs"),
        ];
        for reason in TWO_MINDS {
            assert!(SOURCES.iter().any(|source| source.contains(&format!("\"{reason}"))), "no source says {reason:?}");
        }
        let why = |sql: &str| {
            let statements =
                inspect(sql, Reading { standard_conforming_strings: None, exact: false }, Bounds::default()).statements;
            statements.into_iter().find_map(|statement| statement.facts.unparsed.clone()).unwrap_or_default()
        };
        assert!(ambiguous(&why(r"SELECT '\'; DELETE FROM t; --'")));
        assert!(!why("SELEC 1").is_empty() && !ambiguous(&why("SELEC 1")) && !ambiguous(&why("SELECT 1")));
    }

    #[test]
    fn each_statement_has_one_answer() {
        assert_eq!(tags(&[reads("t")], &[b"SELECT 1".to_vec()], false), None);
        assert!(tags(&[reads("t")], &[b"SELECT 1".to_vec(), b"DELETE 1".to_vec()], false).is_some());
        assert!(tags(&[reads("t")], &[], false).is_some());
    }
}
