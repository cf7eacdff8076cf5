//! `weir login` at a shell of the gateway's own host: what connects from there is the person's, by their groups, until they are out.

use crate::bed::Bed;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use weir_tests::{Postgres, Weir, wait_until};

/// DBAs may connect to the server, and nobody else who is at a shell; weir itself, the only other target, is anybody's.
const POLICY: &str = r#"
@id("weir-itself") permit (principal, action == Action::"connect", resource) when { context.protocol == "opaque" };
@id("dbas") permit (principal in Group::"dba", action in [Action::"connect", Action::"operation"], resource);
"#;

/// A shell below the daemon's cgroup, that is told what to do a line at a time.
struct Shell {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
}

impl Shell {
    fn start(bed: &Bed, home: &std::path::Path) -> Self {
        let mut shell = bed.daemon.shell("exec sh", &[]);
        shell.env("HOME", home).env_remove("XDG_CONFIG_HOME").env("WEIR_URL", &bed.url).env("WEIR_CA", bed.authority.root());
        shell.env("PATH", std::env::var_os("PATH").expect("there is one"));
        // Of a group of its own: what it starts ends with it.
        let mut child =
            shell.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("sh starts");
        let input = child.stdin.take().expect("piped");
        let output = BufReader::new(child.stdout.take().expect("piped")).lines();
        let (tell, lines) = channel();
        std::thread::spawn(move || output.map_while(Result::ok).try_for_each(|line| tell.send(line)));
        Self { child, input, lines }
    }

    fn type_in(&mut self, line: &str) {
        writeln!(self.input, "{line}").expect("the shell is there");
    }

    /// The next line that begins so.
    fn line(&self, beginning: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(30)).expect("the shell says something");
            if line.starts_with(beginning) {
                return line;
            }
        }
    }

    /// What a query gives.
    fn query(&mut self, sql: &str) -> String {
        self.type_in(&format!("psql -XAtqc \"{sql}\" 2>&1 | sed 's/^/said: /'; echo over"));
        let (mut said, mut line) = (String::new(), String::new());
        while line != "over" {
            said.push_str(line.strip_prefix("said: ").unwrap_or_default());
            line = self.lines.recv_timeout(Duration::from_secs(30)).expect("the shell says something");
        }
        said
    }

    /// Signs in there, as somebody who opens the page that it names elsewhere.
    fn login(&mut self, bed: &Bed, who: &str) {
        self.type_in("\"$WEIR\" login --socket \"$SOCKET\" 2>&1");
        let page = self.line("open ");
        let done = bed.browser().sign_in(page.strip_prefix("open ").expect("a page"), who, "nowhere");
        assert_eq!(done.status, 200, "{done:?}");
        self.line(&format!("you are {who}@acme.example"));
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[test]
fn a_persons_psql_is_theirs_by_their_groups_until_they_are_out() {
    let server = Postgres::start();
    let bed = Bed::with(Weir::for_server(&server).policy(POLICY), "");
    let home = tempfile::tempdir().expect("a temporary directory");
    let mut shell = Shell::start(&bed, home.path());
    shell.login(&bed, "ana");
    let line = shell.line("this shell is yours");
    assert!(line.contains("as ana@acme.example"), "{line}");
    assert_eq!(shell.query("SELECT 7"), "7", "{}", bed.daemon.log());
    let session = wait_until("the record", 20, || bed.daemon.weir.sessions().into_iter().find(|one| one["target"] == "db"));
    assert_eq!(session["owner"], "ana@acme.example", "{session}");
    let shown = bed.daemon.weir.cli(&["session", "show", session["session"].as_str().expect("an id"), "--format", "json"]);
    let shown: Value = serde_json::from_str(&shown.expect_success().stdout).expect("JSON");
    let person = &shown["opened"]["principal"]["person"];
    assert_eq!(*person, json!({ "name": "ana@acme.example", "groups": ["dba", "everybody"] }), "{shown}");
    // Signing in again is no other shell, and another's sign-in makes it theirs.
    shell.login(&bed, "dee");
    assert!(shell.line("this shell is yours").contains("as dee@acme.example"));
    let refused = shell.query("SELECT 7");
    assert!(refused.contains("weir refused the connection"), "{refused}");
    shell.login(&bed, "ana");
    shell.line("this shell is yours");
    assert_eq!(shell.query("SELECT 8"), "8");
    // Out: their token is no good any more.
    shell.type_in("\"$WEIR\" logout 2>&1");
    shell.line("ana@acme.example is signed out");
    assert!(!home.path().join(".config/weir/token").exists());
    let refused = shell.query("SELECT 9");
    assert!(refused.contains("weir refused the connection"), "{refused}");
    assert!(bed.events().iter().any(|event| event[0] == "person.at-shell" && event[1] == "ana@acme.example"));
}

#[test]
fn what_is_a_job_already_becomes_nobodys_by_a_token() {
    let server = Postgres::start();
    let bed = Bed::with(Weir::for_server(&server).policy(POLICY), "");
    let home = tempfile::tempdir().expect("a temporary directory");
    let mut shell = Shell::start(&bed, home.path());
    shell.type_in("\"$WEIR\" job begin --quiet --socket \"$SOCKET\"");
    shell.login(&bed, "ana");
    let line = shell.line("this shell stays as it was");
    assert!(line.contains("is a job already"), "{line}");
    assert!(shell.query("SELECT 7").contains("weir refused the connection"));
    // Nor by one that was made for a purpose, nor by none; and the web does not know of it.
    let (_, token) = bed.token(&["--role", "admin", "--for", "1h"]);
    for (token, why) in [(token.as_str(), "made for a purpose"), ("weir_x", "nobody has signed in here")] {
        let body = json!({ "token": token }).to_string();
        let mut curl = Command::new("curl");
        curl.args(["-s", "--unix-socket"]).arg(bed.daemon.socket()).args(["-H", "content-type: application/json", "-d", &body]);
        let told = curl.arg("http://weir/v1/jobs/bind").output().expect("curl starts");
        assert!(String::from_utf8_lossy(&told.stdout).contains(why), "{told:?}");
    }
    let ana = bed.signed_in("ana");
    assert_eq!(ana.post(&bed.at("/v1/jobs/bind"), &bed.url, &json!({ "token": "x" })).status, 404);
}
