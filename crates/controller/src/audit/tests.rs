use std::collections::BTreeMap;

use cluster::audit::pool::Carried;
use rstest::rstest;
use serde_json::json;

use super::*;
use cluster::audit::placed::{Owner, Placed};
use cluster::audit::requests::Capacity;

fn time(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("a time")
}

/// Nodes `solar-1` and `moon-1` of these pools.
fn some_nodes() -> Nodes {
    let mut nodes = Nodes::default();
    for pool in ["solar", "moon"] {
        label(&mut nodes, &format!("{pool}-1"), pool);
        let capacity = Capacity { millicores: 4000, bytes: 8 << 30 };
        nodes.set_capacity(format!("{pool}-1"), capacity);
    }
    nodes.complete();
    nodes
}

fn label(nodes: &mut Nodes, node: &str, pool: &str) {
    nodes.put(node.to_owned(), [("pool".to_owned(), pool.to_owned())].into());
}

fn pool(tenant: &str, carried: Carried) -> Result<Option<Pool>, String> {
    let selector = format!("pool={tenant}").parse().expect("a selector");
    Ok(Some(Pool { tenant: tenant.to_owned(), selector, carried }))
}

fn uid(number: u64) -> String {
    Uid::parse(&format!("{number:032x}")).to_string()
}

/// A Pod of namespace `web`, placed in this second.
fn a_pod(number: u64, node: &str, second: i64) -> Placed {
    Placed {
        namespace: "web".to_owned(),
        name: format!("pod-{number}"),
        uid: uid(number),
        node: node.to_owned(),
        created: Some(time(second)),
        since: Some(time(second)),
        ..Placed::default()
    }
}

fn with_selector(mut pod: Placed, pool: &str) -> Placed {
    pod.selector = [("pool".to_owned(), pool.to_owned())].into();
    pod
}

/// An audit as one replica has it, with the nodes that it sees.
struct Replica {
    audit: Audit,
    nodes: Nodes,
}

impl Replica {
    /// One that has listed these Pods, and has this record.
    fn listing(pods: &[Placed], record: Option<Record>, now: Timestamp) -> Self {
        let mut audit = Audit::default();
        audit.begin_list();
        for pod in pods {
            audit.put_pod(pod.clone(), Capacity { millicores: 1000, bytes: 1 << 30 }, false);
        }
        audit.complete_list();
        audit.set_guard(Guarded::No);
        let mut replica = Self { audit, nodes: some_nodes() };
        replica.audit.adopt(record, now);
        replica.settle(now);
        replica
    }

    fn empty() -> Self {
        Self::listing(&[], None, time(0))
    }

    /// Of tenant solar, which the namespace has carried from its start.
    fn settle(&mut self, now: Timestamp) {
        self.settle_in(&pool("solar", Carried::FromTheStart), now);
    }

    fn settle_in(&mut self, pool: &Result<Option<Pool>, String>, now: Timestamp) {
        for name in self.audit.unknown_namespaces(100) {
            self.audit.set_pool(&name, pool.clone());
        }
        self.audit.settle(&mut self.nodes, now);
    }

    fn come(&mut self, pod: Placed) {
        self.audit.put_pod(pod, Capacity::default(), true);
    }

    fn go(&mut self, number: u64) {
        self.audit.remove_pod("web", Uid::parse(&uid(number)));
    }

    /// The names of Pods that are counted as violations now.
    fn count(&mut self, now: Timestamp) -> Vec<String> {
        let mut names: Vec<String> =
            self.audit.count_violations(now).iter().map(|one| one.name.to_string()).collect();
        names.sort();
        names
    }

    fn summary(&mut self) -> Arc<Summary> {
        self.audit.summarize(&self.nodes);
        self.audit.summary()
    }

    /// Placements inside and outside, violations, and those that ended.
    fn totals(&mut self) -> [u64; 4] {
        let total = self.summary().total.clone();
        [total.inside, total.outside, total.violations, total.ended]
    }

    fn record(&mut self, now: Timestamp) -> Record {
        let tenants = ["solar", "moon"].map(str::to_owned).into();
        self.audit.record(now, &tenants).expect("a record")
    }
}

fn daemon_set(mut pod: Placed) -> Placed {
    let owner = |text: &str| text.to_owned();
    pod.owner = Some(Owner {
        api_version: owner("apps/v1"),
        kind: owner("DaemonSet"),
        name: owner("logs"),
    });
    pod
}

#[rstest]
#[case::daemon_set(daemon_set(a_pod(1, "moon-1", 1)), Carried::No, "DaemonSet")]
#[case::node_name(Placed { named_its_node: true, ..a_pod(1, "moon-1", 1) }, Carried::No, "NodeName")]
#[case::relabelled(
    with_selector(a_pod(1, "moon-1", 1), "solar"),
    Carried::FromTheStart,
    "NodeRelabelled"
)]
#[case::selector(
    with_selector(a_pod(1, "moon-1", 1), "moon"),
    Carried::FromTheStart,
    "SelectorChanged"
)]
#[case::before(a_pod(1, "moon-1", 1), Carried::Since(time(5)), "BeforeCompliance")]
#[case::unguarded(a_pod(1, "moon-1", 1), Carried::FromTheStart, "Unguarded")]
fn a_stray_has_its_cause(#[case] pod: Placed, #[case] carried: Carried, #[case] cause: &str) {
    let mut replica = Replica::empty();
    replica.come(pod);
    replica.settle_in(&pool("solar", carried), time(2));
    assert_eq!(replica.count(time(2)), ["pod-1"]);
    let summary = replica.summary();
    let solar = &summary.tenants["solar"];
    assert_eq!((solar.outside, solar.inside), (1, 0));
    assert_eq!(solar.causes, BTreeMap::from([(cause, 1)]));
    assert_eq!(solar.line.last_violation, Some(time(2)));
    let was_inside = u64::from(cause == "NodeRelabelled");
    assert_eq!(replica.totals(), [was_inside, 1 - was_inside, 1, 0], "where it was placed");
}

/// As without the right to list nodes: Pods that came and went meanwhile are forgotten.
#[test]
fn pods_that_cannot_be_judged_do_not_add_up() {
    let mut replica = Replica::empty();
    for number in 0..3000 {
        replica.come(a_pod(number, "solar-1", 1));
        replica.go(number);
        replica.go(number);
    }
    assert_eq!(replica.audit.backlog(), MAX_DEPARTED);
    replica.settle(time(2));
    assert_eq!((replica.audit.backlog(), replica.audit.gone), (0, 0));
}

#[test]
fn what_a_pod_is_judged_by_may_change() {
    let mut replica = Replica::empty();
    replica.come(with_selector(a_pod(1, "solar-1", 1), "solar"));
    replica.settle(time(2));
    assert_eq!(replica.count(time(2)), [""; 0]);
    assert_eq!(replica.summary().total.clear_since, Some(time(2)));

    label(&mut replica.nodes, "solar-1", "dark");
    replica.settle(time(3));
    assert_eq!(replica.count(time(3)), ["pod-1"], "its node was relabelled");
    let placement = |replica: &Replica| replica.audit.placement("web").expect("it has a Pod");
    let reported = placement(&replica);
    assert_eq!(reported.pool.as_deref(), Some("pool=solar"));
    let [outside] = reported.outside.as_slice() else { panic!("{reported:?}") };
    assert_eq!((outside.name.as_str(), outside.cause), ("pod-1", "NodeRelabelled"));
    assert_eq!(replica.summary().total.clear_since, None);
    label(&mut replica.nodes, "solar-1", "solar");
    replica.settle(time(4));
    assert_eq!(replica.count(time(4)), [""; 0]);
    assert!(placement(&replica).outside.is_empty());
    assert_eq!(replica.summary().total.clear_since, Some(time(4)));

    replica.audit.touch_namespace("web");
    replica.settle_in(&pool("moon", Carried::Since(time(5))), time(5));
    assert_eq!(replica.count(time(5)), ["pod-1"], "its namespace has another tenant");
    assert_eq!(replica.summary().tenants["moon"].outside, 1);
    replica.audit.touch_namespace("web");
    replica.settle_in(&Ok(None), time(6));
    assert_eq!(replica.count(time(6)), [""; 0], "its namespace is nobody's");
    assert_eq!(replica.totals(), [1, 0, 2, 2], "a Pod is placed once, whatever changes then");
    replica.go(1);
    assert_eq!(replica.summary().tenants["solar"].inside, 0);
}

/// Updates of it, a list that has it again, and one that has not.
#[test]
fn a_pod_is_counted_once() {
    let mut replica = Replica::empty();
    let pod = a_pod(1, "moon-1", 1);
    replica.come(pod.clone());
    replica.settle(time(2));
    assert_eq!(replica.count(time(2)), ["pod-1"]);
    replica.come(pod.clone());
    replica.come(Placed { named_its_node: true, ..pod.clone() });
    replica.audit.begin_list();
    replica.audit.put_pod(pod, Capacity::default(), false);
    replica.audit.complete_list();
    replica.settle(time(3));
    assert_eq!((replica.count(time(3)), replica.totals()), (Vec::new(), [0, 1, 1, 0]));
    replica.audit.begin_list();
    replica.audit.complete_list();
    assert_eq!((replica.count(time(4)), replica.totals()), (Vec::new(), [0, 1, 1, 1]));
}

#[test]
fn a_pod_that_leaves_at_once_is_counted_as_well() {
    let mut replica = Replica::empty();
    replica.come(a_pod(1, "moon-1", 1));
    replica.go(1);
    replica.come(a_pod(2, "moon-1", 1));
    replica.settle(time(2));
    replica.go(2);
    assert_eq!(replica.count(time(2)), ["pod-1", "pod-2"]);
    assert_eq!(replica.totals(), [0, 2, 2, 2]);
    assert_eq!((replica.summary().outside, replica.count(time(3))), (0, Vec::new()));
}

/// Its node is gone, or its tenant cannot be used, for a while.
#[test]
fn of_what_cannot_be_judged_counts_what_was_known() {
    let mut replica = Replica::empty();
    replica.come(a_pod(1, "moon-1", 1));
    replica.come(a_pod(2, "gone", 1));
    replica.settle(time(2));
    assert_eq!(replica.count(time(2)), ["pod-1"]);
    assert_eq!(replica.summary().unjudged, 1);
    replica.audit.touch_namespace("web");
    replica.settle_in(&Err("invalid".to_owned()), time(3));
    assert_eq!((replica.count(time(3)), replica.summary().unjudged), (Vec::new(), 2));
    label(&mut replica.nodes, "gone", "solar");
    replica.audit.touch_namespace("web");
    replica.settle(time(4));
    assert_eq!((replica.count(time(4)), replica.totals()), (Vec::new(), [1, 1, 1, 0]));
}

/// Placements before and after what the record has, and Pods inside and outside.
#[rstest]
#[case::at_once(20)]
#[case::after_a_minute(100)]
#[case::after_an_hour(4000)]
fn a_restart_counts_nothing_twice(#[case] second: i64) {
    let pods = [a_pod(1, "moon-1", 20), a_pod(2, "solar-1", 20), a_pod(3, "solar-1", 70)];
    let mut first = Replica::empty();
    pods.iter().for_each(|pod| first.come(pod.clone()));
    first.settle(time(71));
    assert_eq!(first.count(time(71)), ["pod-1"]);
    let expected = first.totals();
    assert_eq!(expected, [2, 1, 1, 0]);
    let text = serde_json::to_string(&first.record(time(71 + second))).expect("JSON");
    assert_eq!(first.totals(), expected, "a record changes no number");

    let record = Record::parse(&text).expect("a record");
    let mut second = Replica::listing(&pods, Some(record), time(80 + second));
    assert_eq!((second.count(time(9000)), second.totals()), (Vec::new(), expected));
    second.come(a_pod(4, "moon-1", 9001));
    second.go(1);
    second.settle(time(9002));
    assert_eq!(second.count(time(9002)), ["pod-4"]);
    assert_eq!(second.totals(), [2, 2, 2, 1]);
}

/// A replica that saw everything, and leads from then on; whether the record is new or old.
#[rstest]
#[case::of_a_moment_ago(195)]
#[case::of_the_beginning(2)]
fn another_replica_that_takes_over_changes_no_number(#[case] recorded: i64) {
    let mut replicas = [Replica::empty(), Replica::empty()];
    let mut record = None;
    for second in 0..200 {
        for replica in &mut replicas {
            let number = u64::try_from(second).expect("a number");
            let node = if number % 10 == 0 { "moon-1" } else { "solar-1" };
            replica.come(a_pod(number, node, second));
            replica.settle(time(second));
        }
        replicas[0].count(time(second));
        if second == recorded {
            record = Some(replicas[0].record(time(second)));
        }
    }
    let [mut leader, mut heir] = replicas;
    let expected = leader.totals();
    assert_eq!(expected, [180, 20, 20, 0]);
    heir.audit.adopt(record, time(200));
    heir.count(time(200));
    assert_eq!(heir.totals(), expected);
}

/// What is remembered is bounded. Of more Pods outside than that, none is counted again either.
#[test]
fn a_crowd_outside_is_counted_once() {
    let crowd: Vec<Placed> = (0..3000).map(|number| a_pod(number, "moon-1", 1)).collect();
    let mut first = Replica::listing(&crowd, None, time(2));
    assert_eq!(first.count(time(3)).len(), 3000);
    let record = first.record(time(4));
    assert_eq!((record.outside["solar"].len(), record.unlisted), (record::MAX_LISTED, 2000));
    let mut second = Replica::listing(&crowd, Some(record), time(5));
    assert_eq!(second.count(time(6)), [""; 0]);
    second.come(a_pod(5000, "moon-1", 7));
    second.settle(time(7));
    assert_eq!(second.count(time(7)), ["pod-5000"]);
}

/// Half of them leave at once, and one in ten is outside.
#[test]
fn two_hundred_pods_a_second_are_all_counted() {
    let mut replica = Replica::empty();
    let mut number = 0;
    for second in 0..120 {
        for _ in 0..200 {
            let node = if number % 10 == 0 { "moon-1" } else { "solar-1" };
            replica.come(a_pod(number, node, second));
            if number % 2 == 0 {
                replica.go(number);
            }
            number += 1;
        }
        replica.settle(time(second));
        replica.count(time(second));
        replica.record(time(second));
    }
    assert_eq!(replica.totals(), [21_600, 2_400, 2_400, 2_400]);
    assert_eq!(replica.summary().backlog, 0);
}

#[test]
fn how_full_a_pool_is() {
    let mut pods = vec![a_pod(1, "solar-1", 1), a_pod(2, "solar-1", 1), a_pod(3, "moon-1", 1)];
    pods.push(Placed { namespace: "other".to_owned(), ..a_pod(4, "solar-1", 1) });
    let mut replica = Replica::listing(&pods, None, time(2));
    let summary = replica.summary();
    let solar = &summary.tenants["solar"];
    let found = (solar.cpu_utilisation(), solar.memory_utilisation());
    assert_eq!(found, (Some(0.75), Some(0.375)), "all Pods on its nodes count");
}

/// What a program of another version wrote is read, and a text that is none is not.
#[test]
fn a_record_is_read_with_fields_missing() {
    let text =
        json!({"since": "2026-01-01T00:00:00Z", "until": 7, "written": "2026-01-02T00:00:00Z",
                      "total": {"inside": 3, "later": 1}, "tenants": {}})
        .to_string();
    let record = Record::parse(&text).expect("a record");
    assert_eq!((record.total.inside, record.unlisted, record.until), (3, 0, 7));
    assert_eq!(Record::parse("{"), None);
}
