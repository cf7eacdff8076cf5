//! What a server brings itself, read and judged by people: which of its functions need no question.
//!
//! The lists stand in `reviewed/`, a name a line, from Postgres 15 and 18; overloads share a name
//! and are judged by the worst of them. `cargo xtask reviewed` holds them against real servers.

use super::Action;
use foldhash::fast::FixedState;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

/// What the lists say of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It computes from its arguments, or reads only what is harmless.
    Reviewed,
    /// The statement counts as this action; no `call` is asked beside.
    Counted(Action),
    /// It is deliberately not reviewed, for this reason.
    Denied(&'static str),
}

static FUNCTIONS: Names = Names::new(|| lines(include_str!("reviewed/functions.txt")));
static DENIED: Pairs = Pairs::new(|| pairs(include_str!("reviewed/denied.txt")));
static COUNTED: Pairs = Pairs::new(|| pairs(include_str!("reviewed/counted.txt")));
static RELATIONS: Names = Names::new(|| lines(include_str!("reviewed/relations.txt")));
static TYPES: Names = Names::new(|| lines(include_str!("reviewed/types.txt")));
static OPERATORS: Names = Names::new(|| lines(include_str!("reviewed/operators.txt")));

type Names = LazyLock<HashSet<&'static str, FixedState>>;
type Pairs = LazyLock<HashMap<&'static str, &'static str, FixedState>>;

/// The verdict on a function of `pg_catalog`; none on one that the lists don't know.
#[must_use]
pub fn function(name: &str) -> Option<Verdict> {
    if name.contains('.') {
        return None;
    }
    if has(&FUNCTIONS, name) {
        return Some(Verdict::Reviewed);
    }
    if let Some(action) = value(&COUNTED, name) {
        return Action::ALL.into_iter().find(|known| known.name() == action).map(Verdict::Counted);
    }
    value(&DENIED, name).map(Verdict::Denied)
}

/// The verdict on a function of `schema`; none where it is not the server's own.
#[must_use]
pub fn function_in(schema: &str, name: &str) -> Option<Verdict> {
    match schema {
        "pg_catalog" => function(name),
        "information_schema" => has(&FUNCTIONS, &format!("information_schema.{name}")).then_some(Verdict::Reviewed),
        _ => None,
    }
}

/// Whether `pg_catalog` has a relation of this name.
#[must_use]
pub fn is_relation(name: &str) -> bool {
    has(&RELATIONS, name)
}

/// Whether `pg_catalog` has a type of this name, rows of relations and arrays apart.
#[must_use]
pub fn is_type(name: &str) -> bool {
    has(&TYPES, name)
}

/// Whether `schema` brings a type of this name.
#[must_use]
pub fn is_type_in(schema: &str, name: &str) -> bool {
    match schema {
        "pg_catalog" => is_type(name),
        "information_schema" => has(&TYPES, &format!("information_schema.{name}")),
        _ => false,
    }
}

/// Whether `pg_catalog` has an operator of this symbol. All of their functions are reviewed.
#[must_use]
pub fn is_operator(symbol: &str) -> bool {
    has(&OPERATORS, symbol)
}

/// The large-object functions by their number, and what calling one by that number does:
/// libpq's `lo_*` calls do (`src/include/catalog/pg_proc.dat`). Import and export of files are not among them.
#[must_use]
pub const fn large_object(oid: u32) -> Option<Action> {
    match oid {
        // lo_open; loread, lo_lseek, lo_tell and their 64-bit kin; lo_close; lo_get.
        952 | 953 | 954 | 956 | 958 | 3170 | 3171 | 3458 | 3459 => Some(Action::Read),
        // lo_creat, lo_create, lowrite, lo_unlink, lo_truncate, lo_truncate64, lo_from_bytea, lo_put.
        957 | 715 | 955 | 964 | 1004 | 3172 | 3457 | 3460 => Some(Action::Write),
        _ => None,
    }
}

fn has(names: &Names, name: &str) -> bool {
    names.contains(name)
}

fn value(pairs: &Pairs, name: &str) -> Option<&'static str> {
    pairs.get(name).copied()
}

fn lines(text: &'static str) -> HashSet<&'static str, FixedState> {
    text.lines().collect()
}

fn pairs(text: &'static str) -> HashMap<&'static str, &'static str, FixedState> {
    text.lines().filter_map(|line| line.split_once(": ")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_function_is_judged_once() {
        let mut names: Vec<_> = include_str!("reviewed/functions.txt").lines().collect();
        let others = [include_str!("reviewed/denied.txt"), include_str!("reviewed/counted.txt")];
        names.extend(others.iter().flat_map(|list| list.lines()).filter_map(|line| Some(line.split_once(": ")?.0)));
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!((names.len(), all > 2_700), (all, true));
    }

    #[test]
    fn the_lists_say_what_they_should() {
        for name in ["lower", "count", "pg_get_viewdef", "has_table_privilege", "current_setting", "bernoulli", "now"] {
            assert_eq!(function(name), Some(Verdict::Reviewed), "{name}");
        }
        for name in [
            "query_to_xml",
            "database_to_xml",
            "ts_stat",
            "ts_rewrite",
            "pg_read_file",
            "pg_ls_dir",
            "lo_import",
            "lo_export",
            "pg_terminate_backend",
            "pg_sleep",
            "pg_stat_get_activity",
            "pg_input_is_valid",
            "domain_in",
            "currtid2",
            "binary_upgrade_set_next_pg_type_oid",
            "pg_logical_emit_message",
            "plpgsql_inline_handler",
        ] {
            assert!(matches!(function(name), Some(Verdict::Denied(why)) if !why.is_empty()), "{name}");
        }
        for (name, action) in [("nextval", Action::Write), ("lo_get", Action::Read), ("set_config", Action::Session)] {
            assert_eq!(function(name), Some(Verdict::Counted(action)), "{name}");
        }
        assert_eq!(function("dblink"), None);
        assert_eq!(function_in("public", "lower"), None);
        assert_eq!(function_in("information_schema", "_pg_truetypid"), Some(Verdict::Reviewed));
        assert_eq!(function("information_schema._pg_truetypid"), None);
        assert!(is_type("regclass") && !is_type("pg_authid") && is_type_in("information_schema", "sql_identifier"));
        assert!(is_operator("@>") && !is_operator("<=>") && is_relation("pg_authid") && !is_relation("users"));
    }
}
