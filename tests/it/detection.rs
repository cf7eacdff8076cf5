//! Detection: what a rule finds is an event, an alert and a notice; it blocks and kills, is quiet while snoozed, and remembers.

use nix::sys::signal::Signal;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use weir_tests::{Daemon, Outcome, Postgres, Receiver, Weir, WeirBuilder, wait_until};

/// A bed whose rules are these, whose events are in `events.jsonl`, and whose notices go to `receiver`.
pub(crate) struct Bed {
    server: Postgres,
    receiver: Receiver,
    pub(crate) weir: Weir,
    _secrets: tempfile::TempDir,
}

pub(crate) fn bed(rules: &str) -> Bed {
    let Ground { server, receiver, builder, secrets } = ground(rules);
    Bed { server, receiver, weir: builder.build(), _secrets: secrets }
}

/// What a gateway is made with.
struct Ground {
    server: Postgres,
    receiver: Receiver,
    builder: WeirBuilder,
    secrets: tempfile::TempDir,
}

fn ground(rules: &str) -> Ground {
    let server = Postgres::start();
    let tables = "CREATE TABLE public.wages (who text); CREATE TABLE public.orders (id int); GRANT SELECT ON ALL TABLES IN SCHEMA public TO app";
    assert!(server.psql("app").args(["-qc", tables]).status().expect("psql runs").success());
    let receiver = Receiver::start();
    let secrets = tempfile::Builder::new().prefix("weir-secrets-").tempdir().expect("a temporary directory");
    let file = |name: &str, text: &str| {
        let path = secrets.path().join(name);
        fs::write(&path, text).expect("our own directory");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("our own file");
        path.display().to_string()
    };
    let rules = file("rules.toml", rules);
    let (url, secret) = (file("url", &format!("http://127.0.0.1:{}/", receiver.port)), file("secret", "hunter2"));
    let extra = format!(
        "[[workload]]\nname = \"backup\"\nmatch = {{ uid = 0 }}\n\
         [detection]\nrules = \"{rules}\"\n\
         [[sink]]\nname = \"events\"\nkind = \"file\"\nformat = \"json\"\npath = \"events.jsonl\"\n\
         [[notify]]\nname = \"hook\"\nkind = \"webhook\"\nurl = \"file:{url}\"\nsecret = \"file:{secret}\"\n"
    );
    let builder = Weir::for_server(&server).catalog(&server.superuser_secret()).extra(&extra);
    Ground { server, receiver, builder, secrets }
}

/// A rule that finds whoever reads the wages.
pub(crate) fn wages(then: &str) -> String {
    format!(
        "[[rule]]\nname = \"wages\"\nkind = \"deny_list\"\nof = \"table\"\nvalues = [\"db/public.wages\"]\nseverity = \"high\"\nthen = \"{then}\"\n"
    )
}

pub(crate) const READS: [&str; 3] = ["psql", "-XAtc", "SELECT count(*) FROM public.wages"];

fn json(outcome: Outcome) -> Value {
    serde_json::from_str(&outcome.expect_success().stdout).expect("JSON")
}

impl Bed {
    fn alerts(&self) -> Vec<Value> {
        json(self.weir.cli(&["alert", "list", "--format", "json"])).as_array().cloned().expect("a list")
    }

    /// The alerts, once there are so many.
    pub(crate) fn told(&self, count: usize) -> Vec<Value> {
        wait_until("what was found to be told", 20, || Some(self.alerts()).filter(|alerts| alerts.len() >= count))
    }

    /// The findings of rules that the sink has.
    fn findings(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.weir.directory().join("events.jsonl")).unwrap_or_default();
        let all = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        all.filter(|event| event["what"]["name"].as_str().is_some_and(|name| name.starts_with("rule."))).collect()
    }
}

#[test]
fn what_is_found_is_an_event_an_alert_and_a_notice_once() {
    let bed = bed(&wages("tell"));
    bed.weir.run(&READS).expect_success();
    let alerts = bed.told(1);
    let alert = &alerts[0];
    let field = |name: &str| alert[name].as_str().unwrap_or_default();
    assert_eq!(
        (field("rule"), field("workload"), field("subject"), field("severity"), field("then")),
        ("wages", "backup", "db/public.wages", "high", "tell"),
        "{alert}"
    );
    // What the one gateway did not tell any more by itself, the next one does.
    bed.weir.run(&READS).expect_success();
    let heard = wait_until("the notice", 20, || Some(bed.receiver.of("finding.told")).filter(|heard| !heard.is_empty()));
    assert_eq!((heard.len(), &heard[0].json()["event"]["details"]["rule"]), (1, &"wages".into()));
    let findings = wait_until("the event", 20, || Some(bed.findings()).filter(|found| !found.is_empty()));
    assert_eq!(findings.len(), 1, "the second is the same: {findings:#?}");
    assert_eq!(findings[0]["what"]["name"], "rule.wages");
    assert_eq!(findings[0]["what"]["fields"]["id"], alert["id"]);
    assert_eq!(bed.alerts().len(), 1);
    let explained = bed.weir.cli(&["alert", "explain", field("id")]).expect_success().stdout;
    let session = field("session");
    for part in ["wages (high)", "table db/public.wages", &format!("weir session show {session}"), "weir alert snooze wages"] {
        assert!(explained.contains(part), "{part}: {explained}");
    }
    assert!(bed.weir.sessions().iter().any(|one| one["session"] == session), "it is where it was seen");
    bed.weir.cli(&["audit", "verify"]).expect_success();
}

#[test]
fn a_rule_blocks_the_workload_and_a_snooze_keeps_it_from_that() {
    let bed = bed(&wages("block"));
    let snooze =
        ["alert", "snooze", "wages", "--workload", "backup", "--for", "1h", "--reason", "a migration", "--format", "json"];
    let snoozed = json(bed.weir.cli(&snooze));
    bed.weir.run(&READS).expect_success();
    let listed = bed.weir.cli(&["alert", "snoozes"]).expect_success().stdout;
    assert!(listed.contains("in force") && listed.contains("a migration"), "{listed}");
    bed.weir.cli(&["alert", "unsnooze", snoozed["id"].as_str().expect("an id"), "--reason", "over"]).expect_success();
    assert!(bed.alerts().is_empty() && json(bed.weir.cli(&["block", "list", "--format", "json"])) == Value::Array(Vec::new()));
    bed.weir.run(&READS).expect_success();
    let alert = bed.told(1).remove(0);
    let block = wait_until("the block", 20, || {
        json(bed.weir.cli(&["block", "list", "--format", "json"])).as_array().and_then(|blocks| blocks.first().cloned())
    });
    assert_eq!((block["by"].as_str(), block["subject"]["name"].as_str()), (Some("weir"), Some("backup")), "{block}");
    assert!(
        block["until"].is_string() && block["reason"].as_str().is_some_and(|why| why.starts_with("wages: backup: ")),
        "{block}"
    );
    let refused = bed.weir.run(&["psql", "-XAtc", "SELECT 'in'"]);
    assert!(refused.stderr.contains("it is blocked") && refused.stdout.trim() != "in", "{}", refused.stderr);
    let explained = json(bed.weir.cli(&["alert", "explain", alert["id"].as_str().expect("an id"), "--format", "json"]));
    assert!(
        explained["done"]["what"].as_str().is_some_and(|done| done.contains(block["id"].as_str().expect("an id"))),
        "{explained}"
    );
}

#[test]
fn a_rule_ends_the_run() {
    let bed = bed(&wages("kill"));
    let job = bed.weir.start(&["sh", "-c", "psql -XAtc 'SELECT count(*) FROM public.wages'; psql -XAtc 'SELECT pg_sleep(600)'"]);
    let ended = job.wait();
    assert_ne!(ended.status, Some(0), "{ended:?}");
    wait_until("the query to be gone", 20, || (bed.server.active() == 0).then_some(()));
    let done = wait_until("that to be known", 20, || bed.alerts().first()?["done"]["what"].as_str().map(str::to_owned));
    assert!(done.contains("is killed"), "{done}");
}

#[test]
fn what_was_seen_survives_a_restart_and_a_damaged_file_is_said() {
    let first = "learn = \"0s\"\ngroup = \"1s\"\n[[rule]]\nname = \"first-table\"\nkind = \"first_seen\"\nof = \"table\"\nseverity = \"low\"\n";
    let bed = bed(first);
    let reads = |table: &str| bed.weir.run(&["psql", "-XAtc", &format!("SELECT count(*) FROM public.{table}")]).expect_success();
    reads("orders");
    bed.told(1);
    // It is no group any more that keeps it from being told again.
    let opened = std::time::Instant::now();
    wait_until("the group to be over", 20, || (opened.elapsed().as_millis() > 1200).then_some(()));
    reads("orders");
    reads("wages");
    let subjects = |alerts: Vec<Value>| {
        alerts.iter().rev().map(|alert| alert["subject"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(subjects(bed.told(2)), ["db/public.orders", "db/public.wages"]);
    let kept = bed.weir.directory().join("state/detection.json");
    fs::write(&kept, "{").expect("our own file");
    reads("orders");
    assert_eq!(subjects(bed.told(3))[2], "db/public.orders", "it begins anew");
    assert!(kept.with_extension("damaged").exists());
}

#[test]
fn rules_are_checked_before_they_are_in_force() {
    let bed = bed(&wages("tell"));
    let weir = &bed.weir;
    let shipped = weir.bare(&["alert", "rules", "--check", "/dev/null"]).expect_success();
    assert!(shipped.stdout.contains("0 cases, 0 failed"), "{}", shipped.stdout);
    let bad = weir.directory().join("bad.toml");
    fs::write(&bad, wages("tell") + "\n[[case]]\nname = \"nothing\"\nevents = [{ at = \"2026-01-01T02:00:00Z\", kind = \"statement\", workload = \"x\", target = \"db\", tables = [\"public.wages\"] }]\n").expect("our own file");
    let failed = weir.cli(&["alert", "rules", "--check", bad.to_str().expect("a UTF-8 path")]);
    assert!(failed.status == Some(1) && failed.stdout.contains("1 case, 1 failed"), "{} {}", failed.stdout, failed.stderr);
    let config = fs::read_to_string(weir.config()).expect("our own file");
    let line = config.lines().find(|line| line.starts_with("rules = ")).expect("it names a file");
    fs::write(
        line.trim_start_matches("rules = ").trim_matches('"'),
        "\n[[rule]]\nname = \"x\"\nkind = \"cuont\"\nseverity = \"low\"\n",
    )
    .expect("our own file");
    let checked = weir.bare(&["config", "check", weir.config().to_str().expect("a UTF-8 path")]);
    assert!(checked.status == Some(1) && checked.stderr.contains("rules.toml:4: unknown variant `cuont`"), "{}", checked.stderr);
    let refused = weir.run(&["true"]);
    assert!(refused.status == Some(1) && refused.stderr.contains("rules.toml:4"), "{}", refused.stderr);
}

#[test]
fn a_daemon_reads_its_rules_again_and_keeps_them_where_the_new_ones_are_bad() {
    let Ground { server: _server, receiver: _receiver, builder, secrets } = ground(&wages("tell").replace("wages", "nothing"));
    let daemon = Daemon::start(builder, "canary = false");
    let alerts = || json(daemon.weir.cli(&["alert", "list", "--format", "json"])).as_array().cloned().expect("a list");
    let reads = || assert!(daemon.job(&READS).output().expect("it starts").status.success());
    reads();
    let rules = secrets.path().join("rules.toml");
    let put = |text: &str| {
        fs::write(&rules, text).expect("our own file");
        daemon.signal(Signal::SIGHUP);
    };
    put("[[rule]]\nname = \"x\"");
    wait_until("the bad ones to be told", 20, || daemon.log().contains("the rules of detection stay as they were").then_some(()));
    put(&wages("tell"));
    wait_until("the new ones to be in force", 20, || {
        reads();
        alerts().first().cloned()
    });
    assert_eq!(alerts()[0]["rule"], "wages");
}
