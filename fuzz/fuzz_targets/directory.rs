//! Anything as a filter, a path or a body of SCIM: it is read or refused, and nothing panics.
#![no_main]

use gateway_core::directory::fuzz_entry;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_entry(bytes));
