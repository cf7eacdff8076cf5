//! Lineage of what is very deep or very wide: it comes, on a worker's stack, and beyond its limits it is everything.
#![expect(clippy::unwrap_used, reason = "a helper of tests: a thread that can't be made or that fails is the failure")]

use gateway_core::inspect::catalog::{Catalog, RelationKind};
use gateway_core::inspect::lineage::{Lineage, LineageScope, Own, Tree, lineage};
use gateway_core::inspect::postgres::{Bounds, Reading, STACK, inspect};
use std::collections::BTreeSet;

fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    catalog.add_schema("public");
    for (oid, name) in [(20_000, "customers"), (20_001, "orders")] {
        catalog.add_relation("public", name, oid, RelationKind::Table, false);
        for (number, column) in [(1, "id"), (2, "name"), (3, "email"), (4, "ssn")] {
            catalog.add_column(oid, number, column, 25, -1);
        }
    }
    catalog.trace_views();
    catalog
}

fn of(catalog: &Catalog, tree: &Tree) -> Lineage {
    let pure = BTreeSet::new();
    lineage(tree.node().unwrap(), &LineageScope { catalog, search_path: None, own: &Own::default(), pure: &pure })
}

/// The tree of a text that is too deep for a test's own stack.
fn tree(text: String) -> Tree {
    let reading = Reading { standard_conforming_strings: Some(true), exact: true };
    let read = move || inspect(&text, reading, Bounds::default()).statements.first().unwrap().tree.clone().unwrap();
    std::thread::Builder::new().stack_size(STACK).spawn(read).unwrap().join().unwrap()
}

#[test]
fn what_is_too_deep_or_too_much_carries_everything() {
    let catalog = catalog();
    let found = of(&catalog, &tree(format!("SELECT email{} FROM customers", " + 1".repeat(1_500))));
    assert!(found.outputs.is_some_and(|outputs| outputs[0].sources.everything) && found.runs_code && found.touched.everything);
    let outputs = of(&catalog, &tree(format!("SELECT email{} FROM customers", " || 'a'".repeat(900)))).outputs.unwrap();
    assert!(!outputs[0].sources.everything && !outputs[0].sources.is_empty());
    // Each level doubles the columns.
    let mut wide = "SELECT * FROM customers".to_owned();
    while wide.len() < 200_000 {
        wide = format!("SELECT * FROM ({wide}) a, ({wide}) b");
    }
    let found = of(&catalog, &tree(wide));
    assert!(found.unknown_outputs || found.outputs.is_some_and(|outputs| !outputs.is_empty()));
    let unions = of(&catalog, &tree(vec!["SELECT email FROM customers"; 600].join(" UNION ALL ")));
    assert!(unions.outputs.is_some_and(|outputs| outputs.len() == 1 && outputs[0].direct));
    let joins = of(&catalog, &tree(format!("SELECT count(*) FROM orders {}", "JOIN customers USING (id) ".repeat(200))));
    assert!(joins.outputs.is_some());
}

#[test]
fn it_fits_the_stack_of_a_worker_thread() {
    let tree = tree(format!("SELECT {}email{} FROM customers", "lower(".repeat(900), ")".repeat(900)));
    let reading = move || {
        // The tree is also dropped here.
        of(&catalog(), &tree).outputs.is_some_and(|outputs| !outputs[0].sources.is_empty())
    };
    assert!(std::thread::Builder::new().stack_size(2 << 20).spawn(reading).unwrap().join().unwrap());
}
