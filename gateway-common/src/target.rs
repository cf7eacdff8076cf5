//! Targets that the kernel side treats apart, by port and address.

/// A place among the targets: the longest prefix of port, then address, counts.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TargetKey {
    /// How many bits count: 32 for the port, then those of the address.
    pub bits: u32,
    /// The port in network order in the last two bytes; zeros for every port.
    pub port: [u8; 4],
    /// The address, IPv4 as v4-mapped.
    pub address: [u8; 16],
}

/// Processes outside every job may not connect to it.
pub const TARGET_CLOSED: u32 = 1;
/// While the gateway is down, jobs connect to it directly.
pub const TARGET_PASS_WHEN_DOWN: u32 = 2;
/// How many targets there may be.
pub const TARGETS_MAX: usize = 4_096;

const _: () = assert!(size_of::<TargetKey>() == 24);
