//! A hook that no longer intercepts is noticed by the canary, and whoever relies on it can hear so.

use crate::host::findings;
use serde_json::Value;
use std::process::{Command, Stdio};
use weir_tests::{Daemon, Outcome, Postgres, Weir, binary, wait_until};

/// The status and body of `/healthz`, as a monitor asks for it.
fn health(daemon: &Daemon) -> (u16, Value) {
    let mut curl = Command::new("curl");
    curl.args(["-s", "-w", "\\n%{http_code}", "--unix-socket"]).arg(daemon.socket()).arg("http://weir/healthz");
    let told: Outcome = curl.output().expect("curl starts").into();
    let (body, status) = told.stdout.rsplit_once('\n').expect("curl writes the status behind the body");
    (status.parse().expect("a number"), serde_json::from_str(body).unwrap_or_default())
}

/// The doctor's row on the canary.
fn doctor(daemon: &Daemon) -> Value {
    let mut doctor = Command::new(binary());
    doctor.args(["doctor", "--format", "json"]).env("WEIR_SOCKET", daemon.socket());
    let told: Outcome = doctor.output().expect("weir starts").into();
    let rows: Value = serde_json::from_str(&told.stdout).expect("JSON");
    let rows = rows.as_array().expect("rows");
    rows.iter().find(|row| row["feature"] == "canary").expect("the canary has a row").clone()
}

/// What a job of the daemon's says when it asks the server.
fn asked(daemon: &Daemon) -> Outcome {
    daemon.job(&["psql", "-X", "-A", "-t", "-c", "SELECT 42"]).stdin(Stdio::null()).output().expect("sh starts").into()
}

/// It takes as long as the daemon waits between two canaries, and as long as one may take: over a minute.
#[test]
fn a_hook_that_is_detached_under_the_daemon_is_told_by_health_doctor_log_and_record() {
    let server = Postgres::start();
    let mut daemon = Daemon::start(Weir::for_server(&server), "");
    let (status, body) = health(&daemon);
    assert_eq!((status, &body["canary"]["state"]), (200, &Value::from("well")), "{body}");
    assert_eq!(doctor(&daemon)["available"], true);
    assert_eq!(asked(&daemon).expect_success().stdout, "42\n");
    let connect4 = daemon.pins().join("weir_connect4");
    let detached = Command::new("bpftool").args(["link", "detach", "pinned"]).arg(&connect4).output().expect("bpftool starts");
    assert!(detached.status.success(), "{}: {}", connect4.display(), String::from_utf8_lossy(&detached.stderr));
    // The job's own connect now goes past the gateway: its password is none.
    let past = asked(&daemon);
    assert!(past.stderr.contains("password authentication failed"), "{past:?}");
    let (status, body) = wait_until("a canary to fail", 90, || Some(health(&daemon)).filter(|(status, _)| *status != 200));
    assert_eq!((status, &body["canary"]["state"]), (503, &Value::from("failed")), "{body}");
    let row = doctor(&daemon);
    assert_eq!(row["available"], false, "{row}");
    for why in [&body["canary"]["why"], &row["why"]] {
        assert!(why.as_str().is_some_and(|why| why.contains("jobs may not be intercepted")), "{why}");
    }
    let found = wait_until("the finding", 20, || Some(findings(&daemon, "canary")).filter(|found| !found.is_empty()));
    assert_eq!(found[0]["alert"], "high", "{found:?}");
    assert_eq!(found[0]["why"], body["canary"]["why"], "{found:?}");
    assert!(daemon.log().contains("jobs may not be intercepted"), "the operator's log has it: {}", daemon.log());
    // The next daemon attaches anew what is not there any more.
    let next = daemon.serve(&["--take-over"]);
    let mut before = daemon.replace(next).expect("one ran before");
    assert_eq!(before.wait().expect("it is ours").code(), Some(0), "{}", daemon.log());
    assert_eq!(health(&daemon).0, 200);
    assert_eq!(asked(&daemon).expect_success().stdout, "42\n");
}
