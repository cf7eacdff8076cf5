//! The database of the tests.

use crate::inspect::catalog::{Catalog, RelationKind};
use crate::inspect::lineage::{ColumnId, LineageScope, Made, MadeColumn, Own, Sources};
use std::collections::BTreeSet;
use std::sync::LazyLock;

pub(super) const CUSTOMERS: u32 = 20_000;
const ORDERS: u32 = 20_001;
const VIPS: u32 = 20_002;
const EVENTS: u32 = 20_003;
const EVENTS_1: u32 = 20_004;
const SALES_CUSTOMERS: u32 = 20_020;

/// The columns that matter.
pub(super) const SENSITIVE: [(u32, &[&str]); 6] = [
    (CUSTOMERS, &["email", "ssn", "notes", "born", "salary"]),
    (ORDERS, &["comment"]),
    (VIPS, &["email", "ssn", "notes", "born", "salary", "phone"]),
    (EVENTS, &["who"]),
    (EVENTS_1, &["who"]),
    (SALES_CUSTOMERS, &["email"]),
];

static PATH: LazyLock<Vec<Box<str>>> = LazyLock::new(|| vec!["public".into()]);
static SESSION: LazyLock<Own> = LazyLock::new(|| {
    let column = |name: &str, sources: Sources| MadeColumn { name: name.into(), sources, loud: false };
    let of_email = Sources::of(ColumnId { relation: CUSTOMERS, number: 3 });
    let scratch = Made {
        schema: None,
        name: "scratch".into(),
        temporary: true,
        until_commit: false,
        extends: false,
        columns: vec![column("id", Sources::default()), column("a", of_email)],
        touched: Sources::default(),
        probed: Sources::default(),
    };
    let longer = Made {
        schema: Some("public".into()),
        name: "orders".into(),
        temporary: false,
        extends: true,
        columns: vec![column("added", Sources::default())],
        ..scratch.clone()
    };
    Own { made: vec![scratch, longer], code_ran: true, ..Own::default() }
});
static PURE: LazyLock<BTreeSet<(Box<str>, Box<str>)>> = LazyLock::new(|| BTreeSet::from([("public".into(), "slug".into())]));

pub(super) fn scope(catalog: &Catalog) -> LineageScope<'_> {
    LineageScope { catalog, search_path: Some(&PATH), own: &SESSION, pure: &PURE }
}

/// The same where the search path is not known.
pub(super) fn pathless(catalog: &Catalog) -> LineageScope<'_> {
    LineageScope { search_path: None, ..scope(catalog) }
}

pub(super) fn schema() -> Catalog {
    let mut catalog = Catalog::default();
    for name in ["pg_catalog", "information_schema", "public", "sales"] {
        catalog.add_schema(name);
    }
    tables(&mut catalog);
    views(&mut catalog);
    built_in(&mut catalog);
    catalog.add_function("public", "tag", 21_000);
    catalog.add_function("public", "slug", 21_001);
    catalog.add_extension_function("public", "upper", 21_002);
    catalog.add_function("public", "shadow", 21_003);
    catalog.add_function("public", "initcap", 21_004);
    catalog.add_function("sales", "lower", 21_005);
    catalog.add_operator("public", "~~~", 21_000);
    catalog.add_operator("public", "<->", 21_000);
    catalog.add_type("public", "mood", []);
    catalog.add_type("public", "trapped", [21_000]);
    catalog.add_type("public", "money", [21_000]);
    catalog.trace_views();
    catalog
}

fn relation(catalog: &mut Catalog, schema: &str, name: &str, oid: u32, kind: RelationKind, columns: &[(&str, u32)]) {
    catalog.add_relation(schema, name, oid, kind, false);
    for (place, (column, type_oid)) in columns.iter().enumerate() {
        catalog.add_column(oid, i16::try_from(place + 1).unwrap(), column, *type_oid, -1);
    }
}

const OWN: [(&str, u32); 7] =
    [("id", 23), ("name", 25), ("email", 25), ("ssn", 1043), ("notes", 3802), ("born", 1082), ("salary", 1700)];

fn tables(catalog: &mut Catalog) {
    relation(catalog, "public", "customers", CUSTOMERS, RelationKind::Table, &OWN);
    let columns = [("id", 23), ("customer", 23), ("total", 1700), ("comment", 25)];
    relation(catalog, "public", "orders", ORDERS, RelationKind::Table, &columns);
    let columns: Vec<_> = OWN.into_iter().chain([("phone", 25)]).collect();
    relation(catalog, "public", "vips", VIPS, RelationKind::Table, &columns);
    catalog.add_child(CUSTOMERS, VIPS);
    relation(catalog, "public", "events", EVENTS, RelationKind::Partitioned, &[("id", 23), ("who", 25), ("at", 1114)]);
    relation(catalog, "public", "events_1", EVENTS_1, RelationKind::Table, &[("at", 1114), ("id", 23), ("who", 25)]);
    catalog.add_child(EVENTS, EVENTS_1);
    relation(
        catalog,
        "public",
        "plain",
        20_005,
        RelationKind::Table,
        &[("id", 23), ("label", 25), ("amount", 1700), ("doubled", 1700)],
    );
    catalog.add_generated(20_005, 4);
    relation(catalog, "public", "tagged_plain", 20_007, RelationKind::Table, &[("id", 23), ("tags", 1009)]);
    catalog.add_relation("public", "audited", 20_006, RelationKind::Table, true);
    catalog.add_column(20_006, 1, "id", 23, -1);
    catalog.add_column(20_006, 2, "label", 25, -1);
    relation(catalog, "sales", "customers", SALES_CUSTOMERS, RelationKind::Table, &[("id", 23), ("email", 25)]);
    catalog.add_relation("public", "customers_id_seq", 20_030, RelationKind::Sequence, false);
    catalog.add_relation("public", "customers_pkey", 20_031, RelationKind::Index, false);
    catalog.add_constraint(CUSTOMERS, &[1], None);
    catalog.add_constraint(CUSTOMERS, &[3], None);
    catalog.add_constraint(ORDERS, &[1], None);
    catalog.add_constraint(ORDERS, &[2, 4], Some((CUSTOMERS, &[1, 4])));
}

fn views(catalog: &mut Catalog) {
    let mut view = |name: &str, oid: u32, kind, columns: &[(&str, u32)], bases: &[u32], sql: &str| {
        relation(catalog, "public", name, oid, kind, columns);
        bases.iter().for_each(|base| catalog.add_base(oid, *base));
        catalog.add_view_definition(oid, sql);
    };
    let kind = RelationKind::View;
    // Before what it is made of, by number.
    let sql = " SELECT c.id, c.mail, c.loud FROM public.contacts c WHERE c.mail IS NOT NULL;";
    view("directory", 20_010, kind, &[("id", 23), ("mail", 25), ("loud", 25)], &[20_011], sql);
    let sql = " SELECT customers.id, customers.email AS mail, upper(customers.email) AS loud FROM public.customers;";
    view("contacts", 20_011, kind, &[("id", 23), ("mail", 25), ("loud", 25)], &[CUSTOMERS], sql);
    let sql = " SELECT count(*) AS n, max(customers.salary) AS top FROM public.customers;";
    view("summary", 20_012, RelationKind::MaterialisedView, &[("n", 20), ("top", 1700)], &[CUSTOMERS], sql);
    view("broken", 20_013, kind, &[("a", 25)], &[CUSTOMERS], " SELECT FROM WHERE");
    view("loop_a", 20_014, kind, &[("a", 25)], &[20_015], " SELECT loop_b.a FROM public.loop_b;");
    view("loop_b", 20_015, kind, &[("a", 25)], &[20_014], " SELECT loop_a.a FROM public.loop_a;");
    view(
        "tagged",
        20_016,
        kind,
        &[("id", 23), ("t", 25)],
        &[CUSTOMERS],
        " SELECT customers.id, public.tag(customers.email) AS t FROM public.customers;",
    );
    view("stale", 20_017, kind, &[("a", 25), ("b", 25)], &[CUSTOMERS], " SELECT customers.name AS a FROM public.customers;");
    view("untold", 20_018, kind, &[("a", 25)], &[], " SELECT gone.a FROM public.gone;");
    let sql = " SELECT customers.id, customers.name FROM public.customers UNION ALL SELECT orders.id, orders.comment FROM public.orders;";
    view("texts", 20_019, kind, &[("id", 23), ("name", 25)], &[CUSTOMERS, ORDERS], sql);
    relation(catalog, "public", "undefined", 20_021, kind, &[("a", 25)]);
}

fn built_in(catalog: &mut Catalog) {
    let mut built_in =
        |name: &str, oid: u32, kind, columns: &[(&str, u32)]| relation(catalog, "pg_catalog", name, oid, kind, columns);
    built_in("pg_class", 1259, RelationKind::Table, &[("oid", 26), ("relname", 19), ("relnamespace", 26)]);
    built_in("pg_namespace", 2615, RelationKind::Table, &[("oid", 26), ("nspname", 19)]);
    built_in("pg_attribute", 1249, RelationKind::Table, &[("attrelid", 26), ("attname", 19), ("attmissingval", 2277)]);
    built_in(
        "pg_description",
        2609,
        RelationKind::Table,
        &[("objoid", 26), ("classoid", 26), ("objsubid", 23), ("description", 25)],
    );
    built_in("pg_largeobject", 2613, RelationKind::Table, &[("loid", 26), ("pageno", 23), ("data", 17)]);
    let columns = [
        ("schemaname", 19),
        ("tablename", 19),
        ("attname", 19),
        ("inherited", 16),
        ("null_frac", 700),
        ("most_common_vals", 2277),
    ];
    built_in("pg_stats", 12_000, RelationKind::View, &columns);
    built_in("pg_stat_activity", 12_001, RelationKind::View, &[("pid", 23), ("state", 25), ("query", 25)]);
    built_in("pg_settings", 12_002, RelationKind::View, &[("name", 25), ("setting", 25)]);
}
