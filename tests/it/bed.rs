//! A daemon with a console, a real OpenID provider at which people sign in, and what is seen of them.

use serde_json::{Value, json};
use std::process::Command;
use weir_tests::book::top;
use weir_tests::{Browser, CertificateAuthority, Daemon, Page, Provider, Weir, free_port};

pub(crate) const SECRET: &str = "a-client-secret-of-the-test";

/// Who may what: `db` is the target of all tests.
const ROLES: &str = r#"
[[role]]
role = "approver"
groups = ["dba"]
targets = ["db"]
[[role]]
role = "approver"
groups = ["team-b"]
targets = ["prod-*"]
[[role]]
role = "admin"
people = ["cy@acme.example"]
[[role]]
role = "viewer"
groups = ["everybody"]
"#;

pub(crate) const HOLDS: &str = r#"
@id("all") permit (principal, action in [Action::"connect", Action::"operation"], resource);
@id("deletes") @hold("group=dba,wait=60s,valid=60s")
forbid (principal, action == Action::"write", resource) when { context.verb == "DELETE" } unless { context.approval.satisfied };
"#;

/// A daemon with a console, and the provider that people sign in at.
pub(crate) struct Bed {
    pub(crate) daemon: Daemon,
    pub(crate) provider: Provider,
    pub(crate) authority: CertificateAuthority,
    pub(crate) url: String,
}

/// The configuration of a console whose people are `issuer`'s.
pub(crate) fn console(authority: &CertificateAuthority, url: &str, issuer: &str, more: &str) -> String {
    let (chain, key) = authority.server();
    let folder = chain.parent().expect("it is in a folder");
    let secret = folder.join("oidc-secret");
    std::fs::write(&secret, SECRET).expect("our own directory");
    for private in [&secret, &key] {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(private, mode).expect("our own file");
    }
    format!(
        "[console]\nlisten = \"{}\"\nurl = \"{url}\"\n{more}\ntls = {{ certificate = \"file:{}\", key = \"file:{}\" }}\n\
         [console.oidc]\nissuer = \"{issuer}\"\nclient_id = \"weir\"\nclient_secret = \"file:{}\"\n\
         scopes = [\"openid\", \"email\", \"profile\", \"groups\"]\nca = \"file:{}\"\n[log]\nlevel = \"debug\"\n{ROLES}",
        url.trim_start_matches("https://"),
        chain.display(),
        key.display(),
        secret.display(),
        authority.root().display()
    )
}

impl Bed {
    pub(crate) fn start(more: &str) -> Self {
        Self::with(Weir::with(""), more)
    }

    pub(crate) fn with(weir: weir_tests::WeirBuilder, more: &str) -> Self {
        let authority = CertificateAuthority::create();
        let url = format!("https://127.0.0.1:{}", free_port());
        let provider = Provider::start(&authority, SECRET, &url);
        let groups = json!({ "ana": ["dba", "everybody"], "bo": ["team-b"], "dee": ["everybody"], "eve": ["strangers"] });
        provider.set("/groups", &groups);
        let weir = weir.extra(&console(&authority, &url, &provider.url, more));
        Self { daemon: Daemon::start(weir, ""), provider, authority, url }
    }

    pub(crate) fn browser(&self) -> Browser {
        Browser::new(&self.authority.root())
    }

    /// Where a path is.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// A browser in which somebody has signed in.
    pub(crate) fn signed_in(&self, login: &str) -> Browser {
        let browser = self.browser();
        let page = self.arrive(&browser, "/auth/login", login);
        assert_eq!(page.status, 303, "{page:?}\n{}", self.daemon.log());
        browser
    }

    /// Signs in, up to what the callback says.
    pub(crate) fn arrive(&self, browser: &Browser, login_path: &str, login: &str) -> Page {
        let callback = browser.sign_in(&self.at(login_path), login, &self.at("/auth/callback"));
        browser.get(callback.to())
    }

    pub(crate) fn token(&self, arguments: &[&str]) -> (String, String) {
        let made = self.daemon.weir.cli(&[&["token", "create", "a test"], arguments, &["--format", "json"]].concat());
        let made: Value = serde_json::from_str(&made.expect_success().stdout).expect("JSON");
        let text = |name: &str| made[name].as_str().expect("it is a text").to_owned();
        (text("id"), text("token"))
    }

    pub(crate) fn bearer(&self, browser: &Browser, token: &str, path: &str) -> Page {
        browser.curl(&self.at(path), &["-H", &format!("authorization: Bearer {token}")])
    }

    pub(crate) fn events(&self) -> Vec<Value> {
        let ledger = self.daemon.weir.directory().join("state/ledger.db");
        let read = Command::new("python3")
            .args(["-c", "import sqlite3,sys,json\nfor r in sqlite3.connect(sys.argv[1]).execute('SELECT kind,by,details FROM event ORDER BY number'): print(json.dumps([r[0],r[1],json.loads(r[2])]))"])
            .arg(ledger)
            .output()
            .expect("python3 starts");
        String::from_utf8_lossy(&read.stdout).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// None of these may be in the daemon's log, in what it keeps, or in its events.
    pub(crate) fn keeps_to_itself(&self, secrets: &[&str]) {
        let log = self.daemon.log();
        assert!(log.contains("DEBUG"), "the log is one that tells much");
        let state = self.daemon.weir.directory().join("state");
        let kept: Vec<_> =
            ["ledger.db", "ledger.db-wal"].iter().filter_map(|file| std::fs::read(state.join(file)).ok()).collect();
        for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
            assert!(!log.contains(secret), "a secret is in the log");
            assert!(
                !kept.iter().any(|kept| kept.windows(secret.len()).any(|part| part == secret.as_bytes())),
                "a secret is kept"
            );
        }
    }
}

/// Method, path and role of every route, as the API's description has them.
pub(crate) fn routes() -> Vec<(String, String, String)> {
    let text = std::fs::read_to_string(top().join("docs/openapi.json")).expect("the description is committed");
    let description: Value = serde_json::from_str(&text).expect("it is JSON");
    let paths = description["paths"].as_object().expect("it has paths");
    let methods = paths.iter().flat_map(|(path, item)| item.as_object().into_iter().flatten().map(move |one| (path, one)));
    methods
        .map(|(path, (method, operation))| {
            let id = if path.contains("/records/") || path.contains("/sessions/") { "s" } else { "h" };
            let path = path.replace("{id}", &format!("{id}-0000000000000")).replace("{name}", "x").replace("{hash}", "00000000");
            let role = operation["x-weir-role"].as_str().expect("each says its role");
            (method.to_ascii_uppercase(), path, role.to_owned())
        })
        .collect()
}
