//! How often somebody may ask: by where they come from, and by what they show.

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};

/// Those of whom nothing is known any more are forgotten after so many questions.
const TIDY: u64 = 4_096;

/// Where a request comes from: an address, or the network that one subscriber has of IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Remote(IpAddr);

impl Remote {
    pub(super) fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(six) => {
                let [a, b, c, d, ..] = six.segments();
                IpAddr::from([a, b, c, d, 0, 0, 0, 0])
            }
            four @ IpAddr::V4(_) => four,
        })
    }
}

/// All limits.
pub(super) struct Limits {
    /// Connections: one that asks nothing takes a place all the same.
    connections: DefaultKeyedRateLimiter<Remote>,
    anything: DefaultKeyedRateLimiter<Remote>,
    sign_ins: DefaultKeyedRateLimiter<Remote>,
    /// Credentials that are none.
    failures: DefaultKeyedRateLimiter<Remote>,
    /// By session or token.
    shown: DefaultKeyedRateLimiter<u64>,
    tokens: DefaultKeyedRateLimiter<u64>,
    asked: AtomicU64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: RateLimiter::keyed(Quota::per_second(at_once(50)).allow_burst(at_once(500))),
            anything: RateLimiter::keyed(Quota::per_second(at_once(50)).allow_burst(at_once(500))),
            sign_ins: RateLimiter::keyed(Quota::per_minute(at_once(30))),
            failures: RateLimiter::keyed(Quota::per_second(at_once(2)).allow_burst(at_once(200))),
            shown: RateLimiter::keyed(Quota::per_second(at_once(30)).allow_burst(at_once(300))),
            tokens: RateLimiter::keyed(Quota::per_minute(at_once(20))),
            asked: AtomicU64::new(0),
        }
    }
}

impl Limits {
    pub(super) fn connection(&self, from: Remote) -> bool {
        self.connections.check_key(&from).is_ok()
    }

    pub(super) fn anything(&self, from: Remote) -> bool {
        if self.asked.fetch_add(1, Ordering::Relaxed).is_multiple_of(TIDY) {
            [&self.connections, &self.anything, &self.sign_ins, &self.failures]
                .iter()
                .for_each(|limiter| limiter.retain_recent());
            [&self.shown, &self.tokens].iter().for_each(|limiter| limiter.retain_recent());
        }
        self.anything.check_key(&from).is_ok()
    }

    pub(super) fn sign_in(&self, from: Remote) -> bool {
        self.sign_ins.check_key(&from).is_ok()
    }

    pub(super) fn failure(&self, from: Remote) -> bool {
        self.failures.check_key(&from).is_ok()
    }

    pub(super) fn shown(&self, what: u64) -> bool {
        self.shown.check_key(&what).is_ok()
    }

    pub(super) fn token(&self, by: u64) -> bool {
        self.tokens.check_key(&by).is_ok()
    }
}

const fn at_once(number: u32) -> NonZeroU32 {
    match NonZeroU32::new(number) {
        Some(number) => number,
        None => NonZeroU32::MIN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_too_often_waits_and_others_do_not() {
        let limits = Limits::default();
        let [one, other] = ["192.0.2.1", "2001:db8::1"].map(|text| Remote::of(text.parse().unwrap()));
        assert_eq!(std::iter::repeat_with(|| limits.sign_in(one)).take(40).filter(|fine| *fine).count(), 30);
        assert!(limits.sign_in(other) && limits.anything(one));
        // One subscriber's network is one, and an address that is written as IPv6 is what it is.
        assert_eq!(other, Remote::of("2001:db8::ffff:2".parse().unwrap()));
        assert_eq!(one, Remote::of("::ffff:192.0.2.1".parse().unwrap()));
    }
}
