//! What a connection is to: by its address, by the names that its run was told, by what its client says.

use crate::config::TargetSettings;
use crate::names::known;
use crate::session::context::Shared;
use crate::session::live::Place;
use gateway_core::model::ids::RunId;
use gateway_core::model::target::{ProtocolName, Target};
use gateway_core::policy::Known;
use gateway_core::protocol::opaque::Hello;
use std::net::{IpAddr, SocketAddr};

/// Where a connection goes, and which names its run was told in vain: they may not stand for such an address.
pub struct Found {
    /// What is known of it.
    pub place: Place,
    /// Those names.
    pub rebound: Vec<String>,
}

/// What `address` is to `run`, before its client has spoken; no target where it is not the host's (another loopback).
pub fn find(shared: &Shared, run: RunId, address: SocketAddr, is_host: bool) -> Found {
    let told = shared.names.told(run, address.ip());
    let settings = shared.config.targets.meant(address, &told.names).filter(|_| is_host);
    // Of several names the one that the target has is meant.
    let mut names = told.names;
    if let Some(place) = settings.and_then(|settings| names.iter().position(|name| settings.has(name))) {
        let name = names.remove(place);
        names.insert(0, name);
    }
    let known = Known::new(names, None);
    Found { place: place(settings, known, address), rebound: told.rebound }
}

/// The same, once its client has spoken.
pub fn hear(shared: &Shared, before: &Place, mut hello: Hello, address: SocketAddr) -> Place {
    // A client that names the address that it dialled means no other host.
    let same = |name: &String| name.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical() == address.ip().to_canonical());
    let literal = hello.http_host.take_if(|name| same(name));
    let mut known = Known::new(before.known.names.clone(), Some(hello));
    if let Some(hello) = &mut known.hello {
        hello.http_host = hello.http_host.take().or(literal);
    }
    let meant: Vec<_> = known.host.iter().cloned().collect();
    place(shared.config.targets.meant(address, &meant), known, address)
}

/// Whether this is a resolver of others, which its job would ask unseen; in the words of a refusal.
pub fn resolver(place: &Place, address: SocketAddr) -> Option<String> {
    if place.target.configured {
        return None;
    }
    if address.port() == known::DOT {
        return Some("port 853 is DNS over TLS: the job's own resolver is weir's".to_owned());
    }
    let sni = place.known.hello.as_ref().and_then(|hello| hello.sni.as_ref());
    let mut names = place.known.host.iter().chain(sni);
    if let Some(name) = names.find(|name| known::is_resolver(name)) {
        return Some(format!("{name} is a resolver over HTTPS"));
    }
    (address.port() == 443 && known::is_resolver_at(address.ip()))
        .then(|| format!("at {} is a resolver over HTTPS", address.ip()))
}

fn place(settings: Option<&TargetSettings>, known: Known, address: SocketAddr) -> Place {
    let target = settings.map_or_else(
        || Target {
            name: known.host.as_ref().map_or_else(|| address.to_string(), |host| format!("{host}:{}", address.port())),
            environment: None,
            protocol: ProtocolName::Opaque,
            configured: false,
        },
        TargetSettings::describe,
    );
    Place { target, known }
}
