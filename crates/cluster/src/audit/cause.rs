//! Cause: why a Pod is outside its pool, as far as the objects tell.

use std::fmt;

use k8s_openapi::jiff::Timestamp;
use tenancy::metadata::Map;

use super::placed::Placed;
use super::pool::{Carried, Pool};
use crate::admission_policies::presence::Guarded;

/// Why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A DaemonSet's Pods follow its own choice of nodes.
    DaemonSet(String),
    /// It came with its node, past the scheduler.
    NamedItsNode,
    /// It carries the selector, so its node matched once.
    NodeRelabelled,
    /// It carries another selector: its tenant's of then, another tenant's, or its own.
    SelectorChanged(String),
    /// It is older than the selector on its namespace, which came then, or is still missing.
    BeforeCompliance(Option<Timestamp>),
    /// It came later without the selector, and no guard stopped it: there was none before that
    /// time, or is none at all.
    Unguarded(Option<Timestamp>),
    /// The same, and whether there is a guard could not be found out.
    GuardUnknown(String),
    /// Nothing that is on record explains it.
    Unexplained,
}

/// Why this Pod is outside its pool, on a node of these labels; `None` where it is inside.
pub fn stray_cause(pod: &Placed, pool: &Pool, node_labels: &Map, guard: &Guarded) -> Option<Cause> {
    (!pool.matches(node_labels)).then(|| cause(pod, pool, guard))
}

/// Why this Pod, which is outside, is there. The first that fits, and the surest come first.
fn cause(pod: &Placed, pool: &Pool, guard: &Guarded) -> Cause {
    if let Some(owner) = pod.owner.as_ref().filter(|owner| owner.kind == "DaemonSet") {
        return Cause::DaemonSet(owner.name.clone());
    }
    if pod.named_its_node {
        return Cause::NamedItsNode;
    }
    let own: Vec<(&str, &str)> = pool
        .selector
        .iter()
        .filter_map(|(key, _)| Some((key, pod.selector.get(key)?.as_str())))
        .collect();
    if pool.selector.iter().eq(own.iter().copied()) {
        return Cause::NodeRelabelled;
    }
    if !own.is_empty() {
        let parts: Vec<String> = own.iter().map(|(key, value)| format!("{key}={value}")).collect();
        return Cause::SelectorChanged(parts.join(","));
    }
    match (pool.carried, pod.created) {
        (Carried::No, _) => Cause::BeforeCompliance(None),
        // Times are whole seconds; what is of the same second is taken to have been too early.
        (Carried::Since(since), Some(created)) if created <= since => {
            Cause::BeforeCompliance(Some(since))
        }
        (Carried::FromTheStart | Carried::Since(_), Some(created)) => unstopped(created, guard),
        (Carried::Yes, _) | (_, None) => Cause::Unexplained,
    }
}

/// A Pod that came into a namespace with a selector, and did not get it.
fn unstopped(created: Timestamp, guard: &Guarded) -> Cause {
    match guard {
        Guarded::No => Cause::Unguarded(None),
        Guarded::Since(since) if created <= *since => Cause::Unguarded(Some(*since)),
        Guarded::Since(_) => Cause::Unexplained,
        Guarded::Unknown(why) => Cause::GuardUnknown(why.clone()),
    }
}

impl Cause {
    /// In one bounded word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::DaemonSet(_) => "DaemonSet",
            Self::NamedItsNode => "NodeName",
            Self::NodeRelabelled => "NodeRelabelled",
            Self::SelectorChanged(_) => "SelectorChanged",
            Self::BeforeCompliance(_) => "BeforeCompliance",
            Self::Unguarded(_) => "Unguarded",
            Self::GuardUnknown(_) => "GuardUnknown",
            Self::Unexplained => "Unexplained",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DaemonSet(name) => write!(f, "DaemonSet {name} chooses its nodes"),
            Self::NamedItsNode => f.write_str("it named its node, past the scheduler"),
            Self::NodeRelabelled => f.write_str(
                "it carries the selector, and its node matched once: the node was relabelled",
            ),
            Self::SelectorChanged(then) => {
                write!(f, "it was created under another selector, {then}")
            }
            Self::BeforeCompliance(Some(since)) => {
                write!(f, "it is older than the selector on its namespace, of {since}")
            }
            Self::BeforeCompliance(None) => {
                f.write_str("its namespace does not carry the selector")
            }
            Self::Unguarded(Some(since)) => {
                write!(f, "it did not get the selector, and no guard was there before {since}")
            }
            Self::Unguarded(None) => {
                f.write_str("it did not get the selector, and there is no guard")
            }
            Self::GuardUnknown(why) => write!(
                f,
                "it did not get the selector; whether there is a guard is not known: {why}"
            ),
            Self::Unexplained => f.write_str("nothing on record explains it"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::placed::Owner;
    use super::*;
    use rstest::rstest;

    fn time(day: u8) -> Timestamp {
        format!("2026-01-0{day}T00:00:00Z").parse().expect("a time")
    }

    /// Created on day 3, on a node that does not match.
    fn a_pod(selector: &[(&str, &str)]) -> Placed {
        let selector =
            selector.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Placed { created: Some(time(3)), selector, ..Placed::default() }
    }

    fn owned_by(kind: &str) -> Placed {
        Placed {
            owner: Some(Owner {
                api_version: "apps/v1".to_owned(),
                kind: kind.to_owned(),
                name: "logs".to_owned(),
            }),
            ..a_pod(&[])
        }
    }

    #[rstest]
    #[case::daemon_set(owned_by("DaemonSet"), Carried::No, Guarded::No, Cause::DaemonSet("logs".to_owned()))]
    #[case::another_owner(
        owned_by("ReplicaSet"),
        Carried::No,
        Guarded::No,
        Cause::BeforeCompliance(None)
    )]
    #[case::node_name(Placed { named_its_node: true, ..a_pod(&[]) }, Carried::No, Guarded::No, Cause::NamedItsNode)]
    #[case::relabelled(a_pod(&[("pool", "solar"), ("tier", "prod"), ("own", "x")]), Carried::Since(time(1)), Guarded::No, Cause::NodeRelabelled)]
    #[case::changed(a_pod(&[("pool", "moon"), ("tier", "prod")]), Carried::Since(time(4)), Guarded::No, Cause::SelectorChanged("pool=moon,tier=prod".to_owned()))]
    #[case::narrowed(a_pod(&[("pool", "solar")]), Carried::No, Guarded::No, Cause::SelectorChanged("pool=solar".to_owned()))]
    #[case::before(a_pod(&[("own", "x")]), Carried::Since(time(4)), Guarded::No, Cause::BeforeCompliance(Some(time(4))))]
    #[case::not_yet(a_pod(&[]), Carried::No, Guarded::Since(time(1)), Cause::BeforeCompliance(None))]
    #[case::same_second(a_pod(&[]), Carried::Since(time(3)), Guarded::No, Cause::BeforeCompliance(Some(time(3))))]
    #[case::from_the_start(a_pod(&[]), Carried::FromTheStart, Guarded::No, Cause::Unguarded(None))]
    #[case::no_guard(a_pod(&[]), Carried::Since(time(2)), Guarded::No, Cause::Unguarded(None))]
    #[case::guard_came_later(a_pod(&[]), Carried::Since(time(1)), Guarded::Since(time(4)), Cause::Unguarded(Some(time(4))))]
    #[case::guard_unknown(a_pod(&[]), Carried::Since(time(1)), Guarded::Unknown("no right".to_owned()), Cause::GuardUnknown("no right".to_owned()))]
    #[case::guard_was_there(a_pod(&[]), Carried::Since(time(1)), Guarded::Since(time(2)), Cause::Unexplained)]
    #[case::no_times(a_pod(&[]), Carried::Yes, Guarded::No, Cause::Unexplained)]
    #[case::no_creation(Placed { created: None, ..a_pod(&[]) }, Carried::Since(time(1)), Guarded::No, Cause::Unexplained)]
    fn causes(
        #[case] pod: Placed,
        #[case] carried: Carried,
        #[case] guard: Guarded,
        #[case] expected: Cause,
    ) {
        let pool = Pool {
            tenant: "solar".to_owned(),
            selector: "pool=solar,tier=prod".parse().expect("a selector"),
            carried,
        };
        assert_eq!(cause(&pod, &pool, &guard), expected);
    }
}
