//! libFuzzer's way into [`landlord_fuzz::label_selector`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landlord_fuzz::label_selector(data));
