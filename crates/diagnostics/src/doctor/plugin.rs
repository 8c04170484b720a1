//! The plugin PodNodeSelector: a Pod in a namespace that carries a selector gets it.

use k8s_openapi::api::core::v1::{Container, Pod};
use kube::Client;
use kube::api::{Api, ListParams};
use tenancy::keys::NODE_SELECTOR;
use tenancy::selector::NodeSelector;

use super::trial::{create, refused_by_guard};
use super::{Check, CheckContext, Finding};
use assessment::State;
use cluster::error::message;

/// Namespaces that are tried until one says something; quotas and the like may refuse a Pod in
/// some.
const TRIES: usize = 3;
const FIX: &str = "add PodNodeSelector to --enable-admission-plugins of every API server; where that is not possible (EKS, GKE), let the guard do its work: \
                   `landlord render guard --place | kubectl apply -f -`, or before Kubernetes 1.36 the policy: deploy/cluster-admission-policy-pods.yaml";

pub(super) async fn check(context: &CheckContext) -> Finding {
    let mut refusal = None;
    for (namespace, selector) in candidates(context) {
        match create(&context.client, namespace).await {
            Ok(pod) if carries(&pod, &selector) => {
                return Check::PodNodeSelector
                    .good(format!("a Pod in namespace {namespace} gets {selector}"));
            }
            Ok(_) => {
                return Check::PodNodeSelector
                    .wrong(format!("a Pod in namespace {namespace} does not get {selector}"), FIX);
            }
            Err(error) if refused_by_guard(&error) => {
                return Check::PodNodeSelector
                    .wrong(format!("a Pod in namespace {namespace} does not get {selector}, and the guard refuses it"), FIX);
            }
            Err(error) => {
                refusal = Some(format!(
                    "a Pod in namespace {namespace} was refused, by another policy or webhook: {}",
                    message(&error)
                ))
            }
        }
    }
    match refusal {
        Some(what) => {
            Check::PodNodeSelector.unknown(what, "ask again as a user who may create Pods there")
        }
        None => judge_by_flags(&context.client).await,
    }
}

/// What the API servers' own command lines say, where they run as Pods of this cluster.
pub async fn judge_by_flags(client: &Client) -> Finding {
    judge_flags(&api_servers(client).await)
}

/// Command lines of the API servers that run as Pods of this cluster; none where they run
/// elsewhere, or may not be seen.
async fn api_servers(client: &Client) -> Vec<Vec<String>> {
    let api: Api<Pod> = Api::namespaced(client.clone(), "kube-system");
    let chosen = ListParams::default().labels("component=kube-apiserver");
    let found = api.list(&chosen).await.map(|list| list.items).unwrap_or_default();
    let specs = found.into_iter().filter_map(|pod| pod.spec);
    let containers = specs.flat_map(|spec| spec.containers);
    let command = |one: Container| {
        let words = one.command.unwrap_or_default().into_iter();
        words.chain(one.args.unwrap_or_default()).collect()
    };
    containers.map(command).collect()
}

/// What there is to say where no namespace is there to try it in.
fn judge_flags(servers: &[Vec<String>]) -> Finding {
    let is_on = |words: &&Vec<String>| {
        let plugins =
            words.iter().filter_map(|word| word.strip_prefix("--enable-admission-plugins="));
        plugins.flat_map(|list| list.split(',')).any(|plugin| plugin == "PodNodeSelector")
    };
    let on = servers.iter().filter(is_on).count();
    match servers.len() {
        0 => Check::PodNodeSelector.unknown(
            "there is no compliant namespace with a node selector to try it in, and no Pod of an API server to read it from",
            "create a namespace of a tenant with a node selector, and ask again as a user who may create Pods there; let yourself list Pods in kube-system",
        ),
        all if on == all => Check::PodNodeSelector
            .good("the API server has it among --enable-admission-plugins; it has not been tried"),
        all => Check::PodNodeSelector.wrong(
            format!("{} of {all} API servers do not have it among --enable-admission-plugins", all - on),
            FIX,
        ),
    }
}

fn candidates(context: &CheckContext) -> impl Iterator<Item = (&str, NodeSelector)> {
    let compliant = context.assessments.iter().filter(|one| one.state() == State::Compliant);
    let selector =
        |text: &String| text.parse::<NodeSelector>().ok().filter(|selector| !selector.is_empty());
    let found = compliant.filter_map(move |one| {
        Some((one.name.as_str(), one.before.annotations.get(NODE_SELECTOR).and_then(selector)?))
    });
    found.take(TRIES)
}

fn carries(pod: &Pod, selector: &NodeSelector) -> bool {
    let own = pod.spec.as_ref().and_then(|spec| spec.node_selector.as_ref());
    own.is_some_and(|own| {
        selector.iter().all(|(key, value)| own.get(key).is_some_and(|found| found == value))
    })
}

#[cfg(test)]
mod tests {
    use super::super::State as Found;
    use super::*;
    use rstest::rstest;

    const ON: &str = "kube-apiserver --enable-admission-plugins=NodeRestriction,PodNodeSelector";
    const OFF: &str = "kube-apiserver --enable-admission-plugins=NodeRestriction";

    #[rstest]
    #[case::none_seen(&[], Found::Unknown, "no Pod of an API server")]
    #[case::on(&[ON, ON], Found::Good, "has not been tried")]
    #[case::off(&[OFF], Found::Wrong, "1 of 1 API servers do not have it")]
    #[case::one_of_two(&[ON, OFF], Found::Wrong, "1 of 2 API servers")]
    #[case::switched_off(&["kube-apiserver --disable-admission-plugins=PodNodeSelector"], Found::Wrong, "1 of 1")]
    fn api_servers_say_it_by_their_flags(
        #[case] servers: &[&str],
        #[case] state: Found,
        #[case] words: &str,
    ) {
        let servers: Vec<Vec<String>> = servers
            .iter()
            .map(|line| line.split_whitespace().map(str::to_owned).collect())
            .collect();
        let finding = judge_flags(&servers);
        assert!(finding.state == state && finding.what.contains(words), "{finding:?}");
    }
}
