//! The weir gateway, in the order in which data flows through it; the control side follows.

// -- the data path, in order --
pub mod accept;
pub mod adopt;
pub mod capture;
pub mod catalog;
pub mod credential;
pub mod evidence;
pub mod identity;
pub mod index;
pub mod ledger;
pub mod masking;
pub mod names;
pub mod netns;
pub mod origin;
pub mod parse_pool;
pub mod replay;
pub mod rerun;
pub mod session;
pub mod tls;
// -- the control path --
pub mod api;
pub mod auditing;
pub mod backtest;
pub mod bundle;
pub mod classify;
pub mod cli;
pub mod control;
pub mod detection;
pub mod host;
pub mod incident;
pub mod launch;
pub mod notify;
pub mod people;
pub mod retention;
pub mod sink;
pub mod summary;
// -- everywhere --
pub mod app;
pub mod config;
pub mod durable;
pub mod https;
pub mod telemetry;
