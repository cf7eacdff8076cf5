//! Any text, in any reading: it is answered, places are in it, tokens are cut as the server cuts them.
#![no_main]

use gateway_core::inspect::postgres::fuzz_entry;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_entry(bytes));
