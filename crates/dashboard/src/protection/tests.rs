use rstest::rstest;
use serde_json::json;

use super::PartState::{Good, Unknown, Unused, Wrong};
use super::*;
use diagnostics::doctor::Check;

fn observed() -> Observed {
    let flags = Finding {
        check: Check::PodNodeSelector,
        state: State::Unknown,
        what: "no Pod of an API server".to_owned(),
        fix: None,
    };
    Observed {
        stored: Ok(Stored::default()),
        webhook: Ok(Webhook::Absent),
        has_pods_policy: false,
        trial: Ok(true),
        flags,
        probes: None,
    }
}

fn probed(failures: u32) -> Option<Admission> {
    let latency = Duration::from_millis(12);
    let fault = (failures > 0).then(|| "no ledger".to_owned());
    Some(Admission::Probed { probes: 3, failures, latency, fault })
}

#[rstest]
#[case::none(
    Ok(Webhook::Absent),
    None,
    Unused,
    "no webhook of a ClusterAdmissionPolicy \"landlord\""
)]
#[case::none_though_probed(Ok(Webhook::Absent), probed(3), Unused, "no webhook")]
#[case::not_measured(
    Ok(Webhook::Required),
    None,
    Unknown,
    "failurePolicy Fail; it is not measured"
)]
#[case::answers(Ok(Webhook::Required), probed(0), Good, "adds 12 ms")]
#[case::fails(
    Ok(Webhook::Required),
    probed(2),
    Wrong,
    "2 of 3 probes of the webhook fail: no ledger"
)]
#[case::unread(Err("no right".to_owned()), probed(0), Unknown, "no right")]
fn webhooks(
    #[case] webhook: Result<Webhook, String>,
    #[case] probes: Option<Admission>,
    #[case] state: PartState,
    #[case] says: &str,
) {
    let part = Observed { webhook, probes, ..observed() }.judge_webhook("landlord");
    assert!(part.state() == state && part.says().contains(says), "{part:?}");
}

/// A guard that cannot be read is not known, whatever a tried Pod says.
#[rstest]
#[case::unread(Err("no right".to_owned()), Unknown, "no right")]
#[case::not_served(Ok(Stored::default()), Wrong, "serves no ValidatingAdmissionPolicies")]
fn guards(#[case] stored: Result<Stored, String>, #[case] state: PartState, #[case] says: &str) {
    let settings = Settings::from_value(&json!({})).expect("settings");
    let part = Observed { stored, ..observed() }.judge_guard(&settings);
    assert!(part.state() == state && part.says().contains(says), "{part:?}");
}

#[rstest]
#[case::unseen(State::Unknown, false, Unknown, "`landlord doctor` tries it")]
#[case::on(State::Good, false, Good, "is on in every API server")]
#[case::off(State::Wrong, false, Wrong, "no Pod of an API server")]
#[case::by_policy(State::Wrong, true, Unknown, "a policy gives Pods")]
fn selectors(
    #[case] flags: State,
    #[case] has_pods_policy: bool,
    #[case] state: PartState,
    #[case] says: &str,
) {
    let mut observed = Observed { has_pods_policy, ..observed() };
    observed.flags.state = flags;
    let part = observed.judge_selector();
    assert!(part.state() == state && part.says().contains(says), "{part:?}");
}
