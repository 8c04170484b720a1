//! Watching: the flags of commands that look again and again.

use std::io::IsTerminal;
use std::time::Duration;

use anyhow::Result;
use clap::Args;

use crate::output;

/// Home, and everything gone from there on, what was scrolled away included.
const CLEAR: &str = "\x1b[H\x1b[2J\x1b[3J";

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
    /// Waits until it is time to look again, and makes room on a terminal; false where there is no next time.
    pub(super) async fn wait(self) -> Result<bool> {
        if !self.watch {
            return Ok(false);
        }
        tokio::select! {
            outcome = tokio::signal::ctrl_c() => { outcome?; Ok(false) }
            () = tokio::time::sleep(Duration::from_secs(self.interval)) => {
                output::print(if std::io::stdout().is_terminal() { CLEAR } else { "\n" })?;
                Ok(true)
            }
        }
    }
}
