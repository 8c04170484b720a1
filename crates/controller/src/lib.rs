//! The control loop: it keeps every namespace compliant for as long as it runs.
//!
//! ```text
//! watch ──▶ store ──▶ queue ──▶ planner (engine) ──▶ writer ──▶ outcome
//! ```
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

pub mod admin;
pub mod app;
pub mod attempts;
pub mod audit;
mod auditor;
pub mod changes;
pub mod contention;
pub mod context;
pub mod gated_pods;
pub mod guard_keeper;
pub mod live_settings;
pub mod losses;
pub mod metrics;
pub mod nodes;
pub mod outcome;
pub mod pace;
pub mod planner;
pub mod progress;
pub mod queue;
pub mod readiness;
pub mod reconciler;
pub mod releaser;
pub mod reports;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod small_world;
pub mod snapshot;
pub mod status;
pub mod store;
pub mod strategy;
pub mod supervisor;
pub mod watch;
pub mod work;
