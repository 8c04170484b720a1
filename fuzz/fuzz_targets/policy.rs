//! libFuzzer's way into [`landlord_fuzz::policy`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landlord_fuzz::policy(data));
