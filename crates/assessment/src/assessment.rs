//! Assessment: what the engine says of one namespace.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use tenancy::claim::{Claim, Evidence, Resolution, resolve};
use tenancy::hook::Stage;
use tenancy::ledger::ANNOTATION;
use tenancy::metadata::{Key, Metadata};
use tenancy::namespace::Namespace;
use tenancy::plan::{self, Plan, read_ledger};
use tenancy::settings::{Rule, Settings};
use tenancy::tenant::Tenant;
use tenancy::why::Why;

use crate::inventory::{Inventory, Listed, PROBE_NAMESPACE};

/// The reason of a claim that names no tenant.
pub const UNKNOWN_TENANT: &str = "UnknownTenant";
/// The reason of a claim on a tenant that cannot be used.
const INVALID_TENANT: &str = "InvalidTenant";
/// The reason of a namespace that nobody claims, and that the settings do not let be nobody's.
pub const UNCLAIMED: &str = "Unclaimed";

/// A namespace, whose it is, and what is to be done.
#[derive(Debug)]
pub struct Assessment {
    pub name: String,
    /// The tenant that is claimed, whether it exists or not.
    pub tenant: Option<String>,
    /// The rule that found it.
    pub rule: Option<String>,
    pub known: Option<Arc<Tenant>>,
    pub before: Metadata,
    pub plan: Plan,
    /// Where each wanted key comes from, whether it has to be changed or not. Only where somebody
    /// asks: see [`assess`].
    pub origins: BTreeMap<Key, Why>,
    /// Why there is no plan, or it does not suffice.
    pub error: Option<String>,
    /// The same as a bounded word, for metrics, events and conditions.
    pub reason: Option<&'static str>,
}

/// In one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Compliant,
    Drift,
    /// Nothing is to be written, but a key is refused or a hook rejects it.
    Conflicted,
    /// Nobody's, and nothing to do.
    Unclaimed,
    Error,
}

impl State {
    pub fn word(self) -> &'static str {
        match self {
            Self::Compliant => "compliant",
            Self::Drift => "drift",
            Self::Conflicted => "conflicted",
            Self::Unclaimed => "unclaimed",
            Self::Error => "error",
        }
    }
}

impl Assessment {
    pub fn state(&self) -> State {
        match (&self.error, self.plan.is_empty(), &self.tenant) {
            (Some(_), ..) => State::Error,
            (None, false, _) => State::Drift,
            (None, true, _) if self.is_rejected() => State::Conflicted,
            (None, true, None) => State::Unclaimed,
            (None, true, Some(_)) => State::Compliant,
        }
    }

    /// Whether the policy would deny a new namespace like this one.
    pub fn is_rejected(&self) -> bool {
        !self.plan.refused.is_empty() || self.plan.rejections().next().is_some()
    }

    /// Labels and annotations after the plan.
    pub fn after(&self) -> Metadata {
        self.plan.apply(&self.before)
    }
}

/// Whether landlord looks at a namespace at all: not at one that is excluded or on its way out, nor
/// at the one that the guard is tried in.
pub fn is_in_scope(settings: &Settings, namespace: &Namespace) -> bool {
    let name = namespace.name.as_deref().unwrap_or_default();
    !namespace.terminating && !settings.excludes(name) && name != PROBE_NAMESPACE
}

/// Asks the engine about every namespace of the inventory, in order of the names.
pub fn assess(inventory: &Inventory) -> Vec<Assessment> {
    let one = |Listed { namespace, object }: &Listed| {
        let mut assessment = Assessment::of(
            &inventory.settings,
            namespace,
            || object.clone(),
            |name| inventory.tenant(name),
        );
        assessment.trace(&inventory.settings, namespace);
        assessment
    };
    inventory.namespaces.iter().map(one).collect()
}

impl Assessment {
    /// Asks the engine about one namespace. `object` is asked for only if a rule reads paths of it.
    pub fn of(
        settings: &Settings,
        namespace: &Namespace,
        object: impl FnOnce() -> Value,
        mut lookup: impl FnMut(&str) -> Result<Option<Arc<Tenant>>, String>,
    ) -> Self {
        let (ledger, _) = read_ledger(&namespace.metadata);
        let reads_paths =
            settings.identify.iter().any(|rule| matches!(rule, Rule::JsonPath { .. }));
        let document = reads_paths.then(|| json!({"namespace": object()}));
        let evidence = Evidence { namespace, ledger: &ledger, document: document.as_ref() };
        let mut assessment = Self::blank(namespace);
        // A tenant that cannot be used is claimed all the same: once it is fixed, its namespaces
        // have to be found.
        let mut unusable = None;
        let lookup = |name: &str| lookup(name).inspect_err(|_| unusable = Some(name.to_owned()));
        match resolve(settings, evidence, lookup) {
            Ok(Resolution::Unclaimed) => assessment.leave(settings, namespace),
            Ok(Resolution::Unknown(claim)) => {
                assessment.fail(
                    UNKNOWN_TENANT,
                    format!(
                        "tenant {:?} does not exist: create it, or fix the claim",
                        claim.tenant
                    ),
                );
                (assessment.tenant, assessment.rule) = (Some(claim.tenant), Some(claim.rule));
            }
            Ok(Resolution::Known(claim, tenant)) => {
                match plan::plan(settings, namespace, &claim, &tenant, Stage::Reconcile) {
                    Ok(plan) => assessment.plan = plan,
                    Err(error) => assessment.fail(error.reason(), error.to_string()),
                }
                (assessment.tenant, assessment.rule, assessment.known) =
                    (Some(claim.tenant), Some(claim.rule), Some(tenant));
            }
            Err(error) => {
                // Nothing is looked up here: tenants are at hand, and this one has a fault.
                assessment.fail(
                    if unusable.is_some() { INVALID_TENANT } else { error.reason() },
                    error.to_string(),
                );
                assessment.tenant = unusable;
            }
        }
        assessment
    }

    /// Finds out where each wanted key comes from: what would be set if landlord had not been there
    /// yet.
    fn trace(&mut self, settings: &Settings, namespace: &Namespace) {
        let (Some(tenant), Some(name), Some(rule), None) =
            (&self.known, &self.tenant, &self.rule, &self.error)
        else {
            return;
        };
        let (ledger, _) = read_ledger(&namespace.metadata);
        let mut bare = namespace.clone();
        bare.metadata.annotations.remove(ANNOTATION);
        ledger.keys().for_each(|key| drop(bare.metadata.field_mut(key.field).remove(&key.name)));
        let claim = Claim { tenant: name.clone(), rule: rule.clone(), by: None };
        let plan =
            plan::plan(settings, &bare, &claim, tenant, Stage::Reconcile).unwrap_or_default();
        self.origins = plan
            .set
            .into_iter()
            .map(|(key, want)| (key, want.why))
            .filter(|(key, _)| ledger.manages(key))
            .collect();
    }

    /// Nobody claims it: what landlord wrote goes all the same where the settings do not let it be
    /// nobody's.
    fn leave(&mut self, settings: &Settings, namespace: &Namespace) {
        self.plan = plan::unclaimed(settings, namespace);
        if !plan::may_be_unclaimed(settings, &namespace.metadata) {
            let admin = format!(
                "let an admin claim it by `landlord move {} --to TENANT`, or delete it",
                self.name
            );
            self.fail(UNCLAIMED, format!("no rule claims it, and its creator may not leave it so (unclaimed: reject): {admin}"));
        }
    }

    fn blank(namespace: &Namespace) -> Self {
        Self {
            name: namespace.name_or_stem().to_owned(),
            tenant: None,
            rule: None,
            known: None,
            before: namespace.metadata.clone(),
            plan: Plan::default(),
            origins: BTreeMap::new(),
            error: None,
            reason: None,
        }
    }

    fn fail(&mut self, reason: &'static str, message: String) {
        (self.error, self.reason) = (Some(message), Some(reason));
    }
}
