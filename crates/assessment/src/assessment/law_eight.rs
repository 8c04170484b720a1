//! Law 8 as a property: whatever users, admins and tenants' authors edit, and in whichever order the
//! controller looks, the ledger names another tenant only by the request of one who may claim both,
//! or by an admin's act. The guard is played: it seals, and it stamps.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;
use tenancy::keys::CREATOR;
use tenancy::metadata::Field;
use tenancy::requester::Requester;

use super::*;

const ROBOT: &str = "system:serviceaccount:ops:robot";
const CREATORS: [Option<&str>; 5] = [Some("sol"), Some("luna"), Some("both"), Some(ROBOT), None];
const NAMES: [&str; 2] = ["solar", "lunar"];
const LABEL: &str = "landlord.dev/tenant";
const NAMESPACE: &str = "solar-web";

#[derive(Clone, Debug)]
enum Event {
    User(usize, Option<usize>),
    Admin(usize, Option<usize>),
    Settings(usize),
    Tenant(usize, usize),
    Drop(usize),
    Controller,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let value = || proptest::option::of(0..NAMES.len());
    let event = prop_oneof![
        3 => (0..3usize, value()).prop_map(|(key, value)| Event::User(key, value)),
        2 => (0..3usize, value()).prop_map(|(key, value)| Event::Admin(key, value)),
        3 => (0..6usize).prop_map(Event::Settings),
        3 => (0..NAMES.len(), 0..5usize).prop_map(|(name, form)| Event::Tenant(name, form)),
        1 => (0..NAMES.len()).prop_map(Event::Drop),
        6 => Just(Event::Controller),
    ];
    proptest::collection::vec(event, 1..40)
}

fn settings(number: usize) -> Settings {
    let identify = match number {
        1 => json!([{"annotation": "team"}]),
        2 => json!([{"namePrefix": {}}, {"label": LABEL}]),
        3 => json!([{"jsonPath": {"path": "$.namespace.metadata.labels[*]", "prefix": "t-"}}]),
        4 => json!([{"jsonPath": {"path": "$.namespace.metadata.labels.team", "prefix": "t-"}}]),
        _ => json!([{"label": LABEL}]),
    };
    let excluded = if number == 5 { json!([NAMESPACE]) } else { json!([]) };
    let document = json!({"identify": identify, "excludedNamespaces": excluded, "guard": {"scope": "all"},
                          "admins": {"serviceAccounts": ["ops:robot"]}});
    Settings::from_value(&document).expect("settings")
}

fn tenant(name: &str, form: usize) -> Tenant {
    let owner = |name: &str| json!({"kind": "User", "name": name});
    let own = if name == "solar" { "sol" } else { "luna" };
    let owners = [
        json!([owner(own), owner("both")]),
        json!([owner(own)]),
        json!([owner("both")]),
        json!([]),
        Value::Null,
    ];
    let prefixes = if form.is_multiple_of(2) { json!([NAMESPACE]) } else { json!([]) };
    let mut spec = json!({"nodeSelector": {"pool": name}, "namespaces": {"prefixes": prefixes}});
    if !owners[form].is_null() {
        spec["owners"] = owners[form].clone();
    }
    settings(0).tenant(&json!({"metadata": {"name": name}, "spec": spec})).expect("a tenant")
}

struct World {
    settings: Settings,
    tenants: BTreeMap<&'static str, Arc<Tenant>>,
    metadata: Metadata,
    /// Who is on record, in the world's own words.
    creator: Option<&'static str>,
    /// What an admin wrote and nothing has followed yet; `None` where they did not.
    acts: Option<Vec<String>>,
    /// Landlord has written down whose it is, or that it is nobody's.
    settled: bool,
    moves: usize,
}

impl World {
    fn new(creator: Option<&'static str>, claim: Option<usize>) -> Self {
        let labels = claim.map(|name| (LABEL.to_owned(), NAMES[name].to_owned()));
        let stamp = creator
            .map(|name| (CREATOR.to_owned(), json!({"username": name, "groups": []}).to_string()));
        let metadata = Metadata {
            labels: labels.into_iter().collect(),
            annotations: stamp.into_iter().collect(),
        };
        let tenants = NAMES.map(|name| (name, Arc::new(tenant(name, 0)))).into();
        let settings = settings(0);
        Self { settings, tenants, metadata, creator, acts: None, settled: false, moves: 0 }
    }

    /// A label, an annotation, or a label that only a path reads.
    fn key(number: usize) -> Key {
        match number {
            0 => Key::label(LABEL),
            1 => Key::annotation("team"),
            _ => Key::label("team"),
        }
    }

    fn is_sealed(&self, key: &Key) -> bool {
        !self.settings.excludes(NAMESPACE)
            && (key.name == LABEL || self.settings.evidence_keys(key.field).contains(&key.name))
    }

    fn write(&mut self, number: usize, value: Option<usize>) -> Option<String> {
        let key = Self::key(number);
        let value = value.map(|name| match number {
            2 => format!("t-{}", NAMES[name]),
            _ => NAMES[name].to_owned(),
        });
        match &value {
            Some(value) => drop(self.metadata.field_mut(key.field).insert(key.name, value.clone())),
            None => drop(self.metadata.field_mut(key.field).remove(&key.name)),
        }
        value
    }

    fn apply(&mut self, event: &Event) {
        match *event {
            Event::User(key, value) if !self.is_sealed(&Self::key(key)) => {
                self.write(key, value);
            }
            Event::User(..) => {}
            Event::Admin(number, value) => {
                let (key, before) = (Self::key(number), self.metadata.clone());
                let sealed = self.is_sealed(&key);
                let written = self.write(number, value);
                if sealed && before != self.metadata {
                    let values = Vec::from_iter(written);
                    let stamp = json!({"username": ROBOT, "groups": [], "moved": values});
                    self.metadata.annotations.insert(CREATOR.to_owned(), stamp.to_string());
                    (self.creator, self.acts) = (Some(ROBOT), Some(values));
                }
            }
            Event::Settings(number) => self.settings = settings(number),
            Event::Tenant(name, form) => {
                self.tenants.insert(NAMES[name], Arc::new(tenant(NAMES[name], form)));
            }
            Event::Drop(name) => drop(self.tenants.remove(NAMES[name])),
            Event::Controller => self.reconcile(),
        }
    }

    fn reconcile(&mut self) {
        let namespace = Namespace {
            metadata: self.metadata.clone(),
            ..Namespace::from_value(&json!({"metadata": {"name": NAMESPACE}})).expect("it")
        };
        if self.settings.excludes(NAMESPACE) {
            return;
        }
        let object = || json!({"metadata": {"name": NAMESPACE, "labels": self.metadata.labels, "annotations": self.metadata.annotations}});
        let lookup = |name: &str| Ok(self.tenants.get(name).cloned());
        let assessment = Assessment::judge(&self.settings, &namespace, object, lookup);
        let before = assessment.record.ledger.tenant.clone();
        let gone = assessment.reason() == Some(Reason::UnknownTenant)
            && assessment.tenant.as_ref() == Some(&before);
        let plan = if gone {
            plan::abandon(&self.settings, &namespace, &assessment.record.ledger)
        } else if assessment.reason().is_some_and(Reason::blocks_writes) {
            return;
        } else {
            assessment.plan
        };
        let settles = plan.set.contains_key(&Key::annotation(CREATOR));
        self.metadata = plan.apply(&self.metadata);
        let after = Record::read(&self.metadata).ledger.tenant.clone();
        if before != after {
            self.moves += 1;
            assert!(self.is_on_record(&before, &after, gone), "{before:?} → {after:?}");
        }
        if gone && self.creator.is_none_or(|creator| creator == ROBOT) {
            self.creator = None;
            self.settled = true;
        }
        // What an admin named stays on record until it is followed, or nobody can follow it any more.
        if settles {
            self.acts = None;
        }
        self.settled |=
            !after.is_empty() || self.metadata.annotations.contains_key(tenancy::keys::UNCLAIMED);
    }

    fn is_on_record(&self, before: &str, after: &str, gone: bool) -> bool {
        let names = |value: &String| value.trim_start_matches("t-") == after;
        let by_admin =
            self.acts.as_ref().is_some_and(|acts| after.is_empty() || acts.iter().any(names));
        if by_admin || gone {
            return true;
        }
        let Some(tenant) = self.tenants.get(after) else { return false };
        let requester = |name: &str| Requester { username: name.to_owned(), groups: Vec::new() };
        let may_claim = |name: &str| tenant.may_be_claimed_by(&requester(name));
        let may_leave = |name: &str| {
            before.is_empty()
                || self.tenants.get(before).is_some_and(|one| one.may_be_left_by(&requester(name)))
        };
        match self.creator {
            Some(ROBOT) => !self.settled,
            Some(user) => may_claim(user) && may_leave(user),
            None => !self.settled || before.is_empty() && tenant.owners.is_none(),
        }
    }
}

#[test]
fn no_edit_moves_a_namespace_without_a_record() {
    let moves = std::cell::Cell::new(0);
    let config =
        ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() };
    proptest::test_runner::TestRunner::new(config)
        .run(
            &(0..CREATORS.len(), proptest::option::of(0..NAMES.len()), events()),
            |(creator, claim, events)| {
                let mut world = World::new(CREATORS[creator], claim);
                events.iter().for_each(|event| world.apply(event));
                moves.set(moves.get() + world.moves);
                Ok(())
            },
        )
        .unwrap_or_else(|error| panic!("{error}"));
    assert!(moves.get() > 1000, "it would hold where nothing moves: {}", moves.get());
    assert_eq!(World::key(0).field, Field::Label);
}
