//! A session: one intercepted connection, from its acceptance to its last frame.

pub mod context;
pub mod dial;
pub mod enforce;
pub mod judge;
pub mod kill;
pub mod live;
pub mod open;
pub mod pool;
pub mod relay;
pub mod totals;
pub mod transport;
