//! The guard's admission policies as the API server has them: which are there and since when
//! ([`presence`]), what they lack of those that the settings call for ([`stored`]), and whether
//! they are enforced ([`trial`]).

pub mod kinds;
pub mod presence;
pub mod stored;
pub mod trial;
