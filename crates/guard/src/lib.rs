//! Guard: admission policies inside the API server that make the window harmless in which a
//! namespace is not what its tenant wants. They are a pure function of the settings: no webhook is
//! asked, no tenant is read.
//!
//! ```text
//! namespaces CREATE ─▶ names (who may) ─▶ stamp (who did)      UPDATE ─▶ seal (sealed keys stay) ─▶ refusal
//!                                                                     ─▶ references (to tenants)
//!            both ─▶ room (for what landlord writes)
//! Pods       CREATE ─▶ place ─▶ hold | ─▶ deny                 bindings CREATE ─▶ binding
//! ```
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]
#![warn(missing_docs)]

use serde_json::Value;
pub use tenancy::keys::GATE;
use tenancy::settings::{GuardScope, OnUnready, Settings};

pub use self::expression::is_user;
use self::form::{Form, MutatingVersion};
use self::policy::Policy;

mod binding;
mod deny;
pub mod difference;
mod excluded_names;
mod expression;
pub mod form;
mod hold;
mod owners;
mod place;
mod pods;
mod policy;
mod references;
mod room;
mod seal;
mod stamp;

/// The label that says which part of the guard an object is.
pub const PART_LABEL: &str = "landlord.dev/guard";
/// The namespace that the guard is tried in. The seal holds for the controller's dry runs there, so
/// that it can find out whether it is enforced.
pub const PROBE_NAMESPACE: &str = "landlord-guard-probe";
/// Every name begins with it; the part follows.
pub const NAME: &str = "landlord-guard";

/// What a policy is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Excluded names are for admins.
    Names,
    /// Records who creates a namespace.
    Stamp,
    /// Refuses claims to tenants of others, where nothing can be recorded.
    Owners,
    /// Keeps what says whose a namespace is, and where its Pods run.
    Seal,
    /// Refuses what the seal has marked as meant.
    Refusal,
    /// Refuses changes of owner references to tenants.
    References,
    /// Users leave room for what landlord writes.
    Room,
    /// Fills in selector and tolerations.
    Place,
    /// Lets Pods wait.
    Hold,
    /// Refuses Pods that would run elsewhere.
    Deny,
    /// Says who may bind Pods.
    Binding,
}

impl Part {
    /// The part's word in names and labels, as in `landlord-guard-stamp`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Names => "names",
            Self::Stamp => "stamp",
            Self::Owners => "owners",
            Self::Seal => "seal",
            Self::Refusal => "refusal",
            Self::References => "references",
            Self::Room => "room",
            Self::Place => "place",
            Self::Hold => "hold",
            Self::Deny => "deny",
            Self::Binding => "binding",
        }
    }

    fn name(self) -> String {
        format!("{NAME}-{}", self.word())
    }
}

/// The guard for these settings.
#[derive(Clone, Copy, Debug)]
pub struct Guard<'a> {
    /// The settings that the policies are rendered from.
    pub settings: &'a Settings,
    /// The namespaces whose Pods it looks at.
    pub scope: GuardScope,
    /// What becomes of a Pod whose namespace is not ready.
    pub on_unready: OnUnready,
    /// Whether it also does the work of the plugin `PodNodeSelector`.
    pub place: bool,
    /// Which policies it consists of. Where none mutates there is no *hold* and no *place*, and
    /// *stamp* and *seal* refuse what they would correct, or are left to the webhook.
    pub form: Form,
}

impl<'a> Guard<'a> {
    /// As the settings say, without *place*, for an API server with MutatingAdmissionPolicies.
    pub fn new(settings: &'a Settings) -> Self {
        Self {
            settings,
            scope: settings.guard.scope,
            on_unready: settings.guard.on_unready,
            place: false,
            form: Form::Mutating(MutatingVersion::V1),
        }
    }

    /// Every object, in the order in which they are to be installed: what lets Pods wait comes
    /// before what refuses them.
    pub fn objects(&self) -> Vec<Value> {
        let version = self.form.version();
        self.policies().iter().flat_map(|policy| policy.objects(version)).collect()
    }

    fn policies(&self) -> Vec<Policy> {
        let place = (self.form.mutates() && self.place).then(|| place::policy(self));
        let hold = (self.form.mutates() && self.holds()).then(|| hold::policy(self));
        let pods = [place, hold, Some(deny::policy(self)), Some(binding::policy(self))];
        let names = [excluded_names::policy(self)];
        names.into_iter().chain(self.judges()).chain(pods).flatten().collect()
    }

    /// What judges users' requests about namespaces. Beside a webhook that is the webhook alone:
    /// what it writes in such a request looks like the user's here.
    fn judges(&self) -> Vec<Option<Policy>> {
        let [stamp, owners, seal] = match self.form {
            Form::Mutating(_) => [Some(stamp::policy(self)), None, Some(seal::policy(self))],
            Form::Validating => {
                [Some(stamp::refusing(self)), owners::policy(self), Some(seal::refusing(self))]
            }
            Form::BesideWebhook => return Vec::new(),
        };
        let refusal = self.form.mutates().then(|| seal::refusal(self));
        vec![stamp, owners, seal, refusal, references::policy(self), Some(room::policy(self))]
    }

    /// Whether Pods wait instead of being refused, whether the guard or the policy on Pods puts
    /// them at the gate.
    fn holds(&self) -> bool {
        let holds = match self.form {
            Form::Mutating(_) => true,
            Form::Validating => false,
            Form::BesideWebhook => self.settings.pods.holds(),
        };
        holds && self.on_unready == OnUnready::Hold
    }

    /// The label that a namespace must have for the guard to look at its Pods; `None` if it looks
    /// at all of them.
    fn selecting_label(&self) -> Option<&'static str> {
        (self.scope == GuardScope::Labelled).then(|| self.settings.tenant_label())
    }
}
