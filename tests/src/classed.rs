//! A database with classed columns, and a gateway that masks them.

use crate::{Postgres, Weir, WeirBuilder};

/// A value that is nowhere but in classed columns: it may reach no job that has no `reveal`.
pub const CANARY: &str = "canary";

/// Customers whose e-mail addresses, numbers, birthdays and salaries are classed, and orders that are not.
const SCHEMA: &str = "
CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, email varchar(60) UNIQUE, ssn text, born date, salary numeric(10,2),
  notes jsonb, tags text[], loud text GENERATED ALWAYS AS (upper(ssn)) STORED);
INSERT INTO customers SELECT n, 'Customer ' || n, 'canary' || n || '@secret.example', '078-05-' || (1119 + n), date '1981-03-07' + n,
  90017.25 + n, jsonb_build_object('note', 'canary-note-' || n), ARRAY['canary-tag-' || n, 'x'] FROM generate_series(1, 5) n;
CREATE TABLE orders (id int PRIMARY KEY, customer int REFERENCES customers, total numeric, comment text);
INSERT INTO orders SELECT n, 1 + n % 5, n * 10, 'order ' || n FROM generate_series(1, 20) n;
CREATE VIEW contacts AS SELECT id, name, lower(email) AS mail, email FROM customers;
CREATE VIEW contact_list AS SELECT id, email AS address FROM contacts;
CREATE TABLE people (id int, ssn text, born date) PARTITION BY RANGE (id);
CREATE TABLE people_low PARTITION OF people FOR VALUES FROM (0) TO (100);
INSERT INTO people VALUES (1, 'canary-people-1', '1970-05-05');
CREATE TABLE tickets (id int, body text, data jsonb);
INSERT INTO tickets VALUES (1, 'write to ada@canary.example today', '{\"from\": \"eve@canary.example\", \"n\": 7}');
CREATE FUNCTION get_ssn(int) RETURNS text LANGUAGE sql STABLE AS 'SELECT ssn FROM customers WHERE id = $1';
CREATE FUNCTION run_text(text) RETURNS int LANGUAGE plpgsql AS $$ BEGIN EXECUTE $1; RETURN 1; END $$;
CREATE FUNCTION told(int) RETURNS int LANGUAGE plpgsql STABLE AS $$ DECLARE s text; BEGIN SELECT ssn INTO s FROM customers WHERE id = $1;
  RAISE NOTICE 'ssn is %', s; RETURN 1; END $$;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO app;
";

/// The classes of those columns.
pub const CLASSES: &str = r#"
[[class]]
name = "pii"
columns = ["customers.email"]
mask = "pseudonym"

[[class]]
name = "ssn"
columns = ["*.ssn"]
mask = "partial"
last = 4

[[class]]
name = "birthday"
columns = ["*.born"]
mask = "date"
keep = "year"

[[class]]
name = "pay"
columns = ["customers.salary"]
mask = "null"

[[class]]
name = "free"
columns = ["customers.notes", "customers.tags"]
mask = "redact"

[[class]]
name = "words"
columns = ["tickets.body", "tickets.data"]
mask = "detect"
"#;

/// Everything but `reveal`.
pub const HIDING: &str = r#"@id("allow-all") permit (principal, action, resource);"#;

/// Everything, and all classes as they are.
pub const SHOWING: &str = r#"@id("allow-all") permit (principal, action, resource);
@id("sees-all") permit (principal, action == Action::"reveal", resource);"#;

/// A server with the database.
pub fn server() -> Postgres {
    let server = Postgres::start();
    fill(&server);
    server
}

/// Puts the tables into `server`.
///
/// # Panics
/// When the server refuses them.
pub fn fill(server: &Postgres) {
    let made = server.psql("app").args(["-c", SCHEMA]).output().expect("psql starts");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// A gateway before it that masks.
pub fn gateway(server: &Postgres) -> WeirBuilder {
    Weir::for_server(server).catalog(&server.superuser_secret()).extra(CLASSES).policy(HIDING)
}
