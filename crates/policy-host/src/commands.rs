//! Commands of the binary: flags in, text out.

pub(crate) mod annotate;
pub(crate) mod bench;
pub(crate) mod changes;
pub(crate) mod input;
pub(crate) mod limits;
pub(crate) mod pull;
pub(crate) mod push;
pub(crate) mod registry;
pub(crate) mod run;
pub(crate) mod serve;
