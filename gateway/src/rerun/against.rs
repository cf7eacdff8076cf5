//! The server that things are run on again: where it is, as whom, and that it is none that weir protects.

use crate::catalog::SideConnection;
use crate::config::{TargetSettings, Targets};
use crate::credential::{self, CredentialError, Secret, Source};
use crate::tls::{UpstreamMode, UpstreamTls};
use futures_util::future::join_all;
use gateway_core::model::target::ProtocolName;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::timeout;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use zeroize::Zeroizing;

/// To look a name up.
const LOOKUP: Duration = Duration::from_secs(10);
/// To ask one target who it is.
const ASKING: Duration = Duration::from_secs(5);
/// What tells one running server from any other, copies of its files included.
pub const IDENTITY: &str =
    "SELECT system_identifier::text || ' ' || pg_postmaster_start_time()::text FROM pg_catalog.pg_control_system()";

/// A server and how to come to it.
pub struct Against {
    /// Its host, as it was written.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Where that is.
    pub addresses: Vec<SocketAddr>,
    /// The user.
    pub user: String,
    /// The password, where there is one.
    pub password: Option<Zeroizing<Vec<u8>>>,
    /// The database; each session's own where none is named.
    pub database: Option<String>,
    /// How TLS is spoken.
    pub tls: UpstreamTls,
}

/// Why nothing is run there.
#[derive(Debug, thiserror::Error)]
pub enum AgainstError {
    /// The address can't be read. It may hold a password: nothing of it is told.
    #[error("--against: {0}; write postgres://USER@HOST:PORT/DATABASE, or where that is: env:NAME or file:/PATH")]
    Url(&'static str),
    /// Its password, or the whole of it, is not where it is said to be.
    #[error("--against: {0}")]
    Credential(#[from] CredentialError),
    /// Its name leads nowhere.
    #[error("--against: {host} has no address: {why}")]
    Lookup {
        /// The name.
        host: String,
        /// Why.
        why: String,
    },
    /// It is what weir protects.
    #[error(
        "--against is the configured target {target} ({how}), and configured targets are protected: \
         name a scratch server, or write rerun = \"allowed\" into that [[target]]"
    )]
    Protected {
        /// The target.
        target: String,
        /// How that was seen.
        how: String,
    },
}

impl Against {
    /// Reads an address, or where it is kept, and looks its host up.
    ///
    /// # Errors
    /// When it is no address of a Postgres server, or leads nowhere.
    pub async fn find(text: &str, mode: Option<UpstreamMode>, ca: Option<PathBuf>) -> Result<Self, AgainstError> {
        let url = referred(text)?;
        let config: Config = url.parse().map_err(|_| AgainstError::Url("it is not the address of a Postgres server"))?;
        let host = match config.get_hosts() {
            [Host::Tcp(host)] => host.clone(),
            [Host::Unix(_)] => return Err(AgainstError::Url("a unix socket can't be told from a protected target's")),
            [] => return Err(AgainstError::Url("it names no host")),
            [..] => return Err(AgainstError::Url("it names more than one host")),
        };
        if !config.get_hostaddrs().is_empty() {
            return Err(AgainstError::Url("it names an address beside its host"));
        }
        let port = config.get_ports().first().copied().unwrap_or(5432);
        let mode = mode.unwrap_or_else(|| match config.get_ssl_mode() {
            SslMode::Disable => UpstreamMode::Disable,
            SslMode::Require => UpstreamMode::Require,
            _ => UpstreamMode::Prefer,
        });
        let looked = timeout(LOOKUP, tokio::net::lookup_host((host.as_str(), port))).await;
        let failed = |why: String| AgainstError::Lookup { host: host.clone(), why };
        let found = looked.map_err(|_| failed("nobody answered".to_owned()))?.map_err(|error| failed(error.to_string()))?;
        let addresses: Vec<SocketAddr> = found.map(|one| SocketAddr::new(one.ip().to_canonical(), one.port())).collect();
        if addresses.is_empty() {
            return Err(failed("the answer was empty".to_owned()));
        }
        let user = config.get_user().ok_or(AgainstError::Url("it names no user"))?.to_owned();
        let name = host.parse::<std::net::IpAddr>().is_err().then(|| host.clone());
        Ok(Self {
            port,
            addresses,
            user,
            password: config.get_password().map(password).transpose()?,
            database: config.get_dbname().map(str::to_owned),
            tls: UpstreamTls::new(mode, ca, name),
            host,
        })
    }

    /// As people may read it.
    #[must_use]
    pub fn place(&self) -> String {
        let database = self.database.as_deref().map(|name| format!("/{name}")).unwrap_or_default();
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        format!("{host}:{}{database}", self.port)
    }

    /// Refuses what a configured target matches, by address or by name.
    ///
    /// # Errors
    /// When it is a protected target.
    pub fn unprotected(&self, targets: &Targets) -> Result<(), AgainstError> {
        let names = [self.host.clone()];
        let meant = self.addresses.iter().filter_map(|address| Some((targets.meant(*address, &names)?, address.to_string())));
        let named = targets.named_by(&self.host).map(|target| (target, format!("its name is {}", self.host)));
        match meant.chain(named).find(|(target, _)| !target.rerun_allowed) {
            Some((target, how)) => Err(AgainstError::Protected { target: target.name.clone(), how }),
            None => Ok(()),
        }
    }

    /// Refuses the very server that a configured target is, by whichever address it was reached. `own` is what that server
    /// answered to [`IDENTITY`]. The names of targets that could not be asked come back.
    ///
    /// # Errors
    /// When it is a protected target.
    pub async fn is_no_alias(&self, own: Option<&str>, targets: &Targets) -> Result<Vec<String>, AgainstError> {
        let protected = targets.iter().filter(|target| target.protocol == ProtocolName::Postgres && !target.rerun_allowed);
        let asked = join_all(protected.map(|target| async move { (target, identity(target).await) })).await;
        let mut unknown = Vec::new();
        for (target, answer) in asked {
            match (answer, own) {
                (Some(theirs), Some(own)) if theirs == own => {
                    let how = "it is the same running server, by another address".to_owned();
                    return Err(AgainstError::Protected { target: target.name.clone(), how });
                }
                (Some(_), Some(_)) => {}
                (None, _) | (_, None) => unknown.push(target.name.clone()),
            }
        }
        Ok(unknown)
    }
}

/// Who a target says that it is, where its catalog credential lets it be asked.
async fn identity(target: &TargetSettings) -> Option<String> {
    let (source, user) = target.catalog.as_ref()?;
    let mut secret: Secret = credential::fetch(source).ok()?;
    if user.is_some() {
        secret.user.clone_from(user);
    }
    let asking = async {
        let side = SideConnection::open(target.first_address()?, &target.upstream, &secret, "").await.ok()?;
        side.texts(IDENTITY).await.ok()?.first()?.first()?.clone()
    };
    timeout(ASKING, asking).await.ok()?
}

/// The address itself, where it is said where to find it.
fn referred(text: &str) -> Result<Zeroizing<String>, AgainstError> {
    if !text.starts_with("env:") && !text.starts_with("file:") {
        return Ok(Zeroizing::new(text.to_owned()));
    }
    let source = Source::parse(text)?;
    let read = match &source {
        Source::Env(name) => std::env::var(name).map_err(|_| AgainstError::Url("that variable is not set"))?,
        Source::File(path) => {
            // The same rules as for every other secret, before it is read for what it is here.
            drop(credential::fetch(&source)?);
            std::fs::read_to_string(path).map_err(|_| AgainstError::Url("that file can't be read"))?
        }
    };
    Ok(Zeroizing::new(read.trim().to_owned()))
}

fn password(written: &[u8]) -> Result<Zeroizing<Vec<u8>>, AgainstError> {
    match std::str::from_utf8(written) {
        Ok(text) if text.starts_with("env:") || text.starts_with("file:") => {
            let secret = credential::fetch(&Source::parse(text)?)?;
            Ok(Zeroizing::new(secret.password.as_bytes().to_vec()))
        }
        _ => Ok(Zeroizing::new(written.to_vec())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use std::path::Path;

    fn targets(lines: &str) -> Targets {
        let text = format!("trust_domain = \"a.example\"\n[[target]]\nname = \"prod\"\nprotocol = \"postgres\"\n{lines}\n");
        Config::parse(&text, Path::new("/etc/weir")).unwrap().targets
    }

    #[tokio::test]
    async fn a_configured_target_is_refused_unless_it_allows_it() {
        for (matches, url, protected) in [
            (r#"match = ["127.0.0.1:6001"]"#, "postgres://u@127.0.0.1:6001/d", true),
            (r#"match = ["127.0.0.1:6001"]"#, "postgres://u@localhost:6001/d", true),
            (r#"match = ["127.0.0.0/8:6001"]"#, "postgres://u@127.9.0.1:6001/d", true),
            (r#"match = ["127.0.0.1:6001"]"#, "postgres://u@127.0.0.1:6002/d", false),
            (r#"match = ["localhost:6001"]"#, "postgres://u@localhost:6002/d", true),
            ("match = [\"127.0.0.1:6001\"]\nrerun = \"allowed\"", "postgres://u@127.0.0.1:6001/d", false),
        ] {
            let against = Against::find(url, None, None).await.unwrap_or_else(|error| panic!("{url}: {error}"));
            assert_eq!(against.unprotected(&targets(matches)).is_err(), protected, "{matches} {url}");
        }
    }

    #[tokio::test]
    async fn what_is_no_address_is_said_without_repeating_it() {
        for url in
            ["postgres://u:hunter2@/d", "hunter2", "postgres://u:hunter2@a,b/d", "env:hunter2 NOT SET", "host=/run hunter2"]
        {
            let Err(error) = Against::find(url, None, None).await else { panic!("{url}") };
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}
