//! Admission: what webhooks and admission policies do to patches of objects whose names begin in a
//! certain way.

use std::time::Duration;

use super::answer::Refusal;

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
    /// Takes so long to accept it.
    Delay(Duration),
}

/// Those that are there, each with the names that it is about.
#[derive(Debug, Default)]
pub(super) struct Admissions(Vec<(String, Admission)>);

impl Admissions {
    pub(super) fn add(&mut self, prefix: &str, admission: Admission) {
        self.0.push((prefix.to_owned(), admission));
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// What the first one does that is about this object.
    pub(super) fn of(&self, name: &str) -> Option<&Admission> {
        self.0
            .iter()
            .find(|(prefix, _)| name.starts_with(prefix.as_str()))
            .map(|(_, admission)| admission)
    }
}

impl Admission {
    /// The refusal, if it is one.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Deny { code, retry_after } => Some(Refusal::denied(*code, *retry_after)),
            Self::Revert | Self::Delay(_) => None,
        }
    }
}
