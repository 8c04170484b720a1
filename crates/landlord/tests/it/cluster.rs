//! The controller alone, as a process of its own under exactly the rights of `deploy/rbac.yaml`, on
//! a real API server. Scenarios are those of `tests/conformance/scenarios.md`.
mod account;
mod audit;
mod autoscalers;
mod backfill;
mod chaos;
mod chart;
mod closed;
mod command_line;
mod commands;
mod copies;
mod crashes;
mod doctor;
mod fights;
mod guard;
mod health;
mod holds;
mod hook_mistakes;
mod hooks;
mod interference;
mod lifecycle;
mod lost_kind;
mod placement_first;
mod release;
mod replicas;
mod reports;
mod restored_etcd;
mod rights;
mod scenarios;
mod strategies;
mod violations;
mod waiting_pod;
mod webhook;
pub(crate) mod world;

pub(crate) use self::world::eventually;
