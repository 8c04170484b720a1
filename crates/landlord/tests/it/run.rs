//! Runs the binary.

use std::process::Command;

use test_support::run::{Run, run_command};

use crate::landlord::{binary, root};

/// Runs `landlord` with these words, separated by blanks.
pub(crate) fn run(words: &str) -> Run {
    run_on(words, "")
}

/// The same with something on standard input.
pub(crate) fn run_on(words: &str, input: &str) -> Run {
    run_command(
        Command::new(binary()).args(words.split_whitespace()).current_dir(root()).env_clear(),
        input,
    )
}

/// The same in this environment.
pub(crate) fn run_in<const N: usize>(environment: [(&str, &str); N], words: &str) -> Run {
    run_command(
        Command::new(binary())
            .args(words.split_whitespace())
            .current_dir(root())
            .env_clear()
            .envs(environment),
        "",
    )
}
