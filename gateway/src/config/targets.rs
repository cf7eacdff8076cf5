//! `[[target]]`: what jobs dial, what it speaks, with which TLS and whose credential.

use super::NamePattern;
use crate::config::reader::Table;
use crate::credential::Source;
use crate::tls::{CertificateSource, ClientMode, ClientTls, UpstreamMode, UpstreamTls};
use gateway_core::model::target::{ProtocolName, Target};
use gateway_core::policy::Mode;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::Spanned;

/// All targets.
#[derive(Clone, Debug, Default)]
pub struct Targets(Vec<TargetSettings>);

/// One `[[target]]`.
#[derive(Clone, Debug)]
pub struct TargetSettings {
    /// Its name.
    pub name: String,
    /// The environment it belongs to.
    pub environment: Option<String>,
    /// The destinations that are this target.
    pub matches: Vec<Match>,
    /// What it speaks.
    pub protocol: ProtocolName,
    /// TLS towards the job.
    pub client: ClientTls,
    /// TLS towards the target.
    pub upstream: UpstreamTls,
    /// The credential that the gateway holds, and the user it is for; none lets the job's own through.
    pub credential: Option<(Source, Option<String>)>,
    /// The target's own credential for the side connection.
    pub catalog: Option<(Source, Option<String>)>,
    /// Its own mode.
    pub mode: Option<Mode>,
    /// Whether `application_name` at the server ends in the session's id.
    pub tag_sessions: bool,
    /// Whether jobs may speak Postgres' replication protocol to it.
    pub replication: bool,
    /// Whether recorded sessions may be run again on it: else it is protected.
    pub rerun_allowed: bool,
    /// Whether jobs connect to it directly while no gateway runs.
    pub passes_when_down: bool,
    /// Whether processes outside every job of the daemon are refused.
    pub closed_outside: bool,
    /// How many sessions of this gateway may run a statement there at once.
    pub max_concurrent: Option<u64>,
    /// How long a statement may run before it is cancelled.
    pub statement_time: Option<Duration>,
    /// How many sessions of this gateway may be connected to it at once.
    pub max_connections: Option<u64>,
}

/// A destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// Exactly this.
    Address(SocketAddr),
    /// Anything in this network, on this port.
    Network {
        /// The network's address.
        address: IpAddr,
        /// Its length in bits.
        bits: u8,
        /// The port.
        port: u16,
    },
    /// What a run was told for this name, or for all names below one; and what a name stood for when the
    /// configuration was loaded.
    Name {
        /// The name.
        name: NamePattern,
        /// The port.
        port: u16,
        /// Its addresses; none of a pattern.
        addresses: Vec<SocketAddr>,
    },
}

/// How strongly a destination is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Strength {
    /// The gateway's own look-up led here, and the run was told no name for it.
    Found,
    /// The run was told this name for the address: see [`NamePattern::strength`].
    Told(u16),
    /// The gateway's own look-up led here, for a target whose protocol is spoken here: a database is not taken for another
    /// by a name that someone points at it.
    Protected,
    /// That, and the run asked for this very name.
    ProtectedTold,
    /// A network of so many bits.
    Network(u8),
    /// The address itself.
    Address,
}

impl Targets {
    /// These targets, in the order of the file.
    #[must_use]
    pub const fn new(targets: Vec<TargetSettings>) -> Self {
        Self(targets)
    }

    /// All of them.
    pub fn iter(&self) -> std::slice::Iter<'_, TargetSettings> {
        self.0.iter()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The target at this address, for a run that was told `names` for it: an exact address wins over a network,
    /// the longer network over the shorter, any address over a name, a name over a pattern.
    #[must_use]
    pub fn meant(&self, address: SocketAddr, names: &[String]) -> Option<&TargetSettings> {
        let address = SocketAddr::new(address.ip().to_canonical(), address.port());
        self.0
            .iter()
            .filter_map(|target| {
                let spoken = target.protocol != ProtocolName::Opaque;
                let best = target.matches.iter().filter_map(|one| one.strength(address, names, spoken)).max()?;
                Some((best, target))
            })
            // The first of equals: `max_by_key` would take the last.
            .rev()
            .max_by_key(|(strength, _)| *strength)
            .map(|(_, target)| target)
    }

    /// The target of this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&TargetSettings> {
        self.0.iter().find(|target| target.name == name)
    }

    /// The target that a host's name belongs to, on whichever port.
    #[must_use]
    pub fn named_by(&self, host: &str) -> Option<&TargetSettings> {
        let strength =
            |target: &TargetSettings| target.patterns().filter(|one| one.matches(host)).map(NamePattern::strength).max();
        let found = self.0.iter().filter_map(|target| Some((strength(target)?, target)));
        found.rev().max_by_key(|(strength, _)| *strength).map(|(_, target)| target)
    }

    /// Whether a target has this very name of a host.
    #[must_use]
    pub fn names_exactly(&self, host: &str) -> bool {
        self.0.iter().any(|target| target.patterns().any(|pattern| pattern.exact() == Some(host)))
    }
}

impl Match {
    /// How strongly this destination means `address`.
    fn strength(&self, address: SocketAddr, names: &[String], spoken: bool) -> Option<Strength> {
        match self {
            Self::Address(exact) => (*exact == address).then_some(Strength::Address),
            Self::Network { address: network, bits, port } => {
                (*port == address.port() && contains(*network, *bits, address.ip())).then_some(Strength::Network(*bits))
            }
            Self::Name { name, port, addresses } => {
                let told = *port == address.port() && names.iter().any(|one| name.matches(one));
                match (addresses.contains(&address), told) {
                    (true, true) if spoken => Some(Strength::ProtectedTold),
                    (true, false) if spoken => Some(Strength::Protected),
                    (true, false) => Some(Strength::Found),
                    (_, true) => Some(Strength::Told(name.strength())),
                    (false, false) => None,
                }
            }
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let (host, port) = text.rsplit_once(':').ok_or("it has no port: write host:port")?;
        let port: u16 = port.parse().map_err(|_| format!("{port:?} is not a port"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if let Some((network, bits)) = host.split_once('/') {
            let address: IpAddr = network.trim_end_matches(']').parse().map_err(|_| format!("{network:?} is not an address"))?;
            let longest = if address.is_ipv4() { 32 } else { 128 };
            let bits = bits
                .parse()
                .ok()
                .filter(|bits| *bits <= longest)
                .ok_or_else(|| format!("/{bits} is not a length from 0 to {longest}"))?;
            return Ok(Self::Network { address, bits, port });
        }
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(Self::Address(SocketAddr::new(address.to_canonical(), port)));
        }
        let name = NamePattern::parse(host)?;
        // A name that has no address now may have one when a job asks for it.
        let found = name.exact().and_then(|host| (host, port).to_socket_addrs().ok());
        let addresses = found.into_iter().flatten().map(|address| SocketAddr::new(address.ip().to_canonical(), port)).collect();
        Ok(Self::Name { name, port, addresses })
    }
}

impl TargetSettings {
    /// The target as policy and records name it.
    #[must_use]
    pub fn describe(&self) -> Target {
        Target { name: self.name.clone(), environment: self.environment.clone(), protocol: self.protocol, configured: true }
    }

    /// Whether a host's name is one of its own.
    #[must_use]
    pub fn has(&self, host: &str) -> bool {
        self.patterns().any(|pattern| pattern.matches(host))
    }

    /// The names of hosts that it has.
    fn patterns(&self) -> impl Iterator<Item = &NamePattern> {
        self.matches.iter().filter_map(|one| match one {
            Match::Name { name, .. } => Some(name),
            Match::Address(_) | Match::Network { .. } => None,
        })
    }

    /// Whether jobs see certificates of weir's own CA.
    #[must_use]
    pub fn uses_own_authority(&self) -> bool {
        self.protocol == ProtocolName::Postgres
            && self.client.mode != ClientMode::Off
            && self.client.source == CertificateSource::Own
    }

    /// The first single address that it matches.
    #[must_use]
    pub fn first_address(&self) -> Option<SocketAddr> {
        self.matches.iter().find_map(|one| match one {
            Match::Address(address) => Some(*address),
            Match::Name { addresses, .. } => addresses.first().copied(),
            Match::Network { .. } => None,
        })
    }

    /// The names that the job may have dialled.
    #[must_use]
    pub fn server_names(&self) -> Vec<String> {
        let configured = self.upstream.name.iter().cloned();
        let dialled = self.patterns().filter_map(|pattern| pattern.exact().map(str::to_owned));
        let mut names: Vec<_> = configured.chain(dialled).collect();
        names.sort();
        names.dedup();
        names
    }
}

pub(super) fn read(mut table: Table<'_, '_>, directory: &Path) -> Option<TargetSettings> {
    let name = table.text("name").map(Spanned::into_inner);
    let name = table.required("name", name, "a name that policies and records can use: name = \"prod-pg\"");
    let environment = table.text("environment").map(Spanned::into_inner);
    let matches = table.texts("match");
    let matches = table.required("match", matches, "what jobs dial: match = [\"db.acme.example:5432\", \"10.20.0.0/16:5432\"]");
    let matches = matches.unwrap_or_default().into_iter().filter_map(|text| destination(&table, &text)).collect();
    let protocol = table
        .parsed("protocol", "\"postgres\" or \"opaque\"; others are not supported in this version", |text| match text {
            "postgres" => Some(ProtocolName::Postgres),
            "opaque" => Some(ProtocolName::Opaque),
            _ => None,
        })
        .unwrap_or(ProtocolName::Opaque);
    let (client, upstream) = table.table("tls").map_or_else(
        || (ClientTls { mode: ClientMode::Accept, source: CertificateSource::Own }, verify_full()),
        |table| tls(table, directory),
    );
    let credential = credential(&mut table, directory);
    let catalog = table.table("catalog").and_then(|table| inject(table, directory));
    let passes_when_down = table
        .parsed("on_gateway_down", "\"refuse\", or \"pass\": jobs connect directly while no gateway runs", |text| match text {
            "refuse" => Some(false),
            "pass" => Some(true),
            _ => None,
        })
        .unwrap_or(false);
    let closed_outside = table
        .parsed("from_outside", "\"pass\", or \"refuse\": only jobs connect to it, for as long as the daemon runs", |text| {
            match text {
                "pass" => Some(false),
                "refuse" => Some(true),
                _ => None,
            }
        })
        .unwrap_or(false);
    let mode = super::sections::mode(&mut table);
    let tag_sessions = table.flag("tag_sessions").unwrap_or(true);
    let replication = table.flag("replication").unwrap_or(false);
    let rerun_allowed = table
        .parsed("rerun", "\"refused\", or \"allowed\": recorded sessions may be run again on it", |text| match text {
            "refused" => Some(false),
            "allowed" => Some(true),
            _ => None,
        })
        .unwrap_or(false);
    let max_concurrent = table.number("max_concurrent", 1, 1_000_000);
    let max_connections = table.number("max_connections", 1, 1_000_000);
    let statement_time = table.number("statement_time", 1, 30 * 24 * 3600).map(Duration::from_secs);
    if protocol != ProtocolName::Postgres && (max_concurrent.is_some() || statement_time.is_some()) {
        let hint = "leave both out, or write protocol = \"postgres\"";
        table.problem("`max_concurrent` and `statement_time` need a protocol that has statements", hint);
    }
    table.end();
    Some(TargetSettings {
        name: name?,
        environment,
        matches,
        protocol,
        client,
        upstream,
        credential,
        catalog,
        mode,
        tag_sessions,
        replication,
        rerun_allowed,
        passes_when_down,
        closed_outside,
        max_concurrent,
        statement_time,
        max_connections,
    })
}

fn destination(table: &Table<'_, '_>, text: &Spanned<String>) -> Option<Match> {
    if text.get_ref().contains('@') {
        // Perhaps a connection URL with its password: it is not repeated.
        table.problem_at(
            text.span(),
            "`match` holds something with an @",
            "write host:port alone; a credential belongs into `credential`",
        );
        return None;
    }
    Match::parse(text.get_ref())
        .map_err(|why| {
            let hint = "write host:port, address:port or network/length:port; IPv6 in brackets";
            table.problem_at(text.span(), format!("`match` can't be {:?}: {why}", text.get_ref()), hint);
        })
        .ok()
}

fn tls(mut table: Table<'_, '_>, directory: &Path) -> (ClientTls, UpstreamTls) {
    let mut path =
        |key| table.text(key).map(|path| directory.join(path.get_ref().strip_prefix("file:").unwrap_or(path.get_ref())));
    let (cert, key) = (path("client_cert"), path("client_key"));
    let (issuer_cert, issuer_key) = (path("client_issuer_cert"), path("client_issuer_key"));
    let ca = path("ca");
    let mode = table
        .parsed("client", "\"off\", \"accept\" or \"require\"", |text| match text {
            "off" => Some(ClientMode::Off),
            "accept" => Some(ClientMode::Accept),
            "require" => Some(ClientMode::Require),
            _ => None,
        })
        .unwrap_or_default();
    let upstream = table
        .parsed("upstream", "\"disable\", \"prefer\", \"require\", \"verify-ca\" or \"verify-full\"", |text| match text {
            "disable" => Some(UpstreamMode::Disable),
            "prefer" => Some(UpstreamMode::Prefer),
            "require" => Some(UpstreamMode::Require),
            "verify-ca" => Some(UpstreamMode::VerifyCa),
            "verify-full" => Some(UpstreamMode::VerifyFull),
            _ => None,
        })
        .unwrap_or(UpstreamMode::VerifyFull);
    let name = table.text("name").map(Spanned::into_inner);
    let source = certificate(&table, (cert, key), (issuer_cert, issuer_key));
    table.end();
    (ClientTls { mode, source }, UpstreamTls::new(upstream, ca, name))
}

fn certificate(
    table: &Table<'_, '_>,
    own: (Option<PathBuf>, Option<PathBuf>),
    issuer: (Option<PathBuf>, Option<PathBuf>),
) -> CertificateSource {
    match (own, issuer) {
        ((None, None), (None, None)) => CertificateSource::Own,
        ((Some(cert), Some(key)), (None, None)) => CertificateSource::Files { cert, key },
        ((None, None), (Some(cert), Some(key))) => CertificateSource::Issuer { cert, key },
        _ => {
            table.problem(
                "the client side's certificate is named by halves, or twice",
                "set client_cert and client_key, or client_issuer_cert and client_issuer_key, or none of the four",
            );
            CertificateSource::Own
        }
    }
}

fn verify_full() -> UpstreamTls {
    UpstreamTls::new(UpstreamMode::VerifyFull, None, None)
}

fn credential(table: &mut Table<'_, '_>, directory: &Path) -> Option<(Source, Option<String>)> {
    match table.text_or_table("credential")? {
        Ok(text) if text.get_ref() == "passthrough" => None,
        Ok(text) => {
            // The text may be a secret: it is not repeated.
            let hint = "\"passthrough\", or { inject = \"file:/etc/weir/backup.secret\", user = \"backup\" }";
            table.problem_at(text.span(), "`credential` is neither \"passthrough\" nor a table", hint);
            None
        }
        Err(inner) => inject(inner, directory),
    }
}

fn inject(mut table: Table<'_, '_>, directory: &Path) -> Option<(Source, Option<String>)> {
    let text = table.text("inject");
    let text = table.required("inject", text, "where the secret is: inject = \"file:/etc/weir/backup.secret\" or \"env:NAME\"");
    let user = table.text("user").map(Spanned::into_inner);
    let source = text.and_then(|text| {
        // A relative path starts at the configuration, as all paths in it do.
        let reference = match text.get_ref().strip_prefix("file:") {
            Some(path) => format!("file:{}", directory.join(path).display()),
            None => text.get_ref().clone(),
        };
        Source::parse(&reference)
            .map_err(|error| {
                let hint = "secrets are named, never written here: \"file:PATH\" or \"env:NAME\"";
                table.problem_at(text.span(), error.to_string(), hint);
            })
            .ok()
    });
    table.end();
    Some((source?, user))
}

fn contains(network: IpAddr, bits: u8, address: IpAddr) -> bool {
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            network.to_bits() & mask == address.to_bits() & mask
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            network.to_bits() & mask == address.to_bits() & mask
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}
