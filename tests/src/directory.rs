//! A daemon with a console whose directory an identity provider keeps over SCIM.

use crate::{Browser, CertificateAuthority, Daemon, Page, WeirBuilder, free_port};
use serde_json::{Value, json};
use std::process::Command;

/// The daemon, and the token with which its directory is kept.
#[derive(Debug)]
pub struct Directory {
    /// It.
    pub daemon: Daemon,
    /// Whose certificate it shows.
    pub authority: CertificateAuthority,
    /// Where its console is.
    pub url: String,
    /// A provisioner's token.
    pub token: String,
    client: Browser,
}

impl Directory {
    /// Starts it. `more` makes further text of the configuration, behind `[console]`, of the console's address and the authority.
    pub fn start(weir: WeirBuilder, more: impl FnOnce(&str, &CertificateAuthority) -> String) -> Self {
        let authority = CertificateAuthority::create();
        let url = format!("https://127.0.0.1:{}", free_port());
        let (chain, key) = authority.server();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&key, mode).expect("our own file");
        let console = format!(
            "\n[console]\nlisten = \"{}\"\nurl = \"{url}\"\ntls = {{ certificate = \"file:{}\", key = \"file:{}\" }}\n{}",
            url.trim_start_matches("https://"),
            chain.display(),
            key.display(),
            more(&url, &authority)
        );
        let daemon = Daemon::start(weir.extra(&console), "");
        let client = Browser::new(&authority.root());
        let token = token(&daemon, &["--role", "provisioner", "--for", "1h"]);
        Self { daemon, authority, url, token, client }
    }

    /// Asks `/scim/v2` with the token.
    pub fn scim(&self, method: &str, path: &str, body: Option<&Value>) -> Page {
        self.scim_with(method, path, body, &[])
    }

    /// The same with further headers.
    pub fn scim_with(&self, method: &str, path: &str, body: Option<&Value>, headers: &[&str]) -> Page {
        let bearer = format!("authorization: Bearer {}", self.token);
        let headers: Vec<_> = [bearer.as_str()].into_iter().chain(headers.iter().copied()).collect();
        ask(&self.client, &format!("{}/scim/v2{path}", self.url), method, body.map(ToString::to_string).as_deref(), &headers)
    }

    /// Makes a person of this name; their id.
    pub fn person(&self, user_name: &str) -> String {
        let body = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": user_name, "active": true });
        let made = self.scim("POST", "/Users", Some(&body));
        assert_eq!(made.status, 201, "{made:?}\n{}", self.daemon.log());
        made.json()["id"].as_str().expect("an id").to_owned()
    }

    /// Has Microsoft Entra say whether a person is active.
    pub fn activate(&self, id: &str, active: bool) {
        let value = if active { "True" } else { "False" };
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{ "op": "Replace", "path": "active", "value": value }],
        });
        let patched = self.scim("PATCH", &format!("/Users/{id}"), Some(&body));
        assert_eq!((patched.status, &patched.json()["active"]), (200, &json!(active)), "{patched:?}\n{}", self.daemon.log());
    }

    /// All events: kind, by, subject, details.
    pub fn events(&self) -> Vec<(String, String, String, Value)> {
        events(&self.daemon)
    }

    /// A browser of its own.
    pub fn browser(&self) -> Browser {
        Browser::new(&self.authority.root())
    }
}

/// Asks with a body, where there is one, and headers.
pub fn ask(browser: &Browser, url: &str, method: &str, body: Option<&str>, headers: &[&str]) -> Page {
    let mut arguments = vec!["-X", method, "-H", "expect:"];
    arguments.extend(headers.iter().flat_map(|header| ["-H", *header]));
    if !headers.iter().any(|header| header.starts_with("content-type")) {
        arguments.extend(["-H", "content-type: application/scim+json; charset=utf-8"]);
    }
    // By a file: what hostile bodies have does not fit an argument.
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let name = format!("@{}", file.path().display());
    if let Some(body) = body {
        std::fs::write(file.path(), body).expect("our own file");
        arguments.extend(["--data-binary", &name]);
    }
    browser.curl(url, &arguments)
}

/// A token that root has made.
pub fn token(daemon: &Daemon, arguments: &[&str]) -> String {
    daemon.weir.cli(&[&["token", "create", "a test"], arguments].concat()).expect_success().stdout.trim().to_owned()
}

/// All events of a daemon's ledger.
pub fn events(daemon: &Daemon) -> Vec<(String, String, String, Value)> {
    let ledger = daemon.weir.directory().join("state/ledger.db");
    let read = Command::new("python3")
        .args(["-c", "import sqlite3,sys,json\nfor r in sqlite3.connect(sys.argv[1]).execute('SELECT kind,by,subject,details FROM event ORDER BY number'): print(json.dumps([r[0],r[1],r[2],json.loads(r[3])]))"])
        .arg(ledger)
        .output()
        .expect("python3 starts");
    String::from_utf8_lossy(&read.stdout).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}
