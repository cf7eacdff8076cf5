//! The weir gateway, in the order in which data flows through it; the control side follows.

// -- the data path, in order --
pub mod capture;
pub mod accept;
pub mod origin;
pub mod identity;
pub mod session;
pub mod tls;
pub mod credential;
pub mod catalog;
pub mod evidence;
// -- the control path --
pub mod control;
pub mod api;
pub mod cli;
// -- everywhere --
pub mod app;
pub mod config;
pub mod telemetry;
