//! The playground: natively, and as the compiled page in a real browser.

#[path = "../../../landlord/tests/it/browser.rs"]
#[allow(dead_code, reason = "the dashboard's tests use the rest")]
mod browser;
mod built;
mod conformance;
mod examples;
#[path = "../../../landlord/tests/it/http_client.rs"]
#[allow(dead_code, reason = "the dashboard's tests use the rest")]
mod http_client;
mod page;
mod site;
