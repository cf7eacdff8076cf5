//! Network namespaces and links of a test's own, gone with it.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// Two network namespaces: `near` has a link to the host and one to `far`, which the host can't reach.
#[derive(Debug)]
pub struct Networks {
    /// The name, for `ip netns exec`, of the namespace beside the host.
    pub near: String,
    /// The name of the namespace behind it.
    pub far: String,
    /// The host's own address towards `near`.
    pub host_address: String,
    /// The address of `far`, which only `near` reaches.
    pub far_address: String,
}

impl Networks {
    /// Makes them. Needs root.
    pub fn create() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = (std::process::id() * 7 + MADE.fetch_add(1, Ordering::Relaxed)) % 60_000;
        let (high, low) = (number / 250 % 250, number % 250);
        let networks = Self {
            near: format!("weirt-{number}-n"),
            far: format!("weirt-{number}-f"),
            host_address: format!("10.231.{high}.{low}"),
            far_address: format!("10.233.{high}.{low}"),
        };
        let (near, far) = (&networks.near, &networks.far);
        let (host_link, near_link, inner, outer) =
            (format!("wh{number}"), format!("wn{number}"), format!("wi{number}"), format!("wf{number}"));
        for line in [
            format!("netns add {near}"),
            format!("netns add {far}"),
            format!("link add {host_link} type veth peer name {near_link} netns {near}"),
            format!("addr add {} peer 10.232.{high}.{low} dev {host_link}", networks.host_address),
            format!("link set {host_link} up"),
            format!("-n {near} addr add 10.232.{high}.{low} peer {} dev {near_link}", networks.host_address),
            format!("-n {near} link set {near_link} up"),
            format!("-n {near} link add {inner} type veth peer name {outer} netns {far}"),
            format!("-n {near} addr add 10.234.{high}.{low} peer {} dev {inner}", networks.far_address),
            format!("-n {near} link set {inner} up"),
            format!("-n {far} addr add {} peer 10.234.{high}.{low} dev {outer}", networks.far_address),
            format!("-n {far} link set {outer} up"),
            format!("-n {far} link set lo up"),
        ] {
            let output = Command::new("ip").args(line.split(' ')).output().expect("iproute2 is there");
            assert!(output.status.success(), "ip {line}: {}", String::from_utf8_lossy(&output.stderr));
        }
        networks
    }
}

impl Drop for Networks {
    fn drop(&mut self) {
        for name in [&self.near, &self.far] {
            Command::new("ip").args(["netns", "del", name]).output().ok();
        }
    }
}
