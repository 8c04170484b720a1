//! `landlord`: the command line, and the controller.
//!
//! ```text
//! files | cluster ──▶ inventory (settings, tenants, namespaces) ──engine──▶ assessments ──▶ table | diff | json
//! watch ──▶ store ──▶ queue ──▶ planner (engine) ──▶ writer ──▶ outcome                    (controller, backfill)
//! ```

mod admin;
mod audit;
mod clock;
mod cluster;
mod commands;
mod crd;
mod doctor;
mod estimate;
mod fights;
mod files;
mod guard;
mod guarded;
mod holds;
mod hook_tests;
mod inventory;
mod lease;
mod live_settings;
mod metrics;
mod monitoring;
mod outcome;
mod output;
mod pace;
mod planner;
mod probe;
mod queue;
mod reconciler;
#[cfg(test)]
mod simulation;
mod status;
mod store;
mod strategy;
mod watch;
mod writer;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use commands::{
    adopt::Adopt, audit::Audit, backfill::Backfill, completions::Completions, controller::Controller, doctor::Doctor, explain::Explain,
    hook_test::HookTest, move_::Move, plan::Plan, render::Render, schema::Schema, status::Status, strategy::StrategyCommand,
};

/// Gives every namespace its tenant's node selector, labels and annotations
#[derive(Parser, Debug)]
#[command(name = "landlord", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
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
    Strategy(StrategyCommand),
    #[command(name = "test")]
    HookTest(HookTest),
    Schema(Schema),
    Render(Render),
    Completions(Completions),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Controller(command) => command.run(),
        Command::Backfill(command) => command.run(),
        Command::Plan(command) => command.run(),
        Command::Explain(command) => command.run(),
        Command::Status(command) => command.run(),
        Command::Audit(command) => command.run(),
        Command::Doctor(command) => command.run(),
        Command::Adopt(command) => command.run(),
        Command::Move(command) => command.run(),
        Command::Strategy(command) => command.run(),
        Command::HookTest(command) => command.run(),
        Command::Schema(command) => command.run(),
        Command::Render(command) => command.run(),
        Command::Completions(command) => command.run(&mut Arguments::command()),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
