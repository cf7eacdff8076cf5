//! Types of which only constants are known: times, network and hardware addresses, bits.

use super::types::Plain;
use super::{Format, bytes, iso};
use std::net::IpAddr;

/// The server's numbers of address families.
const IPV4: u8 = 2;
const IPV6: u8 = 3;
/// The most bits of a constant.
const MOST_BITS: usize = 4096;

/// A constant as a value of a type, or `None` where it is none.
pub(super) fn encode(constant: &str, kind: Plain, modifier: i32, format: Format) -> Option<Vec<u8>> {
    let binary = match kind {
        Plain::Time => iso::time_of_day(constant)?.to_be_bytes().to_vec(),
        Plain::Inet => network(constant, false)?,
        Plain::Cidr => network(constant, true)?,
        Plain::Hardware(length) => {
            let groups = constant.split(':').all(|group| group.len() == 2);
            bytes::read_hex(&constant.replace(':', "")).filter(|bytes| groups && bytes.len() == usize::from(length))?
        }
        Plain::Bits { exact } => bits(constant, exact, modifier)?,
        Plain::Opaque => return None,
    };
    Some(match format {
        Format::Text => constant.as_bytes().to_vec(),
        Format::Binary => binary,
    })
}

/// An address with, behind a slash, how many of its bits are the network's. The rest of a `cidr` is zero.
fn network(constant: &str, cidr: bool) -> Option<Vec<u8>> {
    let (address, length) = constant.split_once('/').map_or((constant, None), |(address, length)| (address, Some(length)));
    let (family, octets) = match address.parse().ok()? {
        IpAddr::V4(address) => (IPV4, address.octets().to_vec()),
        IpAddr::V6(address) => (IPV6, address.octets().to_vec()),
    };
    let all = octets.len() * 8;
    let length = length.map_or(Some(all), |length| length.parse().ok()).filter(|length| *length <= all)?;
    let hosts = octets.iter().enumerate().any(|(at, octet)| {
        let networks = length.saturating_sub(at * 8).min(8);
        u16::from(*octet) << networks & 0xff != 0
    });
    if cidr && hosts {
        return None;
    }
    let header = [family, u8::try_from(length).ok()?, u8::from(cidr), u8::try_from(octets.len()).ok()?];
    Some([header.as_slice(), &octets].concat())
}

/// Zeros and ones: their number, and eight in a byte from the highest on.
fn bits(constant: &str, exact: bool, modifier: i32) -> Option<Vec<u8>> {
    let count = constant.len();
    let fits = match usize::try_from(modifier) {
        Ok(limit) if exact => count == limit,
        Ok(limit) => count <= limit,
        Err(_) => true,
    };
    if !fits || count > MOST_BITS || !constant.bytes().all(|bit| matches!(bit, b'0' | b'1')) {
        return None;
    }
    let mut out = i32::try_from(count).ok()?.to_be_bytes().to_vec();
    for eight in constant.as_bytes().chunks(8) {
        out.push(eight.iter().enumerate().fold(0, |byte, (at, bit)| byte | (bit - b'0') << (7 - at)));
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use postgres_protocol::types;

    fn binary(constant: &str, kind: Plain) -> Option<Vec<u8>> {
        let text = encode(constant, kind, -1, Format::Text);
        let binary = encode(constant, kind, -1, Format::Binary);
        assert_eq!(text, binary.as_ref().map(|_| constant.as_bytes().to_vec()));
        binary
    }

    #[test]
    fn the_driver_decodes_what_is_encoded() {
        assert_eq!(types::time_from_sql(&binary("01:02:03.5", Plain::Time).unwrap()).unwrap(), 3_723_500_000);
        for (constant, kind, length) in [
            ("192.0.2.1", Plain::Inet, 32),
            ("192.0.2.1/24", Plain::Inet, 24),
            ("2001:db8::/32", Plain::Cidr, 32),
            ("0.0.0.0/0", Plain::Cidr, 0),
        ] {
            let encoded = binary(constant, kind).unwrap();
            let decoded = types::inet_from_sql(&encoded).unwrap();
            assert_eq!(decoded.addr().to_string(), constant.split('/').next().unwrap());
            assert_eq!(decoded.netmask(), length);
        }
        let address = binary("08:00:2b:01:02:03", Plain::Hardware(6)).unwrap();
        assert_eq!(types::macaddr_from_sql(&address).unwrap(), [8, 0, 0x2b, 1, 2, 3]);
        let bits = binary("1010000001", Plain::Bits { exact: false }).unwrap();
        let bits = types::varbit_from_sql(&bits).unwrap();
        assert_eq!((bits.len(), bits.bytes()), (10, &[0xa0, 0x40][..]));
    }

    #[test]
    fn what_the_server_would_refuse_is_none() {
        for (constant, kind) in [
            ("25:00:00", Plain::Time),
            ("noon", Plain::Time),
            ("192.0.2.1/24", Plain::Cidr),
            ("192.0.2.1/33", Plain::Inet),
            ("192.0.2", Plain::Inet),
            ("08002b010203", Plain::Hardware(6)),
            ("08:00:2b:01:02:03", Plain::Hardware(8)),
            ("102", Plain::Bits { exact: true }),
            ("1 day", Plain::Opaque),
        ] {
            assert_eq!(binary(constant, kind), None, "{constant}");
        }
        assert_eq!(encode("101", Plain::Bits { exact: true }, 4, Format::Text), None);
        assert_eq!(encode("101", Plain::Bits { exact: false }, 2, Format::Text), None);
        assert_eq!(encode("101", Plain::Bits { exact: true }, 3, Format::Text).as_deref(), Some(&b"101"[..]));
    }
}
