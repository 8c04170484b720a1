//! Binary of crate `policy-host`.
fn main() {}
