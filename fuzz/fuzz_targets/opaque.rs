//! Bytes of either side, in any order and any pieces, through an opaque session: none is lost, none goes
//! before it was let through, and first bytes say the same however they are cut.
#![no_main]

use gateway_core::protocol::opaque::fuzz_entry;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_entry(bytes));
