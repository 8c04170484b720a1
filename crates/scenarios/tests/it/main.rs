//! The program: its commands end in order, and leave nothing behind.
mod binaries;
mod command;
