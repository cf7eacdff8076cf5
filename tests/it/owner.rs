//! The owner leaves: what they own is stopped, waits, or goes on, as each workload says, until somebody takes it over.

use super::scim::{oidc, signed_in};
use serde_json::{Value, json};
use std::process::Stdio;
use std::time::{Duration, Instant};
use weir_tests::directory::token;
use weir_tests::{Directory, Outcome, Postgres, Provider, Weir, wait_until};

/// What the job pulls, for as long as it is let.
const PULL: &str = "COPY (SELECT c.* FROM customers c, generate_series(1, 100000000)) TO STDOUT";
/// From a deactivation to the refusal of the next connect.
const SOON: Duration = Duration::from_secs(1);

fn server() -> Postgres {
    let server = Postgres::start();
    let table = "CREATE TABLE customers AS SELECT g AS id, repeat('x', 100) AS name FROM generate_series(1, 1000) g; GRANT ALL ON customers TO app";
    server.psql("app").args(["-qc", table]).status().expect("psql runs");
    server
}

/// A workload of Ana's, whose successor is Bo.
fn workload(then: &str) -> String {
    format!(
        "[[workload]]\nname = \"nightly\"\nmatch = {{ uid = 0 }}\nowner = \"ana@acme.example\"\n{then}\nsuccessor = \"bo@acme.example\"\n"
    )
}

fn bed(server: &Postgres, then: &str) -> Directory {
    Directory::start(Weir::for_server(server).extra(&workload(then)), |_, _| String::new())
}

fn json(outcome: Outcome) -> Value {
    serde_json::from_str(&outcome.expect_success().stdout).expect("JSON")
}

/// Runs `SELECT 'in'` as a job of the daemon's.
fn try_in(bed: &Directory) -> Outcome {
    bed.daemon.job(&["psql", "-XAtc", "SELECT 'in' FROM customers LIMIT 1"]).output().expect("sh starts").into()
}

fn pulls(server: &Postgres) {
    wait_until("the table to be pulled", 20, || (server.active() == 1).then_some(()));
}

fn left(bed: &Directory) -> Vec<Value> {
    bed.events().into_iter().filter(|event| event.0 == "owner.left").map(|event| event.3).collect()
}

#[test]
fn the_contractor_is_deactivated_the_nightly_job_is_stopped_and_the_reason_is_on_the_record() {
    let server = server();
    let mut bed = bed(&server, "");
    let ana = bed.person("ana@acme.example");
    let script = format!("psql -XAtc \"{PULL}\" >/dev/null; psql -XAtc \"SELECT 'again'\"; date +%s%N >&2");
    let mut job = bed.daemon.job(&["sh", "-c", &script]);
    let job = job.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("sh starts");
    pulls(&server);
    let begun = Instant::now();
    bed.activate(&ana, false);
    let ended = job.wait_with_output().expect("the job is ours");
    let took = begun.elapsed();
    let told = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(!String::from_utf8_lossy(&ended.stdout).contains("again"), "{told}");
    for part in [
        "weir refused the connection to db: its owner ana@acme.example has left",
        "they were deactivated at ",
        "on_owner_leave is block",
        "bo@acme.example, or an operator, takes it over: weir owner take nightly --reason",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(took < SOON, "{took:?}: {told}");
    wait_until("the query to be gone", 20, || (server.active() == 0).then_some(()));
    // The record says why, of the session that was cut, and of the one that was refused.
    let sessions = wait_until("both records to be closed", 20, || {
        let sessions = bed.daemon.weir.sessions();
        (sessions.len() == 2 && sessions.iter().all(|session| session["state"] == "ended")).then_some(sessions)
    });
    let why: Vec<_> = sessions
        .iter()
        .map(|session| bed.daemon.weir.cli(&["why", session["session"].as_str().expect("an id")]).expect_success().stdout)
        .collect();
    assert_eq!(why.len(), 2, "{sessions:?}");
    assert!(why[0].contains("killed      by weir: its owner ana@acme.example has left: they were deactivated at"), "{}", why[0]);
    assert!(why[1].contains("connect     deny (its owner ana@acme.example has left: they were deactivated at"), "{}", why[1]);
    assert!(why[1].contains("to do     bo@acme.example, or an operator"), "{}", why[1]);
    let event = left(&bed);
    let workload = &event[0]["workloads"][0];
    assert_eq!(
        (&workload["workload"], &workload["then"], &workload["successor"], workload["sessions"].as_array().map(Vec::len)),
        (&json!("nightly"), &json!("blocked"), &json!("bo@acme.example"), Some(1)),
        "{event:?}"
    );
    assert_eq!((event.len(), &event[0]["how"], &event[0]["alert"]), (1, &json!("deactivated"), &json!("high")));
    // Nobody forgets it: neither a daemon that is killed, nor the one that comes after it, nor a gateway of a job's own.
    bed.daemon.signal(nix::sys::signal::Signal::SIGKILL);
    bed.daemon.wait();
    let own = bed.daemon.weir.run(&["psql", "-XAtc", "SELECT 'in'"]);
    assert!(own.stderr.contains("has left") && !own.stdout.contains("in"), "{own:?}");
    bed.daemon.restart();
    assert!(try_in(&bed).stderr.contains("has left"));
    let list = json(bed.daemon.weir.cli(&["owner", "list", "--format", "json"]));
    assert_eq!(
        (&list[0]["owner"], &list[0]["workloads"][0]["then"], &list[0]["workloads"][0]["successor"]),
        (&json!("ana@acme.example"), &json!("blocked"), &json!("bo@acme.example"))
    );
    // Back again, it runs.
    bed.activate(&ana, true);
    assert_eq!(try_in(&bed).stdout.trim(), "in");
    assert_eq!(json(bed.daemon.weir.cli(&["owner", "list", "--format", "json"])), json!([]));
    // Who is removed has left as well.
    assert_eq!(bed.scim("DELETE", &format!("/Users/{ana}"), None).status, 204);
    let removed = try_in(&bed);
    assert!(removed.stderr.contains("removed from the directory"), "{removed:?}");
    bed.daemon.weir.cli(&["audit", "verify"]).expect_success();
}

#[test]
fn in_observe_mode_too_it_is_stopped() {
    let server = server();
    let weir = Weir::for_server(&server).mode("observe").extra(&workload(""));
    let bed = Directory::start(weir, |_, _| String::new());
    let ana = bed.person("ana@acme.example");
    assert_eq!(try_in(&bed).stdout.trim(), "in");
    bed.activate(&ana, false);
    assert!(try_in(&bed).stderr.contains("has left"));
}

#[test]
fn what_is_to_wait_waits_for_an_approver_and_says_why() {
    let server = server();
    let bed = bed(&server, "on_owner_leave = \"hold\"");
    let ana = bed.person("ana@acme.example");
    // A session that is open goes on to its next statement, which waits.
    let fifo = bed.daemon.weir.directory().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).expect("our own directory");
    let script = format!("psql -XAt <'{}'", fifo.display());
    let mut job = bed.daemon.job(&["sh", "-c", &script]);
    let job = job.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("sh starts");
    let mut input = std::fs::OpenOptions::new().write(true).open(&fifo).expect("psql reads it");
    let mut say = |text: &str| std::io::Write::write_all(&mut input, text.as_bytes()).expect("psql reads it");
    say("SELECT count(*) FROM customers;\n");
    wait_until("the first statement", 20, || {
        bed.daemon.weir.sessions().iter().any(|session| session["statements"] == 1).then_some(())
    });
    bed.activate(&ana, false);
    say("SELECT 'second' FROM customers LIMIT 1;\n");
    let holds = || json(bed.daemon.weir.cli(&["hold", "list", "--format", "json"]));
    let hold = wait_until("a hold", 20, || holds().get(0).cloned());
    assert_eq!(
        (&hold["asked"]["message"], &hold["asked"]["policies"], &hold["terms"][0]["group"]),
        (&json!("its owner ana@acme.example has left"), &json!(["on_owner_leave"]), &json!("role:approver")),
        "{hold}"
    );
    let approve = |hold: &Value| {
        let id = hold["id"].as_str().expect("an id");
        bed.daemon.weir.cli(&["hold", "approve", id, "--reason", "ticket 7"]).expect_success();
    };
    approve(&hold);
    drop(input);
    let ended = job.wait_with_output().expect("the job is ours");
    assert_eq!(String::from_utf8_lossy(&ended.stdout).trim(), "1000\nsecond", "{}", String::from_utf8_lossy(&ended.stderr));
    // One that begins waits at the door, and its statements then as well. A grant was given to somebody who was there.
    let weir = &bed.daemon.weir;
    let wish =
        ["grant", "request", "--workload", "*", "--target", "db", "--action", "connect,read", "--for", "1h", "--reason", "x"];
    let asked = json(weir.cli_as("daemon", &[&wish[..], &["--format", "json"]].concat()));
    let grant = asked["id"].as_str().expect("an id");
    weir.cli_as("bin", &["grant", "approve", grant, "--reason", "x"]).expect_success();
    let mut next = bed.daemon.job(&["psql", "-XAtc", "SELECT 'in' FROM customers LIMIT 1"]);
    let next = next.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("sh starts");
    let door = wait_until("a hold", 20, || holds().get(0).cloned());
    assert_eq!(
        (&door["asked"]["kind"], &door["asked"]["message"]),
        (&json!("connect"), &json!("its owner ana@acme.example has left"))
    );
    approve(&door);
    let statement = wait_until("a hold", 20, || holds().get(0).filter(|hold| hold["id"] != door["id"]).cloned());
    assert_eq!(statement["asked"]["kind"], "query");
    let deny = ["hold", "deny", statement["id"].as_str().expect("an id"), "--reason", "not any more"];
    bed.daemon.weir.cli(&deny).expect_success();
    let ended = next.wait_with_output().expect("the job is ours");
    let told = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.stdout.is_empty() && told.contains("not any more"), "{told}");
    assert_eq!(left(&bed)[0]["workloads"][0]["then"], "held");
    bed.daemon.weir.cli(&["audit", "verify"]).expect_success();
}

#[test]
fn what_only_is_told_goes_on_and_policies_see_it() {
    let server = server();
    let policy = r#"
@id("all") permit (principal, action in [Action::"connect", Action::"operation"], resource);
@id("owned") forbid (principal, action == Action::"write", resource) unless { principal.owner_active };
"#;
    let weir = Weir::for_server(&server).policy(policy).extra(&workload("on_owner_leave = \"alert\""));
    // Who is told of whatever has an alert.
    let folder = tempfile::tempdir().expect("a temporary directory");
    let out = folder.path().join("told.json");
    let notify =
        format!("[[notify]]\nname = \"page\"\nkind = \"command\"\ncommand = [\"/usr/bin/tee\", \"{}\"]\n", out.display());
    let bed = Directory::start(weir.extra(&notify), |_, _| String::new());
    let ana = bed.person("ana@acme.example");
    let mut job = bed.daemon.job(&["psql", "-XAtc", PULL]);
    let mut job = job.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("sh starts");
    pulls(&server);
    let write = || -> Outcome {
        bed.daemon.job(&["psql", "-XAtc", "DELETE FROM customers WHERE id = 7"]).output().expect("sh starts").into()
    };
    assert_eq!(write().stdout.trim(), "DELETE 1");
    bed.activate(&ana, false);
    assert_eq!(try_in(&bed).stdout.trim(), "in");
    assert!(write().stderr.contains("policy owned"), "an owner who has left is none who is active");
    assert_eq!(server.active(), 1, "what ran goes on");
    let event = left(&bed);
    assert_eq!(
        (&event[0]["workloads"][0]["then"], &event[0]["workloads"][0]["workload"]),
        (&json!("goes on"), &json!("nightly"))
    );
    let told = || serde_json::from_str::<Value>(&std::fs::read_to_string(&out).ok()?).ok();
    let told = wait_until("somebody to be told", 20, || told().filter(|told| told["type"] == "owner.left"));
    assert_eq!(told["event"]["details"]["workloads"][0]["successor"], "bo@acme.example", "{told}");
    bed.activate(&ana, true);
    assert_eq!(write().stdout.trim(), "DELETE 0");
    job.kill().ok();
    job.wait().ok();
}

#[test]
fn two_gateways_of_a_state_directory_follow_at_once() {
    let server = server();
    let bed = bed(&server, "");
    let ana = bed.person("ana@acme.example");
    // A gateway of its own, which the directory is not kept at.
    let job = bed.daemon.weir.start(&["sh", "-c", &format!("psql -XAtc \"{PULL}\" >/dev/null; psql -XAtc \"SELECT 'again'\"")]);
    pulls(&server);
    let begun = Instant::now();
    bed.activate(&ana, false);
    wait_until("the query to be gone", 20, || (server.active() == 0).then_some(()));
    let took = begun.elapsed();
    let ended = job.wait();
    assert!(ended.stderr.contains("its owner ana@acme.example has left") && !ended.stdout.contains("again"), "{ended:?}");
    assert!(took < SOON, "{took:?}");
    // Each tells of its own.
    let event = wait_until("both to tell", 20, || Some(left(&bed)).filter(|all| all.len() == 2));
    assert_eq!(event[0]["workloads"][0]["sessions"], json!([]), "{event:?}");
    assert_eq!(event[1]["workloads"][0]["sessions"].as_array().map(Vec::len), Some(1), "{event:?}");
    bed.daemon.weir.cli(&["audit", "verify"]).expect_success();
}

/// A directory at whose provider people sign in.
fn with_people(server: &Postgres, then: &str, more: &str) -> (Directory, Provider) {
    let mut provider = None;
    let bed = Directory::start(Weir::for_server(server).extra(&workload(then)), |url, authority| {
        let (text, started) = oidc(url, authority, more);
        provider = Some(started);
        text
    });
    (bed, provider.expect("it was started"))
}

#[test]
fn its_successor_takes_it_over_and_nobody_who_may_not() {
    let server = server();
    let (bed, _provider) = with_people(&server, "", "");
    let ana = bed.person("ana@acme.example");
    let (bo, dee, cy) = (signed_in(&bed, "bo"), signed_in(&bed, "dee"), signed_in(&bed, "cy"));
    let place = format!("{}/v1/owners/take", bed.url);
    let wish = |owner: Option<&str>, reason: &str| json!({ "workload": "nightly", "owner": owner, "reason": reason });
    let early = bo.post(&place, &bed.url, &wish(None, "x"));
    assert!(early.status == 422 && early.body.contains("has not left"), "{early:?}");
    bed.activate(&ana, false);
    let listed = bo.get(&format!("{}/v1/owners", bed.url)).json();
    assert_eq!(listed[0]["workloads"][0]["successor"], "bo@acme.example", "{listed}");
    // Others who may look, whoever has an API token of the successor's, and a job.
    assert_eq!(dee.post(&place, &bed.url, &wish(None, "mine")).status, 403);
    let made = bo.post(
        &format!("{}/v1/tokens", bed.url),
        &bed.url,
        &json!({ "name": "x", "roles": [{ "role": "viewer" }], "seconds": 60 }),
    );
    let made = made.json();
    let bearer = format!("authorization: Bearer {}", made["token"].as_str().expect("a token"));
    let body = wish(None, "mine").to_string();
    let by_token = bed.browser().curl(&place, &["-H", &bearer, "-H", "content-type: application/json", "-d", &body]);
    assert_eq!(by_token.status, 403, "{by_token:?}");
    let operator = token(&bed.daemon, &["--role", "operator", "--workload", "other", "--for", "1h"]);
    let elsewhere = bed
        .browser()
        .curl(&place, &["-H", &format!("authorization: Bearer {operator}"), "-H", "content-type: application/json", "-d", &body]);
    assert_eq!(elsewhere.status, 404, "of another workload: {elsewhere:?}");
    let inside = r#""$WEIR" owner take nightly --reason x --config "$CONFIG""#;
    let mut job = bed.daemon.job(&["sh", "-c", inside]);
    let job: Outcome = job.env("CONFIG", bed.daemon.weir.config()).output().expect("sh starts").into();
    assert!(job.status == Some(1) && job.stderr.contains("a job may not"), "{job:?}");
    for (browser, owner, reason, status) in [
        (&bo, None, " ", 403),
        (&bo, Some("dee@acme.example"), "for her", 422),
        (&cy, Some("ana@acme.example"), "again", 422),
        (&cy, Some(""), "nobody", 422),
    ] {
        let answer = browser.post(&place, &bed.url, &wish(owner, reason));
        assert_eq!(answer.status, status, "{owner:?}: {answer:?}");
    }
    assert!(try_in(&bed).stderr.contains("has left"), "none of that has changed anything");
    let taken = bo.post(&place, &bed.url, &wish(None, "ticket 7: she has left"));
    assert_eq!(
        (taken.status, &taken.json()["owner"], &taken.json()["from"]),
        (200, &json!("bo@acme.example"), &json!("ana@acme.example"))
    );
    assert_eq!(try_in(&bed).stdout.trim(), "in");
    let last = bed.daemon.weir.sessions().last().cloned().expect("a session");
    assert_eq!(last["owner"], "bo@acme.example", "from then on records have the new owner");
    let event = bed.events().into_iter().find(|event| event.0 == "owner.changed").expect("it is told");
    assert_eq!(
        (event.1.as_str(), event.2.as_str(), &event.3["reason"]),
        ("bo@acme.example", "nightly", &json!("ticket 7: she has left"))
    );
    // And it is stopped once that one leaves.
    let person = bed.person("bo@acme.example");
    bed.activate(&person, false);
    assert!(try_in(&bed).stderr.contains("its owner bo@acme.example has left"));
    // Root names somebody; the successor is gone as well.
    let gone = bed.daemon.weir.cli(&["owner", "take", "nightly", "--reason", "x"]);
    assert!(gone.status == Some(1) && gone.stderr.contains("bo@acme.example has left, too"), "{gone:?}");
    bed.daemon.weir.cli(&["owner", "take", "nightly", "--owner", "cy@acme.example", "--reason", "ticket 8"]).expect_success();
    assert_eq!(try_in(&bed).stdout.trim(), "in");
    bed.daemon.weir.cli(&["audit", "verify"]).expect_success();
}

#[test]
fn root_takes_it_over_where_no_gateway_runs() {
    let server = server();
    let mut bed = bed(&server, "on_owner_leave = \"hold\"");
    let ana = bed.person("ana@acme.example");
    bed.activate(&ana, false);
    bed.daemon.signal(nix::sys::signal::Signal::SIGTERM);
    bed.daemon.wait();
    let weir = &bed.daemon.weir;
    let listed = json(weir.cli(&["owner", "list", "--format", "json"]));
    assert_eq!(listed[0]["workloads"][0]["then"], "held", "{listed}");
    assert!(weir.cli(&["owner", "list"]).expect_success().stdout.contains("nightly"));
    let taken = weir.cli(&["owner", "take", "nightly", "--reason", "ticket 7"]).expect_success();
    assert!(taken.stdout.contains("nightly is bo@acme.example's now"), "{}", taken.stdout);
    let unknown = weir.cli(&["owner", "take", "another", "--reason", "x"]);
    assert!(unknown.status == Some(1) && unknown.stderr.contains("another"), "{unknown:?}");
    assert_eq!(weir.run(&["psql", "-XAtc", "SELECT 'in'"]).expect_success().stdout.trim(), "in");
}

#[test]
fn an_opaque_connection_that_is_open_can_not_wait_and_is_refused() {
    let server = server();
    let own = format!("[[target]]\nname = \"raw\"\nmatch = [\"127.0.0.1:{}\"]\nprotocol = \"opaque\"\n", server.port);
    let weir = Weir::with(&(own + &workload("on_owner_leave = \"hold\"")));
    let bed = Directory::start(weir, |_, _| String::new());
    let ana = bed.person("ana@acme.example");
    let script = format!("exec 3<>/dev/tcp/127.0.0.1/{}; echo open; cat <&3", server.port);
    let mut job = bed.daemon.job(&["bash", "-c", &script]);
    let job = job.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("sh starts");
    bed.daemon.weir.live_session();
    bed.activate(&ana, false);
    let ended = job.wait_with_output().expect("the job is ours");
    assert!(!ended.status.success(), "it is reset: {ended:?}");
    let session = bed.daemon.weir.sessions()[0]["session"].as_str().expect("an id").to_owned();
    let why = bed.daemon.weir.cli(&["why", &session]).expect_success().stdout;
    assert!(why.contains("killed") && why.contains("its owner ana@acme.example has left"), "{why}");
}

#[test]
fn where_nobody_keeps_a_directory_the_provider_is_asked_and_its_silence_means_nothing() {
    let server = server();
    let (bed, provider) = with_people(&server, "", "check = \"1s\"\n[log]\nlevel = \"warn,weir=debug\"\n");
    let (ana, cy) = (signed_in(&bed, "ana"), signed_in(&bed, "cy"));
    let me = |browser: &weir_tests::Browser| browser.get(&format!("{}/v1/me", bed.url)).status;
    assert_eq!((me(&ana), me(&cy), try_in(&bed).stdout.trim()), (200, 200, "in"));
    provider.set("/gone", &json!(["ana"]));
    wait_until("the provider to be asked", 20, || (me(&ana) == 401).then_some(()));
    assert!(try_in(&bed).stderr.contains("refused by the identity provider at"), "{}", bed.daemon.log());
    assert_eq!(me(&cy), 200, "who is known stays");
    let event = bed.events().into_iter().find(|event| event.0 == "person.deactivated").expect("it is told");
    assert_eq!((event.1.as_str(), event.2.as_str()), (provider.url.as_str(), "ana@acme.example"), "by whose word");
    assert_eq!((left(&bed)[0]["how"].clone(), left(&bed).len()), (json!("refused"), 1));
    // Known again, she signs in, and what she owns runs.
    provider.set("/gone", &json!([]));
    let ana = signed_in(&bed, "ana");
    assert_eq!((me(&ana), try_in(&bed).stdout.trim()), (200, "in"));
    // A provider that is not there says nothing of anybody.
    drop(provider);
    let silent = "has not said whether somebody is known";
    wait_until("it to be asked in vain", 30, || (bed.daemon.log().matches(silent).count() >= 4).then_some(()));
    assert_eq!((me(&ana), me(&cy), try_in(&bed).stdout.trim()), (200, 200, "in"));
}
