//! Any bytes as a SAML response whose signature is good: it is read or refused, and what is canonical stays so.
#![no_main]

use gateway_core::saml::fuzz_entry;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_entry(bytes));
