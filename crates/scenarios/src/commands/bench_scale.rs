//! `bench-scale`: what the controller needs as namespaces and tenants grow, on an API server in
//! memory that is a process of its own.
//!
//! A small machine holds no real API server with 100 000 namespaces. The one in memory answers
//! faster than a real one, so that what grows here is the controller's own.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;

mod plot;
mod readers;
mod stand;
mod world;

use self::stand::Stand;

/// Measure the controller's memory, times and latencies for growing numbers of namespaces
#[derive(Args, Debug)]
#[command(
    after_help = "Goals: at most 60 MB at 10 000 namespaces, and 400 MB at 100 000, all of them written once; nothing grows faster than the \
                  number of namespaces. A new namespace is not slower beside readers: ten searches of the dashboard and a scrape a second."
)]
pub(crate) struct BenchScale {
    /// How many namespaces, for each row; a twentieth of it is the number of tenants
    #[arg(short = 'n', long, num_args = 1.., default_values_t = [1000, 10_000, 100_000])]
    namespaces: Vec<usize>,
    /// The binary landlord (default: beside this program)
    #[arg(long, env = "LANDLORD", value_name = "FILE")]
    landlord: Option<PathBuf>,
    /// Folder for scale.json and scale.svg
    #[arg(long, value_name = "FOLDER")]
    output: Option<PathBuf>,
}

/// Figures at one size. Times in seconds where their name does not say ms.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    namespaces: usize,
    tenants: usize,
    /// Resident, when all is written.
    memory_mb: f64,
    /// From the start of the program to the first namespace that is compliant.
    first_write: f64,
    /// To the last one.
    all_written: f64,
    /// Processor time until then.
    processor: f64,
    /// A tenant with this many namespaces is edited, until the last one has it.
    edited: usize,
    edit: f64,
    /// CREATE of a namespace to compliant.
    placement_idle: Latency,
    /// The same beside ten searches of the dashboard and a scrape a second; and a search.
    placement_read: Latency,
    search: Latency,
    /// The same while all others are being written.
    placement_busy: Latency,
    /// A managed label was changed, until it is back, at that time.
    drift_busy: Latency,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Latency {
    samples: usize,
    p50_ms: f64,
    p99_ms: f64,
}

impl BenchScale {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<()> {
        let landlord = self.landlord.clone().map_or_else(
            || std::env::current_exe().map(|this| this.with_file_name("landlord")),
            Ok,
        )?;
        let mut rows = Vec::new();
        println!(
            "{:>10} {:>7} {:>8} {:>9} {:>9} {:>9} {:>9} {:>16} {:>16} {:>16} {:>16} {:>16}",
            "namespaces",
            "tenants",
            "memory",
            "first",
            "all",
            "cpu",
            "edit 500",
            "new, idle",
            "new, read",
            "search",
            "new, busy",
            "drift, busy"
        );
        for namespaces in &self.namespaces {
            let stand = Stand {
                namespaces: *namespaces,
                tenants: (namespaces / 20).max(1),
                edited: 500.min(*namespaces),
            };
            let row = stand
                .measure(&landlord)
                .await
                .with_context(|| format!("{namespaces} namespaces"))?;
            println!("{}", row.render());
            rows.push(row);
        }
        if let Some(folder) = &self.output {
            fs::create_dir_all(folder)?;
            fs::write(folder.join("scale.json"), serde_json::to_string_pretty(&rows)? + "\n")?;
            fs::write(folder.join("scale.svg"), plot::growth(&rows)?)?;
        }
        Ok(())
    }
}

impl Row {
    fn render(&self) -> String {
        let latency = |one: Latency| format!("{:.1} / {:.1} ms", one.p50_ms, one.p99_ms);
        format!(
            "{:>10} {:>7} {:>5.0} MB {:>7.2} s {:>7.1} s {:>7.1} s {:>7.2} s {:>16} {:>16} {:>16} {:>16} {:>16}",
            self.namespaces,
            self.tenants,
            self.memory_mb,
            self.first_write,
            self.all_written,
            self.processor,
            self.edit,
            latency(self.placement_idle),
            latency(self.placement_read),
            latency(self.search),
            latency(self.placement_busy),
            latency(self.drift_busy)
        )
    }
}
