//! What is asked of a whole cluster: where Pods run ([`audit`]), what keeps them inside
//! ([`doctor`]), and how landlord leaves ([`uninstall`]).

pub mod audit;
pub mod doctor;
pub mod uninstall;
