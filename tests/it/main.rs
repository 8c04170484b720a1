//! The policy, natively and as the compiled WebAssembly that users install.
mod both;
mod bounds;
mod cluster;
mod compiled;
mod conformance;
mod crates;
mod fixtures;
mod host_calls;
mod landlord;
mod laws;
mod packaging;
mod pods;
mod releasing;
mod room;
mod steps;
