//! libFuzzer's way into [`landlord_fuzz::glob`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landlord_fuzz::glob(data));
