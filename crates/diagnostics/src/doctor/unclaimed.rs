//! Namespaces that no rule claims.

use tenancy::settings::{GuardScope, Settings, Unclaimed};

use super::{Check, Finding};

/// `judged`: whether the webhook is asked about every namespace; `None` if that is not known.
pub(super) fn check(settings: &Settings, judged: Option<bool>) -> Finding {
    let guarded = settings.guard.scope == GuardScope::All;
    match (settings.unclaimed, guarded, judged) {
        (Unclaimed::Allow, ..) => Check::Unclaimed.wrong(
            "the settings allow namespaces that no rule claims, and their Pods may ask for any pool",
            "set `unclaimed: reject`; where only admins create namespaces, say --skip unclaimed",
        ),
        (Unclaimed::Reject, true, _) | (Unclaimed::Reject, _, Some(true)) => {
            Check::Unclaimed.good("the settings reject namespaces that no rule claims")
        }
        (Unclaimed::Reject, false, Some(false)) => Check::Unclaimed.wrong(
            "`unclaimed: reject` rejects nothing: no webhook judges every namespace, and the guard looks at labelled ones only",
            SCOPE,
        ),
        (Unclaimed::Reject, false, None) => Check::Unclaimed.unknown(
            "whether a webhook rejects namespaces that no rule claims is not known, and the guard looks at labelled ones only",
            SCOPE,
        ),
    }
}

pub(super) const SCOPE: &str = "write `guard: {scope: all}` into the settings";

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;
    use rstest::rstest;
    use serde_json::{Value, json};

    #[rstest]
    #[case(json!({}), Some(true), State::Wrong)]
    #[case(json!({"unclaimed": "reject"}), Some(true), State::Good)]
    #[case::no_webhook(json!({"unclaimed": "reject"}), Some(false), State::Wrong)]
    #[case::nobody_knows(json!({"unclaimed": "reject"}), None, State::Unknown)]
    #[case::the_guard_waits_for_landlord_only(json!({"guard": {"scope": "all"}}), Some(false), State::Wrong)]
    #[case(json!({"unclaimed": "reject", "guard": {"scope": "all"}}), Some(false), State::Good)]
    #[case(json!({"unclaimed": "reject", "guard": {"scope": "all"}}), None, State::Good)]
    fn what_the_settings_say(
        #[case] settings: Value,
        #[case] judged: Option<bool>,
        #[case] state: State,
    ) {
        let settings = Settings::from_value(&settings).expect("settings");
        assert_eq!(check(&settings, judged).state, state);
    }
}
