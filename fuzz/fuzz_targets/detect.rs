//! Any text through the detectors: findings don't overlap, pieces of a text are redacted as the whole is, JSON stays JSON.
#![no_main]

use gateway_core::detect::fuzz_entry;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_entry(bytes));
