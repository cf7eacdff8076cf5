//! Names and texts that are not what they look like.

use super::clause::Clause;
use crate::leak::Case;

pub(super) fn cases() -> Vec<Case> {
    [spellings(), shadows(), settings()].map(Clause::cases).concat()
}

fn spellings() -> Clause {
    Clause::new("spellings")
        .reads([
            "SELECT \"email\" FROM \"customers\"",
            "SELECT EMAIL FROM CUSTOMERS",
            "SeLeCt cUsToMeRs.EmAiL fRoM Public.Customers",
            "SELECT U&\"\\0065mail\" FROM U&\"cust\\006fmers\"",
            "SELECT U&\"!0065mail\" UESCAPE '!' FROM customers",
            "SELECT/**/email/**/FROM/**/customers",
            "SELECT email -- name\nFROM customers -- orders",
            "SELECT\n\temail\r\n\tFROM\u{c}customers",
            "/* SELECT name FROM customers */ SELECT email FROM customers",
            "/* a /* nested */ comment */ SELECT ssn FROM customers",
            "SELECT email FROM customers;",
            ";;SELECT 1",
            "SELECT email \"name\" FROM customers \"orders\"",
            "SELECT email \"\u{feff}\" FROM customers",
            "SELECT \"c\".\"email\" FROM public.\"customers\" AS \"c\"",
            "SELECT(email)FROM customers",
            "SELECT app.public.customers.email FROM app.public.customers",
        ])
        .unshown()
}

fn shadows() -> Clause {
    Clause::new("names that stand for something else").undone([
        "CREATE SCHEMA mine ;; SET LOCAL search_path = mine, public ;; SELECT email FROM customers",
        "CREATE SCHEMA mine ;; CREATE TABLE mine.orders AS SELECT 1 AS id, 'x' AS comment ;; SET LOCAL search_path = mine, public ;; SELECT ssn FROM customers, orders",
        "CREATE SCHEMA mine ;; CREATE TABLE mine.customers (email text) ;; INSERT INTO mine.customers VALUES ('own') ;; SET LOCAL search_path = mine, public ;; SELECT email FROM customers ;; SELECT email FROM public.customers",
        "CREATE SCHEMA mine ;; CREATE TABLE mine.customers (email varchar(80)) ;; SET LOCAL search_path = mine, public ;; PREPARE p AS SELECT email FROM customers ;; SET LOCAL search_path = public ;; EXECUTE p",
        "CREATE SCHEMA mine ;; CREATE FUNCTION mine.lower(varchar) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT $1::text' ;; SET LOCAL search_path = mine, pg_catalog, public ;; SELECT lower(email) FROM customers",
        "CREATE SCHEMA mine ;; CREATE FUNCTION mine.count(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT $1' ;; SET LOCAL search_path = mine, public ;; SELECT count(ssn) FROM customers",
        "CREATE SCHEMA mine ;; CREATE FUNCTION mine.now2(anyelement) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT $1::text' ;; SELECT mine.now2(c) FROM customers c",
        "CREATE SCHEMA mine ;; CREATE FUNCTION mine.peek() RETURNS text LANGUAGE sql AS 'SELECT string_agg(email, '','') FROM public.customers' ;; SELECT mine.peek()",
        "CREATE SCHEMA mine ;; CREATE VIEW mine.plain AS SELECT id, ssn AS label FROM customers ;; SET LOCAL search_path = mine, public ;; SELECT label FROM plain",
        "CREATE SCHEMA mine ;; CREATE OPERATOR mine.|| (FUNCTION = public.rungs, LEFTARG = varchar, RIGHTARG = text) ;; SET LOCAL search_path = mine, public ;; SELECT email || 'x' FROM customers",
        "CREATE TEMP TABLE orders (id int, email text) ;; INSERT INTO orders SELECT id, email FROM customers ;; SELECT * FROM orders",
        "CREATE TEMP TABLE customers (id int, email text) ;; INSERT INTO customers VALUES (1, 'own') ;; SELECT email FROM public.customers",
        "CREATE TYPE plain_mail AS (email text) ;; SELECT (ROW(email::text)::plain_mail).email FROM customers",
        "CREATE DOMAIN mail_text AS text ;; SELECT email::mail_text FROM customers",
        "CREATE DOMAIN short_text AS text CHECK (length(VALUE) < 3) ;; SELECT ssn::short_text FROM customers",
        "CREATE CAST (customers AS text) WITH FUNCTION mail_of(customers) ;; SELECT CAST(c AS text) FROM customers c",
        "CREATE FUNCTION pg_temp.tell_it(text) RETURNS text LANGUAGE sql AS 'SELECT $1' ;; SELECT pg_temp.tell_it(email) FROM customers",
        "CREATE AGGREGATE pile (text) (SFUNC = ladder, STYPE = text, INITCOND = '') ;; SELECT pile(email) FROM customers",
        "ALTER TABLE customers RENAME COLUMN email TO label ;; ALTER TABLE plain RENAME TO before ;; ALTER TABLE customers RENAME TO plain ;; SELECT lower(label) FROM plain ;; SELECT id FROM plain WHERE label LIKE 'c%'",
        "CREATE TEMP TABLE t (email text) ;; DROP TABLE t ;; ALTER TABLE customers RENAME TO t ;; SELECT lower(email) FROM t",
        "CREATE TABLE t (email text) ;; ALTER TABLE t RENAME TO t2 ;; ALTER TABLE customers RENAME TO t ;; SELECT id FROM t WHERE email LIKE 'c%'",
        "CREATE TABLE t (email text) ;; SAVEPOINT s ;; DROP TABLE t ;; ALTER TABLE customers RENAME TO t ;; SELECT max(email) FROM t ;; ROLLBACK TO s ;; SELECT max(email) FROM t",
        "SAVEPOINT s ;; CREATE TABLE t (email text) ;; ROLLBACK TO s ;; ALTER TABLE customers RENAME TO t ;; SELECT max(email) FROM t",
        "CREATE SCHEMA mine ;; CREATE TABLE mine.t (email text) ;; ALTER TABLE customers RENAME TO t ;; ALTER TABLE t SET SCHEMA mine ;; SELECT max(email) FROM mine.t",
        "CREATE TABLE t (email text) ;; DO $$ BEGIN DROP TABLE t; ALTER TABLE customers RENAME TO t; END $$ ;; SELECT max(email) FROM t",
        "CREATE TEMP VIEW t AS SELECT id, name AS email FROM customers ;; CREATE OR REPLACE TEMP VIEW t AS SELECT id, email AS email FROM customers ;; SELECT max(email) FROM t",
        "CREATE TABLE t (email varchar REFERENCES customers (email)) ;; INSERT INTO t VALUES ('canary') ;; SELECT email FROM t",
        "CREATE TABLE twin (LIKE customers INCLUDING ALL) ;; INSERT INTO twin SELECT * FROM customers ;; SELECT email FROM twin",
    ])
}

fn settings() -> Clause {
    Clause::new("settings").alone([
        "SET standard_conforming_strings = off ;; SELECT email, 'a\\'b' FROM customers",
        "SET standard_conforming_strings = off ;; SET backslash_quote = on ;; SELECT 'x\\' || name, ' || email FROM customers",
        "SET client_encoding = 'LATIN1' ;; SELECT email FROM customers",
        "SET client_encoding = 'SJIS' ;; SELECT ssn, bio FROM customers",
        "SET client_encoding = 'UTF8' ;; SET NAMES 'WIN1252' ;; SELECT ssn FROM customers",
        "SET DateStyle = 'German' ;; SELECT born, seen FROM customers",
        "SET DateStyle = 'SQL, DMY' ;; SELECT born, seen FROM customers",
        "SET DateStyle = 'Postgres, MDY' ;; SELECT born, seen FROM customers",
        "SET TimeZone = 'Asia/Kathmandu' ;; SELECT seen FROM customers",
        "SET bytea_output = 'escape' ;; SELECT blob FROM customers",
        "SET xmlbinary = 'hex' ;; SELECT xmlforest(blob) FROM customers",
        "SET extra_float_digits = 3 ;; SELECT salary::float8 FROM customers",
        "SET IntervalStyle = 'iso_8601' ;; SELECT age(born), born FROM customers",
        "SET search_path = '' ;; SELECT email FROM public.customers",
        "SET search_path = pg_catalog, public ;; SELECT email FROM customers",
        "SET array_nulls = off ;; SELECT tags FROM customers",
        "SET lc_monetary = 'C' ;; SELECT salary::money FROM customers",
        "SET plan_cache_mode = force_generic_plan ;; PREPARE p (int) AS SELECT ssn FROM customers WHERE id = $1 ;; EXECUTE p (1)",
        "SET debug_print_plan = on ;; SET client_min_messages = 'log' ;; SELECT id FROM customers WHERE id = 1 AND ssn = ssn",
        "SET log_executor_stats = on ;; SET client_min_messages = 'log' ;; SELECT email FROM customers",
        "SET ROLE postgres ;; SELECT email FROM customers",
        "SET SESSION AUTHORIZATION postgres ;; SELECT ssn FROM customers",
        "SET row_security = off ;; SELECT email FROM customers",
        "SET transform_null_equals = on ;; SELECT id FROM maybe WHERE secret = NULL",
        "SET my.value = 'x' ;; SELECT set_config('my.value', (SELECT email FROM customers WHERE id = 1), false) ;; SELECT current_setting('my.value') ;; SHOW my.value",
        "SELECT set_config('my.other', ssn, false) FROM customers ;; SHOW my.other ;; SELECT setting FROM pg_settings WHERE name = 'my.other'",
        "SELECT set_config('search_path', ssn, false) FROM customers WHERE id = 2 ;; SHOW search_path",
        "BEGIN ;; SELECT set_config('my.third', string_agg(ssn, ','), true) FROM customers ;; SHOW my.third ;; COMMIT",
    ])
        // Names that weir gives are others each time.
        .alone(["SET client_min_messages = 'debug5' ;; SELECT email FROM customers", "SET log_statement = 'all' ;; SET client_min_messages = 'log' ;; SELECT email FROM customers", "SELECT set_config('application_name', email, false) FROM customers WHERE id = 1 ;; SELECT application_name FROM pg_stat_activity WHERE pid = pg_backend_pid()"])
        .vary()
}
