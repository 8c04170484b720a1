//! Mode: how landlord is run, and what happens in the middle.

use clap::ValueEnum;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Mode {
    /// No landlord: what the others are compared with
    Without,
    /// The policy behind its webhook, and nothing else
    Webhook,
    /// The controller, and the guard lets Pods wait
    ControllerHold,
    /// The controller, and the guard refuses Pods; clients ask again
    ControllerDeny,
    /// The policy for critical namespaces, the controller and the guard for the others
    Hybrid,
    /// The policy is killed half-way (`failurePolicy: Ignore`); the controller and the guard stay
    WebhookKilled,
    /// The controller is killed half-way, and another is started; the guard lets Pods wait
    ControllerKilled,
    /// Two API servers on one etcd: namespaces go to one, their Pods to the other
    TwoServers,
}

impl Mode {
    pub(super) const ALL: [Self; 8] = [
        Self::Without,
        Self::Webhook,
        Self::ControllerHold,
        Self::ControllerDeny,
        Self::Hybrid,
        Self::WebhookKilled,
        Self::ControllerKilled,
        Self::TwoServers,
    ];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Without => "without",
            Self::Webhook => "webhook",
            Self::ControllerHold => "controller-hold",
            Self::ControllerDeny => "controller-deny",
            Self::Hybrid => "hybrid",
            Self::WebhookKilled => "webhook-killed",
            Self::ControllerKilled => "controller-killed",
            Self::TwoServers => "two-servers",
        }
    }

    pub(super) fn has_policy(self) -> bool {
        matches!(self, Self::Webhook | Self::Hybrid | Self::WebhookKilled)
    }

    /// The flag of the controller; `None` where there is no controller.
    pub(super) fn guard(self) -> Option<&'static str> {
        match self {
            Self::Without | Self::Webhook => None,
            Self::ControllerDeny => Some("--guard=deny"),
            _ => Some("--guard=hold"),
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
