//! Reading: one object, lists page by page, and which kinds there are.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::body::Body;
use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::answer::{Refusal, answer};
use super::store::{Pages, State};
use super::target::{Target, Verb};

impl State {
    pub(super) fn read(&mut self, target: &Target) -> Result<Response<Body>, Refusal> {
        let body = match target.verb {
            Verb::Discover => self.discover(target),
            Verb::Get => presented(self.found(target)?.as_ref(), target),
            _ => self.page(target)?,
        };
        Ok(answer(StatusCode::OK, &body))
    }

    pub(super) fn found(&self, target: &Target) -> Result<Arc<Value>, Refusal> {
        let key = key(&target.namespace, &target.name);
        let found = self.get(&target.api_version, &target.plural, &key);
        found.ok_or_else(|| Refusal::not_found(&target.plural, &target.name))
    }

    fn discover(&self, target: &Target) -> Value {
        let kinds = self.kinds().filter(|kind| kind.api_version == target.api_version);
        let resource = |kind: &super::Kind| {
            json!({"name": kind.plural, "singularName": kind.kind.to_lowercase(), "namespaced": kind.namespaced, "kind": kind.kind,
                   "verbs": ["get", "list", "watch", "create", "update", "patch", "delete"]})
        };
        json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": target.api_version, "resources": kinds.map(resource).collect::<Vec<_>>()})
    }

    fn page(&mut self, target: &Target) -> Result<Value, Refusal> {
        let mut pages = match target.query.get("continue").filter(|token| !token.is_empty()) {
            Some(token) => self.pages.get(token).cloned().ok_or_else(|| {
                Refusal::expired(
                    "The provided continue parameter is too old to display a consistent list result. You must start a new list without it.",
                )
            })?,
            None => self.begin_list(target)?,
        };
        let limit = target
            .number("limit")
            .filter(|limit| *limit > 0)
            .and_then(|limit| usize::try_from(limit).ok());
        let items: Vec<Value> = {
            let count = limit.unwrap_or(usize::MAX).min(pages.rest.len());
            pages.rest.drain(..count).map(|object| presented(&object, target)).collect()
        };
        let mut metadata = json!({"resourceVersion": pages.revision.to_string()});
        if !pages.rest.is_empty() {
            let token = format!(
                "{}/{}/{}/{}",
                target.plural,
                target.namespace,
                pages.revision,
                pages.rest.len()
            );
            metadata["continue"] = json!(token);
            metadata["remainingItemCount"] = json!(pages.rest.len());
            self.pages.insert(token, pages);
        }
        let kind = self.kind(&target.api_version, &target.plural).map_or("", |kind| &kind.kind);
        let (kind, api_version) = if target.metadata_only {
            ("PartialObjectMetadataList".to_owned(), "meta.k8s.io/v1")
        } else {
            (format!("{kind}List"), target.api_version.as_str())
        };
        Ok(json!({"kind": kind, "apiVersion": api_version, "metadata": metadata, "items": items}))
    }

    fn begin_list(&self, target: &Target) -> Result<Pages, Refusal> {
        let prefix = if target.namespace.is_empty() {
            String::new()
        } else {
            format!("{}/", target.namespace)
        };
        let objects = self.list(&target.api_version, &target.plural, &prefix);
        let wanted = target.wanted()?;
        let is_wanted = |object: &Arc<Value>| wanted.has(object) && target.selects(object);
        let rest: VecDeque<_> = objects.into_iter().filter(is_wanted).collect();
        Ok(Pages { revision: self.revision, rest })
    }
}

/// Where an object is kept.
pub(super) fn key(namespace: &str, name: &str) -> String {
    format!("{namespace}/{name}")
}

/// An object in the form that was asked for.
pub(super) fn presented(object: &Value, target: &Target) -> Value {
    if target.metadata_only {
        json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]})
    } else {
        object.clone()
    }
}
