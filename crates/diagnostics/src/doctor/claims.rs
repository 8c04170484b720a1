//! Claims that the guard cannot seal, or does not look at, or that the settings take at their word.

use tenancy::settings::{Claims, GuardScope, Rule, Settings};

use super::unclaimed::SCOPE;
use super::{Check, Finding, some};

/// `judged`: whether the webhook is asked about every namespace; `None` if that is not known.
pub(super) fn check(settings: &Settings, judged: Option<bool>) -> Finding {
    let unsealed = settings.unsealed_rules();
    let unlabelled = unlabelled_rules(settings);
    if settings.claims == Claims::Trusted {
        Check::Claims.wrong(
            "the settings take at its word a namespace that nobody is on record for (claims: trusted)",
            "set `claims: judged`; where nobody but admins creates and updates namespaces, say --skip claims",
        )
    } else if !unsealed.is_empty() {
        Check::Claims.wrong(
            format!("the guard cannot seal what `identify` reads by {}", some(unsealed)),
            "name one label or annotation in the path; where nobody but admins updates namespaces, say --skip claims",
        )
    } else if settings.guard.scope == GuardScope::Labelled
        && !unlabelled.is_empty()
        && judged != Some(true)
    {
        let what = format!(
            "the guard looks at labelled namespaces only, and `identify` also goes by {}",
            some(unlabelled)
        );
        match judged {
            None => Check::Claims
                .unknown(format!("{what}; whether a webhook judges those is not known"), SCOPE),
            _ => Check::Claims.wrong(format!("{what}, which no webhook judges"), SCOPE),
        }
    } else {
        Check::Claims.good("whatever `identify` reads of a namespace is sealed by the guard")
    }
}

/// Rules by which a namespace without the tenant label is a tenant's.
fn unlabelled_rules(settings: &Settings) -> Vec<String> {
    let label = Rule::Label(settings.tenant_label().to_owned());
    settings.identify.iter().filter(|rule| **rule != label).map(Rule::id).collect()
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;
    use rstest::rstest;
    use serde_json::{Value, json};

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
            Some(true),
        );
        assert!(finding.state == state && finding.what.contains(words), "{finding:?}");
    }

    #[rstest]
    #[case::the_default(json!({}), Some(false), State::Wrong)]
    #[case::the_default_is_judged(json!({}), Some(true), State::Good)]
    #[case::nobody_knows(json!({}), None, State::Unknown)]
    #[case::of_all(json!({"guard": {"scope": "all"}}), Some(false), State::Good)]
    #[case::by_label_only(json!({"identify": [{"label": "landlord.dev/tenant"}]}), Some(false), State::Good)]
    #[case::by_prefix(json!({"identify": [{"label": "landlord.dev/tenant"}, {"namePrefix": {}}]}), Some(false), State::Wrong)]
    #[case::by_annotation(json!({"identify": [{"annotation": "example.com/team"}]}), Some(false), State::Wrong)]
    #[case::by_another_label(json!({"identify": [{"label": "example.com/team"}]}), Some(false), State::Wrong)]
    fn what_the_guard_does_not_look_at(
        #[case] settings: Value,
        #[case] judged: Option<bool>,
        #[case] state: State,
    ) {
        let settings = Settings::from_value(&settings).expect("settings");
        assert_eq!(check(&settings, judged).state, state);
    }

    #[rstest]
    #[case("judged", State::Good)]
    #[case("trusted", State::Wrong)]
    fn whom_the_settings_trust(#[case] claims: &str, #[case] state: State) {
        let settings = Settings::from_value(&json!({"claims": claims})).expect("settings");
        assert_eq!(check(&settings, Some(true)).state, state);
    }
}
