//! Addresses of machines: IPv4, IPv6 (RFC 4291, section 2.2) and MAC.

use super::{Candidate, Form, Rule, Verdict};
use std::net::Ipv6Addr;

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "ip_address",
        forms: &[
            Form::new(r"\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b", 60, version_4).pass(r"[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+"),
            // All eight groups, or six and an IPv4 address.
            Form::new(
                r"\b[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){5}:(?:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}|[0-9]{1,3}(?:\.[0-9]{1,3}){3})",
                70,
                version_6,
            ),
            // Fewer, and `::` for those of zeros.
            Form::new(
                r"(?:\b[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,6})?::(?:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,6})?(?:\.[0-9]{1,3}){0,3}",
                70,
                version_6,
            ),
        ],
        raise: &["ip", "ipv4", "ipv6", "address", "addr", "host", "client", "remote", "server", "peer"],
        lower: &["version", "ver", "release", "released", "build", "firmware", "upgrade", "upgraded", "package", "section"],
    },
    Rule {
        name: "mac_address",
        forms: &[
            Form::new(r"\b[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}\b", 75, hardware),
            Form::new(r"\b[0-9A-Fa-f]{2}(?:-[0-9A-Fa-f]{2}){5}\b", 75, hardware),
            Form::new(r"\b[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\b", 55, hardware),
        ],
        raise: &["mac", "hwaddr", "ether", "hardware address", "bssid", "macaddress"],
        lower: &[],
    },
];

fn version_4(candidate: &mut Candidate<'_>) -> Option<Verdict> {
    let octets = candidate.written().split(|byte| *byte == b'.');
    let fine = |octet: &[u8]| {
        let number = octet.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0'));
        number < 256 && (octet.len() == 1 || octet.first() != Some(&b'0'))
    };
    let end = candidate.span.end;
    // `1.2.3.4.5` and `1.2.3.4-rc1` are versions.
    let longer = candidate.before(1) == b'.'
        || matches!(candidate.behind(end, 0), b'.' | b'-') && candidate.behind(end, 1).is_ascii_alphanumeric();
    candidate.when(octets.into_iter().all(fine) && !longer)
}

fn version_6(candidate: &mut Candidate<'_>) -> Option<Verdict> {
    let before = candidate.before(1);
    if before.is_ascii_alphanumeric() || matches!(before, b':' | b'_') {
        return None;
    }
    let end = candidate.span.end;
    let written = candidate.written();
    let (first, second) = (candidate.behind(end, 0), candidate.behind(end, 1));
    let goes_on = first.is_ascii_alphanumeric() || first == b'_' || first == b':' && second.is_ascii_alphanumeric();
    let text = std::str::from_utf8(written).ok()?;
    text.parse::<Ipv6Addr>().ok()?;
    // `a::b` is a path of some languages: an address has more groups, or digits.
    let groups = text.split(':').filter(|group| !group.is_empty()).count();
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let plausible =
        digits > 0 && (groups > 2 || text.starts_with("::") || text.starts_with(['2', '3']) || text.starts_with("fe80"));
    candidate.when(plausible && !goes_on)
}

fn hardware(candidate: &mut Candidate<'_>) -> Option<Verdict> {
    let written = candidate.written();
    let separator = written.iter().copied().find(|byte| !byte.is_ascii_hexdigit()).unwrap_or(b':');
    let (before, end) = (candidate.before(1), candidate.span.end);
    // A longer row of such pairs is a fingerprint.
    let longer = before == separator || candidate.behind(end, 0) == separator && candidate.behind(end, 1).is_ascii_hexdigit();
    let same = written.iter().filter(|byte| byte.is_ascii_hexdigit()).all(|byte| Some(byte) == written.first());
    let mut verdict = candidate.when(!longer && !same)?;
    // Without a letter it may as well be a day and a time.
    let letters = candidate.written().iter().any(u8::is_ascii_alphabetic);
    verdict.score -= if letters || separator == b':' { 0 } else { 40 };
    Some(verdict)
}
