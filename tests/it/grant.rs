//! A grant gives more than policy does, for a while: it ends by itself, at once when it is revoked, and with its run.

use serde_json::Value;
use weir_tests::{Job, Outcome, Postgres, Weir, wait_until};

/// Reads alone, and what is granted; a DELETE waits for a DBA even so.
const POLICY: &str = r#"
@id("reads") permit (principal, action in [Action::"connect", Action::"read", Action::"session"], resource);
@id("granted") permit (principal, action in Action::"operation", resource) when { context.granted };
@id("deletes") @hold("group=dba,wait=60s")
forbid (principal, action == Action::"write", resource) when { context.verb == "DELETE" } unless { context.approval.satisfied };
"#;

fn bed(policy: &str) -> (Postgres, Weir) {
    let server = Postgres::start();
    let table =
        "CREATE TABLE t (n int); INSERT INTO t SELECT generate_series(1, 10); CREATE TABLE u (n int); GRANT ALL ON t, u TO app";
    server.psql("app").args(["-qc", table]).status().expect("psql runs");
    let weir = Weir::for_server(&server).policy(policy).catalog(&server.superuser_secret()).build();
    (server, weir)
}

fn json(outcome: Outcome) -> Value {
    serde_json::from_str(&outcome.expect_success().stdout).expect("JSON")
}

/// `daemon` asks, and `bin` gives it: two people who are root.
fn granted(weir: &Weir, more: &[&str]) -> String {
    let asked = ["grant", "request", "--target", "db", "--reason", "ticket 7", "--format", "json"];
    let asked = json(weir.cli_as("daemon", &[&asked, more].concat()));
    let id = asked["id"].as_str().expect("an id").to_owned();
    let given = json(weir.cli_as("bin", &["grant", "approve", &id, "--reason", "it may", "--format", "json"]));
    assert_eq!((&given["state"], &given["votes"][0]["by"]["name"]), (&Value::from("given"), &Value::from("bin")), "{given}");
    id
}

fn state(weir: &Weir, id: &str) -> String {
    let all = json(weir.cli(&["grant", "list", "--past", "50", "--format", "json"]));
    let found = all.as_array().into_iter().flatten().find(|grant| grant["id"] == id);
    found.and_then(|grant| grant["state"].as_str()).unwrap_or("none").to_owned()
}

/// Statements, a line each, as a job whose psql goes on after an error and prints what each said.
fn psql(weir: &Weir, options: &[&str], lines: &str) -> Job {
    let script = weir.script("statements.sh", &format!("psql -XAt 2>&1 <<'END'\n{lines}\nEND\n"));
    weir.start_with(options, &["sh", script.to_str().expect("a path")])
}

#[test]
fn what_is_asked_for_gives_nothing_and_nobody_gives_their_own() {
    let (_server, weir) = bed(POLICY);
    let asked = [
        "grant",
        "request",
        "--workload",
        "*",
        "--target",
        "db",
        "--action",
        "write",
        "--for",
        "1h",
        "--reason",
        "x",
        "--format",
        "json",
    ];
    let asked = json(weir.cli_as("daemon", &asked));
    let id = asked["id"].as_str().expect("an id");
    let own = weir.cli_as("daemon", &["grant", "approve", id, "--reason", "mine"]);
    assert!(own.status == Some(1) && own.stderr.contains("nobody answers their own"), "{}", own.stderr);
    let refused = psql(&weir, &[], "INSERT INTO t VALUES (11);").wait();
    assert!(refused.stdout.contains("weir refused INSERT"), "{}", refused.stdout);
    assert_eq!(state(&weir, id), "requested");
    weir.cli_as("bin", &["grant", "deny", id, "--reason", "no"]).expect_success();
    assert_eq!(state(&weir, id), "denied");
}

#[test]
fn a_grant_gives_what_it_names_and_no_more() {
    let (_server, weir) = bed(POLICY);
    granted(&weir, &["--workload", "*", "--action", "write", "--table", "public.t", "--for", "1h"]);
    let ended = psql(&weir, &[], "INSERT INTO t VALUES (11);\nINSERT INTO u VALUES (1);\nDROP TABLE t;").wait();
    let said: Vec<_> = ended.stdout.lines().filter(|line| line.contains("INSERT") || line.contains("DROP")).collect();
    assert!(
        said[0] == "INSERT 0 1" && said[1].contains("weir refused INSERT") && said[2].contains("weir refused DROP TABLE"),
        "{said:?}"
    );
}

#[test]
fn a_revoked_grant_gives_nothing_from_the_next_statement_on() {
    let (_server, weir) = bed(POLICY);
    let id = granted(&weir, &["--workload", "*", "--action", "write", "--for", "1h"]);
    let lines = "INSERT INTO t VALUES (11);\n\\! sleep 3\nINSERT INTO t VALUES (12);";
    let job = psql(&weir, &[], lines);
    wait_until("the first statement", 20, || (weir.sessions().last()?["statements"].as_u64()? > 0).then_some(()));
    weir.cli_as("bin", &["grant", "revoke", &id, "--reason", "enough"]).expect_success();
    let ended = job.wait();
    assert!(ended.stdout.contains("INSERT 0 1") && ended.stdout.contains("weir refused INSERT"), "{}", ended.stdout);
    assert_eq!(state(&weir, &id), "revoked");
}

#[test]
fn what_runs_by_a_grant_ends_when_it_is_revoked() {
    let (server, weir) = bed(POLICY);
    let id = granted(&weir, &["--workload", "*", "--action", "write", "--for", "1h"]);
    let job = psql(&weir, &[], "INSERT INTO t SELECT n FROM generate_series(1, 1000000000) n;");
    wait_until("the statement to run", 20, || (server.active() == 1).then_some(()));
    weir.cli_as("bin", &["grant", "revoke", &id, "--reason", "enough"]).expect_success();
    job.wait();
    wait_until("the statement to be gone", 20, || (server.active() == 0).then_some(()));
    let session = weir.sessions().iter().find(|session| session["target"] == "db").expect("a session")["session"].clone();
    let shown = weir.cli(&["session", "show", session.as_str().expect("an id"), "--format", "json"]).expect_success().stdout;
    assert!(shown.contains("\"taken\""), "the record says why: {shown}");
}

#[test]
fn a_grant_ends_by_itself() {
    let (_server, weir) = bed(POLICY);
    let id = granted(&weir, &["--workload", "*", "--action", "write", "--for", "4s"]);
    let ended = psql(&weir, &[], "INSERT INTO t VALUES (11);\n\\! sleep 6\nINSERT INTO t VALUES (12);").wait();
    assert!(ended.stdout.contains("INSERT 0 1") && ended.stdout.contains("weir refused INSERT"), "{}", ended.stdout);
    assert_eq!(state(&weir, &id), "ended");
}

#[test]
fn a_job_asks_for_itself_and_the_grant_dies_with_its_run() {
    let (_server, weir) = bed(POLICY);
    let script = format!(
        "{weir} grant request --config {config} --target db --action write --for 1h --reason 'nightly fix' || exit 3
for i in $(seq 100); do psql -XAtc 'INSERT INTO t VALUES (11)' 2>&1 | grep 'INSERT 0 1' && break; sleep 0.2; done\n",
        weir = weir_tests::binary().display(),
        config = weir.config().display()
    );
    let script = weir.script("ask.sh", &script);
    let job = weir.start_with(&["--privileges", "host"], &["sh", script.to_str().expect("a path")]);
    let asked = wait_until("the request", 20, || {
        let all = json(weir.cli(&["grant", "list", "--format", "json"]));
        all.as_array().and_then(|all| all.first().cloned())
    });
    assert!(asked["wish"]["run"].as_str().is_some_and(|run| run.starts_with("r-")), "of its own run alone: {asked}");
    let id = asked["id"].as_str().expect("an id");
    weir.cli_as("bin", &["grant", "approve", id, "--reason", "it may"]).expect_success();
    let ended = job.wait();
    assert!(ended.stdout.contains("INSERT 0 1"), "{} {}", ended.stdout, ended.stderr);
    assert_eq!(state(&weir, id), "ended");
}

#[test]
fn who_gave_it_counts_for_what_a_policy_holds() {
    let (_server, weir) = bed(POLICY);
    granted(&weir, &["--workload", "*", "--action", "write", "--for", "1h"]);
    // Root is taken for a member of any group: approved before the run, it does not wait.
    let ended = psql(&weir, &[], "DELETE FROM t WHERE n = 1;").wait();
    assert!(ended.stdout.contains("DELETE 1"), "{} {}", ended.stdout, ended.stderr);
}

#[test]
fn a_wish_that_can_not_be_is_refused_with_what_to_write() {
    let (_server, weir) = bed(POLICY);
    for (more, says) in [
        (&["--action", "fly", "--for", "1h"][..], "there is no action \"fly\""),
        (&["--action", "read", "--table", "t", "--for", "1h"], "write schema.name"),
        (&["--action", "reveal", "--for", "1h"], "classes to be revealed"),
        (&["--action", "read", "--for", "30d"], "7 days"),
    ] {
        let asked = ["grant", "request", "--workload", "*", "--target", "db", "--reason", "x"];
        let refused = weir.cli(&[&asked, more].concat());
        assert!(refused.status == Some(1) && refused.stderr.contains(says), "{more:?}: {}", refused.stderr);
    }
}

#[test]
fn where_no_policy_heeds_grants_that_is_said() {
    let (_server, weir) =
        bed("@id(\"all\") permit (principal, action in [Action::\"connect\", Action::\"operation\"], resource);");
    let job = psql(&weir, &[], "SELECT pg_sleep(5);");
    weir.live_session();
    let asked = ["grant", "request", "--workload", "*", "--target", "db", "--action", "read", "--for", "1h", "--reason", "x"];
    let asked = weir.cli(&asked).expect_success();
    assert!(asked.stdout.contains("No policy in force takes grants into account"), "{}", asked.stdout);
    drop(job);
}
