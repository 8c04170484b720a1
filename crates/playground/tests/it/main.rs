//! The playground: natively, and as the compiled page in a real browser.

#[path = "../../../controller/tests/it/browser.rs"]
#[allow(dead_code, reason = "the dashboard's tests use the rest")]
mod browser;
mod built;
mod conformance;
mod examples;
#[path = "../../../controller/tests/it/http_client.rs"]
#[allow(dead_code, reason = "the dashboard's tests use the rest")]
mod http_client;
mod page;
mod site;
