//! The flags of `controller` about the guard.

use clap::{Args, ValueEnum};
use tenancy::settings::OnUnready;

use controller::guard_keeper::Orders;

/// Whether the controller keeps the guard, and how.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Guard")]
pub(super) struct GuardFlags {
    /// Install the guard and keep it as it is rendered: admission policies that stop Pods in
    /// namespaces which are not ready
    #[arg(
        long,
        env = "LANDLORD_GUARD",
        value_enum,
        value_name = "ON-UNREADY",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "settings"
    )]
    guard: Option<GuardMode>,
    /// The guard fills in selector and tolerations as well, for clusters without the plugin
    /// PodNodeSelector
    #[arg(long, env = "LANDLORD_GUARD_PLACE", requires = "guard")]
    guard_place: bool,
}

/// What happens to Pods of namespaces that are not ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum GuardMode {
    /// `guard.onUnready` of the settings
    Settings,
    /// They wait at a scheduling gate until the controller releases them
    Hold,
    /// They are refused
    Deny,
}

impl GuardFlags {
    /// `None` leaves the guard alone, whether there is one or not.
    pub(super) fn orders(self) -> Option<Orders> {
        let on_unready = match self.guard? {
            GuardMode::Settings => None,
            GuardMode::Hold => Some(OnUnready::Hold),
            GuardMode::Deny => Some(OnUnready::Deny),
        };
        Some(Orders { on_unready, place: self.guard_place })
    }

    /// Whether Pods may be held: also under *deny*, by an earlier guard, or by their own authors.
    pub(super) fn holds(self) -> bool {
        self.guard.is_some()
    }
}
