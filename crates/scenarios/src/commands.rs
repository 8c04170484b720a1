//! Commands: one module each.

pub(crate) mod bench;
pub(crate) mod bench_controller;
pub(crate) mod bench_files;
pub(crate) mod bench_scale;
pub(crate) mod build;
pub(crate) mod chaos;
pub(crate) mod compatibility;
pub(crate) mod crowd;
pub(crate) mod demo;
pub(crate) mod landlord;
pub(crate) mod pages;
pub(crate) mod picture;
pub(crate) mod serve_in_memory;
pub(crate) mod served;
pub(crate) mod soak;
pub(crate) mod stage;
pub(crate) mod start;
pub(crate) mod storm;
pub(crate) mod upgrade;
pub(crate) mod usage;
