//! The playground: natively, and as the compiled page in a real browser.

mod built;
mod conformance;
mod examples;
mod page;
mod site;
