//! A server that sends anything to a Postgres session.
#![no_main]

use gateway_core::protocol::Side;
use gateway_core::protocol::postgres::fuzz_entry;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_entry(Side::Server, bytes));
