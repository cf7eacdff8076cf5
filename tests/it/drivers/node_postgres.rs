//! node-postgres with pg-cursor and pg-query-stream.

use super::{chores, modes, refused, same};
use weir_tests::node_modules;

/// The driver is found by NODE_PATH, for the script is not beside it.
fn with(what: &str, check: impl FnOnce(&[&str])) {
    let path = format!("NODE_PATH={}", node_modules().display());
    check(&["env", &path, "node", &chores("with_pg.js"), what]);
}

#[test]
fn does_its_chores() {
    with("chores", same);
}

#[test]
fn is_refused_and_goes_on() {
    with("refusals", |command| refused(command, "node-postgres"));
}

#[test]
fn connects_in_the_modes_that_can_work() {
    with("modes", |command| modes(command, "node-postgres"));
}
