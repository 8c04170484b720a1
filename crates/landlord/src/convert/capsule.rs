//! Capsule's Tenants, made into landlord's own: node selector, metadata and owners. What else
//! Capsule does is named, and so is what a Tenant cannot say.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tenancy::label_selector::{LabelSelector, Test};
use tenancy::metadata::{Field, Key, Map};
use tenancy::tenant::landlord::{self, Override, TenantSpec};
use tenancy::tenant::{Entry, Layer, Precedence, Tenant, capsule};

use super::conversion::{Conversion, tenant_object};

/// By which Capsule says whose a namespace is.
const LABEL: &str = "capsule.clastix.io/tenant";
const MAX_OVERRIDES: usize = 64;
const MAX_ENTRIES: usize = 32;
/// Where what is carried over stands.
const CARRIED: [&str; 4] = ["nodeSelector", "owners", "namespaceOptions", "rules"];
const CARRIED_OPTIONS: [&str; 2] = ["additionalMetadata", "additionalMetadataList"];

/// Makes a tenant of each of Capsule's.
pub(crate) fn convert(objects: &[&Value]) -> Conversion {
    let identify = vec![json!({ "label": LABEL })];
    let mut conversion = Conversion { identify, ..Conversion::default() };
    for object in objects {
        match capsule::tenant(object, false) {
            Ok(tenant) => {
                let (spec, mut left) = Draft::of(&tenant);
                left.extend(other_fields(object));
                if !left.is_empty() {
                    let left = left.into_iter().collect::<Vec<_>>().join(", ");
                    let note = format!("tenant {:?}: not carried over: {left}", tenant.name);
                    conversion.notes.push(note);
                }
                conversion.tenants.insert(tenant.name, spec);
            }
            Err(error) => conversion.notes.push(format!("left out: {error}")),
        }
    }
    conversion
}

/// A spec that is being written.
struct Draft<'t> {
    tenant: &'t Tenant,
    spec: TenantSpec,
    /// In Capsule's order: the first that wants a key has it.
    items: Vec<Override>,
    /// Behind them, and the last that wants a key has it.
    rules: Vec<Override>,
    left: BTreeSet<String>,
    /// What items that were left out want: of later items, nobody knows whether they would have it.
    lost: BTreeSet<(Field, String)>,
}

impl<'t> Draft<'t> {
    fn of(tenant: &'t Tenant) -> (TenantSpec, BTreeSet<String>) {
        let mut draft = Self {
            tenant,
            spec: TenantSpec {
                labels: Some(Map::new()),
                annotations: Some(Map::new()),
                ..TenantSpec::default()
            },
            items: Vec::new(),
            rules: Vec::new(),
            left: BTreeSet::new(),
            lost: BTreeSet::new(),
        };
        draft.add_owners();
        tenant.layers.iter().for_each(|layer| draft.add(layer));
        draft.finish()
    }

    fn finish(self) -> (TenantSpec, BTreeSet<String>) {
        let Self { mut spec, items, rules, mut left, .. } = self;
        let says = |one: &Override| one.labels.is_some() || one.annotations.is_some();
        let mut overrides: Vec<Override> =
            items.into_iter().rev().chain(rules).filter(says).collect();
        if overrides.len() > MAX_OVERRIDES {
            left.insert(format!("metadata of more than {MAX_OVERRIDES} selectors"));
            overrides.truncate(MAX_OVERRIDES);
        }
        spec.overrides = Some(overrides).filter(|list| !list.is_empty());
        for (field, map) in [("labels", &mut spec.labels), ("annotations", &mut spec.annotations)] {
            let entries = map.get_or_insert_default();
            if entries.len() > MAX_ENTRIES {
                left.insert(format!("{field} beyond {MAX_ENTRIES}"));
                *entries = std::mem::take(entries).into_iter().take(MAX_ENTRIES).collect();
            }
            map.take_if(|map| map.is_empty());
        }
        (spec, left)
    }

    /// An owner that landlord could not recognize would make the whole tenant invalid.
    fn add_owners(&mut self) {
        let owners = self.tenant.owners.iter().flatten();
        let (good, bad): (Vec<_>, Vec<_>) = owners.cloned().partition(|owner| {
            let spec = TenantSpec { owners: Some(vec![owner.clone()]), ..TenantSpec::default() };
            self.accepts(&spec)
        });
        self.left.extend(bad.iter().map(|owner| format!("owner {:?}", owner.name)));
        self.spec.owners = Some(good);
    }

    fn accepts(&self, spec: &TenantSpec) -> bool {
        landlord::tenant(&tenant_object(&self.tenant.name, spec)).is_ok()
    }

    fn add(&mut self, layer: &Layer) {
        if layer.precedence == Precedence::Default {
            let defaults = layer.labels.iter().chain(&layer.annotations);
            self.left
                .extend(defaults.map(|entry| format!("default of {:?}", entry.key.as_source())));
            return;
        }
        if let Some(key) = layer.selector.as_ref().and_then(|selector| self.written_key(selector)) {
            self.left.insert(format!(
                "{}, which selects by {key:?}, a label that Capsule writes",
                layer.why
            ));
            let labels = layer.labels.iter().map(|entry| (Field::Label, entry));
            let annotations = layer.annotations.iter().map(|entry| (Field::Annotation, entry));
            for (field, entry) in labels.chain(annotations) {
                self.lose(field, self.key(entry), layer.precedence);
            }
            return;
        }
        let labels = self.entries(Field::Label, &layer.labels, layer.precedence);
        let annotations = self.entries(Field::Annotation, &layer.annotations, layer.precedence);
        if let Some(selector) = &layer.node_selector {
            self.spec.node_selector = Some(selector.as_map().clone());
        }
        match (layer.precedence, layer.selector.as_ref().filter(|selector| !selector.is_empty())) {
            (Precedence::Under, None) => {
                under(self.spec.labels.get_or_insert_default(), labels);
                under(self.spec.annotations.get_or_insert_default(), annotations);
            }
            (Precedence::Under, Some(selector)) => {
                let fixed = |map: Map, own: &Option<Map>| {
                    let has = |key: &String| own.as_ref().is_some_and(|own| own.contains_key(key));
                    map.into_iter().filter(|(key, _)| !has(key)).collect()
                };
                let labels = fixed(labels, &self.spec.labels);
                let annotations = fixed(annotations, &self.spec.annotations);
                self.items.push(conditional(selector, labels, annotations));
            }
            (_, None) => self.replace(labels, annotations),
            (_, Some(selector)) => self.rules.push(conditional(selector, labels, annotations)),
        }
    }

    /// What is wanted of all replaces what was wanted of some before.
    fn replace(&mut self, labels: Map, annotations: Map) {
        for one in self.items.iter_mut().chain(&mut self.rules) {
            forget(&mut one.labels, &labels);
            forget(&mut one.annotations, &annotations);
        }
        self.spec.labels.get_or_insert_default().extend(labels);
        self.spec.annotations.get_or_insert_default().extend(annotations);
    }

    /// What a Tenant can list of a layer. Only items of the list render templates.
    fn entries(&mut self, field: Field, entries: &[Entry], precedence: Precedence) -> Map {
        let mut map = Map::new();
        for entry in entries {
            let (key, value) = (self.key(entry), entry.value.as_source().to_owned());
            if key == LABEL && field == Field::Label {
                continue;
            }
            let one = Some(Map::from([(key.clone(), value.clone())]));
            let spec = match field {
                Field::Label => TenantSpec { labels: one, ..TenantSpec::default() },
                Field::Annotation => TenantSpec { annotations: one, ..TenantSpec::default() },
            };
            let is_literal = precedence == Precedence::Over;
            let has_tags = key.contains("{{") || value.contains("{{");
            let is_lost = self.lost.contains(&(field, key.clone()));
            if !is_lost && self.accepts(&spec) && !(is_literal && has_tags) {
                map.insert(key, value);
            } else {
                self.left.insert(Key { field, name: key.clone() }.to_string());
                self.lose(field, key, precedence);
            }
        }
        map
    }

    /// The key with the tenant's name in it.
    fn key(&self, entry: &Entry) -> String {
        let rendered = entry.key.render(&self.tenant.name, Some("{{namespace}}"));
        rendered.unwrap_or_else(|| entry.key.as_source().to_owned())
    }

    /// Takes note of a key of which it cannot be said any more who sets it: what would have won
    /// against the others is left out.
    fn lose(&mut self, field: Field, key: String, precedence: Precedence) {
        if precedence == Precedence::Over {
            let keys = Map::from([(key.clone(), String::new())]);
            let spec = match field {
                Field::Label => &mut self.spec.labels,
                Field::Annotation => &mut self.spec.annotations,
            };
            spec.get_or_insert_default().remove(&key);
            for one in self.items.iter_mut().chain(&mut self.rules) {
                let map = match field {
                    Field::Label => &mut one.labels,
                    Field::Annotation => &mut one.annotations,
                };
                forget(map, &keys);
            }
        }
        self.lost.insert((field, key));
    }

    /// A label that the selector reads and that the tenant writes itself: landlord's selectors do
    /// not see it.
    fn written_key(&self, selector: &LabelSelector) -> Option<String> {
        let labels = || self.tenant.layers.iter().flat_map(|layer| &layer.labels);
        let written = |key: &&str| {
            labels().any(|entry| entry.key.needs_namespace() || self.key(entry) == *key)
        };
        selector.keys().find(written).map(str::to_owned)
    }
}

fn under(map: &mut Map, entries: Map) {
    for (key, value) in entries {
        map.entry(key).or_insert(value);
    }
}

fn forget(map: &mut Option<Map>, keys: &Map) {
    if let Some(map) = map {
        map.retain(|key, _| !keys.contains_key(key));
    }
    map.take_if(|map| map.is_empty());
}

fn conditional(selector: &LabelSelector, labels: Map, annotations: Map) -> Override {
    let some = |map: Map| Some(map).filter(|map| !map.is_empty());
    let expression = |(key, test): (&str, &Test)| match test {
        Test::In(values) => json!({"key": key, "operator": "In", "values": values}),
        Test::NotIn(values) => json!({"key": key, "operator": "NotIn", "values": values}),
        Test::Exists => json!({"key": key, "operator": "Exists"}),
        Test::DoesNotExist => json!({"key": key, "operator": "DoesNotExist"}),
    };
    let expressions: Vec<Value> = selector.terms().map(expression).collect();
    Override {
        namespace_selector: json!({ "matchExpressions": expressions }),
        labels: some(labels),
        annotations: some(annotations),
        ..Override::default()
    }
}

/// What else Capsule does for the tenant, by its fields.
fn other_fields(object: &Value) -> Vec<String> {
    let fields = |path: &str, carried: &[&str]| -> Vec<String> {
        let object = object.pointer(path).and_then(Value::as_object);
        let is_left = |(name, value): &(&String, &Value)| {
            !carried.contains(&name.as_str()) && says_something(value)
        };
        let place = path.trim_start_matches('/').replace('/', ".");
        object
            .into_iter()
            .flatten()
            .filter(is_left)
            .map(|(name, _)| format!("{place}.{name}"))
            .collect()
    };
    let rules = object.pointer("/spec/rules").and_then(Value::as_array);
    let enforced = rules.into_iter().flatten().filter_map(|rule| rule.get("enforce")?.as_object());
    let names: BTreeSet<&String> = enforced.flat_map(serde_json::Map::keys).collect();
    let other_rules = names.into_iter().filter(|name| *name != "metadata");
    let mut left = fields("/spec", &CARRIED);
    left.extend(fields("/spec/namespaceOptions", &CARRIED_OPTIONS));
    left.extend(other_rules.map(|name| format!("spec.rules[].enforce.{name}")));
    left
}

fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(is_set) => *is_set,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => fields.values().any(says_something),
        Value::Number(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(spec: Value) -> (Value, Vec<String>) {
        let object = json!({"metadata": {"name": "solar"}, "spec": spec});
        let conversion = convert(&[&object]);
        let spec = serde_json::to_value(&conversion.tenants["solar"]).expect("JSON");
        (spec, conversion.notes)
    }

    #[test]
    fn owners_and_placement_are_carried_over() {
        let (spec, notes) = converted(json!({
            "owners": [{"kind": "User", "name": "alice"}, {"kind": "ServiceAccount", "name": "no-account"}],
            "nodeSelector": {"pool": "solar"},
            "namespaceOptions": {"quota": 3, "forbiddenLabels": {"denied": ["x"]}, "additionalMetadata": {"labels": {"a": "1"}}},
            "resourceQuotas": {"items": [{"hard": {"cpu": "1"}}]}, "cordoned": false,
        }));
        assert_eq!(
            spec,
            json!({"owners": [{"kind": "User", "name": "alice"}], "nodeSelector": {"pool": "solar"}, "labels": {"a": "1"}})
        );
        assert_eq!(
            notes,
            [
                "tenant \"solar\": not carried over: owner \"no-account\", spec.namespaceOptions.forbiddenLabels, \
              spec.namespaceOptions.quota, spec.resourceQuotas"
            ]
        );
    }

    /// In Capsule's list the first has a key, in overrides the last.
    #[test]
    fn the_list_is_turned_around() {
        let item = |env: &str, labels: Value| json!({"namespaceSelector": {"matchLabels": {"env": env}}, "labels": labels});
        let (spec, _) = converted(json!({"namespaceOptions": {
            "additionalMetadata": {"labels": {"own": "1"}},
            "additionalMetadataList": [
                item("a", json!({"own": "2", "x": "a"})),
                {"labels": {"y": "all"}},
                item("b", json!({"x": "b", "y": "b"})),
            ],
        }}));
        assert_eq!(spec["labels"], json!({"own": "1", "y": "all"}));
        let selector = |env: &str| json!({"matchExpressions": [{"key": "env", "operator": "In", "values": [env]}]});
        assert_eq!(
            spec["overrides"],
            json!([{"namespaceSelector": selector("b"), "labels": {"x": "b"}},
                   {"namespaceSelector": selector("a"), "labels": {"x": "a"}}])
        );
    }

    /// Capsule's own metadata renders no templates, and its list does.
    #[test]
    fn what_a_tenant_cannot_say_is_named() {
        let (spec, notes) = converted(json!({"namespaceOptions": {
            "additionalMetadata": {"annotations": {"a": "{{namespace}}", "scheduler.alpha.kubernetes.io/node-selector": "a=b"}},
            "additionalMetadataList": [
                {"namespaceSelector": {"matchLabels": {"z": "1"}}, "labels": {"w": "2"}},
                {"annotations": {"b": "{{ namespace }}", "c": "{{unknown}}"}, "labels": {"z": "1"}},
            ],
        }}));
        assert_eq!(spec["annotations"], json!({"b": "{{ namespace }}"}));
        assert_eq!(spec["overrides"], Value::Null);
        for left in ["annotation \"a\"", "annotation \"c\"", "node-selector", "selects by \"z\""] {
            assert!(notes[0].contains(left), "{left}: {notes:?}");
        }
    }
}
