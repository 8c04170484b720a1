//! libFuzzer's way into [`landlord_fuzz::request`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landlord_fuzz::request(data));
