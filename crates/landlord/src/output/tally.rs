//! Tally: how many namespaces of a plan stand how, in all and by tenant.

use std::collections::BTreeMap;

use assessment::{Assessment, State};

/// Numbers of namespaces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) compliant: usize,
    pub(crate) drift: usize,
    pub(crate) conflicted: usize,
    pub(crate) unclaimed: usize,
    pub(crate) errors: usize,
}

impl Tally {
    /// Counts these.
    pub(crate) fn count<'a>(assessments: impl IntoIterator<Item = &'a Assessment>) -> Self {
        let mut tally = Self::default();
        for assessment in assessments {
            *match assessment.state() {
                State::Compliant => &mut tally.compliant,
                State::Drift => &mut tally.drift,
                State::Conflicted => &mut tally.conflicted,
                State::Unclaimed => &mut tally.unclaimed,
                State::Error => &mut tally.errors,
            } += 1;
        }
        tally
    }

    pub(crate) fn total(&self) -> usize {
        self.compliant + self.drift + self.conflicted + self.unclaimed + self.errors
    }

    /// Each number with its words; conflicts are rare, and named where there are any.
    pub(crate) fn counts(&self) -> Vec<(usize, &'static str)> {
        let counts = [
            (self.compliant, "compliant"),
            (self.drift, "to change"),
            (self.unclaimed, "unclaimed"),
            (self.errors, "with errors"),
        ];
        let conflicted = (self.conflicted > 0).then_some((self.conflicted, "conflicted"));
        counts.into_iter().chain(conflicted).collect()
    }

    /// Whether nothing is to be told of single namespaces.
    pub(crate) fn is_calm(&self) -> bool {
        self.drift + self.conflicted + self.errors == 0
    }

    /// `4 namespaces: 1 compliant, 2 to change, 1 unclaimed, 0 with errors`
    pub(crate) fn describe(&self) -> String {
        let counts: Vec<String> =
            self.counts().iter().map(|(count, words)| format!("{count} {words}")).collect();
        let noun = if self.total() == 1 { "namespace" } else { "namespaces" };
        format!("{} {noun}: {}", self.total(), counts.join(", "))
    }
}

/// Namespaces of each tenant, in order of the names; those of nobody come last.
pub(crate) fn by_tenant(assessments: &[Assessment]) -> Vec<(Option<&str>, Vec<&Assessment>)> {
    let mut groups: BTreeMap<(bool, Option<&str>), Vec<&Assessment>> = BTreeMap::new();
    for assessment in assessments {
        let tenant = assessment.tenant.as_deref();
        groups.entry((tenant.is_none(), tenant)).or_default().push(assessment);
    }
    groups.into_iter().map(|((_, tenant), group)| (tenant, group)).collect()
}
