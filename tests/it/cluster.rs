//! The compiled policy behind a real webhook of a real API server: scenarios of
//! `tests/conformance/scenarios.md` (by number), the rules of admission through real users, and
//! where the real scheduler puts Pods.
mod create;
mod definition;
mod deletion;
mod dry_run;
mod guard;
mod hooks;
mod law_one;
mod overrides;
mod placement;
mod pods;
mod policy;
mod registry;
mod tampering;
mod tenants;
mod users;
mod world;

pub(crate) use self::world::shipped;
