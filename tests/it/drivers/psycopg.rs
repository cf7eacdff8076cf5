//! psycopg 3: pipelines, cursors, COPY, notifications, cancels, both formats, asynchronous too.

use super::{chores, modes, refused, same};
use weir_tests::python_with_psycopg;

fn with(what: &str, check: impl FnOnce(&[&str])) {
    check(&[python_with_psycopg().to_str().unwrap(), &chores("with_psycopg.py"), what]);
}

#[test]
fn does_its_chores() {
    with("chores", same);
}

#[test]
fn is_refused_and_goes_on() {
    with("refusals", |command| refused(command, "psycopg"));
}

#[test]
fn connects_in_the_modes_that_can_work() {
    with("modes", |command| modes(command, "psycopg"));
}
