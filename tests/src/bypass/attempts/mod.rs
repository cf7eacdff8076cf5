//! What is tried, a file a family.

mod datagram;
mod families;
mod gateway;
mod handoff;
mod names;
mod namespaces;
mod outside;
mod ring;
mod root;
mod tcp;

use super::Case;

pub(super) use outside::DAEMONS;

pub(super) fn all() -> Vec<Case> {
    [
        tcp::cases(),
        ring::cases(),
        datagram::cases(),
        families::cases(),
        handoff::cases(),
        outside::cases(),
        names::cases(),
        namespaces::cases(),
        root::cases(),
        gateway::cases(),
    ]
    .concat()
}
