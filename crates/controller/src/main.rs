//! Binary of crate `controller`.
fn main() {}
