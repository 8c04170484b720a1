//! Claims that the guard cannot seal.

use tenancy::settings::Settings;

use super::{Check, Finding, some};

pub(super) fn check(settings: &Settings) -> Finding {
    let rules = settings.unsealed_rules();
    if rules.is_empty() {
        Check::Claims.good("whatever `identify` reads of a namespace is sealed by the guard")
    } else {
        Check::Claims.wrong(
            format!("the guard cannot seal what `identify` reads by {}", some(rules)),
            "name one label or annotation in the path; where nobody but admins updates namespaces, say --skip claims",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case("$.namespace.metadata.labels.team", State::Good, "sealed by the guard")]
    #[case(
        "$.namespace.metadata.labels[*]",
        State::Wrong,
        "by jsonPath:$.namespace.metadata.labels[*]"
    )]
    fn what_the_settings_say(#[case] path: &str, #[case] state: State, #[case] words: &str) {
        let finding = check(
            &Settings::from_value(&json!({"identify": [{"jsonPath": {"path": path}}]}))
                .expect("settings"),
        );
        assert!(finding.state == state && finding.what.contains(words), "{finding:?}");
    }
}
