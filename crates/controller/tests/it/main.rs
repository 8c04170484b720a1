//! The binary `landlord`, as users run it.
mod audit;
mod chart;
mod cluster;
mod conformance;
mod docs;
mod explain;
mod helm;
mod hook_tests;
mod landlord;
mod plan;
mod render;
mod run;
