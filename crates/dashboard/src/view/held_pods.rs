//! Held Pods: a page of the Pods behind landlord's scheduling gate – which, since when, why, and
//! what ends it.

use assessment::Fault;
use controller::snapshot::HeldState as State;
use controller::snapshot::{Compliance, GatedPodRow, NamespaceRow, Namespaces, Snapshots};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{page, time};

/// What is asked for.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(crate) struct Wanted {
    /// Those in namespaces of this tenant.
    tenant: Option<String>,
    /// Those that stand so: waiting, clashing or failing.
    state: Option<PodState>,
    /// Those with this in `namespace/name`, in their tenant's name or in why they are held.
    search: Option<String>,
    /// How many to leave out first.
    offset: usize,
    /// How many to list, 500 at most.
    limit: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum PodState {
    /// For its namespace, or for its turn.
    Waiting,
    /// Its own node selector forbids what its namespace demands.
    Clashing,
    /// It could not be released.
    Failing,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HeldPods {
    /// Whether Pods are watched, so that none means none.
    known: bool,
    /// How many fit.
    matching: usize,
    offset: usize,
    /// The oldest first.
    items: Vec<HeldPodRow>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct HeldPodRow {
    namespace: String,
    name: String,
    tenant: Option<String>,
    /// When the Pod was created.
    created: String,
    state: PodState,
    why: String,
    /// What ends it.
    ends: String,
}

impl HeldPods {
    pub(crate) fn build(snapshots: &Snapshots, wanted: &Wanted) -> Self {
        let Some(mut pods) = snapshots.gated_pod_rows() else {
            return Self { known: false, matching: 0, offset: wanted.offset, items: Vec::new() };
        };
        pods.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        let namespaces = snapshots.namespaces();
        let text = page::search_text(wanted.search.as_deref());
        let rows = pods.iter().map(|pod| HeldPodRow::build(pod, &namespaces));
        let found: Vec<HeldPodRow> = rows.filter(|row| wanted.fits(row, &text)).collect();
        Self {
            known: true,
            matching: found.len(),
            offset: wanted.offset,
            items: page::cut(found, wanted.offset, wanted.limit).collect(),
        }
    }
}

impl Wanted {
    /// `text` is what is searched for, in small letters.
    fn fits(&self, row: &HeldPodRow, text: &str) -> bool {
        let has = |field: &str| field.to_lowercase().contains(text);
        self.state.is_none_or(|state| state == row.state)
            && self.tenant.as_ref().is_none_or(|tenant| row.tenant.as_ref() == Some(tenant))
            && (text.is_empty()
                || has(&format!("{}/{}", row.namespace, row.name))
                || row.tenant.as_deref().is_some_and(has)
                || has(&row.why))
    }
}

impl HeldPodRow {
    fn build(pod: &GatedPodRow, namespaces: &Namespaces) -> Self {
        let namespace = namespaces.get(&pod.key.namespace);
        let (state, (why, ends)) = match &pod.state {
            State::Clashing(_) => (PodState::Clashing, explain_clash(&pod.state)),
            State::Failing(_) => (PodState::Failing, explain_failure(&pod.state)),
            State::Waiting => (PodState::Waiting, explain_wait(pod, namespace)),
        };
        Self {
            namespace: pod.key.namespace.to_string(),
            name: pod.key.name.to_string(),
            tenant: namespace.and_then(|row| row.tenant.as_deref()).map(str::to_owned),
            created: time(pod.key.created),
            state,
            why,
            ends,
        }
    }
}

/// What is wrong, and what to do about it; a clash says both.
fn explain_clash(state: &State) -> (String, String) {
    let text = state.to_string();
    let (why, ends) = text.split_once(": ").unwrap_or((&text, "create the Pod anew without it"));
    (why.to_owned(), ends.to_owned())
}

fn explain_failure(state: &State) -> (String, String) {
    let ends = "landlord tries again by itself; what the message names has to be corrected";
    (state.to_string(), ends.to_owned())
}

fn explain_wait(pod: &GatedPodRow, namespace: Option<&NamespaceRow>) -> (String, String) {
    let by_itself = "nothing is to be done: landlord releases it by itself".to_owned();
    if pod.is_next {
        return ("its namespace is ready, and its turn comes".to_owned(), by_itself);
    }
    let Some(row) = namespace else {
        return (
            "its namespace is not looked after: the settings exclude it, or it is being deleted"
                .to_owned(),
            "take the gate away by hand, or narrow excludedNamespaces in the settings".to_owned(),
        );
    };
    match (&row.trouble, row.state) {
        (Some(trouble), _) => (
            format!("its namespace is not ready: {}", describe(trouble)),
            format!("correct the namespace: `landlord explain {}`", pod.key.namespace),
        ),
        (None, Compliance::Compliant) => {
            ("its namespace is being read once more".to_owned(), by_itself)
        }
        (None, _) => ("its namespace is to be written first".to_owned(), by_itself),
    }
}

fn describe(trouble: &Fault) -> String {
    format!("{}, {}", trouble.reason.word(), trouble.message)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use cluster::gated_pod::PodKey;
    use k8s_openapi::jiff::Timestamp;
    use rstest::rstest;

    use super::*;
    use assessment::Reason;

    fn pod(state: State, is_next: bool) -> GatedPodRow {
        let key = PodKey {
            created: Timestamp::UNIX_EPOCH,
            namespace: Arc::from("web"),
            name: Arc::from("a"),
        };
        GatedPodRow { key, state, is_next }
    }

    fn namespace(state: Compliance, trouble: Option<Reason>) -> NamespaceRow {
        let fault = |reason| Box::new(Fault { reason, message: "why so".to_owned() });
        NamespaceRow {
            uid: "u".into(),
            tenant: Some(Box::from("solar")),
            state,
            reason: trouble,
            trouble: trouble.map(fault),
            created: None,
        }
    }

    #[rstest]
    #[case::its_turn(true, None, "its turn comes", "by itself")]
    #[case::to_be_written(
        false,
        Some(namespace(Compliance::Pending, None)),
        "is to be written first",
        "by itself"
    )]
    #[case::in_trouble(
        false,
        Some(namespace(Compliance::Failed, Some(Reason::UnknownTenant))),
        "not ready: UnknownTenant, why so",
        "`landlord explain web`"
    )]
    #[case::excluded(false, None, "is not looked after", "by hand")]
    #[case::looked_at_again(
        false,
        Some(namespace(Compliance::Compliant, None)),
        "read once more",
        "by itself"
    )]
    fn why_it_waits(
        #[case] is_next: bool,
        #[case] namespace: Option<NamespaceRow>,
        #[case] why: &str,
        #[case] ends: &str,
    ) {
        let found = explain_wait(&pod(State::Waiting, is_next), namespace.as_ref());
        assert!(found.0.contains(why) && found.1.contains(ends), "{found:?}");
    }

    #[test]
    fn what_is_searched_for() {
        let failing = State::Failing("quota exceeded".to_owned());
        let row = HeldPodRow::build(&pod(failing, true), &Namespaces::default());
        let finds = |text: &str, state| Wanted { state, ..Wanted::default() }.fits(&row, text);
        assert!(finds("web/a", None) && finds("quota", Some(PodState::Failing)));
        assert!(!finds("solar", None) && !finds("", Some(PodState::Waiting)));
    }
}
