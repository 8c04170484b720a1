//! Store: objects by kind, the changes of late, and the revision that orders them.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use serde_json::{Value, json};

use super::answer::Refusal;

/// Changes that are remembered for watches, of each kind. A real server remembers some minutes.
const MAX_EVENTS: usize = 10_000;

/// A kind of object.
#[derive(Clone, Debug)]
pub struct Kind {
    /// `v1`, `landlord.dev/v1alpha1`.
    pub api_version: String,
    pub kind: String,
    pub plural: String,
    pub namespaced: bool,
}

impl Kind {
    /// One without namespaces.
    pub fn cluster(api_version: &str, kind: &str, plural: &str) -> Self {
        Self {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            plural: plural.to_owned(),
            namespaced: false,
        }
    }

    /// One within namespaces.
    pub fn namespaced(api_version: &str, kind: &str, plural: &str) -> Self {
        Self { namespaced: true, ..Self::cluster(api_version, kind, plural) }
    }
}

/// An event of a watch.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) revision: u64,
    /// ADDED, MODIFIED or DELETED.
    pub(super) word: &'static str,
    pub(super) object: Arc<Value>,
}

/// Who has made a change that admission had another part in.
pub const ADMISSION: &str = "admission";

/// A change, as it is recorded for tests that judge histories.
#[derive(Clone, Debug)]
pub struct Commit {
    /// The name of the client that made it, or [`ADMISSION`]; `None` for one without, and for what
    /// a test does itself.
    pub who: Option<String>,
    pub plural: String,
    /// Empty for objects without one.
    pub namespace: String,
    pub name: String,
    pub before: Option<Arc<Value>>,
    pub after: Option<Arc<Value>>,
}

#[derive(Clone, Debug)]
struct Collection {
    kind: Kind,
    /// By `NAMESPACE/NAME`.
    objects: BTreeMap<String, Arc<Value>>,
    changes: VecDeque<Change>,
    /// Changes up to this revision are forgotten.
    compacted: u64,
    /// Whether requests find it. Watches that are open hear the end of one that is not.
    served: bool,
}

/// The rest of a list that is read page by page, as it was when the first page was asked for.
#[derive(Clone, Debug)]
pub(super) struct Pages {
    pub(super) revision: u64,
    pub(super) rest: VecDeque<Arc<Value>>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct State {
    pub(super) revision: u64,
    collections: Vec<Collection>,
    /// By the token that continues them.
    pub(super) pages: HashMap<String, Pages>,
    /// Changes since a user asked for them; `None` where nobody will.
    pub(super) record: Option<Vec<Commit>>,
    /// Who is writing.
    pub(super) who: Option<String>,
    /// Objects created so far; no uid comes twice, not even after a restore.
    created: u64,
}

/// What etcd held at some time.
#[derive(Clone, Debug)]
pub struct Snapshot {
    revision: u64,
    objects: Vec<(String, BTreeMap<String, Arc<Value>>)>,
}

impl Default for State {
    fn default() -> Self {
        let mut state = Self {
            revision: 0,
            collections: Vec::new(),
            pages: HashMap::new(),
            record: None,
            who: None,
            created: 0,
        };
        for kind in [
            Kind::cluster("v1", "Namespace", "namespaces"),
            Kind::cluster("v1", "Node", "nodes"),
            Kind::namespaced("v1", "Pod", "pods"),
            Kind::namespaced("coordination.k8s.io/v1", "Lease", "leases"),
            Kind::namespaced("events.k8s.io/v1", "Event", "events"),
            Kind::cluster("landlord.dev/v1alpha1", "Tenant", "tenants"),
        ] {
            state.define(kind);
        }
        state
    }
}

impl State {
    pub(super) fn define(&mut self, kind: Kind) {
        let compacted = self.revision;
        self.collections.retain(|one| one.served || one.kind.kind != kind.kind);
        self.collections.push(Collection {
            kind,
            objects: BTreeMap::new(),
            changes: VecDeque::new(),
            compacted,
            served: true,
        });
    }

    pub(super) fn undefine(&mut self, kind: &str) {
        self.collections.retain(|one| one.kind.kind != kind);
    }

    /// Deletes all objects of a kind, and serves it no more.
    pub(super) fn withdraw(&mut self, kind: &str) -> Option<(Kind, Vec<Arc<Value>>)> {
        let served = self.kinds().find(|one| one.kind == kind).cloned()?;
        let objects = self.objects(kind);
        for object in &objects {
            self.remove_by_name(kind, object["metadata"]["name"].as_str().unwrap_or_default());
        }
        for collection in self.collections.iter_mut().filter(|one| one.kind.kind == kind) {
            collection.served = false;
        }
        Some((served, objects))
    }

    pub(super) fn kinds(&self) -> impl Iterator<Item = &Kind> {
        self.collections.iter().filter(|one| one.served).map(|one| &one.kind)
    }

    pub(super) fn kind(&self, api_version: &str, plural: &str) -> Option<&Kind> {
        self.kinds().find(|kind| kind.api_version == api_version && kind.plural == plural)
    }

    fn collection(&self, api_version: &str, plural: &str) -> Option<&Collection> {
        self.collections
            .iter()
            .find(|one| one.kind.api_version == api_version && one.kind.plural == plural)
    }

    pub(super) fn get(&self, api_version: &str, plural: &str, key: &str) -> Option<Arc<Value>> {
        self.collection(api_version, plural)?.objects.get(key).cloned()
    }

    /// Objects whose key begins so.
    pub(super) fn list(&self, api_version: &str, plural: &str, prefix: &str) -> Vec<Arc<Value>> {
        let objects = self.collection(api_version, plural).into_iter().flat_map(|one| &one.objects);
        objects
            .filter(|(key, _)| key.starts_with(prefix))
            .map(|(_, object)| Arc::clone(object))
            .collect()
    }

    /// Changes after this revision; 410 if some of them are forgotten.
    pub(super) fn since(
        &self,
        api_version: &str,
        plural: &str,
        revision: u64,
    ) -> Result<Vec<Change>, Refusal> {
        let Some(collection) = self.collection(api_version, plural) else {
            return Err(Refusal::no_resource());
        };
        if revision < collection.compacted {
            return Err(Refusal::expired("too old resource version"));
        }
        let first = collection.changes.partition_point(|change| change.revision <= revision);
        Ok(collection.changes.range(first..).cloned().collect())
    }

    /// Stores an object (`None`: removes it) and remembers the change. Returns it with its new
    /// version.
    pub(super) fn commit(
        &mut self,
        api_version: &str,
        plural: &str,
        key: &str,
        object: Option<Value>,
    ) -> Option<Arc<Value>> {
        self.revision += 1;
        let revision = self.revision;
        let collection = self
            .collections
            .iter_mut()
            .find(|one| one.kind.api_version == api_version && one.kind.plural == plural)?;
        let before = collection.objects.remove(key);
        let word = match (&before, &object) {
            (_, None) => "DELETED",
            (None, Some(_)) => "ADDED",
            (Some(_), Some(_)) => "MODIFIED",
        };
        let stays = object.is_some();
        let earlier = before.clone();
        let mut now = object.or_else(|| before.as_deref().cloned())?;
        now["metadata"]["resourceVersion"] = json!(revision.to_string());
        let now = Arc::new(now);
        if stays {
            collection.objects.insert(key.to_owned(), Arc::clone(&now));
        }
        if let Some(record) = &mut self.record {
            let (namespace, name) = key.split_once('/').unwrap_or(("", key));
            let after = stays.then(|| Arc::clone(&now));
            let (who, plural, namespace, name) =
                (self.who.clone(), plural.to_owned(), namespace.to_owned(), name.to_owned());
            record.push(Commit { who, plural, namespace, name, before: earlier, after });
        }
        collection.changes.push_back(Change { revision, word, object: Arc::clone(&now) });
        if collection.changes.len() > MAX_EVENTS {
            collection.compacted = collection
                .changes
                .pop_front()
                .map_or(collection.compacted, |change| change.revision);
        }
        Some(now)
    }

    pub(super) fn compact(&mut self) {
        for collection in &mut self.collections {
            collection.changes.clear();
            collection.compacted = self.revision;
        }
    }

    pub(super) fn next_uid(&mut self) -> u64 {
        self.created += 1;
        self.created
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let objects = self.collections.iter();
        let objects = objects.map(|one| (one.kind.plural.clone(), one.objects.clone())).collect();
        Snapshot { revision: self.revision, objects }
    }

    /// Puts everything back: objects and the revision. What changed is recorded, and told to no
    /// watch; kinds that are served now stay so.
    pub(super) fn restore(&mut self, snapshot: &Snapshot) {
        self.revision = snapshot.revision;
        self.pages.clear();
        let mut collections = std::mem::take(&mut self.collections);
        for collection in &mut collections {
            let plural = &collection.kind.plural;
            let then = snapshot.objects.iter().find(|(one, _)| one == plural);
            let objects = then.map(|(_, objects)| objects.clone()).unwrap_or_default();
            self.record_differences(plural, &collection.objects, &objects);
            collection.objects = objects;
            collection.changes.clear();
            collection.compacted = snapshot.revision;
        }
        self.collections = collections;
    }

    fn record_differences(
        &mut self,
        plural: &str,
        before: &BTreeMap<String, Arc<Value>>,
        after: &BTreeMap<String, Arc<Value>>,
    ) {
        let Some(record) = &mut self.record else { return };
        let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for key in keys.into_iter().filter(|key| before.get(*key) != after.get(*key)) {
            let (namespace, name) = key.split_once('/').unwrap_or(("", key));
            record.push(Commit {
                who: None,
                plural: plural.to_owned(),
                namespace: namespace.to_owned(),
                name: name.to_owned(),
                before: before.get(key).cloned(),
                after: after.get(key).cloned(),
            });
        }
    }

    fn named(&self, kind: &str) -> Option<&Collection> {
        self.collections.iter().find(|one| one.served && one.kind.kind == kind)
    }

    pub(super) fn objects(&self, kind: &str) -> Vec<Arc<Value>> {
        self.named(kind).into_iter().flat_map(|one| one.objects.values().cloned()).collect()
    }

    pub(super) fn object_by_name(&self, kind: &str, name: &str) -> Option<Arc<Value>> {
        self.named(kind)?.objects.get(&key_of(name)).cloned()
    }

    pub(super) fn remove_by_name(&mut self, kind: &str, name: &str) -> bool {
        let Some(kind) = self.named(kind).map(|one| one.kind.clone()) else { return false };
        let key = key_of(name);
        self.get(&kind.api_version, &kind.plural, &key).is_some()
            && self.commit(&kind.api_version, &kind.plural, &key, None).is_some()
    }
}

/// `NAMESPACE/NAME`, or the name alone of what has no namespace.
fn key_of(name: &str) -> String {
    if name.contains('/') { name.to_owned() } else { format!("/{name}") }
}
