//! Both stages at once: the scenarios of the controller's own tests, with the policy at work beside it. The end state is the same. And the doctor, with a
//! webhook that answers.
#[path = "../../crates/landlord/tests/it/cluster/health.rs"]
mod health;
mod release;
#[path = "../../crates/landlord/tests/it/cluster/scenarios.rs"]
mod scenarios;
mod strategy;
#[path = "../../crates/landlord/tests/it/cluster/world.rs"]
#[allow(dead_code, reason = "the controller's other tests use the rest")]
mod world;
