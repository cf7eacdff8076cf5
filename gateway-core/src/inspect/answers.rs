//! Which command tags a statement may legally be answered with.
//!
//! The words are those of PostgreSQL's `src/include/tcop/cmdtaglist.h`; which of them a statement
//! gets is in `CreateCommandTag` of `src/backend/tcop/utility.c`.

use super::postgres::replication::is_command;
use super::{Statement, TransactionControl};

/// Whether a server that ran `statement` may answer with `tag`. `aborted`: the transaction had
/// already failed when the statement came, where that is known.
///
/// EXECUTE is answered as its body is: pass the body where it is known; by itself any tag is legal.
/// So it is with what was not understood, and with commands of a replication connection.
#[must_use]
pub fn legal(statement: &Statement, tag: &[u8], aborted: Option<bool>) -> bool {
    if statement.facts.unparsed.is_some() {
        return true;
    }
    let Ok(tag) = std::str::from_utf8(tag) else { return false };
    if let Some(control) = statement.transaction {
        return controls(control, statement.command, tag, aborted);
    }
    // In a failed transaction nothing else is completed.
    aborted != Some(true) && answers(statement.command, tag)
}

fn controls(control: TransactionControl, command: &str, tag: &str, aborted: Option<bool>) -> bool {
    match control {
        // The end of a failed transaction is its rollback.
        TransactionControl::Commit => (tag == "COMMIT" && aborted != Some(true)) || (tag == "ROLLBACK" && aborted != Some(false)),
        // Outside of a transaction it answers ROLLBACK, too.
        TransactionControl::Prepare => (tag == "PREPARE TRANSACTION" && aborted != Some(true)) || tag == "ROLLBACK",
        TransactionControl::Rollback | TransactionControl::RollbackTo => tag == "ROLLBACK",
        TransactionControl::Begin | TransactionControl::Savepoint | TransactionControl::Release => {
            tag == command && aborted != Some(true)
        }
    }
}

fn answers(command: &str, tag: &str) -> bool {
    match command {
        "EXECUTE" => true,
        _ if is_command(command) => true,
        "SELECT" | "SELECT INTO" => counted(tag, "SELECT"),
        // With WITH NO DATA, and with IF NOT EXISTS where it does, the command by its name.
        "CREATE TABLE AS" | "CREATE MATERIALIZED VIEW" => tag == command || counted(tag, "SELECT"),
        // An OID that is 0 since PostgreSQL 12, and the rows.
        "INSERT" => tag
            .strip_prefix("INSERT ")
            .and_then(|rest| rest.split_once(' '))
            .is_some_and(|(oid, rows)| number(oid) && number(rows)),
        "UPDATE" | "DELETE" | "MERGE" | "COPY" | "FETCH" | "MOVE" => counted(tag, command),
        _ => tag == command,
    }
}

/// `WORD n`.
fn counted(tag: &str, word: &str) -> bool {
    tag.strip_prefix(word).and_then(|rest| rest.strip_prefix(' ')).is_some_and(number)
}

fn number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::super::postgres::{Bounds, Reading, inspect};
    use super::*;

    fn check(text: &str, aborted: Option<bool>, tag: &str, expected: bool) {
        let inspection = inspect(text, Reading { standard_conforming_strings: Some(true), exact: false }, Bounds::default());
        assert_eq!(legal(&inspection.statements[0], tag.as_bytes(), aborted), expected, "{text} -> {tag}, aborted {aborted:?}");
    }

    #[test]
    fn a_tag_is_legal_where_the_server_gives_it() {
        for (text, tag) in [
            ("SELECT 1", "SELECT 1"),
            ("TABLE t", "SELECT 0"),
            ("SELECT 1 INTO t", "SELECT 1"),
            ("CREATE TABLE t AS SELECT 1", "SELECT 1"),
            ("CREATE TABLE IF NOT EXISTS t AS SELECT 1", "CREATE TABLE AS"),
            ("CREATE MATERIALIZED VIEW v AS SELECT 1 WITH NO DATA", "CREATE MATERIALIZED VIEW"),
            ("INSERT INTO t VALUES (1)", "INSERT 0 1"),
            ("WITH x AS (SELECT 1) UPDATE t SET a = 1", "UPDATE 12"),
            ("DELETE FROM t", "DELETE 0"),
            ("MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE", "MERGE 1"),
            ("COPY t TO STDOUT", "COPY 5"),
            ("FETCH c", "FETCH 1"),
            ("MOVE c", "MOVE 0"),
            ("EXECUTE p", "DELETE 5"),
            ("EXPLAIN DELETE FROM t", "EXPLAIN"),
            ("TRUNCATE t", "TRUNCATE TABLE"),
            ("LOCK t", "LOCK TABLE"),
            ("RESET x", "RESET"),
            ("SET x TO DEFAULT", "SET"),
            ("DROP USER joe", "DROP ROLE"),
            ("END", "COMMIT"),
            ("BEGIN", "BEGIN"),
            ("START TRANSACTION", "START TRANSACTION"),
            ("PREPARE TRANSACTION 'x'", "ROLLBACK"),
            ("SELEC", "ANYTHING 5"),
            ("START_REPLICATION 0/0", "START_STREAMING"),
        ] {
            check(text, Some(false), tag, true);
        }
    }

    #[test]
    fn another_tag_is_a_contradiction() {
        for (text, tag) in [
            ("SELECT 1", "DELETE 1"),
            ("SELECT 1", "SELECT"),
            ("SELECT 1", "SELECT x"),
            ("SELECT 1", "SELECTED 1"),
            ("INSERT INTO t VALUES (1)", "INSERT 1"),
            ("INSERT INTO t VALUES (1)", "UPDATE 1"),
            ("EXPLAIN DELETE FROM t", "DELETE 1"),
            ("DROP TABLE t", "DROP VIEW"),
            ("BEGIN", "COMMIT"),
            ("COMMIT", "ROLLBACK"),
            ("ROLLBACK", "COMMIT"),
        ] {
            check(text, Some(false), tag, false);
        }
    }

    #[test]
    fn a_failed_transaction_completes_nothing_but_its_end() {
        for (text, tag, expected) in [
            ("COMMIT", "ROLLBACK", true),
            ("COMMIT", "COMMIT", false),
            ("ROLLBACK", "ROLLBACK", true),
            ("ROLLBACK TO a", "ROLLBACK", true),
            ("PREPARE TRANSACTION 'x'", "ROLLBACK", true),
            ("PREPARE TRANSACTION 'x'", "PREPARE TRANSACTION", false),
            ("SELECT 1", "SELECT 1", false),
            ("SAVEPOINT a", "SAVEPOINT", false),
            ("BEGIN", "BEGIN", false),
        ] {
            check(text, Some(true), tag, expected);
        }
        check("COMMIT", None, "COMMIT", true);
        check("COMMIT", None, "ROLLBACK", true);
    }
}
