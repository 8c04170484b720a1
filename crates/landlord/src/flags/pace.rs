//! Pace: a bound on how fast namespaces are written.

use clap::Args;
use controller::pace::Pace;

/// A bound that is set from outside.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Pace")]
pub(crate) struct PaceFlags {
    /// Never write more namespaces a second
    /// [default: as many as the API server takes without slowing down]
    #[arg(long, env = "LANDLORD_MAX_WRITES_PER_SECOND", value_name = "NUMBER", value_parser = rate)]
    max_writes_per_second: Option<f64>,
}

impl PaceFlags {
    pub(crate) fn pace(self) -> Pace {
        Pace::at_most(self.max_writes_per_second)
    }
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse::<f64>().ok().filter(|rate| (0.01..=1e6).contains(rate));
    rate.ok_or_else(|| format!("{text:?} is no rate: write a number from 0.01 to 1000000"))
}
