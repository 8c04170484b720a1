//! Memory: schedules in memory need the controller's own parts and a clock that can be stopped, so
//! they are a test of the controller.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chaos::campaign::{SECONDS, SEED, TEST};
use tokio::process::Command;

pub(super) use chaos::campaign::SCHEDULE;

use super::say;

/// Schedules from this seed on, for so long.
pub(super) async fn play_for(seed: u64, time: Duration) -> Result<()> {
    say(&format!("memory: schedules for {} s", time.as_secs()));
    play(&[(SEED, seed.to_string()), (SECONDS, time.as_secs().to_string())]).await
}

/// Runs the test with these variables. What it says goes where this program's words go.
pub(super) async fn play(variables: &[(&str, String)]) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args([
        "test",
        "--quiet",
        "--package=controller",
        "--lib",
        "--",
        "--exact",
        "--nocapture",
        TEST,
    ]);
    command.env("RUST_BACKTRACE", "0").kill_on_drop(true);
    let status = command
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .status()
        .await
        .context("cargo cannot be started")?;
    ensure!(status.success(), "a law is broken in memory: see above");
    Ok(())
}
