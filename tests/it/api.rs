//! The API as its description has it: what is listened to, asked twice, paged, and whatever schemathesis thinks of.

use crate::bed::{Bed, HOLDS};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use weir_tests::book::top;
use weir_tests::{Page, Postgres, Weir, schemathesis, wait_until};

/// Deletes wait for people; the rest is let through.
fn with_rows() -> (Postgres, Bed) {
    let server = Postgres::start();
    let table = "CREATE TABLE t (n int); INSERT INTO t SELECT generate_series(1, 10); GRANT ALL ON t TO app";
    server.psql("app").args(["-qc", table]).status().expect("psql runs");
    let bed = Bed::with(Weir::for_server(&server).policy(HOLDS), "");
    (server, bed)
}

#[test]
fn the_description_is_the_committed_one() {
    let weir = Weir::with("").build();
    let told = weir.bare(&["openapi"]).expect_success().stdout;
    let path = top().join("docs/openapi.json");
    if std::env::var_os("WEIR_SNAPSHOTS").is_some_and(|value| value == "write") {
        std::fs::write(&path, &told).expect("the book can be written");
    }
    let committed = std::fs::read_to_string(&path).expect("it is committed");
    assert!(told == committed, "the API has changed: look at it, and write docs/openapi.json anew (`weir openapi`)");
}

/// What a listener hears, an event a value: its name, its id, its data.
struct Listener {
    child: Child,
    heard: Receiver<(String, Option<u64>, Value)>,
}

impl Listener {
    fn start(bed: &Bed, token: &str, last: Option<u64>) -> Self {
        let mut curl = Command::new("curl");
        curl.args(["-sSN", "--max-time", "120", "--cacert"]).arg(bed.authority.root());
        curl.args(["-H", &format!("authorization: Bearer {token}")]);
        curl.args(last.iter().flat_map(|last| ["-H".to_owned(), format!("last-event-id: {last}")]));
        let mut child = curl.arg(bed.at("/v1/events")).stdout(Stdio::piped()).spawn().expect("curl starts");
        let (tell, heard) = channel();
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        std::thread::spawn(move || {
            let (mut name, mut id) = (String::new(), None);
            for line in lines.map_while(Result::ok) {
                match line.split_once(": ") {
                    Some(("event", text)) => name = text.to_owned(),
                    Some(("id", text)) => id = text.parse().ok(),
                    Some(("data", text)) => {
                        let told = serde_json::from_str(text).expect("an event's data is JSON");
                        if tell.send((std::mem::take(&mut name), id.take(), told)).is_err() {
                            return;
                        }
                    }
                    _ => {}
                }
            }
        });
        Self { child, heard }
    }

    /// The next event for which `wanted` gives something.
    fn until<T>(&self, what: &str, wanted: impl Fn(&str, Option<u64>, &Value) -> Option<T>) -> T {
        loop {
            let heard = self.heard.recv_timeout(Duration::from_secs(30));
            assert!(heard.is_ok(), "no {what} is heard");
            let (name, id, told) = heard.expect("it was looked at");
            if let Some(found) = wanted(&name, id, &told) {
                return found;
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn job(bed: &Bed, script: &str) -> Child {
    let mut psql = bed.daemon.job(&["psql", "-XAtq", "-c", script]);
    psql.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("sh starts")
}

#[test]
fn who_listens_hears_of_sessions_statements_and_decisions_and_misses_none() {
    let (_server, bed) = with_rows();
    let (id, token) = bed.token(&["--role", "admin", "--for", "1h"]);
    let listener = Listener::start(&bed, &token, None);
    let reset = listener.until("sessions", |name, _, told| (name == "sessions").then(|| told["reset"].clone()));
    assert_eq!(reset, true);
    let mut working = job(&bed, "SELECT pg_sleep(3)");
    let session = listener.until("running statement", |name, _, told| {
        let all =
            told["opened"].as_array().into_iter().chain(told["changed"].as_array()).flatten().filter(|_| name == "sessions");
        let mut running = all.filter(|one| one["state"] == "running" && one["statement"] == "SELECT pg_sleep(3)");
        running.next().and_then(|one| one["session"].as_str().map(str::to_owned))
    });
    listener.until("closed session", |name, _, told| {
        (name == "sessions" && told["closed"].as_array().is_some_and(|all| all.contains(&json!(session)))).then_some(())
    });
    working.wait().expect("psql ends");
    let mut held = job(&bed, "DELETE FROM t WHERE n = 1");
    // The session is seen to wait, and then, as it is written down, what is asked.
    listener.until("held session", |name, _, told| {
        let mut all = told["changed"].as_array().into_iter().chain(told["opened"].as_array()).flatten();
        (name == "sessions" && all.any(|one| one["state"] == "held")).then_some(())
    });
    let (hold, number) = listener.until("hold", |name, number, told| {
        let asked = name == "control" && told["kind"] == "hold.asked";
        asked.then(|| (told["subject"].as_str().expect("an id").to_owned(), number.expect("a number")))
    });
    drop(listener);
    let ana = bed.signed_in("ana");
    let yes = ana.post(&bed.at(&format!("/v1/holds/{hold}/approve")), &bed.url, &json!({ "reason": "ticket 7" }));
    assert_eq!(yes.status, 200, "{yes:?}");
    held.wait().expect("psql ends");
    // Who comes back hears what was decided meanwhile, once, in order, without a gap.
    let listener = Listener::start(&bed, &token, Some(number));
    let mut next = number;
    loop {
        let (got, kind) = listener.until("control event", |name, number, told| {
            (name == "control").then(|| (number.expect("a number"), told["kind"].as_str().expect("a kind").to_owned()))
        });
        assert_eq!(got, next + 1);
        next = got;
        if kind == "hold.released" {
            break;
        }
    }
    listener.until("sample", |name, _, told| (name == "sample" && told["at"].is_string()).then_some(()));
    // Nobody listens any longer than they are let in.
    bed.daemon.weir.cli(&["token", "revoke", &id, "--reason", "a test"]).expect_success();
    listener.until("goodbye", |name, _, _| (name == "bye").then_some(()));
}

#[test]
fn what_is_asked_twice_with_a_key_is_done_once() {
    let bed = Bed::start("");
    let (_, token) = bed.token(&["--role", "admin", "--for", "1h"]);
    let (_, other) = bed.token(&["--role", "operator", "--for", "1h"]);
    let browser = bed.browser();
    let ask = |token: &str, path: &str, key: &str, body: &Value| -> Page {
        let headers = [format!("authorization: Bearer {token}"), format!("idempotency-key: {key}")];
        let body = body.to_string();
        browser.curl(&bed.at(path), &["-H", &headers[0], "-H", &headers[1], "-H", "content-type: application/json", "-d", &body])
    };
    let block = json!({ "subject": { "kind": "target", "name": "db" }, "reason": "a test" });
    let first = ask(&token, "/v1/blocks", "k1", &block);
    assert_eq!(first.status, 200, "{first:?}");
    let again = ask(&token, "/v1/blocks", "k1", &block);
    assert_eq!((again.status, again.json()), (200, first.json()));
    assert!(again.headers.contains("idempotency-replayed: true"), "{again:?}");
    let count = || bed.bearer(&browser, &token, "/v1/blocks").json().as_array().map(Vec::len);
    assert_eq!(count(), Some(1));
    // Another request with that key is none, another's key is not the same, and a new key is a new request.
    let elsewhere = json!({ "subject": { "kind": "target", "name": "x" }, "reason": "a test" });
    assert_eq!(ask(&token, "/v1/blocks", "k1", &elsewhere).status, 422);
    assert_eq!(ask(&other, "/v1/blocks", "k1", &elsewhere).status, 200);
    assert_eq!(ask(&token, "/v1/blocks", "k2", &block).status, 200);
    assert_eq!(count(), Some(3));
    // What was refused may be asked again, and is not answered from memory.
    let empty = json!({ "subject": { "kind": "target", "name": "" }, "reason": "a test" });
    assert_eq!((ask(&token, "/v1/blocks", "k3", &empty).status, ask(&token, "/v1/blocks", "k3", &elsewhere).status), (422, 200));
    for key in ["", &"x".repeat(129)] {
        assert_eq!(ask(&token, "/v1/blocks", key, &block).status, if key.is_empty() { 200 } else { 400 }, "{key}");
    }
    // What is shown once is shown once.
    let ana = bed.signed_in("cy");
    let wish = json!({ "name": "bot", "roles": [{ "role": "viewer" }], "seconds": 600 });
    let made = |key: &str| {
        let (origin, key, body) = (format!("origin: {}", bed.url), format!("idempotency-key: {key}"), wish.to_string());
        ana.curl(&bed.at("/v1/tokens"), &["-H", &origin, "-H", &key, "-H", "content-type: application/json", "-d", &body])
    };
    let (first, again) = (made("t1"), made("t1"));
    assert_eq!((first.status, again.status), (200, 409), "{first:?} {again:?}");
    bed.keeps_to_itself(&[first.json()["token"].as_str().expect("a token")]);
}

#[test]
fn lists_have_pages_and_the_pages_are_the_whole_list() {
    let bed = Bed::start("");
    let (_, token) = bed.token(&["--role", "admin", "--for", "1h"]);
    for number in 0..7 {
        let name = format!("w{number}");
        let added = bed.daemon.weir.cli(&["block", "add", "--workload", &name, "--reason", "a test", "--format", "json"]);
        let added: Value = serde_json::from_str(&added.expect_success().stdout).expect("JSON");
        let id = added["block"]["id"].as_str().expect("an id").to_owned();
        if number != 3 {
            bed.daemon.weir.cli(&["block", "remove", &id, "--reason", "a test"]).expect_success();
        }
    }
    let browser = bed.browser();
    let (mut path, mut names, mut pages) = ("/v1/blocks?past=2".to_owned(), Vec::new(), 0);
    loop {
        let page = bed.bearer(&browser, &token, &path);
        assert_eq!(page.status, 200, "{page:?}");
        names
            .extend(page.json().as_array().expect("a list").iter().map(|one| one["subject"]["name"].as_str().map(str::to_owned)));
        pages += 1;
        let link = page.headers.lines().find_map(|line| line.strip_prefix("link: <")?.strip_suffix(">; rel=\"next\""));
        match link {
            Some(next) => path = next.to_owned(),
            None => break,
        }
    }
    names.sort();
    assert_eq!(names, (0..7).map(|number| Some(format!("w{number}"))).collect::<Vec<_>>(), "in {pages} pages");
    assert!(pages >= 4, "{pages}");
    assert_eq!(bed.bearer(&browser, &token, "/v1/blocks?past=2&before=h-0000000000001").status, 400);
}

#[test]
fn records_are_shown_to_who_may_see_them_and_rows_to_auditors() {
    let (_server, bed) = with_rows();
    job(&bed, "SELECT n FROM t WHERE n < 3 ORDER BY n").wait().expect("psql ends");
    let ana = bed.signed_in("cy");
    let get = |path: &str| ana.get(&bed.at(path)).json();
    let list = wait_until("the record", 20, || Some(get("/v1/records?target=db&state=ended")).filter(|list| list[0].is_object()));
    let id = list[0]["session"].as_str().expect("an id").to_owned();
    assert_eq!((&list[0]["rows"], &list[0]["database"], list.as_array().map(Vec::len)), (&json!(2), &json!("app"), Some(1)));
    assert_eq!(get(&format!("/v1/records/{id}"))["opened"]["target"]["name"], "db");
    // Frame by frame, in pages, they are what the command line replays.
    let played = bed.daemon.weir.cli(&["session", "play", &id, "--instant", "--format", "json"]).expect_success().stdout;
    let played: Vec<Value> = played.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let (mut frames, mut after) = (Vec::new(), String::new());
    loop {
        let page = get(&format!("/v1/records/{id}/frames?limit=3{after}"));
        frames.extend(page["frames"].as_array().expect("frames").iter().cloned());
        if page["more"] == false {
            assert_eq!(page["state"], "ended");
            break;
        }
        after = format!("&after={}", frames.last().expect("one came")["frame"]);
    }
    assert_eq!(frames, played);
    assert!(frames.iter().any(|frame| frame["kind"] == "rows" && frame["body"]["messages"].is_array()));
    // Who may only look sees what was asked and decided, and no values; who may not look sees nothing.
    let dee = bed.signed_in("dee");
    let seen = dee.get(&bed.at(&format!("/v1/records/{id}/frames"))).json();
    let rows: Vec<_> = seen["frames"].as_array().expect("frames").iter().filter(|frame| frame["kind"] == "rows").collect();
    assert!(!rows.is_empty() && rows.iter().all(|frame| frame["body"] == json!({ "withheld": "auditor" })), "{rows:?}");
    let bo = bed.signed_in("bo");
    assert_eq!(bo.get(&bed.at("/v1/records")).json(), json!([]));
    for path in ["", "/frames"] {
        assert_eq!(bo.get(&bed.at(&format!("/v1/records/{id}{path}"))).status, 404);
    }
    // Checked, and then touched and checked again.
    let check = |path: &str| ana.post(&bed.at(path), &bed.url, &json!({}));
    let checked = check(&format!("/v1/records/{id}/verify")).json();
    assert_eq!((&checked["problems"], checked["chain"].as_str().map(str::len)), (&json!([]), Some(64)), "{checked}");
    assert_eq!(check("/v1/records/verify").json()["problem_count"], 0);
    let file = bed.daemon.weir.directory().join(format!("state/sessions/{id}.weir"));
    let mut bytes = std::fs::read(&file).expect("the record is there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).expect("root can");
    assert_ne!(check(&format!("/v1/records/{id}/verify")).json()["problems"], json!([]));
    assert_ne!(check("/v1/records/verify").json()["problem_count"], 0);
    assert_eq!(dee.post(&bed.at("/v1/records/verify"), &bed.url, &json!({})).status, 403);
}

#[test]
fn workloads_targets_policies_and_health_are_there_to_look_at() {
    let (_server, bed) = with_rows();
    job(&bed, "SELECT 1").wait().expect("psql ends");
    let cy = bed.signed_in("cy");
    let get = |path: &str| cy.get(&bed.at(path)).json();
    let workload = wait_until("the workload", 20, || Some(get("/v1/workloads")[0].clone()).filter(Value::is_object));
    assert_eq!((&workload["targets"], &workload["blocked"]), (&json!(["db"]), &Value::Null));
    assert!(workload["process"]["executable"].as_str().is_some_and(|path| path.ends_with("psql")), "{workload}");
    let name = workload["workload"].as_str().expect("an id").to_owned();
    let block = json!({ "subject": { "kind": "workload", "name": name }, "reason": "a test" });
    let block = cy.post(&bed.at("/v1/blocks"), &bed.url, &block).json()["block"]["id"].clone();
    assert_eq!(get("/v1/workloads")[0]["blocked"], block);
    let target = &get("/v1/targets")[0];
    assert_eq!((&target["name"], &target["protocol"], &target["live"]), (&json!("db"), &json!("postgres"), &json!(0)));
    // The policy, the one before it, and what another would be.
    let policy = get("/v1/policy");
    assert_eq!(policy["policies"].as_array().map(Vec::len), Some(2));
    let before = policy["hash"].as_str().expect("a hash").to_owned();
    bed.daemon.weir.reload(&format!("{HOLDS}\n// the same, with a word more\n"));
    let versions = wait_until("the new version", 20, || Some(get("/v1/policy/versions")).filter(|all| all[1].is_object()));
    assert_eq!((&versions[1]["hash"], &versions[1]["by"], &versions[1]["kept"]), (&json!(before), &json!("weir"), &json!(true)));
    assert_eq!(get(&format!("/v1/policy/versions/{before}"))["files"], policy["files"]);
    let case = "[[case]]\nname = \"it connects\"\nprincipal = { workload = \"spiffe://a/b\" }\ntarget = { name = \"db\" }\n\
        action = \"connect\"\nexpect = \"deny\"\n";
    let files = json!({ "files": [{ "name": "a.cedar", "text": HOLDS }, { "name": "cases/a.toml", "text": case }] });
    let checked = cy.post(&bed.at("/v1/policy/check"), &bed.url, &files).json();
    assert_eq!(
        (&checked["problems"], &checked["cases"][0]["passed"], &checked["cases"][0]["got"]),
        (&json!([]), &json!(false), &json!("allow"))
    );
    let bad = json!({ "files": [{ "name": "a.cedar", "text": "permit (" }] });
    assert_eq!(cy.post(&bed.at("/v1/policy/check"), &bed.url, &bad).json()["problems"][0]["file"], "a.cedar");
    let health = get("/v1/health");
    assert_eq!((&health["well"], health["probes"][0]["available"].as_bool()), (&json!(true), Some(true)), "{health}");
    assert!(health["evidence"]["records"].as_u64() >= Some(1), "{health}");
    let samples = get("/v1/stats")["samples"].as_array().map_or(0, Vec::len);
    assert!(samples >= 1, "{samples}");
    // What is about everything is not for who is for a part.
    let ana = bed.signed_in("bo");
    for path in ["/v1/policy", "/v1/policy/versions", "/v1/health", "/v1/stats"] {
        assert_eq!(ana.get(&bed.at(path)).status, 403, "{path}");
    }
    assert_eq!(ana.get(&bed.at("/v1/targets")).json(), json!([]));
}

/// What is well made and can't be done, as a block of nobody, is 422; tokens can be made ten times a minute.
const SETTINGS: &str = "[checks]\npositive_data_acceptance.expected-statuses = [\"2xx\", 401, 403, 404, 409, 422, 429]\n";

/// Whatever the description allows is answered as it says, and whatever it forbids is refused as it says.
#[test]
fn schemathesis_finds_nothing() {
    let (_server, bed) = with_rows();
    job(&bed, "SELECT 1").wait().expect("psql ends");
    let (_, token) = bed.token(&["--role", "admin", "--for", "1h"]);
    let folder = bed.daemon.weir.directory();
    std::fs::write(folder.join("schemathesis.toml"), SETTINGS).expect("our own directory");
    let mut tester = Command::new(schemathesis());
    let bearer = format!("Authorization: Bearer {token}");
    tester.args(["--config-file", "schemathesis.toml", "run", "--url", &bed.url, "-H", &bearer]);
    tester.arg("--tls-verify").arg(bed.authority.root());
    // What is listened to has no end; and twenty requests a second are what one token may ask.
    tester.args([
        "--exclude-path",
        "/v1/events",
        "--rate-limit",
        "18/s",
        "--max-examples",
        "10",
        "--seed",
        "7",
        "--workers",
        "1",
    ]);
    tester.args(["--no-color", "--generation-database", "none"]).arg(top().join("docs/openapi.json")).current_dir(folder);
    let mut tester = tester.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("schemathesis starts");
    let mut told = String::new();
    tester.stdout.take().expect("piped").read_to_string(&mut told).expect("it is text");
    let status = tester.wait().expect("it ends");
    assert!(status.success(), "{told}");
    assert!(told.contains("passed") || told.contains("No issues found"), "{told}");
    let log = bed.daemon.log();
    assert!(!log.contains("panicked"), "{log}");
}
