//! The crates: none outgrows the others, in none do modules import each other in a ring, and their
//! texts use the words of the field. Which crate may import which is in ARCHITECTURE.md, and held by
//! landlord's tests of it.
mod examples;
mod modules;
mod packages;
mod readers;
mod rings;
mod sizes;
mod source;
mod words;
