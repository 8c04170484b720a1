//! Chaos in memory: random schedules of edits and faults, hundreds in a minute. Each is played from
//! an empty server to rest and silence; one that breaks a law is shortened as far as it still does.
//!
//! `cargo test -p landlord chaos` plays the short form. `make chaos` plays a long one: it tells
//! [`campaign`] by variables what to play.

mod campaign;
mod cases;
mod panics;
mod play;
mod replica;

use self::campaign::report;
use self::play::play;
