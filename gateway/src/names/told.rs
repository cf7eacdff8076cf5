//! What one run was told: which names stand for which address, and until when that is remembered.

use gateway_core::model::ids::RunId;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

/// Addresses that are remembered for a run. Where there are more, the one that would be forgotten first goes.
const ADDRESSES: usize = 4096;
/// Names that are remembered for an address.
const NAMES: usize = 32;

/// The names of one run, by address.
#[derive(Debug, Default)]
pub(super) struct Told(HashMap<IpAddr, Vec<Name>>);

/// A name that stands for an address.
#[derive(Debug)]
struct Name {
    name: String,
    until: Instant,
    told: Instant,
}

/// A name that a run was told for an address, as one gateway hands it to the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldName {
    /// The run.
    pub run: RunId,
    /// The address.
    pub ip: IpAddr,
    /// The name.
    pub name: String,
    /// For how long it is to be remembered yet, in milliseconds.
    pub left_ms: u64,
    /// How long ago it was told, in milliseconds.
    pub age_ms: u64,
}

/// What kind of network an address is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Public,
    /// RFC 1918, RFC 6598, unique local.
    Private,
    /// This host.
    Loopback,
    /// No name stands for it: unspecified, link-local (where clouds have their metadata), multicast, broadcast.
    Never,
}

impl Told {
    /// Remembers that `name` stands for `ip`.
    pub(super) fn tell(&mut self, name: &str, ip: IpAddr, now: Instant, until: Instant) {
        let ip = ip.to_canonical();
        if !self.0.contains_key(&ip) && self.0.len() >= ADDRESSES {
            self.make_room(now);
        }
        let names = self.0.entry(ip).or_default();
        names.retain(|known| known.until > now);
        if let Some(known) = names.iter_mut().find(|known| known.name == name) {
            known.until = known.until.max(until);
            known.told = now;
            return;
        }
        if names.len() >= NAMES
            && let Some(first) = names.iter().enumerate().min_by_key(|(_, known)| known.told).map(|(place, _)| place)
        {
            names.swap_remove(first);
        }
        names.push(Name { name: name.to_owned(), until, told: now });
    }

    /// The names that stand for `ip`, the latest first.
    pub(super) fn names(&self, ip: IpAddr, now: Instant) -> Vec<String> {
        let known = self.0.get(&ip.to_canonical()).map(Vec::as_slice).unwrap_or_default();
        let mut known: Vec<_> = known.iter().filter(|name| name.until > now).collect();
        known.sort_by_key(|name| std::cmp::Reverse(name.told));
        known.into_iter().map(|name| name.name.clone()).collect()
    }

    /// All that is remembered of `run`.
    pub(super) fn all(&self, run: RunId, now: Instant) -> impl Iterator<Item = ToldName> {
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let standing = self.0.iter().flat_map(|(ip, names)| names.iter().map(|name| (*ip, name)));
        standing.filter(move |(_, name)| name.until > now).map(move |(ip, name)| ToldName {
            run,
            ip,
            name: name.name.clone(),
            left_ms: ms(name.until - now),
            age_ms: ms(now.saturating_duration_since(name.told)),
        })
    }

    fn make_room(&mut self, now: Instant) {
        self.0.retain(|_, names| names.iter().any(|name| name.until > now));
        if self.0.len() >= ADDRESSES {
            let last = |names: &[Name]| names.iter().map(|name| name.until).max();
            let first = self.0.iter().min_by_key(|(_, names)| last(names)).map(|(ip, _)| *ip);
            if let Some(ip) = first {
                self.0.remove(&ip);
            }
        }
    }
}

/// What kind of network `ip` is in.
pub(super) fn scope(ip: IpAddr) -> Scope {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            if ip.is_loopback() {
                Scope::Loopback
            } else if a == 0 || ip.is_link_local() || ip.is_multicast() || ip.is_broadcast() {
                Scope::Never
            } else if ip.is_private() || (a == 100 && (64..128).contains(&b)) {
                Scope::Private
            } else {
                Scope::Public
            }
        }
        IpAddr::V6(ip) => {
            // A translator (RFC 6052, RFC 8215) leads to the address that is written in it.
            if let [0x64, 0xff9b, 0, 0, 0, 0, high, low] = ip.segments() {
                scope(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)).into())
            } else if ip.segments().starts_with(&[0x64, 0xff9b, 1]) {
                Scope::Private
            } else if ip.is_loopback() {
                Scope::Loopback
            } else if ip.is_unspecified() || ip.is_multicast() || ip.is_unicast_link_local() {
                Scope::Never
            } else if ip.is_unique_local() {
                Scope::Private
            } else {
                Scope::Public
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const IP: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

    #[test]
    fn the_latest_name_is_first_and_each_has_its_time() {
        let (mut told, now) = (Told::default(), Instant::now());
        let later = |seconds| now + Duration::from_secs(seconds);
        told.tell("a", IP, now, later(100));
        told.tell("b", IP, later(1), later(50));
        assert_eq!(told.names(IP, later(2)), ["b", "a"]);
        told.tell("a", IP, later(3), later(40));
        assert_eq!(told.names(IP, later(4)), ["a", "b"]);
        assert_eq!(told.names(IP, later(60)), ["a"], "what was promised for longer is not cut");
        assert_eq!(told.names(IP, later(100)), [] as [&str; 0]);
        assert_eq!(told.names("::ffff:192.0.2.1".parse().unwrap(), later(4)), ["a", "b"]);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (mut told, now) = (Told::default(), Instant::now());
        let later = |seconds| now + Duration::from_secs(seconds);
        for number in 0..u32::try_from(ADDRESSES).unwrap() + 100 {
            told.tell("a", Ipv4Addr::from_bits(number).into(), now, later(1000 + u64::from(number)));
        }
        assert_eq!(told.0.len(), ADDRESSES);
        assert_eq!(told.names(Ipv4Addr::from_bits(99).into(), now), [] as [&str; 0], "the first to be forgotten went");
        assert_eq!(told.names(Ipv4Addr::from_bits(100).into(), now), ["a"]);
        for number in 0..100 {
            told.tell(&format!("n{number}"), IP, later(number), later(1000));
        }
        let names = told.names(IP, later(100));
        assert_eq!((names.len(), names[0].as_str()), (NAMES, "n99"));
    }

    #[test]
    fn addresses_have_their_scopes() {
        for (ip, expected) in [
            ("8.8.8.8", Scope::Public),
            ("10.1.2.3", Scope::Private),
            ("172.16.0.1", Scope::Private),
            ("172.32.0.1", Scope::Public),
            ("100.64.0.1", Scope::Private),
            ("127.9.9.9", Scope::Loopback),
            ("0.0.0.0", Scope::Never),
            ("169.254.169.254", Scope::Never),
            ("224.0.0.1", Scope::Never),
            ("::1", Scope::Loopback),
            ("::", Scope::Never),
            ("fe80::1", Scope::Never),
            ("fd00:ec2::254", Scope::Private),
            ("::ffff:127.0.0.1", Scope::Loopback),
            ("64:ff9b::7f00:1", Scope::Loopback),
            ("64:ff9b::a9fe:a9fe", Scope::Never),
            ("64:ff9b::808:808", Scope::Public),
            ("64:ff9b:1::808:808", Scope::Private),
            ("2001:db8::1", Scope::Public),
        ] {
            assert_eq!(scope(ip.parse().unwrap()), expected, "{ip}");
        }
    }
}
