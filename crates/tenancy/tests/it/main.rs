//! The engine as its users see it: conformance with Capsule, laws, tables.

mod arbitrary;
mod capsule_validations;
mod cluster;
mod conformance;
mod evidence;
mod hook_mistakes;
mod hooks;
mod laws;
mod leaving;
mod overrides;
mod second_opinion;
mod settings_mistakes;
