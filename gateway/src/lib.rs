//! The weir gateway, in the order in which data flows through it.
pub mod capture;
pub mod origin;
pub mod identity;
pub mod session;
pub mod tls;
pub mod credential;
pub mod catalog;
pub mod evidence;
pub mod control;
pub mod api;
pub mod config;
pub mod cli;
