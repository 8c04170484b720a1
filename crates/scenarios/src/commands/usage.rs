//! Usage: what a process takes of the machine, and times of many events in order.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use local_cluster::Process;

/// Seconds of processor time so far; a tick is a hundredth of a second on Linux.
pub(crate) fn cpu(process: &Process) -> Result<f64> {
    let text = fs::read_to_string(format!("/proc/{}/stat", process.id()))?;
    let fields: Vec<&str> =
        text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks =
        |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    Ok((ticks(11) + ticks(12)) / 100.0)
}

/// Resident memory in MiB.
pub(crate) fn memory(process: &Process) -> Result<f64> {
    Ok(status(process, "VmRSS:")? / 1024.0)
}

/// Threads.
pub(crate) fn threads(process: &Process) -> Result<f64> {
    status(process, "Threads:")
}

/// Open descriptors.
pub(crate) fn descriptors(process: &Process) -> Result<f64> {
    Ok(fs::read_dir(format!("/proc/{}/fd", process.id()))?.count() as f64)
}

/// A number of the kernel's page about a process.
fn status(process: &Process, field: &str) -> Result<f64> {
    let text = fs::read_to_string(format!("/proc/{}/status", process.id()))?;
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let line = line.with_context(|| format!("no {field}"))?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}

/// Milliseconds within which this share of the events was over; NaN where there were none.
pub(crate) fn quantile(times: &[Duration], share: f64) -> f64 {
    let mut times = times.to_vec();
    times.sort();
    let index = ((times.len() as f64 * share).ceil() as usize).saturating_sub(1);
    times.get(index).map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0)
}
