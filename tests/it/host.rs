//! The daemon: jobs that begin at its socket are intercepted, have one identity, and are over when they end.

use nix::sys::signal::Signal;
use serde_json::Value;
use std::process::{Output, Stdio};
use weir_tests::{Daemon, Outcome, Postgres, Weir, wait_until};

const PSQL: [&str; 5] = ["psql", "-X", "-A", "-t", "-c"];

fn daemon(server: &Postgres) -> Daemon {
    Daemon::start(Weir::for_server(server), "")
}

#[track_caller]
fn run(command: &mut std::process::Command) -> Outcome {
    let output: Output = command.stdin(Stdio::null()).output().expect("sh starts");
    output.into()
}

fn jobs(daemon: &Daemon) -> Vec<Value> {
    let listed = daemon.ask(&["job", "list", "--format", "json"]).expect_success();
    serde_json::from_str::<Value>(&listed.stdout).ok().and_then(|list| list.as_array().cloned()).expect("a list")
}

#[test]
fn a_job_is_intercepted_under_its_run_and_is_over_with_its_last_process() {
    let server = Postgres::start();
    let daemon = daemon(&server);
    let outcome = run(&mut daemon.job(&[&PSQL[..], &["SELECT 42"]].concat())).expect_success();
    assert_eq!(outcome.stdout, "42\n");
    let sessions = daemon.weir.sessions();
    assert_eq!(sessions.len(), 1, "{sessions:?}");
    wait_until("the job to be taken off", 20, || jobs(&daemon).is_empty().then_some(()));
    let left: Vec<_> = std::fs::read_dir(daemon.attach().join("jobs")).expect("our own cgroup").flatten().collect();
    assert!(!left.iter().any(|entry| entry.path().is_dir()), "{left:?}");
    // The same outside of every job goes straight through: the wrong password tells.
    let outside = run(&mut daemon.shell(r#"exec "$@""#, &[&PSQL[..], &["SELECT 42"]].concat()));
    assert!(outside.stderr.contains("password authentication failed"), "{outside:?}");
    assert_eq!(daemon.weir.sessions().len(), 1);
}

#[test]
fn a_job_has_one_identity_whatever_it_asks_for() {
    let server = Postgres::start();
    let daemon = daemon(&server);
    let script = r#"
        begin() { "$WEIR" job begin --socket "$SOCKET" --format json "$@"; }
        begin --name first; begin --name second; sleep 60 & begin --pid $! --name third; begin --pid 1; kill $!
        sh -c '"$WEIR" job begin --socket "$SOCKET" --format json; true'
        setsid sh -c '"$WEIR" job begin --socket "$SOCKET" --format json; true'
        "$WEIR" job list --socket "$SOCKET" --format json"#;
    let outcome = run(&mut daemon.shell(script, &[])).expect_success();
    let lines: Vec<Value> = outcome.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 7, "{outcome:?}");
    let (first, again, list) = (&lines[0], &lines[1..6], &lines[6]);
    assert_eq!(first["already"], Value::Bool(false));
    for one in again {
        assert_eq!((&one["run"], &one["already"]), (&first["run"], &Value::Bool(true)), "{one}");
    }
    assert_eq!(list.as_array().map(Vec::len), Some(1), "{list}");
    assert_eq!(list[0]["name"], "first");
}

#[test]
fn a_user_makes_jobs_of_its_own_processes_alone() {
    let server = Postgres::start();
    let daemon = daemon(&server);
    let mut other = std::process::Command::new("sleep").arg("60").spawn().expect("sleep starts");
    let script = format!(
        r#"exec setpriv --reuid nobody --regid nogroup --clear-groups sh -c '
        "$WEIR" job begin --socket "$SOCKET" --pid {0}; echo $?; "$WEIR" job begin --socket "$SOCKET" -q; echo $?
        "$WEIR" job end --socket "$SOCKET" -q --run r-0000000000000; echo $?
        curl -s --unix-socket "$SOCKET" http://weir/v1/sessions; echo
        "$WEIR" job list --socket "$SOCKET" --format json'"#,
        other.id()
    );
    let outcome = run(&mut daemon.shell(&script, &[]));
    other.kill().expect("it is ours");
    other.wait().expect("it is ours");
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert_eq!(
        lines.get(..4),
        Some(
            &[
                "1",
                "0",
                "1",
                r#"{"type":"urn:weir:problem:forbidden","title":"Forbidden","status":403,"detail":"only root may ask this"}"#
            ][..]
        ),
        "{outcome:?}"
    );
    assert!(outcome.stderr.contains("only root makes a job of what is someone else's"), "{outcome:?}");
    assert!(lines[4].contains("\"uid\":65534"), "{outcome:?}");
}

#[test]
fn a_job_that_cannot_be_protected_does_not_begin() {
    let server = Postgres::start();
    let mut daemon = daemon(&server);
    // The test itself is outside of what the daemon is attached at.
    let outside = daemon.ask(&["job", "begin"]);
    assert_eq!(outside.status, Some(1), "{outside:?}");
    assert!(outside.stderr.contains("they would not reach it"), "{outside:?}");
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.wait(), Some(0), "{}", daemon.log());
    let gone = run(&mut daemon.job(&["echo", "it ran"]));
    assert_eq!((gone.status, gone.stdout.as_str()), (Some(1), ""), "{gone:?}");
    assert!(gone.stderr.contains("no daemon answers"), "{gone:?}");
}

#[test]
fn an_end_is_told_and_lifts_nothing() {
    let server = Postgres::start();
    let daemon = daemon(&server);
    let script = r#""$WEIR" job begin -q --socket "$SOCKET"; "$WEIR" job end --socket "$SOCKET" --format json; exec "$@""#;
    let outcome = run(&mut daemon.shell(script, &[&PSQL[..], &["SELECT 42"]].concat())).expect_success();
    let (ended, rest) = outcome.stdout.split_once('\n').expect("two lines");
    let ended: Value = serde_json::from_str(ended).expect("JSON");
    assert!(ended["processes"].as_u64() >= Some(1), "{ended}");
    assert_eq!(rest, "42\n");
    assert_eq!(daemon.weir.sessions()[0]["run"], ended["run"]);
}

#[test]
fn weir_run_needs_no_root_where_a_daemon_runs() {
    let server = Postgres::start();
    let daemon = daemon(&server);
    // A configuration that everyone can read, for the socket's name alone.
    let public = daemon.socket().with_file_name("public.toml");
    std::fs::write(&public, format!("trust_domain = \"acme.example\"\n[host]\nsocket = \"{}\"\n", daemon.socket().display()))
        .expect("our own directory");
    let script = format!(
        r#"exec setpriv --reuid nobody --regid nogroup --clear-groups "$WEIR" run --config {} -- sh -c '"$@"; exit 7' sh "$@""#,
        public.display()
    );
    let outcome = run(&mut daemon.shell(&script, &[&PSQL[..], &["SELECT 42"]].concat()));
    assert_eq!((outcome.status, outcome.stdout.as_str()), (Some(7), "42\n"), "{outcome:?}");
    assert!(outcome.stderr.contains("a job of this host's daemon"), "{outcome:?}");
    let sessions = daemon.weir.sessions();
    assert_eq!(sessions.len(), 1);
    assert!(outcome.stderr.contains(sessions[0]["run"].as_str().expect("an id")), "{outcome:?}");
}

#[test]
fn policies_are_read_again_on_a_hangup() {
    let server = Postgres::start();
    let daemon = daemon(&server);
    let policy = daemon.weir.directory().join("policy.d/test.cedar");
    std::fs::write(policy, r#"@id("nobody") forbid (principal, action, resource);"#).expect("our own directory");
    daemon.signal(Signal::SIGHUP);
    wait_until("the new policy to hold", 20, || {
        let outcome = run(&mut daemon.job(&[&PSQL[..], &["SELECT 42"]].concat()));
        outcome.stderr.contains("policy nobody").then_some(())
    });
}

#[test]
fn a_second_daemon_is_refused_with_words() {
    let server = Postgres::start();
    let daemon = daemon(&server);
    let second = daemon.serve_command(&[]).stderr(Stdio::piped()).output().expect("weir starts");
    let told = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(1), "{told}");
    assert!(told.contains(&format!("process {}", daemon.pid())) && told.contains("--take-over"), "{told}");
    run(&mut daemon.job(&[&PSQL[..], &["SELECT 42"]].concat())).expect_success();
}

const UNIT_RULE: &str = "[[job]]\nname = \"nightly\"\nmatch = { unit = \"nightly.service\" }\n";

/// A process that has a connection to the server, in the cgroup of a unit below where the daemon will be.
fn service(daemon: &Daemon, server: &Postgres, ask: &str) -> std::process::Child {
    let unit = daemon.attach().join("system.slice/nightly.service");
    std::fs::create_dir_all(&unit).expect("our own cgroup");
    let script = r#"echo $$ > "$1/cgroup.procs" && exec psql -X -A -t -c "SELECT 'before'" -f "$2""#;
    let statements = daemon.weir.script("ask.sql", ask);
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", script, "sh"]).arg(unit).arg(statements).envs(daemon.weir.environment());
    shell.env("PGPASSWORD", &server.app_password).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    shell.spawn().expect("sh starts")
}

/// The findings of this kind in the daemon's own record.
pub(crate) fn findings(daemon: &Daemon, kind: &str) -> Vec<Value> {
    findings_of(&daemon.weir, kind)
}

/// The same, of whatever gateway has this configuration.
pub(crate) fn findings_of(weir: &Weir, kind: &str) -> Vec<Value> {
    let own = weir.records().into_iter().filter(|session| session["target"] == "weir");
    own.flat_map(|session| {
        let id = session["session"].as_str().expect("an id").to_owned();
        let shown = weir.cli(&["session", "show", &id, "--format", "json"]).expect_success();
        let shown: Value = serde_json::from_str(&shown.stdout).expect("JSON");
        shown["notes"].as_array().cloned().unwrap_or_default()
    })
    .filter(|note| note["kind"] == kind)
    .collect()
}

/// Holds its connection until the table `go` has a row, then makes another.
const UNTIL_IT_MAY: &str = "DO 'BEGIN WHILE NOT EXISTS (SELECT FROM go) LOOP PERFORM pg_sleep(0.05); END LOOP; END';
SELECT 'after';
\\c
SELECT 'again';
";

fn existing(wish: &str) -> (Outcome, Vec<Value>, String) {
    let server = Postgres::start();
    let mut daemon = Daemon::prepare(Weir::for_server(&server), &format!("existing_connections = \"{wish}\"\n{UNIT_RULE}"));
    let as_superuser = |sql: &str| {
        let done = server.psql("app").args(["-c", sql]).status().expect("psql starts");
        assert!(done.success(), "{sql}");
    };
    as_superuser("CREATE TABLE go (n int); GRANT SELECT ON go TO app");
    let service = service(&daemon, &server, UNTIL_IT_MAY);
    wait_until("the query to run", 20, || (server.active() == 1).then_some(()));
    daemon.restart();
    // Only now: a daemon may take longer to start than any time one could name, and would find nothing.
    as_superuser("INSERT INTO go VALUES (1)");
    let found = wait_until("the finding to be written", 20, || {
        Some(findings(&daemon, "existing_connection")).filter(|found| !found.is_empty() || wish == "leave")
    });
    let outcome = service.wait_with_output().expect("it is ours").into();
    (outcome, found, format!("127.0.0.1:{}", server.port))
}

#[test]
fn a_connection_from_before_is_listed_and_left_and_the_next_is_intercepted() {
    let (outcome, found, remote) = existing("list");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        (&found[0]["remote"], &found[0]["done"], &found[0]["job"]),
        (&Value::from(remote), &"left".into(), &"nightly".into())
    );
    assert!(found[0]["pid"].is_u64(), "{found:?}");
    assert!(outcome.stdout.contains("after") && outcome.stdout.contains("again"), "{outcome:?}");
}

#[test]
fn a_connection_from_before_is_cut_where_that_is_wished() {
    let (outcome, found, remote) = existing("cut");
    assert_eq!((found.len(), &found[0]["remote"], &found[0]["done"]), (1, &Value::from(remote), &"cut".into()), "{found:?}");
    assert!(outcome.stdout.contains("before") && !outcome.stdout.contains("after"), "{outcome:?}");
}

#[test]
fn rules_about_containers_need_cgroup_v2_alone() {
    let server = Postgres::start();
    let mounts = std::fs::read_to_string("/proc/self/mounts").expect("/proc is mounted");
    let hybrid = mounts.lines().any(|line| line.split(' ').nth(2) == Some("cgroup"));
    let daemon = Daemon::prepare(Weir::for_server(&server), "[[job]]\nname = \"c\"\nmatch = { container = true }\n");
    let mut child = daemon.serve_command(&[]).spawn().expect("weir starts");
    let said = if hybrid { "cgroup v1 is mounted here too" } else { "serving" };
    wait_until("the daemon to say so", 30, || daemon.log().contains(said).then_some(()));
    if hybrid {
        assert_eq!(child.wait().expect("it is ours").code(), Some(1));
    } else {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).expect("a pid fits"));
        nix::sys::signal::kill(pid, Signal::SIGTERM).expect("it runs");
        assert_eq!(child.wait().expect("it is ours").code(), Some(0));
    }
}

#[test]
fn a_unit_that_starts_later_and_a_user_are_jobs_by_rule() {
    let server = Postgres::start();
    let rules = format!("{UNIT_RULE}\n[[job]]\nname = \"theirs\"\nmatch = {{ user = \"games\" }}\n");
    let mut daemon = Daemon::start(Weir::for_server(&server), &rules);
    let unit = daemon.attach().join("nightly.service");
    std::fs::create_dir(&unit).expect("our own cgroup");
    let script = r#"echo $$ > "$JOBS/../nightly.service/cgroup.procs" && exec "$@""#;
    run(&mut daemon.shell(script, &[&PSQL[..], &["SELECT 42"]].concat())).expect_success();
    let script = r#"exec setpriv --reuid games --regid games --clear-groups "$@""#;
    run(&mut daemon.shell(script, &[&PSQL[..], &["SELECT 42"]].concat())).expect_success();
    // The kernel side has both for longer than a daemon lives.
    daemon.signal(Signal::SIGKILL);
    daemon.wait();
    daemon.restart();
    run(&mut daemon.shell(script, &[&PSQL[..], &["SELECT 42"]].concat())).expect_success();
    let listed = jobs(&daemon);
    let how: Vec<_> = listed.iter().map(|job| job["how"].clone()).collect();
    assert!(how.contains(&"rule nightly".into()) && how.contains(&"rule theirs".into()), "{listed:?}");
    // Whoever is a job by its user is given no other one.
    let script = r#"setpriv --reuid games --regid games --clear-groups sleep 60 & n=0
        while [ "$(stat -c %U /proc/$!)" != games ] && [ $n -lt 1000 ]; do sleep 0.01; n=$((n + 1)); done
        "$WEIR" job begin --socket "$SOCKET" --pid $! --format json
        "$WEIR" job list --socket "$SOCKET" --format json; kill $!"#;
    let told = run(&mut daemon.shell(script, &[])).expect_success().stdout;
    let told: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let theirs = listed.iter().find(|job| job["how"] == "rule theirs").expect("it is listed");
    assert_eq!((&told[0]["run"], &told[0]["already"]), (&theirs["run"], &Value::Bool(true)), "{told:?}");
    let now = told[1].as_array().and_then(|list| list.iter().find(|job| job["run"] == theirs["run"])).expect("it is listed");
    assert_eq!(now["processes"], 1, "{now}");
    let runs: std::collections::BTreeSet<_> = daemon.weir.sessions().iter().map(|session| session["run"].to_string()).collect();
    assert_eq!(runs.len(), 2, "{listed:?}");
    assert!(listed.iter().all(|job| runs.contains(&job["run"].to_string())), "{listed:?} {runs:?}");
}

#[test]
fn a_target_that_is_closed_outside_is_reached_from_jobs_alone() {
    let server = Postgres::start();
    let daemon = Daemon::start(Weir::for_server(&server).target_line("from_outside = \"refuse\""), "");
    run(&mut daemon.job(&[&PSQL[..], &["SELECT 42"]].concat())).expect_success();
    let outside = run(&mut daemon.shell(r#"exec "$@""#, &[&PSQL[..], &["SELECT 42"]].concat()));
    assert!(outside.status == Some(2) && !outside.stderr.contains("password"), "{outside:?}");
    wait_until("the finding", 20, || (!findings(&daemon, "refused").is_empty()).then_some(()));
}

#[test]
fn clearing_is_of_the_daemon_of_that_very_name() {
    let server = Postgres::start();
    let mut daemon = daemon(&server);
    let mut job = daemon.job(&["sleep", "120"]).stdin(Stdio::null()).spawn().expect("sh starts");
    let name = || std::fs::read_to_string(format!("/proc/{}/comm", job.id())).unwrap_or_default();
    wait_until("the job to have begun", 20, || (name() == "sleep\n").then_some(()));
    daemon.signal(Signal::SIGKILL);
    daemon.wait();
    let name = daemon.attach().file_name().and_then(|name| name.to_str()).expect("we named it").to_owned();
    let clear = |name: &str| {
        let config = daemon.socket().with_file_name("clear.toml");
        std::fs::write(&config, format!("trust_domain = \"acme.example\"\n[host]\nname = \"{name}\"\n"))
            .expect("our own directory");
        daemon.weir.bare(&["serve", "--clear", "--config", config.to_str().expect("a UTF-8 path")]).expect_success()
    };
    // The beginning of its name is another's.
    let told = clear(name.get(..name.len() - 1).expect("plain letters"));
    assert_eq!(told.stdout, "0 gateways cleared\n");
    assert!(daemon.pins().exists() && job.try_wait().expect("it is ours").is_none(), "another daemon's are left alone");
    assert_eq!(clear(&name).stdout, "1 gateway cleared\n");
    assert!(!daemon.pins().exists());
    assert!(!job.wait().expect("it is ours").success(), "its job was ended");
}
