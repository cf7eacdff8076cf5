//! What an attempt aims at: addresses and words of its own, so that whatever arrives is known to be its.

use serde::{Deserialize, Serialize};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::path::PathBuf;

/// The first port of the cases' own.
const PORTS_FROM: u16 = 20_000;

/// Where the attempt of one case is to arrive.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Aim {
    /// The case's number, from 1.
    pub number: u8,
    /// What only this attempt sends.
    pub token: String,
    /// The surroundings, the same for all cases of a ground.
    pub place: Place,
}

/// What surrounds all attempts of a ground.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Place {
    /// The job's own interface.
    pub device: String,
    /// Its number.
    pub device_index: u32,
    /// The Ethernet address at the interface's other end.
    pub peer_mac: [u8; 6],
    /// The link-local address at the interface's other end.
    pub peer_link_local: Ipv6Addr,
    /// The deputy's socket in the file system.
    pub deputy_path: PathBuf,
    /// The deputy's abstract socket.
    pub deputy_abstract: String,
    /// A process outside the job, of the job's user, which sends on what is written into its memory.
    pub victim: i32,
    /// Where in its memory.
    pub victim_memory: u64,
    /// Which of its descriptors is a connected socket.
    pub victim_socket: i32,
    /// The witness's network namespace.
    pub witness_namespace: PathBuf,
    /// The process of weir, or 0 where there is none.
    pub gateway: i32,
    /// The port that weir listens on, or 0.
    pub gateway_port: u16,
    /// A directory that job and ground share.
    pub directory: PathBuf,
    /// weir's state directory.
    pub state: PathBuf,
}

impl Aim {
    /// The destination's IPv4 address, which only this case has.
    #[must_use]
    pub const fn v4(&self) -> Ipv4Addr {
        Ipv4Addr::new(198, 51, 100, self.number)
    }

    /// The destination's IPv6 address, which only this case has.
    #[must_use]
    pub fn v6(&self) -> Ipv6Addr {
        Ipv6Addr::new(0x2001, 0xdb8, 2, 0, 0, 0, 0, u16::from(self.number))
    }

    /// The destination's port, which only this case has.
    #[must_use]
    pub fn port(&self) -> u16 {
        PORTS_FROM + u16::from(self.number)
    }

    /// The destination over IPv4.
    #[must_use]
    pub fn to4(&self) -> SocketAddr {
        (self.v4(), self.port()).into()
    }

    /// The destination over IPv4, at another port than its own.
    #[must_use]
    pub fn to4_port(&self, port: u16) -> SocketAddr {
        (self.v4(), port).into()
    }

    /// The destination over IPv6.
    #[must_use]
    pub fn to6(&self) -> SocketAddr {
        (self.v6(), self.port()).into()
    }

    /// The destination over IPv4, as an IPv6 socket names it.
    #[must_use]
    pub fn to_mapped(&self) -> SocketAddr {
        (self.v4().to_ipv6_mapped(), self.port()).into()
    }

    /// The witness, by the link's own address.
    #[must_use]
    pub fn to_link_local(&self) -> SocketAddr {
        SocketAddrV6::new(self.place.peer_link_local, self.port(), 0, self.place.device_index).into()
    }

    /// A service of the host, outside the job, on the loopback device.
    #[must_use]
    pub fn to_loopback(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port()).into()
    }

    /// The number of the case whose address or port this is.
    #[must_use]
    pub fn number_of(address: SocketAddr) -> Option<u8> {
        let by_port =
            address.port().checked_sub(PORTS_FROM).and_then(|number| u8::try_from(number).ok()).filter(|&number| number > 0);
        let by_address = match address {
            SocketAddr::V4(v4) => match v4.ip().octets() {
                [198, 51, 100, number] => Some(number),
                _ => None,
            },
            SocketAddr::V6(v6) => match v6.ip().segments() {
                [0x2001, 0xdb8, 2, 0, 0, 0, 0, number] => u8::try_from(number).ok(),
                _ => v6.ip().to_ipv4_mapped().and_then(|v4| match v4.octets() {
                    [198, 51, 100, number] => Some(number),
                    _ => None,
                }),
            },
        };
        by_address.or(by_port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_arrives_is_known_by_address_or_port() {
        for (address, number) in [
            ("198.51.100.7:443", Some(7)),
            ("[2001:db8:2::9]:53", Some(9)),
            ("[::ffff:198.51.100.3]:1", Some(3)),
            ("127.0.0.1:20012", Some(12)),
            ("192.0.2.1:20000", None),
            ("[fe80::1]:20200", Some(200)),
            ("127.0.0.1:5432", None),
        ] {
            assert_eq!(Aim::number_of(address.parse().unwrap()), number, "{address}");
        }
    }
}
