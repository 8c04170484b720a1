//! Runs the binary.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use crate::landlord::{binary, root};

/// What a command did.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs `landlord` with these words, separated by blanks.
pub(crate) fn run(words: &str) -> Run {
    run_on(words, "")
}

/// The same with something on standard input.
pub(crate) fn run_on(words: &str, input: &str) -> Run {
    run_command(Command::new(binary()).args(words.split_whitespace()).current_dir(root()).env_clear(), input)
}

/// The same in this environment.
pub(crate) fn run_in<const N: usize>(environment: [(&str, &str); N], words: &str) -> Run {
    run_command(Command::new(binary()).args(words.split_whitespace()).current_dir(root()).env_clear().envs(environment), "")
}

/// Runs any command with this on standard input.
pub(crate) fn run_command(command: &mut Command, input: &str) -> Run {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    let mut stdin = child.stdin.take().expect("standard input");
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let Output { status, stdout, stderr } = child.wait_with_output().expect("the program ends");
    // A command that does not read its input may end before it is written.
    drop(writer.join().expect("the writer ends"));
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Run { code: status.code(), out: text(stdout), err: text(stderr) }
}
