//! A destination of its own for each connection: by it alone a session and what the target saw are one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The ports that the target listens on: as many as IPv4 needs.
pub(super) const PORTS: std::ops::Range<u16> = 21_000..21_200;
/// IPv4 addresses that are used, from 1.
const HOSTS: u32 = 250;

/// The destination of connection `number`, half of them over IPv6.
pub(super) fn of(number: u32) -> SocketAddr {
    let half = number / 2;
    if number % 2 == 1 {
        let [a, b, c, d] = half.to_be_bytes().map(u16::from);
        return (Ipv6Addr::new(0x2001, 0xdb8, 2, 0, 0xf, 0xf, a << 8 | b, c << 8 | d), PORTS.start).into();
    }
    let host = u8::try_from(1 + half % HOSTS).unwrap_or(u8::MAX);
    let port = PORTS.start + u16::try_from(half / HOSTS).unwrap_or(u16::MAX) % 200;
    (Ipv4Addr::new(198, 51, 100, host), port).into()
}

/// The connection whose destination this is.
pub(super) fn number(destination: SocketAddr) -> Option<u32> {
    let address = match destination.ip() {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(IpAddr::V6(v6), IpAddr::V4),
        v4 @ IpAddr::V4(_) => v4,
    };
    match address {
        IpAddr::V4(v4) => {
            let [198, 51, 100, host] = v4.octets() else { return None };
            let port = destination.port().checked_sub(PORTS.start).filter(|port| *port < 200)?;
            Some((u32::from(port) * HOSTS + u32::from(host).checked_sub(1)?) * 2)
        }
        IpAddr::V6(v6) => match v6.segments() {
            [0x2001, 0xdb8, 2, 0, 0xf, 0xf, high, low] => Some((u32::from(high) << 16 | u32::from(low)) * 2 + 1),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_connection_has_a_destination_of_its_own() {
        for connection in (0..1000).chain([49_998, 49_999, 70_000, 99_998, 99_999]) {
            assert_eq!(number(of(connection)), Some(connection));
        }
        assert_eq!(number("192.0.2.7:21000".parse().unwrap()), None);
    }
}
