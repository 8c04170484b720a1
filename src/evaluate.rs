//! Evaluate: from a request to an outcome. CREATE and UPDATE differ in what they compare the
//! namespace with (docs/design.md, "Who may do what"). Pods are judged where the settings say so.

use serde_json::{Map as Object, Value};
use tenancy::claim::{self, Claim, ClaimError};
use tenancy::hook::Failure;
use tenancy::metadata::{Field, Metadata, check_annotations_bytes};
use tenancy::namespace::{Namespace, NamespaceError};
use tenancy::plan::{Clash, Plan, PlanError};
use tenancy::requester::Requester;
use tenancy::settings::{Settings, TenantSource};
use tenancy::tenant::Tenant;

use crate::host::Host;
use crate::lookup::Unavailable;
use crate::request::{Operation, Request};
use crate::response::{Admission, Denial, Outcome};

use self::overrides::{Decision, Versions, overrides};

mod create;
mod overrides;
mod pod;
mod update;

/// Most tenants that a refusal names.
const MAX_TENANT_NAMES: usize = 10;

/// Decides one request.
pub(crate) fn evaluate(request: &Request, settings: &Settings, host: &dyn Host) -> Outcome {
    match request.operation() {
        Operation::Create if request.is_about_pods() && settings.pods.place => {
            pod::create(request, settings, host)
        }
        Operation::Update if request.is_about_pods() && settings.pods.place => {
            pod::update(request, settings, host)
        }
        _ if !request.is_about_namespaces() => Ok(Admission::default()),
        Operation::Create => create::create(request, settings, host),
        Operation::Update => update::update(request, settings, host),
        Operation::Other => Ok(Admission::default()),
    }
}

/// Who asks, and what the settings let them do.
struct Authority<'a> {
    settings: &'a Settings,
    requester: Requester,
    admin: bool,
}

impl<'a> Authority<'a> {
    fn new(settings: &'a Settings, request: &Request) -> Self {
        let requester = request.requester();
        // The controller's own CREATEs are dry-run probes for any tenant.
        let admin = settings.is_admin(&requester) || settings.is_controller(&requester);
        Self { settings, requester, admin }
    }

    fn check_claim(&self, tenant: &Tenant, namespace: &str) -> Result<(), Denial> {
        if self.admin || tenant.may_be_claimed_by(&self.requester) {
            return Ok(());
        }
        let own = self.claimable().map_or_else(String::new, |names| format!(" ({names})"));
        let remedy = match self.account() {
            Some(account) => {
                format!(
                    "have an admin list ServiceAccount {account:?} among its owners or in admins.serviceAccounts of landlord's settings"
                )
            }
            None => "ask one of its owners or an admin".to_owned(),
        };
        Err(Denial::forbidden(format!(
            "namespace {namespace:?} claims tenant {:?}, which {:?} does not own: {remedy}, or claim a tenant of your own{own}",
            tenant.name, self.requester.username
        )))
    }

    /// A namespace that no rule claims.
    fn check_unclaimed(&self, namespace: &Namespace) -> Result<(), Denial> {
        if self.admin || self.settings.unclaimed == tenancy::settings::Unclaimed::Allow {
            return Ok(());
        }
        let label = self.settings.tenant_label();
        let first = match namespace.metadata.annotations.get(label) {
            Some(_) => format!("{label:?} is an annotation here, write it as a label"),
            None => format!("set the label {label:?} to the name of your tenant"),
        };
        let own = self.claimable().map_or_else(String::new, |names| format!(", {names}"));
        let other = match self.account() {
            Some(account) => {
                format!(
                    "in the manifest that creates it (Argo CD: managedNamespaceMetadata; Helm: create it before the release), or have an admin list {account:?} in admins.serviceAccounts of landlord's settings"
                )
            }
            None => "or ask an admin to create it".to_owned(),
        };
        Err(Denial::forbidden(format!(
            "no rule claims namespace {:?} for a tenant: {first}{own}, {other}",
            namespace.name_or_stem()
        )))
    }

    /// The requester's tenants, where no object has to be read for that.
    fn claimable(&self) -> Option<String> {
        let TenantSource::Inline(tenants) = &self.settings.source else { return None };
        let own = tenants.iter().filter(|tenant| tenant.may_be_claimed_by(&self.requester));
        let names: Vec<String> =
            own.take(MAX_TENANT_NAMES).map(|tenant| format!("{:?}", tenant.name)).collect();
        (!names.is_empty()).then(|| names.join(" or "))
    }

    /// The service account that asks, as `namespace:name`.
    fn account(&self) -> Option<&str> {
        self.requester.username.strip_prefix("system:serviceaccount:")
    }

    /// A claim that names no tenant.
    fn check_unknown(&self, claim: &Claim, namespace: &str) -> Result<String, Denial> {
        let form = match &self.settings.source {
            TenantSource::Custom(source) if source.namespaced && !claim.tenant.contains('_') => {
                ", write it as NAMESPACE:NAME"
            }
            _ => "",
        };
        let message = format!(
            "namespace {namespace:?} claims tenant {:?} (rule {}), which does not exist: fix the name{form} or create the tenant first",
            claim.tenant, claim.rule
        );
        match self.settings.unknown_tenant {
            tenancy::settings::UnknownTenant::Reject => Err(Denial::invalid(message)),
            tenancy::settings::UnknownTenant::Allow => Ok(message),
        }
    }
}

/// Reads an object of the request as a Namespace.
fn namespace(object: &Value) -> Result<Namespace, Denial> {
    Namespace::from_value(object)
        .map_err(|error: NamespaceError| Denial::invalid(error.to_string()))
}

/// The API server refuses more annotations, but only after it has asked; hooks need not read them
/// first.
fn check_size(namespace: &Namespace) -> Result<(), Denial> {
    let bytes =
        namespace.metadata.annotations.iter().map(|(key, value)| key.len() + value.len()).sum();
    check_annotations_bytes(bytes).map_err(|error| {
        Denial::invalid(format!("namespace {:?}: {error}", namespace.name_or_stem()))
    })
}

/// Most bytes of annotations, and of labels and annotations, that users give a claimed namespace: the
/// rest is for what landlord writes there.
const ANNOTATIONS_ROOM: usize = 200 * 1024;
const METADATA_ROOM: usize = 512 * 1024;

/// Refuses what would leave landlord no room. A namespace that has more already may have less.
fn check_room(authority: &Authority<'_>, old: &Metadata, new: &Namespace) -> Result<(), Denial> {
    let sizes = |metadata: &Metadata| {
        let [labels, annotations] = [&metadata.labels, &metadata.annotations]
            .map(|map| map.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>());
        [annotations, annotations + labels]
    };
    let rows = sizes(&new.metadata).into_iter().zip(sizes(old));
    for ((bytes, before), most) in rows.zip([ANNOTATIONS_ROOM, METADATA_ROOM]) {
        if bytes > most && bytes > before && !authority.admin {
            let what =
                if most == ANNOTATIONS_ROOM { "annotations" } else { "labels and annotations" };
            return Err(Denial::invalid(format!(
                "namespace {:?}: {what} have {bytes} bytes, which leaves no room for its tenant's: reduce them to {most}",
                new.name_or_stem()
            )));
        }
    }
    Ok(())
}

/// What JSONPath rules read.
fn document(settings: &Settings, request: Option<&Request>, object: &Value) -> Option<Value> {
    claim::document(settings, request.map(Request::raw), || object.clone())
}

/// A tenant that cannot be written on this namespace.
fn invalid(name: &str, error: &PlanError) -> Denial {
    Denial::invalid(format!("namespace {name:?}: {error}"))
}

fn ambiguous(error: &ClaimError<Unavailable>, namespace: &str) -> Denial {
    Denial::forbidden(format!("namespace {namespace:?}: {error}"))
}

fn unavailable(error: &Unavailable, namespace: &str) -> Denial {
    let message = format!("namespace {namespace:?}: {error}");
    // A client that tries again for ever changes nothing about a tenant that is wrong.
    if error.is_unusable() { Denial::invalid(message) } else { Denial::unavailable(message) }
}

/// Every clash and every failure of a hook in one message; `None` where there is neither.
fn rejection(
    clashes: &[&Clash],
    failures: &[&Failure],
    tenant: &str,
    namespace: &str,
) -> Option<Denial> {
    let list = |items: Vec<String>| (!items.is_empty()).then(|| items.join("; "));
    let failures = list(failures.iter().map(ToString::to_string).collect());
    let failures =
        failures.map(|list| format!("does not meet what tenant {tenant:?} requires: {list}"));
    let conflict = list(clashes.iter().map(|clash| describe(clash)).collect());
    let conflict =
        conflict.map(|list| format!("conflicts with tenant {tenant:?}: {list}; remove these keys or give them the tenant's values; an admin can let the tenant override them (conflicts: override)"));
    match (conflict, failures) {
        (None, None) => None,
        (None, Some(failures)) => {
            Some(Denial::invalid(format!("namespace {namespace:?} {failures}")))
        }
        (Some(conflict), None) => {
            Some(Denial::conflict(format!("namespace {namespace:?} {conflict}")))
        }
        (Some(conflict), Some(failures)) => {
            Some(Denial::conflict(format!("namespace {namespace:?} {conflict}; and it {failures}")))
        }
    }
}

fn kept(clash: &Clash) -> String {
    format!("kept: {}", describe(clash))
}

fn describe(Clash { key, found, wanted, why }: &Clash) -> String {
    match found {
        Some(found) => format!("{key} is {found:?}, the tenant wants {wanted:?} ({why})"),
        None => format!("{key} is absent, the tenant wants {wanted:?} ({why})"),
    }
}

/// An admission that stores `object` with other labels and annotations than the request has, if
/// they differ, and says which of the requester's are stored otherwise.
fn admit(
    authority: &Authority<'_>,
    object: &Value,
    versions: Versions<'_>,
    decision: Decision<'_>,
) -> Admission {
    let Versions { sent, stored, .. } = versions;
    let mut admission = Admission {
        object: (sent != stored).then(|| rewrite(object, sent, stored)),
        ..Admission::default()
    };
    if let Some((claim, plan)) = decision.plan {
        record(&mut admission, claim, plan);
    }
    admission.warnings.extend(overrides(authority, versions, decision));
    admission
}

/// The object with only those labels and annotations changed that differ; everything else stays as
/// it was sent.
fn rewrite(object: &Value, before: &Metadata, after: &Metadata) -> Value {
    let mut object = object.clone();
    for (field, name) in [(Field::Label, "labels"), (Field::Annotation, "annotations")] {
        let (before, after) = (before.field(field), after.field(field));
        if before != after
            && let Some(entries) = member(&mut object, "metadata")
                .and_then(|metadata| member(metadata, name))
                .and_then(Value::as_object_mut)
        {
            entries.retain(|key, _| after.contains_key(key));
            let changed = after.iter().filter(|(key, value)| before.get(*key) != Some(value));
            entries.extend(changed.map(|(key, value)| (key.clone(), Value::String(value.clone()))));
        }
    }
    object
}

/// The object under `name`, made where it is absent or `null`.
fn member<'a>(object: &'a mut Value, name: &str) -> Option<&'a mut Value> {
    let value = object.as_object_mut()?.entry(name).or_insert(Value::Null);
    if value.is_null() {
        *value = Value::Object(Object::new());
    }
    Some(value)
}

/// What the audit log learns of a planned namespace.
fn record(admission: &mut Admission, claim: &Claim, plan: &Plan) {
    admission.audit.extend([("tenant", claim.tenant.clone()), ("rule", claim.rule.clone())]);
    let list = |keys: Vec<String>| (!keys.is_empty()).then(|| keys.join(","));
    let set = list(plan.set.keys().map(|key| key.name.clone()).collect());
    let removed = list(plan.remove.keys().map(|key| key.name.clone()).collect());
    admission.audit.extend(
        [("set", set), ("removed", removed)]
            .into_iter()
            .filter_map(|(key, list)| Some((key, list?))),
    );
    admission.warnings.extend(plan.kept.iter().map(kept));
    admission
        .warnings
        .extend(plan.failures.iter().filter(|failure| failure.warning).map(ToString::to_string));
}
