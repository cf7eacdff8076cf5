//! Writes: what they return, and where they would carry values to.

use super::clause::Clause;
use crate::leak::{Case, State};

pub(super) fn cases() -> Vec<Case> {
    [returning(), flows(), definitions(), code(), recorded()].map(Clause::cases).concat()
}

fn returning() -> Clause {
    Clause::new("RETURNING").undone([
        "UPDATE customers SET city = 'x' RETURNING email",
        "UPDATE customers SET city = 'x' WHERE id = 1 RETURNING *",
        "UPDATE customers c SET city = 'x' RETURNING c",
        "UPDATE customers SET city = 'x' RETURNING lower(email), id, (SELECT ssn FROM people LIMIT 1)",
        "UPDATE orders SET total = total FROM customers c WHERE c.id = customer RETURNING c.email, comment",
        "DELETE FROM orders USING customers c WHERE c.id = customer RETURNING c.ssn",
        "DELETE FROM logins RETURNING email",
        "DELETE FROM people RETURNING *",
        "INSERT INTO orders (id, comment) VALUES (99, 'x') RETURNING id, (SELECT email FROM customers WHERE id = 1)",
        "INSERT INTO plain (id, label) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET label = 'y' RETURNING (SELECT string_agg(ssn, ',') FROM customers)",
        "WITH x AS (UPDATE customers SET city = 'x' RETURNING email) SELECT * FROM x",
        "WITH x AS (DELETE FROM logins RETURNING *), y AS (SELECT email FROM x) SELECT email FROM y",
        "WITH x AS (INSERT INTO plain (id) VALUES (50) RETURNING id) SELECT c.ssn FROM customers c, x",
        "UPDATE contacts SET name = 'x' RETURNING email",
        "UPDATE checked SET name = 'x' RETURNING *",
        "UPDATE persons SET id = id RETURNING ssn, tableoid::regclass",
        "UPDATE people_low SET id = id RETURNING ssn",
        "DELETE FROM staff RETURNING staff",
        "UPDATE derived SET id = id RETURNING upper_ssn",
        "UPDATE customers SET city = city RETURNING row_to_json(customers)",
        "UPDATE plain SET label = 'x' WHERE id = 1 RETURNING (SELECT c FROM customers c WHERE c.id = plain.id)",
    ])
}

fn flows() -> Clause {
    Clause::new("writes that carry values elsewhere").undone([
        "UPDATE customers SET name = email ;; SELECT name FROM customers",
        "UPDATE customers SET city = left(ssn, 12) ;; SELECT city FROM customers",
        "UPDATE customers SET (name, city) = (SELECT bio, card) ;; SELECT name, city FROM customers",
        "UPDATE customers SET (name, city) = (email, ssn) ;; SELECT name FROM customers",
        "UPDATE orders SET comment = c.ssn FROM customers c WHERE c.id = customer ;; SELECT comment FROM orders",
        "UPDATE orders SET comment = (SELECT email FROM customers c WHERE c.id = customer) ;; SELECT comment FROM orders",
        "UPDATE orders SET total = c.pin FROM customers c WHERE c.id = customer ;; SELECT total FROM orders",
        "UPDATE plain SET data = to_jsonb(c) FROM customers c WHERE c.id = plain.id ;; SELECT data FROM plain",
        "UPDATE plain SET data['x'] = to_jsonb(c.ssn) FROM customers c WHERE c.id = plain.id ;; SELECT data FROM plain",
        "UPDATE plain SET parts[1] = c.pin FROM customers c WHERE c.id = plain.id ;; SELECT parts FROM plain",
        "UPDATE plain SET label = get_ssn(id) ;; SELECT label FROM plain",
        "INSERT INTO sink (t) SELECT email FROM customers ;; SELECT t FROM sink",
        "INSERT INTO sink (t, n) SELECT ssn, salary FROM customers ;; SELECT * FROM sink",
        "INSERT INTO sink (j) SELECT row_to_json(c) FROM customers c ;; SELECT j FROM sink",
        "INSERT INTO sink (b) VALUES ((SELECT blob FROM customers WHERE id = 1)) ;; SELECT b FROM sink",
        "INSERT INTO sink (t) VALUES (get_ssn(1)) ;; SELECT t FROM sink",
        "INSERT INTO sink (id, t) SELECT id, loud FROM mails ;; SELECT t FROM sink",
        "INSERT INTO sink (t) WITH x AS (SELECT bio FROM customers) SELECT bio FROM x RETURNING t",
        "INSERT INTO sink (t) SELECT CASE WHEN pin > 1500000000 THEN 'high' ELSE 'low' END FROM customers ;; SELECT t FROM sink",
        "INSERT INTO sink (n) SELECT count(*) FROM customers WHERE pin > 1500000000 ;; SELECT n FROM sink",
        "INSERT INTO plain (id, label) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET label = (SELECT ssn FROM customers WHERE id = 1) ;; SELECT label FROM plain WHERE id = 1",
        "WITH x AS (SELECT email FROM customers) INSERT INTO sink (t) SELECT email FROM x ;; SELECT t FROM sink",
        "WITH x AS (INSERT INTO sink (t) SELECT ssn FROM customers RETURNING t) SELECT t FROM x",
        "MERGE INTO plain p USING customers c ON p.id = c.id WHEN MATCHED THEN UPDATE SET label = c.email ;; SELECT label FROM plain",
        "MERGE INTO sink s USING customers c ON s.id = -c.id WHEN NOT MATCHED THEN INSERT (t) VALUES (c.ssn) ;; SELECT t FROM sink",
        "MERGE INTO plain p USING customers c ON p.id = c.id WHEN MATCHED AND c.pin > 1500000000 THEN DELETE ;; SELECT id FROM plain",
        "SELECT email INTO stolen FROM customers ;; SELECT * FROM stolen",
        "SELECT id, ssn INTO TEMP stolen FROM customers ;; SELECT * FROM stolen",
        "CREATE TABLE stolen AS SELECT email FROM customers ;; SELECT email FROM stolen",
        "CREATE TABLE stolen AS TABLE customers ;; SELECT * FROM stolen",
        "CREATE TEMP TABLE stolen AS SELECT ssn AS x FROM customers ;; SELECT x FROM stolen",
        "CREATE UNLOGGED TABLE stolen (x) AS SELECT lower(email) FROM customers ;; SELECT x FROM stolen",
        "CREATE MATERIALIZED VIEW stolen AS SELECT email AS x FROM customers ;; SELECT x FROM stolen",
        "CREATE TABLE stolen AS SELECT get_ssn(id) AS x FROM plain ;; SELECT x FROM stolen",
        "CREATE TABLE stolen (LIKE customers) ;; INSERT INTO stolen SELECT * FROM customers ;; SELECT * FROM stolen",
        "CREATE TABLE stolen () INHERITS (customers) ;; INSERT INTO stolen SELECT 100 + id, name, city, ssn FROM customers ;; SELECT email FROM stolen",
        "UPDATE maybe SET id = CASE WHEN secret IS NULL THEN id + 100 ELSE id END ;; SELECT id FROM maybe ORDER BY 1",
        "DELETE FROM plain WHERE label < (SELECT ssn FROM customers WHERE id = 1) ;; SELECT count(*) FROM plain",
    ])
}

fn definitions() -> Clause {
    Clause::new("definitions of the job's own").undone([
        "CREATE VIEW own AS SELECT email AS x FROM customers ;; SELECT x FROM own",
        "CREATE TEMP VIEW own AS SELECT ssn AS x FROM customers ;; SELECT x FROM own",
        "CREATE VIEW own (a, b) AS SELECT id, c FROM customers c ;; SELECT b FROM own",
        "CREATE RECURSIVE VIEW own (n, x) AS SELECT 1, ssn FROM customers WHERE id = 1 UNION ALL SELECT n + 1, x FROM own WHERE n < 2 ;; SELECT x FROM own",
        "CREATE FUNCTION own() RETURNS text LANGUAGE sql AS 'SELECT string_agg(email, '','') FROM customers' ;; SELECT own()",
        "CREATE FUNCTION own() RETURNS text LANGUAGE sql RETURN (SELECT string_agg(ssn, ',') FROM customers) ;; SELECT own()",
        "CREATE FUNCTION own() RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY SELECT ssn FROM customers; END $$ ;; SELECT * FROM own()",
        "CREATE FUNCTION own(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT $1' ;; SELECT own(email) FROM customers",
        "CREATE FUNCTION own() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE '%', NEW; RETURN NEW; END $$ ;; CREATE TRIGGER t AFTER UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION own() ;; UPDATE customers SET city = 'x'",
        "CREATE FUNCTION own() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.label := (SELECT ssn FROM customers WHERE id = 1); RETURN NEW; END $$ ;; CREATE TRIGGER t BEFORE UPDATE ON plain FOR EACH ROW EXECUTE FUNCTION own() ;; UPDATE plain SET amount = 1 RETURNING label",
        "CREATE RULE own AS ON UPDATE TO plain DO INSTEAD SELECT email FROM customers ;; UPDATE plain SET label = 'x'",
        "CREATE RULE own AS ON UPDATE TO customers DO ALSO INSERT INTO sink (t) VALUES (OLD.ssn) ;; UPDATE customers SET city = 'x' ;; SELECT t FROM sink",
        "CREATE POLICY own ON plain USING (label < (SELECT ssn FROM customers WHERE id = 1)) ;; ALTER TABLE plain ENABLE ROW LEVEL SECURITY ;; ALTER TABLE plain FORCE ROW LEVEL SECURITY ;; SELECT count(*) FROM plain",
        "CREATE PROCEDURE own() LANGUAGE sql AS 'INSERT INTO sink (t) SELECT ssn FROM customers' ;; CALL own() ;; SELECT t FROM sink",
        "CREATE PROCEDURE own(INOUT x text) LANGUAGE plpgsql AS $$ BEGIN SELECT ssn INTO x FROM customers LIMIT 1; END $$ ;; CALL own('')",
        "ALTER TABLE customers ADD COLUMN copied text GENERATED ALWAYS AS (lower(ssn)) STORED ;; SELECT copied FROM customers",
        "ALTER TABLE bare ALTER label TYPE text USING ssn ;; SELECT label FROM bare",
        "ALTER TABLE bare ALTER label TYPE varchar USING ssn || label ;; SELECT label FROM bare",
        "ALTER TABLE plain ALTER label SET DEFAULT get_ssn(1) ;; INSERT INTO plain (id) VALUES (60) RETURNING label",
        "ALTER TABLE plain ADD COLUMN more text DEFAULT get_ssn(1) ;; SELECT more FROM plain",
        "ALTER TABLE bare ALTER label TYPE text USING get_ssn(id) ;; SELECT label FROM bare",
        "CREATE INDEX own ON customers (upper(ssn)) ;; SELECT pg_get_indexdef('own'::regclass)",
        "CREATE STATISTICS own ON (lower(ssn)), city FROM customers ;; ANALYZE customers ;; SELECT most_common_vals FROM pg_stats_ext",
        "CREATE INDEX own2 ON customers (upper(bio)) ;; ANALYZE customers ;; SELECT histogram_bounds FROM pg_stats WHERE tablename = 'own2'",
        "CREATE TYPE own AS (t text) ;; SELECT (ROW(ssn)::own).t FROM customers",
        "CREATE OPERATOR #> (FUNCTION = rungs, LEFTARG = varchar, RIGHTARG = text) ;; SELECT email #> 'x' FROM customers",
        "CREATE CAST (customers AS text) WITH FUNCTION mail_of ;; INSERT INTO sink (t) SELECT c::text FROM customers c ;; SELECT t FROM sink",
        "CREATE EXTENSION postgres_fdw ;; CREATE SERVER own FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', dbname 'app') ;; SELECT 1",
        "REFRESH MATERIALIZED VIEW mails ;; SELECT loud FROM mails",
        "CREATE TABLE own (id int, x text DEFAULT get_ssn(2)) ;; INSERT INTO own (id) VALUES (1) ;; SELECT x FROM own",
        "CREATE TABLE own (id int, mail varchar(80) REFERENCES customers (email)) ;; INSERT INTO own SELECT id, email FROM customers ;; SELECT mail FROM own",
        "CREATE TABLE own (id int, ssn text) ;; ALTER TABLE own INHERIT persons ;; SELECT ssn FROM persons",
        "CREATE TABLE own PARTITION OF people FOR VALUES FROM (200) TO (300) ;; INSERT INTO own SELECT 250, ssn FROM people LIMIT 1 ;; SELECT ssn FROM own",
    ])
    .unshown()
}

fn code() -> Clause {
    Clause::new("code that is run").undone([
        "DO $$ BEGIN INSERT INTO sink (t) SELECT email FROM customers; END $$ ;; SELECT t FROM sink",
        "DO $$ BEGIN EXECUTE 'INSERT INTO sink (t) SELECT ssn FROM customers'; END $$ ;; SELECT t FROM sink",
        "DO $$ BEGIN CREATE TABLE stolen AS SELECT ssn FROM customers; END $$ ;; SELECT ssn FROM stolen",
        "DO $$ BEGIN PERFORM set_config('my.v', (SELECT ssn FROM customers WHERE id = 1), false); END $$ ;; SHOW my.v",
        "SELECT run_text('INSERT INTO sink (t) SELECT ssn FROM customers RETURNING t')",
        "SELECT run_text('CREATE TABLE stolen AS SELECT ssn AS x FROM customers') ;; SELECT x FROM stolen",
        "SELECT run_text('UPDATE plain SET label = (SELECT ssn FROM customers WHERE id = 1)') ;; SELECT label FROM plain",
        "SELECT run_text('UPDATE customers SET name = email') ;; SELECT name FROM customers",
        "SELECT run_text('CREATE VIEW sv AS SELECT ssn AS label FROM customers') ;; SELECT label FROM sv",
        "SELECT run_text('CREATE TEMP TABLE orders AS SELECT id, ssn AS comment FROM customers') ;; SELECT comment FROM orders",
        "SELECT run_text('ALTER TABLE customers RENAME ssn TO s2') ;; SELECT s2 FROM customers",
        "SELECT run_text('SET search_path = nowhere') ;; SELECT email FROM public.customers",
        "SELECT run_text('CREATE FUNCTION fresh() RETURNS text LANGUAGE sql AS ''SELECT string_agg(ssn, '''','''') FROM customers''') ;; SELECT fresh()",
        "SELECT run_text('CREATE OR REPLACE FUNCTION shout(text) RETURNS text LANGUAGE sql AS ''SELECT ssn FROM customers LIMIT 1''') ;; SELECT shout('x')",
        "CALL give_ssn('')",
        "SELECT run_text('COPY (SELECT ssn FROM customers) TO PROGRAM ''cat > weir-leak-out9''') ;; SELECT pg_read_file('weir-leak-out9')",
    ])
    .unshown()
}

/// What the job sends itself reaches no record, whether it is refused or not.
fn recorded() -> Clause {
    let ada = State::Ada;
    let (email, ssn, pin, salary, bio) =
        (ada.email(1), ada.ssn("customers", 1), ada.pin(1), ada.salary(1), ada.letters("bio", 1));
    Clause::new("values in the text")
        .undone([
            format!("INSERT INTO people (id, ssn) VALUES (50, '{ssn}')"),
            format!("INSERT INTO people VALUES (51, 'x', '{}'), (52, $${ssn}$$, NULL)", ada.born(1)),
            format!("UPDATE customers SET bio = 'knows {bio}' WHERE id = 1"),
            format!("UPDATE customers SET salary = {salary}, pin = {pin} WHERE id = 2"),
            format!("UPDATE customers SET ssn = E'{ssn}' WHERE id = 5"),
            format!("UPDATE customers SET ssn = U&'{ssn}' || '{email}' WHERE id = 5"),
            format!(
                "UPDATE customers SET tags = '{{{bio}}}', notes = '{{\"note\": \"{bio}\"}}', token = '{}' WHERE id = 1",
                ada.token(1)
            ),
            format!("INSERT INTO customers (id, name, email) VALUES (70, 'x', '{email}')"),
            format!("SELECT id FROM customers WHERE email = '{email}' -- {ssn}"),
            format!("/* {email} */ SELECT name FROM customers WHERE ssn <> '{ssn}'"),
            format!("PREPARE pv AS UPDATE customers SET ssn = '{ssn}' WHERE id = 1 ;; EXECUTE pv"),
            format!("PREPARE pw (text) AS UPDATE people SET ssn = $1 WHERE id = 1 ;; EXECUTE pw ('{ssn}')"),
            format!("SELECT email, '{email}' FROM customers LIMIT 0"),
            format!("DO $$ BEGIN UPDATE customers SET ssn = '{ssn}'; END $$"),
            format!("SELECT get_ssn(1) = '{ssn}'"),
            format!("SELECT shout('{email}') FROM customers LIMIT 0"),
            format!("DECLARE cv CURSOR FOR SELECT name FROM customers WHERE email = '{email}'"),
        ])
        .unshown()
        // psql would show its own text beside the error.
        .simple([format!("SELECT ssn FROM customers WHERE id = 1 AND ('{ssn}'")])
        .unshown()
}
