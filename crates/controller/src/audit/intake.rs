//! Intake: what comes in – Pods, namespaces, the guard.

use std::sync::Arc;

use cluster::admission_policies::presence::Guarded;
use cluster::audit::placed::Placed;
use cluster::audit::pool::Written;
use cluster::audit::requests::Capacity;

use super::pod::{Judgement, PodEntry, Uid};
use super::{Audit, AuditedNamespace, MAX_DEPARTED, Place};

impl Audit {
    /// A list of Pods begins.
    pub fn begin_list(&mut self) {
        self.epoch = self.epoch.wrapping_add(1);
    }

    /// It is complete: Pods that it had not are gone.
    pub fn complete_list(&mut self) {
        let epoch = self.epoch;
        let missed = |(name, one): (&Arc<str>, &AuditedNamespace)| {
            let gone = one.pods.iter().filter(|(_, pod)| pod.epoch != epoch);
            gone.map(|(uid, _)| (Arc::clone(name), *uid)).collect::<Vec<_>>()
        };
        let gone: Vec<(Arc<str>, Uid)> = self.namespaces.iter().flat_map(missed).collect();
        gone.iter().for_each(|(namespace, uid)| self.remove_pod(namespace, *uid));
        self.is_listed = true;
    }

    /// Takes a Pod in. `live`: it came by the watch, not with a list, so no other replica's list had
    /// it either.
    pub fn put_pod(&mut self, placed: Placed, requests: Capacity, live: bool) {
        let uid = Uid::parse(&placed.uid);
        let namespace = self.values.text(&placed.namespace);
        let mut entry = PodEntry::new(placed, requests, &mut self.values, self.epoch);
        let pods = &mut self.namespaces.entry(Arc::clone(&namespace)).or_default().pods;
        if let Some(known) = pods.get_mut(&uid) {
            if known.is_same_as(&entry) {
                known.epoch = self.epoch;
                return;
            }
            entry.follow(known);
        } else {
            entry.is_live = live;
        }
        pods.insert(uid, entry);
        self.fresh.insert((namespace, uid));
        self.is_dirty = true;
    }

    /// A Pod is gone or finished. One that was not judged yet is first.
    pub fn remove_pod(&mut self, namespace: &str, uid: Uid) {
        let Some((name, _)) = self.namespaces.get_key_value(namespace) else { return };
        let name = Arc::clone(name);
        let Some(one) = self.namespaces.get_mut(namespace) else { return };
        let Some(pod) = one.pods.get_mut(&uid) else { return };
        self.is_dirty = true;
        if pod.is_gone {
            return;
        }
        // While nothing can be judged, as without the right to list nodes, they must not add up.
        if pod.judgement == Judgement::Fresh && self.gone < MAX_DEPARTED {
            pod.is_gone = true;
            self.gone += 1;
            return;
        }
        self.fresh.remove(&(Arc::clone(&name), uid));
        one.pods.remove(&uid);
        if one.pods.is_empty() && one.written == Written::default() {
            self.namespaces.remove(&name);
        }
        self.depart(&(name, uid));
    }

    /// A namespace was seen, with these times of its keys.
    pub fn note_namespace(&mut self, name: &str, written: Written) {
        let name = self.values.text(name);
        let one = self.namespaces.entry(name).or_default();
        if one.written != written {
            one.written = written;
            one.place = Place::Unknown;
        }
    }

    /// A namespace was decided on: its Pods may belong elsewhere now.
    pub fn touch_namespace(&mut self, name: &str) {
        if let Some(one) = self.namespaces.get_mut(name) {
            one.place = Place::Unknown;
        }
    }

    /// A namespace is gone; its Pods went before it.
    pub fn forget_namespace(&mut self, name: &str) {
        match self.namespaces.get_mut(name) {
            Some(one) if one.pods.is_empty() => drop(self.namespaces.remove(name)),
            Some(one) => (one.place, one.written) = (Place::Unknown, Written::default()),
            None => {}
        }
    }

    /// Takes in whether there is a guard.
    pub fn set_guard(&mut self, guard: Guarded) {
        if self.guard != guard {
            self.guard = guard;
            let strays = self.strays.keys().cloned();
            self.fresh.extend(strays);
        }
    }
}
