//! The engine against data and laws.
mod conformance;
