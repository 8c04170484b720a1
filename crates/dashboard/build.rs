//! What is embedded has to be looked at again when it changes: the macros that embed it know only
//! the files that they have seen.

use std::io;
use std::path::Path;

fn main() -> io::Result<()> {
    let playground = Path::new("../../target/playground");
    // A folder that is not there would count as changed at every build.
    std::fs::create_dir_all(playground)?;
    println!("cargo:rerun-if-changed=../../web/dashboard");
    println!("cargo:rerun-if-changed={}", playground.display());
    Ok(())
}
