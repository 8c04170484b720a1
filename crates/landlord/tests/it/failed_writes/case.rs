//! Case: one way in which a write fails, or cannot be made, and what ends it.

use std::time::Duration;

use assessment::Reason;
use fake_apiserver::InMemory;
use serde_json::{Value, json};

use super::objects::{POOL, namespace, put, put_namespaces, solar};

/// Kinds of failures, in the order of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    Refused,
    Changed,
    Server,
    Room,
    Claim,
    Tenant,
    Rival,
    Pods,
}

impl Group {
    pub(super) const ALL: [Self; 8] = [
        Self::Refused,
        Self::Changed,
        Self::Server,
        Self::Room,
        Self::Claim,
        Self::Tenant,
        Self::Rival,
        Self::Pods,
    ];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Refused => "Another webhook or admission policy refuses the write",
            Self::Changed => "Another webhook or admission policy changes the write",
            Self::Server => "The API server, and other clients",
            Self::Room => "The namespace has no room",
            Self::Claim => "Whose the namespace is cannot be told",
            Self::Tenant => "What the tenant wants cannot be written",
            Self::Rival => "Another client sets the namespace back each time",
            Self::Pods => "The Pod itself",
        }
    }
}

/// Where a failure is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// By an Event of the namespace and by the Tenant's condition `Converged`.
    Everywhere,
    /// By an Event of the namespace.
    Event,
    /// The same, and it was over before the cause went.
    Passed,
    /// By an Event of the Pod.
    Pod,
    /// In the controller's log and metrics.
    Log,
}

pub(super) type Act = Box<dyn Fn(&InMemory) + Send + Sync>;

/// See the module. It begins with tenants `solar` and `lunar` and solar's namespaces `web` and
/// `control`; then the cause comes, and solar gets another pool.
pub(super) struct Case {
    pub(super) group: Group,
    pub(super) what: String,
    /// The word that it is reported by; `None` where there is nothing to report.
    pub(super) reason: Option<Reason>,
    pub(super) told: Told,
    pub(super) settings: Value,
    /// What is there before the controller starts.
    pub(super) begins: Act,
    /// The pool that `web` gets first; `None` where it is not there yet.
    pub(super) first: Option<&'static str>,
    pub(super) breaks: Act,
    /// The tenant's edit.
    pub(super) edits: Act,
    /// What another client does to the metadata after each change.
    pub(super) rival: Option<fn(&mut Value)>,
    /// The cause goes.
    pub(super) restores: Act,
    /// The same in words.
    pub(super) cure: &'static str,
    /// Why the guard lets Pods into another pool than the tenant wants now.
    pub(super) open: Option<&'static str>,
    /// What the Pod says itself, and whether it has to wait in a ready namespace.
    pub(super) pod: Value,
    pub(super) waits: bool,
    /// Writes of the namespace that are tried meanwhile at most, withdrawals among them.
    pub(super) max_tries: usize,
    /// How long the cause stays.
    pub(super) lasts: Duration,
}

fn act(act: impl Fn(&InMemory) + Send + Sync + 'static) -> Act {
    Box::new(act)
}

impl Case {
    /// One that is reported by this word.
    pub(super) fn new(
        group: Group,
        what: &str,
        reason: impl Into<Option<Reason>>,
        cure: &'static str,
    ) -> Self {
        Self {
            group,
            what: what.to_owned(),
            reason: reason.into(),
            told: Told::Everywhere,
            settings: Value::Null,
            begins: act(put_namespaces),
            first: Some("pool=a"),
            breaks: act(|_| {}),
            edits: act(|server| put(server, solar(POOL))),
            rival: None,
            restores: act(|_| {}),
            cure,
            open: None,
            pod: json!({}),
            waits: false,
            max_tries: 40,
            lasts: Duration::from_secs(300),
        }
    }

    pub(super) fn broken(self, breaks: impl Fn(&InMemory) + Send + Sync + 'static) -> Self {
        Self { breaks: act(breaks), ..self }
    }

    pub(super) fn edited(self, edits: impl Fn(&InMemory) + Send + Sync + 'static) -> Self {
        Self { edits: act(edits), ..self }
    }

    pub(super) fn restored(self, restores: impl Fn(&InMemory) + Send + Sync + 'static) -> Self {
        Self { restores: act(restores), ..self }
    }

    pub(super) fn set(self, settings: Value) -> Self {
        Self { settings, ..self }
    }

    pub(super) fn told(self, told: Told) -> Self {
        Self { told, ..self }
    }

    /// Not fail-closed, for this reason.
    pub(super) fn open(self, why: &'static str) -> Self {
        Self { open: Some(why), ..self }
    }

    pub(super) fn contested(self, rival: fn(&mut Value)) -> Self {
        Self { rival: Some(rival), lasts: Duration::from_secs(120), ..self }
    }

    pub(super) fn beginning(
        self,
        first: Option<&'static str>,
        begins: impl Fn(&InMemory) + Send + Sync + 'static,
    ) -> Self {
        Self { first, begins: act(begins), ..self }
    }

    /// `web` is created while the cause is there.
    pub(super) fn fresh(self) -> Self {
        self.beginning(None, |server| put(server, namespace("control", "solar")))
    }

    /// Whether the cause is web's alone, so that its neighbour gets the new pool at once.
    pub(super) fn spares_control(&self) -> bool {
        match self.group {
            Group::Refused | Group::Changed | Group::Room | Group::Rival | Group::Pods => true,
            Group::Claim => self.reason != Some(Reason::UnknownTenant),
            Group::Server | Group::Tenant => false,
        }
    }

    /// A Pod that says this itself, and waits though its namespace is ready.
    pub(super) fn waiting(self, pod: Value) -> Self {
        Self { pod, waits: true, ..self }
    }
}
