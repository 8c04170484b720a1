//! `landlord`: the command line, and the controller.
//!
//! ```text
//! files | cluster ──▶ inventory (settings, tenants, namespaces) ──engine──▶ assessments ──▶ table | diff | json
//! watch ──▶ store ──▶ queue ──▶ planner (engine) ──▶ writer ──▶ outcome                    (controller, backfill)
//! ```
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod backlog;
mod commands;
mod completion;
mod convert;
mod crd;
mod estimate;
mod files;
mod flags;
mod help;
mod hook_tests;
mod inventory;
mod monitoring;
mod output;
mod remedy;
mod signals;
mod suggest;
mod tips;

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use commands::{
    adopt::Adopt, audit::Audit, backfill::Backfill, completions::Completions,
    controller::Controller, convert::Convert, detach::Detach, doctor::Doctor, explain::Explain,
    hook_test::HookTest, move_::Move, plan::Plan, reference::Reference, release::Release,
    render::Render, schema::Schema, status::Status, strategy::StrategyCommand, version::Version,
};
use flags::LogFlags;
use output::screen::{Color, ScreenFlags};

/// Gives every namespace its tenant's node selector, labels and annotations
#[derive(Parser, Debug)]
#[command(name = "landlord", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    screen: ScreenFlags,
    #[command(flatten)]
    log: LogFlags,
}

#[derive(Subcommand, Debug)]
enum Command {
    Controller(Controller),
    Backfill(Backfill),
    Plan(Plan),
    Explain(Explain),
    Status(Status),
    Audit(Audit),
    Doctor(Doctor),
    Adopt(Adopt),
    Move(Move),
    Convert(Convert),
    Detach(Detach),
    Release(Release),
    Strategy(StrategyCommand),
    #[command(name = "test")]
    HookTest(HookTest),
    Schema(Schema),
    Render(Render),
    Completions(Completions),
    Reference(Reference),
    Version(Version),
}

/// The command line with its help.
fn command_line() -> clap::Command {
    help::dress(Arguments::command())
}

fn main() -> ExitCode {
    clap_complete::CompleteEnv::with_factory(command_line).bin("landlord").complete();
    let arguments = match read_arguments() {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    arguments.screen.apply();
    if !matches!(arguments.command, Command::Controller(_)) {
        arguments.log.start();
    }
    let outcome = match arguments.command {
        Command::Controller(command) => command.run(&arguments.log),
        Command::Backfill(command) => command.run(),
        Command::Plan(command) => command.run(),
        Command::Explain(command) => command.run(),
        Command::Status(command) => command.run(),
        Command::Audit(command) => command.run(),
        Command::Doctor(command) => command.run(),
        Command::Adopt(command) => command.run(),
        Command::Move(command) => command.run(),
        Command::Convert(command) => command.run(),
        Command::Detach(command) => command.run(),
        Command::Release(command) => command.run(),
        Command::Strategy(command) => command.run(),
        Command::HookTest(command) => command.run(),
        Command::Schema(command) => command.run(),
        Command::Render(command) => command.run(),
        Command::Completions(command) => command.run(),
        Command::Reference(command) => command.run(command_line()),
        Command::Version(command) => command.run(),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {}", remedy::describe_error(&error));
        if let Some(remedy) = remedy::find_remedy(&error) {
            eprintln!("  fix: {remedy}");
        }
        ExitCode::FAILURE
    })
}

/// A command line that cannot be understood is an error like any other: 2 means that there is
/// something to look at.
fn read_arguments() -> Result<Arguments, ExitCode> {
    if std::env::args_os().len() <= 1 {
        let _ = command_line().color(Color::early()).print_help();
        return Err(ExitCode::SUCCESS);
    }
    let matches = command_line().color(Color::early()).try_get_matches();
    let read = matches.and_then(|mut matches| Arguments::from_arg_matches_mut(&mut matches));
    read.map_err(|mut error| {
        tips::advise(&mut error, &std::env::args().collect::<Vec<_>>());
        let _ = error.print();
        match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        }
    })
}
