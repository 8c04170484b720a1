//! `landlord`: the command line.
//!
//! ```text
//! files ──▶ inventory (settings, tenants, namespaces) ──engine──▶ assessments ──▶ table | diff | json
//! ```

mod assessment;
mod commands;
mod crd;
mod files;
mod inventory;
mod output;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use commands::{completions::Completions, explain::Explain, plan::Plan, render::Render, schema::Schema};

/// Gives every namespace its tenant's node selector, labels and annotations
#[derive(Parser, Debug)]
#[command(name = "landlord", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Plan(Plan),
    Explain(Explain),
    Schema(Schema),
    Render(Render),
    Completions(Completions),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Plan(command) => command.run(),
        Command::Explain(command) => command.run(),
        Command::Schema(command) => command.run(),
        Command::Render(command) => command.run(),
        Command::Completions(command) => command.run(&mut Arguments::command()),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
