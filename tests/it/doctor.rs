//! `weir doctor` tells what this host gives, and leaves nothing behind.

use weir_tests::{Postgres, Weir, cgroup2_mount};

#[test]
fn the_host_of_these_tests_is_good_enough() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).build();
    let told = weir.bare(&["doctor"]).expect_success();
    assert!(told.stdout.contains("cgroup"), "{}", told.stdout);
}

#[test]
fn a_run_leaves_no_cgroup_behind() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).build();
    let job = weir.start(&["psql", "-X", "-c", "SELECT 1"]);
    let own = cgroup2_mount().join(format!("weir-{}", job.pid()));
    assert_eq!(job.wait().status, Some(0));
    assert!(!own.exists(), "{} is still there", own.display());
}
