//! The binary `landlord`, as users run it.
mod conformance;
mod explain;
mod landlord;
mod plan;
mod render;
