//! The catalogs of real servers, Postgres 15 and 18, and what is asked by them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use gateway_core::inspect::catalog::{Catalog, ColumnId, RelationKind};
use gateway_core::inspect::resolve::{Mentions, Question, Resource, Scope, resolve, resolve_function_call};
use gateway_core::inspect::reviewed;
use gateway_core::inspect::{Access, Action, Object, ObjectName, Statement};
use std::net::SocketAddr;
use std::sync::Arc;
use weir::catalog::{CatalogError, Catalogs, Place};
use weir::credential::Secret;
use weir::tls::UpstreamTls;
use weir_tests::{Postgres, PostgresBuilder};
use zeroize::Zeroizing;

const DATABASE: &str = r#"
CREATE SCHEMA "dotted.schema"; CREATE SCHEMA parts; CREATE SCHEMA app;
CREATE TABLE users (id int, name text, gone text); ALTER TABLE users DROP COLUMN gone;
CREATE TABLE "dotted.schema"."odd "" .name" (id int);
CREATE TABLE events (at date) PARTITION BY RANGE (at);
CREATE TABLE parts.events_1 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE INDEX events_at ON events (at);
CREATE TABLE audited (id int); CREATE RULE quiet AS ON DELETE TO audited DO INSTEAD NOTHING;
CREATE FUNCTION app.secret() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION app.lower(varchar) RETURNS text LANGUAGE sql AS 'SELECT $1::text';
CREATE FUNCTION app.less(point, point) RETURNS bool LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR app.< (LEFTARG = point, RIGHTARG = point, FUNCTION = app.less);
CREATE VIEW first AS SELECT id, upper(name) FROM users WHERE name <> ':relid 1260 ';
CREATE VIEW app.second AS SELECT f.*, app.secret() FROM first f WHERE EXISTS (SELECT FROM events);
CREATE VIEW app.password AS SELECT rolname, query_to_xml('SELECT 1', true, true, '') FROM pg_authid;
CREATE VIEW app.by_operator AS SELECT point(1, 1) OPERATOR(app.<) point(2, 2) AS less;
CREATE MATERIALIZED VIEW frozen AS SELECT * FROM users;
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE FUNCTION app.allowed(int) RETURNS bool LANGUAGE sql AS 'SELECT true';
CREATE DOMAIN checked AS int CHECK (app.allowed(VALUE));
CREATE TYPE pair AS (a checked[], b int); CREATE DOMAIN outer_pair AS pair;
CREATE DOMAIN plain AS int CHECK (VALUE > 0);
"#;

#[tokio::test]
async fn a_catalog_says_what_names_mean() {
    for builder in [Postgres::builder(), Postgres::builder_18()] {
        let server = Server::start(builder);
        server.postgres.sql(DATABASE);
        let catalog = server.catalog().await.unwrap();
        names(&catalog);
        views(&catalog);
        calls(&catalog);
    }
}

/// Code in every form that servers keep it in.
const CODE: &str = r#"
CREATE TABLE people (id int, ssn text, loud text GENERATED ALWAYS AS (upper(ssn)) STORED);
CREATE FUNCTION ssn_of(int) RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT ssn FROM people WHERE id = $1; END;
CREATE FUNCTION joined(text, text) RETURNS text LANGUAGE sql AS 'SELECT $1 || max(ssn) FROM people';
CREATE AGGREGATE all_ssn (text) (SFUNC = joined, STYPE = text);
CREATE TABLE notes (id int, a text, b text, c text, d text DEFAULT ssn_of(1), e text DEFAULT upper('x'));
CREATE FUNCTION on_notes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  NEW.a := ssn_of(NEW.id); SELECT all_ssn('x') INTO NEW.b; RETURN NEW; END $$;
CREATE FUNCTION on_statement() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO notes (c) SELECT ssn FROM gone; RETURN NULL; END $$;
CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'x'; RETURN NULL; END $$;
CREATE TRIGGER a BEFORE INSERT ON notes FOR EACH ROW EXECUTE FUNCTION on_notes('x', 'y z');
CREATE TRIGGER b AFTER DELETE ON people REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION on_statement();
CREATE TRIGGER c BEFORE INSERT ON notes FOR EACH ROW EXECUTE FUNCTION broken();
ALTER TABLE notes DISABLE TRIGGER c;
CREATE TABLE ruled (ssn text); CREATE TABLE kept (what text);
CREATE RULE r AS ON DELETE TO ruled DO ALSO INSERT INTO kept VALUES (OLD.ssn);
"#;

#[tokio::test]
async fn a_catalog_says_what_code_puts_into_columns() {
    for builder in [Postgres::builder(), Postgres::builder_18()] {
        let server = Server::start(builder);
        server.postgres.sql(CODE);
        let place = Place { columns: true, ..server.place() };
        let catalog = server.catalogs.of(&place, &UpstreamTls::disabled(), || Ok(server.secret())).await.unwrap();
        let name = |id: ColumnId| format!("{}.{}", catalog.name_of(id.relation).unwrap().1, catalog.column(id).unwrap().name);
        let flows = catalog.code_flows().iter().map(|flow| {
            let sources: Vec<_> = flow.sources.columns.iter().map(|id| name(*id)).collect();
            format!("{} < {}{}", name(flow.into), sources.join(" "), if flow.sources.everything { "*" } else { "" })
        });
        let mut flows: Vec<_> = flows.collect();
        flows.sort();
        let expected = [
            "kept.what < ruled.ssn",
            "notes.a < people.ssn notes.id",
            "notes.b < people.ssn",
            "notes.c < people.ssn",
            "notes.d < people.ssn",
            "people.loud < people.ssn",
        ];
        assert_eq!(flows, expected);
        server.catalogs.invalidate(&place);
        let again = server.catalogs.of(&place, &UpstreamTls::disabled(), || Ok(server.secret())).await.unwrap();
        assert_eq!(again.code_flows(), catalog.code_flows());
        server.postgres.sql("ALTER TABLE notes ENABLE TRIGGER c");
        server.catalogs.invalidate(&place);
        let changed = server.catalogs.of(&place, &UpstreamTls::disabled(), || Ok(server.secret())).await.unwrap();
        assert_eq!(changed.code_flows().iter().filter(|flow| flow.sources.everything).count(), 6);
    }
}

fn names(catalog: &Catalog) {
    let check = |access: &str, expected: &[&str]| check(catalog, "SELECT", access, expected);
    check("read users", &["read public.users"]);
    check("read odd \" .name", &["read dotted.schema.odd \" .name"]);
    check("read pg_authid", &["read pg_catalog.pg_authid"]);
    check("read nothing", &["read ?.nothing"]);
    check("define events_at", &["define public.events_at"]);
    let kind = |schema, name| catalog.relation(schema, name).map(|relation| (relation.kind, relation.has_effects));
    assert_eq!(kind("public", "users"), Some((RelationKind::Table, false)));
    assert_eq!(kind("public", "audited"), Some((RelationKind::Table, true)));
    assert_eq!(kind("public", "events"), Some((RelationKind::Partitioned, false)));
    assert_eq!(kind("public", "first"), Some((RelationKind::View, false)));
    assert_eq!(kind("public", "frozen"), Some((RelationKind::MaterialisedView, false)));
    assert!(catalog.has_schema("dotted.schema") && !catalog.has_schema("dotted"));
    let events = catalog.relation("public", "events").unwrap().oid;
    let parts: Vec<_> = catalog.descendants(events).iter().filter_map(|oid| catalog.name_of(*oid)).collect();
    assert_eq!(parts, [("parts", "events_1")]);
}

fn views(catalog: &Catalog) {
    let check = |command, access: &str, expected: &[&str]| check(catalog, command, access, expected);
    check("SELECT", "read first", &["read public.first", "read public.users < public.first"]);
    let second = [
        "call app.secret() < app.second",
        "read app.second",
        "read public.events < app.second",
        "read public.first < app.second",
        "read public.users < app.second",
    ];
    check("SELECT", "read second", &second);
    let password =
        ["call pg_catalog.query_to_xml() < app.password", "read app.password", "read pg_catalog.pg_authid < app.password"];
    check("SELECT", "read password", &password);
    check("SELECT", "read by_operator", &["call app.less() < app.by_operator", "read app.by_operator"]);
    check("UPDATE", "write first", &["write public.first", "write public.users < public.first"]);
    check("SELECT", "read frozen", &["read public.frozen"]);
    check("REFRESH MATERIALIZED VIEW", "define frozen", &["define public.frozen", "read public.users < public.frozen"]);
    check("SELECT", "read pg_stat_activity", &["read pg_catalog.pg_stat_activity"]);
}

fn calls(catalog: &Catalog) {
    let check = |access: &str, expected: &[&str]| check(catalog, "SELECT", access, expected);
    check("call upper", &[]);
    check("call lower", &["call app.lower()"]);
    check("call secret", &["call app.secret()"]);
    check("call pg_read_file", &["call pg_catalog.pg_read_file()"]);
    check("call operator <", &["call app.less()"]);
    check("call mood", &[]);
    check("call plain", &[]);
    check("call checked", &["call app.allowed()"]);
    check("call pair", &["call app.allowed()"]);
    check("call outer_pair", &["call app.allowed()"]);
    let known = |name| catalog.function_schemas(name).map(|schema| schema.to_string()).collect::<Vec<_>>();
    assert_eq!((known("lower"), known("secret")), (vec!["app".to_owned(), "pg_catalog".to_owned()], vec!["app".to_owned()]));
    let mentions = Mentions::default();
    let scope = Scope { catalog: Some(catalog), search_path: None, mentions: &mentions, temporary: &[] };
    assert_eq!(words(&resolve_function_call(870, &scope)), Vec::<String>::new());
    assert_eq!(words(&resolve_function_call(2923, &scope)).len(), 1);
    // The numbers of the large-object functions are the server's.
    for oid in 1..16_384 {
        if let Some(action) = reviewed::large_object(oid) {
            let name = catalog.function(oid).map(|(_, name)| name).unwrap_or_default();
            assert_eq!(reviewed::function(name), Some(reviewed::Verdict::Counted(action)), "{oid} {name}");
        }
    }
}

#[tokio::test]
async fn a_user_without_rights_reads_it_and_temporary_relations_are_not_in_it() {
    let server = Server::start(Postgres::builder());
    server.postgres.sql(DATABASE);
    let mut holder = server.postgres.psql("postgres");
    let holder = holder.args(["-c", "CREATE TEMP TABLE passing (id int)", "-c", "SELECT pg_sleep(600)"]);
    let mut holder = holder.stdout(std::process::Stdio::null()).spawn().unwrap();
    weir_tests::wait_until("the temporary table", 30, || {
        let count = server.postgres.sql("SELECT count(*) FROM pg_class WHERE relname = 'passing'");
        (count == "1").then_some(())
    });
    let app = Secret { user: Some("app".to_owned()), password: Zeroizing::new(server.postgres.app_password.clone()) };
    let catalog = Catalogs::default().of(&server.place(), &UpstreamTls::disabled(), || Ok(app)).await.unwrap();
    assert_eq!((catalog.relations("passing").len(), catalog.relations("users").len()), (0, 1));
    views(&catalog);
    holder.kill().unwrap();
    holder.wait().unwrap();
}

#[tokio::test]
async fn what_an_extension_brings_is_no_call_but_what_a_user_put_into_one_is() {
    let server = Server::start(Postgres::builder());
    server.postgres.sql(
        "GRANT CREATE ON DATABASE postgres TO app; GRANT CREATE ON SCHEMA public TO app; SET ROLE app; CREATE EXTENSION citext; \
         CREATE FUNCTION public.lower(varchar) RETURNS text LANGUAGE sql AS 'SELECT $1::text'; \
         ALTER EXTENSION citext ADD FUNCTION public.lower(varchar)",
    );
    let catalog = server.catalog().await.unwrap();
    let check = |access: &str, expected: &[&str]| check(&catalog, "SELECT", access, expected);
    check("call max", &[]);
    check("call operator =", &[]);
    check("call lower", &["call public.lower()"]);
    check("call citext_eq", &["call public.citext_eq()"]);
}

#[tokio::test]
async fn what_a_session_changed_is_seen_once_it_says_so() {
    let server = Server::start(Postgres::builder());
    let before = server.catalog().await.unwrap();
    assert!(Arc::ptr_eq(&before, &server.catalog().await.unwrap()));
    server.postgres.sql("CREATE TABLE fresh (id int)");
    server.catalogs.invalidate(&server.place());
    let after = server.catalog().await.unwrap();
    assert_eq!((before.relations("fresh").len(), after.relations("fresh").len()), (0, 1));
}

#[tokio::test]
async fn what_the_server_brings_is_read_again_when_it_is_another() {
    let server = Server::start(Postgres::builder());
    let known = |catalog: &Catalog, name: &str| catalog.function_schemas(name).count();
    let before = server.catalog().await.unwrap();
    assert_eq!((known(&before, "pg_client_encoding"), known(&before, "renamed")), (1, 0));
    server.postgres.sql("CREATE FUNCTION renamed_not() RETURNS int LANGUAGE sql AS 'SELECT 1'");
    server.catalogs.invalidate(&server.place());
    let between = server.catalog().await.unwrap();
    assert_eq!((known(&between, "pg_client_encoding"), known(&between, "renamed_not")), (1, 1));
    server.postgres.sql("ALTER FUNCTION pg_catalog.pg_client_encoding() RENAME TO renamed");
    server.catalogs.invalidate(&server.place());
    let after = server.catalog().await.unwrap();
    assert_eq!((known(&after, "pg_client_encoding"), known(&after, "renamed"), known(&after, "renamed_not")), (0, 1, 1));
    assert_eq!((after.relations("pg_class").len(), after.relation_count()), (1, before.relation_count()));
}

#[tokio::test]
async fn one_connection_reads_again_and_another_takes_its_place_when_it_is_gone() {
    const READERS: &str = "SELECT string_agg(pid::text, ',') FROM pg_stat_activity WHERE application_name = 'weir'";
    let server = Server::start(Postgres::builder());
    let read = async || {
        server.catalogs.invalidate(&server.place());
        server.catalog().await.unwrap();
        server.postgres.sql(READERS)
    };
    let first = read().await;
    assert_eq!(read().await, first);
    server.postgres.sql(&format!("SELECT pg_terminate_backend({})", first.trim()));
    let second = read().await;
    assert_ne!(second, first);
    assert_eq!(second.split(',').count(), 1, "{second}");
}

#[tokio::test]
async fn many_who_ask_at_once_are_served_by_one_reader() {
    let server = Server::start(Postgres::builder());
    let asked: Vec<_> = (0..20)
        .map(|_| {
            let (catalogs, place, secret) = (Arc::clone(&server.catalogs), server.place(), server.secret());
            tokio::spawn(async move { catalogs.of(&place, &UpstreamTls::disabled(), || Ok(secret)).await })
        })
        .collect();
    let mut found = Vec::new();
    for one in asked {
        found.push(one.await.unwrap().unwrap());
    }
    let first = found.first().unwrap();
    assert!(found.iter().all(|catalog| Arc::ptr_eq(first, catalog)));
}

#[tokio::test]
async fn a_server_that_is_gone_leaves_what_was_read_unless_it_changed() {
    let server = Server::start(Postgres::builder());
    let before = server.catalog().await.unwrap();
    server.postgres.crash();
    assert!(Arc::ptr_eq(&before, &server.catalog().await.unwrap()));
    server.catalogs.invalidate(&server.place());
    for _ in 0..2 {
        let error = server.catalog().await.map(|_| ()).unwrap_err();
        assert!(matches!(error, CatalogError::Shared(_)), "{error:?}");
        assert!(error.to_string().contains("reaching 127.0.0.1"), "{error}");
    }
}

/// A server with the catalogs that are read of it.
struct Server {
    postgres: Postgres,
    catalogs: Arc<Catalogs>,
}

impl Server {
    fn start(builder: PostgresBuilder) -> Self {
        Self { postgres: builder.start(), catalogs: Arc::default() }
    }

    fn place(&self) -> Place {
        Place { address: SocketAddr::from(([127, 0, 0, 1], self.postgres.port)), database: "postgres".into(), columns: false }
    }

    fn secret(&self) -> Secret {
        let password = Zeroizing::new(self.postgres.superuser_password.clone());
        Secret { user: Some("postgres".to_owned()), password }
    }

    async fn catalog(&self) -> Result<Arc<Catalog>, CatalogError> {
        self.catalogs.of(&self.place(), &UpstreamTls::disabled(), || Ok(self.secret())).await
    }
}

/// The questions of a statement with one access, such as `read t` or `call operator <`, sorted.
fn check(catalog: &Catalog, command: &'static str, access: &str, expected: &[&str]) {
    let (action, name) = access.split_once(' ').unwrap();
    let action = Action::ALL.into_iter().find(|known| known.name() == action).unwrap();
    let object = match name.strip_prefix("operator ") {
        Some(symbol) => Object::Operator(ObjectName::bare(symbol)),
        None if action == Action::Call => Object::Function(ObjectName::bare(name)),
        None => Object::Relation(ObjectName::bare(name)),
    };
    let statement = Statement { command, accesses: vec![Access::new(action, object)], ..Statement::default() };
    let mentions = Mentions::default();
    let scope = Scope { catalog: Some(catalog), search_path: None, mentions: &mentions, temporary: &[] };
    assert_eq!(words(&resolve(&statement, &scope)), expected, "{access}");
}

fn words(questions: &[Question]) -> Vec<String> {
    let text = |question: &Question| {
        let schema = |schema: &Option<Box<str>>| schema.as_deref().unwrap_or("?").to_owned();
        let resource = match &question.resource {
            Resource::Target => "target".to_owned(),
            Resource::Schema(schema) => schema.to_string(),
            Resource::Table(within, name) => format!("{}.{name}", schema(within)),
            Resource::Function(within, name) => format!("{}.{name}()", schema(within)),
        };
        let behind = question.behind.as_ref().map(|view| format!(" < {view}")).unwrap_or_default();
        format!("{} {resource}{behind}", question.action)
    };
    let mut all: Vec<_> = questions.iter().map(text).collect();
    all.sort();
    all
}
