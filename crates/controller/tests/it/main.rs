//! The binary `landlord`, as users run it.
mod audit;
mod chart;
mod cluster;
mod completions;
mod conformance;
mod errors;
mod explain;
mod helm;
mod hook_tests;
mod install;
mod landlord;
mod plan;
mod reference;
mod render;
mod reports;
mod run;
mod screens;
