//! Desired: the exact labels and annotations that one tenant wants on one namespace, each with its
//! origin.

use std::collections::{BTreeMap, BTreeSet};

use crate::decode::with_causes;
use crate::dialect::Dialect;
use crate::glob::Glob;
use crate::hook::{Failure, Stage, View};
use crate::keys;
use crate::metadata::{
    Field, Key, Map, Metadata, check_annotation_key, check_label_key, check_label_value,
};
use crate::namespace::NAME_LABEL;
use crate::selector::NodeSelector;
use crate::template::Template;
use crate::tenant::{Layer, Precedence, Tenant};
use crate::toleration::{self, Toleration};
pub use crate::want::Want;
pub(crate) use crate::want::Wants;
use crate::why::Why;

mod hooks;

/// What one tenant wants on one namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Desired {
    /// Managed keys.
    pub wants: Wants,
    /// Written over everything, never in the ledger.
    pub forced: Wants,
    /// Set where absent in the first plan, never in the ledger.
    pub defaults: Wants,
    /// Keys, unrendered, that wait for the namespace to get its name.
    pub waiting: BTreeSet<String>,
    /// What hooks remove, no matter who wrote it.
    pub removals: BTreeMap<Key, Why>,
    /// Keys that the other stage may have written: they stay as they are.
    pub held: Vec<Key>,
    /// Values that could not be made.
    pub failures: Vec<Failure>,
}

/// What a tenant's layers and hooks read of a namespace.
pub(crate) struct Sight<'a> {
    /// What the layers' selectors read.
    pub(crate) labels: &'a Map,
    /// What hooks read: the base.
    pub(crate) view: View<'a>,
    pub(crate) stage: Stage<'a>,
}

/// A tenant whose wants cannot be written on this namespace.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DesireError {
    /// A templated key came out invalid.
    #[error(
        "tenant {tenant:?}: {field} {key:?} is not a valid key after rendering ({fault}): shorten or fix the template"
    )]
    Key {
        /// The tenant's name.
        tenant: String,
        /// Whether it is a label's or an annotation's key.
        field: Field,
        /// The key as it was rendered.
        key: String,
        /// The rule of Kubernetes that it breaks.
        fault: String,
    },
    /// A templated value of a label came out invalid.
    #[error(
        "tenant {tenant:?}: value of label {key:?} is not valid after rendering, {length} characters long ({fault}): shorten or fix the template"
    )]
    Value {
        /// The tenant's name.
        tenant: String,
        /// The label's key.
        key: String,
        /// Characters of the rendered value, which is not repeated: it can be long.
        length: usize,
        /// The rule of Kubernetes that it breaks.
        fault: String,
    },
    /// The annotation of the plugin `PodNodeSelector` is wanted with a value that the plugin cannot
    /// read.
    #[error(
        "tenant {tenant:?}: node selector {value:?} would make every Pod creation in the namespace fail ({fault}): write `k=v,k=v`"
    )]
    NodeSelector {
        /// The tenant's name.
        tenant: String,
        /// The value of the annotation.
        value: String,
        /// What is wrong with it.
        fault: String,
    },
}

/// Computes the wants. `name` is `None` as long as the namespace has none.
pub(crate) fn desire(
    tenant: &Tenant,
    sight: &Sight<'_>,
    name: Option<&str>,
) -> Result<Desired, DesireError> {
    let mut draft = Draft {
        tenant: &tenant.name,
        dialect: tenant.dialect,
        name,
        desired: Desired::default(),
        node_selector: None,
        tolerations: None,
    };
    let mut placement = Placement::default();
    for layer in &tenant.layers {
        match &layer.selector {
            Some(selector) if name.is_none() && selector.keys().any(|key| key == NAME_LABEL) => {
                draft.wait(layer)
            }
            Some(selector) if !selector.matches(sight.labels) => {}
            _ => draft.add(layer, &mut placement)?,
        }
    }
    draft.place(placement);
    tenant.hooks.iter().try_for_each(|hook| draft.run(hook, sight))?;
    if tenant.dialect == Dialect::Capsule {
        draft.force();
    }
    draft.desired.check(&tenant.name)?;
    Ok(draft.desired)
}

/// Takes from the metadata what the tenant or a hook could set or remove, whatever their conditions
/// say (docs/design.md, "The base"). As long as the namespace has no name, that is whatever a name
/// could make of a key. A hook's literal keys are read by no other hook (see `hook::check`), so
/// they matter to selectors only.
pub(crate) fn forget_possible(tenant: &Tenant, name: Option<&str>, metadata: &mut Metadata) {
    let selects = tenant.layers.iter().any(|layer| layer.selector.is_some());
    let hooks = tenant
        .hooks
        .iter()
        .flat_map(|hook| hook.keys())
        .filter(|(_, key)| selects || key.has_tags());
    for key in placement_keys(tenant) {
        metadata.annotations.remove(key);
    }
    for (field, key) in layer_keys(tenant).chain(hooks) {
        let map = metadata.field_mut(field);
        match key.render(&tenant.name, name) {
            Some(key) => drop(map.remove(&key)),
            None => {
                let pattern = key
                    .render(&tenant.name, Some("*"))
                    .and_then(|pattern| Glob::parse(&pattern).ok());
                map.retain(|name, _| {
                    !pattern.as_ref().is_some_and(|pattern| pattern.matches(name))
                });
            }
        }
    }
}

fn layer_keys(tenant: &Tenant) -> impl Iterator<Item = (Field, &Template)> {
    tenant.layers.iter().flat_map(|layer| {
        let labels = layer.labels.iter().map(|entry| (Field::Label, &entry.key));
        labels.chain(layer.annotations.iter().map(|entry| (Field::Annotation, &entry.key)))
    })
}

/// Every key that the tenant could set, whatever its selectors say, some of them twice.
pub fn possible_keys(tenant: &Tenant, name: Option<&str>) -> Vec<Key> {
    let hooks = tenant.hooks.iter().flat_map(|hook| hook.keys());
    let render = |(field, key): (Field, &Template)| {
        Some(Key { field, name: key.render(&tenant.name, name)? })
    };
    let placement = placement_keys(tenant).map(Key::annotation);
    layer_keys(tenant).chain(hooks).filter_map(render).chain(placement).collect()
}

/// The annotations that decide where Pods run, of those that the tenant or a hook may write.
fn placement_keys(tenant: &Tenant) -> impl Iterator<Item = &'static str> {
    let selects = tenant.layers.iter().any(|layer| layer.node_selector.is_some())
        || tenant.hooks.iter().any(|hook| hook.node_selector.is_some());
    let tolerates = tenant.layers.iter().any(|layer| layer.tolerations.is_some());
    let selector = selects.then_some(keys::NODE_SELECTOR);
    let tolerations = [keys::DEFAULT_TOLERATIONS, keys::TOLERATIONS];
    selector.into_iter().chain(tolerations.into_iter().filter(move |_| tolerates))
}

struct Draft<'a> {
    tenant: &'a str,
    dialect: Dialect,
    name: Option<&'a str>,
    desired: Desired,
    node_selector: Option<NodeSelector>,
    tolerations: Option<Vec<Toleration>>,
}

/// The layers that said something about where Pods run.
#[derive(Default)]
struct Placement<'l> {
    selected: Parts<'l>,
    tolerated: Parts<'l>,
}

/// What layers have said together, each part with the layer that said it last.
#[derive(Default)]
struct Parts<'l> {
    last: Option<&'l Why>,
    by_key: BTreeMap<&'l str, &'l Why>,
}

impl<'l> Parts<'l> {
    /// Adds what one layer says. Nothing at all: that there is none.
    fn add(&mut self, why: &'l Why, keys: impl Iterator<Item = &'l str>) {
        self.last = Some(why);
        let mut keys = keys.peekable();
        if keys.peek().is_none() {
            self.by_key.clear();
        }
        self.by_key.extend(keys.map(|key| (key, why)));
    }

    /// One layer, if it said everything.
    fn why(&self) -> Option<Why> {
        let last = self.last?;
        if self.by_key.values().all(|why| *why == last) {
            return Some(last.clone());
        }
        let part = |(key, why): (&&str, &&Why)| ((*key).to_owned(), (*why).clone());
        Some(Why::Layers(self.by_key.iter().map(part).collect()))
    }
}

impl Draft<'_> {
    fn add<'l>(
        &mut self,
        layer: &'l Layer,
        placement: &mut Placement<'l>,
    ) -> Result<(), DesireError> {
        for (key, want) in self.layer_wants(layer)? {
            match layer.precedence {
                Precedence::Over => drop(self.desired.wants.insert(key, want)),
                Precedence::Under => drop(self.desired.wants.entry(key).or_insert(want)),
                Precedence::Default => drop(self.desired.defaults.insert(key, want)),
            }
        }
        if let Some(selector) = &layer.node_selector {
            self.node_selector.get_or_insert_default().merge(selector);
            placement.selected.add(&layer.why, selector.iter().map(|(key, _)| key));
        }
        if let Some(tolerations) = &layer.tolerations {
            let all = self.tolerations.get_or_insert_default();
            all.extend(tolerations.iter().cloned());
            if tolerations.is_empty() {
                all.clear();
            }
            let keys = tolerations.iter().map(|toleration| toleration.key.as_str());
            placement.tolerated.add(&layer.why, keys);
        }
        Ok(())
    }

    /// Written once, and not for each layer: there can be many, and each adds to what all before it
    /// have.
    fn place(&mut self, Placement { selected, tolerated }: Placement<'_>) {
        if let Some((selector, why)) = self.node_selector.as_ref().zip(selected.why()) {
            self.want(keys::NODE_SELECTOR, selector.to_string(), &why);
        }
        if let Some((tolerations, why)) = self.tolerations.take().zip(tolerated.why()) {
            self.want(keys::DEFAULT_TOLERATIONS, toleration::json(&tolerations), &why);
            self.want(keys::TOLERATIONS, toleration::compact(&tolerations), &why);
        }
    }

    /// Its selector reads the name that the namespace does not have yet.
    fn wait(&mut self, layer: &Layer) {
        let entries =
            layer.labels.iter().chain(&layer.annotations).map(|entry| entry.key.as_source());
        let node_selector = layer.node_selector.iter().map(|_| keys::NODE_SELECTOR);
        let tolerations =
            layer.tolerations.iter().flat_map(|_| [keys::DEFAULT_TOLERATIONS, keys::TOLERATIONS]);
        self.desired
            .waiting
            .extend(entries.chain(node_selector).chain(tolerations).map(str::to_owned));
    }

    fn want(&mut self, key: &str, value: String, why: &Why) {
        self.desired.wants.insert(Key::annotation(key), Want { value, why: why.clone() });
    }

    /// The layer's entries, rendered. Of two that render to one key the smaller unrendered key
    /// wins: entries come sorted by it.
    fn layer_wants(&mut self, layer: &Layer) -> Result<Wants, DesireError> {
        let mut wants = Wants::new();
        let labels = layer.labels.iter().map(|entry| (Field::Label, entry));
        for (field, entry) in
            labels.chain(layer.annotations.iter().map(|entry| (Field::Annotation, entry)))
        {
            let rendered = entry
                .key
                .render(self.tenant, self.name)
                .zip(entry.value.render(self.tenant, self.name));
            let Some((name, value)) = rendered else {
                self.desired.waiting.insert(entry.key.as_source().to_owned());
                continue;
            };
            if keys::is_reserved(self.dialect, &name) {
                return Err(reserved(self.tenant, Key { field, name }));
            }
            wants.entry(Key { field, name }).or_insert(Want { value, why: layer.why.clone() });
        }
        Ok(wants)
    }

    /// Capsule's two forced labels win over user and tenant alike, and so are nobody's to manage.
    fn force(&mut self) {
        for key in [keys::CAPSULE_TENANT_LABEL, NAME_LABEL].map(Key::label) {
            self.desired.wants.remove(&key);
            self.desired.defaults.remove(&key);
        }
        let tenant = Some((keys::CAPSULE_TENANT_LABEL, self.tenant.to_owned()));
        let name = self.name.map(|name| (NAME_LABEL, name.to_owned()));
        for (key, value) in tenant.into_iter().chain(name) {
            self.desired.forced.insert(Key::label(key), Want { value, why: Why::Forced });
        }
    }
}

impl Desired {
    fn check(&self, tenant: &str) -> Result<(), DesireError> {
        self.wants
            .iter()
            .chain(&self.forced)
            .chain(&self.defaults)
            .try_for_each(|(key, want)| check(tenant, key, &want.value))
    }
}

fn reserved(tenant: &str, Key { field, name: key }: Key) -> DesireError {
    DesireError::Key {
        tenant: tenant.to_owned(),
        field,
        key,
        fault: "written by landlord itself".to_owned(),
    }
}

fn check(tenant: &str, key: &Key, value: &str) -> Result<(), DesireError> {
    let valid = match key.field {
        Field::Label => check_label_key(&key.name),
        Field::Annotation => check_annotation_key(&key.name),
    };
    let tenant = || tenant.to_owned();
    valid.map_err(|fault| DesireError::Key {
        tenant: tenant(),
        field: key.field,
        key: key.name.clone(),
        fault: fault.to_string(),
    })?;
    if key.field == Field::Label {
        check_label_value(value).map_err(|fault| DesireError::Value {
            tenant: tenant(),
            key: key.name.clone(),
            length: value.chars().count(),
            fault: fault.to_string(),
        })?;
    }
    if key.field == Field::Annotation && key.name == keys::NODE_SELECTOR && !value.is_empty() {
        value.parse::<NodeSelector>().map_err(|fault| DesireError::NodeSelector {
            tenant: tenant(),
            value: value.to_owned(),
            fault: with_causes(&fault),
        })?;
    }
    Ok(())
}
