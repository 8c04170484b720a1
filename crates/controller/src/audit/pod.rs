//! Pod: what is kept of one that has a node, in few bytes, as a cluster has a hundred thousand of
//! them.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use cluster::audit::cause::Cause;
use cluster::audit::placed::{Owner, Placed};
use cluster::audit::pool::Pool;
use cluster::audit::requests::Capacity;
use k8s_openapi::jiff::Timestamp;

use super::Stray;
use super::shared_values::{SharedValues, Traits};

/// Which Pod: the number that its uid is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uid(u128);

/// See the module.
#[derive(Debug)]
pub(super) struct PodEntry {
    name: Box<str>,
    pub(super) node: Arc<str>,
    traits: Arc<Traits>,
    bytes: u64,
    millicores: u32,
    /// Seconds since 1970; 0 where it is not known.
    created: u32,
    since: u32,
    named_its_node: bool,
    /// Whether it came by the watch.
    pub(super) is_live: bool,
    /// Whether its placement was counted.
    pub(super) is_counted: bool,
    /// Whether it left before it was judged.
    pub(super) is_gone: bool,
    pub(super) judgement: Judgement,
    /// The list that had it.
    pub(super) epoch: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    Fresh,
    /// Its node is not known, or where it belongs cannot be said.
    Unknown,
    Anywhere,
    Inside,
    Outside,
}

impl Judgement {
    /// Whether nothing can be said of it now, so that what was known before counts.
    pub(super) fn is_open(self) -> bool {
        matches!(self, Self::Fresh | Self::Unknown)
    }
}

impl Uid {
    /// From an object's `metadata.uid`. What is no UUID, which no API server gives, has a number all
    /// the same.
    pub fn parse(text: &str) -> Self {
        let digits: String = text.chars().filter(|one| *one != '-').collect();
        let parsed = (digits.len() == 32).then(|| u128::from_str_radix(&digits, 16).ok());
        Self(parsed.flatten().unwrap_or_else(|| {
            let half = |salt: u8| {
                let mut hasher = DefaultHasher::new();
                (salt, text).hash(&mut hasher);
                u128::from(hasher.finish())
            };
            (half(0) << 64) | half(1)
        }))
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(number) = self;
        write!(
            f,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            number >> 96,
            (number >> 80) & 0xffff,
            (number >> 64) & 0xffff,
            (number >> 48) & 0xffff,
            number & 0xffff_ffff_ffff
        )
    }
}

impl PodEntry {
    pub(super) fn new(
        placed: Placed,
        requests: Capacity,
        values: &mut SharedValues,
        epoch: u8,
    ) -> Self {
        let daemon_set = placed.owner.filter(|owner| owner.kind == "DaemonSet");
        let daemon_set = daemon_set.map(|owner| owner.name.into());
        Self {
            name: placed.name.into(),
            node: values.text(&placed.node),
            traits: values.traits(Traits { selector: placed.selector, daemon_set }),
            bytes: requests.bytes,
            millicores: requests.millicores,
            created: seconds(placed.created),
            since: seconds(placed.since),
            named_its_node: placed.named_its_node,
            is_live: false,
            is_counted: false,
            is_gone: false,
            judgement: Judgement::Fresh,
            epoch,
        }
    }

    /// Whether nothing has changed that is kept of it.
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        self.node == other.node
            && self.traits == other.traits
            && (self.bytes, self.millicores) == (other.bytes, other.millicores)
            && (self.created, self.since) == (other.created, other.since)
            && self.named_its_node == other.named_its_node
    }

    /// Another state of a Pod that is known: what is known of it beside its object stays.
    pub(super) fn follow(&mut self, known: &Self) {
        (self.is_live, self.is_counted) = (known.is_live, known.is_counted);
    }

    pub(super) fn requests(&self) -> Capacity {
        Capacity { millicores: self.millicores, bytes: self.bytes }
    }

    /// Since when it is on its node, in seconds since 1970.
    pub(super) fn since(&self) -> i64 {
        i64::from(self.since)
    }

    /// What it is judged by.
    pub(super) fn placed(&self, namespace: &str, uid: Uid) -> Placed {
        let owner = self.traits.daemon_set.as_ref().map(|name| Owner {
            api_version: "apps/v1".to_owned(),
            kind: "DaemonSet".to_owned(),
            name: name.to_string(),
        });
        Placed {
            namespace: namespace.to_owned(),
            name: self.name.to_string(),
            uid: uid.to_string(),
            node: self.node.to_string(),
            created: (self.created > 0).then(|| timestamp(self.created)),
            since: Some(timestamp(self.since)),
            selector: self.traits.selector.clone(),
            owner,
            named_its_node: self.named_its_node,
            terminating: false,
        }
    }

    pub(super) fn stray(
        &self,
        (namespace, uid): (&Arc<str>, Uid),
        pool: &Pool,
        cause: Cause,
        found: Timestamp,
    ) -> Stray {
        Stray {
            namespace: Arc::clone(namespace),
            name: self.name.clone(),
            uid,
            node: Arc::clone(&self.node),
            since: timestamp(self.since),
            tenant: pool.tenant.clone(),
            selector: pool.selector.to_string(),
            cause,
            found,
        }
    }
}

fn seconds(time: Option<Timestamp>) -> u32 {
    time.and_then(|time| u32::try_from(time.as_second()).ok()).unwrap_or_default()
}

fn timestamp(seconds: u32) -> Timestamp {
    Timestamp::from_second(i64::from(seconds)).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names are some 40 bytes long; a map that has just grown is half empty, with a byte beside
    /// each place.
    #[test]
    fn a_pod_takes_three_hundred_bytes_at_most() {
        let place = size_of::<(Uid, PodEntry)>() + 1;
        let name = 63;
        assert!(place * 16 / 7 + name <= 300, "{place}");
    }

    #[test]
    fn a_uid_is_read_and_written() {
        let text = "0f8fad5b-d9cb-469f-a165-70867728950e";
        assert_eq!(Uid::parse(text).to_string(), text);
        assert_ne!(Uid::parse("a"), Uid::parse("b"));
    }
}
