//! Bodies of triggers, with what they are expected to put into columns.
//!
//! `relation: body => column < sources; …`. Columns of the relation itself stand without its name; `*` is what can't be told.

use super::{CodeFlow, Language};
use crate::inspect::catalog::{Catalog, ColumnId, FunctionBody, RelationKind, Trigger};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

const CUSTOMERS: u32 = 20_000;
const AUDITED: u32 = 20_001;
const TRIGGERED: u32 = 22_000;

const TABLES: [(&str, u32, &[&str]); 5] = [
    ("customers", CUSTOMERS, &["id", "name", "email", "ssn", "notes", "tsv", "updated_at"]),
    ("audited", AUDITED, &["id", "note"]),
    ("audit_log", 20_002, &["id", "at", "op", "doc"]),
    ("orders", 20_003, &["id", "customer", "comment", "total"]),
    ("Odd Table", 20_004, &["id", "E-Mail", "old"]),
];

const FUNCTIONS: [(&str, u32, &str); 9] = [
    ("slug", 21_000, "SELECT lower($1)"),
    ("get_ssn", 21_001, "SELECT ssn FROM customers WHERE email = $1"),
    ("logged", 21_002, "INSERT INTO audit_log (at, doc) VALUES (now(), $1)"),
    ("ping", 21_003, "SELECT pong($1 - 1)"),
    ("pong", 21_004, "SELECT ping($1 - 1) FROM orders"),
    ("atomic", 21_005, "BEGIN ATOMIC\n SELECT customers.notes FROM public.customers;\nEND"),
    ("deep", 21_006, "SELECT get_ssn($1)"),
    ("runs", 21_007, ""),
    ("both", 21_008, "SELECT 1; INSERT INTO audited SELECT 1, name FROM customers"),
];

fn schema() -> Catalog {
    let mut catalog = Catalog::default();
    ["pg_catalog", "public"].iter().for_each(|schema| catalog.add_schema(schema));
    for (name, oid, columns) in TABLES {
        catalog.add_relation("public", name, oid, RelationKind::Table, false);
        for (place, column) in columns.iter().enumerate() {
            catalog.add_column(oid, i16::try_from(place + 1).unwrap(), column, 25, -1);
        }
    }
    catalog.add_relation("public", "mails", 20_010, RelationKind::View, false);
    catalog.add_column(20_010, 1, "mail", 25, -1);
    catalog.add_view_definition(20_010, "SELECT customers.email AS mail FROM public.customers");
    catalog.add_relation("pg_catalog", "pg_stats", 12_000, RelationKind::View, false);
    catalog.add_column(12_000, 1, "most_common_vals", 25, -1);
    for name in ["now", "query_to_xml", "pg_notify", "lower"] {
        catalog.add_function("pg_catalog", name, 100);
    }
    for (name, oid, text) in FUNCTIONS {
        catalog.add_function("public", name, oid);
        let text = (name != "runs").then(|| (Language::Sql, Arc::from(text)));
        catalog.add_function_body(oid, FunctionBody { text, immutable: false });
    }
    for (name, oid) in [("unaccent", 21_020), ("dblink", 21_021)] {
        catalog.add_extension_function("public", name, oid);
        catalog.add_function_body(oid, FunctionBody::default());
    }
    catalog.add_operator("public", "<~>", 21_001);
    catalog.trace_views();
    catalog
}

fn with_trigger(relation: u32, body: &str) -> Catalog {
    let mut catalog = schema();
    catalog.add_function("public", "triggered", TRIGGERED);
    let text = Some((Language::PlPgSql, Arc::from(body)));
    catalog.add_function_body(TRIGGERED, FunctionBody { text, immutable: false });
    let transition = vec!["new_rows".into(), "old_rows".into()];
    catalog.add_trigger(Trigger { relation, function: TRIGGERED, arguments: Vec::new(), transition });
    catalog.trace_code();
    catalog
}

fn shown(catalog: &Catalog, own: u32) -> String {
    let name = |id: &ColumnId| {
        let column = &catalog.column(*id).unwrap().name;
        let relation = catalog.name_of(id.relation).unwrap().1;
        if id.relation == own { column.to_string() } else { format!("{relation}.{column}") }
    };
    let mut by_sources = BTreeMap::<String, Vec<String>>::new();
    for CodeFlow { into, sources, by: _ } in &**catalog.code_flows() {
        let of: Vec<_> = sources.columns.iter().map(name).collect();
        by_sources.entry(if sources.everything { "*".into() } else { of.join(" ") }).or_default().push(name(into));
    }
    let lines = by_sources.into_iter().map(|(sources, into)| format!("{} < {sources}", into.join(" ")));
    lines.collect::<Vec<_>>().join("; ")
}

/// Each line of `cases` is a relation and a text about it, and behind ` => ` what that puts where.
fn check(cases: &str, catalog_of: impl Fn(u32, &str) -> Catalog) {
    let (mut count, mut wrong) = (0, Vec::new());
    for case in cases.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let (text, expected) = case.split_once(" =>").unwrap_or((case, ""));
        let (relation, body) = text.split_once(": ").unwrap();
        let own = TABLES.iter().find(|(name, _, _)| *name == relation).unwrap().1;
        let found = shown(&catalog_of(own, &body.replace("\\n", "\n")), own);
        if found != expected.trim() {
            wrong.push(format!("{text} => {found}"));
        }
        count += 1;
    }
    assert!(count > 5 && wrong.is_empty(), "of {count}, read otherwise:\n{}", wrong.join("\n"));
}

#[test]
fn triggers() {
    check(include_str!("triggers.txt"), with_trigger);
}

#[test]
fn rules() {
    check(include_str!("rules.txt"), |relation, text| {
        let mut catalog = schema();
        catalog.add_rule(relation, Some(text.into()));
        catalog.trace_code();
        catalog
    });
}

#[test]
fn expressions() {
    check(include_str!("expressions.txt"), |relation, text| {
        let mut catalog = schema();
        catalog.add_column_expression(ColumnId { relation, number: 2 }, Some(text.into()));
        catalog.trace_code();
        catalog
    });
}

#[test]
fn what_is_not_known_may_be_of_anything() {
    let mut catalog = schema();
    catalog.add_rule(AUDITED, None);
    catalog.add_column_expression(ColumnId { relation: CUSTOMERS, number: 2 }, None);
    catalog.trace_code();
    assert_eq!(shown(&catalog, AUDITED), "customers.name id note < *");
}

#[test]
fn the_servers_own_and_well_known_triggers_need_no_body() {
    let mut catalog = schema();
    catalog.add_function("pg_catalog", "tsvector_update_trigger", 3752);
    catalog.add_extension_function("public", "moddatetime", 21_030);
    let arguments = ["tsv", "pg_catalog.english", "name", "notes"].map(Box::from).to_vec();
    catalog.add_trigger(Trigger { relation: CUSTOMERS, function: 3752, arguments, transition: Vec::new() });
    catalog.add_trigger(Trigger { relation: CUSTOMERS, function: 21_030, ..Trigger::default() });
    catalog.trace_code();
    assert_eq!(shown(&catalog, CUSTOMERS), "tsv < name notes");
    catalog.add_trigger(Trigger { relation: AUDITED, function: 21_007, ..Trigger::default() });
    catalog.trace_code();
    assert_eq!(shown(&catalog, AUDITED), "id note < *; customers.tsv < customers.name customers.notes");
}

#[test]
fn long_texts_are_read_in_time_or_given_up() {
    for part in [
        "NEW.note := (SELECT ssn FROM customers WHERE id = ON (a); ",
        "INTO NEW.x, ",
        "ON ( WHERE ",
        "UPDATE customers SET a = ( ",
        "INSERT INTO audited VALUES ((1, ",
        "a.b.new.* ",
        "((((",
        "DECLARE BEGIN IF x THEN ",
    ] {
        let catalog = with_trigger(AUDITED, &part.repeat(900_000 / part.len()));
        assert!(catalog.code_flows().iter().all(|flow| !flow.sources.is_empty()));
    }
}

/// Words that bodies are made of, whatever their order.
const WORDS: &[&str] = &[
    "NEW",
    "OLD",
    ".",
    "note",
    "ssn",
    "\"note\"",
    ":=",
    "=",
    "SELECT",
    "INTO",
    "FROM",
    "customers",
    "WHERE",
    "(",
    ")",
    ",",
    ";",
    "*",
    "INSERT",
    "VALUES",
    "UPDATE",
    "SET",
    "audited",
    "BEGIN",
    "END",
    "IF",
    "THEN",
    "LOOP",
    "FOR",
    "IN",
    "RETURN",
    "x",
    "get_ssn",
    "1",
    "'t'",
    "CASE",
    "WHEN",
    "ON",
    "CONFLICT",
    "DO",
    "excluded",
    "[",
    "]",
    "::",
    "text",
    "<<",
    ">>",
    "MERGE",
    "COPY",
    "ONLY",
    "#",
    "$1",
    "AS",
    "JOIN",
    "DECLARE",
    "STRICT",
    "CALL",
    "GET",
    "EXECUTE",
    "ALIAS",
    "%",
    "ROWTYPE",
    "RETURNING",
    "<~>",
    "/*",
    "*/",
    "--",
    "$$",
];

proptest! {
    #[test]
    fn no_soup_of_words_makes_it_panic(words in prop::collection::vec(prop::sample::select(WORDS), 0..60)) {
        let text = words.join(" ");
        with_trigger(AUDITED, &text);
        let mut catalog = schema();
        catalog.add_rule(AUDITED, Some(text.as_str().into()));
        catalog.add_column_expression(ColumnId { relation: CUSTOMERS, number: 2 }, Some(text.as_str().into()));
        catalog.trace_code();
    }

    #[test]
    fn a_value_is_found_wherever_its_statement_stands(
        before in prop::collection::vec(prop::sample::select(HARMLESS), 0..6),
        value in prop::sample::select(SECRET),
        behind in prop::collection::vec(prop::sample::select(HARMLESS), 0..6),
    ) {
        let body = format!("DECLARE v text; BEGIN {} {value} {} RETURN NEW; END", before.join(" "), behind.join(" "));
        let catalog = with_trigger(AUDITED, &body);
        let ssn = ColumnId { relation: CUSTOMERS, number: 4 };
        let into = ColumnId { relation: AUDITED, number: 2 };
        let told = catalog.code_flows().iter().any(|flow| flow.into == into && (flow.sources.everything || flow.sources.columns.contains(&ssn)));
        prop_assert!(told, "{}", body);
    }
}

/// Statements that say nothing.
const HARMLESS: &[&str] = &[
    "NEW.id := 1;",
    "PERFORM now();",
    "IF TG_OP = 'INSERT' THEN NEW.id := 2; ELSE NULL; END IF;",
    "-- note\n",
    "/* ; */",
    "BEGIN NEW.id = 3; EXCEPTION WHEN others THEN NULL; END;",
    "FOR i IN 1..3 LOOP NULL; END LOOP;",
    "<<l>> LOOP EXIT l; END LOOP;",
    "CASE NEW.id WHEN 1 THEN NULL; ELSE NULL; END CASE;",
    "v := 'BEGIN; $$';",
    "UPDATE orders SET total = 1;",
];

/// Statements that put a number into `note`.
const SECRET: &[&str] = &[
    "NEW.note := (SELECT ssn FROM customers LIMIT 1);",
    "SELECT ssn INTO NEW.note FROM customers;",
    "SELECT c.ssn INTO v FROM customers c; NEW.note = v;",
    "new . \"note\" := get_ssn('x');",
    "NEW.note := CASE WHEN true THEN (SELECT max(c.ssn) FROM public.customers AS c) ELSE 'x' END;",
    "FOR v IN SELECT * FROM customers LOOP NEW.note := v; END LOOP;",
    "UPDATE audited SET note = (SELECT row_to_json(c) FROM customers c);",
    "INSERT INTO audited (note) SELECT c.ssn FROM customers c;",
    "WITH w AS (SELECT ssn s FROM customers) SELECT s INTO NEW.note FROM w;",
    "EXECUTE 'SELECT ssn FROM customers' INTO NEW.note;",
    "NEW := ROW(1, (SELECT ssn FROM customers));",
    "RETURN ROW(1, (SELECT ssn FROM customers));",
    "v := get_ssn('x'); SELECT 1, v INTO NEW;",
];
