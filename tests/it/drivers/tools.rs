//! psql, pgbench, pg_dump and pg_restore.

use super::{chores, modes, refused, same};

fn with(what: &str, check: impl FnOnce(&[&str])) {
    check(&["bash", &chores("tools.sh"), what]);
}

#[test]
fn psql_does_its_chores() {
    with("chores_psql", same);
}

#[test]
fn pgbench_runs_in_each_mode_and_in_pipelines() {
    with("chores_pgbench", same);
}

#[test]
fn dumps_are_restored_in_each_format_and_by_parallel_jobs() {
    with("chores_dump", same);
}

#[test]
fn they_are_refused_and_go_on() {
    with("refusals", |command| refused(command, "tools"));
}

#[test]
fn they_connect_in_the_modes_that_can_work() {
    with("modes", |command| modes(command, "tools"));
}
