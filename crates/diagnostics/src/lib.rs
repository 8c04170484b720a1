//! What is asked of a whole cluster: where Pods run ([`audit`]), what keeps them inside
//! ([`doctor`]), and how landlord leaves ([`uninstall`]).
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

pub mod audit;
pub mod doctor;
pub mod uninstall;
