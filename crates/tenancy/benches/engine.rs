//! What a namespace costs the engine: claim, desired and plan together. Foreign annotations of 200
//! KiB must make no difference.

use std::convert::Infallible;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::{Value, json};
use tenancy::claim::{Evidence, Resolution, resolve};
use tenancy::hook::Stage;
use tenancy::namespace::Namespace;
use tenancy::plan::{Plan, plan, read_ledger};
use tenancy::settings::Settings;
use tenancy::tenant::Tenant;

struct Scene {
    settings: Settings,
    tenant: Tenant,
    namespace: Namespace,
}

impl Scene {
    fn new(settings: &Value, tenant: &Value, namespace: &Value) -> Self {
        let settings = Settings::from_value(settings).expect("settings");
        let tenant = settings.tenant(tenant).expect("a tenant");
        Self { tenant, settings, namespace: Namespace::from_value(namespace).expect("a namespace") }
    }

    /// The same after its plan.
    fn compliant(mut self) -> Self {
        self.namespace.metadata = self.plan().apply(&self.namespace.metadata);
        self
    }

    fn plan(&self) -> Plan {
        let (ledger, _) = read_ledger(&self.namespace.metadata);
        let evidence = Evidence { namespace: &self.namespace, ledger: &ledger, document: None };
        match resolve(&self.settings, evidence, |_| Ok::<_, Infallible>(Some(&self.tenant))) {
            Ok(Resolution::Known(claim, tenant)) => {
                plan(&self.settings, &self.namespace, &ledger, &claim, tenant, Stage::Reconcile)
                    .expect("a plan")
            }
            other => panic!("not claimed: {other:?}"),
        }
    }
}

fn landlord(foreign: usize) -> Scene {
    let tenant = json!({"apiVersion": "landlord.dev/v1alpha1", "kind": "Tenant", "metadata": {"name": "solar"}, "spec": {
        "nodeSelector": {"pool": "solar"}, "labels": {"cost-center": "4711", "billing": "{{tenant.name}}"}, "annotations": {"contact": "a@b.c"},
        "overrides": [{"namespaceSelector": {"matchLabels": {"env": "prod"}}, "nodeSelector": {"tier": "prod"}}]}});
    Scene::new(&json!({}), &tenant, &namespace("landlord.dev/tenant", foreign))
}

fn capsule(foreign: usize) -> Scene {
    let tenant = json!({"metadata": {"name": "solar"}, "spec": {"nodeSelector": {"pool": "solar"}, "namespaceOptions": {
        "additionalMetadata": {"labels": {"cost-center": "4711"}}, "additionalMetadataList": [{"labels": {"home": "{{ namespace }}"}}]}}});
    Scene::new(
        &json!({"tenantSource": "capsule"}),
        &tenant,
        &namespace("capsule.clastix.io/tenant", foreign),
    )
}

fn namespace(label: &str, foreign: usize) -> Value {
    let notes = "x".repeat(foreign);
    json!({"metadata": {"name": "web", "labels": {label: "solar", "env": "prod", "kubernetes.io/metadata.name": "web"}, "annotations": {"notes": notes}}})
}

fn engine(criterion: &mut Criterion) {
    let scenes = [
        ("landlord, new", landlord(0)),
        ("landlord, compliant", landlord(0).compliant()),
        ("landlord, compliant, 200 KiB of foreign annotations", landlord(200 * 1024).compliant()),
        ("capsule, new", capsule(0)),
        ("capsule, compliant", capsule(0).compliant()),
    ];
    for (name, scene) in &scenes {
        criterion.bench_function(name, |bencher| bencher.iter(|| black_box(scene.plan())));
    }
}

criterion_group!(benches, engine);
criterion_main!(benches);
