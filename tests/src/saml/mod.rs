//! SAML: a real identity provider (npm samlp), and responses as it makes them and as somebody makes them who would like to be it.

mod hostile;
mod signer;

pub use hostile::{Case, hostile};
pub use signer::{Facts, Form, Signer};

use crate::clients::samlp;
use crate::{Browser, CertificateAuthority, Page};
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// The provider's entity id.
pub const ENTITY: &str = "urn:acme.example:login";

/// Two keys with certificates: the provider's, and one of somebody else.
#[derive(Debug)]
pub struct Keys(TempDir);

impl Keys {
    /// Makes them.
    pub fn create() -> Self {
        let folder = tempfile::Builder::new().prefix("weir-saml-").tempdir().expect("a temporary directory");
        for (name, kind) in [("idp", "rsa:2048"), ("other", "rsa:2048"), ("curve", "ec")] {
            let mut openssl = Command::new("openssl");
            openssl.args(["req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=login", "-newkey", kind]);
            if kind == "ec" {
                openssl.args(["-pkeyopt", "ec_paramgen_curve:P-256"]);
            }
            openssl.args(["-keyout", &format!("{name}.key"), "-out", &format!("{name}.pem")]).current_dir(folder.path());
            assert!(openssl.output().is_ok_and(|output| output.status.success()), "openssl makes a certificate");
        }
        Self(folder)
    }

    /// A certificate: `idp`, `other` or `curve`.
    pub fn certificate(&self, name: &str) -> PathBuf {
        self.0.path().join(format!("{name}.pem"))
    }

    /// Its key.
    pub fn key(&self, name: &str) -> PathBuf {
        self.0.path().join(format!("{name}.key"))
    }
}

/// A running provider; it ends with its standard input.
#[derive(Debug)]
pub struct SamlProvider {
    child: Child,
    /// Where people sign in.
    pub url: String,
    /// What it signs with.
    pub keys: Keys,
}

impl SamlProvider {
    /// One at which everybody is `{login}@acme.example`, in the groups of this JSON: `{"ana": ["dba"]}`.
    pub fn start(authority: &CertificateAuthority, groups: &str) -> Self {
        let keys = Keys::create();
        let (chain, key) = authority.server();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/drivers/saml_people.cjs");
        let mut node = Command::new("node");
        node.arg(script).args([key, chain, keys.key("idp"), keys.certificate("idp")]).args([ENTITY, groups]);
        node.env("NODE_PATH", samlp());
        let mut child = node.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("node starts");
        let mut url = String::new();
        BufReader::new(child.stdout.as_mut().expect("piped")).read_line(&mut url).expect("it says where it is");
        assert!(url.starts_with("https://"), "samlp did not start");
        Self { child, url: url.trim().to_owned(), keys }
    }

    /// Signs `login` in at the provider, to which the page of weir's has led: what its form would post, `SAMLResponse` and `RelayState`.
    pub fn sign_in(&self, browser: &Browser, begun: &Page, login: &str) -> (String, String) {
        let page = browser.get(&format!("{}&login={login}", begun.to()));
        let field = |name: &str| {
            let start = page.body.find(&format!("name=\"{name}\"")).unwrap_or_else(|| panic!("no {name}: {page:?}"));
            let rest = &page.body[start..];
            let rest = &rest[rest.find("value=\"").expect("it has a value") + 7..];
            rest[..rest.find('"').expect("it ends")].replace("&#x3D;", "=").replace("&#x2B;", "+")
        };
        (field("SAMLResponse"), field("RelayState"))
    }
}

impl Drop for SamlProvider {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        self.child.wait().ok();
    }
}
