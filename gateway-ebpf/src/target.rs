//! What a destination is set to: closed to outsiders, or passed while the gateway is down.

use crate::address::{Address, bytes};
use crate::maps::{SETTINGS, TARGETS};
use aya_ebpf::btf_maps::lpm_trie::Key;

/// The length of a whole key, in bits.
const WHOLE: u32 = 160;

/// The `TARGET_` flags of a destination: those for its port, else those for every port.
#[inline(always)]
pub fn flags(address: Address, port: u16) -> u32 {
    // Most hosts have none, and outsiders should not pay for it.
    if SETTINGS.get(0).is_none_or(|settings| settings.targets == 0) {
        return 0;
    }
    let [high, low] = port.to_be_bytes();
    let address = bytes(address);
    look_up([0, 0, high, low], &address).or_else(|| look_up([0; 4], &address)).unwrap_or(0)
}

#[inline(always)]
fn look_up(port: [u8; 4], address: &[u8; 16]) -> Option<u32> {
    let mut data = [0_u8; 20];
    data[..4].copy_from_slice(&port);
    data[4..].copy_from_slice(address);
    TARGETS.get(&Key::new(WHOLE, data)).copied()
}
