//! The controller alone, as a process of its own under exactly the rights of `deploy/rbac.yaml`, on a real API server. Scenarios are
//! those of `tests/conformance/scenarios.md`.
mod backfill;
mod commands;
mod crashes;
mod fights;
mod lifecycle;
mod replicas;
mod rights;
mod scenarios;
mod strategies;
mod world;
