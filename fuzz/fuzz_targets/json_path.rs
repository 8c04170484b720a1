//! libFuzzer's way into [`landlord_fuzz::json_path`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landlord_fuzz::json_path(data));
