//! What every PostgreSQL has in `pg_catalog`: operator symbols and types that need no question of their own.

/// Whether `symbol` is an operator that `pg_catalog` has, of PostgreSQL 12 to 18. Sorted for the search.
pub(super) fn is_operator(symbol: &str) -> bool {
    OPERATORS.binary_search(&symbol).is_ok()
}

/// Whether `name` is a type that `pg_catalog` has, or the grammar's own word for one.
pub(super) fn is_type(name: &str) -> bool {
    TYPES.binary_search(&name).is_ok()
}

/// Functions that run SQL text, or read what a text or a value names: nobody can tell from the
/// statement what they touch.
pub(super) fn runs_text(name: &str) -> bool {
    name.starts_with("dblink") || name.starts_with("crosstab") || RUN_TEXT.binary_search(&name).is_ok()
}

/// Functions that read or change large objects: true where they change.
pub(super) fn large_object(name: &str) -> Option<bool> {
    match name {
        "lo_creat" | "lo_create" | "lo_from_bytea" | "lo_import" | "lo_open" | "lo_put" | "lo_truncate" | "lo_truncate64"
        | "lo_unlink" | "lo_manage" | "lowrite" => Some(true),
        "lo_close" | "lo_export" | "lo_get" | "lo_lseek" | "lo_lseek64" | "lo_tell" | "lo_tell64" | "loread" => Some(false),
        _ => None,
    }
}

const OPERATORS: [&str; 75] = [
    "!!", "!=", "!~", "!~*", "!~~", "!~~*", "#", "##", "#-", "#>", "#>>", "%", "&", "&&", "&<", "&<|", "&>", "*", "*<", "*<=",
    "*<>", "*=", "*>", "*>=", "+", "-", "->", "->>", "-|-", "/", "<", "<->", "<<", "<<=", "<<|", "<=", "<>", "<@", "<^", "=",
    ">", ">=", ">>", ">>=", ">^", "?", "?#", "?&", "?-", "?-|", "?|", "?||", "@", "@-@", "@>", "@?", "@@", "@@@", "^", "^@", "|",
    "|&>", "|/", "|>>", "||", "||/", "~", "~*", "~<=~", "~<~", "~=", "~>=~", "~>~", "~~", "~~*",
];

const TYPES: [&str; 107] = [
    "aclitem",
    "any",
    "anyarray",
    "anycompatible",
    "anycompatiblearray",
    "anycompatiblemultirange",
    "anycompatiblenonarray",
    "anycompatiblerange",
    "anyelement",
    "anyenum",
    "anymultirange",
    "anynonarray",
    "anyrange",
    "bit",
    "bool",
    "box",
    "bpchar",
    "bytea",
    "char",
    "cid",
    "cidr",
    "circle",
    "cstring",
    "date",
    "datemultirange",
    "daterange",
    "event_trigger",
    "fdw_handler",
    "float4",
    "float8",
    "gtsvector",
    "index_am_handler",
    "inet",
    "int2",
    "int2vector",
    "int4",
    "int4multirange",
    "int4range",
    "int8",
    "int8multirange",
    "int8range",
    "internal",
    "interval",
    "json",
    "jsonb",
    "jsonpath",
    "language_handler",
    "line",
    "lseg",
    "macaddr",
    "macaddr8",
    "money",
    "name",
    "numeric",
    "nummultirange",
    "numrange",
    "oid",
    "oidvector",
    "path",
    "pg_brin_bloom_summary",
    "pg_brin_minmax_multi_summary",
    "pg_ddl_command",
    "pg_dependencies",
    "pg_lsn",
    "pg_mcv_list",
    "pg_ndistinct",
    "pg_node_tree",
    "pg_snapshot",
    "point",
    "polygon",
    "record",
    "refcursor",
    "regclass",
    "regcollation",
    "regconfig",
    "regdictionary",
    "regnamespace",
    "regoper",
    "regoperator",
    "regproc",
    "regprocedure",
    "regrole",
    "regtype",
    "table_am_handler",
    "text",
    "tid",
    "time",
    "timestamp",
    "timestamptz",
    "timetz",
    "trigger",
    "tsm_handler",
    "tsmultirange",
    "tsquery",
    "tsrange",
    "tstzmultirange",
    "tstzrange",
    "tsvector",
    "txid_snapshot",
    "unknown",
    "uuid",
    "varbit",
    "varchar",
    "void",
    "xid",
    "xid8",
    "xml",
];

const RUN_TEXT: [&str; 18] = [
    "connectby",
    "cursor_to_xml",
    "cursor_to_xmlschema",
    "database_to_xml",
    "database_to_xml_and_xmlschema",
    "database_to_xmlschema",
    "query_to_xml",
    "query_to_xml_and_xmlschema",
    "query_to_xmlschema",
    "schema_to_xml",
    "schema_to_xml_and_xmlschema",
    "schema_to_xmlschema",
    "table_to_xml",
    "table_to_xml_and_xmlschema",
    "table_to_xmlschema",
    "ts_rewrite",
    "ts_stat",
    "xpath_table",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted() {
        assert!(OPERATORS.is_sorted() && TYPES.is_sorted() && RUN_TEXT.is_sorted());
        assert!(is_operator("<->") && !is_operator("<=>") && is_type("int4") && !is_type("mytype"));
        assert!(runs_text("dblink_exec") && runs_text("query_to_xml") && !runs_text("lower"));
    }
}
