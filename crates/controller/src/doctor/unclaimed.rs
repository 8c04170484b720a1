//! Namespaces that no rule claims.

use tenancy::settings::{GuardScope, Settings, Unclaimed};

use super::{Check, Finding};

pub(super) fn examine(settings: &Settings) -> Finding {
    match (settings.unclaimed, settings.guard.scope) {
        (Unclaimed::Reject, _) => Check::Unclaimed.good("the settings reject namespaces that no rule claims"),
        (Unclaimed::Allow, GuardScope::All) => {
            Check::Unclaimed.good("the guard holds Pods of every namespace until landlord has looked at it")
        }
        (Unclaimed::Allow, GuardScope::Labelled) => Check::Unclaimed.wrong(
            "the settings allow namespaces that no rule claims, and the guard looks at labelled ones only",
            "set `unclaimed: reject`, or `guard: {scope: all}`; where only admins create namespaces, say --skip unclaimed",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;
    use rstest::rstest;
    use serde_json::{Value, json};

    #[rstest]
    #[case(json!({}), State::Wrong)]
    #[case(json!({"unclaimed": "reject"}), State::Good)]
    #[case(json!({"guard": {"scope": "all"}}), State::Good)]
    fn what_the_settings_say(#[case] settings: Value, #[case] state: State) {
        assert_eq!(examine(&Settings::from_value(&settings).expect("settings")).state, state);
    }
}
