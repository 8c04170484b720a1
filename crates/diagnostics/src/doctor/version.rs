//! The version of the API server.

use super::{Check, CheckContext, Finding};
use cluster::error::message;

/// The first with MutatingAdmissionPolicies that are on.
const OLDEST: (u32, u32) = (1, 36);

pub(super) async fn check(context: &CheckContext) -> Finding {
    match context.client.apiserver_version().await {
        Ok(info) => judge(&info.major, &info.minor),
        Err(error) => Check::Version.unknown(
            format!("the API server does not say its version: {}", message(&error)),
            "let yourself GET /version",
        ),
    }
}

/// Clouds write `36+`.
fn judge(major: &str, minor: &str) -> Finding {
    let number = |text: &str| text.trim_end_matches('+').parse::<u32>().ok();
    match (number(major), number(minor)) {
        (Some(major), Some(minor)) if (major, minor) >= OLDEST => {
            Check::Version.good(format!("the API server is Kubernetes {major}.{minor}"))
        }
        (Some(major), Some(minor)) => Check::Version.wrong(
            format!("the API server is Kubernetes {major}.{minor}"),
            "update it to 1.36 or newer; until then let the webhook see every namespace, with failurePolicy Fail",
        ),
        _ => Check::Version.unknown(format!("the API server calls itself {major:?}.{minor:?}"), "ask `kubectl version`"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("1", "36", State::Good)]
    #[case("1", "37+", State::Good)]
    #[case("2", "0", State::Good)]
    #[case("1", "35", State::Wrong)]
    #[case("1", "x", State::Unknown)]
    fn versions(#[case] major: &str, #[case] minor: &str, #[case] state: State) {
        assert_eq!(judge(major, minor).state, state);
    }
}
