//! Whatever the statement: an answer comes, and what names a sensitive column says so.

use super::schema::{CUSTOMERS, pathless, schema, scope};
use super::*;
use proptest::prelude::*;

/// What an expression may begin with.
fn leaf() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "1",
        "'x'",
        "$1",
        "NULL",
        "email",
        "ssn",
        "c.email",
        "customers.email",
        "public.customers.email",
        "name",
        "c",
        "c.*",
        "ctid",
        "nothing",
        "c.nothing",
        "x.y.z.w",
        "(c).email",
        "(c).nothing",
        "o.comment",
        "old.email",
        "excluded.email",
        "count(*)",
        "current_user",
        "email::int",
        "notes->'a'",
        "(SELECT email FROM customers)",
        "ARRAY[email]",
        "row(c.*)",
        "email(c)",
    ])
    .prop_map(str::to_owned)
}

fn expression() -> impl Strategy<Value = String> {
    leaf().prop_recursive(6, 48, 4, |inner| {
        let one = prop::sample::select(vec![
            "lower(#)",
            "tag(#)",
            "(#)::text",
            "(#)::int",
            "NOT #",
            "# IS NULL",
            "(#).email",
            "(#)[1]",
            "- #",
            "(SELECT #)",
            "EXISTS (SELECT # FROM orders o)",
            "ARRAY(SELECT #)",
            "to_json(#)",
            "sum(#) OVER (ORDER BY #)",
            "(SELECT x FROM (SELECT # AS x) s)",
            "(WITH RECURSIVE r(a) AS (SELECT # UNION SELECT a FROM r) SELECT a FROM r)",
            "# COLLATE \"C\"",
            "count(*) FILTER (WHERE #)",
            "array_agg(# ORDER BY #)",
            "JSON_OBJECT('k': #)",
            "xmlelement(name a, #)",
            "pg_notify('a', #)",
            "(SELECT a FROM LATERAL (SELECT #) t(a))",
        ]);
        let two = prop::sample::select(vec![
            "# = @",
            "# || @",
            "# + @",
            "# AND @",
            "COALESCE(#, @)",
            "NULLIF(#, @)",
            "CASE WHEN # THEN @ END",
            "# LIKE @",
            "# IN (@, #)",
            "# BETWEEN @ AND @",
            "ROW(#, @)",
            "GREATEST(#, @)",
            "concat(#, @)",
            "# ~~~ @",
            "# IN (SELECT @)",
            "substring(# FROM @)",
            "(#, @)",
        ]);
        let unary = (one, inner.clone()).prop_map(|(form, part)| form.replace('#', &part));
        let binary = (two, inner.clone(), inner).prop_map(|(form, one, other)| form.replace('#', &one).replace('@', &other));
        prop_oneof![unary, binary]
    })
}

fn statement() -> impl Strategy<Value = String> {
    let forms = prop::sample::select(vec![
        "SELECT # FROM customers c, orders o",
        "SELECT DISTINCT ON (#) # AS x FROM customers c LEFT JOIN orders o USING (id) WHERE # GROUP BY # HAVING # ORDER BY # LIMIT #",
        "SELECT * FROM (SELECT # FROM customers c NATURAL JOIN orders o) s, LATERAL (SELECT #) t",
        "INSERT INTO orders (comment) SELECT # FROM customers c ON CONFLICT (id) DO UPDATE SET comment = # WHERE # RETURNING #",
        "UPDATE orders o SET comment = #, (total, customer) = (SELECT #, #) FROM customers c WHERE # RETURNING #, *",
        "DELETE FROM customers c USING orders o WHERE # RETURNING #",
        "MERGE INTO orders o USING customers c ON # WHEN MATCHED AND # THEN UPDATE SET comment = # WHEN NOT MATCHED THEN INSERT (comment) VALUES (#)",
        "CREATE TABLE x AS SELECT # FROM customers c, orders o",
        "SELECT # FROM customers c, orders o UNION SELECT # FROM customers c, orders o ORDER BY 1",
        "EXPLAIN ANALYZE SELECT # FROM customers c, orders o",
        "COPY (SELECT # FROM customers c, orders o) TO STDOUT",
        "CREATE INDEX ON customers ((#)) WHERE #",
        "VALUES (#, #), (#, #)",
    ]);
    (forms, expression(), expression()).prop_map(|(form, one, other)| {
        let mut text = String::new();
        for (place, part) in form.split('#').enumerate() {
            if place > 0 {
                text += if place % 2 == 0 { &one } else { &other };
            }
            text += part;
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_statement_has_an_answer(text in statement()) {
        let catalog = schema();
        let reading = Reading { standard_conforming_strings: Some(true), exact: true };
        for statement in inspect(&text, reading, Bounds::default()).statements {
            let Some(tree) = statement.tree.as_ref().and_then(Tree::node) else { continue };
            let known = lineage(tree, &scope(&catalog));
            prop_assert!(known.outputs.is_none() || !known.unknown_outputs);
            // A path that is not known rules nothing out.
            let unknown = lineage(tree, &pathless(&catalog));
            prop_assert!(unknown.unknown_outputs || known.outputs.is_some() == unknown.outputs.is_some(), "{}", text);
            // The same tree, the same answer.
            prop_assert_eq!(&known, &lineage(tree, &scope(&catalog)));
        }
    }

    /// However a column is wrapped, what comes out is made of it.
    #[test]
    fn a_column_is_never_lost(wraps in prop::collection::vec(0usize..12, 1..12)) {
        let catalog = schema();
        let mut text = "SELECT email AS v FROM customers".to_owned();
        for wrap in wraps {
            text = match wrap {
                0 => format!("SELECT v FROM ({text}) s"),
                1 => format!("SELECT s.v FROM ({text}) AS s(v)"),
                2 => format!("WITH w AS ({text}) SELECT * FROM w"),
                3 => format!("SELECT v FROM ({text}) s UNION ALL SELECT NULL"),
                4 => format!("SELECT lower(v) AS v FROM ({text}) s"),
                5 => format!("SELECT (SELECT v) AS v FROM ({text}) s"),
                6 => format!("SELECT (s).v FROM ({text}) s"),
                7 => format!("SELECT t.v FROM ({text}) s, LATERAL (SELECT s.v) t"),
                8 => format!("SELECT max(v) AS v FROM ({text}) s"),
                9 => format!("SELECT a.v FROM ({text}) s(a1) JOIN LATERAL (SELECT a1) a(v) ON true"),
                10 => format!("SELECT CASE WHEN true THEN v ELSE '' END AS v FROM ({text}) s"),
                _ => format!("WITH RECURSIVE r(v) AS ({text} UNION ALL SELECT v FROM r) SELECT v FROM r"),
            };
        }
        let found = read(&catalog, &text);
        let outputs = found.outputs.unwrap_or_else(|| panic!("no outputs: {text}"));
        let email = ColumnId { relation: CUSTOMERS, number: 3 };
        prop_assert!(outputs.len() == 1, "{}", text);
        prop_assert!(outputs[0].sources.columns.contains(&email), "{}: {:?}", text, outputs);
    }
}
