//! Catching in the kernel, tried with real jobs in cgroups of this test's own. Needs root.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(unreachable_pub, missing_docs, reason = "modules of one test binary")]

mod bench;
mod jobs;
mod leak;
mod stays;
mod targets;
mod tcp;
mod udp;
