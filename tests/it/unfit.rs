//! A host that can't do it: a clear error each, and the job does not run.

use std::path::Path;
use std::process::Command;
use weir_tests::{Outcome, binary};

/// `prefix` makes the host unfit; behind it comes the command.
#[track_caller]
fn check(prefix: &str, weir: &Path, says: &str) {
    let shell = format!("{prefix} \"$0\" run -- echo the job ran");
    let outcome: Outcome = Command::new("sh").args(["-c", &shell]).arg(weir).output().expect("sh starts").into();
    assert_eq!(outcome.status, Some(1), "{}", outcome.stderr);
    assert!(outcome.stderr.contains(says), "{}", outcome.stderr);
    assert!(!outcome.stdout.contains("the job ran"), "it must not run");
}

#[test]
fn without_root() {
    // A copy, since the user may not enter the folder that the binary was built in.
    let directory = tempfile::Builder::new().prefix("weir-it-").tempdir().expect("a temporary directory");
    let copy = directory.path().join("weir");
    std::fs::copy(binary(), &copy).expect("our own file");
    std::fs::set_permissions(directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("our own directory");
    check("setpriv --reuid=65534 --regid=65534 --clear-groups", &copy, "needs root");
}

#[test]
fn without_cgroup_v2() {
    let unmount = "unshare -m sh -c 'umount \"$(findmnt -n -o TARGET -t cgroup2 | head -1)\" && exec \"$@\"' sh";
    check(unmount, &binary(), "cgroup v2 is not mounted");
}

#[test]
fn without_the_capabilities_for_kernel_programs() {
    let caps = "-bpf,-sys_admin,-perfmon,-net_admin";
    check(&format!("setpriv --bounding-set={caps} --inh-caps={caps}"), &binary(), "may not load kernel programs");
}
