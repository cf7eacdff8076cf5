//! Any bytes as a note, a checkpoint, a proof, a bundle, a tile, an entry or a key of the log: each is read or refused, and what
//! is read is written again as it was.
#![no_main]

use gateway_core::record::log::fuzz_entry;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_entry(bytes));
