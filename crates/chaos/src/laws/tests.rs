//! Each law can be broken, and says so.

use serde_json::json;

use super::super::spec::{NODE_SELECTOR, namespace, tenant};
use super::*;

fn commit(
    who: Option<&str>,
    plural: &str,
    name: &str,
    before: Option<Value>,
    after: Option<Value>,
) -> Commit {
    let who = who.map(str::to_owned);
    let (plural, namespace, name) = (plural.to_owned(), String::new(), name.to_owned());
    Commit {
        who,
        plural,
        namespace,
        name,
        before: before.map(Arc::new),
        after: after.map(Arc::new),
    }
}

/// A namespace of tenant solar as landlord leaves it.
fn compliant() -> Value {
    let mut object = namespace("web-0", "solar");
    object["metadata"]["labels"]["billing"] = json!("solar-0");
    object["metadata"]["annotations"][NODE_SELECTOR] = json!("pool=solar");
    object["metadata"]["annotations"]["contact"] = json!("team-0@solar.example");
    object["metadata"]["annotations"][LEDGER] = json!(format!(
        "{{\"tenant\":\"solar\",\"labels\":[\"billing\"],\"annotations\":[\"contact\",\"{NODE_SELECTOR}\"]}}"
    ));
    object
}

/// A cluster in which a user created that namespace and `one`, who holds the lease, wrote it.
fn kept() -> Laws {
    let mut laws = Laws::default();
    laws.see(&commit(
        Some("one"),
        "leases",
        "controller",
        None,
        Some(json!({"spec": {"holderIdentity": "one"}})),
    ));
    laws.see(&commit(None, "tenants", "solar", None, Some(tenant("solar", 0))));
    laws.see(&commit(None, "namespaces", "web-0", None, Some(namespace("web-0", "solar"))));
    laws.see(&commit(
        Some("one"),
        "namespaces",
        "web-0",
        Some(namespace("web-0", "solar")),
        Some(compliant()),
    ));
    laws
}

fn rest(namespace: Value) -> Rest {
    Rest {
        namespaces: vec![Arc::new(namespace)],
        tenants: vec![Arc::new(tenant("solar", 0))],
        ..Rest::default()
    }
}

/// The law that is broken by this, and no other.
fn broken(then: impl FnOnce(&mut Laws)) -> String {
    let mut laws = kept();
    then(&mut laws);
    let [violation] = laws.violations() else { panic!("{:?}", laws.violations()) };
    violation.split(':').next().unwrap_or_default().to_owned()
}

fn without(mut object: Value, field: &str, key: &str) -> Value {
    object["metadata"][field].as_object_mut().expect("a map").remove(key);
    object
}

#[test]
fn what_is_all_right_breaks_none() {
    let mut laws = kept();
    laws.see_rest(&rest(compliant()));
    assert_eq!((laws.violations(), laws.writes, laws.allowed), (&[] as &[String], 1, 1));
}

#[test]
fn a_foreign_key_a_loss_and_a_write_without_the_lease_are_noticed() {
    let write = |who, after| commit(Some(who), "namespaces", "web-0", Some(compliant()), after);
    for key in ["own", "a.example/empty", TENANT_LABEL, "kubernetes.io/metadata.name"] {
        let mut after = compliant();
        after["metadata"]["labels"][key] = json!("stolen");
        assert_eq!(broken(|laws| laws.see(&write("one", Some(after)))), "foreign key", "{key}");
    }
    let after = without(compliant(), "annotations", "b.example/json");
    assert_eq!(broken(|laws| laws.see(&write("one", Some(after)))), "foreign key");
    let mut after = compliant();
    after["spec"]["finalizers"] = json!([]);
    assert_eq!(broken(|laws| laws.see(&write("one", Some(after)))), "foreign key");
    assert_eq!(broken(|laws| laws.see(&write("one", None))), "lost namespace");
    assert_eq!(broken(|laws| laws.see(&write("two", Some(compliant())))), "fence");
    assert_eq!(broken(|laws| laws.see_survival("web-0", false)), "lost namespace");
}

#[test]
fn a_pod_may_go_where_its_namespace_belonged_since_it_was_created() {
    let pod = |gates: Value, pool| {
        let mut pod = commit(
            None,
            "pods",
            "p",
            None,
            Some(json!({"spec": {"schedulingGates": gates, "nodeSelector": {"pool": pool}}})),
        );
        pod.namespace = "web-0".to_owned();
        pod
    };
    let (held, moved) = (
        pod(json!([{"name": "wait"}]), ""),
        commit(None, "namespaces", "web-0", Some(compliant()), Some(namespace("web-0", "nova"))),
    );
    for (pool, foreign) in [("solar", false), ("nova", false), ("lunar", true)] {
        let mut laws = kept();
        laws.see(&held);
        laws.see(&moved);
        let mut released = pod(json!([]), pool);
        released.before.clone_from(&held.after);
        laws.see(&released);
        assert_eq!(
            laws.violations().iter().any(|one| one.starts_with("foreign placement")),
            foreign,
            "{pool}"
        );
    }
}

#[test]
fn what_is_wrong_at_rest_is_noticed_unless_it_is_reported() {
    let wrong = [
        without(compliant(), "annotations", NODE_SELECTOR),
        without(compliant(), "annotations", LEDGER),
        without(compliant(), "labels", "billing"),
    ];
    for namespace in wrong {
        assert_eq!(broken(|laws| laws.see_rest(&rest(namespace.clone()))), "convergence");
        let mut laws = kept();
        laws.see_rest(&Rest { reported: ["web-0".to_owned()].into(), ..rest(namespace) });
        assert_eq!(laws.violations(), &[] as &[String]);
    }
    assert_eq!(
        broken(|laws| laws
            .see_rest(&Rest { reported: ["web-0".to_owned()].into(), ..rest(compliant()) })),
        "convergence"
    );
    assert_eq!(broken(|laws| laws.see_released(&["web-0/p".to_owned()])), "convergence");
    let again = commit(Some("one"), "namespaces", "web-0", Some(compliant()), Some(compliant()));
    let twice = |laws: &mut Laws| {
        laws.see(&again);
        laws.see_rest(&rest(compliant()));
    };
    assert_eq!(broken(twice), "writes");
}

#[test]
fn noise_a_second_opinion_and_a_panic_are_noticed() {
    assert_eq!(broken(|laws| laws.see_silence(&["1 × list namespaces".to_owned()])), "silence");
    assert_eq!(broken(|laws| laws.see_idempotence(1)), "idempotence");
    assert_eq!(
        broken(|laws| laws.see_one_engine(
            "web-0",
            &compliant(),
            &without(compliant(), "labels", "billing")
        )),
        "one engine"
    );
    assert_eq!(broken(|laws| laws.see_panics(1)), "panics");
    assert_eq!(broken(|laws| laws.see_casualties(&["one ended".to_owned()])), "panics");
}

#[test]
fn many_tries_of_one_key_are_noticed() {
    let tried = |count: u64, events: usize| {
        move |laws: &mut Laws| {
            (0..events).for_each(|_| laws.see_event(Duration::from_secs(100)));
            for number in 0..count {
                laws.see_try("web-0", Duration::from_secs(90 + 5 * number));
                laws.see_try("web-0/pod", Duration::from_secs(90 + 600 * number));
            }
            laws.see_tries();
        }
    };
    let mut laws = kept();
    tried(10, 0)(&mut laws);
    tried(12, 1)(&mut laws);
    assert_eq!(laws.violations(), &[] as &[String]);
    assert_eq!(broken(tried(12, 0)), "tries");
}

#[test]
fn what_fails_unreported_and_a_neighbour_that_waits_are_noticed() {
    let calm = |reported: &[&str]| Calm {
        rest: Rest {
            reported: reported.iter().map(|name| (*name).to_owned()).collect(),
            ..rest(without(compliant(), "labels", "billing"))
        },
        failing: ["web-0".to_owned()].into(),
    };
    let mut laws = kept();
    laws.see_reports(&calm(&["web-0"]));
    laws.see_reports(&Calm { failing: BTreeSet::new(), ..calm(&[]) });
    laws.see_delay("calm", Some(DELAY / 2), &BTreeSet::new());
    assert_eq!(laws.violations(), &[] as &[String]);
    assert_eq!(broken(|laws| laws.see_reports(&calm(&[]))), "report");
    assert_eq!(broken(|laws| laws.see_delay("calm", None, &BTreeSet::new())), "delay");
}

/// What admission makes of a write is not landlord's, and allows another one.
#[test]
fn what_admission_sets_back_is_not_landlords() {
    let mut laws = kept();
    let mut touched = compliant();
    touched["metadata"]["annotations"]["other"] = json!("touched");
    laws.see(&commit(Some(ADMISSION), "namespaces", "web-0", Some(compliant()), Some(touched)));
    assert_eq!((laws.violations(), laws.writes, laws.allowed), (&[] as &[String], 1, 2));
}
