//! Statements, with what they are expected to make of columns, in a short notation.
//!
//! `SQL => outputs; uses; flows; flags`. Of all columns only those that `schema` calls sensitive are shown:
//! `name` has none of them, `e=email` is that column, `lower~email` is computed from it, `x~*` from what can't
//! be told. A use is `filter email`, a flow `-> new email`. No rows are `-`, rows nobody can count `??`.

mod properties;
mod schema;

use super::{ColumnId, CopyTo, Flow, Lineage, Made, MadeColumn, Output, Place, Sources, Tree, Use, UseKind, lineage};
use crate::inspect::catalog::Catalog;
use crate::inspect::postgres::{Bounds, Reading, inspect};
use crate::inspect::{NameKind, Usage};
use schema::{SENSITIVE, schema, scope};

macro_rules! tables {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            check(include_str!(concat!(stringify!($name), ".txt")));
        })*
    };
}

tables! { selects joins ctes set_operations functions json writes copies definitions sessions views catalogs hostile }

/// Each line of `cases` is a text, and behind ` => ` what it makes of columns.
fn check(cases: &str) {
    let catalog = schema();
    let (mut count, mut wrong) = (0, Vec::new());
    for case in cases.lines().filter(|line| !line.starts_with('#')) {
        let (text, expected) = case.split_once(" => ").unwrap_or((case, ""));
        let found =
            understood(text).map_or_else(|| "not understood".to_owned(), |tree| shown(&catalog, &lineage_of(&catalog, &tree)));
        if found != expected {
            wrong.push(format!("{text} => {found}"));
        }
        count += 1;
    }
    assert!(count > 9 && wrong.is_empty(), "of {count}, read otherwise:\n{}", wrong.join("\n"));
}

/// The lineage of a text, which is one statement.
fn read(catalog: &Catalog, text: &str) -> Lineage {
    lineage_of(catalog, &understood(text).unwrap_or_else(|| panic!("not understood: {text:.80}")))
}

fn lineage_of(catalog: &Catalog, tree: &Tree) -> Lineage {
    lineage(tree.node().expect("a tree"), &scope(catalog))
}

/// The tree of a text, which is one statement.
fn understood(text: &str) -> Option<Tree> {
    let reading = Reading { standard_conforming_strings: Some(true), exact: true };
    let inspection = inspect(text, reading, Bounds::default());
    let [statement] = inspection.statements.as_slice() else { return None };
    statement.tree.clone()
}

fn shown(catalog: &Catalog, lineage: &Lineage) -> String {
    let Lineage { outputs, unknown_outputs, uses, flows, touched: _, runs_code, copy, refers, makes: _, renames: _, body } =
        lineage;
    let mut parts = vec![match (outputs, unknown_outputs) {
        (None, false) => "-".to_owned(),
        (None, true) => "??".to_owned(),
        (Some(outputs), false) => outputs.iter().map(|output| of_output(catalog, output)).collect::<Vec<_>>().join(", "),
        (Some(_), true) => panic!("columns that are counted and not"),
    }];
    for Use { kind, sources } in uses {
        let sources = of_sources(catalog, sources);
        if !sources.is_empty() {
            parts.push(format!("{} {sources}", format!("{kind:?}").to_lowercase()));
        }
    }
    for Flow { sources, into } in flows {
        let sources = of_sources(catalog, sources);
        if !sources.is_empty() {
            parts.push(format!("-> {} {sources}", of_place(catalog, *into)));
        }
    }
    if *runs_code {
        parts.push("code".to_owned());
    }
    parts.extend(copy.as_ref().map(of_copy));
    parts.extend(refers.as_ref().map(|name| match name.kind {
        NameKind::Prepared => format!("prepared {}", name.name),
        NameKind::Cursor => format!("cursor {}", name.name),
    }));
    parts.extend(body.as_ref().map(|body| format!("[{}]", shown(catalog, body))));
    parts.join("; ")
}

fn of_output(catalog: &Catalog, output: &Output) -> String {
    let Output { name, sources, direct, type_oid: _ } = output;
    let sources = of_sources(catalog, sources);
    match (sources.is_empty(), direct) {
        (true, _) => name.to_string(),
        (false, true) => format!("{name}={sources}"),
        (false, false) => format!("{name}~{sources}"),
    }
}

fn of_sources(catalog: &Catalog, sources: &Sources) -> String {
    if sources.everything {
        return "*".to_owned();
    }
    // What a child has from its parent is not shown beside the parent's.
    let inherited = |id: &ColumnId| {
        let mut parents = catalog.ancestors(id.relation).into_iter();
        let name = catalog.column(*id).map(|column| &*column.name).unwrap_or_default();
        parents.any(|parent| {
            let column = catalog.column_named(parent, name).map(|column| column.number);
            column.is_some_and(|number| sources.columns.contains(&ColumnId { relation: parent, number }))
        })
    };
    let shown = sources.columns.iter().filter(|id| !inherited(id));
    shown.filter_map(|id| of_column(catalog, *id)).collect::<Vec<_>>().join("+")
}

/// Columns of `customers` by their names alone; none of those that are not sensitive.
fn of_column(catalog: &Catalog, id: ColumnId) -> Option<String> {
    let (_, relation) = catalog.name_of(id.relation)?;
    let column = &catalog.column(id)?.name;
    let known = SENSITIVE.iter().any(|(known, columns)| *known == id.relation && columns.contains(&&**column));
    known.then(|| if id.relation == schema::CUSTOMERS { column.to_string() } else { format!("{relation}.{column}") })
}

fn of_place(catalog: &Catalog, place: Place) -> String {
    match place {
        Place::Column(id) => {
            let (_, relation) = catalog.name_of(id.relation).expect("a relation that is known");
            format!("{relation}.{}", catalog.column(id).expect("a column that is known").name)
        }
        Place::NewRelation => "new".to_owned(),
        Place::LargeObject => "lo".to_owned(),
        Place::Setting
        | Place::Sequence
        | Place::Notification
        | Place::Comment
        | Place::Code
        | Place::Server
        | Place::Unknown => format!("{place:?}").to_lowercase(),
    }
}

fn of_copy(copy: &CopyTo) -> String {
    let CopyTo {
        format,
        delimiter,
        null,
        quote,
        escape,
        encoding,
        header,
        force_quote_all,
        force_quote,
        columns,
        unknown_option,
    } = copy;
    let mut text = format!("copy {}", format.map_or_else(|| "?".to_owned(), |format| format!("{format:?}").to_lowercase()));
    for (word, value) in [("delimiter", delimiter), ("null", null), ("quote", quote), ("escape", escape), ("encoding", encoding)]
    {
        if let Some(value) = value {
            text += &format!(" {word} <{value}>");
        }
    }
    for (word, on) in [("header", *header), ("force_quote *", *force_quote_all), ("?", *unknown_option)] {
        if on {
            text += &format!(" {word}");
        }
    }
    for (word, names) in [("force_quote", force_quote), ("columns", columns)] {
        if !names.is_empty() {
            text += &format!(" {word} {}", names.join("+"));
        }
    }
    text
}

#[test]
fn what_is_not_exact_has_no_tree_and_bodies_have_theirs() {
    let of = |text: &str, exact| inspect(text, Reading { standard_conforming_strings: Some(true), exact }, Bounds::default());
    assert!(of("SELECT 1", false).statements[0].tree.is_none());
    let prepared = &of("SELECT 1; PREPARE p AS SELECT email FROM customers", true).statements[1];
    let Usage::Make(body) = &prepared.names[0].usage else { panic!("PREPARE makes a name") };
    let catalog = schema();
    let lineage = lineage(body.tree.as_ref().unwrap().node().unwrap(), &scope(&catalog));
    assert_eq!(shown(&catalog, &lineage), "email=email");
    let both = inspect("SELECT '\\'", Reading { standard_conforming_strings: None, exact: true }, Bounds::default());
    assert!(both.statements.iter().all(|statement| statement.tree.is_none()));
    let tree = of("SELECT 1", true).statements[0].tree.clone().unwrap();
    assert_eq!((tree.clone(), format!("{tree:?}").as_str()), (tree, "Tree"));
}

#[test]
fn literals_of_long_lists_count_where_they_are_read_exactly() {
    let columns = vec!["1"; 40_000].join(", ");
    let catalog = schema();
    let lineage = read(&catalog, &format!("SELECT {columns}, email FROM customers"));
    let outputs = lineage.outputs.unwrap();
    assert_eq!((outputs.len(), outputs.iter().filter(|output| output.sources.is_empty()).count()), (40_001, 40_000));
}

#[test]
fn what_is_made_is_known_with_what_flows_into_it() {
    let catalog = schema();
    for (text, expected) in [
        ("CREATE TABLE t (a int PRIMARY KEY, b text DEFAULT 'x' CHECK (b <> ''))", "t(a, b)"),
        ("CREATE TEMP TABLE t (a int) ON COMMIT DROP", "temporary t(a) until commit"),
        ("CREATE TABLE pg_temp.t (a int)", "temporary t(a)"),
        ("CREATE TABLE sales.t (a int REFERENCES plain)", "sales.t(a)"),
        ("CREATE TABLE t (a text REFERENCES customers (email))", "t(a) held against email"),
        ("CREATE TABLE t (LIKE customers)", ""),
        ("CREATE TABLE t () INHERITS (customers)", ""),
        ("CREATE TABLE IF NOT EXISTS t (a int)", ""),
        ("CREATE TABLE t (a int DEFAULT tag('x'))", ""),
        ("CREATE TABLE t AS SELECT id, email FROM customers", "t(id, email~email)"),
        ("CREATE TABLE t (x) AS SELECT id, name FROM customers", "t(x, name)"),
        ("CREATE TABLE IF NOT EXISTS t AS SELECT id FROM customers", ""),
        ("CREATE TABLE t AS SELECT * FROM gone", ""),
        ("SELECT id, lower(email) INTO TEMP t FROM customers", "temporary t(id, lower~email)"),
        ("CREATE VIEW t AS SELECT id, name FROM customers", "t(id, name)"),
        ("CREATE TEMP VIEW t (a) AS SELECT email FROM customers", "temporary t(a~email)"),
        ("CREATE OR REPLACE VIEW t AS SELECT id FROM customers", ""),
        ("CREATE VIEW t AS SELECT tag('x') AS a", ""),
        ("ALTER TABLE plain ADD COLUMN a int DEFAULT 7, ADD COLUMN b text", "longer public.plain(a, b)"),
        ("ALTER TABLE plain ADD COLUMN a int, DROP COLUMN label", ""),
        ("ALTER TABLE customers ADD COLUMN a int", ""),
        ("ALTER TABLE plain ADD COLUMN a int DEFAULT tag('x')", ""),
        ("SELECT 1", ""),
    ] {
        let made = read(&catalog, text).makes.map(|made| {
            let Made { schema, name, temporary, until_commit, extends, columns, touched: _, probed } = made;
            let column = |column: &MadeColumn| {
                let sources = of_sources(&catalog, &column.sources);
                if sources.is_empty() { column.name.to_string() } else { format!("{}~{sources}", column.name) }
            };
            let columns = columns.iter().map(column).collect::<Vec<_>>().join(", ");
            let before = if extends {
                "longer "
            } else if temporary {
                "temporary "
            } else {
                ""
            };
            let schema = schema.map(|schema| format!("{schema}.")).unwrap_or_default();
            let probed = of_sources(&catalog, &probed);
            let probed = if probed.is_empty() { probed } else { format!(" held against {probed}") };
            format!("{before}{schema}{name}({columns}){}{probed}", if until_commit { " until commit" } else { "" })
        });
        assert_eq!(made.unwrap_or_default(), expected, "{text}");
    }
}

#[test]
fn what_errors_may_quote_is_touched() {
    let catalog = schema();
    for (text, expected) in [
        ("SELECT 1", ""),
        ("SELECT id FROM customers", "email+ssn+notes+born+salary"),
        ("SELECT id FROM contacts", "email+ssn+notes+born+salary"),
        ("UPDATE orders SET total = 0", "orders.comment"),
        ("SELECT public.tag('x')", "*"),
        ("COMMIT", "*"),
        ("BEGIN", ""),
        ("SELECT 1 FROM scratch", "email"),
        ("SELECT 1 FROM gone", "*"),
        ("SELECT relname FROM pg_class", ""),
    ] {
        assert_eq!(of_sources(&catalog, &read(&catalog, text).touched), expected, "{text}");
    }
}

#[test]
fn everything_is_used_and_goes_somewhere_where_nothing_was_understood() {
    let Lineage { outputs, unknown_outputs, uses, flows, touched, runs_code, copy: _, refers: _, makes: _, renames: _, body: _ } =
        Lineage::everything();
    assert!(outputs.is_none() && unknown_outputs && touched.everything && runs_code);
    assert_eq!(uses, [Use { kind: UseKind::Raise, sources: Sources::everything() }]);
    assert_eq!(flows, [Flow { sources: Sources::everything(), into: Place::Unknown }]);
}
