//! Assessment: what the engine says of one namespace.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use tenancy::claim::{Claim, ClaimError, Evidence, Resolution, document, resolve};
use tenancy::hook::Stage;
use tenancy::ledger::{ANNOTATION, Ledger};
use tenancy::metadata::{Key, Metadata};
use tenancy::namespace::Namespace;
use tenancy::plan::{self, Plan};
use tenancy::ready::withdraw;
use tenancy::settings::Settings;
use tenancy::tenant::Tenant;
use tenancy::trust::{Doubt, Trust};
use tenancy::why::Why;

use crate::inventory::{Inventory, Listed, PROBE_NAMESPACE};
use crate::reason::{Fault, Reason};
use crate::record::Record;

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
    /// What landlord recorded on it.
    pub record: Record,
    pub plan: Plan,
    /// The plan that an admin's approval carries out, where the claim is not on record
    /// ([`Reason::Unverified`]).
    pub withheld: Plan,
    /// Where each wanted key comes from, whether it has to be changed or not: only of
    /// [`assess_with_origins`], as it takes a second plan.
    pub origins: BTreeMap<Key, Why>,
    /// Why there is no plan, or it does not suffice.
    pub fault: Option<Fault>,
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
        match (&self.fault, self.plan.is_empty(), &self.tenant) {
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

    /// Why there is no plan, or it does not suffice, in words.
    pub fn error(&self) -> Option<&str> {
        self.fault.as_ref().map(|fault| fault.message.as_str())
    }

    /// The same as one of a few words.
    pub fn reason(&self) -> Option<Reason> {
        self.fault.as_ref().map(|fault| fault.reason)
    }

    /// Whether a fault of this kind leaves open if the namespace carries what its tenant wants. A
    /// tenant that is gone may come back: until it counts as deleted, its namespaces stay as it left
    /// them.
    pub fn is_in_doubt(&self, reason: Reason) -> bool {
        let is_left = self.tenant.as_ref() == Some(&self.record.ledger.tenant);
        reason.blocks_writes() && !(reason == Reason::UnknownTenant && is_left)
    }

    /// The metadata without what makes the namespace ready, where its fault takes that away; `None`
    /// where it is not ready, or where what it carries counts all the same.
    pub fn withdrawn(&self, settings: &Settings) -> Option<Metadata> {
        self.is_in_doubt(self.reason()?).then(|| withdraw(settings, &self.before)).flatten()
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
    inventory.namespaces.iter().map(|listed| assess_one(inventory, listed)).collect()
}

/// The same about these, with the origins of all keys.
pub fn assess_with_origins<'a>(
    inventory: &Inventory,
    namespaces: impl IntoIterator<Item = &'a Listed>,
) -> Vec<Assessment> {
    let traced = |listed: &Listed| {
        let mut assessment = assess_one(inventory, listed);
        assessment.trace(&inventory.settings, &listed.namespace);
        assessment
    };
    namespaces.into_iter().map(traced).collect()
}

fn assess_one(inventory: &Inventory, Listed { namespace, object }: &Listed) -> Assessment {
    Assessment::judge(
        &inventory.settings,
        namespace,
        || object.clone(),
        |name| inventory.tenant(name),
    )
}

impl Assessment {
    /// Asks the engine about one namespace. `object` is asked for only if a rule reads paths of it.
    pub fn judge(
        settings: &Settings,
        namespace: &Namespace,
        object: impl FnOnce() -> Value,
        lookup: impl FnMut(&str) -> Result<Option<Arc<Tenant>>, String>,
    ) -> Self {
        Self::with(settings, namespace, Record::read(&namespace.metadata), object, lookup)
    }

    /// The same where the namespace's record is known.
    pub fn with(
        settings: &Settings,
        namespace: &Namespace,
        record: Record,
        object: impl FnOnce() -> Value,
        mut lookup: impl FnMut(&str) -> Result<Option<Arc<Tenant>>, String>,
    ) -> Self {
        let ledger = Arc::clone(&record.ledger);
        let trust = Trust { settings, metadata: &namespace.metadata, ledger: &ledger };
        let document = document(settings, None, object);
        let evidence = Evidence { namespace, ledger: &ledger, document: document.as_ref() };
        let mut assessment = Self::blank(namespace, record);
        // A tenant that cannot be used is claimed all the same: once it is fixed, its namespaces
        // have to be found.
        let mut unusable = None;
        let find = |name: &str| lookup(name).inspect_err(|_| unusable = Some(name.to_owned()));
        match resolve(settings, evidence, find) {
            Ok(Resolution::Unclaimed)
                if !trust.may_leave() && matches!(lookup(&ledger.tenant), Ok(None)) =>
            {
                // The claim went with its tenant, as an owner reference does.
                assessment.miss(ledger.tenant.clone(), ledger.by.clone());
            }
            Ok(Resolution::Unclaimed) => assessment.leave(trust, namespace),
            Ok(Resolution::Unknown(claim)) => {
                assessment.miss(claim.tenant, Some(claim.rule));
            }
            Ok(Resolution::Known(claim, tenant)) => {
                match plan::plan(settings, namespace, &ledger, &claim, &tenant, Stage::Reconcile) {
                    Ok(plan) => assessment.plan = plan,
                    Err(error) => assessment.fail(Reason::from(&error), error.to_string()),
                }
                let left = |name: &str| lookup(name).ok().flatten();
                let doubt = trust.check_claim(tenant.as_ref(), left).err();
                (assessment.tenant, assessment.rule, assessment.known) =
                    (Some(claim.tenant), Some(claim.rule), Some(tenant));
                assessment.doubt(settings, doubt);
            }
            Err(error) => {
                // Nothing is looked up here: tenants are at hand, and this one has a fault.
                let reason = match error {
                    ClaimError::Lookup(_) => Reason::InvalidTenant,
                    ClaimError::Ambiguous { .. } | ClaimError::TooLong { .. } => {
                        Reason::AmbiguousClaim
                    }
                };
                assessment.fail(reason, error.to_string());
                assessment.tenant = unusable;
            }
        }
        assessment
    }

    /// Finds out where each wanted key comes from: what would be set if landlord had not been there
    /// yet.
    fn trace(&mut self, settings: &Settings, namespace: &Namespace) {
        let (Some(tenant), Some(name), Some(rule), None) =
            (&self.known, &self.tenant, &self.rule, &self.fault)
        else {
            return;
        };
        let ledger = &self.record.ledger;
        let mut bare = namespace.clone();
        bare.metadata.annotations.remove(ANNOTATION);
        ledger.keys().for_each(|key| drop(bare.metadata.field_mut(key.field).remove(&key.name)));
        let claim = Claim { tenant: name.clone(), rule: rule.clone(), by: None };
        let plan =
            plan::plan(settings, &bare, &Ledger::default(), &claim, tenant, Stage::Reconcile)
                .unwrap_or_default();
        self.origins = plan
            .set
            .into_iter()
            .map(|(key, want)| (key, want.why))
            .filter(|(key, _)| ledger.manages(key))
            .collect();
    }

    /// Nobody claims it: what landlord wrote goes all the same where the settings do not let it be
    /// nobody's.
    fn leave(&mut self, trust: Trust<'_>, namespace: &Namespace) {
        let settings = trust.settings;
        self.plan = plan::unclaimed(settings, namespace, trust.ledger);
        if !trust.may_leave() || self.is_moved_unsealed(settings) {
            return self.withhold(format!(
                "no rule claims it any more, and no admission request on record took it from tenant {:?}, which keeps it: let an admin run \
                 `landlord adopt {name}` to release it, or `landlord move {name} --to TENANT`",
                trust.ledger.tenant,
                name = self.name
            ));
        }
        if !plan::may_be_unclaimed(settings, &namespace.metadata) {
            let admin = format!(
                "let an admin claim it by `landlord move {} --to TENANT`, or delete it",
                self.name
            );
            self.fail(Reason::Unclaimed, format!("no rule claims it, and its creator may not leave it so (unclaimed: reject): {admin}"));
        }
    }

    /// Leaves the namespace with the tenant of its record, where nobody is on record for the claim.
    fn doubt(&mut self, settings: &Settings, doubt: Option<Doubt>) {
        let name = &self.name;
        let tenant = self.tenant.as_deref().unwrap_or_default();
        let message = match doubt {
            Some(Doubt::Moved) => {
                let recorded = match self.record.ledger.tenant.as_str() {
                    "" => "nobody's".to_owned(),
                    left => format!("tenant {left:?}'s, which keeps it"),
                };
                format!(
                    "on record it is {recorded}, and no admission request on record moved it to tenant {tenant:?}: let an admin run `landlord adopt {name}`, or take the claim back"
                )
            }
            Some(Doubt::Creator) => format!(
                "its creator may not claim tenant {tenant:?}: let an owner or an admin claim it, or run `landlord adopt {name}`"
            ),
            None if self.is_moved_unsealed(settings) => format!(
                "it leaves its tenant by what anybody may write there, which landlord does not follow: put it back, or let an admin run `landlord adopt {name}`"
            ),
            None => return,
        };
        self.withhold(message);
    }

    /// A move, or a claim given up, by a rule whose evidence the guard does not seal: the webhook
    /// asks who does it, and nobody else can.
    fn is_moved_unsealed(&self, settings: &Settings) -> bool {
        let ledger = &self.record.ledger;
        let moves = !ledger.tenant.is_empty() && self.tenant.as_ref() != Some(&ledger.tenant);
        let unsealed = || settings.unsealed_rules();
        moves
            && [&self.rule, &ledger.by].into_iter().flatten().any(|rule| unsealed().contains(rule))
    }

    fn miss(&mut self, tenant: String, rule: Option<String>) {
        let message = format!("tenant {tenant:?} does not exist: create it, or fix the claim");
        self.fail(Reason::UnknownTenant, message);
        (self.tenant, self.rule) = (Some(tenant), rule);
    }

    fn withhold(&mut self, message: String) {
        self.withheld = std::mem::take(&mut self.plan);
        self.fail(Reason::Unverified, message);
    }

    fn blank(namespace: &Namespace, record: Record) -> Self {
        Self {
            name: namespace.name_or_stem().to_owned(),
            tenant: None,
            rule: None,
            known: None,
            before: namespace.metadata.clone(),
            record,
            plan: Plan::default(),
            withheld: Plan::default(),
            origins: BTreeMap::new(),
            fault: None,
        }
    }

    fn fail(&mut self, reason: Reason, message: String) {
        self.fault = Some(Fault { reason, message });
    }
}

#[cfg(test)]
mod law_eight;

#[cfg(test)]
mod tests {
    use tenancy::counters::{self, Counts};

    use super::*;
    use crate::document::read;

    const OBJECTS: &str = r#"
apiVersion: landlord.dev/v1alpha1
kind: Tenant
metadata: {name: solar}
spec: {labels: {team: solar}}
---
apiVersion: v1
kind: Namespace
metadata: {name: free}
---
apiVersion: v1
kind: Namespace
metadata:
  name: web
  labels: {landlord.dev/tenant: solar, team: solar}
  annotations: {landlord.dev/ledger: '{"tenant":"solar","labels":["team"],"annotations":[]}'}
"#;

    fn inventory() -> Inventory {
        let settings = Settings::from_value(&Value::Null).expect("settings");
        Inventory::from_documents(settings, read("objects", OBJECTS).expect("objects"))
            .expect("an inventory")
    }

    /// A namespace costs one plan and, where it has a ledger, one parse of it; only origins cost
    /// another plan, of what is claimed.
    #[test]
    fn only_origins_cost_a_second_plan() {
        let inventory = inventory();
        counters::take();
        let assessments = assess(&inventory);
        assert_eq!(counters::take(), Counts { plans: 2, ledgers: 1 });
        assert!(assessments.iter().all(|one| one.origins.is_empty()));

        let traced = assess_with_origins(&inventory, &inventory.namespaces);
        assert_eq!(counters::take(), Counts { plans: 3, ledgers: 1 });
        let web = traced.last().expect("web");
        assert_eq!(web.state(), State::Compliant);
        assert_eq!(web.origins, [(Key::label("team"), Why::Spec)].into());
    }

    #[test]
    fn a_record_that_cannot_be_read_is_named_and_rewritten() {
        let mut inventory = inventory();
        let web = inventory.namespaces.last_mut().expect("web");
        web.namespace.metadata.annotations.insert(ANNOTATION.to_owned(), "{".to_owned());
        let assessments = assess(&inventory);
        let web = assessments.last().expect("web");
        assert!(web.record.fault.as_deref().is_some_and(|fault| fault.contains("rewritten")));
        assert_eq!((&*web.record.ledger, web.state()), (&Ledger::default(), State::Drift));
    }
}
