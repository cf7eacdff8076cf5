//! No value of a class reaches a job without `reveal`, and what has no class is as it was.

use weir_tests::classed::{CANARY, CLASSES, HIDING, SHOWING, gateway, server};
use weir_tests::records::in_the_clear;
use weir_tests::{Outcome, Weir, python_with_psycopg};

/// What psql answers to each of `statements`, in one session. They come from a file: the arguments of a job's
/// program are in its record.
fn psql(weir: &Weir, statements: &[&str]) -> Outcome {
    let text: String = statements.iter().flat_map(|statement| [statement, ";\n"]).collect();
    let file = weir.script("statements.sql", &text);
    weir.run(&["psql", "-X", "-q", "-A", "-t", "-v", "VERBOSITY=verbose", "-f", file.to_str().expect("a UTF-8 path")])
}

fn one(weir: &Weir, statement: &str) -> String {
    psql(weir, &[statement]).expect_success().stdout.trim_end().to_owned()
}

#[track_caller]
fn is_refused(weir: &Weir, statement: &str, words: &str) {
    let outcome = psql(weir, &[statement]);
    assert!(outcome.stderr.contains("42501") && outcome.stderr.contains(words), "{statement}: {outcome:?}");
    assert!(!told(&outcome), "{statement}: {outcome:?}");
}

fn told(outcome: &Outcome) -> bool {
    [&outcome.stdout, &outcome.stderr]
        .into_iter()
        .any(|text| text.contains(CANARY) || text.contains("078-05") || text.contains("9001"))
}

/// Every byte of the records, as `weir session show` and the files have them.
fn records(weir: &Weir) -> String {
    let mut all = String::new();
    for session in weir.sessions() {
        let id = session["session"].as_str().expect("an id is text").to_owned();
        let shown = weir.cli(&["session", "show", &id, "--format", "json"]);
        all.push_str(&shown.stdout);
    }
    all.push_str(&String::from_utf8_lossy(&in_the_clear(&weir.directory().join("state"))));
    all
}

#[test]
fn a_classed_column_is_shown_as_its_class_says_under_whatever_name() {
    let server = server();
    let weir = gateway(&server).build();
    let masked = one(&weir, "SELECT email FROM customers WHERE id = 1");
    assert!(masked.contains('@') && !masked.contains(CANARY) && masked.len() <= 60, "{masked}");
    for same in [
        "SELECT c.email AS x FROM customers c WHERE c.id = 1",
        "SELECT x FROM (SELECT id, email FROM customers) AS t (i, x) WHERE i = 1",
        "WITH t AS (SELECT * FROM customers) SELECT email FROM t WHERE id = 1",
        "SELECT address FROM contact_list WHERE id = 1",
        "SELECT email FROM contacts JOIN orders ON orders.customer = contacts.id WHERE orders.id = 5 LIMIT 1",
    ] {
        assert_eq!(one(&weir, same), masked, "{same}");
    }
    assert_eq!(
        one(&weir, "SELECT ssn, born, salary, notes, tags FROM customers WHERE id = 1"),
        "*******1120|1981-01-01||\"[masked]\"|{[masked],[masked]}"
    );
    assert_eq!(one(&weir, "SELECT ssn, born FROM people"), "***********le-1|1970-01-01");
    assert_eq!(one(&weir, "SELECT ssn FROM people_low"), "***********le-1");
    assert!(!records(&weir).contains(CANARY));
}

#[test]
fn what_is_computed_from_a_class_is_hidden_as_a_whole() {
    let server = server();
    let weir = gateway(&server).build();
    for (statement, shown) in [
        ("SELECT lower(email), length(email), email || '!' FROM customers WHERE id = 1", "[masked]||[masked]"),
        ("SELECT mail FROM contacts WHERE id = 1", "[masked]"),
        ("SELECT row_to_json(c) FROM customers c WHERE id = 1", "\"[masked]\""),
        ("SELECT c FROM customers c WHERE id = 1", ""),
        ("SELECT max(ssn), count(ssn), count(*) FROM customers", "[masked]||5"),
        ("SELECT string_agg(email, ',') FROM customers", "[masked]"),
        ("SELECT get_ssn(1)", "[masked]"),
        ("SELECT loud FROM customers WHERE id = 1", "[masked]"),
        ("SELECT email FROM customers WHERE id = 1 UNION ALL SELECT name FROM customers WHERE id = 2", "[masked]\n[masked]"),
    ] {
        let outcome = psql(&weir, &[statement]).expect_success();
        assert!(!told(&outcome), "{statement}: {outcome:?}");
        assert_eq!(outcome.stdout.trim_end(), shown, "{statement}");
    }
}

#[test]
fn free_text_keeps_all_but_what_detectors_find() {
    let server = server();
    let weir = gateway(&server).build();
    assert_eq!(one(&weir, "SELECT body, data FROM tickets"), "write to [email] today|{\"n\": 7, \"from\": \"[email]\"}");
    is_refused(&weir, "SELECT id FROM tickets WHERE body LIKE '%ada%'", "tickets.body");
}

#[test]
fn columns_without_a_class_are_looked_through_where_a_target_says_so() {
    let server = server();
    let gateway = || {
        let gateway = Weir::for_server(&server).catalog(&server.superuser_secret());
        gateway.extra("\n[masking.detect]\nunclassed = [\"db\"]\n")
    };
    let weir = gateway().build();
    for (statement, expected) in [
        ("SELECT id, email FROM customers WHERE email LIKE 'canary1%'", "1|[email]"),
        ("SELECT upper(body), data FROM tickets", "WRITE TO [email] TODAY|{\"n\": 7, \"from\": \"[email]\"}"),
        ("COPY tickets TO STDOUT", "1\twrite to [email] today\t{\"n\": 7, \"from\": \"[email]\"}"),
        ("COPY (SELECT id, 'to ' || email FROM customers WHERE id = 2) TO STDOUT (FORMAT csv)", "2,to [email]"),
        ("SELECT max(total), count(*), 'order 20' FROM orders", "200|20|order 20"),
        ("PREPARE p AS SELECT body FROM tickets; EXECUTE p", "write to [email] today"),
        ("SELECT 'ada@' || 'acme.example'", "[email]"),
    ] {
        assert_eq!(one(&weir, statement), expected, "{statement}");
    }
    let record = records(&weir);
    assert!(record.contains(r#""found":[{"#) && record.contains(r#""rule":"email""#), "{record}");
    assert!(!record.contains("@secret.example") && record.contains("order 20"), "{record}");
    let policy = r#"@id("allow-all") permit (principal, action, resource);
@id("sees-text") permit (principal, action == Action::"reveal", resource == Class::"unclassed");"#;
    let weir = gateway().policy(policy).build();
    assert_eq!(one(&weir, "SELECT email FROM customers WHERE id = 1"), "canary1@secret.example");
}

#[test]
fn what_has_no_class_is_as_it_was() {
    let server = server();
    let weir = gateway(&server).build();
    for statement in [
        "SELECT id, name FROM customers ORDER BY id",
        "SELECT * FROM orders ORDER BY id",
        "SELECT name, count(*) FROM customers JOIN orders ON orders.customer = customers.id GROUP BY name ORDER BY 1",
        "SELECT sum(total) FROM orders WHERE comment LIKE 'order 1%'",
        "SELECT version()",
        "SELECT relname FROM pg_class WHERE relname = 'orders'",
        "EXPLAIN (COSTS OFF) SELECT name FROM customers WHERE id = 1",
    ] {
        let direct = server.psql("app").args(["-c", statement]).output().expect("psql starts");
        assert_eq!(one(&weir, statement), String::from_utf8_lossy(&direct.stdout).trim_end(), "{statement}");
    }
}

#[test]
fn a_class_that_decides_is_refused() {
    let server = server();
    let weir = gateway(&server).build();
    for (statement, words) in [
        ("SELECT id FROM customers WHERE email LIKE 'c%'", "customers.email"),
        ("SELECT id FROM customers WHERE email = 'canary1@secret.example'", "compares"),
        ("SELECT id FROM customers ORDER BY ssn", "sorts by"),
        ("SELECT id, ssn FROM customers ORDER BY 2", "sorts by"),
        ("SELECT count(*) FROM customers GROUP BY born", "groups by"),
        ("SELECT ssn::int FROM customers", "casts"),
        ("SELECT CASE WHEN salary > 90018 THEN 1 END FROM customers", "decides by"),
        ("SELECT 1 / (length(ssn) - 11) FROM customers", "may fail"),
        ("SELECT c.id FROM customers c JOIN people p ON c.ssn = p.ssn", "joins by"),
        ("SELECT DISTINCT email FROM customers", "tells apart"),
        ("INSERT INTO customers (id, name, email) VALUES (9, 'n', 'canary1@secret.example')", "held against"),
    ] {
        is_refused(&weir, statement, words);
    }
    let record = records(&weir);
    assert!(record.contains("hidden_by_class") && !record.contains(CANARY));
}

#[test]
fn a_class_that_would_go_elsewhere_is_refused() {
    let server = server();
    let weir = gateway(&server).build();
    for statement in [
        "CREATE TABLE copy AS SELECT email FROM customers",
        "CREATE VIEW v AS SELECT ssn FROM customers",
        "UPDATE customers SET name = email",
        "UPDATE orders SET comment = c.ssn FROM customers c WHERE c.id = customer",
        "INSERT INTO orders (id, comment) SELECT 100 + id, email FROM customers",
        "SELECT set_config('a.b', email, false) FROM customers",
        "SELECT pg_notify('c', email) FROM customers",
        "DO $$ BEGIN RAISE NOTICE '%', (SELECT email FROM customers LIMIT 1); END $$",
        "SELECT run_text('UPDATE orders SET comment = (SELECT email FROM customers WHERE id = 1)')",
        "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS 'SELECT email FROM customers'",
    ] {
        is_refused(&weir, statement, "weir refused");
    }
    assert_eq!(
        server.psql("app").args(["-c", "SELECT count(*) FROM orders"]).output().map(|out| out.stdout).expect("psql starts"),
        b"20\n"
    );
}

#[test]
fn errors_and_notices_tell_nothing() {
    let server = server();
    let weir = gateway(&server).build();
    let told_by = |statement: &str| {
        let outcome = psql(&weir, &[statement]);
        assert!(!told(&outcome), "{statement}: {outcome:?}");
        outcome.stderr
    };
    let notice = told_by("SELECT told(1)");
    assert!(notice.contains("withholds"), "{notice}");
    let broken = told_by("INSERT INTO orders VALUES (1, 1, 1, 'x')");
    assert!(broken.contains("23505") && broken.contains("orders_pkey"), "{broken}");
    let row = told_by("UPDATE customers SET name = NULL WHERE id = 1");
    assert!(row.contains("23502") && !row.contains("Failing row"), "{row}");
    assert!(!records(&weir).contains(CANARY));
}

#[test]
fn a_copy_and_a_dump_have_masked_values() {
    let server = server();
    let weir = gateway(&server).build();
    for statement in [
        "COPY customers TO STDOUT",
        "COPY customers (email, id) TO STDOUT (FORMAT csv, HEADER, FORCE_QUOTE *)",
        "COPY (SELECT email, lower(ssn) FROM customers) TO STDOUT",
        "COPY customers TO STDOUT (FORMAT binary)",
    ] {
        let outcome = psql(&weir, &[statement]).expect_success();
        assert!(!told(&outcome) && !outcome.stdout.is_empty(), "{statement}: {outcome:?}");
    }
    server.sql("CREATE DATABASE restored");
    let script = weir.script(
        "dump.sh",
        "#!/bin/sh\n# Dumps what may be seen.\nset -eu\ncd \"$(dirname \"$0\")\"\npg_dump --no-owner --no-privileges > masked.sql\n",
    );
    weir.run(&[script.to_str().expect("a UTF-8 path")]).expect_success();
    let dump = std::fs::read_to_string(weir.directory().join("masked.sql")).expect("the job has written it");
    assert!(!dump.contains("secret.example") && !dump.contains("canary-") && dump.contains("Customer 3"));
    let restored = server.psql("restored").arg("-f").arg(weir.directory().join("masked.sql")).output().expect("psql starts");
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
    let count = server
        .psql("restored")
        .args(["-c", "SELECT count(*), count(DISTINCT email) FROM public.customers"])
        .output()
        .expect("psql starts");
    assert_eq!(count.stdout, b"5|5\n");
}

#[test]
fn cursors_and_prepared_statements_are_masked_when_they_run() {
    let server = server();
    let weir = gateway(&server).build();
    let masked = one(&weir, "SELECT email FROM customers WHERE id = 1");
    let outcome = psql(
        &weir,
        &[
            "PREPARE p AS SELECT email FROM customers WHERE id = $1",
            "EXECUTE p(1)",
            "BEGIN",
            "DECLARE c CURSOR FOR SELECT email FROM customers WHERE id = 1",
            "FETCH ALL FROM c",
            "COMMIT",
        ],
    )
    .expect_success();
    let rows: Vec<_> = outcome.stdout.lines().filter(|line| line.contains('@')).collect();
    assert_eq!(rows, [masked.as_str(); 2], "{outcome:?}");
}

#[test]
fn who_has_reveal_sees_everything_and_the_record_does_not() {
    let server = server();
    let weir = gateway(&server).policy(SHOWING).build();
    assert_eq!(one(&weir, "SELECT email, ssn FROM customers WHERE email LIKE 'canary1%'"), "canary1@secret.example|078-05-1120");
    assert_eq!(one(&weir, "SELECT name FROM customers WHERE id = 1"), "Customer 1");
    let record = records(&weir);
    assert!(!record.contains("secret.example") && !record.contains("canary1%") && record.contains("Customer 1"));
    assert!(record.contains("WHERE id = 1"), "a constant that no class is compared with stays: {record}");
    assert!(record.contains(r#""reveals":[{"class":"pii","policies":["sees-all"]}"#), "who showed it is said: {record}");
}

#[test]
fn observing_changes_nothing_and_says_what_would_be_masked() {
    let server = server();
    let weir = gateway(&server).mode("observe").build();
    assert_eq!(one(&weir, "SELECT email FROM customers WHERE email LIKE 'canary1%'"), "canary1@secret.example");
    let record = records(&weir);
    assert!(
        record.contains("would_mask") && record.contains("hidden_by_class") && !record.contains("secret.example"),
        "{record}"
    );
}

#[test]
fn a_class_follows_its_column_through_a_rename() {
    let server = server();
    let weir = gateway(&server).build();
    let masked = one(&weir, "SELECT email FROM customers WHERE id = 1");
    let mut renaming = server.psql("app");
    renaming.args(["-c", "ALTER TABLE customers RENAME email TO contact", "-c", "ALTER TABLE customers RENAME TO clients"]);
    assert!(renaming.status().is_ok_and(|status| status.success()));
    assert_eq!(one(&weir, "SELECT contact FROM clients WHERE id = 1"), masked);
}

/// Code that the database's owner has put there.
const TRIGGERS: &str = "
CREATE TABLE audited (id int, note text, made timestamptz DEFAULT now());
CREATE FUNCTION on_audited() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  NEW.note := (SELECT ssn FROM customers WHERE id = 1); RETURN NEW; END $$;
CREATE TRIGGER audit BEFORE INSERT OR UPDATE ON audited FOR EACH ROW EXECUTE FUNCTION on_audited();
CREATE VIEW audits AS SELECT id, note AS remark FROM audited;
CREATE TABLE audit_log (id serial, at timestamptz DEFAULT now(), op text, doc json);
CREATE FUNCTION log_customer() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO audit_log (op, doc) VALUES (TG_OP, row_to_json(OLD)); RETURN NULL; END $$;
CREATE TRIGGER log AFTER UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION log_customer();
CREATE TABLE documents (id int, ssn text, body text, words tsvector, length int GENERATED ALWAYS AS (length(body)) STORED,
  digits text GENERATED ALWAYS AS (left(ssn, 3)) STORED, updated_at date, owner_number text DEFAULT get_ssn(1), title text);
CREATE FUNCTION on_documents() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NEW.* IS DISTINCT FROM OLD.* THEN NEW.updated_at := date '2024-05-06'; END IF;
  NEW.words := to_tsvector('simple', NEW.ssn || ' ' || NEW.body); NEW.title := initcap(NEW.title); RETURN NEW; END $$;
CREATE TRIGGER search BEFORE INSERT OR UPDATE ON documents FOR EACH ROW EXECUTE FUNCTION on_documents();
CREATE TABLE ruled (id int, note text);
CREATE TABLE copied (id int, what text);
CREATE RULE also AS ON INSERT TO ruled DO ALSO INSERT INTO copied SELECT new.id, ssn FROM customers WHERE customers.id = new.id;
INSERT INTO audited VALUES (1, 'x');
UPDATE customers SET name = name WHERE id = 1;
INSERT INTO documents (id, ssn, body, title) VALUES (1, '078-05-1120', 'some words', 'a title');
INSERT INTO ruled VALUES (1, 'x');
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO app;
";

#[test]
fn what_code_of_the_database_puts_into_columns_has_the_classes_of_what_it_reads() {
    let server = server();
    let made = server.psql("app").args(["-c", TRIGGERS]).output().expect("psql starts");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let weir = gateway(&server).build();
    for (statement, shown) in [
        ("SELECT id, note, made IS NULL FROM audited", "1|[masked]|f"),
        ("SELECT remark FROM audits", "[masked]"),
        ("INSERT INTO audited VALUES (2, 'y') RETURNING id, note", "2|[masked]"),
        ("SELECT op, doc, at IS NULL FROM audit_log ORDER BY at", "UPDATE|\"[masked]\"|f"),
        ("SELECT id, words, digits, owner_number FROM documents", "1||[masked]|[masked]"),
        (
            "SELECT body, length, updated_at, title FROM documents WHERE updated_at = '2024-05-06'",
            "some words|10|2024-05-06|A Title",
        ),
        ("SELECT * FROM ruled", "1|x"),
        ("SELECT * FROM copied", "1|[masked]"),
    ] {
        let outcome = psql(&weir, &[statement]).expect_success();
        assert!(!told(&outcome), "{statement}: {outcome:?}");
        assert_eq!(outcome.stdout.trim_end(), shown, "{statement}");
    }
    is_refused(&weir, "SELECT id FROM audited WHERE note LIKE '078%'", "audited.note");
    is_refused(&weir, "SELECT id FROM documents WHERE words @@ to_tsquery('simple', '078')", "documents.words");
}

#[test]
fn a_transform_that_fits_no_column_is_said_to() {
    let server = server();
    let wrong = CLASSES.replace("mask = \"null\"", "mask = \"partial\"\nlast = 2");
    let weir = Weir::for_server(&server).catalog(&server.superuser_secret()).extra(&wrong).policy(HIDING).build();
    is_refused(&weir, "SELECT salary FROM customers", "can't be used for values of type numeric");
}

#[test]
fn a_script_of_psycopg_in_binary_and_text_sees_the_same() {
    let server = server();
    let weir = gateway(&server).build();
    let masked = one(&weir, "SELECT email FROM customers WHERE id = 1");
    let python = python_with_psycopg().to_str().expect("a UTF-8 path");
    let script = weir.script(
        "read.py",
        "import os, psycopg\n\
         with psycopg.connect('') as connection:\n\
         \x20   for binary in (False, True):\n\
         \x20       for prepare in (False, True, True):\n\
         \x20           with connection.cursor(binary=binary) as cursor:\n\
         \x20               cursor.execute('SELECT email, ssn, born, salary, id FROM customers WHERE id = %s', (1,), prepare=prepare)\n\
         \x20               print(*cursor.fetchone(), sep='|')\n",
    );
    let outcome = weir.run(&[python, script.to_str().expect("a UTF-8 path")]).expect_success();
    let expected = format!("{masked}|*******1120|1981-01-01|None|1");
    assert_eq!(outcome.stdout.lines().collect::<Vec<_>>(), [expected.as_str(); 6]);
}

#[test]
fn a_gateway_without_its_catalog_lets_nothing_of_a_masked_target_through() {
    let server = server();
    let secret = server.superuser_secret();
    let weir = gateway(&server).build();
    std::fs::write(&secret, "postgres://postgres:wrong@db.test").expect("our own file");
    let outcome = psql(&weir, &["SELECT name FROM customers"]);
    assert!(outcome.stderr.contains("42501") && outcome.stdout.is_empty(), "{outcome:?}");
}
