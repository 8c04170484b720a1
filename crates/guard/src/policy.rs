//! Policy: one admission policy and the binding that puts it in force. Everything that the API
//! server would fill in is written out, so that an object as it is stored equals the object as it
//! is rendered.

use serde_json::{Map, Value, json};
use tenancy::keys::FIELD_MANAGER;

use super::form::MutatingVersion;
use super::{PART_LABEL, Part};

const GROUP: &str = "admissionregistration.k8s.io";

/// A name and the expression that it stands for.
pub(super) type Named = (&'static str, String);

/// See the module.
pub(super) struct Policy {
    pub(super) part: Part,
    /// Resources and operations that it is asked about.
    pub(super) rule: (&'static [&'static str], &'static [&'static str]),
    /// It is asked only about namespaces with this label, if it is about what is in them.
    pub(super) label: Option<&'static str>,
    /// It is asked only about objects with this label themselves.
    pub(super) object_label: Option<&'static str>,
    /// API version and kind of tenants, if it is to be asked about each of them (`params`).
    pub(super) tenants: Option<(String, String)>,
    /// All must hold, or it is not asked. The namespace cannot be read here.
    pub(super) conditions: Vec<Named>,
    pub(super) variables: Vec<Named>,
    pub(super) effect: Effect,
}

/// What a policy does.
pub(super) enum Effect {
    /// JSON patches, one after the other.
    Mutate(Vec<String>),
    Validate(Vec<Validation>),
}

/// What must hold, or the request is refused with this message (an expression).
pub(super) struct Validation {
    pub(super) expression: String,
    pub(super) message: String,
}

impl Policy {
    /// The policy, then its binding; those that mutate in this version.
    pub(super) fn objects(&self, mutating: MutatingVersion) -> [Value; 2] {
        [("", self.spec()), ("Binding", self.binding())]
            .map(|(suffix, spec)| self.object(mutating, suffix, spec))
    }

    fn object(&self, mutating: MutatingVersion, suffix: &str, spec: Value) -> Value {
        let (kind, version) = match &self.effect {
            Effect::Mutate(_) => ("MutatingAdmissionPolicy", mutating),
            Effect::Validate(_) => ("ValidatingAdmissionPolicy", MutatingVersion::V1),
        };
        json!({
            "apiVersion": format!("{GROUP}/{}", version.word()),
            "kind": format!("{kind}{suffix}"),
            "metadata": {
                "labels": {"app.kubernetes.io/managed-by": FIELD_MANAGER, PART_LABEL: self.part.word()},
                "name": self.part.name(),
            },
            "spec": spec,
        })
    }

    fn spec(&self) -> Value {
        let mut spec = Map::new();
        let mut set = |field: &str, value: Value| {
            spec.insert(field.to_owned(), value);
        };
        set("failurePolicy", json!("Fail"));
        set("matchConstraints", self.constraints());
        for (field, entries) in
            [("matchConditions", &self.conditions), ("variables", &self.variables)]
        {
            if !entries.is_empty() {
                let entry =
                    |(name, expression): &Named| json!({"expression": expression, "name": name});
                set(field, entries.iter().map(entry).collect());
            }
        }
        if let Some((api_version, kind)) = &self.tenants {
            set("paramKind", json!({"apiVersion": api_version, "kind": kind}));
        }
        match &self.effect {
            Effect::Mutate(patches) => {
                let mutation = |patch: &String| json!({"jsonPatch": {"expression": patch}, "patchType": "JSONPatch"});
                set("mutations", patches.iter().map(mutation).collect());
                set("reinvocationPolicy", json!("Never"));
            }
            Effect::Validate(validations) => {
                set("validations", validations.iter().map(Validation::object).collect());
            }
        }
        Value::Object(spec)
    }

    fn constraints(&self) -> Value {
        let (resources, operations) = self.rule;
        // A label without a value claims nothing.
        let labelled = |key| json!({"matchExpressions": [{"key": key, "operator": "Exists"}, {"key": key, "operator": "NotIn", "values": [""]}]});
        let rule = json!({"apiGroups": [""], "apiVersions": ["v1"], "operations": operations, "resources": resources, "scope": "*"});
        json!({
            "matchPolicy": "Equivalent",
            "namespaceSelector": self.label.map_or(json!({}), labelled),
            "objectSelector": self.object_label.map_or(json!({}), labelled),
            "resourceRules": [rule],
        })
    }

    fn binding(&self) -> Value {
        let mut binding = Map::new();
        binding.insert("policyName".to_owned(), json!(self.part.name()));
        if self.tenants.is_some() {
            let tenants = json!({"parameterNotFoundAction": "Allow", "selector": {}});
            binding.insert("paramRef".to_owned(), tenants);
        }
        if let Effect::Validate(_) = &self.effect {
            binding.insert("validationActions".to_owned(), json!(["Deny"]));
        }
        Value::Object(binding)
    }
}

impl Validation {
    fn object(&self) -> Value {
        json!({"expression": self.expression, "messageExpression": self.message, "reason": "Forbidden"})
    }
}
