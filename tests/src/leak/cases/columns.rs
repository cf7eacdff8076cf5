//! Columns under other names and behind other constructs: the value is shown as it is.

use super::clause::Clause;
use crate::leak::Case;

pub(super) fn cases() -> Vec<Case> {
    [plain(), joins(), subqueries(), tables_in_with(), sets(), odds()].map(Clause::cases).concat()
}

fn plain() -> Clause {
    Clause::new("columns, aliases and stars").reads([
        "SELECT email FROM customers",
        "SELECT * FROM customers",
        "TABLE customers",
        "SELECT customers.* FROM customers",
        "SELECT public.customers.email FROM public.customers",
        "SELECT c.email AS name, c.name AS email FROM customers c",
        "SELECT a, b, c, d, e FROM customers AS t (a, b, c, d, e)",
        "SELECT email, email AS again, email AS \"id\" FROM customers",
        "SELECT token FROM customers",
        "SELECT pin FROM customers",
        "SELECT code FROM customers",
        "SELECT card FROM customers",
        "SELECT born FROM customers",
        "SELECT seen FROM customers",
        "SELECT salary FROM customers",
        "SELECT notes FROM customers",
        "SELECT tags FROM customers",
        "SELECT blob FROM customers",
        "SELECT addr FROM customers",
        "SELECT bio FROM customers",
        "SELECT ssn FROM customers WHERE id = 3",
        "SELECT id, ssn FROM customers ORDER BY id DESC LIMIT 2 OFFSET 1",
        "SELECT ssn FROM customers ORDER BY id FETCH FIRST 2 ROWS WITH TIES",
        "SELECT email FROM customers FOR UPDATE",
        "SELECT email FROM ONLY customers",
        "SELECT ssn FROM customers TABLESAMPLE BERNOULLI (100)",
        "SELECT \"E-Mail\" FROM \"Odd Table\"",
        "SELECT * FROM \"Odd Table\"",
        "SELECT id, (ssn) FROM customers",
        "SELECT ALL email FROM customers",
    ])
}

fn joins() -> Clause {
    Clause::new("joins").reads([
        "SELECT c.email, o.comment FROM orders o JOIN customers c ON c.id = o.customer WHERE o.id < 4",
        "SELECT o.id, c.* FROM orders o LEFT JOIN customers c ON c.id = o.customer",
        "SELECT c.ssn FROM customers c RIGHT JOIN orders o ON o.customer = c.id",
        "SELECT c.ssn FROM customers c FULL JOIN orders o ON o.id = c.id",
        "SELECT ssn FROM customers CROSS JOIN plain LIMIT 3",
        "SELECT * FROM customers NATURAL JOIN orders",
        "SELECT * FROM customers JOIN people USING (id)",
        "SELECT j.ssn FROM (customers c JOIN plain p ON p.id = c.id) AS j",
        "SELECT a.email FROM customers a, customers b WHERE a.id = b.id + 1",
        "SELECT x.* FROM orders o, LATERAL (SELECT c.ssn, c.born FROM customers c WHERE c.id = o.customer) x LIMIT 4",
        "SELECT u.id, p.ssn FROM customers u JOIN people AS p USING (id) LIMIT 2",
    ])
}

fn subqueries() -> Clause {
    Clause::new("subqueries").reads([
        "SELECT (SELECT email FROM customers WHERE id = 1)",
        "SELECT o.id, (SELECT c.email FROM customers c WHERE c.id = o.customer) FROM orders o LIMIT 3",
        "SELECT x FROM (SELECT ssn FROM customers) AS t (x)",
        "SELECT y FROM (SELECT x FROM (SELECT email FROM customers) AS a (x)) AS b (y)",
        "SELECT ARRAY(SELECT email FROM customers)",
        "SELECT (SELECT c FROM customers c WHERE id = 2)",
        "SELECT (SELECT ROW(email, ssn) FROM customers WHERE id = 2)",
        "SELECT ((SELECT c FROM customers c WHERE id = 2)).email",
        "SELECT * FROM (VALUES ((SELECT email FROM customers WHERE id = 1)), ('other')) AS v (x)",
        "VALUES ((SELECT ssn FROM customers WHERE id = 1), (SELECT bio FROM customers WHERE id = 2))",
        "SELECT t.* FROM plain p, LATERAL (SELECT email FROM customers c WHERE c.id = p.id) t",
        "SELECT (SELECT (SELECT (SELECT ssn FROM customers WHERE id = 4)))",
        "SELECT s FROM (SELECT id, (SELECT ssn FROM people p WHERE p.id = c.id) AS s FROM customers c) x",
        "SELECT COALESCE((SELECT email FROM customers WHERE id = 5), 'none')",
        "SELECT * FROM plain p LEFT JOIN LATERAL (SELECT card FROM customers c WHERE c.id = p.id) x ON true",
        "SELECT (SELECT string_agg(x, ',') FROM (SELECT email AS x FROM customers) t)",
    ])
}

fn tables_in_with() -> Clause {
    Clause::new("WITH").reads([
        "WITH t AS (SELECT email FROM customers) SELECT * FROM t",
        "WITH t (a, b) AS (SELECT id, ssn FROM customers) SELECT b FROM t",
        "WITH t AS MATERIALIZED (SELECT * FROM customers) SELECT bio FROM t",
        "WITH t AS NOT MATERIALIZED (TABLE customers) SELECT email FROM t",
        "WITH a AS (SELECT * FROM customers), b AS (SELECT * FROM a), c AS (SELECT ssn AS x FROM b) SELECT x FROM c",
        "WITH orders AS (SELECT id, email AS comment FROM customers) SELECT comment FROM orders",
        "WITH plain AS (SELECT id, ssn AS label FROM customers) SELECT label FROM plain",
        "WITH RECURSIVE r (id, s) AS (SELECT 1, ssn FROM customers WHERE id = 1 UNION ALL SELECT r.id + 1, c.ssn FROM r JOIN customers c ON c.id = r.id + 1) SELECT s FROM r",
        "WITH RECURSIVE r (n, s) AS (SELECT 1, 'x'::text UNION ALL SELECT n + 1, (SELECT email::text FROM customers WHERE id = n) FROM r WHERE n < 4) SELECT * FROM r",
        "SELECT * FROM (WITH t AS (SELECT ssn FROM customers) SELECT * FROM t) AS x",
        "SELECT (WITH t AS (SELECT email FROM customers WHERE id = 1) SELECT email FROM t)",
        "WITH t AS (SELECT 1) SELECT email FROM customers, t",
        "WITH customers AS (SELECT * FROM customers) SELECT email FROM customers",
        "WITH RECURSIVE t AS (SELECT id, ssn, 1 AS depth FROM customers WHERE id = 1 UNION ALL SELECT c.id, c.ssn, depth + 1 FROM t JOIN customers c ON c.id = t.id + 1) SEARCH DEPTH FIRST BY id SET way SELECT ssn, way FROM t",
        "WITH RECURSIVE t (id, s) AS (SELECT id, ssn FROM customers WHERE id = 1 UNION ALL SELECT c.id, c.ssn FROM t JOIN customers c ON c.id = t.id + 1) CYCLE id SET looped USING path SELECT s, path FROM t",
    ])
}

fn sets() -> Clause {
    Clause::new("UNION, INTERSECT, EXCEPT and VALUES").reads([
        "SELECT name FROM customers UNION ALL SELECT email FROM customers",
        "SELECT email FROM customers UNION ALL SELECT name FROM customers",
        "SELECT id, comment FROM orders WHERE id < 3 UNION ALL SELECT id, bio FROM customers",
        "SELECT label FROM plain UNION ALL (SELECT ssn FROM customers UNION ALL SELECT 'x')",
        "SELECT NULL UNION ALL SELECT email FROM customers",
        "(SELECT ssn FROM customers LIMIT 1) UNION ALL (SELECT ssn FROM people LIMIT 1)",
        "SELECT email FROM customers UNION SELECT name FROM customers",
        "SELECT email FROM customers INTERSECT SELECT email FROM logins",
        "SELECT email FROM customers EXCEPT SELECT name FROM customers",
        "SELECT email FROM customers INTERSECT ALL SELECT email FROM mails",
        "SELECT x FROM (SELECT ssn AS x FROM people UNION ALL SELECT label FROM plain) u",
        "SELECT n.x FROM (VALUES (1), (2)) AS n (x) UNION ALL SELECT pin FROM customers",
    ])
}

fn odds() -> Clause {
    Clause::new("other shapes of a SELECT").reads([
        "SELECT email FROM customers WINDOW w AS (ORDER BY id)",
        "SELECT id, email FROM customers GROUP BY id",
        "SELECT id, email, count(*) FROM customers GROUP BY id, email",
        "SELECT c.id, c.email FROM customers c JOIN orders o ON o.customer = c.id GROUP BY c.id",
        "SELECT id, ssn, count(*) FROM customers GROUP BY GROUPING SETS ((id, ssn), ())",
        "SELECT id, ssn, count(*) FROM customers GROUP BY ROLLUP (id, ssn)",
        "SELECT id, ssn FROM customers GROUP BY CUBE (id, ssn)",
        "SELECT DISTINCT ON (id) email FROM customers",
        "SELECT DISTINCT id, email FROM customers",
        "SELECT max(email) FILTER (WHERE id > 2) FROM customers",
        "SELECT string_agg(ssn, ',') FILTER (WHERE id < 3) FROM customers",
        "SELECT email FROM customers, generate_series(1, 2)",
        "SELECT f.* FROM customers c, ROWS FROM (unnest(ARRAY[c.email]), unnest(ARRAY[c.ssn])) AS f (a, b)",
        "SELECT u FROM customers c, unnest(c.tags) AS u",
        "SELECT u, n FROM customers c, unnest(c.tags) WITH ORDINALITY AS t (u, n)",
        "SELECT k.* FROM customers c, jsonb_each_text(c.notes) k",
        "SELECT r.* FROM customers c, jsonb_to_record(c.notes) AS r (note text, n bigint)",
        "SELECT x.* FROM customers c, LATERAL (SELECT c.email) x",
        "SELECT (c).email FROM customers c",
        "SELECT (c).* FROM customers c",
        "SELECT c FROM customers c",
        "SELECT customers FROM customers",
        "SELECT c.*::text FROM customers c",
        "SELECT c::text FROM customers c",
        "SELECT ROW(c.*) FROM customers c",
        "SELECT ROW(c.email, 1) FROM customers c",
        "SELECT (ROW(c.email, c.ssn)::text) FROM customers c",
        "SELECT ssn(c) FROM customers c",
        "SELECT c.mail_of FROM customers c",
    ])
}
