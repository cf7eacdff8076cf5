//! Catalogs that carry values, and functions that reach past them.

use super::clause::Clause;
use crate::leak::{Case, State};

pub(super) fn cases() -> Vec<Case> {
    [statistics(), activity(), beside(), stores()].map(Clause::cases).concat()
}

fn statistics() -> Clause {
    Clause::new("statistics")
        .reads([
            "SELECT histogram_bounds FROM pg_stats WHERE tablename = 'customers' AND attname = 'email'",
            "SELECT * FROM pg_stats WHERE tablename = 'customers'",
            "SELECT most_common_vals::text FROM pg_stats WHERE tablename = 'people_low'",
            "SELECT array_to_string(histogram_bounds, ',') FROM pg_stats WHERE tablename = 'customers' AND attname = 'ssn'",
            "SELECT stavalues1 FROM pg_statistic WHERE starelid = 'customers'::regclass",
            "SELECT s FROM pg_statistic s WHERE starelid = 'customers'::regclass",
            "SELECT stavalues1::text, stavalues2::text FROM pg_catalog.pg_statistic",
            "SELECT row_to_json(s) FROM pg_stats s WHERE tablename = 'customers'",
            "SELECT most_common_vals FROM pg_stats_ext",
            "SELECT * FROM pg_stats_ext WHERE statistics_name = 'customers_ssn'",
            "SELECT stxdmcv::text FROM pg_statistic_ext_data",
            "SELECT m.* FROM pg_statistic_ext_data, pg_mcv_list_items(stxdmcv) m",
            "SELECT null_frac FROM pg_stats WHERE tablename = 'maybe' AND attname = 'secret'",
            "SELECT avg_width FROM pg_stats WHERE tablename = 'customers' ORDER BY attname",
            "SELECT n_distinct, correlation FROM pg_stats WHERE tablename = 'customers' AND attname = 'email'",
            "SELECT * FROM pg_stats_ext_exprs",
        ])
        .unshown()
        // In no order.
        .reads(["TABLE pg_stats"])
        .vary()
}

fn activity() -> Clause {
    Clause::new("what others say")
        .reads([
            "SELECT query FROM pg_stat_activity WHERE application_name = 'beside'",
            "SELECT * FROM pg_stat_activity WHERE pid <> pg_backend_pid()",
            "SELECT (pg_stat_get_activity(NULL)).query",
            "SELECT * FROM pg_stat_get_activity(NULL)",
            "SELECT pg_stat_get_backend_activity(n) FROM pg_stat_get_backend_idset() n",
            "SELECT query FROM pg_stat_statements",
            "SELECT a::text FROM pg_stat_activity a",
            "SELECT row_to_json(a) FROM pg_stat_activity a",
        ])
        .vary()
        .alone([
            format!(
                "PREPARE known AS SELECT id FROM customers WHERE ssn = '{}' ;; SELECT statement FROM pg_prepared_statements",
                State::Ada.ssn("customers", 1)
            ),
            "BEGIN ;; DECLARE c CURSOR FOR SELECT email FROM customers ;; SELECT statement FROM pg_cursors ;; ROLLBACK"
                .to_owned(),
        ])
        .unshown()
}

fn beside() -> Clause {
    let dblink = "dbname=app user=app";
    let port = "' || current_setting('port') || '";
    Clause::new("ways beside the session").reads([
        format!("SELECT * FROM dblink('host=127.0.0.1 port={port} {dblink}', 'SELECT email FROM customers') AS t (e text)"),
        format!("SELECT * FROM dblink('host=127.0.0.1 port={port} {dblink}', 'SELECT ssn, bio FROM customers') AS t (a text, b text)"),
        format!("SELECT dblink_exec('host=127.0.0.1 port={port} {dblink}', 'DO $$ BEGIN RAISE EXCEPTION ''%'', (SELECT ssn FROM customers WHERE id = 1); END $$')"),
        "SELECT * FROM crosstab('SELECT id, name, ssn FROM customers ORDER BY 1', 'SELECT ''Customer 1''') AS t (id int, x text)".to_owned(),
        "SELECT * FROM connectby('customers', 'ssn', 'ssn', (SELECT ssn FROM customers WHERE id = 1), 0) AS t (a text, b text, c int)".to_owned(),
        "SELECT word FROM ts_stat('SELECT to_tsvector(''simple'', bio) FROM customers')".to_owned(),
        "SELECT ts_rewrite('a'::tsquery, 'SELECT ''a''::tsquery, to_tsquery(''simple'', ssn) FROM customers WHERE id = 1')".to_owned(),
        "SELECT * FROM pgrowlocks('customers')".to_owned(),
        "SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef".to_owned(),
        "SELECT pg_get_viewdef('contacts'), pg_get_functiondef('get_ssn'::regproc)".to_owned(),
    ])
    .unshown()
}

fn stores() -> Clause {
    Clause::new("places that keep").undone([
        "SELECT lo_from_bytea(4711, string_agg(email, ',')::bytea) FROM customers ;; SELECT lo_get(4711) ;; SELECT data FROM pg_largeobject WHERE loid = 4711",
        "SELECT lo_create(4712) ;; SELECT lo_put(4712, 0, ssn::bytea) FROM customers WHERE id = 1 ;; SELECT lo_get(4712)",
        "SELECT lowrite(lo_open(lo_create(4713), 131072), ssn::bytea) FROM customers WHERE id = 1 ;; SELECT lo_get(4713)",
        "SELECT setval('counter', pin) FROM customers WHERE id = 1 ;; SELECT currval('counter'), last_value FROM counter",
        "SELECT setval('counter', (SELECT ascii(ssn) FROM customers WHERE id = 2)) ;; SELECT nextval('counter') ;; SELECT lastval()",
        "SELECT run_text('COMMENT ON TABLE plain IS ' || quote_literal(ssn)) FROM customers WHERE id = 1 ;; SELECT obj_description('plain'::regclass)",
        "SELECT run_text('CREATE TABLE ' || quote_ident('t' || left(ssn, 12)) || ' ()') FROM customers WHERE id = 1 ;; SELECT relname FROM pg_class WHERE relname LIKE 't_____________'",
        "SELECT run_text('ALTER TABLE plain ALTER label SET DEFAULT ' || quote_literal(ssn)) FROM customers WHERE id = 1 ;; SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = 'plain'::regclass",
        "DO $$ BEGIN EXECUTE 'COMMENT ON TABLE plain IS ' || quote_literal((SELECT ssn FROM customers WHERE id = 1)); END $$ ;; SELECT obj_description('plain'::regclass)",
        "SELECT pg_logical_emit_message(false, 'x', email) FROM customers",
        "SELECT pg_advisory_lock(pin) FROM customers WHERE id = 1 ;; SELECT objid, classid FROM pg_locks WHERE locktype = 'advisory' ;; SELECT pg_advisory_unlock_all()",
        "SELECT pg_advisory_xact_lock(ascii(ssn), 7) FROM customers WHERE id = 1 ;; SELECT classid FROM pg_locks WHERE locktype = 'advisory'",
        "SELECT pg_try_advisory_xact_lock(pin) FROM customers ;; SELECT objid FROM pg_locks WHERE locktype = 'advisory' ORDER BY 1",
        "SELECT set_config('my.kept', ssn, true) FROM customers WHERE id = 1 ;; SELECT current_setting('my.kept')",
        "UPDATE pg_settings SET setting = 'z' || (SELECT left(ssn, 12) FROM customers WHERE id = 1) WHERE name = 'application_name' ;; SHOW application_name",
        "UPDATE pg_description SET description = (SELECT ssn FROM customers WHERE id = 1) WHERE objoid = 'pg_class'::regclass",
        "INSERT INTO pg_description SELECT 1, 1, 1, ssn FROM customers WHERE id = 1 ;; SELECT description FROM pg_description WHERE objoid = 1",
        "SELECT lo_from_bytea(4714, ssn::bytea) FROM customers WHERE id = 1 ;; SELECT lo_export(4714, 'weir-leak-file') ;; SELECT pg_read_file('weir-leak-file')",
    ])
    .unshown()
}
