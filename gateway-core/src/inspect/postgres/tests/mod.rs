//! Statements, with what they are expected to do, in a short notation.
//!
//! `COMMAND: action object, action object; fact fact; name name`. Objects: `@` the target, `s/` a
//! schema, `t` or `s.t` a relation, `f()` a function, `{op}` an operator. `by DELETE`: the verb, where it is not the command's.

use super::builtin::is_operator;
use super::{Bounds, Reading, inspect};
use crate::inspect::{Access, CopyWith, Inspection, NameKind, NameUse, Object, ObjectName, Statement, Usage};

mod depth;
mod evasion;
mod operators;
mod planted;

#[test]
fn queries_are_read_as_the_server_reads_them() {
    check(include_str!("queries.txt"));
}

#[test]
fn every_other_command_has_its_word_and_its_accesses() {
    check(include_str!("utility.txt"));
}

/// Inspects with everything known as a new session has it.
fn inspected(text: &str) -> Inspection {
    inspect(text, Reading { standard_conforming_strings: Some(true), exact: false }, Bounds::default())
}

/// Each line of `cases` is a text, and behind ` => ` what each of its statements does.
fn check(cases: &str) {
    let (mut count, mut wrong) = (0, Vec::new());
    for case in cases.lines().filter(|line| !line.starts_with('#')) {
        let Some((text, expected)) = case.split_once(" => ") else { panic!("no expectation: {case}") };
        let read = notation(text, &inspected(text));
        if read != expected {
            wrong.push(format!("{text} => {read}"));
        }
        count += 1;
    }
    assert!(count > 0 && wrong.is_empty(), "of {count}, read otherwise:\n{}", wrong.join("\n"));
}

fn notation(text: &str, inspection: &Inspection) -> String {
    inspection.statements.iter().map(|statement| one(text, statement)).collect::<Vec<_>>().join(" | ")
}

fn one(text: &str, statement: &Statement) -> String {
    if let Some(why) = &statement.facts.unparsed {
        return format!("UNPARSED {why}");
    }
    let shown = statement.accesses.iter().filter(|access| !ordinary(&access.object));
    let accesses: Vec<String> = shown.map(|access| accessed(statement, access)).collect();
    let mut line = format!("{}: {}", statement.command, accesses.join(", "));
    let facts = facts(statement);
    let names: Vec<String> = statement.names.iter().map(|name| name_use(text, name)).collect();
    if !facts.is_empty() || !names.is_empty() {
        line += &format!("; {}", facts.join(" "));
    }
    if !names.is_empty() {
        line += &format!("; {}", names.join(" "));
    }
    line
}

/// Whether it is left out here: what nearly every statement has, and `operators` checks.
fn ordinary(object: &Object) -> bool {
    match object {
        Object::Operator(ObjectName { schema, name }) => schema.is_none() && is_operator(name),
        Object::Member(_) | Object::MemberOfValue(_) => true,
        Object::Target | Object::Schema(_) | Object::Relation(_) | Object::Function(_) => false,
    }
}

fn accessed(statement: &Statement, access: &Access) -> String {
    let own = statement.command.split(' ').next();
    let by = access.verb.filter(|verb| Some(*verb) != own).map(|verb| format!(" by {verb}")).unwrap_or_default();
    format!("{} {}{by}", access.action, object(&access.object))
}

fn object(object: &Object) -> String {
    match object {
        Object::Target => "@".to_owned(),
        Object::Schema(name) => format!("{name}/"),
        Object::Relation(name) => name.to_string(),
        Object::Function(name) => format!("{name}()"),
        Object::Operator(name) => format!("{{{name}}}"),
        Object::Member(name) => format!(".{name}"),
        Object::MemberOfValue(name) => format!("().{name}"),
    }
}

fn facts(statement: &Statement) -> Vec<&'static str> {
    let facts = &statement.facts;
    let copy = facts.copy.map(|copy| match copy {
        CopyWith::Stdin => "stdin",
        CopyWith::Stdout => "stdout",
        CopyWith::File => "file",
        CopyWith::Program => "program",
    });
    let changes = statement.changes;
    [
        (facts.no_where, "no_where"),
        (facts.opaque, "opaque"),
        (facts.explain, "explain"),
        (facts.locking, "locking"),
        (facts.constant, "constant"),
        (statement.transaction.is_some(), "transaction"),
        (changes.settings, "+settings"),
        (changes.role, "+role"),
        (changes.schema, "+schema"),
        (changes.anything, "+anything"),
    ]
    .into_iter()
    .filter_map(|(is, word)| is.then_some(word))
    .chain(copy)
    .collect()
}

fn name_use(text: &str, name: &NameUse) -> String {
    let kind = match name.kind {
        NameKind::Prepared => "prepared",
        NameKind::Cursor => "cursor",
    };
    let usage = match &name.usage {
        Usage::Make(body) => format!("make[{}]", one(text, body)),
        Usage::Use => "use".to_owned(),
        Usage::Drop => "drop".to_owned(),
        Usage::DropAll => "drop-all".to_owned(),
    };
    format!("{kind} {usage} {}<{}>", name.name, text.get(name.span.clone()).unwrap_or("?"))
}
