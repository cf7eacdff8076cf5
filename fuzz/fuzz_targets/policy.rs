//! Anything as policies and cases: it loads or is refused, and nothing panics.
#![no_main]

use gateway_core::policy::fuzz_entry;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_entry(bytes));
