//! The host with real guests: one on the SDK, and small ones written by hand for what a good guest
//! never does.
mod cluster;
mod command;
mod guests;
mod host_calls;
mod module;
mod registry;
mod serve;
