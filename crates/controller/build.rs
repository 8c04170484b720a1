//! A file that is new in `web/` belongs into the binary: the macro that embeds them knows only those that it has seen.

fn main() {
    println!("cargo:rerun-if-changed=../../web");
}
