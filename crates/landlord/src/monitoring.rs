//! Monitoring: what is shown and said of the metrics that the controller exports. `monitoring/tests.rs` holds it to the metrics that there
//! really are.

pub(crate) mod alerts;
pub(crate) mod dashboard;
mod grafana;
#[cfg(test)]
mod tests;
