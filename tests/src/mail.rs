//! A mail server of a test's own: aiosmtpd, which asks for a login and for STARTTLS, and keeps what it was given.

use crate::{CertificateAuthority, clients, free_port, wait_until};
use serde_json::Value;
use std::fs;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// Who may send, and with what.
pub const LOGIN: (&str, &str) = ("weir-sender", "correct horse battery");

/// A running mail server, ended by its pid when dropped.
#[derive(Debug)]
pub struct MailServer {
    /// Its port on 127.0.0.1.
    pub port: u16,
    authority: CertificateAuthority,
    folder: TempDir,
    child: Child,
}

impl MailServer {
    /// Starts one.
    pub fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("weir-mail-").tempdir().expect("a temporary directory");
        let authority = CertificateAuthority::create();
        let (chain, key) = authority.server();
        let port = free_port();
        let script = folder.path().join("server.py");
        fs::write(&script, SERVER).expect("our own directory");
        let mut python = Command::new(clients::python_with_aiosmtpd());
        python.arg(&script).arg(port.to_string()).args([chain, key]).arg(folder.path()).args([LOGIN.0, LOGIN.1]);
        let child = python.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("python starts");
        let server = Self { port, authority, folder, child };
        wait_until("the mail server to listen", 30, || TcpStream::connect(("127.0.0.1", port)).ok().map(drop));
        server
    }

    /// What clients trust.
    pub fn ca(&self) -> PathBuf {
        self.authority.root()
    }

    /// The mails so far: `from`, `to`, `raw` and whether it came by `tls`.
    pub fn mails(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.folder.path().join("mails")).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

const SERVER: &str = r#"
import json, signal, ssl, sys
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
port, chain, key, folder, user, password = sys.argv[1:]
class Handler:
    async def handle_DATA(self, server, session, envelope):
        mail = {"from": envelope.mail_from, "to": envelope.rcpt_tos, "raw": envelope.content.decode("utf-8", "replace"), "tls": session.ssl is not None}
        with open(folder + "/mails", "a") as mails:
            mails.write(json.dumps(mail) + "\n")
        return "250 OK"
def login(server, session, envelope, mechanism, data):
    good = mechanism in ("LOGIN", "PLAIN") and (data.login.decode(), data.password.decode()) == (user, password)
    # A rude server, which says back what it was told.
    return AuthResult(success=good, handled=good, message=None if good else "535 no: " + data.password.decode())
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(chain, key)
controller = Controller(Handler(), hostname="127.0.0.1", port=int(port), tls_context=context, require_starttls=True, auth_required=True, authenticator=login)
controller.start()
signal.pause()
"#;
