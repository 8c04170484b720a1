//! Namespaces of an audit, each with what is said of it: what reports for other tools are made of.

use std::collections::BTreeMap;

use assessment::inventory::Inventory;
use assessment::{Assessment, Fault};
use cluster::reports::{OutsidePod, Placement, Standing};
use controller::planner::{rejection, warning};
use diagnostics::audit::eviction::Fate;
use diagnostics::audit::waiting::Outdated;
use diagnostics::audit::{Report, Stray, Unjudged};

/// A namespace that was looked at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Namespace {
    pub(crate) name: String,
    /// `None` where a file does not have it.
    uid: Option<String>,
    /// The tenant that is claimed, whether it exists or not.
    tenant: Option<String>,
    fault: Option<Fault>,
    is_pending: bool,
}

impl Namespace {
    /// Those of these assessments, in their order.
    pub(crate) fn all(inventory: &Inventory, assessments: &[Assessment]) -> Vec<Self> {
        let uids: BTreeMap<&str, &str> = inventory
            .namespaces
            .iter()
            .filter_map(|listed| {
                Some((
                    listed.namespace.name_or_stem(),
                    listed.object.pointer("/metadata/uid")?.as_str()?,
                ))
            })
            .collect();
        let judged = |assessment: &Assessment| {
            let plan = &assessment.plan;
            Self {
                name: assessment.name.clone(),
                uid: uids.get(assessment.name.as_str()).map(|uid| (*uid).to_owned()),
                tenant: assessment.tenant.clone(),
                fault: assessment
                    .fault
                    .clone()
                    .or_else(|| rejection(plan))
                    .or_else(|| warning(plan)),
                is_pending: !plan.is_empty(),
            }
        };
        assessments.iter().map(judged).collect()
    }

    pub(super) fn uid(&self) -> Option<&str> {
        self.uid.as_deref()
    }

    pub(super) fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    pub(super) fn standing(&self) -> Standing<'_> {
        let (tenant, fault) = (self.tenant(), self.fault.as_ref());
        Standing { tenant, fault, is_pending: self.is_pending }
    }

    /// Whether there is nothing to say of it: nobody's, and it may be.
    pub(super) fn is_free(&self) -> bool {
        self.tenant.is_none() && self.fault.is_none() && !self.is_pending
    }
}

/// What an audit says of one namespace.
#[derive(Debug, Default)]
pub(super) struct Part<'a> {
    /// Where its Pods belong; `None` where no node selector applies.
    pub(super) pool: Option<String>,
    /// Pods outside that are still there.
    pub(super) strays: Vec<&'a Stray>,
    pub(super) waiting: Vec<&'a Outdated>,
    pub(super) unjudged: Vec<&'a Unjudged>,
}

/// The same for every namespace, by name.
pub(super) fn parts(report: &Report) -> BTreeMap<&str, Part<'_>> {
    let mut parts: BTreeMap<&str, Part<'_>> = BTreeMap::new();
    for (name, pool) in &report.pools {
        parts.entry(name).or_default().pool = Some(pool.selector.to_string());
    }
    for stray in remaining(report) {
        parts.entry(&stray.pod.namespace).or_default().strays.push(stray);
    }
    for outdated in &report.outdated {
        parts.entry(&outdated.pod.namespace).or_default().waiting.push(outdated);
    }
    for unjudged in &report.unjudged {
        parts.entry(&unjudged.namespace).or_default().unjudged.push(unjudged);
    }
    parts
}

/// Pods outside that are still there: those that were evicted are on their way.
pub(crate) fn remaining(report: &Report) -> impl Iterator<Item = &Stray> {
    report.strays.iter().filter(|stray| !stray.fate.as_ref().is_some_and(Fate::is_gone))
}

/// Which Pod, or all, and why: `web-1: its node "n1" is not known`.
pub(super) fn unjudged_text(Unjudged { pod, error, .. }: &Unjudged) -> String {
    pod.as_ref().map_or_else(|| error.clone(), |pod| format!("{pod}: {error}"))
}

impl Part<'_> {
    pub(super) fn placement(&self) -> Placement {
        let outside = |stray: &&Stray| OutsidePod {
            name: stray.pod.name.clone(),
            uid: stray.pod.uid.clone(),
            node: stray.pod.node.clone(),
            cause: stray.cause.word(),
        };
        Placement {
            pool: self.pool.clone(),
            outside: self.strays.iter().map(outside).collect(),
            unjudged: self.unjudged.iter().map(|one| unjudged_text(one)).collect(),
        }
    }
}
