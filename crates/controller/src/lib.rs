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
mod attempts;
pub mod audit;
mod auditor;
mod changes;
pub mod contention;
pub mod context;
pub mod gated_pods;
pub mod guard_keeper;
mod live_settings;
mod losses;
pub mod metrics;
mod nodes;
pub mod outcome;
pub mod pace;
pub mod planner;
mod progress;
pub mod queue;
pub mod readiness;
mod reconciler;
mod releaser;
mod reports;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod small_world;
pub mod snapshot;
mod status;
pub mod store;
pub mod strategy;
pub mod supervisor;
mod watch;
mod work;
