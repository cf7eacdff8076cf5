//! The resolver of jobs: what policy lets be known is told and remembered, what it does not is refused, and all is recorded.

use serde_json::Value;
use weir_tests::{NameServer, Outcome, Web, Weir};

/// Names for which `resolve` and `connect` are permitted.
const POLICY: &str = r#"
@id("some-names") permit (principal, action in [Action::"resolve", Action::"connect"], resource)
when { context has host && ["a.test", "alias.test", "rebind.other.test", "long.test", "host.corp.test", "v6.test", "dead.test"].contains(context.host) };
@id("tunnel-test") permit (principal, action == Action::"resolve", resource) when { context.name like "*.tunnel.test" };
"#;

fn server() -> NameServer {
    let many: Vec<_> = (1..100).map(|number| format!("--host-record=long.test,127.0.1.{number}")).collect();
    let mut options = vec![
        "--host-record=a.test,127.0.0.9,::1,7200",
        "--host-record=b.test,127.0.0.9",
        "--host-record=host.corp.test,127.0.0.9",
        "--host-record=v6.test,::1",
        "--cname=alias.test,a.test",
        "--host-record=evil.example,127.0.0.9",
        "--txt-record=a.test,some text",
        "--auth-ttl=60",
    ];
    options.extend(many.iter().map(String::as_str));
    NameServer::start(&options)
}

fn weir(server: &NameServer, mode: &'static str, settings: &str) -> Weir {
    Weir::with(&format!("{}{settings}", server.settings())).mode(mode).policy(POLICY).build()
}

/// Asks in a job; `dig` puts its answer's parts on lines.
#[track_caller]
fn dig(weir: &Weir, question: &str) -> Outcome {
    let script = format!("dig +tcp +tries=1 +timeout=20 @192.0.2.53 {question}");
    weir.run(&["sh", "-c", &script]).expect_success()
}

/// The run's only notes about names.
fn asked(weir: &Weir) -> Vec<Value> {
    let runs: Value =
        serde_json::from_str(&weir.cli(&["run", "list", "--format", "json"]).expect_success().stdout).expect("JSON");
    let run = runs.as_array().and_then(|runs| runs.last()).and_then(|run| run["run"].as_str()).expect("a run").to_owned();
    let shown = weir.cli(&["run", "show", &run, "--format", "json"]).expect_success();
    let shown: Value = serde_json::from_str(&shown.stdout).expect("JSON");
    shown["names"].as_array().expect("a list").clone()
}

#[test]
fn a_permitted_name_is_told_whatever_resolver_was_asked() {
    let server = server();
    let weir = weir(&server, "enforce", "");
    let told = dig(&weir, "+short A.Test A");
    assert_eq!(told.stdout, "127.0.0.9\n", "{}", told.stderr);
    let asked = asked(&weir);
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!(
        (&asked[0]["name"], &asked[0]["decision"], &asked[0]["policies"][0]),
        (&"a.test".into(), &"allowed".into(), &"some-names".into())
    );
}

#[test]
fn an_alias_an_ipv6_address_and_a_name_that_is_not_there() {
    let server = server();
    let weir = weir(&server, "enforce", "");
    assert_eq!(dig(&weir, "+short alias.test A").stdout, "a.test.\n127.0.0.9\n");
    assert_eq!(dig(&weir, "+short v6.test AAAA").stdout, "::1\n");
    let none = dig(&weir, "v6.test A").stdout;
    assert!(none.contains("status: NOERROR") && none.contains("ANSWER: 0"), "{none}");
    let dead = dig(&weir, "dead.test A").stdout;
    assert!(dead.contains("status: NXDOMAIN"), "{dead}");
}

#[test]
fn a_name_that_no_policy_permits_is_refused_with_the_reason_and_not_asked_upstream() {
    let server = server();
    let weir = weir(&server, "enforce", "");
    let refused = dig(&weir, "b.test A");
    assert!(refused.stdout.contains("status: REFUSED"), "{}", refused.stdout);
    assert!(refused.stdout.contains("EDE: 15 (Blocked)") && refused.stdout.contains("no policy permits"), "{}", refused.stdout);
    assert!(refused.stderr.contains("weir: refused the name b.test (A): no policy permits `resolve`"), "{}", refused.stderr);
    assert_eq!(asked(&weir)[0]["decision"], "refused");
}

#[test]
fn a_refused_search_goes_on_to_the_name_itself() {
    let server = server();
    let weir = weir(&server, "enforce", "");
    let refused = dig(&weir, "a.test.corp.test A").stdout;
    assert!(refused.contains("status: NXDOMAIN"), "{refused}");
    assert_eq!(dig(&weir, "+short host.corp.test A").stdout, "127.0.0.9\n");
}

#[test]
fn observe_mode_tells_and_marks() {
    let server = server();
    let weir = weir(&server, "observe", "");
    assert_eq!(dig(&weir, "+short b.test A").stdout, "127.0.0.9\n");
    assert_eq!(asked(&weir)[0]["decision"], "would_be_refused");
}

#[test]
fn types_that_carry_tunnels_or_hide_names_are_refused() {
    let server = server();
    let weir = weir(&server, "enforce", "");
    for record_type in ["NULL", "HTTPS", "SVCB", "ANY", "TYPE65399"] {
        let refused = dig(&weir, &format!("a.test {record_type}")).stdout;
        assert!(refused.contains("status: REFUSED"), "{record_type}: {refused}");
    }
    assert_eq!(dig(&weir, "+short a.test TXT").stdout, "\"some text\"\n");
}

#[test]
fn a_tunnel_runs_dry_by_the_bytes_of_its_labels() {
    let server = server();
    let weir = weir(&server, "enforce", "labels_per_minute = 200\n");
    let script = "for i in $(seq 1 20); do dig +tcp +tries=1 @192.0.2.53 $(printf %032d $i).tunnel.test A | grep -o 'status: [A-Z]*'; done";
    let told = weir.run(&["sh", "-c", script]).expect_success();
    let passed = told.stdout.matches("NXDOMAIN").count();
    let refused = told.stdout.matches("REFUSED").count();
    // 200 bytes: the domain's own label below `test` is counted, too.
    assert_eq!((passed, refused), (6, 14), "{}", told.stdout);
    assert!(told.stderr.contains("[names] labels_per_minute is reached"), "{}", told.stderr);
}

#[test]
fn too_many_questions_and_too_many_texts_are_refused() {
    let server = server();
    let weir = weir(&server, "enforce", "queries_per_minute = 6\ntexts_per_minute = 2\n");
    let script = "for t in TXT TXT TXT A A A A A; do dig +tcp +tries=1 @192.0.2.53 a.test $t | grep -o 'status: [A-Z]*'; done";
    let told = weir.run(&["sh", "-c", script]).expect_success().stdout;
    let statuses: Vec<_> = told.lines().map(|line| line.trim_start_matches("status: ")).collect();
    let (ok, no) = ("NOERROR", "REFUSED");
    assert_eq!(statuses, [ok, ok, no, ok, ok, ok, no, no]);
}

#[test]
fn a_resolver_that_does_not_answer_is_a_failure_and_the_next_is_asked() {
    let server = server();
    let dead = weir_tests::free_port();
    let settings = |upstreams: &str| format!("[names]\nupstreams = [{upstreams}]\ntimeout_ms = 200\nprivate = [\"*.test\"]\n");
    let none = Weir::with(&settings(&format!("\"127.0.0.1:{dead}\""))).policy(POLICY).build();
    assert!(dig(&none, "a.test A").stdout.contains("status: SERVFAIL"));
    let second = Weir::with(&settings(&format!("\"127.0.0.1:{dead}\", \"127.0.0.1:{}\"", server.port))).policy(POLICY).build();
    assert_eq!(dig(&second, "+short a.test A").stdout, "127.0.0.9\n");
}

#[test]
fn ttls_end_before_the_name_is_forgotten() {
    let server = server();
    let weir = weir(&server, "enforce", "remember_seconds = 100\n");
    let told = dig(&weir, "+noall +answer +ttlid a.test A").stdout;
    assert_eq!(told.split_whitespace().nth(1), Some("100"), "{told}");
}

#[test]
fn a_long_answer_comes_whole_over_a_connection() {
    let server = server();
    let weir = weir(&server, "enforce", "");
    assert_eq!(dig(&weir, "+short long.test A").stdout.lines().count(), 99);
}

#[test]
fn firefox_is_told_to_use_the_host_s_resolver_and_known_ones_of_others_are_refused() {
    let server = server();
    let weir = Weir::with(&server.settings()).build();
    assert!(dig(&weir, "use-application-dns.net A").stdout.contains("status: NXDOMAIN"));
    let refused = dig(&weir, "mozilla.cloudflare-dns.com A");
    assert!(refused.stdout.contains("status: REFUSED") && refused.stderr.contains("resolver over HTTPS"), "{}", refused.stderr);
}

#[test]
fn garbage_is_no_question() {
    let server = server();
    let weir = weir(&server, "enforce", "");
    let script = weir.script("garbage.py", GARBAGE);
    let told = weir.run(&["python3", script.to_str().expect("a UTF-8 path")]).expect_success();
    assert_eq!(told.stdout, "1\n4\n4\nclosed\n127.0.0.9\n", "{}", told.stderr);
}

/// Sends what is no question, an update, two questions, a question that is too long, and then asks.
const GARBAGE: &str = r#"
import socket, struct
def ask(data, length=None):
    with socket.create_connection(("192.0.2.1", 53), timeout=20) as s:
        s.sendall(struct.pack("!H", length or len(data)) + data)
        try:
            head = s.recv(2)
        except ConnectionResetError:
            return None
        if len(head) < 2: return None
        left, answer = struct.unpack("!H", head)[0], b""
        while len(answer) < left: answer += s.recv(left - len(answer))
        return answer
name = b"\x01a\x04test\x00\x00\x01\x00\x01"
head = lambda flags, count: struct.pack("!HHHHHH", 7, flags, count, 0, 0, 0)
print(ask(b"\x00\x07nonsense" )[3] & 15)
print(ask(head(0x2800, 1) + name)[3] & 15)
print(ask(head(0x2000, 1) + name)[3] & 15)
print(ask(head(0x0100, 1) + name, 60000) or "closed")
print(socket.inet_ntoa(ask(head(0x0100, 1) + name)[-4:]))
"#;

#[test]
fn a_connection_is_to_the_name_that_the_run_asked_for() {
    let (server, web) = (server(), Web::start(&["127.0.0.9"]));
    let weir = weir(&server, "enforce", "");
    let port = web.http;
    let script = format!(
        "curl -sS -m 20 http://127.0.0.9:{port}/; echo $?; dig +tcp +short @192.0.2.53 a.test A; curl -sS -m 20 --resolve a.test:{port}:127.0.0.9 http://a.test:{port}/"
    );
    let told = weir.run(&["sh", "-c", &script]);
    assert!(
        told.stdout.ends_with("\n127.0.0.9\nhost=a.test sni=\n"),
        "before it asked it was let through: {}{}",
        told.stdout,
        told.stderr
    );
    let sessions: Vec<_> =
        weir.sessions().into_iter().map(|session| session["target"].as_str().unwrap_or_default().to_owned()).collect();
    assert!(sessions.contains(&format!("a.test:{port}")) && sessions.contains(&format!("127.0.0.9:{port}")), "{sessions:?}");
    assert!(told.stderr.contains(&format!("refused the connection to 127.0.0.9:{port}")), "{}", told.stderr);
}

#[test]
fn a_name_of_the_job_s_own_does_not_lead_into_the_host() {
    let (server, web) = (NameServer::start(&["--host-record=evil.example,127.0.0.9"]), Web::start(&["127.0.0.9"]));
    let policy = r#"@id("all-of-example") permit (principal, action in [Action::"resolve", Action::"connect"], resource)
        when { context has host && context.host like "*.example" };"#;
    let weir = Weir::with(&server.settings()).policy(policy).build();
    let port = web.http;
    let script = format!(
        "dig +tcp +short @192.0.2.53 evil.example A; curl -sS -m 20 --resolve evil.example:{port}:127.0.0.9 http://evil.example:{port}/"
    );
    let told = weir.run(&["sh", "-c", &script]);
    assert_eq!(told.stdout, "127.0.0.9\n", "it was reached: {}", told.stderr);
    assert!(told.stderr.contains(&format!("refused the connection to 127.0.0.9:{port}")), "{}", told.stderr);
}

#[test]
fn an_address_that_a_target_has_wins_over_a_name_that_the_job_gives_it() {
    let (server, web) = (server(), Web::start(&["127.0.0.9"]));
    let port = web.http;
    let target = format!("[[target]]\nname = \"vault\"\nmatch = \"127.0.0.0/24:{port}\"\n");
    let weir = weir(&server, "enforce", &target);
    let script =
        format!("dig +tcp +short @192.0.2.53 a.test A; curl -sS -m 20 --resolve a.test:{port}:127.0.0.9 http://a.test:{port}/");
    let told = weir.run(&["sh", "-c", &script]);
    let list = weir.sessions();
    assert!(list.iter().any(|session| session["target"] == "vault"), "{list:?}");
    // The policy permits the host, whatever the target; that a target has the address is for policy to say.
    assert!(told.stdout.contains("host=a.test"), "{}", told.stderr);
}

#[test]
fn a_job_s_own_resolver_is_answered_in_datagrams_and_what_it_was_told_counts() {
    let (server, web) = (server(), Web::start(&["127.0.0.9", "[::1]"]));
    let weir = weir(&server, "enforce", "");
    let script = weir.script("ask.py", ASK);
    let told = weir.run(&["python3", script.to_str().expect("a UTF-8 path"), &web.http.to_string()]).expect_success();
    assert_eq!(
        told.stdout, "192.0.2.53 127.0.0.9\n192.0.2.53 127.0.0.9\n2001:db8::53 127.0.0.9\n192.0.2.53 refused\nhost=a.test\n",
        "{}",
        told.stderr
    );
    let asked = asked(&weir);
    assert!(asked.iter().any(|row| row["name"] == "a.test" && row["questions"] == 3), "{asked:?}");
    assert!(asked.iter().any(|row| row["name"] == "b.test" && row["decision"] == "refused"), "{asked:?}");
}

/// Asks by a connected socket, by sendto, over IPv6, and for a name that is not permitted; then connects.
const ASK: &str = r#"
import socket, struct, sys, urllib.request
def question(name):
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return struct.pack("!HHHHHH", 7, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", 1, 1)
def tell(answer, sender):
    code = answer[3] & 15
    print(sender[0], "refused" if code == 5 else socket.inet_ntoa(answer[-4:]), flush=True)
for family, server, connected, name in [
    (socket.AF_INET, "192.0.2.53", True, "a.test"),
    (socket.AF_INET, "192.0.2.53", False, "a.test"),
    (socket.AF_INET6, "2001:db8::53", False, "a.test"),
    (socket.AF_INET, "192.0.2.53", False, "b.test"),
]:
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        s.settimeout(20)
        if connected:
            s.connect((server, 53))
            s.send(question(name))
        else:
            s.sendto(question(name), (server, 53))
        tell(*s.recvfrom(4096))
connection = socket.create_connection(("127.0.0.9", int(sys.argv[1])), timeout=20)
connection.sendall(b"GET / HTTP/1.0\r\nHost: a.test\r\n\r\n")
answer = b""
while chunk := connection.recv(4096): answer += chunk
print(answer.split()[-2].decode())
"#;

#[test]
fn a_datagram_that_is_too_small_for_the_answer_says_so_and_the_connection_has_it() {
    let server = server();
    let weir = weir(&server, "enforce", "");
    let cut = weir
        .run(&["dig", "+ignore", "+noedns", "+tries=1", "+timeout=20", "@192.0.2.53", "long.test", "A"])
        .expect_success()
        .stdout;
    assert!(cut.contains(" tc ") && cut.contains("ANSWER: 0"), "{cut}");
    let whole = weir.run(&["dig", "+short", "+tries=1", "+timeout=20", "@192.0.2.53", "long.test", "A"]).expect_success().stdout;
    assert_eq!(whole.lines().count(), 99, "{whole}");
}

#[test]
fn a_job_s_libc_resolves_through_weir_with_its_search_domains_and_curl_needs_no_more() {
    let (server, web) = (server(), Web::start(&["127.0.0.9"]));
    let weir = weir(&server, "enforce", "");
    let script = format!("curl -sS -4 -m 20 http://a.test:{0}/; curl -sS -4 -m 20 http://b.test:{0}/; echo status $?", web.http);
    let told = weir.run(&["sh", "-c", &script]);
    assert_eq!(told.stdout, "host=a.test sni=\nstatus 6\n", "{}", told.stderr);
}
