//! Every command's JSON, of one scenario on a real server, is what is committed in `tests/snapshots`.

use crate::detection::{READS, bed, wages};
use gateway_core::record::block::HEADER;
use gateway_core::record::chain::FILE_HEADER;
use serde_json::Value;
use std::path::{Path, PathBuf};
use weir_tests::wire::Script;
use weir_tests::wire::message::{execute, message, parse, terminate};
use weir_tests::{Daemon, Directory, Outcome, Postgres, Weir, pinned, wait_until};

const RULES: &str = r#"
@id("allow-all") permit (principal, action, resource);
@id("no-where-update") @alert("medium") @message("say which rows")
forbid (principal, action == Action::"write", resource) when { context.no_where };
"#;

const CASES: &str = r#"
[[case]]
name = "it connects"
principal = { workload = "spiffe://acme.example/host/ci-7/user/root/exe/psql" }
target = { name = "db" }
action = "connect"
expect = "allow"
"#;

const BAD_POLICY: &str = "permit (principal, action == Action::\"conect\", resource);\n";

const BAD_CONFIG: &str = "trust_domain = \"acme.example\"\n\n[[workload]]\nname = \"x\"\nmatch = { uid = 0 }\nownr = \"ana\"\n\n\
    [[target]]\nname = \"db\"\nmatch = [\"127.0.0.1:5432\"]\ntls = { upstream = \"verify\" }\n";

/// What was told otherwise than committed.
#[derive(Default)]
struct Differences(Vec<String>);

impl Differences {
    /// Compares a command's output and exit status.
    fn one(&mut self, name: &str, status: i32, told: &Outcome) {
        if told.status != Some(status) {
            self.0.push(format!("{name}: exit status {:?}: {}", told.status, told.stderr));
        }
        match serde_json::from_str(&told.stdout) {
            Ok(value) => self.0.extend(pinned::compare(name, &value).err()),
            Err(error) => self.0.push(format!("{name} is no JSON: {error}: {}", told.stdout)),
        }
    }

    /// Compares a command whose output is a JSON object a line.
    fn lines(&mut self, name: &str, told: &Outcome) {
        let lines: Result<Vec<Value>, _> = told.stdout.lines().map(serde_json::from_str).collect();
        match lines {
            Ok(lines) if told.status == Some(0) => self.0.extend(pinned::compare(name, &Value::from(lines)).err()),
            other => self.0.push(format!("{name}: {other:?}, {told:?}")),
        }
    }

    #[track_caller]
    fn none(self) {
        assert!(self.0.is_empty(), "what machines read has changed: docs/cli.md has to say so\n\n{}", self.0.join("\n\n"));
    }
}

/// `weir arguments… --format json` on the scenario's configuration.
fn json(weir: &Weir, arguments: &[&str]) -> Outcome {
    weir.cli(&[arguments, &["--format", "json"]].concat())
}

#[test]
fn sessions_and_their_records_are_told_as_they_are_documented() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).policy(RULES).build();
    let statements =
        ["CREATE TABLE public.t AS SELECT 1 AS n", "SELECT n FROM public.t", "UPDATE public.t SET n = 2", "SELECT 1/0"];
    let arguments: Vec<&str> = statements.iter().flat_map(|sql| ["-c", sql]).collect();
    weir.run(&[&["psql", "-X"], &arguments[..]].concat());
    // Two parameters, the second in the binary format, and a result of which the second column is.
    let bind = b"\0s\0\0\x02\0\0\0\x01\0\x02\0\0\0\x0241\0\0\0\x04\0\0\0\x01\0\x02\0\0\0\x01".to_vec();
    let sql = b"SELECT $1::int, $2::int + 1";
    let segment = [parse("s", sql), message(b'B', &bind), execute("", 0)];
    weir.wire(&Script::new().segment(&segment).send(&[terminate()]));
    let job = weir.start(&["psql", "-X", "-c", "SELECT pg_sleep(600)"]);
    wait_until("the query to run", 20, || (server.active() == 1).then_some(()));
    let live = weir.live_session();
    let watch = weir.start_cli(&["session", "watch", &live, "--format", "json"]);

    let mut differences = Differences::default();
    // Opened, its note, the statement and its decision are written a moment later; then there is no end.
    let played = || json(&weir, &["session", "play", &live]);
    let whole = |played: &Outcome| played.stdout.lines().count() == 5;
    differences.lines("session-play-live", &wait_until("the record to be written", 20, || Some(played()).filter(whole)));
    differences.one("policy-reload", 0, &json(&weir, &["policy", "reload"]));
    let bad = weir.directory().join("policy.d/bad.cedar");
    write(&bad, BAD_POLICY);
    differences.one("policy-reload-bad", 1, &json(&weir, &["policy", "reload"]));
    std::fs::remove_file(bad).expect("our own file");
    differences.one("session-kill", 0, &json(&weir, &["session", "kill", &live, "--reason", "runaway read"]));
    assert_eq!(job.wait().status, Some(2), "psql lost its session");
    differences.lines("session-watch", &watch.wait());
    differences.one("session-list", 0, &json(&weir, &["session", "list"]));
    let sessions = weir.sessions();
    let id = |at: usize| sessions[at]["session"].as_str().unwrap_or_default();
    differences.one("session-show", 0, &json(&weir, &["session", "show", id(0)]));
    differences.one("session-show-prepared", 0, &json(&weir, &["session", "show", id(1)]));
    differences.one("session-show-killed", 0, &json(&weir, &["session", "show", id(2)]));
    differences.lines("session-play", &json(&weir, &["session", "play", id(0)]));
    differences.lines("session-play-prepared", &json(&weir, &["session", "play", id(1)]));
    differences.one("why-session", 0, &json(&weir, &["why", id(0)]));
    differences.one("why-operation", 0, &json(&weir, &["why", &format!("{}/2", id(0))]));
    differences.one("credential-report", 0, &json(&weir, &["credential", "report"]));
    differences.one("audit-verify", 0, &json(&weir, &["audit", "verify"]));
    tamper(&record(&weir, id(0)));
    differences.one("audit-verify-tampered", 1, &json(&weir, &["audit", "verify", id(0)]));
    differences.none();
}

#[test]
fn checks_and_the_host_are_told_as_they_are_documented() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).policy(RULES).build();
    let policies = weir.directory().join("policy.d");
    write(&policies.join("cases/t.toml"), CASES);
    let bad = weir.directory().join("bad.d");
    write(&bad.join("x.cedar"), BAD_POLICY);
    let bad_config = weir.directory().join("bad.toml");
    write(&bad_config, BAD_CONFIG);
    let (config, text) = (weir.config(), |path: &Path| path.to_str().unwrap_or_default().to_owned());

    let mut differences = Differences::default();
    differences.one("policy-check", 0, &json(&weir, &["policy", "check"]));
    differences.one("policy-check-bad", 1, &json(&weir, &["policy", "check", "--dir", &text(&bad)]));
    differences.one("policy-test", 0, &json(&weir, &["policy", "test"]));
    differences.one("policy-show", 0, &json(&weir, &["policy", "show"]));
    write(&policies.join("cases/t.toml"), &CASES.replace("allow", "deny"));
    differences.one("policy-test-failed", 1, &json(&weir, &["policy", "test"]));
    differences.one("config-check", 0, &weir.bare(&["config", "check", &text(&config), "--format", "json"]));
    differences.one("config-check-bad", 1, &weir.bare(&["config", "check", &text(&bad_config), "--format", "json"]));
    differences.one("doctor", 0, &weir.bare(&["doctor", "--format", "json"]));
    // Of this host's sockets, that of the test's own server.
    let sockets = weir.bare(&["doctor", "--sockets", "--format", "json"]);
    let all: Vec<Value> = serde_json::from_str(&sockets.stdout).unwrap_or_default();
    let own = format!(".s.PGSQL.{}", server.port);
    let own: Vec<_> = all.into_iter().filter(|one| one["path"].as_str().is_some_and(|path| path.ends_with(&own))).collect();
    differences.one("doctor-sockets", 0, &Outcome { stdout: Value::from(own).to_string(), ..sockets });
    differences.one("doctor-tls", 0, &weir.bare(&["doctor", "--tls", "--format", "json"]));
    differences.none();
}

#[test]
fn jobs_of_the_daemon_are_told_as_they_are_documented() {
    let server = Postgres::start();
    let daemon = Daemon::start(Weir::for_server(&server), "");
    let script = r#"for what in "begin --name first" list end; do "$WEIR" job $what --socket "$SOCKET" --format json; done"#;
    let told: Outcome = daemon.shell(script, &[]).output().expect("sh starts").into();
    let lines: Vec<&str> = told.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{told:?}");
    let mut differences = Differences::default();
    for (name, line) in ["job-begin", "job-list", "job-end"].iter().zip(lines) {
        differences.one(name, 0, &Outcome { stdout: line.to_owned(), ..told.clone() });
    }
    differences.none();
}

#[test]
fn what_people_decide_is_told_as_it_is_documented() {
    let server = Postgres::start();
    let rules = r#"
@id("all") permit (principal, action in [Action::"connect", Action::"operation"], resource);
@id("waits") @hold("group=dba,wait=60s,valid=30s") @message("ask a DBA")
forbid (principal, action == Action::"define", resource) unless { context.approval.satisfied };
@id("granted") permit (principal, action == Action::"reveal", resource) when { context.granted };
"#;
    let workload = "[[workload]]\nname = \"migration\"\nmatch = { uid = 0 }\nowner = \"ana@acme.example\"\n";
    let weir = Weir::for_server(&server).policy(rules).extra(workload).build();
    let job = weir.start(&["psql", "-XAtc", "CREATE TABLE public.t (n int)", "-c", "SELECT pg_sleep(600)"]);
    let list = || json(&weir, &["hold", "list"]);
    let waits = |told: &Outcome| told.stdout.contains("h-");
    let mut differences = Differences::default();
    let listed = wait_until("a hold", 20, || Some(list()).filter(waits));
    differences.one("hold-list", 0, &listed);
    let id = |told: &Outcome, place: &str| {
        let value: Value = serde_json::from_str(&told.stdout).unwrap_or_default();
        value.pointer(place).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let hold = id(&listed, "/0/id");
    differences.one("hold-show", 0, &json(&weir, &["hold", "show", &hold]));
    differences.one(
        "hold-approve",
        0,
        &weir.cli_as("bin", &["hold", "approve", &hold, "--reason", "ticket 7", "--format", "json"]),
    );
    wait_until("the query to run", 20, || (server.active() == 1).then_some(()));
    let wish =
        ["grant", "request", "--workload", "*", "--target", "db", "--action", "write", "--table", "public.t", "--for", "1h"];
    let asked = weir.cli_as("daemon", &[&wish[..], &["--reason", "ticket 7", "--format", "json"]].concat());
    differences.one("grant-request", 0, &asked);
    let grant = id(&asked, "/id");
    differences.one(
        "grant-approve",
        0,
        &weir.cli_as("bin", &["grant", "approve", &grant, "--reason", "it may", "--format", "json"]),
    );
    differences.one("grant-revoke", 0, &weir.cli_as("bin", &["grant", "revoke", &grant, "--reason", "done", "--format", "json"]));
    differences.one("grant-list", 0, &json(&weir, &["grant", "list", "--past", "5"]));
    let run = id(&listed, "/0/asked/run");
    differences.one("run-freeze", 0, &json(&weir, &["run", "freeze", &run, "--reason", "a look"]));
    json(&weir, &["run", "thaw", &run]).expect_success();
    // What runs is known once it is in the record.
    wait_until("the statement to be in the record", 20, || {
        let told = json(&weir, &["block", "add", "--target", "db", "--dry-run", "--reason", "a look"]).stdout;
        let told: Value = serde_json::from_str(&told).ok()?;
        told.pointer("/cut/0/statement")?.as_str()?.contains("pg_sleep").then_some(())
    });
    let added = json(&weir, &["block", "add", "--target", "db", "--for", "1h", "--reason", "an incident"]);
    differences.one("block-add", 0, &added);
    let block = id(&added, "/block/id");
    assert_eq!(job.wait().status, Some(2), "psql lost its session");
    differences.one("block-remove", 0, &json(&weir, &["block", "remove", &block, "--reason", "over"]));
    differences.one("block-list", 0, &json(&weir, &["block", "list", "--past", "5"]));
    let broken = json(&weir, &["break-glass", "--target", "db", "--reason", "a fire", "--for", "1h"]);
    differences.one("break-glass", 0, &broken);
    let glass = id(&broken, "/id");
    json(&weir, &["break-glass", "end", &glass]).expect_success();
    differences.one(
        "break-glass-review",
        0,
        &weir.cli_as("bin", &["break-glass", "review", &glass, "--finding", "fine", "--format", "json"]),
    );
    differences.none();
}

#[test]
fn what_rules_find_is_told_as_it_is_documented() {
    let bed = bed(&wages("tell"));
    bed.weir.run(&READS).expect_success();
    bed.told(1);
    let mut differences = Differences::default();
    differences.one("alert-list", 0, &json(&bed.weir, &["alert", "list"]));
    let snooze = ["alert", "snooze", "wages", "--workload", "backup", "--for", "1h", "--reason", "a migration"];
    let set = json(&bed.weir, &snooze);
    differences.one("alert-snooze", 0, &set);
    let told: Value = serde_json::from_str(&set.stdout).expect("JSON");
    let id = told["id"].as_str().expect("an id");
    differences.one("alert-unsnooze", 0, &json(&bed.weir, &["alert", "unsnooze", id, "--reason", "over"]));
    differences.one("alert-rules", 0, &json(&bed.weir, &["alert", "rules"]));
    differences.none();
}

#[test]
fn notifiers_are_told_as_they_are_documented() {
    let weir = Weir::with("[[notify]]\nname = \"page\"\nkind = \"command\"\ncommand = [\"/bin/cat\"]\n").build();
    let mut differences = Differences::default();
    differences.one("notify-test", 0, &json(&weir, &["notify", "test", "page"]));
    differences.one("notify-list", 0, &json(&weir, &["notify", "list"]));
    differences.none();
}

#[test]
fn sinks_are_shown_as_they_are_documented() {
    let weir = Weir::with("[[sink]]\nname = \"archive\"\nkind = \"file\"\npath = \"events.jsonl\"\n").build();
    let mut differences = Differences::default();
    differences.one("sink-test", 0, &json(&weir, &["sink", "test", "archive"]));
    differences.one("sink-list", 0, &json(&weir, &["sink", "list"]));
    differences.none();
}

#[test]
fn tokens_are_shown_as_they_are_documented() {
    let weir = Weir::with("").build();
    let mut differences = Differences::default();
    let made = json(&weir, &["token", "create", "deploys", "--role", "approver", "--target", "prod-*", "--for", "30d"]);
    let told: Value = serde_json::from_str(&made.stdout).expect("JSON");
    let id = told["id"].as_str().expect("an id").to_owned();
    differences.one("token-create", 0, &made);
    differences.one("token-revoke", 0, &json(&weir, &["token", "revoke", &id, "--reason", "it was in a log"]));
    differences.one("token-list", 0, &json(&weir, &["token", "list", "--past", "5"]));
    differences.none();
}

#[test]
fn owners_who_have_left_are_told_as_they_are_documented() {
    let workload =
        "[[workload]]\nname = \"nightly\"\nmatch = { uid = 7 }\nowner = \"ana@acme.example\"\nsuccessor = \"bo@acme.example\"\n";
    let bed = Directory::start(Weir::with(workload), |_, _| String::new());
    let ana = bed.person("ana@acme.example");
    bed.activate(&ana, false);
    let mut differences = Differences::default();
    differences.one("owner-list", 0, &json(&bed.daemon.weir, &["owner", "list"]));
    differences.one("owner-take", 0, &json(&bed.daemon.weir, &["owner", "take", "nightly", "--reason", "ticket 7"]));
    differences.none();
}

fn record(weir: &Weir, session: &str) -> PathBuf {
    weir.directory().join("state/sessions").join(format!("{session}.weir"))
}

/// Changes one bit of the first block, which has the first frame alone.
fn tamper(record: &Path) {
    let mut bytes = std::fs::read(record).expect("root reads it");
    bytes[FILE_HEADER + HEADER + 5] ^= 1;
    std::fs::write(record, bytes).expect("root writes it");
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().expect("it is in a folder")).expect("our own directory");
    std::fs::write(path, text).expect("our own directory");
}
