//! Promise: whether Pods run in their tenant's pool only, by the parts that this rests on. What is
//! not known is not good.

use schemars::JsonSchema;
use serde::Serialize;

use super::Counts;
use super::tenants::TenantRow;

/// Whether the promise is kept, and by what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Promise {
    state: PromiseState,
    /// Why, in sentences.
    says: String,
    /// What it rests on, in this order: guard, webhook, podNodeSelector, pools, namespaces,
    /// podsOutside.
    parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum PromiseState {
    /// Every part is good.
    Kept,
    /// Landlord is about to make it so.
    CatchingUp,
    /// A part is wrong.
    Broken,
    /// No part is wrong, but not all of them are known.
    Unknown,
}

/// Something that the promise rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Part {
    name: PartName,
    state: PartState,
    /// What is known of it, in a sentence without its end.
    says: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum PartName {
    /// Admission policies that keep Pods out of namespaces that are not ready.
    Guard,
    /// The policy that decides on namespaces as they are created.
    Webhook,
    /// The plugin of the API server that gives Pods their namespace's node selector, or what does
    /// so in its place.
    PodNodeSelector,
    /// Nodes that match the tenants' node selectors.
    Pools,
    /// Namespaces that carry what their tenant wants.
    Namespaces,
    /// Pods that run outside their tenant's pool.
    PodsOutside,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum PartState {
    /// It is known to do what the promise needs.
    Good,
    /// Landlord is about to make it good.
    Pending,
    /// It is known not to.
    Wrong,
    /// It could not be found out.
    Unknown,
    /// It is not installed, and need not be.
    Unused,
}

impl Part {
    pub(crate) fn new(name: PartName, state: PartState, says: impl Into<String>) -> Self {
        Self { name, state, says: says.into() }
    }
}

#[cfg(test)]
impl Part {
    pub(crate) fn state(&self) -> PartState {
        self.state
    }

    pub(crate) fn says(&self) -> &str {
        &self.says
    }
}

impl Promise {
    /// By what is known of the API server, and of tenants and namespaces. `is_read`: namespaces,
    /// tenants and settings.
    pub(super) fn judge(
        protection: Vec<Part>,
        counts: Counts,
        tenants: &[TenantRow],
        is_read: bool,
    ) -> Self {
        let mut parts = protection;
        parts.push(if is_read { judge_pools(tenants) } else { unread(PartName::Pools) });
        parts.push(if is_read {
            judge_namespaces(counts, tenants)
        } else {
            unread(PartName::Namespaces)
        });
        parts.push(Part::new(
            PartName::PodsOutside,
            PartState::Unknown,
            "not audited: start the controller with `--audit`",
        ));
        Self::from_parts(parts)
    }

    fn from_parts(parts: Vec<Part>) -> Self {
        let of = |state: PartState| -> Vec<&str> {
            parts.iter().filter(|part| part.state == state).map(|part| &*part.says).collect()
        };
        let (wrong, pending) = (of(PartState::Wrong), of(PartState::Pending));
        let (state, says) = if !wrong.is_empty() {
            (PromiseState::Broken, sentences(&wrong))
        } else if !pending.is_empty() {
            (PromiseState::CatchingUp, sentences(&pending))
        } else if of(PartState::Unknown).is_empty() {
            (PromiseState::Kept, "Every part that it rests on is in order.".to_owned())
        } else {
            let says = "Nothing is known to be wrong, but not every part is known.";
            (PromiseState::Unknown, says.to_owned())
        };
        Self { state, says, parts }
    }
}

fn unread(name: PartName) -> Part {
    Part::new(name, PartState::Unknown, "not everything has been read yet")
}

fn judge_pools(tenants: &[TenantRow]) -> Part {
    let part = |state, says: String| Part::new(PartName::Pools, state, says);
    let selecting = tenants.iter().filter(|tenant| !tenant.selectors.is_empty());
    let (mut count, mut empty) = (0, Vec::new());
    for tenant in selecting {
        match tenant.nodes_match {
            None => return part(PartState::Unknown, "nodes are not known".to_owned()),
            Some(true) => count += 1,
            Some(false) => empty.push(tenant.name.as_str()),
        }
    }
    match (empty.as_slice(), count) {
        ([], 0) => part(PartState::Unused, "no tenant has a node selector".to_owned()),
        ([], _) => part(PartState::Good, format!("the pools of {} have nodes", tenants_are(count))),
        ([name], _) => part(
            PartState::Wrong,
            format!("no node matches a node selector of tenant {name}, so its Pods stay pending"),
        ),
        (names, _) => part(
            PartState::Wrong,
            format!(
                "no node matches a node selector of {}, so their Pods stay pending",
                tenants_are(names.len())
            ),
        ),
    }
}

fn judge_namespaces(counts: Counts, tenants: &[TenantRow]) -> Part {
    let part = |state, says: String| Part::new(PartName::Namespaces, state, says);
    let troubled = counts.conflicted + counts.failed;
    let invalid = tenants.iter().filter(|tenant| tenant.invalid.is_some()).count();
    match (troubled, invalid, counts.pending, counts.total) {
        (0, 0, 0, 0) => part(PartState::Good, "there is no namespace yet".to_owned()),
        (0, 0, 0, 1) => part(PartState::Good, "the one namespace is compliant".to_owned()),
        (0, 0, 0, total) => part(PartState::Good, format!("all {total} namespaces are compliant")),
        (0, 0, 1, _) => part(PartState::Pending, "1 namespace is to be written".to_owned()),
        (0, 0, pending, _) => {
            part(PartState::Pending, format!("{pending} namespaces are to be written"))
        }
        (0, 1, ..) => part(PartState::Wrong, "1 tenant cannot be used".to_owned()),
        (0, invalid, ..) => part(PartState::Wrong, format!("{invalid} tenants cannot be used")),
        (1, ..) => part(PartState::Wrong, "1 namespace needs attention".to_owned()),
        (troubled, ..) => part(PartState::Wrong, format!("{troubled} namespaces need attention")),
    }
}

fn tenants_are(count: usize) -> String {
    if count == 1 { "1 tenant".to_owned() } else { format!("{count} tenants") }
}

/// Each with a capital letter and a full stop.
fn sentences(clauses: &[&str]) -> String {
    let sentence = |clause: &&str| {
        let mut letters = clause.chars();
        let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
        format!("{first}{}.", letters.as_str())
    };
    clauses.iter().map(sentence).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::PartState::{Good, Pending, Unknown, Unused, Wrong};
    use super::*;
    use rstest::rstest;

    fn counts(compliant: usize, pending: usize, failed: usize) -> Counts {
        Counts { total: compliant + pending + failed, compliant, pending, failed, conflicted: 0 }
    }

    fn tenant(name: &str, nodes_match: Option<bool>) -> TenantRow {
        TenantRow {
            name: name.to_owned(),
            namespaces: counts(1, 0, 0),
            invalid: None,
            contested: 0,
            selectors: vec!["pool=a".to_owned()],
            nodes_match,
        }
    }

    /// Whatever is not known is not good, and one wrong part is enough.
    #[rstest]
    #[case(&[Good, Good], PromiseState::Kept)]
    #[case(&[Good, Unused], PromiseState::Kept)]
    #[case(&[Good, Unknown], PromiseState::Unknown)]
    #[case(&[Pending, Unknown], PromiseState::CatchingUp)]
    #[case(&[Pending, Wrong, Unknown], PromiseState::Broken)]
    fn the_worst_part_decides(#[case] states: &[PartState], #[case] expected: PromiseState) {
        let part = |state: &PartState| Part::new(PartName::Guard, *state, "so it is");
        let promise = Promise::from_parts(states.iter().map(part).collect());
        assert_eq!(promise.state, expected);
    }

    #[rstest]
    #[case(counts(0, 0, 0), Good, "there is no namespace yet")]
    #[case(counts(3, 0, 0), Good, "all 3 namespaces are compliant")]
    #[case(counts(3, 1, 0), Pending, "1 namespace is to be written")]
    #[case(counts(3, 1, 2), Wrong, "2 namespaces need attention")]
    fn namespaces(#[case] counts: Counts, #[case] state: PartState, #[case] says: &str) {
        assert_eq!(judge_namespaces(counts, &[]), Part::new(PartName::Namespaces, state, says));
    }

    #[rstest]
    #[case(&[], Unused, "no tenant has a node selector")]
    #[case(&[tenant("solar", Some(true))], Good, "the pools of 1 tenant have nodes")]
    #[case(&[tenant("solar", None)], Unknown, "nodes are not known")]
    #[case(&[tenant("solar", Some(true)), tenant("mars", Some(false))], Wrong, "a node selector of tenant mars")]
    #[case(&[tenant("io", Some(false)), tenant("mars", Some(false))], Wrong, "a node selector of 2 tenants")]
    fn pools(#[case] tenants: &[TenantRow], #[case] state: PartState, #[case] says: &str) {
        let part = judge_pools(tenants);
        assert!(part.state == state && part.says.contains(says), "{part:?}");
    }

    /// All namespaces agree with tenants whose pools have no nodes, in a cluster without a guard.
    #[test]
    fn compliance_alone_is_not_the_promise() {
        let guard = Part::new(PartName::Guard, Wrong, "it is not installed");
        let promise =
            Promise::judge(vec![guard], counts(3, 0, 0), &[tenant("mars", Some(false))], true);
        assert_eq!(promise.state, PromiseState::Broken);
        assert!(
            promise.says.starts_with("It is not installed. No node matches a node selector"),
            "{promise:?}"
        );
    }

    #[test]
    fn nothing_is_said_of_what_is_not_read() {
        let promise = Promise::judge(Vec::new(), counts(0, 0, 0), &[], false);
        assert!(promise.parts.iter().all(|part| part.state == Unknown), "{promise:?}");
    }
}
