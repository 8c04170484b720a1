//! Admission: what webhooks and admission policies do to patches, by rules that say which objects
//! they are about, and until when.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::answer::Refusal;
use super::target::{Target, Verb};

/// What one of them does.
#[derive(Clone, Debug)]
pub enum Admission {
    /// Denies the request with this status, as a webhook's author likes.
    Deny {
        code: u16,
        /// In seconds; 0 is none.
        retry_after: u64,
    },
    /// Accepts it, and sets everything back that it changes.
    Revert,
    /// Accepts it, and takes what these JSON pointers name out of the object.
    Strip(Vec<String>),
    /// Denies, with this status, a request that changes what this JSON pointer names.
    DenyChange { code: u16, pointer: String },
    /// Never answers a request that changes what this JSON pointer names.
    HangChange(String),
    /// Takes so long to accept it.
    Delay(Duration),
}

/// An admission, and what it is about: patches of every object, unless it is narrowed down.
#[derive(Clone, Debug)]
pub struct AdmissionRule {
    admission: Admission,
    plural: Option<String>,
    name_prefix: String,
    namespace_prefix: String,
    until: Option<Instant>,
}

impl AdmissionRule {
    /// One about every object, for ever.
    pub fn new(admission: Admission) -> Self {
        Self {
            admission,
            plural: None,
            name_prefix: String::new(),
            namespace_prefix: String::new(),
            until: None,
        }
    }

    /// Only objects of this kind, by its plural.
    #[must_use]
    pub fn only(self, plural: &str) -> Self {
        Self { plural: Some(plural.to_owned()), ..self }
    }

    /// Only objects whose names begin so.
    #[must_use]
    pub fn named(self, prefix: &str) -> Self {
        Self { name_prefix: prefix.to_owned(), ..self }
    }

    /// Only objects in namespaces whose names begin so.
    #[must_use]
    pub fn within(self, prefix: &str) -> Self {
        Self { namespace_prefix: prefix.to_owned(), ..self }
    }

    /// Only for so long, from now on.
    #[must_use]
    pub fn lasting(self, time: Duration) -> Self {
        Self { until: Some(Instant::now() + time), ..self }
    }

    fn is_about(&self, target: &Target) -> bool {
        target.verb == Verb::Patch
            && self.plural.as_ref().is_none_or(|plural| *plural == target.plural)
            && target.name.starts_with(&self.name_prefix)
            && target.namespace.starts_with(&self.namespace_prefix)
            && self.until.is_none_or(|until| Instant::now() < until)
    }
}

/// The rules that are there.
#[derive(Debug, Default)]
pub(super) struct Admissions(Vec<AdmissionRule>);

impl Admissions {
    pub(super) fn add(&mut self, rule: AdmissionRule) {
        self.0.push(rule);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// What the first one does that is about this request.
    pub(super) fn find(&self, target: &Target) -> Option<&Admission> {
        self.0.iter().find(|rule| rule.is_about(target)).map(|rule| &rule.admission)
    }
}

impl Admission {
    /// The refusal, if it is one.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Deny { code, retry_after } => Some(Refusal::denied(*code, *retry_after)),
            Self::Revert
            | Self::Strip(_)
            | Self::DenyChange { .. }
            | Self::HangChange(_)
            | Self::Delay(_) => None,
        }
    }
}

/// Takes what these pointers name out of an object.
pub(super) fn strip(object: &mut Value, pointers: &[String]) {
    for (parent, key) in pointers.iter().filter_map(|pointer| pointer.rsplit_once('/')) {
        if let Some(map) = object.pointer_mut(parent).and_then(Value::as_object_mut) {
            map.remove(&key.replace("~1", "/").replace("~0", "~"));
        }
    }
}
