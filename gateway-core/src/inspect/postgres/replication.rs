//! The commands of a replication connection, which are not SQL.
//!
//! The server tells them by their first word (`replication_scanner_is_replication_command` in
//! `src/backend/replication/repl_scanner.l`). In another session they are a syntax error.

use crate::inspect::{Access, Action, Object, Statement};

/// All that no SQL statement begins with: SHOW is read as SQL.
const COMMANDS: [&str; 9] = [
    "IDENTIFY_SYSTEM",
    "START_REPLICATION",
    "CREATE_REPLICATION_SLOT",
    "DROP_REPLICATION_SLOT",
    "ALTER_REPLICATION_SLOT",
    "READ_REPLICATION_SLOT",
    "TIMELINE_HISTORY",
    "BASE_BACKUP",
    "UPLOAD_MANIFEST",
];

/// Whether a statement has this command.
pub(in crate::inspect) fn is_command(command: &str) -> bool {
    COMMANDS.contains(&command)
}

/// The one statement that `text` is where it begins with such a command. Blanks may stand before it,
/// and no comment: the lexer of these commands has none.
pub(super) fn read(text: &str) -> Option<Statement> {
    let text_of = text.trim_start_matches([' ', '\t', '\n', '\r', '\x0c', '\x0b']);
    let end = text_of.find(|symbol: char| symbol.is_ascii() && !symbol.is_ascii_alphanumeric() && symbol != '_' && symbol != '$');
    let word = text_of.get(..end.unwrap_or(text_of.len()))?;
    let command = COMMANDS.into_iter().find(|command| command.eq_ignore_ascii_case(word))?;
    let accesses = vec![Access::new(Action::Administer, Object::Target)];
    Some(Statement { span: 0..text.len(), command, accesses, ..Statement::default() })
}

#[cfg(test)]
mod tests {
    use super::super::{Bounds, Reading, inspect};
    use super::*;

    fn check(text: &str, command: Option<&str>) {
        for setting in [Some(true), Some(false), None] {
            let inspection = inspect(text, Reading { standard_conforming_strings: setting, exact: false }, Bounds::default());
            let [statement] = inspection.statements.as_slice() else { panic!("{text}: {inspection:?}") };
            assert_eq!(statement.facts.unparsed.is_none(), command.is_some(), "{text}: {statement:?}");
            assert_eq!(statement.command, command.unwrap_or_default(), "{text}");
            if command.is_some() {
                assert_eq!(statement.accesses, [Access::new(Action::Administer, Object::Target)], "{text}");
                assert_eq!((statement.span.clone(), statement.changes.any()), (0..text.len(), false), "{text}");
            }
        }
    }

    #[test]
    fn a_command_is_told_by_its_first_word() {
        for command in COMMANDS {
            check(command, Some(command));
            check(&format!(" \t\n{command} \"x\\\" PHYSICAL;"), Some(command));
            check(&format!("-- x\n{command}"), None);
            check(&format!("/**/{command}"), None);
            check(&format!("{command}x"), None);
            check(&format!("{command}$"), None);
            check(&format!("{command}\u{e9}"), None);
            check(&format!("x {command}"), None);
        }
        check("START_REPLICATION SLOT s LOGICAL 0/0 (proto_version '1', publication_names '\"p\"')", Some("START_REPLICATION"));
        check("IDENTIFY_SYSTEM; DROP TABLE t", Some("IDENTIFY_SYSTEM"));
        check("SELECT 1; IDENTIFY_SYSTEM", None);
        check("\u{a0}IDENTIFY_SYSTEM", None);
    }
}
