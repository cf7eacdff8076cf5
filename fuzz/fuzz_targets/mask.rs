//! Any row, as DataRow and as COPY in its three formats, by any mask: shapes are kept, and nothing unmasked is shown.
#![no_main]

use gateway_core::mask::fuzz_entry;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_entry(bytes));
