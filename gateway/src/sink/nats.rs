//! `kind = "nats"`: messages of a JetStream stream, each acknowledged by it, and each once: its id is the event's.

use super::Entry;
use super::failure::Failure;
use super::format::Format;
use super::kind::Limits;
use crate::config::{Table, ca, secret};
use crate::credential::{Source, fetch, foreign};
use crate::https::is_this_host;
use crate::tls::client_config;
use async_nats::jetstream::context::{PublishAckFuture, PublishError, PublishErrorKind};
use async_nats::jetstream::{Context, ContextBuilder, ErrorCode};
use async_nats::{Client, ConnectError, ConnectOptions, HeaderMap, ReconnectToServer, Server, ServerAddr, ServerInfo};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// To connect, and for the answer to each message.
const PATIENCE: Duration = Duration::from_secs(5);

/// Its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nats {
    servers: Vec<String>,
    subject: String,
    login: Option<Login>,
    ca: Option<PathBuf>,
}

/// Who weir is to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Login {
    /// A file of credentials, as `nsc` makes it: a token and the key that signs.
    Credentials(Source),
    Token(Source),
    Password {
        user: Source,
        password: Source,
    },
}

/// A connection.
pub(super) struct NatsLink {
    stream: Context,
    subject: String,
    place: String,
}

impl Nats {
    /// What it tells where nothing is said.
    pub(super) const FORMAT: Format = Format::Ocsf;

    pub(super) fn read(table: &mut Table<'_, '_>, directory: &Path) -> Option<Self> {
        let hint = "the cluster's servers: servers = [\"tls://nats-1.acme.example:4222\"]; nats:// on 127.0.0.1 alone";
        let span = table.span.clone();
        let servers = table.texts("servers").map(|texts| {
            let fit = |text: &str| text.parse::<ServerAddr>().is_ok_and(|server| is_fit(&server));
            let (fit, unfit): (Vec<_>, Vec<_>) = texts.into_iter().partition(|text| fit(text.get_ref()));
            for text in &unfit {
                table.problem_at(text.span(), format!("`servers` can't have {:?}", text.get_ref()), hint);
            }
            if fit.is_empty() && unfit.is_empty() {
                table.problem_at(span, "`servers` is empty", hint);
            }
            fit.into_iter().map(|text| text.into_inner()).collect::<Vec<_>>()
        });
        let servers = table.required("servers", servers, hint);
        let subject = table.parsed("subject", "a subject without wildcards: \"weir.events\"", subject);
        let login = login(table, directory);
        let ca = ca(table, directory);
        Some(Self { servers: servers?, subject: subject.unwrap_or_else(|| "weir.events".to_owned()), login: login?, ca })
    }

    pub(super) const fn limits(&self) -> Limits {
        Limits { entries: 1000, bytes: 2 << 20, linger: Duration::ZERO }
    }

    pub(super) fn place(&self) -> String {
        format!("{} of {}", self.subject, self.servers.join(", "))
    }

    pub(super) fn secrets(&self) -> Vec<&Source> {
        match &self.login {
            Some(Login::Credentials(source) | Login::Token(source)) => vec![source],
            Some(Login::Password { user, password }) => vec![user, password],
            None => Vec::new(),
        }
    }

    pub(super) async fn link(&self) -> Result<NatsLink, Failure> {
        let place = self.servers.join(", ");
        let failed = |why: String| Failure::again(foreign(&format!("{place}: {why}")));
        let text = |source: &Source| fetch(source).map(|secret| secret.password.to_string());
        let options = match &self.login {
            Some(Login::Credentials(source)) => ConnectOptions::with_credentials(&text(source)?)
                .map_err(|_| failed("the credentials are no file that nsc has made".to_owned()))?,
            Some(Login::Token(source)) => ConnectOptions::with_token(text(source)?),
            Some(Login::Password { user, password }) => ConnectOptions::with_user_and_password(text(user)?, text(password)?),
            None => ConnectOptions::new(),
        };
        let mut servers = Vec::new();
        for server in &self.servers {
            servers.push(server.parse::<ServerAddr>().map_err(|error| failed(error.to_string()))?);
        }
        let tls = servers.iter().any(ServerAddr::tls_required);
        let mut options = options.name("weir").connection_timeout(PATIENCE).require_tls(tls).ignore_discovered_servers();
        if tls {
            options = options.tls_client_config(client_config(self.ca.as_deref(), None).map_err(Failure::again)?);
        }
        let mut connected = Err(failed("it has no servers".to_owned()));
        for server in servers {
            connected = connect_once(options.clone(), server).await.map_err(|error| failed(error.to_string()));
            if connected.is_ok() {
                break;
            }
        }
        let client = connected?;
        let stream = ContextBuilder::new().timeout(PATIENCE).ack_timeout(PATIENCE).build(client);
        Ok(NatsLink { stream, subject: self.subject.clone(), place })
    }
}

/// A connection that ends where it breaks. The client's own way is to connect anew, and then to send what waits in it before
/// what the broken connection has lost: out of order.
async fn connect_once(options: ConnectOptions, server: ServerAddr) -> Result<Client, ConnectError> {
    // Nobody listens there. It may try one more server, and this is the one: with none it would try for ever.
    let nowhere: ServerAddr = "nats://127.0.0.1:0".parse()?;
    let connected = Arc::new(AtomicBool::new(false));
    let next = {
        let (server, nowhere, connected) = (server.clone(), nowhere.clone(), Arc::clone(&connected));
        move |_: Vec<Server>, _: ServerInfo| {
            let addr = if connected.load(Ordering::Acquire) { nowhere.clone() } else { server.clone() };
            async move { Some(ReconnectToServer { addr, delay: Some(Duration::ZERO) }) }
        }
    };
    let client = options.max_reconnects(1).reconnect_to_server_callback(next).connect(vec![server, nowhere]).await?;
    connected.store(true, Ordering::Release);
    Ok(client)
}

/// With TLS, or on this host; a login has a place of its own.
fn is_fit(server: &ServerAddr) -> bool {
    let plain = server.scheme() == "nats" && is_this_host(server.host().trim_matches(['[', ']']));
    (server.scheme() == "tls" || plain) && !server.has_user_pass()
}

fn subject(text: &str) -> Option<String> {
    let word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_graphic() && !b"*>".contains(&byte));
    (text.len() <= 255 && text.split('.').all(word)).then(|| text.to_owned())
}

/// One way to say who weir is, or none; `None` where that was written wrongly.
fn login(table: &mut Table<'_, '_>, directory: &Path) -> Option<Option<Login>> {
    let (credentials, token) = (secret(table, "credentials", directory), secret(table, "token", directory));
    let (user, password) = (secret(table, "username", directory), secret(table, "password", directory));
    match (credentials, token, user, password) {
        (Some(source), None, None, None) => Some(Some(Login::Credentials(source))),
        (None, Some(source), None, None) => Some(Some(Login::Token(source))),
        (None, None, Some(user), Some(password)) => Some(Some(Login::Password { user, password })),
        (None, None, None, None) => Some(None),
        (_, _, _, _) => {
            table
                .problem("the login is not one", "give `credentials`, or `token`, or `username` and `password`, or none of them");
            None
        }
    }
}

impl NatsLink {
    pub(super) async fn send(&mut self, batch: &[Entry<'_>]) -> Result<(), Failure> {
        let mut answers: Vec<PublishAckFuture> = Vec::with_capacity(batch.len());
        let mut stopped = None;
        for (index, entry) in batch.iter().enumerate() {
            let published = self.stream.publish_with_headers(self.subject.clone(), headers(entry), entry.text.to_owned().into());
            match published.await {
                Ok(answer) => answers.push(answer),
                Err(error) => {
                    stopped = Some(self.failure(index, &error));
                    break;
                }
            }
        }
        // In their order: what was acknowledged before the first that was not is there.
        for (index, answer) in answers.into_iter().enumerate() {
            answer.await.map_err(|error| self.failure(index, &error))?;
        }
        stopped.map_or(Ok(()), Err)
    }

    fn failure(&self, index: usize, error: &PublishError) -> Failure {
        let source = std::error::Error::source(error);
        let said = source.map(|source| format!(": {source}")).unwrap_or_default();
        let why = foreign(&format!("{}: {}: {error}{said}", self.place, self.subject));
        let code =
            source.and_then(|source| source.downcast_ref::<async_nats::jetstream::Error>()).map(|error| error.error_code());
        match (error.kind(), code) {
            (PublishErrorKind::MaxPayloadExceeded, _) | (_, Some(ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM)) => {
                Failure::Refused { index, why }
            }
            _ => Failure::Again { taken: index, why, wait: None },
        }
    }
}

/// By the first, the stream drops what it has had within its window of duplicates.
fn headers(entry: &Entry<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Msg-Id", entry.uid);
    headers.insert("Weir-Number", entry.number.to_string().as_str());
    headers.insert("Weir-Session", entry.session.to_string().as_str());
    if entry.again {
        headers.insert("Weir-Again", "true");
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::super::checks::{Events, Secrets, send, survives, wrong};
    use super::*;
    use weir_tests::receivers::{Nats as Server, Receives as _};

    fn kind(server: &Server, more: &str) -> (Kind, Secrets) {
        let secrets = Secrets::with(&[("user", Server::LOGIN.0), ("password", Server::LOGIN.1), ("wrong", "hunter2-wrong")]);
        let text = format!(
            "kind = \"nats\"\nservers = [\"tls://127.0.0.1:{}\"]\nca = \"file:{}\"\nusername = \"file:user\"\n{more}",
            server.port,
            server.ca().display()
        );
        (secrets.kind(&text), secrets)
    }

    #[test]
    fn nothing_is_lost_and_nothing_is_there_twice() {
        let mut server = Server::start();
        let (kind, _secrets) = kind(&server, "password = \"file:password\"");
        assert_eq!(survives(&kind, &mut server, 3), 0);
    }

    #[test]
    fn a_stream_says_what_it_does_not_take() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let server = Server::start();
        let (good, _one) = kind(&server, "password = \"file:password\"");
        let events = Events::new(0, 4).with(2, &"x".repeat(2 << 20));
        let Err(Failure::Refused { index: 2, why }) = runtime.block_on(send(&good, &events)) else { panic!("it is refused") };
        assert!(why.contains("max payload"), "{why}");
        assert_eq!(server.count(), 2);
        let (nowhere, _two) = kind(&server, "password = \"file:password\"\nsubject = \"elsewhere\"");
        let failure = runtime.block_on(send(&nowhere, &Events::new(9, 1))).unwrap_err().to_string();
        assert!(failure.contains("elsewhere: no stream found"), "{failure}");
        let (wrong, _three) = kind(&server, "password = \"file:wrong\"");
        let failure = runtime.block_on(send(&wrong, &Events::new(9, 1))).unwrap_err();
        assert!(
            matches!(&failure, Failure::Again { why, .. } if why.contains("uthorization") && !why.contains("hunter2")),
            "{failure}"
        );
        let untrusted = kind(&server, "password = \"file:password\"");
        let Kind::Nats(mut untrusted) = untrusted.0 else { panic!("it is of that kind") };
        untrusted.ca = None;
        let failure = runtime.block_on(send(&Kind::Nats(untrusted), &Events::new(9, 1))).unwrap_err().to_string();
        assert!(failure.to_lowercase().contains("tls"), "{failure}");
    }

    #[test]
    fn what_is_written_wrongly_is_said() {
        for (text, told) in [
            ("servers = [\"nats://nats.example:4222\"]", "`servers` can't have"),
            ("servers = [\"tls://u:hunter2@nats.example:4222\"]", "`servers` can't have"),
            ("servers = []", "`servers` is empty"),
            ("servers = [\"tls://nats.example\"]\nsubject = \"weir.>\"", "`subject` can't be"),
            ("servers = [\"tls://nats.example\"]\nusername = \"env:U\"", "the login is not one"),
        ] {
            let problems = wrong(&format!("kind = \"nats\"\n{text}"));
            assert!(problems.contains(told), "{told}: {problems}");
        }
    }
}
