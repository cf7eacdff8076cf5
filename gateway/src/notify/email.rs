//! `kind = "email"`: a message to a list of people, handed to a mail server.

use super::failure::Failure;
use super::told::Told;
use crate::config::{Table, ca, secret};
use crate::credential::{Source, fetch, foreign};
use crate::https::is_this_host;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message as Mail};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use std::path::{Path, PathBuf};
use toml::Spanned;

/// People that one message may go to.
const MOST: usize = 50;

/// Its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    /// The server, `host:port`.
    pub server: String,
    /// How it is encrypted.
    pub tls: MailTls,
    /// The CAs to trust instead of the system's.
    pub ca: Option<PathBuf>,
    /// From whom.
    pub from: String,
    /// To whom.
    pub to: Vec<String>,
    /// Who logs in, where anybody has to.
    pub username: Option<Source>,
    /// With what.
    pub password: Option<Source>,
}

/// How a mail server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailTls {
    /// In plain text, until it agrees to encrypt; without that nothing is sent.
    StartTls,
    /// Encrypted from the first byte.
    Tls,
    /// Not at all: on this host alone.
    None,
}

impl Email {
    pub(super) fn read(table: &mut Table<'_, '_>, directory: &Path) -> Option<Self> {
        let span = table.span.clone();
        let server = table.parsed("server", "the mail server and its port: \"smtp.acme.example:587\"", server);
        let server = table.required("server", server, "the mail server and its port: server = \"smtp.acme.example:587\"");
        let tls = table.parsed("tls", "\"starttls\" (port 587), \"tls\" (port 465), or \"none\" for a server on this host", tls);
        let tls = tls.unwrap_or(MailTls::StartTls);
        let ca = ca(table, directory);
        let from = table.parsed("from", "an address: from = \"weir@acme.example\" or \"weir <weir@acme.example>\"", address);
        let from = table.required("from", from, "an address: from = \"weir@acme.example\"");
        let to = table.texts("to");
        let to = table.required("to", to, "addresses: to = [\"dba@acme.example\"]")?;
        let bad = to.iter().find(|one| address(one.get_ref()).is_none());
        if let Some(bad) = bad {
            table.problem_at(bad.span(), format!("`to` can't be {:?}", bad.get_ref()), "addresses: to = [\"dba@acme.example\"]");
        }
        let count = !to.is_empty() && to.len() <= MOST;
        if !count {
            table.problem_at(
                span.clone(),
                format!("`to` has {} addresses", to.len()),
                format!("from 1 to {MOST}: a list has one"),
            );
        }
        let fit = bad.is_none() && count;
        let (username, password) = (secret(table, "username", directory), secret(table, "password", directory));
        if username.is_some() != password.is_some() {
            table.problem_at(span.clone(), "`username` and `password` go together", "name both by reference, or none");
        }
        let server = server?;
        if tls == MailTls::None && !is_this_host(&host(&server)) {
            let hint = "what is held would go over the network in plain text: write \"starttls\" or \"tls\"";
            table.problem_at(span, "`tls` can be \"none\" only with a server on this host", hint);
        }
        let to = to.into_iter().map(Spanned::into_inner).collect();
        fit.then_some(Self { server, tls, ca, from: from?, to, username, password })
    }

    pub(super) async fn send(&self, told: &Told<'_>) -> Result<(), Failure> {
        let mail = self.mail(told)?;
        let (host, port) = (host(&self.server), port(&self.server).unwrap_or_default());
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&host).port(port).tls(match self.tls {
            MailTls::StartTls => Tls::Required(self.parameters(&host)?),
            MailTls::Tls => Tls::Wrapper(self.parameters(&host)?),
            MailTls::None => Tls::None,
        });
        if let (Some(username), Some(password)) = (&self.username, &self.password) {
            let (username, password) = (fetch(username)?.password, fetch(password)?.password);
            transport = transport.credentials(Credentials::new(username.to_string(), password.to_string()));
        }
        transport.build().send(mail).await.map(drop).map_err(|error| self.failed(&error))
    }

    /// The message. What is in it can't be another header: the library encodes what is no plain text, and the title is one line.
    fn mail(&self, told: &Told<'_>) -> Result<Mail, Failure> {
        let wrong = |error: &dyn std::fmt::Display| Failure::new(format!("the message can't be written: {error}"));
        let message = told.message();
        let from: Mailbox = self.from.parse().map_err(|error| wrong(&error))?;
        let id = format!("<{}@{}>", told.id(), from.email.domain());
        let header = |name, value: &str| HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned());
        let mut mail = Mail::builder().from(from).subject(format!("weir: {}", message.title)).message_id(Some(id));
        for to in &self.to {
            mail = mail.to(to.parse().map_err(|error| wrong(&error))?);
        }
        mail = mail.header(ContentType::TEXT_PLAIN);
        // RFC 3834: nobody's out-of-office answers a machine.
        mail = mail.raw_header(header("Auto-Submitted", "auto-generated"));
        mail = mail.raw_header(header("X-Weir-Event", told.event.kind.name()));
        mail.body(message.plain()).map_err(|error| wrong(&error))
    }

    fn parameters(&self, host: &str) -> Result<TlsParameters, Failure> {
        let failed = |why: &dyn std::fmt::Display| Failure::new(format!("{}: TLS: {why}", self.server));
        let mut parameters = TlsParameters::builder(host.to_owned());
        if let Some(ca) = &self.ca {
            let text = std::fs::read(ca).map_err(|error| failed(&format!("{}: {error}", ca.display())))?;
            parameters = parameters.certificate_store(CertificateStore::None);
            let certificate = Certificate::from_pem(&text).map_err(|error| failed(&format!("{}: {error}", ca.display())))?;
            parameters = parameters.add_root_certificate(certificate);
        }
        parameters.build().map_err(|error| failed(&error))
    }

    fn failed(&self, error: &Error) -> Failure {
        use std::error::Error as _;
        let mut why = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            let inner_text = inner.to_string();
            if !why.contains(&inner_text) {
                why = format!("{why}: {inner_text}");
            }
            cause = inner.source();
        }
        Failure::new(format!("{}: {}", self.server, foreign(&why)))
    }
}

fn tls(text: &str) -> Option<MailTls> {
    match text {
        "starttls" => Some(MailTls::StartTls),
        "tls" => Some(MailTls::Tls),
        "none" => Some(MailTls::None),
        _ => None,
    }
}

fn server(text: &str) -> Option<String> {
    let fit = port(text).is_some() && !host(text).is_empty() && !text.contains(['@', '/', ' ']);
    fit.then(|| text.to_owned())
}

/// Without brackets.
fn host(server: &str) -> String {
    let host = server.rsplit_once(':').map_or(server, |(host, _)| host);
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host).to_ascii_lowercase()
}

fn port(server: &str) -> Option<u16> {
    server.rsplit_once(':')?.1.parse().ok().filter(|port| *port > 0)
}

fn address(text: &str) -> Option<String> {
    let fit = !text.contains(|letter: char| letter.is_control()) && text.parse::<Mailbox>().is_ok();
    fit.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::told::tests::event;
    use super::*;
    use crate::ledger::Kind;
    use serde_json::json;

    #[test]
    fn nothing_of_an_event_is_a_header() {
        let email = Email {
            server: "127.0.0.1:25".to_owned(),
            tls: MailTls::None,
            ca: None,
            from: "weir <weir@acme.example>".to_owned(),
            to: vec!["dba@acme.example".to_owned()],
            username: None,
            password: None,
        };
        for bad in [
            "x\r\nBcc: evil@acme.example",
            "x\nBcc: evil@acme.example",
            "x\rBcc: evil",
            "ä\r\n\r\nbody",
            "x\u{85}Bcc: e",
            &"y".repeat(999),
        ] {
            let event = event(Kind::HoldAsked, json!({ "name": bad, "target": bad, "reason": bad, "statement": bad }));
            let mail = email.mail(&Told { event: &event, base: None }).unwrap();
            let raw = String::from_utf8(mail.formatted()).unwrap();
            let (headers, _) = raw.split_once("\r\n\r\n").unwrap();
            let names: Vec<_> = headers.split("\r\n").filter(|line| !line.starts_with([' ', '\t'])).collect();
            for name in &names {
                let known = [
                    "From:",
                    "To:",
                    "Subject:",
                    "Message-ID:",
                    "Date:",
                    "MIME-Version:",
                    "Content-",
                    "Auto-Submitted:",
                    "X-Weir-Event:",
                ];
                assert!(known.iter().any(|known| name.starts_with(known)), "{bad:?}: {headers}");
            }
            assert!(!headers.replace("\r\n", "").contains(['\r', '\n']), "{headers:?}");
            assert_eq!(mail.envelope().to().len(), 1);
        }
    }

    #[test]
    fn servers_and_addresses_are_read() {
        assert_eq!(
            (host("[::1]:25").as_str(), port("[::1]:25"), host("Mail.Example:587").as_str()),
            ("::1", Some(25), "mail.example")
        );
        for bad in ["mail.example", "mail.example:0", ":25", "u@mail.example:25", "mail.example:x"] {
            assert_eq!(server(bad), None, "{bad}");
        }
        for bad in ["x", "a@b\r\nBcc: c@d", "a@b, c@d", ""] {
            assert_eq!(address(bad), None, "{bad:?}");
        }
    }
}
