//! Form: which admission policies make up the guard. It follows from the kinds that the API server
//! serves, and from whether landlord's webhook is asked about namespaces – not from a version
//! number.

/// The version in which the API server has MutatingAdmissionPolicies. The objects are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MutatingVersion {
    /// Kubernetes 1.34 and 1.35, where it is switched on.
    V1beta1,
    /// Kubernetes 1.36 and newer.
    V1,
}

/// The kinds of `admissionregistration.k8s.io` that the API server serves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// MutatingAdmissionPolicies and their bindings; `None` without them.
    pub mutating: Option<MutatingVersion>,
    /// ValidatingAdmissionPolicies and their bindings, `v1`.
    pub validating: bool,
}

/// How landlord's webhook is asked about namespaces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Webhook {
    /// There is none.
    #[default]
    Absent,
    /// With `failurePolicy: Fail`: nothing is created or changed without its answer.
    Required,
    /// With `failurePolicy: Ignore`: requests pass while it does not answer.
    Optional,
}

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// MutatingAdmissionPolicies correct what they can, validations refuse the rest.
    Mutating(MutatingVersion),
    /// Validations alone, which refuse what the other form would correct.
    Validating,
    /// Validations that stand the webhook's own writes in users' requests; the webhook judges
    /// claims.
    BesideWebhook,
}

impl MutatingVersion {
    /// The version in the API's path.
    pub fn word(self) -> &'static str {
        match self {
            Self::V1beta1 => "v1beta1",
            Self::V1 => "v1",
        }
    }
}

impl Served {
    /// What a Kubernetes of this major and minor version serves if nothing is switched on or off.
    pub fn by_default_in(version: (u32, u32)) -> Self {
        let mutating = (version >= (1, 36)).then_some(MutatingVersion::V1);
        Self { mutating, validating: version >= (1, 30) }
    }
}

impl Form {
    /// The form that covers most of those that can be installed; `None` where the API server has no
    /// ValidatingAdmissionPolicies, which every form needs.
    pub fn select(served: Served, webhook: Webhook) -> Option<Self> {
        match (served.validating, served.mutating, webhook) {
            (false, _, _) => None,
            (true, Some(version), _) => Some(Self::Mutating(version)),
            (true, None, Webhook::Absent) => Some(Self::Validating),
            // What a webhook writes in a user's request, the form alone would refuse as the user's.
            (true, None, Webhook::Required | Webhook::Optional) => Some(Self::BesideWebhook),
        }
    }

    /// Whether policies correct requests, so that Pods can wait and get their selector.
    pub fn mutates(self) -> bool {
        matches!(self, Self::Mutating(_))
    }

    /// The version of the kinds that mutate; `v1` where there are none.
    pub fn version(self) -> MutatingVersion {
        match self {
            Self::Mutating(version) => version,
            Self::Validating | Self::BesideWebhook => MutatingVersion::V1,
        }
    }

    /// In one word, for logs, metrics and machine output.
    pub fn word(self) -> &'static str {
        match self {
            Self::Mutating(MutatingVersion::V1) => "mutating",
            Self::Mutating(MutatingVersion::V1beta1) => "mutating-v1beta1",
            Self::Validating => "validating",
            Self::BesideWebhook => "beside-webhook",
        }
    }

    /// What the first form covers and this one does not; empty for the first.
    pub fn uncovered(self) -> &'static str {
        match self {
            Self::Mutating(_) => "",
            Self::Validating => {
                "Pods of namespaces that are not ready are refused instead of held, and get no selector from it; claims by owner reference, \
                 of custom or inline tenants, and of tenants that do not exist yet are not judged"
            }
            Self::BesideWebhook => {
                "Pods of namespaces that are not ready are refused instead of held, unless the policy on Pods holds them (pods.onUnready: hold), \
                 and get no selector from it; claims, and edits of what landlord writes, are judged by the webhook only: failurePolicy has to be Fail, and no selector may keep the webhook from being asked"
            }
        }
    }

    /// The flags of `landlord render guard` for it, each after a space.
    pub fn flags(self) -> &'static str {
        match self {
            Self::Mutating(MutatingVersion::V1) => "",
            Self::Mutating(MutatingVersion::V1beta1) => " --mutating-policies=v1beta1",
            Self::Validating => " --without-mutating-policies",
            Self::BesideWebhook => " --without-mutating-policies --beside-webhook",
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};
    use tenancy::settings::{OnUnready, Settings};

    use super::Form::{BesideWebhook, Mutating, Validating};
    use super::MutatingVersion::{V1, V1beta1};
    use super::Webhook::{Absent, Optional, Required};
    use super::*;
    use crate::Guard;

    #[rstest]
    #[case(Some(V1), true, Absent, Some(Mutating(V1)))]
    #[case(Some(V1), true, Required, Some(Mutating(V1)))]
    #[case(Some(V1), true, Optional, Some(Mutating(V1)))]
    #[case(Some(V1beta1), true, Absent, Some(Mutating(V1beta1)))]
    #[case(Some(V1beta1), true, Required, Some(Mutating(V1beta1)))]
    #[case(None, true, Absent, Some(Validating))]
    #[case(None, true, Required, Some(BesideWebhook))]
    #[case(None, true, Optional, Some(BesideWebhook))]
    #[case(None, false, Absent, None)]
    #[case(None, false, Required, None)]
    #[case(Some(V1), false, Absent, None)]
    fn the_form_follows_from_what_is_served(
        #[case] mutating: Option<MutatingVersion>,
        #[case] validating: bool,
        #[case] webhook: Webhook,
        #[case] expected: Option<Form>,
    ) {
        assert_eq!(Form::select(Served { mutating, validating }, webhook), expected);
    }

    #[rstest]
    #[case((1, 29), None, None)]
    #[case((1, 30), Some(Validating), Some(BesideWebhook))]
    #[case((1, 35), Some(Validating), Some(BesideWebhook))]
    #[case((1, 36), Some(Mutating(V1)), Some(Mutating(V1)))]
    #[case((2, 0), Some(Mutating(V1)), Some(Mutating(V1)))]
    fn versions(
        #[case] version: (u32, u32),
        #[case] alone: Option<Form>,
        #[case] beside: Option<Form>,
    ) {
        let served = Served::by_default_in(version);
        assert_eq!((Form::select(served, Absent), Form::select(served, Required)), (alone, beside));
    }

    fn objects(form: Form, settings: &Settings) -> Vec<Value> {
        let guard = Guard { place: true, on_unready: OnUnready::Hold, ..Guard::new(settings) };
        Guard { form, ..guard }.objects()
    }

    fn parts(form: Form, source: &str) -> Vec<String> {
        let settings = Settings::from_value(
            &json!({"tenantSource": source, "excludedNamespaces": ["kube-*"]}),
        );
        let objects = objects(form, &settings.expect("settings"));
        let policies = objects.iter().filter_map(|object| {
            let kind = object["kind"].as_str()?;
            let name = object["metadata"]["name"].as_str()?.strip_prefix("landlord-guard-")?;
            (!kind.ends_with("Binding")).then(|| format!("{} {name}", &kind[..3]))
        });
        policies.collect()
    }

    #[rstest]
    #[case(
        Mutating(V1),
        "landlord",
        "Val names,Mut stamp,Mut seal,Val refusal,Val references,Val room,Mut place,Mut hold,Val deny,Val binding"
    )]
    #[case(
        Validating,
        "landlord",
        "Val names,Val stamp,Val owners,Val seal,Val references,Val room,Val deny,Val binding"
    )]
    #[case(
        Validating,
        "capsule",
        "Val names,Val stamp,Val owners,Val seal,Val references,Val room,Val deny,Val binding"
    )]
    #[case(BesideWebhook, "landlord", "Val names,Val deny,Val binding")]
    #[case(BesideWebhook, "capsule", "Val names,Val deny,Val binding")]
    fn the_parts_of_each(#[case] form: Form, #[case] source: &str, #[case] expected: &str) {
        assert_eq!(parts(form, source).join(","), expected);
    }

    /// Beside the webhook no part puts Pods at the gate; where the policy on Pods does, *deny* lets
    /// them in.
    #[rstest]
    #[case(json!({}), false)]
    #[case(json!({"place": true}), false)]
    #[case(json!({"place": true, "onUnready": "hold"}), true)]
    fn the_policy_holds_beside_the_webhook(#[case] pods: Value, #[case] waits: bool) {
        let settings = Settings::from_value(&json!({"pods": pods})).expect("settings");
        let objects = objects(BesideWebhook, &settings);
        let deny =
            objects.iter().find(|object| object["metadata"]["name"] == "landlord-guard-deny");
        let variables = deny.expect("deny")["spec"]["variables"].as_array().expect("variables");
        let found = variables.iter().find(|one| one["name"] == "waits").expect("waits");
        assert_eq!(found["expression"] != "false", waits, "{found}");
        assert_eq!(parts(BesideWebhook, "landlord"), ["Val names", "Val deny", "Val binding"]);
    }

    /// Only the kinds that mutate have another version, and nothing else differs.
    #[test]
    fn the_beta_is_the_same_in_another_version() {
        let settings = Settings::from_value(&json!({})).expect("settings");
        let (stable, mut beta) =
            (objects(Mutating(V1), &settings), objects(Mutating(V1beta1), &settings));
        for object in &mut beta {
            let mutates = object["kind"].as_str().expect("a kind").starts_with("Mutating");
            let version = if mutates { "v1beta1" } else { "v1" };
            assert_eq!(object["apiVersion"], format!("admissionregistration.k8s.io/{version}"));
            object["apiVersion"] = json!("admissionregistration.k8s.io/v1");
        }
        assert_eq!(stable, beta);
    }

    /// A policy with `paramKind` is asked about every request that its constraints match while that
    /// kind is missing, whatever its conditions say, and then refuses. So those are as narrow as
    /// they can be.
    #[test]
    fn owners_concerns_claims_only() {
        let settings = Settings::from_value(&json!({})).expect("settings");
        let objects = objects(Validating, &settings);
        let with_params = objects.iter().filter(|object| object["spec"].get("paramKind").is_some());
        let selectors: Vec<&Value> = with_params
            .map(|object| &object["spec"]["matchConstraints"]["objectSelector"])
            .collect();
        let claims = json!({"matchExpressions": [{"key": "landlord.dev/tenant", "operator": "Exists"},
                                                 {"key": "landlord.dev/tenant", "operator": "NotIn", "values": [""]}]});
        assert_eq!(selectors, [&claims]);
    }
}
