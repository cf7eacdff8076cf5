//! Processes that a job hands to a daemon of the host (at, cron, sshd, a container engine) are outside of every job:
//! refused at a target that is closed to the outside. A daemon that the job makes of itself stays in the job.

use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use weir_tests::containers::{Engine, IMAGE};
use weir_tests::outside::{CLOSED, FAR, OPEN, Outside};
use weir_tests::{Cgroup, Daemon, Outcome, Weir, WeirBuilder, cgroup2_mount, wait_until};

use crate::host::{findings, findings_of};

/// One target; where its server is, another port has a server too, which is no target.
pub(crate) fn weir(from_outside: &str) -> WeirBuilder {
    Weir::with(&format!(
        "[[target]]\nname = \"closed\"\nmatch = [\"{FAR}:{CLOSED}\"]\nprotocol = \"opaque\"\nfrom_outside = \"{from_outside}\"\n"
    ))
}

#[track_caller]
fn run(command: &mut Command) -> Outcome {
    command.stdin(Stdio::null()).output().expect("a shell is there").into()
}

fn shell(line: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", line]);
    shell
}

/// The sessions with the target.
pub(crate) fn sessions(weir: &Weir) -> Vec<Value> {
    weir.sessions().into_iter().filter(|session| session["target"] == "closed").collect()
}

/// A cgroup of this name below where the daemon is attached, outside of all jobs.
fn beside_the_jobs(daemon: &Daemon, name: &str) -> std::path::PathBuf {
    let place = daemon.attach().join(name);
    std::fs::create_dir(&place).expect("our own cgroup");
    place
}

#[test]
fn what_at_cron_and_sshd_run_for_a_job_is_outside_and_refused() {
    let mut outside = Outside::create();
    let daemon = Daemon::start(weir("refuse"), "");
    outside.start_daemons(&beside_the_jobs(&daemon, "daemons"));
    let job = [
        Outside::by_cron(&outside.dial("cron")),
        Outside::by_at(&outside.dial("at")),
        outside.by_ssh(&outside.dial("ssh")),
        outside.dial("job"),
    ];
    run(&mut daemon.job(&["sh", "-c", &job.join(" && ")])).expect_success();
    // The job itself reaches both: the target as its session, the other as what policy lets it reach.
    assert_eq!(outside.told("job", 20), "arrived arrived");
    // cron looks at its tables once a minute.
    for (name, seconds) in [("ssh", 20), ("at", 20), ("cron", 100)] {
        assert_eq!(outside.told(name, seconds), "EACCES arrived", "{name}");
    }
    assert_eq!(outside.arrived(CLOSED), ["job"]);
    let arrived: BTreeSet<String> = outside.arrived(OPEN).into_iter().collect();
    assert_eq!(arrived, ["at", "cron", "job", "ssh"].map(str::to_owned).into());
    // None of them is taken for the job, and the refusal is on record as nobody's.
    assert_eq!(sessions(&daemon.weir).len(), 1);
    let refused = wait_until("the finding", 20, || Some(findings(&daemon, "refused")).filter(|found| !found.is_empty()));
    let to = Value::from(format!("{FAR}:{CLOSED}"));
    assert!(
        refused.iter().any(|note| note["of"].is_null() && note["to"] == to && note["reason"] == "closed_target"),
        "{refused:?}"
    );
}

#[test]
fn what_a_container_engine_runs_for_a_job_is_outside_and_refused() {
    let outside = Outside::create();
    let daemon = Daemon::start(weir("refuse"), "");
    let engine = Engine::start(&beside_the_jobs(&daemon, "engine"));
    let dial = |port| format!("echo engine | nc -w 5 {FAR} {port}");
    let line = format!("{}; echo $?; {}; echo $?", dial(CLOSED), dial(OPEN));
    let socket = format!("DOCKER_HOST=unix://{}", engine.socket().display());
    let job = ["env", &socket, "docker", "run", "--rm", "--network", "host", IMAGE, "/bin/sh", "-c", &line];
    let outcome = run(&mut daemon.job(&job)).expect_success();
    assert_eq!(outcome.stdout.replace("ok", ""), "1\n0\n", "{outcome:?}");
    assert!(outcome.stderr.contains("Permission denied"), "{outcome:?}");
    assert_eq!((outside.arrived(CLOSED), outside.arrived(OPEN)), (vec![], vec!["engine".to_owned()]));
    assert!(sessions(&daemon.weir).is_empty());
    wait_until("the finding", 20, || (!findings(&daemon, "refused").is_empty()).then_some(()));
}

#[test]
fn a_job_without_privileges_hands_nothing_over() {
    let mut outside = Outside::create();
    let place = Cgroup::create();
    outside.start_daemons(place.path());
    let engine = Engine::start(place.path());
    // Where a host has it.
    let made = format!(
        "cd /run && mkdir podman && touch podman/podman.sock && mount --bind {} podman/podman.sock",
        engine.socket().display()
    );
    run(&mut shell(&made)).expect_success();
    let docker = "docker -H unix:///run/podman/podman.sock version".to_owned();
    let lines = |name: &str| {
        let dial = outside.dial(name);
        [
            ("cron", Outside::by_cron(&dial)),
            ("at", Outside::by_at(&dial)),
            ("ssh", outside.by_ssh(&dial)),
            ("docker", docker.clone()),
        ]
    };
    let weir = weir("pass").policy(r#"@id("nothing") forbid (principal, action, resource);"#).build();
    for (daemon, line) in lines("handed") {
        let outcome = weir.run(&["sh", "-c", &line]);
        assert!(outcome.status.is_some_and(|status| status != 0), "{daemon}: {outcome:?}");
    }
    // sshd is asked by TCP, which is the gateway's to judge.
    let ssh = Value::from(Outside::ssh_address().to_string());
    assert!(weir.sessions().iter().any(|session| session["original"] == ssh), "{:?}", weir.sessions());
    for spool in ["atjobs", "crontabs"] {
        let names = std::fs::read_dir(Path::new("/proc/thread-self/root/var/spool/cron").join(spool)).expect("it is there");
        let left: Vec<_> = names.flatten().map(|entry| entry.file_name()).filter(|name| name != ".SEQ").collect();
        assert!(left.is_empty(), "{spool}: {left:?}");
    }
    assert!(!outside.file("handed").exists());
    // Without weir each of them works.
    for (_, line) in lines("unhindered") {
        run(&mut shell(&line)).expect_success();
    }
    assert_eq!(outside.told("unhindered", 20), "arrived arrived");
}

/// A daemon as its textbook has it: forked twice, in a session of its own, its parents gone. It dials once `go` is there.
fn daemonised(outside: &Outside, name: &str) -> String {
    let go = outside.file("go");
    format!(
        "setsid sh -c '(while [ ! -e {0} ]; do sleep 0.05; done; exec {1}) </dev/null >/dev/null 2>&1 &'",
        go.display(),
        outside.dial(name)
    )
}

#[test]
fn a_daemon_of_a_job_stays_in_it_when_its_parents_are_gone() {
    let outside = Outside::create();
    let daemon = Daemon::start(weir("refuse"), "");
    let script = format!(
        r#""$WEIR" job begin --socket "$SOCKET" --format json --name nightly || exit 1; {}"#,
        daemonised(&outside, "daemon")
    );
    let begun = run(&mut daemon.shell(&script, &[])).expect_success();
    let begun: Value = serde_json::from_str(&begun.stdout).expect("JSON");
    // Whoever began the job has ended; what is left of it is still it.
    let list = daemon.ask(&["job", "list", "--format", "json"]).expect_success().stdout;
    let list: Value = serde_json::from_str(&list).expect("JSON");
    assert_eq!((&list[0]["run"], &list[0]["name"]), (&begun["run"], &Value::from("nightly")), "{list}");
    std::fs::write(outside.file("go"), "").expect("our own directory");
    assert_eq!(outside.told("daemon", 20), "arrived arrived");
    assert_eq!(outside.arrived(CLOSED), ["daemon"]);
    let sessions = sessions(&daemon.weir);
    assert_eq!((sessions.len(), &sessions[0]["run"]), (1, &begun["run"]), "{sessions:?}");
    assert!(findings(&daemon, "refused").is_empty());
}

#[test]
fn a_daemon_of_weir_run_stays_in_it_when_its_parents_are_gone() {
    let outside = Outside::create();
    let weir = weir("pass").build();
    let told = outside.file("daemon");
    let script = format!(
        "{}; touch {}; while [ ! -e {} ]; do sleep 0.05; done",
        daemonised(&outside, "daemon"),
        outside.file("go").display(),
        told.display()
    );
    let outcome = weir.run(&["sh", "-c", &script]).expect_success();
    assert_eq!(outside.told("daemon", 5), "arrived arrived");
    let sessions = sessions(&weir);
    assert_eq!(sessions.len(), 1, "{sessions:?}");
    assert!(outcome.stderr.contains(sessions[0]["run"].as_str().expect("an id")), "{outcome:?}");
}

/// As systemd does it for each container of a runtime that is root, and for a login.
#[test]
fn who_is_moved_out_of_the_job_of_weir_run_is_brought_back() {
    let outside = Outside::create();
    let elsewhere = Cgroup::create();
    let weir = weir("pass").build();
    let script = format!(
        r#"own() {{ grep ^0:: /proc/$1/cgroup; }}
        home=$(own $$); echo $$ > {}/cgroup.procs; sleep 60 & n=0
        until [ "$(own $$)$(own $!)" = "$home$home" ] || [ $n = 400 ]; do sleep 0.05; n=$((n + 1)); done
        kill $!; {}"#,
        elsewhere.path().display(),
        outside.dial("stray")
    );
    let outcome = weir.run_with(&["--privileges", "host"], &["sh", "-c", &script]);
    assert_eq!(outside.told("stray", 5), "arrived arrived");
    assert_eq!(std::fs::read_to_string(elsewhere.path().join("cgroup.procs")).ok().as_deref(), Some(""));
    let reached = sessions(&weir);
    assert_eq!(reached.len(), 1, "{reached:?}");
    assert!(outcome.stderr.contains(reached[0]["run"].as_str().expect("an id")), "{outcome:?}");
    let left = findings_of(&weir, "left_its_job");
    assert!(left.iter().any(|note| note["done"] == "brought back" && note["of"] == reached[0]["run"]), "{left:?}");
}

/// Containers of a runtime that is root have cgroups of their own, below the job's.
#[test]
fn what_is_left_below_the_cgroup_of_weir_run_ends_with_it() {
    let weir = weir("pass").build();
    let pid = weir.directory().join("pid");
    let script = format!(
        r#"place={}$(sed -n s/^0:://p /proc/self/cgroup); mkdir -p $place/box/inner; setsid sleep 600 </dev/null >/dev/null 2>&1 &
        echo $! > $place/box/inner/cgroup.procs; echo $! > {}; echo $place"#,
        cgroup2_mount().display(),
        pid.display()
    );
    let outcome = weir.run_with(&["--privileges", "host"], &["sh", "-c", &script]).expect_success();
    let pid = std::fs::read_to_string(pid).expect("the job wrote it");
    // One that has ended, and whom nobody has asked for yet, has no words.
    let words = std::fs::read(format!("/proc/{}/cmdline", pid.trim())).unwrap_or_default();
    assert!(words.is_empty(), "the process below outlives its gateway");
    let place = Path::new(outcome.stdout.trim());
    assert!(place.is_absolute() && !place.exists(), "{place:?} is left: {}", outcome.stderr);
    assert!(outcome.stderr.contains("left 1 processes behind"), "{}", outcome.stderr);
}
