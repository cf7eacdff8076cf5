//! Values that decide something: which rows come, in which order, how many, or whether there is an error.

use super::clause::Clause;
use crate::leak::{Case, State};

/// The state whose values are guessed.
const ADA: State = State::Ada;

pub(super) fn cases() -> Vec<Case> {
    [comparisons(), orders(), groups(), joins(), nulls(), failures(), probes()].map(Clause::cases).concat()
}

fn guess(of: impl Fn(State, u64) -> String, letters: usize) -> String {
    of(ADA, 1).chars().take(letters).collect()
}

fn comparisons() -> Clause {
    let (email, ssn) = (ADA.email(1), ADA.ssn("customers", 1));
    let (start, born, pin, salary) = (guess(State::email, 3), ADA.born(1), ADA.pin(1), ADA.salary(1));
    let (token, card, seen, addr) = (ADA.token(1), ADA.digits("card", 1, 16), ADA.seen(1), ADA.addr(1));
    Clause::new("conditions on values").reads([
        format!("SELECT id FROM customers WHERE email = '{email}'"),
        format!("SELECT count(*) FROM customers WHERE email LIKE '{start}%'"),
        format!("SELECT id FROM customers WHERE email ~ '^{start}'"),
        format!("SELECT id FROM customers WHERE starts_with(email, '{start}')"),
        format!("SELECT id FROM customers WHERE email ^@ '{start}'"),
        format!("SELECT name FROM customers WHERE ssn IN ('{ssn}', 'x')"),
        format!("SELECT name FROM customers WHERE '{ssn}' = ANY (ARRAY[ssn])"),
        format!("SELECT id FROM customers WHERE born BETWEEN '{born}' AND '{born}'"),
        format!("SELECT id FROM customers WHERE pin = {pin}"),
        format!("SELECT id FROM customers WHERE salary > {salary} - 1 AND salary < {salary} + 1"),
        format!("SELECT id FROM customers WHERE token = '{token}'"),
        format!("SELECT id FROM customers WHERE card = '{card}'"),
        format!("SELECT id FROM customers WHERE seen = '{seen}'"),
        format!("SELECT id FROM customers WHERE addr <<= '{addr}'"),
        format!("SELECT id FROM customers WHERE (id, email) = (1, '{email}')"),
        format!("SELECT id FROM customers WHERE NOT (email <> '{email}')"),
        format!("SELECT id FROM customers c WHERE c.email IS NOT DISTINCT FROM '{email}'"),
        format!("SELECT id FROM customers WHERE lower(email) = '{email}'"),
        format!("SELECT id FROM customers WHERE md5(email) = md5('{email}')"),
        format!("SELECT id FROM contact_list WHERE address = '{email}'"),
        format!("SELECT count(*) FROM customers WHERE email = '{email}' OR false"),
        format!("SELECT 1 WHERE EXISTS (SELECT FROM customers WHERE email = '{email}')"),
        format!("SELECT EXISTS (SELECT 1 FROM customers WHERE ssn = '{ssn}')"),
        format!("SELECT '{email}' IN (SELECT email FROM customers)"),
        format!("SELECT id FROM plain WHERE '{email}' IN (SELECT email FROM customers) AND id = 1"),
        format!("SELECT '{ssn}' = ANY (SELECT ssn FROM customers), '{ssn}' = ALL (SELECT ssn FROM customers)"),
        format!("SELECT id FROM orders o WHERE EXISTS (SELECT FROM customers c WHERE c.id = o.customer AND c.ssn = '{ssn}') ORDER BY 1"),
        format!("SELECT id FROM plain WHERE id = (SELECT id FROM customers WHERE email = '{email}')"),
        format!("SELECT (SELECT name FROM customers WHERE email = '{email}')"),
        format!("WITH t AS (SELECT id FROM customers WHERE pin = {pin}) SELECT * FROM t"),
        format!("SELECT count(*) FROM (SELECT id FROM customers WHERE ssn = '{ssn}') x"),
        format!("SELECT id FROM everything e WHERE e::text LIKE '%{start}%'"),
        format!("SELECT id FROM customers c WHERE c::text LIKE '%{start}%'"),
        format!("SELECT id FROM customers c WHERE to_jsonb(c) ->> 'email' = '{email}'"),
        format!("SELECT id FROM customers WHERE notes ->> 'note' = '{}'", ADA.letters("notes", 1)),
        format!("SELECT id FROM customers WHERE notes @> '{{\"note\": \"{}\"}}'", ADA.letters("notes", 1)),
        format!("SELECT id FROM customers WHERE '{}' = ANY (tags)", ADA.letters("tags", 1)),
        format!("SELECT id FROM customers WHERE bio LIKE '%{}%'", ADA.letters("bio", 1)),
        format!("SELECT id FROM customers WHERE blob = '{}'", ADA.letters("blob", 1)),
        format!("SELECT name FROM customers GROUP BY name HAVING min(email) = '{email}'"),
        format!("SELECT 1 FROM customers HAVING bool_or(email = '{email}')"),
        format!("SELECT id FROM customers c WHERE c = (SELECT d FROM customers d WHERE d.email = '{email}')"),
        format!("SELECT id FROM customers WHERE get_ssn(id) = '{ssn}'"),
        format!("SELECT id FROM customers WHERE email < '{start}' COLLATE \"C\" OR id = 0"),
        format!("DELETE FROM plain WHERE false AND EXISTS (SELECT FROM customers WHERE email = '{email}') RETURNING (SELECT email FROM customers WHERE id = 1)"),
    ])
    .unshown()
}

fn orders() -> Clause {
    Clause::new("sorting by values").reads([
        "SELECT id FROM customers ORDER BY email",
        "SELECT id, ssn FROM customers ORDER BY 2",
        "SELECT id, ssn AS s FROM customers ORDER BY s DESC",
        "SELECT id FROM customers ORDER BY lower(email)",
        "SELECT id FROM customers ORDER BY salary USING <",
        "SELECT id FROM customers ORDER BY (SELECT ssn FROM people p WHERE p.id = customers.id)",
        "SELECT id FROM customers ORDER BY born NULLS FIRST LIMIT 1",
        "SELECT id FROM (SELECT id FROM customers ORDER BY pin) x",
        "SELECT array_agg(id ORDER BY email) FROM customers",
        "SELECT string_agg(name, ',' ORDER BY ssn) FROM customers",
        "SELECT id FROM customers c ORDER BY c",
        "SELECT id FROM customers ORDER BY ROW(email)",
        "SELECT id FROM customers ORDER BY email LIKE 'c%', id",
        "SELECT id FROM customers ORDER BY CASE WHEN pin > 1300000000 THEN 1 ELSE 2 END, id",
        "SELECT first_value(id) OVER (ORDER BY email) FROM customers",
        "SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY pin) FROM customers",
        "SELECT id FROM contact_list ORDER BY address",
        "SELECT id FROM customers ORDER BY id LIMIT (SELECT pin / 400000000 FROM customers WHERE id = 1)",
        "SELECT id FROM customers ORDER BY id OFFSET (SELECT length(email) - 32 FROM customers WHERE id = 1)",
        "SELECT id FROM customers ORDER BY get_ssn(id)",
        "SELECT id FROM customers UNION ALL SELECT 0 ORDER BY 1 LIMIT (SELECT length(ssn) - 14 FROM customers WHERE id = 1)",
        "(SELECT id, email FROM customers) ORDER BY email",
        "VALUES (1, (SELECT email FROM customers WHERE id = 1)), (2, (SELECT email FROM customers WHERE id = 2)) ORDER BY 2",
    ])
}

fn groups() -> Clause {
    Clause::new("grouping by values")
        .reads([
            "SELECT count(*) FROM maybe GROUP BY secret",
            "SELECT DISTINCT secret FROM maybe WHERE id IN (1, 3)",
            "SELECT DISTINCT ON (secret) id FROM maybe WHERE id IN (1, 2, 3)",
            "SELECT min(id) FROM customers GROUP BY left(email, 1) ORDER BY 1",
            "SELECT city, count(DISTINCT wage) FROM customers JOIN maybe USING (id) GROUP BY city ORDER BY 1",
            "SELECT max(id) FROM customers GROUP BY pin > 1300000000 ORDER BY 1",
            "SELECT count(*) FROM customers GROUP BY ROLLUP (born > '1945-01-01')",
            "SELECT id, count(*) OVER (PARTITION BY wage) FROM maybe ORDER BY id",
            "SELECT secret FROM maybe WHERE id = 1 UNION SELECT NULL",
            "SELECT id FROM maybe WHERE id < 3 INTERSECT SELECT length(secret) - 3 FROM maybe",
            "SELECT id FROM maybe EXCEPT SELECT wage - 6 FROM maybe",
            "WITH RECURSIVE t AS (SELECT secret FROM maybe UNION SELECT secret FROM t) SELECT count(*) FROM t",
            "SELECT min(id) FROM customers GROUP BY length(email) > 28 ORDER BY 1",
            "SELECT count(*) FROM (SELECT DISTINCT secret FROM maybe WHERE id IN (1, 3)) x",
        ])
        .unshown()
}

fn joins() -> Clause {
    let email = ADA.email(1);
    Clause::new("joining by values").reads([
        format!("SELECT c.id FROM customers c JOIN (VALUES ('{email}')) v (e) ON c.email = v.e"),
        format!("SELECT c.id FROM customers c JOIN (SELECT '{email}'::varchar AS email) v USING (email)"),
        format!("SELECT c.id FROM customers c NATURAL JOIN (SELECT '{email}'::varchar AS email) v"),
        format!("SELECT c.id, v.n FROM customers c LEFT JOIN (VALUES ('{email}', 1)) v (e, n) ON c.email = v.e ORDER BY 1"),
        format!("SELECT p.id FROM plain p JOIN customers c ON c.id = p.id AND c.email >= '{email}' ORDER BY 1"),
        "SELECT p.id FROM plain p JOIN customers c ON p.id = (c.pin / 150000000) ORDER BY 1".to_owned(),
        "SELECT a.id, b.id FROM customers a JOIN customers b ON a.ssn < b.ssn ORDER BY 1, 2".to_owned(),
        "SELECT p.id FROM plain p JOIN maybe m ON m.wage = 7 AND m.id = p.id ORDER BY 1".to_owned(),
        "SELECT p.id FROM plain p, LATERAL (SELECT 1 FROM maybe m WHERE m.id = p.id AND m.secret = 'same') x ORDER BY 1".to_owned(),
        format!("SELECT id FROM plain p LEFT JOIN LATERAL (SELECT 1 AS hit FROM customers c WHERE c.email = '{email}') x ON true WHERE hit = 1 AND id = 1"),
    ])
    .unshown()
}

fn nulls() -> Clause {
    Clause::new("whether there is a value").reads([
        "SELECT id FROM maybe WHERE secret IS NULL ORDER BY id",
        "SELECT id FROM maybe WHERE wage IS NOT NULL ORDER BY id",
        "SELECT id, secret IS NULL FROM maybe ORDER BY id",
        "SELECT id, COALESCE(secret, 'gone') FROM maybe ORDER BY id",
        "SELECT count(secret) FROM maybe WHERE id < 2",
        "SELECT count(*) FROM maybe WHERE secret = secret AND id = 1",
        "SELECT id, num_nonnulls(secret) FROM maybe",
        "SELECT id FROM maybe m WHERE m IS NOT NULL ORDER BY id",
        "SELECT id FROM maybe ORDER BY secret NULLS FIRST, id",
        "SELECT max(id) FILTER (WHERE secret IS NOT NULL) FROM maybe",
        "SELECT id, CASE WHEN secret IS NULL THEN 'a' ELSE 'b' END FROM maybe",
        "SELECT id, (secret || 'x') IS NULL FROM maybe",
        "SELECT row_to_json(m)::text LIKE '%null%' FROM maybe m",
    ])
}

fn failures() -> Clause {
    let email = ADA.email(1);
    Clause::new("errors that come of a value")
        .reads([
            "SELECT 1 / (length(ssn) - 17) FROM customers WHERE id = 1".to_owned(),
            "SELECT ssn::int FROM customers WHERE id = 1".to_owned(),
            "SELECT 1 / (CASE WHEN ssn > 'm' THEN 0 ELSE 1 END) FROM customers ORDER BY id".to_owned(),
            format!("SELECT 1 / (SELECT count(*) - 1 FROM customers WHERE email = '{email}')"),
            "SELECT 10 / (wage - 7) FROM maybe WHERE id = 1".to_owned(),
            "SELECT pin * 2 FROM customers WHERE id < 2".to_owned(),
            "SELECT sqrt(1500000000 - pin) FROM customers WHERE id = 1".to_owned(),
            "SELECT repeat('x', CASE WHEN pin > 1500000000 THEN 2000000000 ELSE 1 END) FROM customers WHERE id = 1".to_owned(),
            "SELECT (SELECT id FROM plain WHERE id <= length(c.email) - 31) FROM customers c WHERE id = 1".to_owned(),
            "SELECT set_byte('\\x00', length(ssn) - 17, 1) FROM customers WHERE id = 1".to_owned(),
            "SELECT '1'::int + 1 FROM maybe WHERE id = 1 AND (secret::int > 0 OR true)".to_owned(),
            "SELECT substr('abc', 1, 17 - length(ssn)) FROM customers WHERE id = 1".to_owned(),
            "SELECT chr(CASE WHEN pin > 1500000000 THEN 0 ELSE 65 END) FROM customers WHERE id = 1".to_owned(),
            "SELECT date '2000-01-01' + CASE WHEN pin > 1500000000 THEN 2147483647 ELSE 1 END FROM customers WHERE id = 1"
                .to_owned(),
            "SELECT regexp_replace('x', left(ssn, 1) || '(', '') FROM customers WHERE id = 1".to_owned(),
            "SELECT (ARRAY[1, 2])[1:1] || array_fill(0, ARRAY[17 - length(ssn)]) FROM customers WHERE id = 1".to_owned(),
            "SELECT lag(id, 17 - length(ssn)) OVER (ORDER BY id) FROM customers ORDER BY id".to_owned(),
            "SELECT ntile(17 - length(ssn)) OVER (ORDER BY id) FROM customers".to_owned(),
            "SELECT id FROM customers LIMIT (SELECT 17 - length(ssn) FROM customers WHERE id = 1)".to_owned(),
            "SELECT setval('counter', (SELECT pin FROM customers WHERE id = 1))".to_owned(),
            "SELECT numeric '1' / NULLIF(17 - length(ssn), 5) FROM customers WHERE id = 1".to_owned(),
            "SELECT pg_sleep(0 * length(ssn)), length(ssn) FROM customers WHERE id = 1".to_owned(),
        ])
        .unshown()
}

fn probes() -> Clause {
    let (email, ssn) = (ADA.email(1), ADA.ssn("customers", 1));
    Clause::new("writes that probe").undone([
        format!("INSERT INTO customers (id, name, email) VALUES (99, 'x', '{email}')"),
        format!("INSERT INTO customers (id, name, email) VALUES (99, 'x', '{email}') ON CONFLICT DO NOTHING"),
        format!("INSERT INTO customers (id, name, email) VALUES (99, 'x', '{email}') ON CONFLICT (email) DO UPDATE SET city = 'hit' RETURNING id"),
        format!("INSERT INTO invites VALUES (1, '{email}')"),
        format!("INSERT INTO logins (id, email) VALUES (77, '{email}')"),
        format!("UPDATE invites SET address = '{email}' ;; INSERT INTO invites VALUES (2, '{email}')"),
        format!("UPDATE customers SET email = '{email}' WHERE id = 2"),
        format!("UPDATE customers SET city = 'hit' WHERE email = '{email}'"),
        format!("UPDATE customers SET city = 'hit' WHERE ssn = '{ssn}' RETURNING id"),
        format!("DELETE FROM orders USING customers c WHERE c.id = customer AND c.email = '{email}'"),
        format!("UPDATE plain SET label = 'hit' FROM customers c WHERE plain.id = c.id AND c.ssn = '{ssn}'"),
        format!("MERGE INTO plain p USING customers c ON p.id = c.id AND c.email = '{email}' WHEN MATCHED THEN UPDATE SET label = 'hit'"),
        format!("MERGE INTO customers c USING (VALUES ('{email}')) v (e) ON c.email = v.e WHEN MATCHED THEN UPDATE SET city = 'hit'"),
        format!("DELETE FROM customers WHERE email = '{email}' AND id > 1000 OR (email = '{email}' AND false)"),
        "DELETE FROM maybe WHERE secret IS NULL".to_owned(),
        "UPDATE maybe SET id = id + 100 WHERE wage = 7 ;; SELECT id FROM maybe ORDER BY id".to_owned(),
        "ALTER TABLE customers ADD CONSTRAINT odd CHECK (pin < 1500000000 OR id > 1)".to_owned(),
        format!("ALTER TABLE customers ADD CHECK (email <> '{email}')"),
        "ALTER TABLE maybe ALTER secret SET NOT NULL".to_owned(),
        "ALTER TABLE maybe ADD EXCLUDE USING btree (secret WITH =)".to_owned(),
        "CREATE UNIQUE INDEX ON maybe ((secret IS NULL))".to_owned(),
        "CREATE INDEX ON customers ((1 / (CASE WHEN pin > 1500000000 AND id = 1 THEN 0 ELSE 1 END)))".to_owned(),
        format!("CREATE INDEX ON customers (id) WHERE 1 / (CASE WHEN email = '{email}' THEN 0 ELSE 1 END) = 1"),
        "ALTER TABLE bare ALTER ssn TYPE varchar(18)".to_owned(),
        "ALTER TABLE bare ALTER ssn TYPE int USING length(ssn) / (length(ssn) - 17)".to_owned(),
        "CREATE DOMAIN upto AS text CHECK (VALUE < 'm') ;; ALTER TABLE bare ALTER ssn TYPE upto".to_owned(),
        "ALTER TABLE customers ADD COLUMN copied int GENERATED ALWAYS AS (10 / (length(ssn) - 17)) STORED".to_owned(),
        "CREATE TABLE bybare (LIKE bare) PARTITION BY RANGE (ssn) ;; ALTER TABLE bybare ATTACH PARTITION bare FOR VALUES FROM ('a') TO ('m')".to_owned(),
        "CREATE TABLE bysecret (id int, secret text, wage int) PARTITION BY LIST (secret) ;; CREATE TABLE rest PARTITION OF bysecret DEFAULT ;; ALTER TABLE bysecret ATTACH PARTITION maybe FOR VALUES IN ('same')".to_owned(),
        "SELECT id FROM maybe WHERE wage = 7 FOR UPDATE".to_owned(),
        "DECLARE c CURSOR FOR SELECT id FROM customers ORDER BY email ;; FETCH 1 FROM c".to_owned(),
        "DECLARE c CURSOR FOR SELECT id FROM maybe WHERE wage = 7 FOR UPDATE ;; FETCH 1 FROM c ;; UPDATE maybe SET id = 50 WHERE CURRENT OF c ;; SELECT id FROM maybe ORDER BY 1".to_owned(),
    ])
    .unshown()
}
