//! sqlx: its cache of statements, both protocols, nested transactions, COPY, listeners.

use super::{modes, refused, same};
use weir_tests::program;

fn with(what: &str, check: impl FnOnce(&[&str])) {
    check(&[program("weir-driver-sqlx").to_str().unwrap(), what]);
}

#[test]
fn does_its_chores() {
    with("chores", same);
}

#[test]
fn is_refused_and_goes_on() {
    with("refusals", |command| refused(command, "sqlx"));
}

#[test]
fn connects_in_the_modes_that_can_work() {
    with("modes", |command| modes(command, "sqlx"));
}
