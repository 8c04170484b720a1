//! Doctor: everything that must be true for the promise to hold that no Pod runs outside its
//! tenant's pool. Each check looks at one thing, writes nothing (what it tries is a dry run), and
//! says what is, why it matters and how to fix it. A check that cannot be made is not good.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt, join_all};
use kube::Client;
use tenancy::tenant::Tenant;

use ::guard::form::{Form, Webhook};
use assessment::inventory::Inventory;
use assessment::{Assessment, assess};
use cluster::admission_policies::stored::Stored;
use cluster::error::message;
use cluster::settings::{DEFAULT_POLICY, Origin};
use cluster::webhooks;
use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use tenancy::settings::Settings;
use tenancy::settings::strategy::{Choice, Mode, Strategy};

mod account;
mod claims;
mod clock;
mod daemon_sets;
mod default_selector;
mod enforced;
mod guard;
mod node_labels;
pub mod nodes;
mod owner_references;
pub mod plugin;
mod pools;
mod rights;
mod trial;
mod unclaimed;
mod version;
mod webhook;
mod writers;

use self::nodes::Nodes;

/// A check that takes longer is not made.
const CHECK_TIMEOUT: Duration = Duration::from_secs(20);

/// What is looked at, in the order of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    Version,
    Clock,
    Webhook,
    PodNodeSelector,
    DefaultSelector,
    Guard,
    GuardEnforced,
    Unclaimed,
    Claims,
    OwnerReferences,
    Account,
    Rights,
    Pools,
    NodeLabels,
    DaemonSets,
    Writers,
}

/// How it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Good,
    Wrong,
    /// The check could not be made.
    Unknown,
    /// A user said that it is not to be made, or there is nothing to look at.
    Skipped,
}

/// A line of the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub check: Check,
    pub state: State,
    pub what: String,
    pub fix: Option<String>,
}

/// Which Lease elects the controller that writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseName {
    pub namespace: String,
    pub name: String,
}

/// What is known of the cluster before the checks.
pub struct CheckContext {
    pub client: Client,
    /// The ClusterAdmissionPolicy's name.
    pub policy: String,
    /// The controller's Lease.
    pub lease: LeaseName,
    /// Where its settings are.
    origin: Origin,
    inventory: Inventory,
    assessments: Vec<Assessment>,
    nodes: Result<Nodes, String>,
    stored: Result<Stored, String>,
    /// What Kubewarden has made of the policy.
    webhooks: Result<Vec<MutatingWebhookConfiguration>, String>,
    /// Whether landlord is to be there already.
    is_installed: bool,
}

impl Check {
    /// All of them, in the order of the report.
    pub const ALL: [Self; 16] = [
        Self::Version,
        Self::Clock,
        Self::Webhook,
        Self::PodNodeSelector,
        Self::DefaultSelector,
        Self::Guard,
        Self::GuardEnforced,
        Self::Unclaimed,
        Self::Claims,
        Self::OwnerReferences,
        Self::Account,
        Self::Rights,
        Self::Pools,
        Self::NodeLabels,
        Self::DaemonSets,
        Self::Writers,
    ];

    /// Those that can be made before landlord is installed.
    pub const PREFLIGHT: [Self; 4] =
        [Self::Version, Self::Clock, Self::PodNodeSelector, Self::DefaultSelector];

    /// In one word, as `--skip` takes it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Version => "version",
            Self::Clock => "clock",
            Self::Webhook => "webhook",
            Self::PodNodeSelector => "pod-node-selector",
            Self::DefaultSelector => "default-selector",
            Self::Guard => "guard",
            Self::GuardEnforced => "guard-enforced",
            Self::Unclaimed => "unclaimed",
            Self::Claims => "claims",
            Self::OwnerReferences => "owner-references",
            Self::Account => "account",
            Self::Rights => "rights",
            Self::Pools => "pools",
            Self::NodeLabels => "node-labels",
            Self::DaemonSets => "daemon-sets",
            Self::Writers => "writers",
        }
    }

    /// Why it matters.
    pub fn why(self) -> &'static str {
        match self {
            Self::Version => {
                "the guard holds and places Pods by MutatingAdmissionPolicies; without them it can only refuse"
            }
            Self::Clock => {
                "how long a namespace has waited, and how long a mode has been in force, is the difference of the two"
            }
            Self::Webhook => {
                "a namespace that is created while it does not answer has no node selector until the controller comes"
            }
            Self::PodNodeSelector => {
                "the node selector on a namespace does nothing unless the API server puts it on Pods"
            }
            Self::DefaultSelector => {
                "held Pods carry the cluster's default selector, which can clash with their tenant's, and then they stay held"
            }
            Self::Guard => "without it, Pods of a namespace that is not compliant yet run anywhere",
            Self::GuardEnforced => {
                "a guard that lets Pods into a namespace which is not ready closes no window"
            }
            Self::Unclaimed => {
                "a namespace that no rule claims has no pool, so its Pods run anywhere"
            }
            Self::Claims => {
                "any user who may update a namespace can give it another tenant, unless the webhook is there to ask who it is"
            }
            Self::OwnerReferences => {
                "Kubernetes' garbage collector deletes a namespace, with all that is in it, once the owners that its owner references name are gone"
            }
            Self::Account => {
                "guard and policy let the controller's writes through by the name of its account; those of another are undone or refused"
            }
            Self::Rights => "what the controller may not do, it does not do",
            Self::Pools => {
                "Pods whose selector matches no node stay pending, unless an autoscaler makes one"
            }
            Self::NodeLabels => {
                "a kubelet may give such a label to its own node, and the owner of one node can draw a tenant's Pods to it"
            }
            Self::DaemonSets => {
                "a DaemonSet makes a Pod for every node that it chooses; the namespace's selector leaves those outside the pool pending"
            }
            Self::Writers => {
                "another writer of a managed key sets it back, and between the two the namespace is not compliant"
            }
        }
    }

    async fn check(self, context: &CheckContext) -> Vec<Finding> {
        let findings: BoxFuture<'_, Vec<Finding>> = match self {
            Self::Version => version::check(context).map(one).boxed(),
            Self::Clock => clock::check(context).map(one).boxed(),
            Self::Webhook => webhook::check(context).map(one).boxed(),
            Self::PodNodeSelector => plugin::check(context).map(one).boxed(),
            Self::DefaultSelector => default_selector::check(context).map(one).boxed(),
            Self::GuardEnforced => enforced::check(context).map(one).boxed(),
            Self::Account => account::check(context).map(one).boxed(),
            Self::Rights => rights::check(context).map(one).boxed(),
            Self::DaemonSets => daemon_sets::check(context).boxed(),
            Self::Pools => pools::check(context).boxed(),
            Self::Guard => return one(guard::check(context)),
            Self::Unclaimed => {
                let judged = context.is_judged_by_webhook();
                return one(unclaimed::check(&context.inventory.settings, judged));
            }
            Self::Claims => {
                let judged = context.is_judged_by_webhook();
                return one(claims::check(&context.inventory.settings, judged));
            }
            Self::OwnerReferences => return one(owner_references::check(&context.inventory)),
            Self::NodeLabels => return node_labels::check(context),
            Self::Writers => return writers::check(context),
        };
        let late = |_| {
            one(self.unknown(
                cluster::clock::late_message(CHECK_TIMEOUT),
                "ask again when the API server is less busy",
            ))
        };
        tokio::time::timeout(CHECK_TIMEOUT, findings).await.unwrap_or_else(late)
    }

    fn skipped(self, what: impl Into<String>) -> Finding {
        Finding { check: self, state: State::Skipped, what: what.into(), fix: None }
    }

    fn good(self, what: impl Into<String>) -> Finding {
        Finding { check: self, state: State::Good, what: what.into(), fix: None }
    }

    fn wrong(self, what: impl Into<String>, fix: impl Into<String>) -> Finding {
        Finding { check: self, state: State::Wrong, what: what.into(), fix: Some(fix.into()) }
    }

    fn unknown(self, what: impl Into<String>, fix: impl Into<String>) -> Finding {
        Finding { check: self, state: State::Unknown, what: what.into(), fix: Some(fix.into()) }
    }
}

impl State {
    pub fn word(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Wrong => "wrong",
            Self::Unknown => "unknown",
            Self::Skipped => "skipped",
        }
    }
}

fn one(finding: Finding) -> Vec<Finding> {
    vec![finding]
}

impl CheckContext {
    /// Reads what several checks look at. That nodes or the guard cannot be read is for them to
    /// say.
    pub async fn read(
        client: Client,
        policy: String,
        lease: LeaseName,
        origin: Origin,
        inventory: Inventory,
    ) -> Self {
        let assessments = assess(&inventory);
        let nodes = Nodes::read(&client)
            .await
            .map_err(|error| format!("nodes cannot be listed: {}", message(&error)));
        let stored = Stored::read(&client)
            .await
            .map_err(|error| format!("admission policies cannot be listed: {}", message(&error)));
        let webhooks = webhooks::of_policy(&client, &policy).await.map_err(|error| {
            format!("webhook configurations cannot be listed: {}", message(&error))
        });
        Self {
            client,
            policy,
            lease,
            origin,
            inventory,
            assessments,
            nodes,
            stored,
            webhooks,
            is_installed: true,
        }
    }

    /// Whether the webhook is asked about every namespace; `None` if that is not known.
    fn is_judged_by_webhook(&self) -> Option<bool> {
        let decides = |strategy: &Strategy| match strategy.mode {
            Choice::Webhook => true,
            Choice::Auto => strategy.pin == Some(Mode::Webhook),
            Choice::Controller | Choice::Hybrid => false,
        };
        let strategy = self.inventory.settings.strategy.as_ref();
        match self.origin {
            Origin::ConfigMap => Some(false),
            _ if !strategy.is_none_or(decides) => Some(false),
            Origin::Policy => Some(true),
            Origin::File => self.webhooks.as_ref().ok().map(|found| !found.is_empty()),
        }
    }

    /// What is known of a cluster in which landlord is not installed yet.
    pub async fn read_before_install(client: Client, settings: Settings) -> anyhow::Result<Self> {
        let inventory = Inventory::from_documents(settings, Vec::new())?;
        let lease = LeaseName { namespace: String::new(), name: String::new() };
        let policy = DEFAULT_POLICY.to_owned();
        let read = Self::read(client, policy, lease, Origin::File, inventory).await;
        Ok(Self { is_installed: false, ..read })
    }

    /// The form of the guard that belongs here; `None` if none is possible.
    fn guard_form(&self) -> Result<Option<Form>, String> {
        let served = self.stored.as_ref().map_err(Clone::clone)?.served();
        if served.mutating.is_some() || !self.is_installed {
            return Ok(Form::select(served, Webhook::Absent));
        }
        let found = self.webhooks.as_ref().map_err(Clone::clone)?;
        Ok(Form::select(served, webhooks::asked_about_namespaces(found)))
    }

    /// Makes these checks but those that are skipped, all at once.
    pub async fn check(&self, checks: &[Check], skipped: &BTreeSet<Check>) -> Vec<Finding> {
        let check = async |check: &Check| {
            if skipped.contains(check) {
                one(check.skipped("not looked at, as asked"))
            } else {
                check.check(self).await
            }
        };
        join_all(checks.iter().map(check)).await.concat()
    }

    /// Names of tenants that can be used, and what they are.
    fn tenants(&self) -> Vec<(String, Arc<Tenant>)> {
        let names = self.inventory.tenant_names().into_iter();
        names
            .filter_map(|name| {
                self.inventory.tenant(&name).ok().flatten().map(|tenant| (name, tenant))
            })
            .collect()
    }
}

/// A list in words, cut where it gets long.
fn some(names: impl IntoIterator<Item = impl ToString>) -> String {
    const MAX_SHOWN: usize = 5;
    let names: Vec<String> = names.into_iter().map(|name| name.to_string()).collect();
    match names.split_at_checked(MAX_SHOWN) {
        Some((shown, rest)) if !rest.is_empty() => {
            format!("{} and {} more", shown.join(", "), rest.len())
        }
        _ => names.join(", "),
    }
}
