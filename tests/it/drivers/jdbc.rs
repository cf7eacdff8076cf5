//! pgjdbc: batches, fetch sizes, large objects, CopyManager, timeouts, each query mode.

use super::{chores, modes, refused, same};

fn with(what: &str, check: impl FnOnce(&[&str])) {
    let jar = "/usr/share/java/postgresql.jar";
    // One run is too short for the second compiler.
    check(&["java", "-XX:TieredStopAtLevel=1", "-cp", jar, &chores("WithJdbc.java"), what]);
}

#[test]
fn does_its_chores() {
    with("chores", same);
}

#[test]
fn is_refused_and_goes_on() {
    with("refusals", |command| refused(command, "jdbc"));
}

#[test]
fn connects_in_the_modes_that_can_work() {
    with("modes", |command| modes(command, "jdbc"));
}
