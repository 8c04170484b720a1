//! The playground: the engine and the policy in the browser. What is typed never leaves the page.
//!
//! ```text
//! {settings, tenant, namespace, request} ──rehearsal──▶ {plan, before, answer, faults (editor, line, column), notes}
//! ```
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

use wasm_bindgen::prelude::wasm_bindgen;

mod fault;
mod positions;
mod rehearsal;
mod request;

/// Says what landlord would do with what is in the editors. Takes and returns JSON; see
/// [`rehearsal`](self) for its members.
#[wasm_bindgen]
pub fn rehearse(editors: &str) -> String {
    rehearsal::Editors::parse(editors).rehearse().to_string()
}
