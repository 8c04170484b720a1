//! Record: what was measured, a sample a line of JSON.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use anyhow::Result;
use serde::Serialize;

/// One sample.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Row {
    /// Seconds since the beginning.
    pub(super) at: f64,
    pub(super) controllers: Vec<State>,
    /// Controllers that were killed, and that were frozen, so far.
    pub(super) kills: usize,
    pub(super) freezes: usize,
    pub(super) churn: Counts,
    /// How many seconds each namespace took that became ready since the last sample, in order.
    pub(super) ready: Vec<f64>,
}

/// How a controller is that runs.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct State {
    pub(super) name: &'static str,
    /// The number of its process.
    pub(super) life: usize,
    /// Whether it is stopped by a signal, and answers nothing.
    pub(super) frozen: bool,
    /// Whether it leads, as it says itself.
    pub(super) leads: bool,
    /// Resident, in MiB.
    pub(super) memory: f64,
    pub(super) descriptors: f64,
    pub(super) threads: f64,
    /// Patches of namespaces that were done, by all of its processes so far.
    pub(super) writes: f64,
}

/// What happened so far.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Counts {
    pub(super) created: usize,
    pub(super) deleted: usize,
    /// Edits of tenants.
    pub(super) edits: usize,
    /// Writes of namespaces that this makes necessary: one for each that is created, and one for
    /// each that its tenant has at an edit.
    pub(super) needed: usize,
    /// Pods that were deleted outside their pool, and before they had a node.
    pub(super) strays: usize,
    pub(super) unplaced: usize,
}

/// The samples, and the file that they are in.
pub(super) struct Record {
    file: File,
    rows: Vec<Row>,
}

impl Record {
    /// Begins a new one in this folder.
    pub(super) fn create(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self { file: File::create(folder.join("soak.jsonl"))?, rows: Vec::new() })
    }

    /// Adds a sample. It is in the file at once.
    pub(super) fn add(&mut self, row: Row) -> Result<()> {
        writeln!(self.file, "{}", serde_json::to_string(&row)?)?;
        self.rows.push(row);
        Ok(())
    }

    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }
}

/// One of a controller's figures over time, without the samples in which it did not run.
pub(super) fn series(rows: &[Row], name: &str, figure: fn(&State) -> f64) -> Vec<(f64, f64)> {
    let of = |row: &Row| {
        let state = row.controllers.iter().find(|state| state.name == name)?;
        Some((row.at, figure(state)))
    };
    rows.iter().filter_map(of).collect()
}
