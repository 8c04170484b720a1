//! `local-cluster`: see the library for what it does.

mod commands;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use commands::{
    bench::Bench, bench_controller::BenchController, bench_files::BenchFiles,
    bench_scale::BenchScale, build::Build, chaos::Chaos, compatibility::Compatibility, demo::Demo,
    serve_in_memory::ServeInMemory, soak::Soak, start::Start, storm::Storm, upgrade::Upgrade,
};

/// A real Kubernetes control plane on loopback, to try policies in
#[derive(Parser, Debug)]
#[command(version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Build(Build),
    Start(Start),
    Storm(Storm),
    Upgrade(Upgrade),
    Compatibility(Compatibility),
    Chaos(Box<Chaos>),
    Soak(Soak),
    Demo(Demo),
    Bench(Bench),
    BenchController(BenchController),
    BenchFiles(BenchFiles),
    BenchScale(BenchScale),
    ServeInMemory(ServeInMemory),
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Build(command) => command.run(),
        Command::Start(command) => command.run().await,
        Command::Storm(command) => command.run().await,
        Command::Upgrade(command) => command.run().await,
        Command::Compatibility(command) => command.run().await,
        Command::Chaos(command) => command.run().await,
        Command::Soak(command) => command.run().await,
        Command::Demo(command) => command.run().await,
        Command::Bench(command) => command.run().await,
        Command::BenchController(command) => command.run().await,
        Command::BenchFiles(command) => command.run(),
        Command::BenchScale(command) => command.run().await,
        Command::ServeInMemory(command) => command.run().await,
    };
    outcome.map(|()| ExitCode::SUCCESS).unwrap_or_else(|error| {
        eprintln!("Error: {error:#}");
        ExitCode::FAILURE
    })
}
