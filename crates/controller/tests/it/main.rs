//! The binary `landlord`, as users run it.
mod audit;
mod cluster;
mod conformance;
mod explain;
mod landlord;
mod plan;
mod render;
mod run;
