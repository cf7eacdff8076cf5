//! `[names]`: whom the resolver asks, what it remembers, and what it takes for a tunnel.

use super::reader::Table;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// `[names]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamesSettings {
    /// The resolvers that are asked; where there are none, those of `/etc/resolv.conf`.
    pub upstreams: Vec<SocketAddr>,
    /// Search domains of jobs, beside those of `/etc/resolv.conf`.
    pub search: Vec<String>,
    /// Names that may stand for an address of this host, or of a private network.
    pub private: Vec<NamePattern>,
    /// How long an address is known by a name, at least: what dials later than the record's own time still can.
    pub remember: Duration,
    /// How long a resolver may take to answer.
    pub timeout: Duration,
    /// The record types that are answered.
    pub types: Vec<String>,
    /// Bytes that a name may have.
    pub name_bytes: u64,
    /// Bytes of labels that a run may ask for below one registrable domain in a minute, each label counted once.
    pub labels_per_minute: u64,
    /// Questions that a run may ask in a minute.
    pub queries_per_minute: u64,
    /// Of these, questions for TXT and other records that carry free text.
    pub texts_per_minute: u64,
}

/// A name, or all names below one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePattern {
    /// In lower case, without a dot at its end.
    name: String,
    /// It means the names below.
    below: bool,
}

impl std::fmt::Display for NamePattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", if self.below { "*." } else { "" }, self.name)
    }
}

impl Default for NamesSettings {
    fn default() -> Self {
        Self {
            upstreams: Vec::new(),
            search: Vec::new(),
            private: Vec::new(),
            remember: Duration::from_secs(3600),
            timeout: Duration::from_millis(1500),
            types: TYPES.map(str::to_owned).into(),
            name_bytes: 200,
            labels_per_minute: 2048,
            queries_per_minute: 3000,
            texts_per_minute: 60,
        }
    }
}

/// HTTPS and SVCB are not among them: they carry the keys that hide a TLS client's server name.
const TYPES: [&str; 10] = ["A", "AAAA", "CNAME", "SRV", "MX", "NS", "SOA", "PTR", "TXT", "CAA"];

impl NamePattern {
    /// Reads `name` or `*.name`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, below) = text.strip_prefix("*.").map_or((text, false), |name| (name, true));
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        let good = !name.is_empty() && name.len() <= 253 && name.bytes().all(legal) && !name.split('.').any(str::is_empty);
        if good { Ok(Self { name: name.to_ascii_lowercase(), below }) } else { Err(format!("{text:?} is not a host name")) }
    }

    /// Whether it means `name`, which is in lower case and without a dot at its end. `*.x` does not mean `x`.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        if !self.below {
            return self.name == name;
        }
        name.strip_suffix(&self.name).and_then(|below| below.strip_suffix('.')).is_some_and(|below| !below.is_empty())
    }

    /// The name, where it is one alone.
    #[must_use]
    pub fn exact(&self) -> Option<&str> {
        (!self.below).then_some(&self.name)
    }

    /// How much it says: a name is more than a pattern, a longer pattern more than a shorter one.
    #[must_use]
    pub fn strength(&self) -> u16 {
        let length = u16::try_from(self.name.len()).unwrap_or(255).min(255);
        if self.below { length } else { 256 }
    }
}

pub(super) fn names(mut table: Table<'_, '_>) -> NamesSettings {
    let default = NamesSettings::default();
    let mut list = |key, hint: &str, good: &dyn Fn(&str) -> bool| -> Vec<String> {
        let texts = table.texts(key).unwrap_or_default();
        let kept = texts.into_iter().filter(|text| {
            let good = good(text.get_ref());
            if !good {
                table.problem_at(text.span(), format!("`{key}` can't have {:?}", text.get_ref()), hint);
            }
            good
        });
        kept.map(toml::Spanned::into_inner).collect()
    };
    let upstreams = list("upstreams", "an address, with a port where it is not 53", &|text| upstream(text).is_some());
    let pattern = |text: &str| NamePattern::parse(text).is_ok();
    let search = list("search", "a domain: \"corp.example\"", &pattern);
    let private = list("private", "a name, or \"*.corp.example\" for all below", &pattern);
    let types = list("types", "record types as zone files have them: \"AAAA\"", &|text| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    });
    let settings = NamesSettings {
        upstreams: upstreams.iter().filter_map(|text| upstream(text)).collect(),
        search: search.iter().map(|domain| domain.to_ascii_lowercase()).collect(),
        private: private.iter().filter_map(|text| NamePattern::parse(text).ok()).collect(),
        remember: table.number("remember_seconds", 60, 30 * 24 * 3600).map_or(default.remember, Duration::from_secs),
        timeout: table.number("timeout_ms", 10, 60_000).map_or(default.timeout, Duration::from_millis),
        types: if types.is_empty() { default.types } else { types },
        name_bytes: table.number("name_bytes", 1, 255).unwrap_or(default.name_bytes),
        labels_per_minute: table.number("labels_per_minute", 1, 1 << 30).unwrap_or(default.labels_per_minute),
        queries_per_minute: table.number("queries_per_minute", 1, 1 << 30).unwrap_or(default.queries_per_minute),
        texts_per_minute: table.number("texts_per_minute", 0, 1 << 30).unwrap_or(default.texts_per_minute),
    };
    table.end();
    settings
}

/// An address, with the port of DNS where it has none.
pub(crate) fn upstream(text: &str) -> Option<SocketAddr> {
    let address = || text.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, 53));
    text.parse().ok().or_else(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_means_what_is_below_and_not_the_name_itself() {
        let pattern = NamePattern::parse("*.Acme.example").unwrap();
        for (name, means) in [
            ("a.acme.example", true),
            ("a.b.acme.example", true),
            ("acme.example", false),
            (".acme.example", false),
            ("evilacme.example", false),
            ("acme.example.evil", false),
        ] {
            assert_eq!(pattern.matches(name), means, "{name}");
        }
        assert!(NamePattern::parse("acme.example").unwrap().matches("acme.example"));
        assert!(NamePattern::parse("acme.example").unwrap().strength() > pattern.strength());
        for bad in ["", "*", "*.", "a..b", "*.*.a", "a b", ".a"] {
            assert!(NamePattern::parse(bad).is_err(), "{bad}");
        }
    }
}
