//! pg_dump in its ways, and what psql does by its own commands.

use super::clause::Clause;
use crate::leak::{Case, Client};

pub(super) fn cases() -> Vec<Case> {
    [dumps(), commands()].map(Clause::cases).concat()
}

fn dumps() -> Clause {
    Clause::new("pg_dump")
        .by(
            Client::PgDump,
            "",
            [
                "--no-owner",
                "--data-only",
                "--data-only ;; --inserts",
                "--column-inserts",
                "--inserts ;; --rows-per-insert=3",
                "--format=custom",
                "--format=tar",
                "--format=custom ;; --compress=0",
                "-t ;; customers",
                "-t ;; people*",
                "-t ;; contacts ;; -t ;; customers ;; --data-only",
                "-T ;; orders ;; --inserts ;; --on-conflict-do-nothing",
                "--disable-dollar-quoting ;; --encoding=LATIN1",
                "--load-via-partition-root ;; --data-only ;; -t ;; people",
                "--schema=public ;; --clean ;; --if-exists",
                "--serializable-deferrable ;; -t ;; staff ;; -t ;; persons",
                "--section=data",
                "--blobs ;; --data-only",
            ],
        )
        .vary()
        .by(Client::PgDump, "", ["--schema-only", "--section=pre-data"])
        .vary()
        .unshown()
}

fn commands() -> Clause {
    Clause::new("psql's own commands")
        .by(
            Client::Psql,
            "script",
            [
                "SELECT email FROM customers \\gset p_ ;; \\echo :p_email",
                "SELECT email, ssn FROM customers WHERE id = 1 \\gset ;; \\echo :email :ssn",
                "SELECT id, email, ssn FROM customers \\crosstabview",
                "SELECT 'SELECT ' || quote_literal(ssn) FROM customers WHERE id = 1 \\gexec",
                "\\d+ customers ;; TABLE customers",
                "\\copy customers (email, ssn) to stdout with (format csv)",
                "\\set ECHO all ;; SELECT email FROM customers",
                "\\pset format html ;; SELECT ssn FROM customers",
                "\\pset format latex ;; SELECT bio FROM customers",
                "\\a \\t ;; TABLE mails",
            ],
        )
        .by(
            Client::Psql,
            "script",
            ["\\dX+", "\\d+ contacts ;; \\sv contacts ;; \\sf get_ssn", "\\dt+ ;; \\di+ ;; \\df+ get_ssn"],
        )
        .unshown()
}
