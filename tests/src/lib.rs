//! The harness of weir's behaviour tests: real servers, jobs and cgroups as builders. All that a
//! builder starts ends with it, by its own pid.
#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod authority;
pub mod book;
mod browser;
pub mod bypass;
mod cgroup;
mod chance;
pub mod classed;
mod clients;
pub mod containers;
pub mod control_speed;
pub mod corpus;
pub mod crash_control;
mod daemon;
pub mod directory;
pub mod evasion;
pub mod identity_attacks;
pub mod issuer;
pub mod leak;
mod machine;
mod mail;
mod nameserver;
mod network;
pub mod outside;
pub mod pinned;
mod postgres;
pub mod power;
mod provider;
mod receiver;
pub mod report;
pub mod rootless;
pub mod saml;
mod sample;
pub mod soak;
mod wait;
mod web;
mod weir;
pub mod wire;

pub use authority::CertificateAuthority;
pub use browser::{Browser, Page};
pub use cgroup::{Cgroup, cgroup2_mount};
pub use clients::{debian_root, node_modules, oidc_provider, playwright, python, python_with_psycopg, schemathesis};
pub use daemon::Daemon;
pub use directory::Directory;
pub use machine::machine;
pub use mail::{LOGIN, MailServer};
pub use nameserver::NameServer;
pub use network::Networks;
pub use postgres::{Postgres, PostgresBuilder, Tls};
pub use provider::Provider;
pub use receiver::{Heard, Manner, Receiver};
pub use sample::sample;
pub use wait::{free_port, wait_until};
pub use web::Web;
pub use weir::{Job, Outcome, Weir, WeirBuilder, binary, program};
