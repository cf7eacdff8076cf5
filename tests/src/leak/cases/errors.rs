//! Errors, notices, notifications and plans: texts that carry values.

use super::clause::Clause;
use crate::leak::{Case, State};

pub(super) fn cases() -> Vec<Case> {
    [errors(), constraints(), notices(), notifications(), plans()].map(Clause::cases).concat()
}

fn errors() -> Clause {
    Clause::new("errors").reads([
        "SELECT ssn::int FROM customers",
        "SELECT email::numeric FROM customers",
        "SELECT email::timestamptz FROM customers",
        "SELECT ssn::bool FROM customers",
        "SELECT ssn::json FROM customers",
        "SELECT email::point FROM customers",
        "SELECT (ssn || '(')::regprocedure FROM customers",
        "SELECT to_number(ssn, '999') FROM customers",
        "SELECT to_date(ssn, 'YYYY-MM-DD') FROM customers",
        "SELECT to_timestamp(email, 'YYYY') FROM customers",
        "SELECT 'x' ~ ('(' || ssn) FROM customers",
        "SELECT nextval(email) FROM customers",
        "SELECT current_setting(ssn) FROM customers",
        "SELECT has_table_privilege(ssn, 'select') FROM customers",
        "SELECT decode(ssn, 'hex'), decode(email, 'base64') FROM customers",
        "SELECT encode('x', ssn) FROM customers",
        "SELECT convert_from('x', ssn) FROM customers",
        "SELECT '2000-01-01'::timestamptz AT TIME ZONE ssn FROM customers",
        "SELECT extract(day from born), date_trunc(ssn, seen) FROM customers",
        "SELECT query_to_xml(email, true, false, '') FROM customers",
        "SELECT xmlparse(document '<' || ssn) FROM customers",
        "SELECT jsonb_path_query('{}', ssn::jsonpath) FROM customers",
        "SELECT to_tsquery('simple', '& ' || ssn || ' &') FROM customers",
        "SELECT ('{' || ssn)::text[] FROM customers",
        "SELECT pg_read_file(ssn) FROM customers",
        "SELECT run_text(ssn) FROM customers",
        "SELECT dblink_connect(email) FROM customers",
        "SELECT dblink('dbname=app user=app', ssn) FROM customers",
        "SELECT lo_import(ssn) FROM customers",
        "SELECT ssn::regrole, ssn::regnamespace FROM customers",
        "SELECT pg_catalog.set_config(ssn, 'x', false) FROM customers",
        "SELECT boom(1)",
        "SELECT boom(id) FROM plain",
        "SELECT code_of(1)",
        "SELECT * FROM plain WHERE boom(id) = 1",
        "SELECT (salary * 1e300)::float4 FROM customers",
        "SELECT (pin::text || '000000')::int FROM customers",
    ])
}

fn constraints() -> Clause {
    Clause::new("constraints").undone([
        "UPDATE customers SET name = NULL WHERE id = 1",
        "UPDATE customers SET city = NULL",
        "UPDATE customers SET salary = -salary WHERE id = 1",
        "UPDATE customers SET salary = -1",
        "UPDATE customers SET email = (SELECT email FROM customers WHERE id = 2) WHERE id = 1",
        "UPDATE customers SET email = email || repeat('x', 80)",
        "INSERT INTO customers SELECT 100 + id, name, city, email FROM customers",
        "INSERT INTO customers SELECT * FROM customers",
        "INSERT INTO plain (id, label) SELECT length(ssn), ssn FROM customers",
        "DELETE FROM customers WHERE id = 1",
        "UPDATE people SET id = 5000 WHERE id = 1",
        "INSERT INTO people SELECT 5000, ssn FROM people",
        "INSERT INTO sink (n) SELECT ssn::numeric FROM customers",
        "ALTER TABLE customers ADD CHECK (length(name) < 2)",
        "ALTER TABLE bare ALTER ssn TYPE int USING ssn::int",
        "ALTER TABLE bare ALTER ssn TYPE varchar(3)",
        "ALTER TABLE bare ALTER ssn TYPE uuid USING ssn::uuid",
        "CREATE UNIQUE INDEX ON people_low ((1))",
        "CREATE UNIQUE INDEX ON customers ((left(ssn, 0) || 'x'), (email IS NULL))",
        "INSERT INTO customers (id, name) VALUES (1, 'again')",
        "UPDATE checked SET id = 5000 WHERE id = 1",
        "INSERT INTO customers VALUES (1, NULL)",
        "CREATE TABLE short (t varchar(3)) ;; INSERT INTO short SELECT email FROM customers",
        "ALTER TABLE orders ADD CONSTRAINT o FOREIGN KEY (comment) REFERENCES customers (email)",
        "ALTER TABLE logins DROP CONSTRAINT logins_email_fkey ;; UPDATE logins SET email = email || 'x' ;; ALTER TABLE logins ADD FOREIGN KEY (email) REFERENCES customers (email)",
    ])
    .unshown()
}

fn notices() -> Clause {
    Clause::new("notices").undone([
        "SELECT tell(1)",
        "SELECT tell(id) FROM plain WHERE id < 4",
        "SELECT raising(email) FROM customers",
        "CALL print_ssn()",
        "CALL give_ssn(NULL)",
        "INSERT INTO audited VALUES (1, 'x')",
        "INSERT INTO audited VALUES (1, 'x') RETURNING note",
        "INSERT INTO audited VALUES (1, 'x') ;; SELECT note FROM audited",
        "INSERT INTO ruled VALUES (1, 'x')",
        "DO $$ BEGIN RAISE NOTICE '%', (SELECT string_agg(email, ',') FROM customers); END $$",
        "DO $$ BEGIN RAISE WARNING '%', (SELECT ssn FROM customers WHERE id = 1); END $$",
        "DO $$ DECLARE r record; BEGIN FOR r IN SELECT * FROM customers LOOP RAISE INFO '%', r; END LOOP; END $$",
        "DO $$ BEGIN RAISE EXCEPTION '%', (SELECT ssn FROM customers WHERE id = 1); END $$",
        "DO $$ BEGIN ASSERT false, (SELECT email FROM customers WHERE id = 1); END $$",
        "DO $$ BEGIN EXECUTE (SELECT ssn FROM customers WHERE id = 1); END $$",
        "DO $$ BEGIN PERFORM 1 / (SELECT count(*) - 1 FROM customers WHERE pin > 1500000000 AND id = 1); END $$",
        "DO LANGUAGE plpgsql 'BEGIN RAISE NOTICE ''%'', (SELECT bio FROM customers WHERE id = 1); END'",
        "SET LOCAL client_min_messages = 'debug1' ;; SELECT tell(2)",
        "SELECT tell(1) FROM customers WHERE tell(id) = 1",
        "SELECT 1 ORDER BY tell(1)",
    ])
}

fn notifications() -> Clause {
    Clause::new("notifications").alone([
        "LISTEN bell ;; SELECT pg_notify('bell', email) FROM customers",
        "LISTEN bell ;; SELECT pg_notify('bell', (SELECT string_agg(ssn, ',') FROM customers))",
        "LISTEN bell ;; SELECT pg_notify('bell', get_ssn(1))",
        "LISTEN bell ;; DO $$ BEGIN PERFORM pg_notify('bell', (SELECT ssn FROM customers WHERE id = 1)); END $$",
        "LISTEN bell ;; SELECT run_text('SELECT pg_notify(''bell'', string_agg(email, '','')) FROM customers')",
        "LISTEN bell ;; SELECT pg_notify(left(ssn, 12), 'x') FROM customers ;; SELECT pg_notify('bell', ssn) FROM people",
        "SELECT run_text('LISTEN ' || quote_ident(left(ssn, 12))) FROM customers WHERE id = 1 ;; SELECT pg_listening_channels()",
    ])
}

fn plans() -> Clause {
    let (email, ssn) = (State::Ada.email(1), State::Ada.ssn("customers", 1));
    Clause::new("EXPLAIN").reads([
        format!("EXPLAIN (COSTS OFF) SELECT * FROM customers WHERE email = (SELECT email FROM customers WHERE ssn = '{ssn}')"),
        "EXPLAIN SELECT * FROM customers".to_owned(),
        "EXPLAIN VERBOSE SELECT email FROM customers".to_owned(),
        "EXPLAIN (FORMAT json) SELECT bio FROM customers".to_owned(),
        "EXPLAIN (FORMAT xml, VERBOSE) SELECT ssn FROM customers".to_owned(),
        "EXPLAIN (FORMAT yaml) SELECT email, ssn FROM customers".to_owned(),
        format!("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT * FROM customers WHERE email = '{email}'"),
        "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT id FROM customers WHERE pin > 1500000000".to_owned(),
        "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, FORMAT json) SELECT id FROM maybe WHERE wage = 7 AND id = 1".to_owned(),
        "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT id FROM maybe GROUP BY secret, id HAVING secret IS NULL".to_owned(),
        "EXPLAIN SELECT * FROM customers WHERE born < '1935-01-01'".to_owned(),
        "EXPLAIN SELECT id FROM maybe WHERE secret IS NULL".to_owned(),
        "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) UPDATE plain SET label = 'x' FROM customers c WHERE c.id = plain.id AND c.pin > 1500000000 AND false".to_owned(),
        "EXPLAIN (COSTS OFF, VERBOSE) SELECT mail, address FROM contact_list".to_owned(),
        "EXPLAIN (ANALYZE, BUFFERS, WAL, SETTINGS, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT email FROM customers ORDER BY email".to_owned(),
        "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT 1 / (SELECT count(*) FROM customers WHERE ssn::text > 'm')".to_owned(),
        "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT tell(1)".to_owned(),
    ])
    .unshown()
}
