//! Mode: how landlord is run, and what happens in the middle.

use clap::ValueEnum;

use crate::commands::served::Served;

/// Where the guard comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guard {
    None,
    /// The controller keeps it, by this flag, in the form that applies here.
    Kept(&'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// No landlord: what the others are compared with
    Without,
    /// The policy behind its webhook, and nothing else
    Webhook,
    /// The controller, and the guard lets Pods wait
    ControllerHold,
    /// The controller, and the guard refuses Pods; clients ask again
    ControllerDeny,
    /// The policy, and beside it the controller and the guard
    WebhookAndGuard,
    /// The same, and the policy is down for a while (`failurePolicy: Fail`): namespaces are refused,
    /// Pods of namespaces that are there go on
    WebhookStopped,
    /// The policy for critical namespaces, the controller and the guard for the others
    Hybrid,
    /// The policy is killed half-way (`failurePolicy: Ignore`); the controller and the guard stay
    WebhookKilled,
    /// The controller is killed half-way, and another is started; the guard lets Pods wait, or
    /// refuses them where it cannot
    ControllerKilled,
    /// Two API servers on one etcd: namespaces go to one, their Pods to the other
    TwoServers,
}

impl Mode {
    pub(crate) const ALL: [Self; 10] = [
        Self::Without,
        Self::Webhook,
        Self::ControllerHold,
        Self::ControllerDeny,
        Self::WebhookAndGuard,
        Self::WebhookStopped,
        Self::Hybrid,
        Self::WebhookKilled,
        Self::ControllerKilled,
        Self::TwoServers,
    ];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Without => "without",
            Self::Webhook => "webhook",
            Self::ControllerHold => "controller-hold",
            Self::ControllerDeny => "controller-deny",
            Self::WebhookAndGuard => "webhook-and-guard",
            Self::WebhookStopped => "webhook-stopped",
            Self::Hybrid => "hybrid",
            Self::WebhookKilled => "webhook-killed",
            Self::ControllerKilled => "controller-killed",
            Self::TwoServers => "two-servers",
        }
    }

    pub(super) fn has_policy(self) -> bool {
        matches!(
            self,
            Self::Webhook
                | Self::WebhookAndGuard
                | Self::WebhookStopped
                | Self::Hybrid
                | Self::WebhookKilled
        )
    }

    /// The guard that this mode has on this API server. An error says why there can be none, and so
    /// no such mode.
    pub(super) fn guard(self, served: &Served) -> Result<Guard, String> {
        match self {
            Self::Without | Self::Webhook => Ok(Guard::None),
            Self::ControllerDeny if served.can_hold() => Ok(Guard::Kept("--guard=deny")),
            _ if served.can_hold() => Ok(Guard::Kept("--guard=hold")),
            Self::ControllerHold | Self::Hybrid | Self::WebhookKilled => Err(served.lacks()),
            _ => Ok(Guard::Kept("--guard")),
        }
    }

    /// The settings of policy and controller.
    pub(super) fn settings(self) -> &'static str {
        match self {
            Self::Hybrid => {
                r#"{"tenantSource": "landlord", "unclaimed": "reject", "guard": {"scope": "all"}, "strategy": {"mode": "hybrid", "critical": {"names": ["*-critical-*"]}}}"#
            }
            _ => {
                r#"{"tenantSource": "landlord", "unclaimed": "reject", "guard": {"scope": "all"}}"#
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn serving(mutating: &[&str]) -> Served {
        let mutating = mutating.iter().map(|one| (*one).to_owned()).collect();
        Served { mutating, ..Served::default() }
    }

    /// Holding and correcting need a mutating policy. Everything else has a form that refuses.
    #[test]
    fn an_old_server_has_fewer_modes() {
        let served = serving(&["v1alpha1"]);
        for mode in Mode::ALL {
            let expected = match mode {
                Mode::Without | Mode::Webhook => Ok(Guard::None),
                Mode::ControllerHold | Mode::Hybrid | Mode::WebhookKilled => Err(served.lacks()),
                Mode::ControllerDeny
                | Mode::WebhookAndGuard
                | Mode::WebhookStopped
                | Mode::ControllerKilled
                | Mode::TwoServers => Ok(Guard::Kept("--guard")),
            };
            assert_eq!(mode.guard(&served), expected, "{}", mode.word());
        }
    }

    #[rstest]
    fn a_new_server_has_them_all(#[values("v1", "v1beta1")] mutating: &str) {
        let served = serving(&[mutating]);
        for mode in Mode::ALL {
            let guard = mode.guard(&served).expect("a mode");
            let kept = match mode {
                Mode::Without | Mode::Webhook => Guard::None,
                Mode::ControllerDeny => Guard::Kept("--guard=deny"),
                _ => Guard::Kept("--guard=hold"),
            };
            assert_eq!(guard, kept, "{}", mode.word());
        }
    }
}
