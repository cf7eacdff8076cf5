//! A real OpenID provider (npm oidc-provider) at which people sign in.

use crate::{CertificateAuthority, oidc_provider};
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

/// A running provider; it ends with its standard input.
#[derive(Debug)]
pub struct Provider {
    child: Child,
    /// Its issuer.
    pub url: String,
}

impl Provider {
    /// One at which weir's console at `console` is a client with this secret.
    pub fn start(authority: &CertificateAuthority, secret: &str, console: &str) -> Self {
        let (chain, key) = authority.server();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/drivers/oidc_people.mjs");
        let mut node = Command::new("node");
        node.arg(script).arg(key).arg(chain).args([secret, console]).env("NODE_PATH", oidc_provider());
        let mut child = node.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("node starts");
        let mut url = String::new();
        BufReader::new(child.stdout.as_mut().expect("piped")).read_line(&mut url).expect("it says where it is");
        assert!(url.starts_with("https://"), "oidc-provider did not start");
        Self { child, url: url.trim().to_owned() }
    }

    /// Changes how it is: `/groups`, `/claims`, `/rotate` or `/thin`.
    pub fn set(&self, path: &str, body: &Value) {
        let mut curl = Command::new("curl");
        // It is ours, and what it says is not looked at.
        curl.args(["-sSfk", "-o", "/dev/null", "-d", &body.to_string()]).arg(format!("{}{path}", self.url));
        assert!(curl.status().is_ok_and(|status| status.success()), "oidc-provider has taken {path}");
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        self.child.wait().ok();
    }
}
