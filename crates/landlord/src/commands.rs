//! Commands: flags in, text out.

pub(crate) mod adopt;
pub(crate) mod audit;
pub(crate) mod backfill;
pub(crate) mod completions;
mod consent;
pub(crate) mod controller;
pub(crate) mod convert;
pub(crate) mod detach;
pub(crate) mod doctor;
mod dry_run;
pub(crate) mod explain;
pub(crate) mod hook_test;
pub(crate) mod move_;
pub(crate) mod plan;
mod progress;
pub(crate) mod reference;
pub(crate) mod release;
pub(crate) mod render;
pub(crate) mod schema;
pub(crate) mod selection;
mod single;
pub(crate) mod sources;
pub(crate) mod status;
pub(crate) mod strategy;
pub(crate) mod version;
mod watching;
