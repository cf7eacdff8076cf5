//! Harmless statements: what they bring is the same as without weir, to the byte.

use super::clause::Clause;
use crate::leak::Case;

pub(super) fn cases() -> Vec<Case> {
    [columns(), plain(), functions(), shapes(), catalogs()].map(Clause::cases).concat()
}

fn columns() -> Clause {
    Clause::harmless("unclassed columns of classed tables").reads([
        "SELECT id, name, city FROM customers ORDER BY id",
        "SELECT name FROM customers WHERE id = 3",
        "SELECT count(*) FROM customers",
        "SELECT city, count(*), max(name) FROM customers GROUP BY city ORDER BY city",
        "SELECT c.name, o.total FROM customers c JOIN orders o ON o.customer = c.id ORDER BY o.id",
        "SELECT name FROM customers c WHERE EXISTS (SELECT FROM orders o WHERE o.customer = c.id AND o.total > 150) ORDER BY id",
        "SELECT upper(name), length(city), id * 2 FROM customers ORDER BY 1",
        "SELECT id, name FROM contacts ORDER BY id",
        "SELECT id FROM contact_list ORDER BY id",
        "SELECT comment FROM wide ORDER BY comment",
        "SELECT kind FROM both_kinds ORDER BY kind",
        "SELECT id FROM people ORDER BY id",
        "SELECT id, desk FROM staff ORDER BY desk",
        "SELECT \"select\" FROM \"Odd Table\" ORDER BY id",
        "SELECT id, at FROM logins ORDER BY id",
        "SELECT row_number() OVER (ORDER BY name), lag(city) OVER (ORDER BY id) FROM customers",
        "SELECT CASE WHEN id > 2 THEN name ELSE city END FROM customers ORDER BY id",
        "SELECT json_build_object('n', name, 'c', city) FROM customers ORDER BY id",
        "WITH t AS (SELECT id, name FROM customers) SELECT name FROM t WHERE id < 3 ORDER BY id",
        "SELECT x.name FROM (SELECT * FROM customers) x WHERE x.city = 'Lund' ORDER BY 1",
        "SELECT name FROM everything WHERE id IN (1, 2) ORDER BY id",
        "SELECT id FROM mails ORDER BY id",
        "EXPLAIN (COSTS OFF) SELECT name FROM customers",
        "SELECT 1 FROM customers WHERE name LIKE 'Customer%' ORDER BY city DESC, id LIMIT 2 OFFSET 1",
    ])
}

fn plain() -> Clause {
    Clause::harmless("unclassed tables").reads([
        "SELECT * FROM plain ORDER BY id",
        "TABLE orders",
        "SELECT label FROM labels WHERE id BETWEEN 2 AND 5 ORDER BY label DESC",
        "SELECT p.*, o.comment FROM plain p LEFT JOIN orders o USING (id) ORDER BY p.id",
        "SELECT sum(total), avg(total), min(placed), max(comment) FROM orders",
        "SELECT customer, total FROM totals ORDER BY customer",
        "SELECT data ->> 'n', data #>> '{list,1}', data['list'] FROM plain ORDER BY id",
        "SELECT parts[1], unnest(parts) FROM plain ORDER BY id, 2",
        "SELECT encode(raw, 'hex'), md5(raw), get_byte(raw, 0) FROM plain ORDER BY id",
        "SELECT row_to_json(p) FROM plain p ORDER BY id",
        "SELECT p FROM plain p ORDER BY id LIMIT 3",
        "SELECT (p).label, (p).* FROM plain p ORDER BY id LIMIT 2",
        "SELECT array_agg(label ORDER BY id), string_agg(label, ',' ORDER BY id) FROM plain",
        "SELECT jsonb_agg(data ORDER BY id) FROM plain",
        "SELECT label, count(*) OVER (PARTITION BY amount > 5), ntile(3) OVER (ORDER BY id) FROM plain ORDER BY id",
        "SELECT label FROM plain UNION SELECT comment FROM orders ORDER BY 1",
        "SELECT id FROM plain INTERSECT SELECT id FROM orders EXCEPT SELECT 3 ORDER BY 1",
        "SELECT customer, count(*) FROM orders GROUP BY GROUPING SETS ((customer), ()) ORDER BY 1",
        "SELECT DISTINCT ON (customer) customer, total FROM orders ORDER BY customer, total DESC",
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT n, label FROM r JOIN plain ON plain.id = n ORDER BY n",
        "SELECT p.id, x.total FROM plain p, LATERAL (SELECT total FROM orders o WHERE o.id = p.id) x ORDER BY p.id",
        "SELECT amount::int, made::date, data::text, id::text FROM plain ORDER BY id",
        "SELECT id FROM plain WHERE label ~ '1' AND amount BETWEEN 1 AND 20 AND data @> '{\"n\": 10}'",
        "SELECT xmlelement(name p, label), xmlforest(id, amount) FROM plain ORDER BY id LIMIT 2",
        "SELECT COALESCE(label, 'x'), NULLIF(id, 1), GREATEST(id, 5) FROM plain ORDER BY id",
        "SELECT mode() WITHIN GROUP (ORDER BY customer), percentile_cont(0.5) WITHIN GROUP (ORDER BY total) FROM orders",
        "SELECT * FROM plain TABLESAMPLE SYSTEM (100) ORDER BY id FOR SHARE",
    ])
}

fn functions() -> Clause {
    Clause::harmless("functions and literals").reads([
        "SELECT 1",
        "SELECT 'email', 'ssn' AS email",
        "SELECT NULL, true, 1.5, 'x'::text, ARRAY[1, 2], '{\"a\": 1}'::jsonb, now() IS NULL",
        "SELECT version()",
        "SELECT current_user, session_user, current_schema(), current_setting('server_version')",
        "SELECT upper('abc'), substr('abcdef', 2, 3), format('%s-%s', 1, 2), md5('x'), encode('x', 'base64')",
        "SELECT date '2024-02-29' + 1, extract(year FROM timestamp '2024-01-01'), age(date '2024-01-01', date '2023-01-01')",
        "SELECT * FROM generate_series(1, 10) n",
        "SELECT regexp_replace('abc', 'b', 'x'), 'abc' LIKE 'a%', 'abc' ~ '^a', regexp_split_to_array('a,b', ',')",
        "SELECT jsonb_build_object('a', 1), jsonb_path_query('{\"a\": [1, 2]}', '$.a[*]'), '{\"b\": 2}'::jsonb ->> 'b'",
        "SELECT int4range(1, 5), tstzrange('2024-01-01', NULL), '10.0.0.1'::inet, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid",
        "VALUES (1, 'a'), (2, 'b')",
        "SELECT (VALUES (1)), (SELECT 2), ARRAY(SELECT n FROM generate_series(1, 3) n), EXISTS (SELECT 1)",
        "SELECT email FROM (VALUES ('not@one.example')) AS v (email) WHERE email LIKE 'not%' ORDER BY email",
        "WITH customers AS (SELECT 'mine' AS email) SELECT email FROM customers WHERE email = 'mine'",
        "SELECT 'SELECT email FROM customers WHERE ssn = 1'",
        "SELECT pg_sleep(0), txid_current_if_assigned() IS NULL, pg_backend_pid() > 0, pg_is_in_recovery()",
        "SELECT CASE WHEN 1 > 2 THEN 'x' ELSE 'y' END, 7 / 2, 7 % 2, 2 ^ 10, |/ 25.0",
        "SELECT to_char(1234.5, '9999.99'), to_date('2024', 'YYYY'), to_number('12', '99'), '12'::int, '1 day'::interval",
        "SELECT U&'d\\0061ta', E'a\\tb', $q$quoted$q$, B'101', X'ff'",
    ])
}

/// The server's own errors about what is unclassed come as they are, with all that they say.
fn shapes() -> Clause {
    Clause::harmless("errors about what is unclassed").reads([
        "SELECT 1 / 0",
        "SELECT 'abc'::int",
        "SELECT label::int FROM plain ORDER BY id",
        "SELECT nothing FROM plain",
        "SELECT FROM nowhere",
        "INSERT INTO plain (id, label) VALUES (1, 'again')",
        "UPDATE orders SET customer = 999 WHERE id = 1",
        "INSERT INTO orders (id, customer) VALUES (1, 1)",
        "SELECT 'x' ~ '('",
        "SELECT no_such_function(1)",
        "SELECT sqrt(-1)",
    ])
}

fn catalogs() -> Clause {
    Clause::harmless("catalogs")
        .reads([
            "SELECT relname, relkind FROM pg_class WHERE relname IN ('customers', 'orders') ORDER BY 1",
            "SELECT attname, atttypid::regtype, attnotnull FROM pg_attribute WHERE attrelid = 'customers'::regclass AND attnum > 0 ORDER BY attnum",
            "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_name = 'customers' ORDER BY ordinal_position",
            "SELECT conname, contype, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'customers'::regclass ORDER BY 1",
            "SELECT indexrelid::regclass, pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 'customers'::regclass ORDER BY 1",
            "SELECT typname, typlen FROM pg_type WHERE typname IN ('text', 'int4') ORDER BY 1",
            "SELECT nspname FROM pg_namespace WHERE nspname = 'public'",
            "SELECT proname, pronargs FROM pg_proc WHERE proname = 'get_ssn'",
            "SELECT pg_get_viewdef('labels'::regclass), pg_get_functiondef('shout(text)'::regprocedure)",
            "SELECT viewname, definition FROM pg_views WHERE viewname = 'labels'",
            "SELECT name, setting FROM pg_settings WHERE name IN ('max_connections', 'server_version') ORDER BY 1",
            "SELECT datname, datallowconn FROM pg_database WHERE datname = 'app'",
            "SELECT rolname, rolsuper FROM pg_roles WHERE rolname = 'app'",
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1",
            "SELECT t.oid::regtype, t.typelem, t.typdelim FROM pg_type t WHERE t.typname = '_text'",
            "SELECT obj_description('plain'::regclass), col_description('plain'::regclass, 1), to_regclass('plain')",
            "SELECT schemaname, tablename, tableowner FROM pg_tables WHERE tablename = 'plain'",
            "SELECT extname FROM pg_extension ORDER BY 1",
            "SELECT has_table_privilege('plain', 'select'), pg_table_is_visible('plain'::regclass)",
            "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relname = 'orders' AND a.attnum > 0 ORDER BY a.attnum",
        ])
}
