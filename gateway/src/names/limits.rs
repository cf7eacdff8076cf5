//! What is taken for a tunnel: too many questions, too many texts, too many different labels below one domain.

use crate::config::NamesSettings;
use std::collections::hash_map::DefaultHasher;
use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::time::{Duration, Instant};

/// Domains that are counted apart in a minute. All beyond share one count: too much is counted, never too little.
const DOMAINS: usize = 1024;
const MINUTE: Duration = Duration::from_secs(60);

/// Counts of one run's minute.
#[derive(Debug, Default)]
pub(super) struct Limiter {
    began: Option<Instant>,
    queries: u64,
    texts: u64,
    domains: HashMap<String, Labels>,
}

/// The labels asked for below one domain.
#[derive(Debug, Default)]
struct Labels {
    seen: HashSet<u64>,
    bytes: u64,
}

/// Which limit a question is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    Name,
    Labels,
    Queries,
    Texts,
}

impl Over {
    /// The setting's name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Name => "name_bytes",
            Self::Labels => "labels_per_minute",
            Self::Queries => "queries_per_minute",
            Self::Texts => "texts_per_minute",
        }
    }
}

impl Limiter {
    /// Counts a question; says which limit it is over. What is over one is counted too, but its labels are not kept.
    pub(super) fn count(&mut self, settings: &NamesSettings, name: &str, texts: bool, now: Instant) -> Option<Over> {
        if self.began.is_none_or(|began| now - began >= MINUTE) {
            *self = Self { began: Some(now), ..Self::default() };
        }
        self.queries += 1;
        self.texts += u64::from(texts);
        if name.len() as u64 > settings.name_bytes {
            return Some(Over::Name);
        }
        if self.queries > settings.queries_per_minute {
            return Some(Over::Queries);
        }
        if texts && self.texts > settings.texts_per_minute {
            return Some(Over::Texts);
        }
        self.labels(settings, name)
    }

    fn labels(&mut self, settings: &NamesSettings, name: &str) -> Option<Over> {
        let (below, domain) = registrable(name);
        if below.is_empty() {
            return None;
        }
        let known = self.domains.contains_key(domain) || self.domains.len() < DOMAINS;
        let labels = self.domains.entry(if known { domain.to_owned() } else { String::new() }).or_default();
        let hash = |label: &str| {
            let mut hasher = DefaultHasher::new();
            label.hash(&mut hasher);
            hasher.finish()
        };
        let new: Vec<_> = below.split('.').map(|label| (hash(label), label.len() as u64)).collect();
        let new: Vec<_> = new.into_iter().filter(|(hash, _)| !labels.seen.contains(hash)).collect();
        let bytes: u64 = new.iter().map(|(_, bytes)| bytes).sum();
        if labels.bytes + bytes > settings.labels_per_minute {
            return Some(Over::Labels);
        }
        labels.bytes += bytes;
        labels.seen.extend(new.into_iter().map(|(hash, _)| hash));
        None
    }
}

/// What is below the domain that someone can register, and that domain.
///
/// Without the list of all public suffixes: the last two labels, or three where the last has two letters and the
/// one before it no more than three (`co.uk`). Of a hoster's domain, all customers count together: too much, never too little.
fn registrable(name: &str) -> (&str, &str) {
    let mut dots = name.rmatch_indices('.').map(|(at, _)| at);
    let (last, second, third) = (dots.next(), dots.next(), dots.next());
    let length = |from: Option<usize>, to: Option<usize>| Some(to.unwrap_or(name.len()) - from? - 1);
    let country = length(last, None) == Some(2) && length(second, last).is_some_and(|length| length <= 3);
    let cut = if country { third } else { second };
    cut.map_or(("", name), |at| (name.get(..at).unwrap_or_default(), name.get(at + 1..).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_what_someone_registers() {
        for (name, expected) in [
            ("acme.example", ("", "acme.example")),
            ("a.b.acme.example", ("a.b", "acme.example")),
            ("www.acme.co.uk", ("www", "acme.co.uk")),
            ("acme.co.uk", ("", "acme.co.uk")),
            ("a.github.io", ("a", "github.io")),
            ("localhost", ("", "localhost")),
        ] {
            assert_eq!(registrable(name), expected, "{name}");
        }
    }

    #[test]
    fn labels_count_once_and_a_minute_passes() {
        let settings =
            NamesSettings { labels_per_minute: 10, queries_per_minute: 100, texts_per_minute: 2, ..NamesSettings::default() };
        let (mut limiter, now) = (Limiter::default(), Instant::now());
        let mut count = |name: &str, texts, seconds| limiter.count(&settings, name, texts, now + Duration::from_secs(seconds));
        for _ in 0..20 {
            assert_eq!(count("www.acme.example", false, 0), None);
        }
        assert_eq!(count("abcdefg.www.acme.example", false, 1), None);
        assert_eq!(count("h.acme.example", false, 1), Some(Over::Labels));
        assert_eq!(count("h.other.example", false, 1), None);
        assert_eq!(count("acme.example", true, 1), None);
        assert_eq!(count("acme.example", true, 1), None);
        assert_eq!(count("acme.example", true, 1), Some(Over::Texts));
        assert_eq!(count(&"a".repeat(201), false, 1), Some(Over::Name));
        assert_eq!(count("h.acme.example", true, 61), None);
        for _ in 1..100 {
            assert_eq!(count("acme.example", false, 62), None);
        }
        assert_eq!(count("acme.example", false, 62), Some(Over::Queries));
    }

    #[test]
    fn domains_are_bounded_and_those_beyond_share() {
        let settings = NamesSettings { labels_per_minute: 3, queries_per_minute: 1 << 20, ..NamesSettings::default() };
        let (mut limiter, now) = (Limiter::default(), Instant::now());
        let mut over = 0;
        for number in 0..DOMAINS + 10 {
            over += u64::from(limiter.count(&settings, &format!("{number:04}.d{number}.example",), false, now).is_some());
        }
        assert_eq!(over, (DOMAINS + 10) as u64, "four bytes are over three");
        let settings = NamesSettings { labels_per_minute: 8, ..settings };
        let mut limiter = Limiter::default();
        let mut counts =
            (0..DOMAINS + 10).map(|number| limiter.count(&settings, &format!("{number:04}.d{number}.example"), false, now));
        assert!(counts.by_ref().take(DOMAINS + 2).all(|over| over.is_none()));
        assert!(counts.all(|over| over == Some(Over::Labels)));
        assert!(limiter.domains.len() <= DOMAINS + 1);
    }
}
