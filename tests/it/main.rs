//! Behaviour tests of the whole gateway against real servers and clients: a file a behaviour.
//! They need root, cgroup v2 and what scripts/setup installs.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod attested;
mod authentication;
mod book;
mod burst;
mod bypass;
mod cancel;
mod client_tls;
mod configuration;
mod containers;
mod copy;
mod crash;
mod disk_full;
mod doctor;
mod drivers;
mod dump_restore;
mod egress;
mod evasion;
mod failure;
mod fidelity;
mod garbage;
mod hooks;
mod host;
mod identity;
mod identity_attacks;
mod json;
mod judgement;
mod kill;
mod names;
mod namespaces;
mod notify;
mod pgbench;
mod policy;
mod privileges;
mod privileges_confined;
mod privileges_uring;
mod psycopg;
mod record;
mod refusal;
mod roundtrip;
mod run;
mod soak;
mod tls;
mod unfit;
mod upgrade;
