//! Watching: the flags of commands that look again and again.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;
use k8s_openapi::jiff::Timestamp;

use crate::flags::parse_duration;
use crate::output;
use crate::signals::Interrupts;

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

/// Whether a command waits until all is well.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Watching")]
pub(super) struct WaitFlags {
    /// Report once every namespace is compliant; looks every --interval
    #[arg(long, env = "LANDLORD_WAIT", conflicts_with = "watch")]
    wait: bool,
    /// How long --wait waits at most, as 30s, 5m or 1h; then it reports what is left, and ends with 2
    #[arg(long, env = "LANDLORD_TIMEOUT", value_name = "TIME", value_parser = parse_duration, default_value = "5m")]
    timeout: Duration,
}

impl WaitFlags {
    /// Waits until it is time to look again; false where there is nothing to wait for, or no time
    /// left.
    pub(super) async fn again(self, began: Instant, interval: Duration) -> bool {
        let left = self.timeout.saturating_sub(began.elapsed());
        if !self.wait || left.is_zero() {
            return false;
        }
        tokio::time::sleep(interval.min(left)).await;
        true
    }

    pub(super) fn is_set(self) -> bool {
        self.wait
    }
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

    /// How long it is between two looks.
    pub(super) fn interval(self) -> Duration {
        Duration::from_secs(self.interval)
    }

    /// On a terminal, when this look was made, and how often there is one: that nothing changes is
    /// seen from it.
    pub(super) fn print_time(self) -> Result<()> {
        if !self.watch || !std::io::stdout().is_terminal() {
            return Ok(());
        }
        let time = Timestamp::now().strftime("%H:%M:%S");
        Ok(output::print(&format!("every {} s, {time} UTC\n\n", self.interval))?)
    }

    /// Waits until it is time to look again, and sets the next report apart; false where there is
    /// no next time, or nobody reads any more.
    pub(super) async fn again(self, separator: &str) -> Result<bool> {
        if !self.watch {
            return Ok(false);
        }
        tokio::time::sleep(self.interval()).await;
        Ok(output::offer(separator)?)
    }
}

/// One stream of signals for the whole command: once there is one, Ctrl-C ends nothing by itself,
/// and what nobody waits for is lost.
async fn until_interrupted(work: impl Future<Output = Result<ExitCode>>) -> Result<ExitCode> {
    let mut interrupts = Interrupts::listen()?;
    tokio::select! {
        () = interrupts.recv() => Ok(ExitCode::SUCCESS),
        outcome = work => outcome,
    }
}
