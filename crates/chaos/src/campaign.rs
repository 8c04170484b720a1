//! Campaign: how `local-cluster chaos` tells the controller's tests, which play in memory, what to
//! play.

/// One schedule, and nothing else.
pub const SCHEDULE: &str = "LANDLORD_CHAOS_SCHEDULE";
/// Schedules for so many seconds …
pub const SECONDS: &str = "LANDLORD_CHAOS_SECONDS";
/// … from this seed on …
pub const SEED: &str = "LANDLORD_CHAOS_SEED";
/// … of so many steps.
pub const STEPS: &str = "LANDLORD_CHAOS_STEPS";
/// The test that does.
pub const TEST: &str = "simulation::chaos::campaign::random_schedules_keep_the_laws";
