//! libFuzzer's way into [`landlord_fuzz::hooks`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landlord_fuzz::hooks(data));
