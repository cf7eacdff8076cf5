//! Resolvers of others that speak DNS over TLS or HTTPS: a job that asks them is not seen asking.
//!
//! The list is short on purpose: those that browsers and operating systems come with (Chromium's
//! `net/dns/public/doh_provider_entry.cc`, Firefox' trusted recursive resolvers, curl's list of public servers). It is no
//! boundary: what policy does not permit is refused whether it is listed or not.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The port of DNS over TLS (RFC 7858).
pub const DOT: u16 = 853;
/// The port of DNS.
pub const DNS: u16 = 53;
/// By this name Firefox asks whether it may use a resolver of its own.
pub(super) const CANARY: &str = "use-application-dns.net";

const NAMES: [&str; 22] = [
    "dns.google",
    "dns64.dns.google",
    "dns.google.com",
    "cloudflare-dns.com",
    "chrome.cloudflare-dns.com",
    "mozilla.cloudflare-dns.com",
    "security.cloudflare-dns.com",
    "family.cloudflare-dns.com",
    "one.one.one.one",
    "dns.quad9.net",
    "dns9.quad9.net",
    "dns10.quad9.net",
    "dns11.quad9.net",
    "doh.opendns.com",
    "doh.familyshield.opendns.com",
    "dns.nextdns.io",
    "firefox.dns.nextdns.io",
    "chromium.dns.nextdns.io",
    "dns.adguard-dns.com",
    "doh.cleanbrowsing.org",
    "doh.xfinity.com",
    "private.canadianshield.cira.ca",
];

const V4: [Ipv4Addr; 11] = [
    Ipv4Addr::new(8, 8, 8, 8),
    Ipv4Addr::new(8, 8, 4, 4),
    Ipv4Addr::new(1, 1, 1, 1),
    Ipv4Addr::new(1, 0, 0, 1),
    Ipv4Addr::new(9, 9, 9, 9),
    Ipv4Addr::new(149, 112, 112, 112),
    Ipv4Addr::new(208, 67, 222, 222),
    Ipv4Addr::new(208, 67, 220, 220),
    Ipv4Addr::new(94, 140, 14, 14),
    Ipv4Addr::new(94, 140, 15, 15),
    Ipv4Addr::new(45, 90, 28, 0),
];

const V6: [Ipv6Addr; 6] = [
    Ipv6Addr::new(0x2001, 0x4860, 0x4860, 0, 0, 0, 0, 0x8888),
    Ipv6Addr::new(0x2001, 0x4860, 0x4860, 0, 0, 0, 0, 0x8844),
    Ipv6Addr::new(0x2606, 0x4700, 0x4700, 0, 0, 0, 0, 0x1111),
    Ipv6Addr::new(0x2606, 0x4700, 0x4700, 0, 0, 0, 0, 0x1001),
    Ipv6Addr::new(0x2620, 0xfe, 0, 0, 0, 0, 0, 0xfe),
    Ipv6Addr::new(0x2620, 0xfe, 0, 0, 0, 0, 0, 9),
];

/// Whether this is the name of a resolver over HTTPS.
#[must_use]
pub fn is_resolver(name: &str) -> bool {
    NAMES.contains(&name)
}

/// Whether a resolver over HTTPS is at this address.
#[must_use]
pub fn is_resolver_at(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => V4.contains(&ip),
        IpAddr::V6(ip) => V6.contains(&ip),
    }
}
