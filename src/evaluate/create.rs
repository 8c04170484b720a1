//! CREATE: what the request brings of landlord's own annotations counts for nothing; the requester
//! must own what they claim.

use serde_json::Value;
use tenancy::claim::{Claim, ClaimError, Evidence, Resolution, resolve, stated};
use tenancy::hook::{Failure, Stage};
use tenancy::keys::{CREATOR, OWN_PREFIX};
use tenancy::ledger::Ledger;
use tenancy::metadata::{Metadata, check_label_value};
use tenancy::namespace::Namespace;
use tenancy::plan::{plan, unclaimed};
use tenancy::requester::Requester;
use tenancy::settings::{OnError, Settings};
use tenancy::tenant::Tenant;
use tenancy::text;

use super::{
    Authority, Decision, Versions, admit, ambiguous, check_room, check_size, document, invalid,
    namespace, rejection, unavailable,
};
use crate::host::Host;
use crate::lookup::{Tenants, Unavailable};
use crate::request::Request;
use crate::response::{Admission, Denial, Outcome};

/// Decides the creation of a namespace.
pub(super) fn create(request: &Request, settings: &Settings, host: &dyn Host) -> Outcome {
    let authority = Authority::new(settings, request);
    let sent = namespace(request.object())?;
    if let Some(outcome) = excluded(&authority, &sent) {
        return outcome;
    }
    check_size(&sent)?;
    let stripped = Namespace {
        metadata: without_own_annotations(&sent.metadata, &authority.requester),
        ..sent.clone()
    };
    let document = document(settings, Some(request), request.object());
    let document = document.as_ref();
    let creation = Creation {
        request,
        object: request.object(),
        document,
        sent: &sent,
        namespace: &stripped,
        authority: &authority,
    };
    let evidence = Evidence { namespace: &stripped, ledger: &Ledger::default(), document };
    let tenants = Tenants::new(settings, host, sent.name_or_stem());
    match resolve(settings, evidence, |name| tenants.get(name)) {
        Ok(Resolution::Known(claim, tenant)) => creation.known(&claim, &tenant),
        Ok(Resolution::Unknown(claim)) => creation.unknown(&claim),
        Ok(Resolution::Unclaimed) => creation.unclaimed(),
        Err(ClaimError::Lookup(error)) => creation.unavailable(&error),
        Err(error) => Err(ambiguous(&error, sent.name_or_stem())),
    }
}

/// Excluded names would be a way out of the pool, so only admins and the platform's operators may
/// create such namespaces.
fn excluded(authority: &Authority<'_>, namespace: &Namespace) -> Option<Outcome> {
    let settings = authority.settings;
    let (certain, possible) = match &namespace.name {
        Some(name) => (settings.excludes(name), settings.excludes(name)),
        None => {
            let stem = namespace.name_or_stem();
            (settings.excludes_generated(stem), settings.may_exclude_generated(stem))
        }
    };
    let operator = settings.platform_operators.lists(&authority.requester);
    if certain && (authority.admin || operator) {
        Some(Ok(Admission::default()))
    } else {
        (possible && !authority.admin).then(|| {
            let name = namespace.name_or_stem();
            let admin = match authority.account() {
                Some(account) => {
                    format!("have an admin list {account:?} in platformOperators.serviceAccounts of landlord's settings")
                }
                None => "ask an admin to create it".to_owned(),
            };
            Err(Denial::forbidden(format!(
                "namespace {name:?} is excluded from tenancy (excludedNamespaces), so only admins and platformOperators may create it: choose another name, or {admin}"
            )))
        })
    }
}

/// Landlord writes these annotations itself. The guard's stamp stays if it tells the truth about
/// the requester.
fn without_own_annotations(metadata: &Metadata, requester: &Requester) -> Metadata {
    let is_true = |stamp: &str| {
        text::parse(stamp).is_ok_and(|stamp| Requester::from_user_info(&stamp) == *requester)
    };
    let stays =
        |key: &str, value: &str| !key.starts_with(OWN_PREFIX) || key == CREATOR && is_true(value);
    let mut metadata = metadata.clone();
    metadata.annotations.retain(|key, value| stays(key, value));
    metadata
}

/// A namespace about to be created.
struct Creation<'a> {
    request: &'a Request,
    object: &'a Value,
    /// What JSONPath rules read.
    document: Option<&'a Value>,
    /// As the request has it.
    sent: &'a Namespace,
    /// Without landlord's own annotations.
    namespace: &'a Namespace,
    authority: &'a Authority<'a>,
}

impl Creation<'_> {
    fn known(&self, claim: &Claim, tenant: &Tenant) -> Outcome {
        let name = self.namespace.name_or_stem();
        self.authority.check_claim(tenant, name)?;
        check_room(self.authority, &Metadata::default(), self.namespace)?;
        let stage = Stage::Create(self.request.raw());
        let plan =
            plan(self.authority.settings, self.namespace, &Ledger::default(), claim, tenant, stage)
                .map_err(|error| invalid(name, &error))?;
        // The controller's probes show whether the policy writes; what hooks require of namespaces
        // they need not have.
        let probe = self.authority.settings.is_controller(&self.authority.requester);
        let (told, rejections): (Vec<&Failure>, Vec<&Failure>) =
            plan.rejections().partition(|_| probe);
        if let Some(denial) =
            rejection(&Vec::from_iter(&plan.refused), &rejections, &tenant.name, name)
        {
            return Err(denial);
        }
        let decision = Decision { tenant: &tenant.name, plan: Some((claim, &plan)) };
        let mut admission = self.admit(&plan.apply(&self.namespace.metadata), decision);
        admission.warnings.extend(told.into_iter().map(ToString::to_string));
        // An admin may have meant a namespace of nobody's.
        if self.authority.admin && !probe && claim.rule.starts_with("namePrefix") {
            admission.warnings.push(format!(
                "namespace {name:?} belongs to tenant {:?} by its name (rule {}): choose another name if it is not meant",
                tenant.name, claim.rule
            ));
        }
        Ok(admission)
    }

    fn unclaimed(&self) -> Outcome {
        self.authority.check_unclaimed(self.sent)?;
        let plan = unclaimed(self.authority.settings, self.namespace, &Ledger::default());
        Ok(self.admit(&plan.apply(&self.namespace.metadata), Decision::default()))
    }

    fn unknown(&self, claim: &Claim) -> Outcome {
        let warning = self.authority.check_unknown(claim, self.namespace.name_or_stem())?;
        Ok(self.postpone(&claim.tenant, warning))
    }

    fn unavailable(&self, error: &Unavailable) -> Outcome {
        let denial = unavailable(error, self.namespace.name_or_stem());
        match self.authority.settings.on_error {
            OnError::Reject => Err(denial),
            OnError::Allow => Ok(self.postpone(&error.tenant, denial.message)),
        }
    }

    /// Accepts what the controller will finish. It cannot see the request, so a claim that is
    /// stated only there is recorded now.
    fn postpone(&self, tenant: &str, warning: String) -> Admission {
        let settings = self.authority.settings;
        let mut metadata = self.namespace.metadata.clone();
        if self.states(self.document, tenant)
            && !self.states(document(settings, None, self.object).as_ref(), tenant)
            && check_label_value(tenant).is_ok()
        {
            metadata.labels.insert(settings.tenant_label().to_owned(), tenant.to_owned());
        }
        let mut admission = self.admit(&metadata, Decision { tenant, plan: None });
        admission.warnings.insert(0, warning);
        admission
    }

    fn states(&self, document: Option<&Value>, tenant: &str) -> bool {
        let evidence = Evidence { namespace: self.namespace, ledger: &Ledger::default(), document };
        stated::<Unavailable>(self.authority.settings, evidence)
            .is_ok_and(|name| name.as_deref() == Some(tenant))
    }

    fn admit(&self, stored: &Metadata, decision: Decision<'_>) -> Admission {
        // The guard's stamp, which only counts if it is true, is not the requester's.
        let own = &self.namespace.metadata.annotations;
        let mut old = Metadata::default();
        let stamp = own.get_key_value(CREATOR);
        old.annotations.extend(stamp.map(|(key, stamp)| (key.clone(), stamp.clone())));
        let versions = Versions { old: &old, sent: &self.sent.metadata, stored };
        admit(self.authority, self.object, versions, decision)
    }
}
