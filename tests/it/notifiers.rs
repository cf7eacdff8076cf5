//! People hear of holds, blocks and broken glass by webhook, Slack, e-mail and command; in order, once they can be reached.

use aws_lc_rs::hmac;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use weir_tests::{
    CertificateAuthority, Daemon, Heard, LOGIN, MailServer, Manner, Outcome, Postgres, Receiver, Weir, free_port, wait_until,
};

/// No output, log or file of the state directory may have these.
const SIGNING: &str = "hunter2-signs";
const PATH: &str = "/services/T0/B0/hunter2-path";

/// A folder of secrets, which outlives whatever reads it.
struct Secrets(tempfile::TempDir);

impl Secrets {
    fn new() -> Self {
        let secrets = Self(tempfile::Builder::new().prefix("weir-secrets-").tempdir().expect("a temporary directory"));
        secrets.file("signing", SIGNING);
        secrets
    }

    /// A reference to a file of this name with this text.
    fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.path().join(name);
        fs::write(&path, text).expect("our own directory");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("our own file");
        format!("file:{}", path.display())
    }

    fn webhook(&self, name: &str, port: u16, more: &str) -> String {
        let url = self.file(name, &format!("http://127.0.0.1:{port}{PATH}"));
        let secret = format!("file:{}/signing", self.0.path().display());
        format!("[[notify]]\nname = \"{name}\"\nkind = \"webhook\"\nurl = \"{url}\"\nsecret = \"{secret}\"\n{more}\n")
    }

    fn slack(&self, name: &str, port: u16, more: &str) -> String {
        let url = self.file(name, &format!("http://127.0.0.1:{port}{PATH}"));
        format!("[[notify]]\nname = \"{name}\"\nkind = \"slack\"\nurl = \"{url}\"\n{more}\n")
    }
}

fn daemon(notify: &str) -> Daemon {
    Daemon::start(Weir::with(notify), "canary = false")
}

fn block(weir: &Weir, reason: &str) -> Outcome {
    weir.cli(&["block", "add", "--target", "prod-pg", "--reason", reason]).expect_success()
}

fn reasons(heard: &[Heard]) -> Vec<String> {
    let reason = |heard: &Heard| heard.json()["event"]["details"]["reason"].as_str().unwrap_or_default().to_owned();
    heard.iter().map(reason).collect()
}

fn wait_for(receiver: &Receiver, event: &str, count: usize, seconds: u64) -> Vec<Heard> {
    wait_until(&format!("{count} of {event}"), seconds, || Some(receiver.of(event)).filter(|heard| heard.len() >= count))
}

/// `weir notify list`, by name.
fn listed(weir: &Weir, name: &str) -> Value {
    let out = weir.cli(&["notify", "list", "--format", "json"]).expect_success().stdout;
    let all: Vec<Value> = serde_json::from_str(&out).expect("a list");
    all.into_iter().find(|one| one["name"] == name).expect("it is configured")
}

/// Whether the signature is that of this body.
fn is_signed(heard: &Heard, body: &[u8]) -> bool {
    let (time, tag) = heard.header("weir-signature").split_once(",v1=").expect("a signature");
    let seconds: u64 = time.strip_prefix("t=").and_then(|seconds| seconds.parse().ok()).expect("a time");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    assert!(now.abs_diff(seconds) < 60, "{time}");
    let tag: Vec<u8> = (0..tag.len() / 2).map(|at| u8::from_str_radix(&tag[2 * at..2 * at + 2], 16).expect("hex")).collect();
    let signed = [format!("{seconds}.").as_bytes(), body].concat();
    hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, SIGNING.as_bytes()), &signed, &tag).is_ok()
}

/// No secret is in any file below, nor in these texts.
fn assert_no_secret(folder: &Path, texts: &[&str]) {
    let mut open = vec![folder.to_owned()];
    let mut read = 0;
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path).expect("our own directory").flatten().map(|entry| entry.path()));
        } else if path.is_file() {
            read += 1;
            check(&path.display().to_string(), &String::from_utf8_lossy(&fs::read(&path).unwrap_or_default()));
        }
    }
    assert!(read > 2, "there is something to look at");
    texts.iter().for_each(|text| check("what was printed", text));
    fn check(place: &str, text: &str) {
        for secret in ["hunter2", LOGIN.1] {
            assert!(!text.contains(secret), "{secret} is in {place}");
        }
    }
}

#[test]
fn a_held_statement_reaches_people_within_a_second_and_is_approved_by_what_they_got() {
    let server = Postgres::start();
    let table = "CREATE TABLE t (n int); INSERT INTO t SELECT generate_series(1, 10); GRANT ALL ON t TO app";
    server.psql("app").args(["-qc", table]).status().expect("psql runs");
    let (hooks, slack, secrets) = (Receiver::start(), Receiver::start(), Secrets::new());
    let link = "link = \"https://weir.acme.example/\"";
    let notify = [secrets.webhook("hooks", hooks.port, link), secrets.slack("on-call", slack.port, link)].concat();
    let policy = r#"
@id("all") permit (principal, action in [Action::"connect", Action::"operation"], resource);
@id("deletes") @hold("group=dba,wait=60s,valid=60s") @message("a DBA has to look <!channel>")
forbid (principal, action == Action::"write", resource) when { context.verb == "DELETE" } unless { context.approval.satisfied };
"#;
    let weir = Weir::for_server(&server).policy(policy).extra(&notify).build();
    let job = weir.start(&["psql", "-XAt", "-c", "DELETE FROM t WHERE n <= 3 /* & <https://evil.example|x> */"]);
    let heard = wait_for(&hooks, "hold.asked", 1, 30).remove(0);
    let told = heard.json();
    assert!(is_signed(&heard, &heard.body), "the signature is of this body");
    let mut changed = heard.body.clone();
    changed[10] ^= 1;
    assert!(!is_signed(&heard, &changed), "and of no other");
    assert_eq!(heard.path, PATH);
    assert_eq!(heard.header("weir-delivery"), told["id"].as_str().expect("an id"));
    let asked: jiff::Timestamp = told["event"]["at"].as_str().expect("a time").parse().expect("RFC 3339");
    let took = heard
        .at
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
        .saturating_sub(Duration::from_nanos(u64::try_from(asked.as_nanosecond()).expect("after 1970")));
    assert!(took < Duration::from_secs(1), "{took:?}");
    let hold = told["event"]["subject"].as_str().expect("an id");
    assert_eq!(told["link"], format!("https://weir.acme.example/holds/{hold}"));
    let message = wait_until("a message", 10, || slack.heard().into_iter().next());
    let text = message.json().to_string();
    for part in [
        "waits for approval on db",
        "DELETE FROM t WHERE n \\u003c= 3",
        "a DBA has to look",
        "1 of dba",
        &format!("<https://weir.acme.example/holds/{hold}|Look at it>"),
    ] {
        assert!(text.replace("&lt;", "\\u003c").contains(part), "{part}: {text}");
    }
    assert!(!text.contains("<!channel>") && !text.contains("<https://evil") && text.contains("&lt;!channel&gt;"), "{text}");
    let listed = weir.cli(&["notify", "list"]).expect_success().stdout;
    weir.cli(&["hold", "approve", hold, "--reason", "ticket 7"]).expect_success();
    let ended = job.wait().expect_success();
    assert_eq!(ended.stdout.trim(), "DELETE 3");
    assert_no_secret(&weir.directory().join("state"), &[&listed, &ended.stderr]);
}

#[test]
fn what_can_not_be_reached_gets_everything_in_order_once_it_can_and_after_a_restart() {
    let (port, secrets) = (free_port(), Secrets::new());
    let mut daemon = daemon(&secrets.webhook("hooks", port, ""));
    ["one", "two", "three"].iter().for_each(|reason| drop(block(&daemon.weir, reason)));
    let waits = wait_until("a failure", 20, || Some(listed(&daemon.weir, "hooks")).filter(|one| one["state"] == "retrying"));
    assert_eq!((waits["waiting"].as_u64(), waits["delivered"].as_u64()), (Some(3), Some(0)));
    assert!(waits["error"].as_str().expect("a failure").contains(&format!("127.0.0.1:{port}")), "{waits}");
    daemon.signal(nix::sys::signal::Signal::SIGKILL);
    daemon.wait();
    // Without any gateway the ledger is written as well, and told of by the next.
    block(&daemon.weir, "four");
    daemon.restart();
    block(&daemon.weir, "five");
    let receiver = Receiver::with(port, Manner::default(), None);
    let heard = wait_for(&receiver, "block.added", 5, 40);
    assert_eq!(reasons(&heard), ["one", "two", "three", "four", "five"]);
    let ids: std::collections::BTreeSet<_> = heard.iter().map(|heard| heard.header("weir-delivery").to_owned()).collect();
    assert_eq!(ids.len(), 5, "each has an id of its own");
    let well = wait_until("all to be noted", 10, || Some(listed(&daemon.weir, "hooks")).filter(|one| one["delivered"] == 5));
    assert_eq!((well["state"].as_str(), well["waiting"].as_u64(), well["failed"].as_u64()), (Some("well"), Some(0), Some(0)));
    assert_eq!(receiver.heard().len(), 5, "and none twice");
    assert_no_secret(&daemon.weir.directory().join("state"), &[&daemon.log(), &waits.to_string()]);
}

#[test]
fn who_is_slow_delays_nobody_else_and_nobody_who_decides() {
    let slow = Receiver::with(0, Manner { after: Duration::from_secs(8), ..Manner::default() }, None);
    let (fast, secrets) = (Receiver::start(), Secrets::new());
    let daemon = daemon(&[secrets.webhook("slow", slow.port, ""), secrets.webhook("fast", fast.port, "")].concat());
    let begun = Instant::now();
    (0..5).for_each(|number| drop(block(&daemon.weir, &number.to_string())));
    let heard = wait_for(&fast, "block.added", 5, 20);
    assert_eq!(reasons(&heard), ["0", "1", "2", "3", "4"]);
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    assert!(slow.heard().len() <= 1, "the other one is still at the first");
    wait_for(&slow, "block.added", 2, 30);
}

#[test]
fn what_is_not_taken_is_given_up_with_a_finding_and_others_hear_of_it() {
    let manner = Manner { status: Some("500 No".to_owned()), body: format!("no {PATH} \u{7} here"), ..Manner::default() };
    let (broken, other, secrets) = (Receiver::with(0, manner, None), Receiver::start(), Secrets::new());
    let notify = [secrets.webhook("broken", broken.port, "attempts = 2"), secrets.webhook("other", other.port, "")].concat();
    let mut daemon = daemon(&notify);
    block(&daemon.weir, "x");
    let told = wait_for(&other, "notify.failed", 1, 30).remove(0).json();
    let details = &told["event"]["details"];
    assert_eq!(
        (details["notifier"].as_str(), details["attempts"].as_u64(), details["alert"].as_str()),
        (Some("broken"), Some(2), Some("medium"))
    );
    assert!(details["error"].as_str().is_some_and(|why| why.contains("500") && why.contains("[secret]")), "{details}");
    let failed = wait_until("it to be counted", 10, || Some(listed(&daemon.weir, "broken")).filter(|one| one["failed"] == 1));
    assert_eq!(failed["state"], "failing");
    assert_eq!(broken.heard().len(), 2, "it is not told of its own failure");
    daemon.signal(nix::sys::signal::Signal::SIGTERM);
    daemon.wait();
    let sessions: Vec<_> =
        daemon.weir.records().iter().filter_map(|session| session["session"].as_str().map(str::to_owned)).collect();
    let found = |id: &String| daemon.weir.cli(&["session", "play", id, "--format", "json"]).stdout.contains("notify-failed");
    assert!(sessions.iter().any(found), "it is on the record: {sessions:?}");
    assert_no_secret(&daemon.weir.directory().join("state"), &[&daemon.log()]);
}

#[test]
fn broken_glass_reaches_everybody_whatever_they_want_to_hear() {
    let (hooks, secrets) = (Receiver::start(), Secrets::new());
    let daemon = daemon(&secrets.webhook("hooks", hooks.port, "events = [\"hold.*\"]\ntargets = [\"dev-*\"]"));
    let checked = daemon.weir.bare(&["config", "check", daemon.weir.config().to_str().expect("a path")]).expect_success();
    assert!(checked.stdout.contains("glass.broken is told there, too"), "{}", checked.stdout);
    block(&daemon.weir, "not wanted");
    daemon.weir.cli(&["break-glass", "--target", "prod-pg", "--reason", "the site is down", "--for", "30m"]).expect_success();
    let told = wait_for(&hooks, "glass.broken", 1, 10).remove(0).json();
    assert_eq!((told["event"]["details"]["alert"].as_str(), hooks.heard().len()), (Some("high"), 1));
}

#[test]
fn mail_goes_through_a_real_server_and_nothing_of_an_event_is_a_header() {
    let (server, secrets) = (MailServer::start(), Secrets::new());
    let mail = |name: &str, password: &str, more: &str| {
        let (user, password) = (secrets.file("user", LOGIN.0), secrets.file(name, password));
        format!(
            "[[notify]]\nname = \"{name}\"\nkind = \"email\"\nserver = \"127.0.0.1:{}\"\nca = \"file:{}\"\nfrom = \"weir <weir@acme.example>\"\n\
             to = [\"dba@acme.example\", \"Ana <ana@acme.example>\"]\nusername = \"{user}\"\npassword = \"{password}\"\n{more}\n",
            server.port,
            server.ca().display()
        )
    };
    let wrong = mail("wrong", "hunter2-mail", "events = []");
    let plain = mail("plain", LOGIN.1, "events = []\ntls = \"none\"");
    let untrusted = mail("untrusted", LOGIN.1, "events = []").replace(&format!("ca = \"file:{}\"", server.ca().display()), "");
    let daemon = daemon(&[mail("good", LOGIN.1, ""), wrong, plain, untrusted].concat());
    block(&daemon.weir, "x\r\nBcc: evil@acme.example\r\n\r\n<b>hi</b>");
    let got = wait_until("a mail", 20, || server.mails().into_iter().next());
    assert_eq!((got["from"].as_str(), got["tls"].as_bool()), (Some("weir@acme.example"), Some(true)));
    assert_eq!(got["to"], serde_json::json!(["dba@acme.example", "ana@acme.example"]), "and nobody else");
    let raw = got["raw"].as_str().expect("a mail");
    let (headers, body) = raw.split_once("\r\n\r\n").expect("headers and a body");
    assert!(!headers.to_lowercase().contains("\nbcc:") && headers.contains("Auto-Submitted: auto-generated"), "{headers}");
    assert!(headers.contains("Subject: weir: ") && headers.contains("blocked the target prod-pg"), "{headers}");
    assert!(body.contains("prod-pg") && body.contains("<b>hi</b>"), "{body}");
    let mut printed = String::new();
    for (name, why) in [("wrong", "535"), ("plain", "authentication"), ("untrusted", "ertificate")] {
        let tried = daemon.weir.cli(&["notify", "test", name]);
        assert!(tried.status == Some(1) && tried.stderr.contains(why), "{name}: {} {}", tried.stdout, tried.stderr);
        printed.push_str(&tried.stderr);
    }
    let listed = daemon.weir.cli(&["notify", "list"]).expect_success().stdout;
    assert!(listed.contains("dba@acme.example"), "{listed}");
    assert_no_secret(&daemon.weir.directory().join("state"), &[&daemon.log(), &printed, &listed]);
}

#[test]
fn a_program_gets_the_event() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let (script, out) = (folder.path().join("page"), folder.path().join("out"));
    fs::write(&script, format!("#!/bin/sh\n{{ echo \"$WEIR_EVENT $1\"; cat; }} >>{}\n", out.display()))
        .expect("our own directory");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("our own file");
    let notify =
        format!("[[notify]]\nname = \"page\"\nkind = \"command\"\ncommand = [\"{}\", \"a b;$(id)\"]\n", script.display());
    let daemon = daemon(&notify);
    block(&daemon.weir, "`touch pwned`");
    let line = |from: &PathBuf| fs::read_to_string(from).ok().filter(|text| text.lines().count() == 2);
    let text = wait_until("the program", 20, || line(&out));
    let (first, json) = text.split_once('\n').expect("two lines");
    assert_eq!(first, "block.added a b;$(id)");
    let told: Value = serde_json::from_str(json).expect("JSON");
    assert_eq!(told["event"]["details"]["reason"], "`touch pwned`");
}

#[test]
fn a_test_says_what_came_of_it_with_a_gateway_and_without() {
    let manner = Manner { status: Some("302 Found\r\nlocation: http://127.0.0.1:1/hunter2".to_owned()), ..Manner::default() };
    let (good, elsewhere, dead, secrets) = (Receiver::start(), Receiver::with(0, manner, None), free_port(), Secrets::new());
    let authority = CertificateAuthority::create();
    let tls = Receiver::with(0, Manner::default(), Some(&authority));
    let ca = format!("ca = \"file:{}\"", authority.root().display());
    let notify = [
        secrets.webhook("good", good.port, ""),
        secrets.webhook("elsewhere", elsewhere.port, ""),
        secrets.slack("dead", dead, ""),
        secrets.slack("tls", tls.port, &ca),
        secrets.slack("untrusted", tls.port, ""),
        secrets.slack("remote", 1, ""),
    ];
    secrets.file("tls", &format!("https://127.0.0.1:{}{PATH}", tls.port));
    secrets.file("untrusted", &format!("https://127.0.0.1:{}{PATH}", tls.port));
    secrets.file("remote", "http://hooks.example/hunter2");
    let mut daemon = daemon(&notify.concat());
    let mut printed = Vec::new();
    for round in 1..=2 {
        let tried = daemon.weir.cli(&["notify", "test", "good"]).expect_success();
        assert!(tried.stdout.starts_with(&format!("good: told 127.0.0.1:{} by webhook in ", good.port)), "{}", tried.stdout);
        wait_for(&good, "notify.tested", 2 * round - 1, 5);
        daemon.weir.cli(&["notify", "test", "tls"]).expect_success();
        for (name, why) in [
            ("elsewhere", "no redirect is followed"),
            ("dead", "refused"),
            ("untrusted", "TLS: "),
            ("remote", "only https://"),
            ("nobody", "there is: good, elsewhere, dead"),
        ] {
            let tried = daemon.weir.cli(&["notify", "test", name]);
            assert!(tried.status == Some(1) && tried.stderr.contains(why), "{name}: {} {}", tried.stdout, tried.stderr);
            printed.push(tried.stderr);
        }
        let json = daemon.weir.cli(&["notify", "test", "good", "--format", "json"]).expect_success().stdout;
        assert_eq!(serde_json::from_str::<Value>(&json).expect("JSON")["kind"], "webhook");
        // An event that nobody asked for by name is not told of.
        assert_eq!(listed(&daemon.weir, "good")["waiting"], 0);
        printed.push(daemon.weir.cli(&["notify", "list"]).expect_success().stdout);
        if round == 1 {
            daemon.signal(nix::sys::signal::Signal::SIGTERM);
            daemon.wait();
        }
        good_is_only_tested(&good);
    }
    let printed: Vec<_> = printed.iter().map(String::as_str).collect();
    assert_no_secret(&daemon.weir.directory().join("state"), &[&printed[..], &[&daemon.log()]].concat());
}

fn good_is_only_tested(good: &Receiver) {
    assert!(good.heard().iter().all(|heard| heard.header("weir-event") == "notify.tested"));
}
