//! Containers of a job behind bridges, and of users without root: caught from their first connect, whatever carries it.

use crate::handoffs::{sessions, weir};
use weir_tests::containers::{IMAGE, Store};
use weir_tests::outside::{CLOSED, FAR, OPEN, Outside};
use weir_tests::rootless::{Rootless, USER};
use weir_tests::{Outcome, Weir};

/// Dials the target and the other destination.
fn dial() -> String {
    format!("echo box | nc -w 5 {FAR} {CLOSED}; echo; echo box | nc -w 5 {FAR} {OPEN}")
}

/// The target was reached as the run's, by one session and no other way; the other destination where the container has a network.
#[track_caller]
fn check(outside: &Outside, weir: &Weir, outcome: &Outcome, network: bool) {
    assert_eq!(outcome.stdout.trim(), if network { "ok\nok" } else { "ok" }, "{outcome:?}");
    assert_eq!(outside.arrived(CLOSED), ["box"]);
    assert_eq!(outside.arrived(OPEN), vec!["box"; usize::from(network)]);
    let reached = sessions(weir);
    assert_eq!(reached.len(), 1, "{reached:?}");
    assert!(outcome.stderr.contains(reached[0]["run"].as_str().expect("an id")), "{outcome:?}");
    // What is no target is on record as well: from the container, and from its relay where it has one.
    let original = format!("{FAR}:{OPEN}");
    assert!(weir.sessions().iter().any(|session| session["original"] == original.as_str()), "{:?}", weir.sessions());
}

#[test]
fn a_container_on_a_bridge_is_caught() {
    let outside = Outside::create();
    outside.with_containers();
    let store = Store::create();
    let weir = weir("pass").build();
    let configuration = format!("CONTAINERS_CONF={}", store.configuration().display());
    let mut words = vec!["env".to_owned(), configuration, "podman".to_owned()];
    words.extend(store.podman_line());
    let run = ["--runtime=crun", "run", "--rm", "--cgroups=disabled", "--network=bridge", "--ulimit=nofile=1024:1024"];
    words.extend(run.map(str::to_owned));
    words.extend(["--ulimit=nproc=2000:2000", IMAGE, "/bin/sh", "-c", &dial()].map(str::to_owned));
    let outcome = weir.run_with(&["--privileges", "host"], &words.iter().map(String::as_str).collect::<Vec<_>>());
    check(&outside, &weir, &outcome, true);
}

#[track_caller]
fn check_rootless(options: &[&str], network: &str, has_network: bool) {
    let outside = Outside::create();
    outside.with_containers();
    let is_user = options.contains(&USER);
    let rootless = Rootless::create(!is_user);
    let weir = weir("pass").build();
    let network = format!("--network={network}");
    let dial = dial();
    let arguments = ["run", "--rm", "--cgroups=disabled", &network, IMAGE, "/bin/sh", "-c", &dial];
    let words = if is_user { rootless.plain_podman(&arguments) } else { rootless.podman(&arguments) };
    let outcome = weir.run_with(options, &words.iter().map(String::as_str).collect::<Vec<_>>());
    check(&outside, &weir, &outcome, has_network);
}

#[test]
fn a_user_s_container_without_a_network_is_caught() {
    check_rootless(&["--privileges", "host"], "none", false);
}

#[test]
fn a_user_s_container_behind_slirp4netns_is_caught() {
    check_rootless(&["--privileges", "host"], "slirp4netns", true);
}

/// No new privileges, so none by newuidmap: the user is the only one in its containers. Nor setns, which relays need.
#[test]
fn a_user_s_container_without_privileges_is_caught() {
    check_rootless(&["--uid", USER, "--allow", "namespaces"], "host", true);
}
