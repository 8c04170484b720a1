//! Watching: the flags of commands that look again and again.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use crate::output;

/// Whether a command looks more than once.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Watching")]
pub(super) struct WatchFlags {
    /// Look again and again, until Ctrl-C
    #[arg(short, long, env = "LANDLORD_WATCH")]
    pub(super) watch: bool,
    /// Seconds between two looks of --watch
    #[arg(long, env = "LANDLORD_INTERVAL", value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    interval: u64,
}

impl WatchFlags {
    /// Runs the command's work. With --watch, Ctrl-C ends it at any time, be it while an API server
    /// does not answer; that is no error then.
    pub(super) fn run(self, work: impl Future<Output = Result<ExitCode>>) -> Result<ExitCode> {
        let runtime = tokio::runtime::Runtime::new().context("no runtime")?;
        let outcome = runtime.block_on(async {
            if self.watch { until_interrupted(work).await } else { work.await }
        });
        // Else a name server that does not answer would be waited for.
        runtime.shutdown_background();
        outcome
    }

    /// Waits until it is time to look again, and sets the next report apart; false where there is
    /// no next time, or nobody reads any more.
    pub(super) async fn again(self, separator: &str) -> Result<bool> {
        if !self.watch {
            return Ok(false);
        }
        tokio::time::sleep(Duration::from_secs(self.interval)).await;
        Ok(output::offer(separator)?)
    }
}

/// One stream of signals for the whole command: once there is one, Ctrl-C ends nothing by itself,
/// and what nobody waits for is lost.
async fn until_interrupted(work: impl Future<Output = Result<ExitCode>>) -> Result<ExitCode> {
    let mut interrupts = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = interrupts.recv() => Ok(ExitCode::SUCCESS),
        outcome = work => outcome,
    }
}
