use std::collections::BTreeMap;

use cluster::writer::{ApplyMode, Writer};
use fake_apiserver::InMemory;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use proptest::prelude::*;
use serde_json::{Value, json};
use tenancy::settings::Settings;
use tokio::runtime::Runtime;

use super::*;
use crate::metrics::Metrics;
use crate::outcome::Outcomes;
use crate::pace::Pace;
use crate::store::{Identity, Standing, Store};
use assessment::{Fault, Reason};

fn settings(document: Value) -> Arc<Settings> {
    Arc::new(Settings::from_value(&document).expect("settings"))
}

/// Outside of it there are no clients.
fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime")
}

fn snapshots() -> Snapshots {
    let client = InMemory::default().client();
    let outcomes = Outcomes::new(Arc::new(Metrics::default()), None);
    let (store, writer) =
        (Store::new(settings(Value::Null)), Writer::new(client, ApplyMode::PlanOnly));
    Snapshots::new(Arc::new(Reconciler::new(store, Pace::default(), writer, outcomes)))
}

/// What happens in the cluster, to namespaces and tenants by their numbers.
#[derive(Clone, Debug)]
enum Step {
    Put(usize, u64),
    Stand(usize, Option<usize>, Option<Reason>),
    Trouble(usize, Option<Reason>),
    Remove(usize),
    Tenant(usize, bool, i64),
    RemoveTenant(usize),
    Inline(bool),
    ReadNamespaces,
    ReadTenants,
}

fn step() -> impl Strategy<Value = Step> {
    let (namespace, tenant) = (0..5usize, 0..3usize);
    let reason =
        prop::option::of(prop::sample::select(vec![Reason::Contested, Reason::HookRejected]));
    prop_oneof![
        4 => (namespace.clone(), 0..9u64).prop_map(|(one, at)| Step::Put(one, at)),
        6 => (namespace.clone(), prop::option::of(tenant.clone()), reason.clone())
            .prop_map(|(one, tenant, reason)| Step::Stand(one, tenant, reason)),
        3 => (namespace.clone(), reason).prop_map(|(one, reason)| Step::Trouble(one, reason)),
        1 => namespace.prop_map(Step::Remove),
        2 => (tenant.clone(), any::<bool>(), 0..3i64)
            .prop_map(|(one, is_good, generation)| Step::Tenant(one, is_good, generation)),
        1 => tenant.prop_map(Step::RemoveTenant),
        1 => any::<bool>().prop_map(Step::Inline),
        1 => Just(Step::ReadNamespaces),
        1 => Just(Step::ReadTenants),
    ]
}

fn namespace(number: usize) -> String {
    format!("namespace-{number}")
}

fn tenant(number: usize) -> String {
    format!("tenant-{number}")
}

fn cached(name: &str, second: u64) -> CachedNamespace {
    let created = json!(format!("2026-01-01T00:00:0{second}Z"));
    let meta = json!({"name": name, "uid": "u", "creationTimestamp": created});
    CachedNamespace::from_meta(&serde_json::from_value::<ObjectMeta>(meta).expect("metadata"))
}

fn take(snapshots: &Snapshots, step: Step) {
    let mut shared = snapshots.reconciler.shared();
    match step {
        Step::Put(one, second) => {
            shared.store.put_namespace(cached(&namespace(one), second));
        }
        Step::Stand(one, of, reason) => {
            let state = if reason.is_some() { Compliance::Failed } else { Compliance::Compliant };
            let standing = Standing { tenant: of.map(tenant), state, reason };
            shared.store.stand(&namespace(one), Some(standing));
        }
        Step::Trouble(one, reason) => {
            let trouble = reason.map(|reason| Fault { reason, message: "why".to_owned() });
            shared.progress.note(&namespace(one), trouble);
        }
        Step::Remove(one) => shared.forget(&namespace(one), None),
        Step::Tenant(one, is_good, generation) => put_tenant(&mut shared, one, is_good, generation),
        Step::RemoveTenant(one) => shared.store.remove_tenant(&tenant(one)),
        Step::Inline(is_inline) => {
            let inline = json!({"tenantSource": {"inline": [{"name": tenant(0)}]}});
            let document = if is_inline { inline } else { Value::Null };
            shared.store.set_settings(settings(document));
        }
        Step::ReadNamespaces => {
            drop(shared);
            snapshots.refresh_namespaces();
        }
        Step::ReadTenants => {
            drop(shared);
            let _kept = snapshots.tenants();
        }
    }
}

/// Nobody watches objects where tenants are in the settings.
fn put_tenant(shared: &mut Shared, number: usize, is_good: bool, generation: i64) {
    if shared.store.settings().source.kind().is_none() {
        return;
    }
    let name = tenant(number);
    let object = json!({"metadata": {"name": name}, "spec": {"labels": {"a": "b"}}});
    let read = settings(Value::Null).tenant(&object).expect("a tenant");
    let read = if is_good { Ok(Arc::new(read)) } else { Err("not valid".to_owned()) };
    shared.store.identify_tenant(&name, Identity { uid: "u".to_owned(), generation });
    shared.store.put_tenant(name, read);
}

/// All of it, read at once.
fn namespaces_now(shared: &Shared) -> BTreeMap<String, NamespaceRow> {
    let row = |name: String| NamespaceRow::read(shared, &name).map(|row| (name, row));
    shared.store.names().into_iter().filter_map(row).collect()
}

fn tenants_now(shared: &Shared) -> BTreeMap<String, TenantRow> {
    let row = |name: String| TenantRow::read(shared, &name).map(|row| (name, row));
    (0..3).map(tenant).filter_map(row).collect()
}

proptest! {
    /// Rows that are kept up to date by what changed are those that a look at everything finds.
    #[test]
    fn rows_are_those_of_a_look_at_everything(steps in prop::collection::vec(step(), 0..60)) {
        let runtime = runtime();
        let _within = runtime.enter();
        let snapshots = snapshots();
        for step in steps {
            take(&snapshots, step);
        }
        let (namespaces, tenants) = {
            let shared = snapshots.reconciler.shared();
            (namespaces_now(&shared), tenants_now(&shared))
        };
        let kept: BTreeMap<String, NamespaceRow> =
            snapshots.namespaces().iter().map(|(name, row)| (name.to_string(), row.clone())).collect();
        let kept_tenants: BTreeMap<String, TenantRow> =
            snapshots.tenants().iter().map(|(name, row)| (name.clone(), row.clone())).collect();
        prop_assert_eq!(kept, namespaces);
        prop_assert_eq!(kept_tenants, tenants);
    }
}

/// A tenant's row has the trouble of a namespace, which becomes another without the tenant's
/// totals.
#[test]
fn a_row_of_a_tenant_follows_the_trouble_of_its_namespace() {
    let runtime = runtime();
    let _within = runtime.enter();
    let snapshots = snapshots();
    take(&snapshots, Step::Put(4, 0));
    take(&snapshots, Step::Stand(4, Some(0), Some(Reason::HookRejected)));
    take(&snapshots, Step::ReadTenants);
    take(&snapshots, Step::Trouble(4, Some(Reason::HookRejected)));
    let trouble = snapshots.tenants().get(&tenant(0)).and_then(|row| row.trouble.clone());
    assert_eq!(trouble.map(|(name, _)| name), Some(namespace(4)));
}

/// As long as a reader looks at what it has, the writer is free.
#[test]
fn a_reader_does_not_hold_the_writer() {
    let runtime = runtime();
    let _within = runtime.enter();
    let snapshots = snapshots();
    take(&snapshots, Step::Put(0, 0));
    take(&snapshots, Step::Stand(0, Some(1), None));
    let (namespaces, tenants, nodes) =
        (snapshots.namespaces(), snapshots.tenants(), snapshots.nodes());
    assert_eq!((namespaces.iter().count(), tenants.iter().count()), (1, 1));
    std::thread::scope(|scope| {
        let write = || take(&snapshots, Step::Stand(0, Some(2), Some(Reason::Contested)));
        scope.spawn(write).join().expect("the writer has written while readers still look");
    });
    drop((namespaces, tenants, nodes));
    let tenant = snapshots.namespaces().iter().next().and_then(|(_, row)| row.tenant.clone());
    assert_eq!(tenant.as_deref(), Some("tenant-2"), "and they find it when they ask again");
}

#[test]
fn figures_count_what_there_is() {
    let runtime = runtime();
    let _within = runtime.enter();
    let snapshots = snapshots();
    for (number, reason) in [None, None, Some(Reason::Contested)].into_iter().enumerate() {
        take(&snapshots, Step::Put(number, 0));
        take(&snapshots, Step::Stand(number, Some(0), reason));
    }
    let figures = snapshots.figures();
    assert_eq!((figures.totals.compliant, figures.totals.failed), (2, 1));
    assert_eq!(figures.reasons, [(Reason::Contested, 1)]);
    assert_eq!(figures.held_pods, None, "Pods have not been listed");
    take(&snapshots, Step::Remove(2));
    let later = snapshots.figures();
    assert!(later.reasons.is_empty() && later.revision > figures.revision);
}

fn hold(snapshots: &Snapshots, namespace: &str, count: usize) {
    use crate::gated_pods::HeldPod;

    let mut gated = snapshots.reconciler.gated();
    for number in 0..count {
        let metadata = json!({"namespace": namespace, "name": format!("pod-{number:04}"), "uid": format!("{number}"), "creationTimestamp": "2026-01-01T00:00:00Z"});
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"schedulingGates": [{"name": guard::GATE}]}});
        let pod: cluster::gated_pod::UnscheduledPod = serde_json::from_value(pod).expect("a Pod");
        let key = cluster::gated_pod::PodKey::from_pod(&pod);
        gated.put(&key, HeldPod::from_pod(pod, None).expect("a held Pod"), clock::now());
    }
}

/// More than one part, and a namespace that releases its Pods.
#[test]
fn every_gated_pod_has_a_row() {
    let runtime = runtime();
    let _within = runtime.enter();
    let snapshots = snapshots();
    assert_eq!(snapshots.gated_pod_rows(), None, "not listed yet");
    hold(&snapshots, "web", 2 * PART);
    hold(&snapshots, "db", 1);
    let listed = snapshots.reconciler.gated().pods().map(|(key, _)| key.clone()).collect();
    snapshots.reconciler.gated().complete(&listed);
    snapshots
        .reconciler
        .gated()
        .set_placement("db", Some(cluster::placement::Placement::default()));
    let rows = snapshots.gated_pod_rows().expect("listed");
    let keys: std::collections::BTreeSet<_> = rows.iter().map(|row| row.key.clone()).collect();
    assert_eq!((rows.len(), keys), (2 * PART + 1, listed));
    let is_next =
        |name: &str| rows.iter().filter(|row| row.is_next && *row.key.namespace == *name).count();
    assert_eq!((is_next("web"), is_next("db")), (0, 1));
}
