//! UPDATE: what landlord recorded on the old object counts, whatever the new one says; who changes
//! the claim must be allowed to on both sides; an edit that leaves the claim alone is denied only
//! for a cause that it brings itself.

use std::collections::BTreeSet;
use std::rc::Rc;

use serde_json::Value;
use tenancy::claim::{Claim, ClaimError, Evidence, Resolution, resolve};
use tenancy::collection::gather;
use tenancy::hook::{Failure, Stage};
use tenancy::keys::{CREATOR, OWN_PREFIX, REFUSED, UNCLAIMED};
use tenancy::ledger::{self, Ledger};
use tenancy::metadata::{Key, Metadata};
use tenancy::namespace::Namespace;
use tenancy::plan::{Clash, Plan, plan, read_ledger, unclaimed};
use tenancy::settings::{Claims, OnError, Settings};
use tenancy::tenant::Tenant;

use super::{
    Authority, Decision, Versions, admit, ambiguous, check_room, check_size, describe, document,
    invalid, namespace, rejection, unavailable,
};
use crate::host::Host;
use crate::lookup::{Tenants, Unavailable};
use crate::request::Request;
use crate::response::{Admission, Denial, Outcome};

/// What the rules make of a namespace.
type Answer = Result<Resolution<Rc<Tenant>>, ClaimError<Unavailable>>;

/// Decides an update of a namespace, its status or its finalizers.
pub(super) fn update(request: &Request, settings: &Settings, host: &dyn Host) -> Outcome {
    let old = namespace(request.old_object())?;
    let sent = namespace(request.object())?;
    let authority = Authority::new(settings, request);
    if old.terminating
        || settings.excludes(old.name_or_stem())
        || settings.is_controller(&authority.requester)
        || authority.requester.is_garbage_collector()
    {
        return Ok(Admission::default());
    }
    check_size(&sent)?;
    let (ledger, _) = read_ledger(&old.metadata);
    let tenants = Tenants::new(settings, host, old.name_or_stem());
    let ask = |namespace: &Namespace, object: &Value| -> Answer {
        let document = document(settings, None, object);
        resolve(
            settings,
            Evidence { namespace, ledger: &ledger, document: document.as_ref() },
            |name| tenants.get(name),
        )
    };
    let restored = restore(settings, &old, &sent);
    let (object, new) = (request.object(), &restored);
    let change = Change {
        request,
        object,
        sent: &sent,
        new,
        old: &old,
        ledger: &ledger,
        authority: &authority,
    };
    let before = ask(&old, request.old_object());
    change.decide(&before, ask(&restored, request.object()))
}

/// The new namespace with landlord's own annotations as they were, and the tenant label where it is
/// merely gone: `kubectl replace`, Terraform and the like drop it without meaning it.
fn restore(settings: &Settings, old: &Namespace, sent: &Namespace) -> Namespace {
    let mut namespace = sent.clone();
    // The guard is asked once more after the webhooks, and looks for its mark.
    let own = |key: &String| key.starts_with(OWN_PREFIX) && key != REFUSED;
    namespace.metadata.annotations.retain(|key, _| !own(key));
    let recorded = old.metadata.annotations.iter().filter(|(key, _)| own(key));
    namespace
        .metadata
        .annotations
        .extend(recorded.map(|(key, value)| (key.clone(), value.clone())));
    let label = settings.tenant_label();
    if let Some(value) = old.metadata.labels.get(label).filter(|value| !value.is_empty()) {
        let labels = &mut namespace.metadata.labels;
        labels.entry(label.to_owned()).or_insert_with(|| value.clone());
    }
    namespace
}

/// A namespace about to be changed.
struct Change<'a> {
    request: &'a Request,
    object: &'a Value,
    /// As the request has it.
    sent: &'a Namespace,
    /// With landlord's own record put back.
    new: &'a Namespace,
    old: &'a Namespace,
    /// The old object's, which is the new one's as well: it is put back.
    ledger: &'a Ledger,
    authority: &'a Authority<'a>,
}

impl Change<'_> {
    fn decide(&self, before: &Answer, after: Answer) -> Outcome {
        if !matches!(after, Ok(Resolution::Unclaimed)) {
            check_room(self.authority, &self.old.metadata, self.new)?;
        }
        if claimed(before) == claimed(&after) {
            return self.unchanged(after);
        }
        self.check_leave(before, &after)?;
        match after {
            Ok(Resolution::Known(claim, tenant)) => {
                self.authority.check_claim(&tenant, self.name())?;
                self.planned(&claim, &tenant, true)
            }
            Ok(Resolution::Unknown(claim)) => {
                let warning = self.authority.check_unknown(&claim, self.name())?;
                let mut admission = self.admit(&self.new.metadata, Decision::default());
                admission.warnings.insert(0, warning);
                Ok(admission)
            }
            Ok(Resolution::Unclaimed) => {
                self.authority.check_unclaimed(self.sent)?;
                let mut admission = self.unclaimed();
                admission.warnings.extend(self.left());
                Ok(admission)
            }
            Err(ClaimError::Lookup(error)) => self.move_to_unread(before, &error),
            Err(error) => Err(ambiguous(&error, self.name())),
        }
    }

    /// The claim is as it was, so the request is denied for nothing but what it brings itself.
    fn unchanged(&self, after: Answer) -> Outcome {
        match after {
            Ok(Resolution::Known(_, tenant))
                if !self.is_adopted_by(&tenant) && !self.may_adopt(&tenant) =>
            {
                Ok(self.hold(format!(
                    "tenant {:?} has not adopted this namespace, and only its owners and admins may have it adopted",
                    tenant.name
                )))
            }
            Ok(Resolution::Known(claim, tenant)) => self.planned(&claim, &tenant, false),
            Ok(Resolution::Unclaimed) if !self.may_release() => Ok(self.hold(format!(
                "no rule claims this namespace any more, and only admins take it from tenant {:?}",
                self.ledger.tenant
            ))),
            Ok(Resolution::Unclaimed) => Ok(self.unclaimed()),
            Ok(Resolution::Unknown(claim)) => Ok(self.hold(format!("tenant {:?} does not exist", claim.tenant))),
            Err(error) => Ok(self.hold(error.to_string())),
        }
    }

    fn is_adopted_by(&self, tenant: &Tenant) -> bool {
        self.ledger.tenant == tenant.name
    }

    /// Whether this edit, which leaves the claim alone, may have the namespace adopted for the tenant
    /// of the claim. What the record gives to another tenant, an admin gives away by sending the
    /// ledger of the new one, as `landlord adopt` does.
    fn may_adopt(&self, tenant: &Tenant) -> bool {
        let asks = || read_ledger(&self.sent.metadata).0.tenant == tenant.name;
        let marked = self.old.metadata.annotations.contains_key(UNCLAIMED);
        self.authority.check_claim(tenant, self.name()).is_ok()
            && (self.is_at_its_word()
                || self.authority.admin && asks()
                || self.ledger.tenant.is_empty() && !marked)
    }

    /// The same for a namespace that no rule claims: an admin releases it by sending no ledger.
    fn may_release(&self) -> bool {
        let asks = || !self.sent.metadata.annotations.contains_key(ledger::ANNOTATION);
        self.ledger.tenant.is_empty() || self.is_at_its_word() || self.authority.admin && asks()
    }

    /// Nobody is on record as the creator, and the settings trust all who may update namespaces.
    fn is_at_its_word(&self) -> bool {
        self.authority.settings.claims == Claims::Trusted
            && !self.old.metadata.annotations.contains_key(CREATOR)
    }

    /// Whether the requester may take the namespace away from the tenant that it has, which is the
    /// record's, whatever the rules find by now.
    fn check_leave(&self, before: &Answer, after: &Answer) -> Result<(), Denial> {
        let requester = &self.authority.requester;
        let recorded = &self.ledger.tenant;
        let tenant = match before {
            _ if self.authority.admin => return Ok(()),
            _ if !recorded.is_empty() && claimed(after) == Ok(Some(recorded)) => return Ok(()),
            Ok(_) if !recorded.is_empty() && claimed(before) != Ok(Some(recorded)) => recorded,
            Ok(Resolution::Unclaimed) => {
                return Err(Denial::forbidden(format!(
                    "namespace {:?} belongs to no tenant, and only admins give an existing namespace to one: ask an admin to run `landlord move {} --to TENANT`, or create another one with the claim",
                    self.name(),
                    self.name()
                )));
            }
            // A claim that never had any effect is nobody's to defend.
            Ok(Resolution::Unknown(claim)) if self.ledger.tenant != claim.tenant => return Ok(()),
            Ok(Resolution::Known(_, tenant)) if tenant.may_be_left_by(requester) => return Ok(()),
            Ok(Resolution::Known(claim, _) | Resolution::Unknown(claim)) => &claim.tenant,
            Err(ClaimError::Lookup(error)) => return Err(unavailable(error, self.name())),
            Err(error) => return Err(ambiguous(error, self.name())),
        };
        Err(Denial::forbidden(format!(
            "namespace {:?} belongs to tenant {tenant:?}, and {:?} may not take it away: ask one of the tenant's owners or an admin",
            self.name(),
            requester.username
        )))
    }

    /// A move to a tenant that cannot be read is never taken on trust; where a label is all that
    /// asks for it, it is put back.
    fn move_to_unread(&self, before: &Answer, error: &Unavailable) -> Outcome {
        let denial = unavailable(error, self.name());
        let settings = self.authority.settings;
        let label = settings.tenant_label();
        let asked_by_label =
            self.new.metadata.labels.get(label).is_some_and(|value| *value == error.tenant);
        if settings.on_error == OnError::Reject || !asked_by_label || before.is_err() {
            return Err(denial);
        }
        Ok(self.hold(format!("{}; label {label:?} was put back", denial.message)))
    }

    /// `moved` says that this request changes the claim, so that every fault of the new tenant is
    /// its own.
    fn planned(&self, claim: &Claim, tenant: &Tenant, moved: bool) -> Outcome {
        let settings = self.authority.settings;
        let stage = Stage::Update { request: self.request.raw(), old: &self.old.metadata };
        let before = || plan(settings, self.old, self.ledger, claim, tenant, stage);
        let planned = match plan(settings, self.new, self.ledger, claim, tenant, stage) {
            Ok(planned) => planned,
            Err(error) if moved || before().is_ok() => return Err(invalid(self.name(), &error)),
            Err(error) => return Ok(self.hold(error.to_string())),
        };
        let is_right = planned.refused.is_empty() && planned.rejections().next().is_none();
        let known = if moved || is_right { Plan::default() } else { before().unwrap_or_default() };
        let failures: BTreeSet<String> = gather(known.failures.iter().map(Failure::identity));
        let (old, new): (Vec<&Clash>, Vec<&Clash>) =
            planned.refused.iter().partition(|clash| known.refuses(clash));
        let (failing, failed): (Vec<&Failure>, Vec<&Failure>) =
            planned.rejections().partition(|failure| failures.contains(&failure.identity()));
        if let Some(denial) = rejection(&new, &failed, &tenant.name, self.name()) {
            return Err(denial);
        }
        let decision = Decision { tenant: &tenant.name, plan: Some((claim, &planned)) };
        let mut admission = self.admit(&planned.apply(&self.new.metadata), decision);
        let clashes = old.into_iter().map(|clash| format!("refused: {}", describe(clash)));
        admission.warnings.extend(clashes.chain(failing.into_iter().map(ToString::to_string)));
        Ok(admission)
    }

    fn unclaimed(&self) -> Admission {
        let plan = unclaimed(self.authority.settings, self.new, self.ledger);
        self.admit(&plan.apply(&self.new.metadata), Decision::default())
    }

    /// What an admin or an owner asked for by an empty label, or by a claim that is gone.
    fn left(&self) -> Option<String> {
        let tenant = &self.ledger.tenant;
        (!tenant.is_empty()).then(|| {
            format!(
                "namespace {:?} leaves tenant {tenant:?}: its labels, annotations and node selector are removed",
                self.name()
            )
        })
    }

    /// The tenant's wants are not known, so everything landlord wrote stays as it was, and the edit
    /// goes through.
    fn hold(&self, cause: String) -> Admission {
        let settings = self.authority.settings;
        let label = Key::label(settings.tenant_label());
        let kept = self.ledger.keys().chain([label]).filter(|key| !settings.protects(&key.name));
        let mut metadata = self.new.metadata.clone();
        kept.for_each(|key| copy(&key, &self.old.metadata, &mut metadata));
        let warning = format!("{cause}: landlord left this namespace's managed keys as they were");
        let mut admission =
            self.admit(&metadata, Decision { tenant: &self.ledger.tenant, plan: None });
        admission.warnings.insert(0, warning);
        admission
    }

    fn admit(&self, stored: &Metadata, decision: Decision<'_>) -> Admission {
        let (old, sent) = (&self.old.metadata, &self.sent.metadata);
        admit(self.authority, self.object, Versions { old, sent, stored }, decision)
    }

    fn name(&self) -> &str {
        self.old.name_or_stem()
    }
}

fn copy(key: &Key, from: &Metadata, to: &mut Metadata) {
    match from.field(key.field).get(&key.name) {
        Some(value) => drop(to.field_mut(key.field).insert(key.name.clone(), value.clone())),
        None => drop(to.field_mut(key.field).remove(&key.name)),
    }
}

/// What a namespace claims: the tenant's name, or why there is none.
fn claimed(answer: &Answer) -> Result<Option<&str>, &ClaimError<Unavailable>> {
    match answer {
        Ok(Resolution::Unclaimed) => Ok(None),
        Ok(Resolution::Unknown(claim) | Resolution::Known(claim, _)) => Ok(Some(&claim.tenant)),
        Err(error) => Err(error),
    }
}
