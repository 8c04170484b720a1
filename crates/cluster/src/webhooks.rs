//! Webhooks: the MutatingWebhookConfigurations that Kubewarden has made of a policy, and which
//! namespaces they are not asked about.

use std::collections::BTreeMap;

use k8s_openapi::api::admissionregistration::v1::{MutatingWebhook, MutatingWebhookConfiguration};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::api::{Api, ListParams};
use kube::{Client, Error, ResourceExt};

use guard::form::Webhook;

/// The annotation by which Kubewarden says whose webhook it is.
const POLICY: &str = "kubewardenPolicyName";
/// What Kubewarden puts before the name of a ClusterAdmissionPolicy: before 1.37.2, and since.
const PREFIXES: [&str; 2] = ["clusterwide-", "kw.cap."];

/// A requirement of a selector, and the labels with which a namespace does not meet it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// `namespaceSelector control-plane DoesNotExist`
    pub requirement: String,
    /// The key that the requirement is about.
    pub key: String,
    /// The value with which it is not met; `None` where it is not met without the label.
    pub value: Option<String>,
}

/// The webhook configurations of this ClusterAdmissionPolicy.
pub async fn of_policy(
    client: &Client,
    policy: &str,
) -> Result<Vec<MutatingWebhookConfiguration>, Error> {
    let api: Api<MutatingWebhookConfiguration> = Api::all(client.clone());
    let all = api.list(&ListParams::default()).await?;
    Ok(all.into_iter().filter(|one| is_of(one, policy)).collect())
}

fn is_of(configuration: &MutatingWebhookConfiguration, policy: &str) -> bool {
    match configuration.annotations().get(POLICY) {
        Some(name) => name == policy,
        None => unique_names(policy).contains(&configuration.name_any()),
    }
}

/// What the policy is called on the policy server and in its webhook's name.
fn unique_names(policy: &str) -> [String; 2] {
    PREFIXES.map(|prefix| format!("{prefix}{policy}"))
}

/// Whether the API server's message is a refusal by this policy's webhook.
pub fn is_refusal_by(message: &str, policy: &str) -> bool {
    unique_names(policy)
        .iter()
        .any(|name| message.contains(&format!("admission webhook \"{name}.")))
}

/// How these webhooks are asked about new namespaces.
pub fn asked_about_namespaces(configurations: &[MutatingWebhookConfiguration]) -> Webhook {
    let webhooks = configurations.iter().flat_map(|one| one.webhooks.iter().flatten());
    let asked = webhooks.filter(about_namespaces).map(|webhook| webhook.failure_policy.as_deref());
    // The API server's default is Fail.
    asked.fold(Webhook::Absent, |found, policy| match (found, policy) {
        (Webhook::Required, _) | (_, None | Some("Fail")) => Webhook::Required,
        _ => Webhook::Optional,
    })
}

fn about_namespaces(webhook: &&MutatingWebhook) -> bool {
    let rules = webhook.rules.iter().flatten();
    rules
        .flat_map(|rule| rule.resources.iter().flatten())
        .any(|resource| resource == "namespaces" || resource.starts_with('*'))
}

/// What a client that makes namespaces can make these webhooks' selectors miss. They are compared
/// with the labels that the client sends; with `generateName`, `kubernetes.io/metadata.name` is one
/// of these.
pub fn gaps(configurations: &[MutatingWebhookConfiguration]) -> Vec<Gap> {
    let webhooks = configurations.iter().flat_map(|one| one.webhooks.iter().flatten());
    webhooks
        .filter(about_namespaces)
        .flat_map(|webhook| {
            let selectors = [
                ("namespaceSelector", webhook.namespace_selector.as_ref()),
                ("objectSelector", webhook.object_selector.as_ref()),
            ];
            selectors.into_iter().flat_map(|(field, selector)| gaps_of(field, selector))
        })
        .collect()
}

fn gaps_of(field: &str, selector: Option<&LabelSelector>) -> Vec<Gap> {
    let Some(selector) = selector else { return Vec::new() };
    let none = BTreeMap::new();
    let labels = selector.match_labels.as_ref().unwrap_or(&none).iter().map(|(key, value)| Gap {
        requirement: format!("{field} {key}={value}"),
        key: key.clone(),
        value: None,
    });
    let expressions = selector.match_expressions.iter().flatten().map(|one| {
        let values = one.values.clone().unwrap_or_default();
        let value = match one.operator.as_str() {
            "NotIn" => values.first().cloned(),
            "DoesNotExist" => Some("true".to_owned()),
            _ => None,
        };
        let list = if values.is_empty() { String::new() } else { format!(" {values:?}") };
        Gap {
            requirement: format!("{field} {} {}{list}", one.key, one.operator),
            key: one.key.clone(),
            value,
        }
    });
    labels.chain(expressions).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::{Value, json};

    fn configuration(metadata: Value, webhook: Value) -> MutatingWebhookConfiguration {
        serde_json::from_value(json!({"metadata": metadata, "webhooks": [webhook]}))
            .expect("a configuration")
    }

    fn webhook(fields: Value) -> Value {
        let mut webhook = json!({"name": "a.b.c", "admissionReviewVersions": ["v1"], "sideEffects": "None", "clientConfig": {},
                                 "rules": [{"resources": ["namespaces"]}]});
        let fields = fields.as_object().cloned().unwrap_or_default();
        fields.into_iter().for_each(|(field, value)| webhook[field] = value);
        webhook
    }

    #[rstest]
    #[case::before(json!({"name": "clusterwide-landlord"}), true)]
    #[case::since(json!({"name": "kw.cap.landlord"}), true)]
    #[case::to_come(json!({"name": "other", "annotations": {POLICY: "landlord"}}), true)]
    #[case::of_another(json!({"name": "kw.cap.landlord", "annotations": {POLICY: "landlord-pods"}}), false)]
    #[case::longer(json!({"name": "kw.cap.landlord-pods"}), false)]
    #[case::foreign(json!({"name": "landlord"}), false)]
    fn whose_it_is(#[case] metadata: Value, #[case] expected: bool) {
        assert_eq!(is_of(&configuration(metadata, webhook(json!({}))), "landlord"), expected);
    }

    #[rstest]
    #[case("clusterwide-landlord.kubewarden.admission", true)]
    #[case("kw.cap.landlord.kubewarden.admission", true)]
    #[case("kw.cap.landlord-pods.kubewarden.admission", false)]
    #[case("landlord.kubewarden.admission", false)]
    fn who_refused(#[case] name: &str, #[case] expected: bool) {
        let message = format!("admission webhook \"{name}\" denied the request: no");
        assert_eq!(is_refusal_by(&message, "landlord"), expected);
    }

    fn expression(key: &str, operator: &str, values: &[&str]) -> Value {
        json!({"namespaceSelector": {"matchExpressions": [{"key": key, "operator": operator, "values": values}]}})
    }

    #[rstest]
    #[case::kubewarden(expression("kubernetes.io/metadata.name", "NotIn", &["kubewarden"]),
        "namespaceSelector kubernetes.io/metadata.name NotIn [\"kubewarden\"]", Some("kubewarden"))]
    #[case::azure(expression("control-plane", "DoesNotExist", &[]), "namespaceSelector control-plane DoesNotExist", Some("true"))]
    #[case::the_labelled(expression("landlord.dev/tenant", "Exists", &[]), "namespaceSelector landlord.dev/tenant Exists", None)]
    #[case::some(expression("env", "In", &["prod"]), "namespaceSelector env In [\"prod\"]", None)]
    #[case::one(json!({"objectSelector": {"matchLabels": {"env": "prod"}}}), "objectSelector env=prod", None)]
    fn what_can_be_missed(
        #[case] fields: Value,
        #[case] requirement: &str,
        #[case] value: Option<&str>,
    ) {
        let found = gaps(&[configuration(json!({"name": "x"}), webhook(fields))]);
        let found: Vec<(&str, Option<&str>)> =
            found.iter().map(|gap| (gap.requirement.as_str(), gap.value.as_deref())).collect();
        assert_eq!(found, [(requirement, value)]);
    }

    #[rstest]
    #[case::none(&[], Webhook::Absent)]
    #[case::default(&[json!({})], Webhook::Required)]
    #[case::fail(&[json!({"failurePolicy": "Fail"})], Webhook::Required)]
    #[case::ignore(&[json!({"failurePolicy": "Ignore"})], Webhook::Optional)]
    #[case::both(&[json!({"failurePolicy": "Ignore"}), json!({"failurePolicy": "Fail"})], Webhook::Required)]
    #[case::about_pods(&[json!({"rules": [{"resources": ["pods"]}]})], Webhook::Absent)]
    fn how_it_is_asked(#[case] webhooks: &[Value], #[case] expected: Webhook) {
        let configuration = |one: &Value| configuration(json!({"name": "x"}), webhook(one.clone()));
        let configurations: Vec<_> = webhooks.iter().map(configuration).collect();
        assert_eq!(asked_about_namespaces(&configurations), expected);
    }

    #[rstest]
    #[case::nothing(json!({}))]
    #[case::all(json!({"namespaceSelector": {}, "objectSelector": {}}))]
    #[case::about_pods(json!({"rules": [{"resources": ["pods"]}], "objectSelector": {"matchLabels": {"a": "b"}}}))]
    fn what_cannot(#[case] fields: Value) {
        assert_eq!(gaps(&[configuration(json!({"name": "x"}), webhook(fields))]), []);
    }
}
