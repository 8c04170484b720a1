//! Pods: the work of the plugins `PodNodeSelector` and `PodTolerationRestriction`, where the API
//! server has neither and cannot run the guard's *place*. What counts is what the namespace says
//! when the Pod begins its way to a node: when it is created, and when it loses its last scheduling
//! gate.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tenancy::collection::gather;
use tenancy::keys::{DEFAULT_TOLERATIONS, GATE, NODE_SELECTOR};
use tenancy::metadata::Metadata;
use tenancy::ready::{is_ready, labelled_tenant, manages_annotation};
use tenancy::selector::NodeSelector;
use tenancy::settings::{OnError, Settings};
use tenancy::text::parse;

use super::member;
use crate::host::Host;
use crate::lookup;
use crate::request::Request;
use crate::response::{Admission, Denial, Outcome};

/// Who creates a DaemonSet's Pods: the controller's own account, or kube-controller-manager's where
/// its controllers share one.
const DAEMON_SET_CONTROLLERS: [&str; 2] =
    ["system:serviceaccount:kube-system:daemon-set-controller", "system:kube-controller-manager"];
/// The fields of a toleration, and what an absent one means.
const TOLERATION: [(&str, &str); 4] =
    [("key", ""), ("operator", "Equal"), ("value", ""), ("effect", "")];

/// Decides the creation of a Pod.
pub(super) fn create(request: &Request, settings: &Settings, host: &dyn Host) -> Outcome {
    let may_wait =
        |pod: &Value| settings.pods.holds() && read_text(spec(pod), "nodeName").is_empty();
    judge(request, settings, host, may_wait)
}

/// Decides the edit of a Pod. Only one matters: the Pod leaves landlord's gate, or its last one. It
/// may have waited there since its namespace had another selector, or none. The controller knows
/// the namespace's newest state.
pub(super) fn update(request: &Request, settings: &Settings, host: &dyn Host) -> Outcome {
    let (old, new) = (request.old_object(), request.object());
    let begins = is_held(old) && !is_held(new) || !gates(old).is_empty() && gates(new).is_empty();
    if !begins || settings.is_controller(&request.requester()) {
        return Ok(Admission::default());
    }
    judge(request, settings, host, |_| false)
}

fn judge(
    request: &Request,
    settings: &Settings,
    host: &dyn Host,
    may_wait: impl Fn(&Value) -> bool,
) -> Outcome {
    let name = request.namespace();
    if settings.excludes(name) || !settings.pods.daemon_sets && is_of_daemon_set(request) {
        return Ok(Admission::default());
    }
    let pod = request.object();
    match lookup::namespace(host, name, settings.lookup) {
        Ok(namespace) => {
            let place = Place { settings, name, metadata: &namespace.metadata };
            if may_wait(pod) && !place.is_ready() { Ok(hold(pod)) } else { place.put(pod) }
        }
        Err(cause) => unread(name, &cause, settings.on_error),
    }
}

/// Puts the Pod at landlord's gate, where it is not yet there.
fn hold(pod: &Value) -> Admission {
    let object = (!is_held(pod)).then(|| {
        let held = gates(pod).iter().cloned().chain([json!({"name": GATE})]).collect();
        let mut pod = pod.clone();
        set(&mut pod, "schedulingGates", Some(held));
        pod
    });
    Admission { object, ..Admission::default() }
}

/// The scheduling gates at which the Pod waits.
fn gates(pod: &Value) -> &[Value] {
    spec(pod).get("schedulingGates").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn is_held(pod: &Value) -> bool {
    gates(pod).iter().any(|gate| read_text(gate, "name") == GATE)
}

fn spec(pod: &Value) -> &Value {
    pod.get("spec").unwrap_or(&Value::Null)
}

/// An owner reference is anybody's to write, so it counts only if the DaemonSet controller wrote
/// it.
fn is_of_daemon_set(request: &Request) -> bool {
    let owners = request.object().pointer("/metadata/ownerReferences").and_then(Value::as_array);
    let owns = |owner: &Value| {
        read_text(owner, "kind") == "DaemonSet"
            && owner.get("controller").and_then(Value::as_bool) == Some(true)
    };
    DAEMON_SET_CONTROLLERS.contains(&request.requester().username.as_str())
        && owners.is_some_and(|owners| owners.iter().any(owns))
}

fn unread(name: &str, cause: &str, on_error: OnError) -> Outcome {
    let message = format!("namespace {name:?} could not be read ({cause})");
    match on_error {
        OnError::Reject => Err(Denial::unavailable(format!(
            "{message}: try again, and see that the policy server may get namespaces"
        ))),
        OnError::Allow => {
            let warning =
                format!("{message}: the Pod got neither its node selector nor its tolerations");
            Ok(Admission { warnings: vec![warning], ..Admission::default() })
        }
    }
}

/// The namespace of a Pod.
struct Place<'a> {
    settings: &'a Settings,
    name: &'a str,
    metadata: &'a Metadata,
}

impl Place<'_> {
    fn put(&self, pod: &Value) -> Outcome {
        self.check_ready()?;
        let selected = self.selected(spec(pod).get("nodeSelector").unwrap_or(&Value::Null))?;
        let tolerating = self.tolerating(spec(pod).get("tolerations").unwrap_or(&Value::Null))?;
        let object = (selected.is_some() || tolerating.is_some()).then(|| {
            let mut pod = pod.clone();
            set(&mut pod, "nodeSelector", selected);
            set(&mut pod, "tolerations", tolerating);
            pod
        });
        Ok(Admission { object, ..Admission::default() })
    }

    fn is_ready(&self) -> bool {
        is_ready(self.settings, self.metadata)
    }

    fn annotation(&self, key: &str) -> &str {
        self.metadata.annotations.get(key).map(String::as_str).unwrap_or_default()
    }

    /// What a namespace says may be wrong until landlord has written it, and a Pod's node selector
    /// cannot be changed later.
    fn check_ready(&self) -> Result<(), Denial> {
        if self.is_ready() {
            return Ok(());
        }
        let tenant = labelled_tenant(self.settings, self.metadata);
        let name = self.name;
        let what = tenant.map_or("belongs".to_owned(), |tenant| format!("tenant {tenant} wants"));
        Err(Denial::forbidden(format!(
            "namespace {name} is not ready: landlord has yet to write what {what} on it; try again in a moment, or ask `landlord explain {name}` why"
        )))
    }

    /// The Pod's node selector with the keys that it lacks, if it lacks any.
    fn selected(&self, own: &Value) -> Result<Option<Value>, Denial> {
        let text = self.annotation(NODE_SELECTOR);
        let selector: NodeSelector =
            text.parse().map_err(|error| self.unusable(NODE_SELECTOR, &format!("{error}")))?;
        let mut merged = own.as_object().cloned().unwrap_or_default();
        let (mut clashes, before) = (Vec::new(), merged.len());
        for (key, value) in selector.iter() {
            let found = merged.entry(key).or_insert_with(|| Value::String(value.to_owned()));
            if found.as_str() != Some(value) {
                clashes.push(format!("{key} is {found}, namespace {} wants {value:?}", self.name));
            }
        }
        if clashes.is_empty() {
            Ok((merged.len() > before).then_some(Value::Object(merged)))
        } else {
            Err(clash(&clashes))
        }
    }

    /// The Pod's tolerations with those that it lacks, if it lacks any.
    fn tolerating(&self, own: &Value) -> Result<Option<Value>, Denial> {
        let mut all = own.as_array().cloned().unwrap_or_default();
        let mut known: BTreeSet<String> = gather(all.iter().map(meaning));
        let before = all.len();
        all.extend(self.tolerations()?.into_iter().filter(|wanted| known.insert(meaning(wanted))));
        Ok((all.len() > before).then_some(Value::Array(all)))
    }

    /// Tolerations open nodes, so only those count that landlord itself has written. What is wrong
    /// with each, the API server says.
    fn tolerations(&self) -> Result<Vec<Value>, Denial> {
        let is_ours = manages_annotation(self.metadata, DEFAULT_TOLERATIONS);
        let text = if is_ours { self.annotation(DEFAULT_TOLERATIONS) } else { "" };
        match parse(if text.is_empty() { "[]" } else { text }) {
            Ok(Value::Array(list)) if list.iter().all(Value::is_object) => Ok(list),
            Ok(_) => Err(self.unusable(DEFAULT_TOLERATIONS, "it is not a list of tolerations")),
            Err(error) => {
                Err(self.unusable(DEFAULT_TOLERATIONS, &format!("it is not JSON, {error}")))
            }
        }
    }

    fn unusable(&self, key: &str, cause: &str) -> Denial {
        Denial::forbidden(format!(
            "annotation {key} of namespace {} cannot be used: {cause}; fix it or remove it",
            self.name
        ))
    }
}

/// As the plugin words it, and then what and where.
fn clash(clashes: &[String]) -> Denial {
    Denial::forbidden(format!(
        "pod node label selector conflicts with its namespace node label selector: {}; leave these keys out of spec.nodeSelector, or give them the \
         namespace's values",
        clashes.join("; ")
    ))
}

/// Writes a field of the Pod's spec, if there is something to write.
fn set(pod: &mut Value, field: &str, value: Option<Value>) {
    let spec = member(pod, "spec").and_then(Value::as_object_mut);
    if let Some((spec, value)) = spec.zip(value) {
        spec.insert(field.to_owned(), value);
    }
}

/// What a toleration tolerates, the same for all that tolerate the same.
fn meaning(toleration: &Value) -> String {
    let said = |(field, absent): (&'static str, &'static str)| match read_text(toleration, field) {
        "" => format!("{absent:?},"),
        said => format!("{said:?},"),
    };
    let seconds = toleration.get("tolerationSeconds").and_then(Value::as_i64);
    TOLERATION.into_iter().map(said).chain(seconds.map(|seconds| seconds.to_string())).collect()
}

fn read_text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}
