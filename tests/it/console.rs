//! The console in a real browser (Chromium, by playwright-core), signed in at a real OpenID provider, in front of real jobs.

use crate::bed::Bed;
use crate::evidence::RECIPIENT;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use weir_tests::receivers::WitnessServer;
use weir_tests::{Postgres, Weir, classed, playwright, wait_until};

/// Deletes wait for people of the group `dba`.
const POLICY: &str = r#"
@id("all") permit (principal, action in [Action::"connect", Action::"operation"], resource);
@id("deletes") @message("deletes of customers are looked at first") @hold("group=dba,wait=120s,valid=60s")
forbid (principal, action == Action::"write", resource) when { context.verb == "DELETE" } unless { context.approval.satisfied };
"#;

/// Ana is who operates here.
const OPERATOR: &str = "[[role]]\nrole = \"operator\"\ngroups = [\"dba\"]\n[[role]]\nrole = \"auditor\"\ngroups = [\"dba\"]\n";

const TABLE: &str = "CREATE TABLE customers (id int PRIMARY KEY, name text); \
    INSERT INTO customers SELECT g, 'customer ' || g FROM generate_series(1, 500) g; ANALYZE customers; \
    GRANT ALL ON customers TO app";

/// A browser at work; it ends with its standard input.
struct Browsing {
    child: Child,
    input: ChildStdin,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Browsing {
    fn start(bed: &Bed, pictures: &Path, script: &str) -> Self {
        let driver = concat!(env!("CARGO_MANIFEST_DIR"), "/drivers/console.mjs");
        let mut node = Command::new("node");
        node.arg(driver).arg(&bed.url).arg(pictures).arg(script).env("NODE_PATH", playwright());
        let mut child = node.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("node starts");
        let input = child.stdin.take().expect("piped");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        Self { child, input, lines }
    }

    /// What it tells next.
    fn told(&mut self) -> (String, Value) {
        let line = self.lines.next().expect("the browser is still there").expect("it is text");
        let mut told: Vec<Value> = serde_json::from_str(&line).expect("it is JSON");
        let value = told.pop().expect("a value");
        let what = told[0].as_str().expect("a word").to_owned();
        assert!(what != "failed", "{}", value.as_str().unwrap_or_default());
        (what, value)
    }

    fn expect(&mut self, what: &str) -> Value {
        let (told, value) = self.told();
        assert_eq!(told, what, "{value}");
        value
    }

    /// How many pages were looked at, in whichever width and theme; nothing is wrong with any of them.
    fn looks(&mut self) -> usize {
        let (mut wrong, mut looked) = (Vec::new(), 0);
        loop {
            let (what, value) = self.told();
            if what != "look" {
                assert_eq!((what.as_str(), &value), ("errors", &json!([])));
                assert!(wrong.is_empty(), "{}", wrong.join("\n"));
                return looked;
            }
            looked += 1;
            if value["violations"] != json!([]) || value["wide"].as_i64() > Some(0) {
                wrong.push(value.to_string());
            }
        }
    }

    fn answer(&mut self, line: &str) {
        writeln!(self.input, "{line}").expect("the browser is still there");
    }
}

impl Drop for Browsing {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Where pictures go: to the book where it is asked for.
fn pictures(bed: &Bed) -> PathBuf {
    match std::env::var_os("WEIR_PICTURES") {
        Some(folder) => PathBuf::from(folder),
        None => bed.daemon.weir.directory().to_owned(),
    }
}

fn job(bed: &Bed, script: &str) -> Child {
    let mut job = bed.daemon.job(&["sh", "-c", script]);
    job.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("sh starts")
}

fn rows(server: &Postgres) -> String {
    let told = server.psql("app").args(["-c", "SELECT count(*) FROM customers"]).output().expect("psql runs");
    String::from_utf8_lossy(&told.stdout).trim().to_owned()
}

#[test]
fn somebody_signs_in_sees_approves_kills_blocks_replays_and_verifies() {
    let server = Postgres::start();
    server.psql("app").args(["-qc", TABLE]).status().expect("psql runs");
    let bed = Bed::with(Weir::for_server(&server).policy(POLICY).extra(OPERATOR), "");
    let folder = pictures(&bed);
    let mut browsing = Browsing::start(&bed, &folder, "tour");
    assert_eq!(browsing.expect("path"), "/holds", "whoever signs in is where they wanted to be");
    browsing.expect("want-jobs");
    let mut report =
        job(&bed, "for n in $(seq 200); do echo 'SELECT pg_sleep(0.2); SELECT name FROM customers LIMIT 5;'; done | psql -Xq");
    let mut sleeper = job(&bed, "psql -Xqc 'SELECT pg_sleep(60)'");
    let mut delete = job(&bed, "psql -Xqc 'DELETE FROM customers WHERE id > 400'");
    browsing.answer("they run");
    browsing.expect("approved");
    browsing.expect("want-ran");
    assert!(delete.wait().expect("psql ends").success());
    assert_eq!(rows(&server), "400");
    browsing.answer("it ran");
    browsing.expect("want-killed");
    assert!(!sleeper.wait().expect("psql ends").success());
    browsing.answer("it is gone");
    browsing.expect("want-workload");
    let live = bed.daemon.weir.sessions();
    let workload = live[0]["workload"].as_str().expect("an id").to_owned();
    let report_id =
        live.iter().find(|one| one["state"] == "live").expect("one works")["session"].as_str().expect("an id").to_owned();
    browsing.answer(&workload);
    browsing.expect("want-blocked");
    assert!(!report.wait().expect("psql ends").success());
    browsing.answer("it is gone");
    browsing.expect("want-record");
    browsing.answer(&report_id);
    assert_eq!(browsing.expect("errors"), json!([]));
    browsing.expect("done");
    let told = bed.events();
    for (kind, by) in
        [("hold.approved", "ana@acme.example"), ("session.killed", "ana@acme.example"), ("block.added", "ana@acme.example")]
    {
        assert!(told.iter().any(|event| event[0] == kind && event[1] == by), "{kind}: {told:?}");
    }
}

#[test]
fn every_page_is_for_everybody_in_both_themes_and_on_a_phone() {
    let server = Postgres::start();
    server.psql("app").args(["-qc", TABLE]).status().expect("psql runs");
    let bed = Bed::with(Weir::for_server(&server).policy(POLICY), "");
    job(&bed, "psql -Xqc 'SELECT id, name FROM customers LIMIT 3' -c 'SELECT 1/0'").wait().expect("psql ends");
    let mut held = job(&bed, "psql -Xqc 'DELETE FROM customers WHERE id = 1'");
    let folder = pictures(&bed);
    let mut browsing = Browsing::start(&bed, &folder, "looks");
    browsing.expect("want-session");
    let sessions = wait_until("the records", 20, || Some(bed.daemon.weir.sessions()).filter(|all| all.len() >= 2));
    browsing.answer(sessions[0]["session"].as_str().expect("an id"));
    // The page that is not there is asked for on purpose.
    assert_eq!(browsing.looks(), 78);
    drop(browsing);
    held.kill().ok();
    held.wait().ok();
}

/// A rule that finds whoever reads customers.
const RULES: &str = "[[rule]]\nname = \"reads-customers\"\nkind = \"deny_list\"\nof = \"table\"\nvalues = [\"db/public.customers\"]\nseverity = \"high\"\nthen = \"tell\"\n";

#[test]
fn somebody_follows_an_alert_to_its_record_has_it_opened_and_looks_into_the_incident() {
    let (server, witness) = (classed::server(), WitnessServer::start());
    let rules = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(rules.path(), RULES).expect("our own file");
    let more = format!(
        "{OPERATOR}[detection]\nrules = \"{}\"\n[record]\nseal_to = [\"{RECIPIENT}\"]\n\
         [transparency]\ncheckpoint_seconds = 1\n[[transparency.witness]]\nurl = \"{}\"\nkey = \"{}\"\nevery_seconds = 1\n",
        rules.path().display(),
        witness.prefix(),
        WitnessServer::key()
    );
    let bed = Bed::with(classed::gateway(&server).extra(&more), "");
    job(&bed, "psql -Xqc 'SELECT name, email FROM customers'").wait().expect("psql ends");
    let alert = wait_until("the alert", 30, || {
        let told = bed.daemon.weir.cli(&["alert", "list", "--format", "json"]).expect_success().stdout;
        serde_json::from_str::<Value>(&told).expect("JSON").get(0).cloned()
    });
    let folder = pictures(&bed);
    let mut browsing = Browsing::start(&bed, &folder, "proof");
    browsing.expect("want-alert");
    browsing.answer(&alert.to_string());
    assert_eq!(browsing.expect("viewer"), json!(0), "whoever views opens nothing");
    assert_eq!(browsing.looks(), 24);
    let told = bed.events();
    for (kind, by) in [
        ("snooze.set", "ana@acme.example"),
        ("snooze.lifted", "ana@acme.example"),
        ("unseal.asked", "ana@acme.example"),
        ("unseal.approved", "cy@acme.example"),
        ("unseal.released", "ana@acme.example"),
        ("legal-hold.set", "ana@acme.example"),
        ("legal-hold.lifted", "ana@acme.example"),
    ] {
        assert!(told.iter().any(|event| event[0] == kind && event[1] == by), "{kind}: {told:?}");
    }
}
