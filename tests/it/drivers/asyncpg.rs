//! asyncpg: all binary, its cache of statements, cursors, COPY, pools, timeouts at the client.

use super::{chores, modes, refused, same};
use weir_tests::python_with_psycopg;

fn with(what: &str, check: impl FnOnce(&[&str])) {
    check(&[python_with_psycopg().to_str().unwrap(), &chores("with_asyncpg.py"), what]);
}

#[test]
fn does_its_chores() {
    with("chores", same);
}

#[test]
fn is_refused_and_goes_on() {
    with("refusals", |command| refused(command, "asyncpg"));
}

#[test]
fn connects_in_the_modes_that_can_work() {
    with("modes", |command| modes(command, "asyncpg"));
}
