//! A session: one intercepted connection, from its acceptance to its last frame.

pub mod canary;
pub mod chart;
pub mod context;
pub mod datagrams;
pub mod dial;
pub mod enforce;
pub mod gate;
pub mod gather;
pub mod judge;
pub mod kernel;
pub mod kill;
pub mod live;
pub mod moment;
pub mod names;
pub mod open;
pub mod owner;
pub mod people;
pub mod place;
pub mod pool;
pub mod relay;
pub mod shadow;
pub mod totals;
pub mod transport;
