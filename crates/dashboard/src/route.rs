//! Route: something that the API can be asked for, and what it answers.

use std::sync::Arc;

use axum::routing::MethodRouter;
use schemars::{Schema, SchemaGenerator};

use super::Dashboard;

/// One line of the table that is served and documented.
pub(super) struct Route {
    /// Below `/api`.
    pub(super) path: &'static str,
    pub(super) summary: &'static str,
    pub(super) asks: Asks,
    pub(super) answer: Answer,
    pub(super) handler: MethodRouter<Arc<Dashboard>>,
}

/// What has to be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asks {
    Nothing,
    /// A tenant, in the path.
    Tenant,
    /// A page of namespaces, in the query.
    Namespaces,
    /// A page of held Pods, in the query.
    HeldPods,
}

/// What comes back.
#[derive(Clone, Copy)]
pub(super) enum Answer {
    Json(fn(&mut SchemaGenerator) -> Schema),
    Events,
    /// This document.
    OpenApi,
}
