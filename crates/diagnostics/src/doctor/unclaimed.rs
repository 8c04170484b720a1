//! Namespaces that no rule claims.

use tenancy::settings::{Settings, Unclaimed};

use super::{Check, Finding};

pub(super) fn check(settings: &Settings) -> Finding {
    match settings.unclaimed {
        Unclaimed::Reject => Check::Unclaimed.good("the settings reject namespaces that no rule claims"),
        Unclaimed::Allow => Check::Unclaimed.wrong(
            "the settings allow namespaces that no rule claims, and their Pods may ask for any pool",
            "set `unclaimed: reject`; where only admins create namespaces, say --skip unclaimed",
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
    #[case::the_guard_waits_for_landlord_only(json!({"guard": {"scope": "all"}}), State::Wrong)]
    #[case(json!({"unclaimed": "reject", "guard": {"scope": "all"}}), State::Good)]
    fn what_the_settings_say(#[case] settings: Value, #[case] state: State) {
        assert_eq!(check(&Settings::from_value(&settings).expect("settings")).state, state);
    }
}
