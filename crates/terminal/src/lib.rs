//! Terminal: tables no wider than the screen, text that a terminal does not obey, and colours.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod columns;
mod screen;

pub use columns::{Column, fold, hanging, is_steering, lay_out, visible};
pub use screen::{Ink, Screen, decide_color, wants_color};
