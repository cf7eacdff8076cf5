//! The log: what comes back, and what a crash leaves.

pub(super) fn step() {}
