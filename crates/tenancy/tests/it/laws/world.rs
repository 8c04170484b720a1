//! Small worlds in which everything clashes with everything, and what happens in them.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;
use tenancy::keys;
use tenancy::namespace::{NAME_LABEL, Namespace};

use crate::arbitrary::{self, Scope, TENANTS};
use crate::cluster::{Cluster, namespace};

/// Something that happens to a cluster or to the namespace in it.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Tenant(&'static str, Value),
    Deleted(&'static str),
    /// A user writes a label of the namespace, or drops it.
    Label(&'static str, Option<&'static str>),
    /// The tenant label names another tenant, or nobody.
    Claim(Option<&'static str>),
    /// Landlord comes by.
    Landlord,
}

/// A world: cluster and namespace as they are first, and what happens then.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) cluster: Cluster,
    pub(crate) namespace: Namespace,
    pub(crate) events: Vec<Event>,
}

impl World {
    /// Everything happens; landlord has not come by again at the end.
    pub(crate) fn happen(&self) -> (Cluster, Namespace) {
        let start = (self.cluster.clone(), self.namespace.clone());
        self.events.iter().fold(start, |(cluster, mut namespace), event| match event {
            Event::Tenant(name, spec) => (cluster.with(name, spec), namespace),
            Event::Deleted(name) => (cluster.without(name), namespace),
            Event::Landlord => (cluster.clone(), cluster.bring(&namespace)),
            Event::Label(key, value) => {
                write(&mut namespace, key, *value);
                (cluster, namespace)
            }
            Event::Claim(tenant) => {
                write(&mut namespace, cluster.settings.tenant_label(), *tenant);
                (cluster, namespace)
            }
        })
    }
}

pub(crate) fn write(namespace: &mut Namespace, label: &str, value: Option<&str>) {
    namespace.metadata.labels.remove(label);
    namespace.metadata.labels.extend(value.map(|value| (label.to_owned(), value.to_owned())));
}

pub(super) fn spec(source: &str, scope: Scope, lasting: bool) -> BoxedStrategy<Value> {
    if source == "capsule" {
        arbitrary::capsule_spec(lasting).boxed()
    } else {
        arbitrary::spec(scope).boxed()
    }
}

fn event(source: &'static str) -> impl Strategy<Value = Event> {
    let name = proptest::sample::select(&TENANTS[..]);
    prop_oneof![
        3 => (name.clone(), spec(source, Scope::default(), false)).prop_map(|(name, spec)| Event::Tenant(name, spec)),
        1 => name.clone().prop_map(Event::Deleted),
        2 => (proptest::sample::select(&["a", "b", "env"][..]), proptest::option::of(Just("2"))).prop_map(|(key, value)| Event::Label(key, value)),
        1 => proptest::option::weighted(0.8, name).prop_map(Event::Claim),
        3 => Just(Event::Landlord),
    ]
}

pub(super) fn world(
    source: &'static str,
    scope: Scope,
    clashes: bool,
) -> impl Strategy<Value = World> {
    let tenants = [(); 2].map(|()| spec(source, scope, false));
    (
        arbitrary::settings(source, scope),
        tenants,
        arbitrary::metadata(source, clashes),
        vec(event(source), 0..8),
    )
        .prop_map(|(settings, specs, metadata, events)| {
            let cluster = TENANTS
                .iter()
                .zip(&specs)
                .fold(Cluster::new(&settings), |cluster, (name, spec)| cluster.with(name, spec));
            World { cluster, namespace: namespace(&metadata), events }
        })
}

pub(crate) fn any_world() -> impl Strategy<Value = World> {
    prop_oneof![3 => world("landlord", Scope::default(), true), 2 => world("capsule", Scope::default(), true)]
}

/// A world whose tenants all restore, and whose namespace claims by the tenant label only.
pub(super) fn restoring(source: &'static str) -> impl Strategy<Value = World> {
    let tenants = [(); 2].map(|()| spec(source, RESTORE, true));
    (arbitrary::settings(source, RESTORE), tenants, arbitrary::metadata(source, true)).prop_map(
        |(mut settings, specs, mut metadata)| {
            settings.as_object_mut().expect("settings").remove("identify");
            // The guard's stamp goes with the first write, for good.
            metadata["annotations"].as_object_mut().expect("annotations").remove(keys::CREATOR);
            let name = metadata.get("name").cloned();
            let labels = metadata["labels"].as_object_mut().expect("labels");
            labels.insert(NAME_LABEL.to_owned(), name.unwrap_or_else(|| "web".into()));
            let cluster = TENANTS
                .iter()
                .zip(&specs)
                .fold(Cluster::new(&settings), |cluster, (name, spec)| cluster.with(name, spec));
            World { cluster, namespace: namespace(&metadata), events: Vec::new() }
        },
    )
}

pub(super) const RESTORE: Scope =
    Scope { stable_selectors: false, release: Some("restore"), conflicts: None };
