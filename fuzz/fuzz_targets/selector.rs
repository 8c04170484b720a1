//! libFuzzer's way into [`landlord_fuzz::selector`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landlord_fuzz::selector(data));
