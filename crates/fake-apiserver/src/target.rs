//! Target: what a request is about, read from its method, path and query.

use std::collections::HashMap;

use http::{Method, Request};
use serde_json::Value;

use super::answer::Refusal;
use super::connection::Who;
use super::store::{Kind, State};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Verb {
    /// The kinds of a group's version.
    #[default]
    Discover,
    Get,
    List,
    Watch,
    Create,
    Update,
    Patch,
    Delete,
}

impl Verb {
    /// As Kubernetes' audit log calls it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Discover => "discover",
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
        }
    }
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Target {
    pub(super) verb: Verb,
    pub(super) api_version: String,
    pub(super) plural: String,
    /// Empty for objects without one, and for all of them.
    pub(super) namespace: String,
    /// Empty for collections.
    pub(super) name: String,
    /// `status`, `finalize` or empty.
    pub(super) subresource: String,
    pub(super) query: HashMap<String, String>,
    /// The patch is a list of operations (RFC 6902), not a merge patch.
    pub(super) json_patch: bool,
    /// Only the metadata are asked for.
    pub(super) metadata_only: bool,
    /// The client's name, where it has one.
    pub(super) who: Option<String>,
}

/// Which objects are asked for.
#[derive(Clone, Debug)]
pub(super) enum Wanted {
    All,
    Name(String),
    WithoutNode,
    /// Pods that have a node and are not finished.
    Bound,
}

/// The one selector of theirs that is understood.
const BOUND: &str = "spec.nodeName!=,status.phase!=Succeeded,status.phase!=Failed";

impl Wanted {
    pub(super) fn has(&self, object: &Value) -> bool {
        match self {
            Self::All => true,
            Self::Name(name) => object["metadata"]["name"] == **name,
            Self::WithoutNode => object["spec"]["nodeName"].is_null(),
            Self::Bound => {
                let phase = object["status"]["phase"].as_str();
                let is_finished = matches!(phase, Some("Succeeded" | "Failed"));
                !object["spec"]["nodeName"].is_null() && !is_finished
            }
        }
    }
}

impl Target {
    pub(super) fn flag(&self, name: &str) -> bool {
        self.query.get(name).is_some_and(|value| value == "true")
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.query.get(name)?.parse().ok()
    }

    pub(super) fn is_dry_run(&self) -> bool {
        self.query.get("dryRun").is_some_and(|value| value == "All")
    }

    /// Whether the label selector takes the object; only `key=value` is understood.
    pub(super) fn selects(&self, object: &Value) -> bool {
        let selector = self.query.get("labelSelector").map_or("", String::as_str);
        let requirements = selector.split(',').filter_map(|one| one.split_once('='));
        requirements.into_iter().all(|(key, value)| object["metadata"]["labels"][key] == value)
    }

    /// What a field selector asks for: a name, or Pods with a node or without; no other selector is
    /// understood.
    pub(super) fn wanted(&self) -> Result<Wanted, Refusal> {
        let selector = self.query.get("fieldSelector").map_or("", String::as_str);
        match (selector, selector.strip_prefix("metadata.name=")) {
            ("", _) => Ok(Wanted::All),
            ("spec.nodeName=", _) => Ok(Wanted::WithoutNode),
            (BOUND, _) => Ok(Wanted::Bound),
            (_, Some(name)) => Ok(Wanted::Name(name.to_owned())),
            _ => {
                Err(Refusal::bad_request(format!("field selector {selector:?} is not served here")))
            }
        }
    }
}

impl State {
    /// Reads a request's target; 404 where no such kind is served.
    pub(super) fn target(&self, request: &Request<Vec<u8>>) -> Result<Target, Refusal> {
        let parts: Vec<&str> =
            request.uri().path().split('/').filter(|part| !part.is_empty()).collect();
        let (api_version, rest) = match parts.as_slice() {
            ["api", version, rest @ ..] => ((*version).to_owned(), rest),
            ["apis", group, version, rest @ ..] => (format!("{group}/{version}"), rest),
            _ => return Err(Refusal::no_resource()),
        };
        let query = form(request.uri().query().unwrap_or_default());
        let accept = request
            .headers()
            .get(http::header::ACCEPT)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let metadata_only = accept.contains("as=PartialObjectMetadata");
        let json_patch = request
            .headers()
            .get(http::header::CONTENT_TYPE)
            .is_some_and(|kind| kind == "application/json-patch+json");
        let who = request.extensions().get::<Who>().map(|who| who.0.to_string());
        let mut target =
            Target { api_version, query, metadata_only, json_patch, who, ..Target::default() };
        if rest.is_empty() {
            return if self.kinds().any(|kind| kind.api_version == target.api_version) {
                Ok(target)
            } else {
                Err(Refusal::no_resource())
            };
        }
        self.enter(rest, &mut target)?;
        target.verb = verb(request.method(), &target)?;
        Ok(target)
    }

    /// `[namespaces/NAMESPACE/]PLURAL[/NAME[/SUBRESOURCE]]`.
    fn enter(&self, rest: &[&str], target: &mut Target) -> Result<(), Refusal> {
        let served = |plural: &str| self.kind(&target.api_version, plural).cloned();
        let (namespace, kind, rest) = match rest {
            ["namespaces", namespace, plural, rest @ ..]
                if served(plural).is_some_and(|kind| kind.namespaced) =>
            {
                (*namespace, served(plural), rest)
            }
            [plural, rest @ ..] => ("", served(plural), rest),
            [] => ("", None, rest),
        };
        let kind: Kind = kind.ok_or_else(Refusal::no_resource)?;
        let (name, subresource) = match rest {
            [] => ("", ""),
            [name] => (*name, ""),
            [name, subresource @ ("status" | "finalize")] => (*name, *subresource),
            _ => return Err(Refusal::no_resource()),
        };
        target.plural = kind.plural;
        (target.namespace, target.name, target.subresource) =
            (namespace.to_owned(), name.to_owned(), subresource.to_owned());
        Ok(())
    }
}

fn verb(method: &Method, target: &Target) -> Result<Verb, Refusal> {
    let one = !target.name.is_empty();
    match (method.as_str(), one) {
        ("GET", false) if target.flag("watch") => Ok(Verb::Watch),
        ("GET", false) => Ok(Verb::List),
        ("GET", true) => Ok(Verb::Get),
        ("POST", false) => Ok(Verb::Create),
        ("PUT", true) => Ok(Verb::Update),
        ("PATCH", true) => Ok(Verb::Patch),
        ("DELETE", true) => Ok(Verb::Delete),
        _ => Err(Refusal::bad_request(format!("{method} is not served here"))),
    }
}

/// A query, decoded.
fn form(query: &str) -> HashMap<String, String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(key, value)| (decoded(key), decoded(value))).collect()
}

/// `%3D` and `+`, as browsers and kube write them.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let hex: Option<u8> = (byte == b'%')
            .then(|| {
                let digits = [rest.clone().next()?, rest.clone().nth(1)?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()
            })
            .flatten();
        match (byte, hex) {
            (_, Some(value)) => {
                bytes.push(value);
                rest.nth(1);
            }
            (b'+', None) => bytes.push(b' '),
            (other, None) => bytes.push(other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
