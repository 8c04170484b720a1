//! Sharding: what more than one writing replica would gain, and what a change of replicas would
//! move (docs/decisions/0013-one-writer.md).
//!
//! A model, with the controller's own pace in it: replicas send patches to an API server that works
//! on so many at a time, and takes so long for each.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::{Duration, Instant};

use rstest::rstest;

use crate::pace::{Pace, Permit, Subject};

/// Together 800 patches a second, as etcd and API server manage on two cores (`make bench`).
const WORKERS: usize = 16;
const SERVICE: Duration = Duration::from_millis(20);
/// The controller's own processor time for a namespace, ten times of what was measured
/// (`local-cluster bench-scale`).
const OWN: Duration = Duration::from_millis(1);
const NAMESPACES: usize = 100_000;
/// Between two namespaces that are created meanwhile.
const ARRIVAL: Duration = Duration::from_millis(100);

/// What came of a backfill.
struct Outcome {
    took: Duration,
    /// New namespaces: from creation to compliant, all but one in a hundred.
    new: Duration,
}

/// When it happens, for which replica, when that request was sent, and when its namespace was
/// created, if it is a new one.
type Event = (Duration, usize, Option<Duration>, Option<Duration>);

struct Replica {
    pace: Pace,
    permits: Vec<Permit>,
    left: usize,
    urgent: Vec<Duration>,
    /// It does one thing at a time.
    free: Duration,
}

struct Model {
    began: Instant,
    own: Duration,
    server: Vec<Duration>,
    replicas: Vec<Replica>,
    events: BinaryHeap<Reverse<Event>>,
    new: Vec<Duration>,
}

impl Model {
    fn new(replicas: usize, own: Duration) -> Self {
        let replica = |number: usize| {
            let left = NAMESPACES / replicas + usize::from(number < NAMESPACES % replicas);
            Replica {
                pace: Pace::default(),
                permits: Vec::new(),
                left,
                urgent: Vec::new(),
                free: Duration::ZERO,
            }
        };
        let starts =
            (0..replicas).map(|number| Reverse((Duration::ZERO, number, None, None))).collect();
        Self {
            began: Instant::now(),
            own,
            server: vec![Duration::ZERO; WORKERS],
            replicas: (0..replicas).map(replica).collect(),
            events: starts,
            new: Vec::new(),
        }
    }

    fn run(mut self) -> Outcome {
        let (mut took, mut arrived) = (Duration::ZERO, 0);
        while let Some(Reverse((now, number, sent, created))) = self.events.pop() {
            took = now;
            match (sent, created) {
                (Some(sent), created) => {
                    let replica = &mut self.replicas[number];
                    replica.permits.pop();
                    let key = sent.as_nanos().to_string();
                    let tenant = if sent.as_micros() % 2 == 0 { "even" } else { "odd" };
                    replica.pace.succeed(
                        self.began + now,
                        Subject { key: &key, tenant },
                        now - sent,
                    );
                    self.new.extend(created.map(|created| now - created));
                }
                (None, Some(created)) => self.replicas[number].urgent.push(created),
                (None, None) => {}
            }
            if self.replicas.iter().any(|replica| replica.left > 0) && now >= ARRIVAL * arrived {
                let owner = arrived as usize % self.replicas.len();
                self.events.push(Reverse((
                    ARRIVAL * (arrived + 1),
                    owner,
                    None,
                    Some(ARRIVAL * (arrived + 1)),
                )));
                arrived += 1;
            }
            self.send(number, now);
        }
        self.new.sort();
        Outcome { took, new: self.new[self.new.len() * 99 / 100] }
    }

    /// As many as the replica's pace lets it, new namespaces first.
    fn send(&mut self, number: usize, now: Duration) {
        let replica = &mut self.replicas[number];
        while replica.left > 0 || !replica.urgent.is_empty() {
            let Some(permit) = replica.pace.begin(self.began + now) else { break };
            replica.permits.push(permit);
            let created = replica.urgent.pop();
            replica.left -= usize::from(created.is_none());
            replica.free = replica.free.max(now) + self.own;
            let sent = replica.free;
            let worker = self.server.iter_mut().min().expect("a worker");
            *worker = (*worker).max(sent) + SERVICE;
            self.events.push(Reverse((*worker, number, Some(sent), created)));
        }
    }
}

#[rstest]
fn more_writers_gain_nothing_where_the_api_server_is_the_limit(#[values(2, 4, 8)] replicas: usize) {
    let (one, many) = (Model::new(1, OWN).run(), Model::new(replicas, OWN).run());
    let ceiling = SERVICE * NAMESPACES as u32 / WORKERS as u32;
    assert!(
        one.took < ceiling.mul_f64(1.1),
        "one writer keeps it busy: {:?} of {ceiling:?}",
        one.took
    );
    assert!(many.took > one.took.mul_f64(0.9), "{:?}, with one writer {:?}", many.took, one.took);
    assert!(
        many.new >= one.new,
        "and new namespaces wait behind the others' backfills: {:?}, with one writer {:?}",
        many.new,
        one.new
    );
}

/// The model can tell: with 5 ms a namespace, one writer would do 200 a second.
#[test]
fn they_would_gain_where_a_writer_were_the_limit() {
    let slow = OWN * 5;
    let (one, four) = (Model::new(1, slow).run(), Model::new(4, slow).run());
    assert!(four.took < one.took / 2, "{:?}, with one writer {:?}", four.took, one.took);
}

/// The replica that writes a namespace: the one whose hash with its name is highest (rendezvous
/// hashing).
fn owner(replicas: &[u32], namespace: &str) -> Option<u32> {
    replicas.iter().copied().max_by_key(|replica| hash(*replica, namespace))
}

/// FNV-1a, and a last mixing step, as its high bits move little for names that differ at the end.
fn hash(replica: u32, namespace: &str) -> u64 {
    let bytes = replica.to_le_bytes().into_iter().chain(namespace.bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mixed = (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 29)
}

fn names() -> impl Iterator<Item = String> {
    (0..100_000).map(|number| format!("namespace-{number}"))
}

#[test]
fn shares_are_even_and_only_a_lost_replicas_namespaces_move() {
    let (all, fewer) = ([1, 2, 3, 4], [1, 2, 4]);
    let mut shares = BTreeMap::new();
    for name in names() {
        let before = owner(&all, &name).expect("an owner");
        *shares.entry(before).or_insert(0_usize) += 1;
        let after = owner(&fewer, &name).expect("an owner");
        assert!(before == 3 || before == after, "{name} moved from {before} to {after}");
    }
    assert!(shares.values().all(|share| (24_000..26_000).contains(share)), "{shares:?}");
}
