//! The cluster itself: that it works, and that nothing of it is left.
mod cluster;
mod process;
