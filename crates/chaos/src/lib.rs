//! Chaos: random schedules of what people do to namespaces and tenants and of what breaks
//! meanwhile, and the laws that hold all along and at rest. One vocabulary for two layers: the
//! controller in memory under a clock that jumps (its tests), and a real cluster
//! (`local-cluster chaos`).
//!
//! ```text
//! seed ─▶ Schedule ─▶ (a layer plays it) ─▶ Commits ─▶ Laws ─▶ violations ─▶ Shrinking ─▶ the shortest schedule
//! ```

pub mod campaign;
pub mod dice;
pub mod event;
pub mod laws;
pub mod schedule;
pub mod shrinking;
pub mod spec;
pub mod tally;

pub use event::Event;
pub use laws::{Calm, Laws, Rest};
pub use schedule::{Layer, Schedule, Step};
pub use shrinking::Shrinking;
pub use tally::Tally;
