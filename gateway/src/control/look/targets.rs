//! The targets of the configuration, and who is connected to them.

use super::Actor;
use crate::config::{Match, TargetSettings};
use crate::session::context::Shared;
use serde::Serialize;
use std::collections::HashMap;

/// A target.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ShownTarget {
    /// Its name.
    pub name: String,
    /// The environment it belongs to.
    pub environment: Option<String>,
    /// What it speaks.
    pub protocol: String,
    /// The destinations that are this target.
    pub addresses: Vec<String>,
    /// `enforce` or `observe`.
    pub mode: String,
    /// How its server is verified: `disable`, `prefer`, `require`, `verify-ca` or `verify-full`.
    pub tls: &'static str,
    /// Where the gateway has the credential from, `env` or `file`; none where jobs have their own.
    pub credential: Option<&'static str>,
    /// Whether the gateway reads its catalog.
    pub catalog: bool,
    /// Whether results of it are masked.
    pub masked: bool,
    /// How many sessions are connected to it.
    pub live: u64,
    /// How many may be; none where there is no limit.
    pub max_connections: Option<u64>,
    /// How many may run a statement at once.
    pub max_concurrent: Option<u64>,
}

/// Those that `actor` may see.
pub(super) fn list(shared: &Shared, actor: &Actor) -> Vec<ShownTarget> {
    let mut live = HashMap::<String, u64>::new();
    for session in shared.live.all() {
        *live.entry(session.place().target.name.clone()).or_default() += 1;
    }
    let seen = |settings: &&TargetSettings| actor.sees_target(&settings.name);
    let shown = |settings: &TargetSettings| ShownTarget {
        name: settings.name.clone(),
        environment: settings.environment.clone(),
        protocol: settings.protocol.to_string(),
        addresses: settings.matches.iter().map(written).collect(),
        mode: settings.mode.unwrap_or(shared.config.policy.mode).to_string(),
        tls: settings.upstream.mode.name(),
        credential: settings.credential.as_ref().map(|(source, _)| source.kind()),
        catalog: settings.catalog.is_some(),
        masked: shared.masking.concerns(&settings.name),
        live: live.get(&settings.name).copied().unwrap_or_default(),
        max_connections: settings.max_connections,
        max_concurrent: settings.max_concurrent,
    };
    shared.config.targets.iter().filter(seen).map(shown).collect()
}

fn written(place: &Match) -> String {
    match place {
        Match::Address(address) => address.to_string(),
        Match::Network { address, bits, port } => format!("{address}/{bits} port {port}"),
        Match::Name { name, port, .. } => format!("{name}:{port}"),
    }
}
