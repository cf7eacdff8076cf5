//! What this kernel gives to cut a job off with: for `weir doctor`.

use super::{scopes, seccomp};
use std::path::Path;

/// One mechanism, tried or looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub mechanism: &'static str,
    /// Whether it is there.
    pub available: bool,
    /// What follows where it is not.
    pub otherwise: &'static str,
}

/// Looks at each mechanism that `weir run --privileges` uses.
#[must_use]
pub fn probe() -> Vec<Finding> {
    let namespace = |name: &str| Path::new("/proc/self/ns").join(name).exists();
    let finding = |mechanism, available, otherwise| Finding { mechanism, available, otherwise };
    let without = "`weir run` needs `--privileges host`";
    vec![
        finding("pid, mount and IPC namespaces", ["pid", "mnt", "ipc"].into_iter().all(namespace), without),
        finding("system call filters (seccomp)", seccomp::available(), without),
        finding(
            "Landlock scopes (ABI 6)",
            scopes::available(),
            "abstract unix sockets of others can be reached by jobs (kernel 6.12 has them)",
        ),
        finding("io_uring watched", super::UringWatch::start(0).is_ok(), "jobs get no io_uring, unless by `--allow io-uring`"),
        finding(
            "user namespaces",
            namespace("user") && may_make_user_namespaces(),
            "`--allow namespaces` gives jobs none: browsers' sandboxes, rootless containers",
        ),
    ]
}

fn may_make_user_namespaces() -> bool {
    let number = |path: &str| std::fs::read_to_string(path).ok().and_then(|text| text.trim().parse::<u64>().ok());
    let refused = number("/proc/sys/kernel/unprivileged_userns_clone") == Some(0);
    number("/proc/sys/user/max_user_namespaces").is_some_and(|most| most > 0) && !refused
}
