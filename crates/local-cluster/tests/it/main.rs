//! The cluster itself: that it works, and that nothing of it is left.
mod binaries;
mod cluster;
mod command;
mod in_memory;
mod process;
