//! Egress of any TCP: by name, SNI, Host, address and port; what a client says is held against what its run asked for.

use serde_json::Value;
use weir_tests::{NameServer, Outcome, Web, Weir};

const NAMES: [&str; 3] =
    ["--host-record=a.test,127.0.0.9,::1", "--host-record=b.test,127.0.0.9", "--host-record=c.test,127.0.0.10"];

/// `a.test` is permitted by name, and may be resolved; `b.test` may be resolved alone.
const POLICY: &str = r#"
@id("a") permit (principal, action in [Action::"resolve", Action::"connect"], resource) when { context has host && context.host == "a.test" };
@id("b") permit (principal, action == Action::"resolve", resource) when { context.name == "b.test" };
"#;

fn weir(server: &NameServer, policy: &str, settings: &str) -> Weir {
    Weir::with(&format!("{}{settings}", server.settings())).policy(policy).build()
}

fn job(weir: &Weir, script: &str) -> Outcome {
    weir.run(&["bash", "-c", script])
}

/// The run's only summary.
fn summary(weir: &Weir) -> Value {
    let runs: Value =
        serde_json::from_str(&weir.cli(&["run", "list", "--format", "json"]).expect_success().stdout).expect("JSON");
    let run = runs[0]["run"].as_str().expect("a run").to_owned();
    serde_json::from_str(&weir.cli(&["run", "show", &run, "--format", "json"]).expect_success().stdout).expect("JSON")
}

fn curl(name: &str, at: &str, port: u16, path: &str) -> String {
    let scheme = if path.starts_with("tls") { "https" } else { "http" };
    let path = path.trim_start_matches("tls");
    format!("curl -skS -m 20 --resolve {name}:{port}:{at} {scheme}://{name}:{port}{path}")
}

#[test]
fn a_server_name_that_the_run_asked_for_passes_and_another_is_refused() {
    let (server, web) = (NameServer::start(&NAMES), Web::start(&["127.0.0.9"]));
    let weir = weir(&server, POLICY, "");
    let script = format!(
        "dig +tcp +short @192.0.2.53 a.test A; {}; {}; echo status $?",
        curl("a.test", "127.0.0.9", web.https, "tls/"),
        curl("evil.test", "127.0.0.9", web.https, "tls/")
    );
    let told = job(&weir, &script);
    assert!(told.stdout.starts_with("127.0.0.9\nhost=a.test sni=a.test\nstatus "), "{}{}", told.stdout, told.stderr);
    assert!(!told.stdout.contains("evil") && !told.stdout.ends_with("status 0\n"), "{}", told.stdout);
    assert!(told.stderr.contains("its client names evil.test, and its run asked for a.test"), "{}", told.stderr);
    assert!(told.stderr.contains("alert access denied"), "the client has its own protocol's error: {}", told.stderr);
    let summary = summary(&weir);
    let contacts = summary["contacts"].as_array().expect("a list");
    let find = |decision: &str| contacts.iter().find(|row| row["decision"] == decision).expect("a row of it");
    assert_eq!((&find("allowed")["name"], &find("allowed")["protocol"]), (&"a.test".into(), &"tls".into()));
    assert!(find("allowed")["bytes_received"].as_u64() > Some(100) && find("allowed")["bytes_sent"].as_u64() > Some(100));
    assert_eq!(find("refused")["sessions"], 1);
}

#[test]
fn a_host_that_differs_is_refused_in_http_s_own_words_unless_policy_names_it() {
    let (server, web) = (NameServer::start(&NAMES), Web::start(&["127.0.0.9"]));
    let script = format!(
        "dig +tcp +short @192.0.2.53 a.test A >/dev/null; {} -H 'Host: evil.test' -w '%{{http_code}}'",
        curl("a.test", "127.0.0.9", web.http, "/")
    );
    let refused = job(&weir(&server, POLICY, ""), &script);
    assert!(refused.stdout.starts_with("weir refused the connection") && refused.stdout.ends_with("403"), "{}", refused.stdout);
    let lenient = format!(
        "{POLICY} @id(\"fronted\") permit (principal, action == Action::\"connect\", resource) when {{ context.mismatch && context.kind == \"name\" }};"
    );
    let passed = job(&weir(&server, &lenient, ""), &script);
    assert_eq!(passed.stdout, "host=evil.test sni=\n200", "{}", passed.stderr);
}

#[test]
fn of_two_names_at_one_address_the_client_s_own_counts() {
    let (server, web) = (NameServer::start(&NAMES), Web::start(&["127.0.0.9"]));
    let weir = weir(&server, POLICY, "");
    // b.test may be resolved and not connected to; a.test was asked for last, so that the door is open.
    let script = format!(
        "for n in b.test a.test; do dig +tcp +short @192.0.2.53 $n A >/dev/null; done; {}; {}; echo status $?",
        curl("a.test", "127.0.0.9", web.https, "tls/"),
        curl("b.test", "127.0.0.9", web.https, "tls/")
    );
    let told = job(&weir, &script);
    assert!(
        told.stdout.starts_with("host=a.test sni=a.test\nstatus ") && !told.stdout.contains("host=b.test"),
        "{}",
        told.stdout
    );
    assert!(told.stderr.contains(&format!("refused the connection to b.test:{}", web.https)), "{}", told.stderr);
}

#[test]
fn targets_are_matched_by_name_and_by_wildcard() {
    let (server, web) = (NameServer::start(&NAMES), Web::start(&["127.0.0.9", "127.0.0.10"]));
    let targets = format!(
        "[[target]]\nname = \"exact\"\nmatch = \"a.test:{0}\"\n[[target]]\nname = \"wild\"\nmatch = \"*.test:{0}\"\n",
        web.http
    );
    let policy = r#"@id("t") permit (principal, action in [Action::"resolve", Action::"connect"], resource in Target::"exact");
        @id("w") permit (principal, action in [Action::"resolve", Action::"connect"], resource in Target::"wild") when { if context has speaks then context.speaks == "http" else true };"#;
    let weir = weir(&server, policy, &targets);
    let script = format!(
        "for n in a.test c.test; do dig +tcp +short @192.0.2.53 $n A; done; {}; {}",
        curl("a.test", "127.0.0.9", web.http, "/"),
        curl("c.test", "127.0.0.10", web.http, "/")
    );
    let told = job(&weir, &script).expect_success();
    assert_eq!(told.stdout, "127.0.0.9\n127.0.0.10\nhost=a.test sni=\nhost=c.test sni=\n", "{}", told.stderr);
    let targets: Vec<_> =
        weir.sessions().into_iter().map(|session| session["target"].clone()).filter(|name| name != "names").collect();
    assert_eq!(targets, ["exact", "wild"]);
}

#[test]
fn ipv6_is_no_way_round() {
    let (server, web) = (NameServer::start(&NAMES), Web::start(&["[::1]"]));
    let weir = weir(&server, POLICY, "");
    let script = format!(
        "curl -sS -m 20 'http://[::1]:{0}/' ; echo status $?; dig +tcp +short @2001:db8::53 a.test AAAA; {1}",
        web.http,
        curl("a.test", "[::1]", web.http, "/")
    );
    let told = job(&weir, &script);
    assert!(told.stdout.starts_with("status ") && !told.stdout.starts_with("status 0"), "{}", told.stdout);
    assert!(told.stdout.ends_with("\n::1\nhost=a.test sni=\n"), "{}{}", told.stdout, told.stderr);
}

#[test]
fn dns_over_tls_and_known_resolvers_are_refused_even_where_everything_is_permitted() {
    let server = NameServer::start(&NAMES);
    let weir = Weir::with(&server.settings()).build();
    let script = "for at in 192.0.2.1/853 8.8.8.8/443 1.1.1.1/443; do timeout 20 bash -c \"exec 3<>/dev/tcp/$at && read -t 10 -u 3 x\" ; done; true";
    let told = job(&weir, script).expect_success();
    for words in ["port 853 is DNS over TLS", "at 8.8.8.8 is a resolver over HTTPS", "at 1.1.1.1 is a resolver over HTTPS"] {
        assert!(told.stderr.contains(words), "{words}: {}", told.stderr);
    }
    let summary = summary(&weir);
    assert!(summary["contacts"].as_array().expect("a list").iter().all(|row| row["decision"] == "refused"), "{summary}");
}

#[test]
fn a_server_that_speaks_first_is_heard_at_once() {
    let (server, speaker) = (NameServer::start(&NAMES), std::net::TcpListener::bind("127.0.0.9:0").expect("a free port"));
    let port = speaker.local_addr().expect("bound").port();
    let serving = std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        let (mut tcp, _) = speaker.accept().expect("the job connects");
        tcp.write_all(b"220 hello\r\n").expect("the job reads");
        let mut heard = [0; 9];
        tcp.read_exact(&mut heard).expect("the job answers");
        tcp.write_all(&heard).expect("the job reads");
    });
    let policy = r#"@id("open") permit (principal, action == Action::"connect", resource) when { if context has speaks then context.speaks == "unknown" else true };"#;
    let weir = weir(&server, policy, "");
    let script = format!(
        "exec 3<>/dev/tcp/127.0.0.9/{port}; read -t 20 -u 3 line; echo \"$line\"; printf 'EHLO me\\r\\n' >&3; read -t 20 -u 3 line; echo \"$line\""
    );
    let told = job(&weir, &script).expect_success();
    assert_eq!(told.stdout, "220 hello\r\nEHLO me\r\n", "{}", told.stderr);
    serving.join().expect("the server was reached");
}

#[test]
fn a_quota_on_bytes_ends_the_run_s_session_and_says_how_much_was_over() {
    let (server, web) = (NameServer::start(&NAMES), Web::start(&["127.0.0.9"]));
    let policy = r#"@id("all") permit (principal, action == Action::"connect", resource);
        @id("quota") forbid (principal, action == Action::"connect", resource) when { context.run.bytes > 2000000 };"#;
    let weir = weir(&server, policy, "");
    let told = job(
        &weir,
        &format!(
            "curl -sS -m 20 http://127.0.0.9:{0}/big | wc -c; curl -sS -m 20 http://127.0.0.9:{0}/ ; echo status $?",
            web.http
        ),
    );
    let received: u64 = told.stdout.lines().next().and_then(|line| line.trim().parse().ok()).expect("a number");
    assert!(received < 4_000_000, "{received} bytes of 8 MiB came: {}", told.stderr);
    assert!(
        told.stdout.contains("\nstatus ") && !told.stdout.contains("status 0"),
        "the quota holds for what follows: {}",
        told.stdout
    );
    let session = weir.sessions().into_iter().find(|session| session["reason"] == "killed").expect("one was ended");
    let shown = weir.cli(&["session", "show", session["session"].as_str().expect("an id")]).expect_success().stdout;
    assert!(shown.contains("bytes were counted beyond the last judgement that allowed it"), "{shown}");
}

#[test]
fn quotas_on_connections_of_a_run_and_of_a_target() {
    let (server, web) = (NameServer::start(&NAMES), Web::start(&["127.0.0.9"]));
    let policy = r#"@id("all") permit (principal, action == Action::"connect", resource);
        @id("three") forbid (principal, action == Action::"connect", resource) when { context.run.connections > 3 };"#;
    let by_run = weir(&server, policy, "");
    let script = format!("for i in 1 2 3 4 5; do curl -s -m 20 http://127.0.0.9:{}/; done", web.http);
    let told = job(&by_run, &script);
    assert_eq!(told.stdout.matches("host=").count(), 3, "{}", told.stderr);
    let target = format!("[[target]]\nname = \"web\"\nmatch = \"127.0.0.9:{}\"\nmax_connections = 2\n", web.http);
    let by_target = Weir::with(&format!("{}{target}", server.settings())).build();
    let hold = format!(
        "exec 3<>/dev/tcp/127.0.0.9/{0} 4<>/dev/tcp/127.0.0.9/{0}; printf 'GET / HTTP/1.1\\r\\nHost: 127.0.0.9\\r\\n\\r\\n' >&4; read -t 20 -u 4 l; \
         printf 'GET / HTTP/1.1\\r\\nHost: 127.0.0.9\\r\\n\\r\\n' >&3; read -t 20 -u 3 l; curl -s -m 20 http://127.0.0.9:{0}/; echo status $?; \
         exec 3>&- 4>&-; for i in $(seq 100); do curl -s -m 20 http://127.0.0.9:{0}/ && break; done",
        web.http
    );
    let told = job(&by_target, &hold);
    assert!(told.stderr.contains("2 sessions are connected to it"), "{}", told.stderr);
    assert!(
        told.stdout.contains("status ") && !told.stdout.contains("status 0") && told.stdout.ends_with("host=127.0.0.9 sni=\n"),
        "{}",
        told.stdout
    );
}

#[test]
fn a_job_without_root_is_judged_like_any_other() {
    let (server, web) = (NameServer::start(&NAMES), Web::start(&["127.0.0.9"]));
    let weir = weir(&server, POLICY, "");
    let script = format!(
        "id -un; dig +tcp +short @192.0.2.53 a.test A; {}; curl -sS -m 20 http://127.0.0.9:{}/",
        curl("a.test", "127.0.0.9", web.http, "/"),
        web.http + 1
    );
    let told = weir.run_with(&["--uid", "nobody"], &["bash", "-c", &script]);
    assert!(told.stdout.starts_with("nobody\n127.0.0.9\nhost=a.test sni=\n"), "{}{}", told.stdout, told.stderr);
}

#[test]
fn a_target_that_is_down_is_a_reset_and_not_an_empty_answer() {
    let server = NameServer::start(&NAMES);
    let weir = Weir::with(&server.settings()).build();
    let told = job(&weir, &format!("curl -sS -m 20 http://127.0.0.9:{}/; echo status $?", weir_tests::free_port()));
    assert!(told.stderr.contains("reset by peer"), "{}", told.stderr);
}

#[test]
fn the_summary_is_on_the_job_s_page_and_refusals_are_annotations() {
    let (server, web) = (NameServer::start(&NAMES), Web::start(&["127.0.0.9"]));
    let directory = tempfile::tempdir().expect("a temporary directory");
    let page = directory.path().join("summary.md");
    std::fs::write(&page, "# before\n").expect("our own directory");
    let weir = Weir::with(&server.settings())
        .policy(POLICY)
        .variable("GITHUB_ACTIONS", "true")
        .variable("GITHUB_STEP_SUMMARY", page.to_str().expect("UTF-8"))
        .build();
    let script = format!(
        "dig +tcp +short @192.0.2.53 a.test A; dig +tcp @192.0.2.53 'x|y.test' A; {}; {}; true",
        curl("a.test", "127.0.0.9", web.http, "/"),
        curl("evil.test", "127.0.0.9", web.http, "/")
    );
    let told = job(&weir, &script).expect_success();
    assert!(told.stderr.contains("::error::weir: refused the connection to"), "{}", told.stderr);
    let written = std::fs::read_to_string(&page).expect("the page");
    assert!(written.starts_with("# before\n### weir: what this job contacted\n"), "{written}");
    for row in [
        format!("| allowed | `a.test` | `127.0.0.9` | {} | http | 1 |", web.http),
        format!("| **refused** | `a.test` | `127.0.0.9` | {} | http | 1 |", web.http),
    ] {
        assert!(written.contains(&row), "{row}: {written}");
    }
    assert!(written.contains("| **refused** | `x\\¦y.test` | A | 1 |"), "{written}");
}

#[test]
fn a_link_in_the_page_s_place_is_not_followed() {
    let server = NameServer::start(&NAMES);
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (page, victim) = (directory.path().join("summary.md"), directory.path().join("victim"));
    std::fs::write(&victim, "untouched").expect("our own directory");
    let weir = Weir::with(&server.settings()).variable("GITHUB_STEP_SUMMARY", page.to_str().expect("UTF-8")).build();
    let script = format!("dig +tcp +short @192.0.2.53 a.test A; ln -s {} {}", victim.display(), page.display());
    let told = job(&weir, &script).expect_success();
    assert!(told.stderr.contains("cannot write the summary"), "{}", told.stderr);
    assert_eq!(std::fs::read_to_string(&victim).expect("our own file"), "untouched");
}
