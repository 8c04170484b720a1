//! What the playground is bundled from: the repository's own examples, fixtures and conformance
//! cases.

pub mod examples;
