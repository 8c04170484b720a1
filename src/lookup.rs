//! Lookup: tenants and namespaces, as the host hands them out.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use serde_json::{Value, json};
use tenancy::namespace::Namespace;
use tenancy::settings::{Reference, Settings, TenantLookup};
use tenancy::tenant::Tenant;
use tenancy::text;

use crate::host::Host;
use crate::log;

const UNREADABLE: &str = "try again, and see that the policy server may get tenants";
const UNUSABLE: &str = "let an admin fix the tenant";

/// A tenant that could not be read or used, with the cause and the remedy in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unavailable {
    pub(crate) tenant: String,
    cause: String,
    remedy: &'static str,
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fault = if self.is_unusable() { "cannot be used" } else { "could not be read" };
        write!(f, "tenant {:?} {fault} ({}): {}", self.tenant, self.cause, self.remedy)
    }
}

impl Unavailable {
    /// Whether it was read, and is wrong.
    pub(crate) fn is_unusable(&self) -> bool {
        self.remedy == UNUSABLE
    }
}

/// A tenant, or `None` where there is none of that name.
type Answer = Result<Option<Rc<Tenant>>, Unavailable>;

/// Tenants by name, each asked for once a request.
pub(crate) struct Tenants<'a> {
    settings: &'a Settings,
    host: &'a dyn Host,
    namespace: &'a str,
    known: RefCell<Vec<(String, Answer)>>,
}

impl<'a> Tenants<'a> {
    /// `namespace` is named in the log.
    pub(crate) fn new(settings: &'a Settings, host: &'a dyn Host, namespace: &'a str) -> Self {
        Self { settings, host, namespace, known: RefCell::default() }
    }

    /// The tenant, or `None` where there is none of that name.
    pub(crate) fn get(&self, name: &str) -> Answer {
        if let Some((_, known)) = self.known.borrow().iter().find(|(known, _)| known == name) {
            return known.clone();
        }
        let answer = self.read(name);
        if let Err(error) = &answer {
            log::warn_lookup(self.host, self.namespace, Some(name), &error.cause);
        }
        self.known.borrow_mut().push((name.to_owned(), answer.clone()));
        answer
    }

    fn read(&self, name: &str) -> Answer {
        let fault = |cause, remedy| Unavailable { tenant: name.to_owned(), cause, remedy };
        let source = &self.settings.source;
        if source.kind().is_none() {
            return Ok(source.inline(name).cloned().map(Rc::new));
        }
        let Some(reference) = source.reference(name) else { return Ok(None) };
        let object = get(self.host, &reference, self.settings.lookup)
            .map_err(|cause| fault(cause, UNREADABLE))?;
        object
            .map(|object| {
                self.settings
                    .tenant(&object)
                    .map(Rc::new)
                    .map_err(|error| fault(error.source.to_string(), UNUSABLE))
            })
            .transpose()
    }
}

/// The namespace that a Pod is created in, or why it cannot be read.
pub(crate) fn namespace(
    host: &dyn Host,
    name: &str,
    lookup: TenantLookup,
) -> Result<Namespace, String> {
    let reference = Reference {
        api_version: "v1".to_owned(),
        kind: "Namespace".to_owned(),
        namespace: None,
        name: name.to_owned(),
    };
    let found = get(host, &reference, lookup)
        .and_then(|object| object.ok_or_else(|| "it does not exist".to_owned()));
    let answer =
        found.and_then(|object| Namespace::from_value(&object).map_err(|error| error.to_string()));
    if let Err(cause) = &answer {
        log::warn_lookup(host, name, None, cause);
    }
    answer
}

/// One GET. The request names every field, because the host's own client library sends them all.
fn get(
    host: &dyn Host,
    reference: &Reference,
    lookup: TenantLookup,
) -> Result<Option<Value>, String> {
    let request = json!({
        "api_version": reference.api_version,
        "kind": reference.kind,
        "name": reference.name,
        "namespace": reference.namespace,
        "disable_cache": lookup == TenantLookup::Fresh,
        "field_masks": null,
    });
    match host.call("kubewarden", "kubernetes", "get_resource", text::print(&request).as_bytes()) {
        Ok(object) => serde_json::from_slice(&object)
            .map(Some)
            .map_err(|error| format!("the host's answer is not JSON, {error}")),
        Err(error) if error.contains(&not_found(reference)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// How policy-evaluator words a missing object; a missing *kind* is `Cannot find resource …` and
/// another matter.
fn not_found(Reference { api_version, kind, name, .. }: &Reference) -> String {
    format!("Cannot find {api_version}/{kind} named '{name}'")
}
