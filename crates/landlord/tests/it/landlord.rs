//! The binary, and where the repository is.

use std::path::Path;

pub(crate) use crate::run::{run, run_in, run_on};
pub(crate) use test_support::root;
pub(crate) use test_support::run::{Run, run_command};

/// The binary.
pub(crate) fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_landlord"))
}
