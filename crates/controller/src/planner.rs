//! Planner: what is to be done with one namespace, decided on what the store knows. Pure; nothing waits.

use std::time::Instant;

use cluster::cached_namespace::CachedNamespace;
use cluster::write::Write;
use serde_json::Value;
use tenancy::desired::Want;
use tenancy::keys::CREATOR;
use tenancy::ledger;
use tenancy::metadata::Key;
use tenancy::plan::{self, Plan, changes_placement, decides_placement, read_ledger};
use tenancy::requester::Requester;
use tenancy::tenant::Tenant;
use tenancy::why::Why;

use crate::contention::{self, Fights};
use crate::queue::Urgency;
use crate::store::{Compliance, Standing, Store};
use assessment::{Assessment, UNCLAIMED, UNKNOWN_TENANT};

/// The reason of a namespace whose creator may not claim its tenant.
pub const UNVERIFIED: &str = "Unverified";
/// The reason of a namespace with keys that `conflicts: reject` refuses.
pub const CONFLICTED: &str = "Conflicted";
/// The reason of a namespace that a hook rejects.
pub const HOOK_REJECTED: &str = "HookRejected";
/// The reason of a namespace that is compliant, but of which a hook has something to say.
pub const HOOK_WARNING: &str = "HookWarning";
/// The reason of a namespace with keys that another writer sets back again and again.
pub const CONTESTED: &str = "Contested";

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Excluded, terminating or gone.
    Ignore,
    /// Nothing to write. `trouble` says why it is not compliant all the same.
    Rest {
        trouble: Option<Trouble>,
    },
    Write(PlannedWrite),
}

/// Why a namespace is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Trouble {
    /// Bounded, for metrics, events and conditions.
    pub reason: &'static str,
    pub message: String,
}

/// One patch that holds all changes of a namespace, and what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedWrite {
    pub request: Write,
    pub tenant: Option<String>,
    /// Whether a key that decides where Pods run is among the changes.
    pub placement: bool,
    /// Keys that are set, their values, and whether the ledger had them: then another writer has changed them.
    pub sets: Vec<(Key, String, bool)>,
    pub trouble: Option<Trouble>,
}

impl Trouble {
    /// Whether nothing may be written before it is mended.
    fn blocks(&self) -> bool {
        ![CONFLICTED, HOOK_REJECTED, HOOK_WARNING, CONTESTED, UNCLAIMED].contains(&self.reason)
    }
}

impl Decision {
    /// Why the namespace is not as it should be, or will not be.
    pub fn trouble(&self) -> Option<&Trouble> {
        match self {
            Self::Ignore => None,
            Self::Rest { trouble } => trouble.as_ref(),
            Self::Write(write) => write.trouble.as_ref(),
        }
    }
}

impl PlannedWrite {
    /// How urgent this is for a namespace that just changed (`live`), or that was found so.
    pub fn urgency(&self, live: bool) -> Urgency {
        match (live, self.placement) {
            (true, true) => Urgency::Placement,
            (true, false) => Urgency::Drift,
            (false, _) => Urgency::Backfill,
        }
    }
}

/// What is known when something is decided.
#[derive(Clone, Copy)]
pub struct Knowledge<'a> {
    pub store: &'a Store,
    pub fights: &'a Fights,
    pub now: Instant,
}

/// Decides, and says how the namespace stands.
pub fn decide(known: Knowledge<'_>, name: &str) -> (Decision, Option<Standing>) {
    let Knowledge { store, .. } = known;
    let (Some(held), Some(mut assessment)) = (store.namespace(name), store.assess(name)) else { return (Decision::Ignore, None) };
    if assessment.reason == Some(UNKNOWN_TENANT) {
        release(store, held, &mut assessment);
    }
    let contested = contest(known, held, &mut assessment.plan);
    let trouble =
        trouble(store, held, &assessment).or_else(|| contest_trouble(known, name, &contested)).or_else(|| warning(&assessment.plan));
    let blocked = trouble.as_ref().is_some_and(|trouble| trouble.blocks());
    let write = if blocked || assessment.plan.is_empty() { None } else { plan_write(held, &assessment, trouble.clone()) };
    let state = match (&trouble, &write) {
        (Some(Trouble { reason: CONFLICTED | HOOK_REJECTED | CONTESTED, .. }), _) => Compliance::Conflicted,
        (None | Some(Trouble { reason: HOOK_WARNING, .. }), Some(_)) => Compliance::Pending,
        (None | Some(Trouble { reason: HOOK_WARNING, .. }), None) => Compliance::Compliant,
        (Some(_), _) => Compliance::Failed,
    };
    let reason = trouble.as_ref().map(|trouble| trouble.reason).filter(|reason| *reason != HOOK_WARNING);
    let standing = Standing { tenant: assessment.tenant, state, reason };
    (write.map_or(Decision::Rest { trouble }, Decision::Write), Some(standing))
}

/// Takes contested keys out of the plan, and returns them. Those that decide where Pods run are put right all the same; but as long as
/// the other writer has to be expected, the ledger is pending, so that the guard lets no Pod in.
fn contest(Knowledge { fights, now, .. }: Knowledge<'_>, held: &CachedNamespace, plan: &mut Plan) -> Vec<Key> {
    let Some(name) = &held.namespace.name else { return Vec::new() };
    let (ledger, _) = read_ledger(&held.namespace.metadata);
    let again = |(key, want): (&Key, &Want)| fights.is_contested(name, key, &want.value, now).then(|| key.clone());
    let mut contested: Vec<Key> = plan.set.iter().filter_map(again).collect();
    let ours = |key: &Key| ledger.manages(key) || plan.set.contains_key(key);
    let fought = fights.fought(name, now).filter(|key| decides_placement(key) && ours(key) && !contested.contains(key));
    let fought: Vec<Key> = fought.cloned().collect();
    contested.extend(fought);
    contested.iter().filter(|key| !decides_placement(key)).for_each(|key| drop(plan.set.remove(key)));
    if contested.iter().any(decides_placement) {
        mark_pending(held, plan);
    }
    contested
}

fn mark_pending(held: &CachedNamespace, plan: &mut Plan) {
    let before = &held.namespace.metadata;
    let (mut next, _) = read_ledger(&plan.apply(before));
    next.pending = Some(CONTESTED.to_owned());
    let (key, value) = (Key::annotation(ledger::ANNOTATION), next.to_string_compact());
    match before.annotations.get(ledger::ANNOTATION) == Some(&value) {
        true => plan.set.remove(&key),
        false => plan.set.insert(key, Want { value, why: Why::Ledger }),
    };
}

fn contest_trouble(Knowledge { fights, .. }: Knowledge<'_>, name: &str, keys: &[Key]) -> Option<Trouble> {
    let rival = fights.rival(name);
    let names: Vec<String> = keys.iter().map(ToString::to_string).collect();
    (!keys.is_empty()).then(|| Trouble {
        reason: CONTESTED,
        message: format!(
            "{} set back {} times in {} minutes by {}; what ends it: {}",
            names.join(", "),
            contention::REVERSALS,
            contention::WINDOW.as_secs() / 60,
            rival.map_or("another writer".to_owned(), |rival| format!("field manager {rival:?}")),
            contention::advice(rival, name, keys)
        ),
    })
}

/// A tenant that is gone for good leaves nothing behind but its label.
fn release(store: &Store, held: &CachedNamespace, assessment: &mut Assessment) {
    let buried = assessment.tenant.as_deref().is_some_and(|tenant| store.is_buried(tenant));
    if buried && read_ledger(&held.namespace.metadata).0.tenant == assessment.tenant.clone().unwrap_or_default() {
        assessment.plan = plan::release(store.settings(), &held.namespace);
        (assessment.error, assessment.reason) = (None, None);
    }
}

fn trouble(store: &Store, held: &CachedNamespace, assessment: &Assessment) -> Option<Trouble> {
    if let (Some(reason), Some(message)) = (assessment.reason, assessment.error.clone()) {
        return Some(Trouble { reason, message });
    }
    if is_moved_unsealed(store, held, assessment) {
        let message = format!(
            "it leaves its tenant by what anybody may write there, which landlord does not follow: put it back, or let an admin run `landlord adopt {}`",
            assessment.name
        );
        return Some(Trouble { reason: UNVERIFIED, message });
    }
    if let Some(tenant) = &assessment.known
        && !may_adopt(store, held, tenant)
    {
        let message = format!(
            "its creator may not claim tenant {:?}: let an owner or an admin claim it, or run `landlord adopt {}`",
            tenant.name, assessment.name
        );
        return Some(Trouble { reason: UNVERIFIED, message });
    }
    rejection(&assessment.plan)
}

/// What the policy would deny a new namespace for: clashes and hooks, all in one message.
pub fn rejection(plan: &Plan) -> Option<Trouble> {
    let refused: Vec<String> = plan.refused.iter().map(|clash| clash.key.to_string()).collect();
    let clashes = (!refused.is_empty()).then(|| {
        format!("{} already there with another value (conflicts: reject): remove it, or let the tenant override", refused.join(", "))
    });
    let reason = if clashes.is_some() { CONFLICTED } else { HOOK_REJECTED };
    let messages: Vec<String> = clashes.into_iter().chain(plan.rejections().map(ToString::to_string)).collect();
    (!messages.is_empty()).then(|| Trouble { reason, message: messages.join("; ") })
}

/// What hooks have to say of a namespace that is all right for them.
fn warning(plan: &Plan) -> Option<Trouble> {
    let messages: Vec<String> = plan.failures.iter().filter(|failure| failure.warning).map(ToString::to_string).collect();
    (!messages.is_empty()).then(|| Trouble { reason: HOOK_WARNING, message: messages.join("; ") })
}

/// A move, or a claim given up, by a rule whose evidence the guard does not seal: the webhook asks who does it, and nobody else can. The tenant that has
/// the namespace keeps it.
fn is_moved_unsealed(store: &Store, held: &CachedNamespace, assessment: &Assessment) -> bool {
    let (ledger, _) = read_ledger(&held.namespace.metadata);
    let unsealed = store.settings().unsealed_rules();
    let moves = !ledger.tenant.is_empty() && assessment.tenant.as_ref() != Some(&ledger.tenant);
    moves && [&assessment.rule, &ledger.by].into_iter().flatten().any(|rule| unsealed.contains(rule))
}

/// The check that the policy makes at CREATE, made up for: only a stamp of the guard says who the creator was.
fn may_adopt(store: &Store, held: &CachedNamespace, tenant: &Tenant) -> bool {
    let (ledger, _) = read_ledger(&held.namespace.metadata);
    let Some(stamp) = held.namespace.metadata.annotations.get(CREATOR) else { return true };
    if ledger.tenant == tenant.name || tenant.owners.is_none() {
        return true;
    }
    let creator = serde_json::from_str(stamp).map(|stamp: Value| Requester::from_user_info(&stamp));
    creator.is_ok_and(|creator| store.settings().is_admin(&creator) || tenant.may_be_claimed_by(&creator))
}

fn plan_write(held: &CachedNamespace, assessment: &Assessment, trouble: Option<Trouble>) -> Option<PlannedWrite> {
    let request = Write::between(held, &assessment.plan.apply(&held.namespace.metadata))?;
    Some(PlannedWrite {
        request,
        tenant: assessment.tenant.clone(),
        placement: changes_placement(&assessment.plan),
        sets: sets(held, &assessment.plan),
        trouble,
    })
}

fn sets(held: &CachedNamespace, plan: &Plan) -> Vec<(Key, String, bool)> {
    let (ledger, _) = read_ledger(&held.namespace.metadata);
    let own = Key::annotation(ledger::ANNOTATION);
    let set = plan.set.iter().filter(|(key, _)| **key != own);
    set.map(|(key, want)| (key.clone(), want.value.clone(), ledger.manages(key))).collect()
}
