//! Hook: whatever is to be said beyond a tenant's fixed fields. It sets and removes keys where its
//! conditions hold, and requires others (docs/hooks.md).
//!
//! ```text
//! tenant's own fields ─▶ hook ─▶ hook ─▶ … ─▶ wants, removals ─▶ plan ─▶ the namespace as it will be ─▶ every `require`
//!                         ▲ `when` and `fromPath` read the base: what no tenant and no hook writes
//! ```

use std::sync::Arc;

use serde_json::Value;

use crate::conflicts::Conflicts;
use crate::metadata::{Field, Metadata};
use crate::template::Template;

pub(crate) mod check;
mod condition;
mod document;
mod exclusion;
mod expression;
mod place;
#[cfg(feature = "schema")]
pub(crate) mod schema;
mod view;

pub use self::condition::{Condition, Listed, Matcher, Test};
pub(crate) use self::document::read_all;
pub use self::expression::Expression;
pub use self::place::Place;
pub(crate) use self::view::{Changes, Documents, View};

/// A hook in force: every path, expression, key and literal in it is valid.
#[derive(Clone, Debug, PartialEq)]
pub struct Hook {
    /// Unique among the hooks that meet on a namespace; a DNS label.
    pub name: String,
    /// Where it runs: at admission, in the controller, or both.
    pub stages: Stages,
    /// Lower runs first, ties by name.
    pub priority: i32,
    /// All must hold.
    pub when: Vec<Condition>,
    /// `None`: not managed by this hook; empty: "no selector, and not the cluster default either".
    pub node_selector: Option<Vec<(String, Source)>>,
    /// Labels and annotations that it sets, in the order in which they are written.
    pub set: Vec<Setting>,
    /// Labels and annotations that it removes.
    pub remove: Vec<Removal>,
    /// What must hold of the namespace in the end, after every hook.
    pub require: Vec<Requirement>,
    /// What becomes of the namespace where a requirement does not hold or a value cannot be made.
    pub on_failure: OnFailure,
    /// Instead of the tenant's, for the keys that this hook sets.
    pub conflicts: Option<Conflicts>,
}

/// Hooks in the order in which they run, shared by the tenants that have none of their own.
pub type Hooks = Arc<[Arc<Hook>]>;

/// Where a hook runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stages {
    /// In the policy, on CREATE and UPDATE.
    pub admission: bool,
    /// In the controller, and wherever else no request is at hand.
    pub reconcile: bool,
}

/// A label or annotation that a hook sets.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// Whether it is a label or an annotation.
    pub field: Field,
    /// The key, possibly templated.
    pub key: Template,
    /// Where the value comes from.
    pub value: Source,
}

/// A label or annotation that a hook removes, no matter who wrote it.
#[derive(Clone, Debug, PartialEq)]
pub struct Removal {
    /// Whether it is a label or an annotation.
    pub field: Field,
    /// The key, possibly templated.
    pub key: Template,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// A text, possibly templated.
    Text(Template),
    /// The one text, number or boolean at a place; where there is none, nothing is set.
    Path(Place),
}

/// What must hold in the end.
#[derive(Clone, Debug, PartialEq)]
pub struct Requirement {
    /// It is judged only where all of these hold in the end.
    pub given: Vec<Condition>,
    /// What must hold.
    pub condition: Condition,
    /// In the author's words.
    pub message: Option<String>,
}

/// What becomes of a namespace for which a hook fails: a requirement does not hold, or a value
/// cannot be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// Denied at admission; Conflicted at reconcile.
    #[default]
    Reject,
    /// Said in a warning and an event.
    Warn,
    /// Nothing is said.
    Ignore,
}

/// Where and when hooks run.
#[derive(Clone, Copy, Debug)]
pub enum Stage<'a> {
    /// At admission of a new namespace; the AdmissionRequest.
    Create(&'a Value),
    /// At admission of a change.
    Update {
        /// The AdmissionRequest.
        request: &'a Value,
        /// Labels and annotations before the change.
        old: &'a Metadata,
    },
    /// In the controller.
    Reconcile,
}

/// A requirement that does not hold, or a value that cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Failure {
    /// The hook's name.
    pub hook: String,
    /// What does not hold and how to end it, in one line.
    pub message: String,
    /// Whether it is only to be said, not to be acted upon.
    pub warning: bool,
    /// Whether the node selector could not be made, so that Pods must wait.
    pub placement: bool,
}

impl Failure {
    /// What makes it the same as another: hook and message. (A set of failures would
    /// be 4 KB of the policy.)
    pub fn identity(&self) -> String {
        [self.hook.as_str(), &self.message].join("\n")
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "hook {}: {}", self.hook, self.message)
    }
}

/// By priority, ties by name: the order in which they run, whatever the order in which they are
/// written.
pub(crate) fn in_order(mut hooks: Vec<Arc<Hook>>) -> Hooks {
    // One sort of hooks is 10 KB; most lists come in order, or nearly.
    for end in 1..hooks.len() {
        let mut at = end;
        while let Some([before, hook]) = at.checked_sub(1).and_then(|from| hooks.get(from..=at))
            && (before.priority, &before.name) > (hook.priority, &hook.name)
        {
            hooks.swap(at - 1, at);
            at -= 1;
        }
    }
    hooks.into()
}

impl<'a> Stage<'a> {
    pub(crate) fn request(self) -> Option<&'a Value> {
        match self {
            Self::Create(request) | Self::Update { request, .. } => Some(request),
            Self::Reconcile => None,
        }
    }
}

impl Source {
    /// The place that the value is read from, unless it is written down.
    pub(crate) fn place(&self) -> Option<&Place> {
        match self {
            Self::Path(place) => Some(place),
            Self::Text(_) => None,
        }
    }
}

impl Hook {
    /// Whether its requirements are judged at this stage.
    pub(crate) fn judges_at(&self, stage: Stage<'_>) -> bool {
        match stage {
            Stage::Create(_) | Stage::Update { .. } => self.stages.admission,
            Stage::Reconcile => self.stages.reconcile,
        }
    }

    /// Whether it sets and removes at this stage. What it reads of a request is the creator's: the
    /// next editor must not change it.
    pub(crate) fn writes_at(&self, stage: Stage<'_>) -> bool {
        self.judges_at(stage) && !(matches!(stage, Stage::Update { .. }) && self.reads_request())
    }

    /// Whether anything that decides what it sets or removes reads `$.request`.
    pub fn reads_request(&self) -> bool {
        self.written_from().any(Place::reads_request)
    }

    /// Whether it reads `$.tenant`.
    pub(crate) fn reads_tenant(&self) -> bool {
        self.places().any(Place::reads_tenant)
    }

    /// Every place that it reads.
    pub(crate) fn places(&self) -> impl Iterator<Item = &Place> {
        let required = self.require.iter().flat_map(|one| one.given.iter().chain([&one.condition]));
        self.written_from().chain(required.map(|condition| &condition.place))
    }

    /// The places that decide what it sets or removes.
    pub(crate) fn written_from(&self) -> impl Iterator<Item = &Place> {
        let selector = self.node_selector.iter().flatten().map(|(_, source)| source);
        let sources = self.set.iter().map(|setting| &setting.value).chain(selector);
        self.when.iter().map(|condition| &condition.place).chain(sources.filter_map(Source::place))
    }

    /// Every key that it could set or remove, unrendered.
    pub(crate) fn keys(&self) -> impl Iterator<Item = (Field, &Template)> {
        let set = self.set.iter().map(|setting| (setting.field, &setting.key));
        set.chain(self.remove.iter().map(|removal| (removal.field, &removal.key)))
    }
}
