//! `policy-host`: see the library for what it does.

mod commands;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use commands::{annotate::Annotate, bench::Bench, pull::Pull, push::Push, run::Run, serve::Serve};

/// Run a compiled Kubewarden policy the way Kubewarden does, without a cluster
#[derive(Parser, Debug)]
#[command(version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Run(Run),
    Serve(Serve),
    Bench(Bench),
    Annotate(Annotate),
    Push(Push),
    Pull(Pull),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Run(command) => command.run(),
        Command::Serve(command) => command.run(),
        Command::Bench(command) => command.run(),
        Command::Annotate(command) => command.run(),
        Command::Push(command) => command.run(),
        Command::Pull(command) => command.run(),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("Error: {error:#}");
        ExitCode::FAILURE
    })
}
