//! Views, materialised views, partitions and children; and views over them.

use super::clause::Clause;
use crate::leak::Case;

pub(super) fn cases() -> Vec<Case> {
    [views(), families(), renamed()].map(Clause::cases).concat()
}

fn views() -> Clause {
    Clause::new("views").reads([
        "SELECT email FROM contacts",
        "SELECT mail FROM contacts",
        "SELECT * FROM contacts",
        "SELECT address FROM contact_list",
        "SELECT mail FROM contact_list",
        "TABLE everything",
        "SELECT e.bio FROM everything e",
        "SELECT * FROM both_kinds",
        "SELECT ssn FROM both_kinds WHERE kind = 'p'",
        "SELECT c FROM wide",
        "SELECT (c).ssn, mail FROM wide",
        "SELECT whole ->> 'email' FROM json_of",
        "SELECT whole FROM json_of WHERE id = 1",
        "SELECT * FROM guarded",
        "SELECT email FROM checked",
        "SELECT * FROM chain",
        "SELECT email FROM mails",
        "SELECT loud FROM mails",
        "SELECT * FROM mails m JOIN contact_list l USING (id)",
        "SELECT l FROM contact_list l",
        "SELECT e FROM everything e",
        "SELECT to_jsonb(v) FROM both_kinds v",
        "SELECT (SELECT string_agg(address, ' ') FROM contact_list)",
        "WITH t AS (TABLE contact_list) SELECT address FROM t",
    ])
}

fn families() -> Clause {
    Clause::new("partitions and children")
        .reads([
            "SELECT ssn, born FROM people",
            "SELECT ssn FROM people_low",
            "SELECT * FROM people_high",
            "SELECT ssn FROM ONLY people_low",
            "SELECT ssn FROM persons",
            "SELECT ssn FROM ONLY persons",
            "SELECT ssn, desk FROM staff",
            "TABLE staff",
            "SELECT p.ssn FROM people p JOIN people_low l ON l.id = p.id",
            "SELECT p FROM people p",
            "SELECT s::persons FROM staff s",
            "SELECT upper_ssn FROM derived",
            "SELECT ssn, upper_ssn FROM derived",
            "SELECT email FROM logins",
            "SELECT l.email FROM logins l WHERE l.id = 3",
            "SELECT tableoid::regclass, ssn FROM people",
            "SELECT ssn, xmin IS NULL FROM persons*",
        ])
        // Where rows lie depends on how long they are.
        .reads(["SELECT ctid, ssn FROM customers"])
        .vary()
}

fn renamed() -> Clause {
    Clause::new("relations that are changed on the way").undone([
        "ALTER TABLE customers RENAME email TO contact ;; SELECT contact FROM customers",
        "ALTER TABLE customers RENAME TO clients ;; SELECT email FROM clients",
        "ALTER TABLE customers RENAME email TO x ;; ALTER TABLE customers RENAME name TO email ;; ALTER TABLE customers RENAME x TO name ;; SELECT name FROM customers",
        "ALTER TABLE orders RENAME TO o2 ;; ALTER TABLE customers RENAME TO orders ;; SELECT email FROM orders",
        "CREATE SCHEMA aside ;; ALTER TABLE customers SET SCHEMA aside ;; SELECT email FROM aside.customers",
        "ALTER VIEW contacts RENAME COLUMN mail TO label ;; SELECT label FROM contacts",
        "ALTER TABLE people DETACH PARTITION people_low ;; SELECT ssn FROM people_low",
        "ALTER TABLE staff NO INHERIT persons ;; SELECT ssn FROM staff",
        "CREATE TABLE offspring () INHERITS (customers) ;; ALTER TABLE offspring NO INHERIT customers ;; SELECT 1 FROM offspring ;; SELECT email FROM customers",
        "ALTER TABLE customers ADD COLUMN extra text ;; SELECT email, extra FROM customers",
        "ALTER TABLE customers DROP COLUMN name CASCADE ;; SELECT * FROM customers",
        "DROP VIEW labels ;; ALTER TABLE customers RENAME TO labels ;; SELECT * FROM labels",
        "CREATE OR REPLACE VIEW labels AS SELECT id, ssn AS label FROM customers ;; SELECT label FROM labels",
        "ALTER TABLE bare ALTER ssn TYPE varchar ;; SELECT ssn FROM bare",
        "ALTER TABLE bare ALTER ssn TYPE bytea USING ssn::bytea ;; SELECT ssn FROM bare",
    ])
}
