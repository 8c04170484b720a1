use super::held_pod::{a_key, a_pod};
use super::*;

fn held(keys: &[&PodKey]) -> GatedPods {
    let mut holds = GatedPods::default();
    keys.iter().for_each(|key| holds.put(key, a_pod("u"), Instant::now()));
    holds.complete(&keys.iter().map(|key| (*key).clone()).collect());
    holds
}

/// As the releaser asks: only once all Pods are listed.
fn next(holds: &mut GatedPods, now: Instant) -> Result<PodKey, Option<Instant>> {
    if holds.known { holds.work.next(now).map(|job| job.key) } else { Err(None) }
}

/// One more failure; how many there were.
fn fail(holds: &mut GatedPods, key: &PodKey) -> u32 {
    holds.pod_mut(key).map_or(0, |pod| {
        pod.attempts.fail(Instant::now(), None);
        pod.attempts.failures()
    })
}

fn turns(holds: &mut GatedPods) -> Vec<String> {
    let now = Instant::now();
    std::iter::from_fn(|| next(holds, now).ok().map(|key| key.to_string())).collect()
}

#[test]
fn pods_wait_for_their_namespace_and_then_the_oldest_goes_first() {
    let keys =
        [a_key(3, "web", "a"), a_key(1, "web", "c"), a_key(2, "db", "b"), a_key(0, "never", "d")];
    let mut holds = held(&keys.each_ref());
    assert!(turns(&mut holds).is_empty(), "no namespace has terms");
    holds.set_placement("web", Some(Placement::default()));
    holds.set_placement("db", Some(Placement::default()));
    holds.set_placement("unknown", Some(Placement::default()));
    assert_eq!(turns(&mut holds), ["web/c", "db/b", "web/a"]);
    assert_eq!(holds.pods().count(), 4, "held until it is known that they are not");
}

/// One tenant's flood, though it is older, costs another's Pod a turn.
#[test]
fn a_flood_of_one_tenant_delays_another_by_a_turn() {
    let flood: Vec<PodKey> = (0..500).map(|age| a_key(age, "flood", &age.to_string())).collect();
    let other = a_key(1000, "other", "web");
    let mut holds = held(&flood.iter().chain([&other]).collect::<Vec<_>>());
    for tenant in ["flood", "other"] {
        let placement = Placement { tenant: Some(tenant.to_owned()), ..Placement::default() };
        holds.set_placement(tenant, Some(placement));
    }
    let now = Instant::now();
    let first: Vec<String> =
        (0..2).filter_map(|_| next(&mut holds, now).ok().map(|key| key.to_string())).collect();
    assert!(first.contains(&"other/web".to_owned()), "{first:?}");
}

#[test]
fn nothing_is_planned_again_without_a_cause() {
    let key = a_key(1, "web", "a");
    let mut holds = held(&[&key]);
    holds.set_placement("web", Some(Placement::default()));
    assert_eq!(turns(&mut holds).len(), 1);
    holds.work.done(&key, &"web".into());
    holds.set_placement("web", Some(Placement::default()));
    assert!(turns(&mut holds).is_empty(), "the same terms");
    holds.set_placement("web", None);
    assert!(turns(&mut holds).is_empty(), "no terms");
    holds.set_placement(
        "web",
        Some(Placement { selector: "a=b".parse().expect("a selector"), ..Placement::default() }),
    );
    assert_eq!(turns(&mut holds).len(), 1, "others");
    holds.work.done(&key, &"web".into());
    holds.put(&key, a_pod("u"), Instant::now());
    assert_eq!(turns(&mut holds).len(), 1, "the Pod has changed");
}

#[test]
fn a_pod_that_is_taken_comes_again_only_after_it_is_done() {
    let key = a_key(1, "web", "a");
    let mut holds = held(&[&key]);
    holds.set_placement("web", Some(Placement::default()));
    assert_eq!(turns(&mut holds).len(), 1);
    holds.put(&key, a_pod("u"), Instant::now());
    assert!(turns(&mut holds).is_empty());
    holds.work.done(&key, &"web".into());
    assert_eq!(turns(&mut holds).len(), 1);
    holds.put(&key, a_pod("u"), Instant::now());
    holds.remove(&key);
    holds.work.done(&key, &"web".into());
    assert!(turns(&mut holds).is_empty() && !holds.concern("web"), "it is gone");
}

#[test]
fn nothing_is_released_before_the_list_is_complete() {
    let (old, new) = (a_key(1, "web", "z"), a_key(2, "web", "a"));
    let mut holds = GatedPods::default();
    holds.put(&new, a_pod("u"), Instant::now());
    holds.set_placement("web", Some(Placement::default()));
    assert!(turns(&mut holds).is_empty());
    holds.put(&old, a_pod("u"), Instant::now());
    holds.complete(&[new.clone(), old].into());
    assert_eq!(turns(&mut holds), ["web/z", "web/a"]);
    holds.complete(&[new].into());
    assert_eq!(
        holds.pods().map(|(key, _)| key.to_string()).collect::<Vec<_>>(),
        ["web/a"],
        "the other is not there any more"
    );
}

#[test]
fn a_pod_that_failed_comes_later() {
    let key = a_key(1, "web", "a");
    let mut holds = held(&[&key]);
    holds.set_placement("web", Some(Placement::default()));
    let now = Instant::now();
    assert_eq!(next(&mut holds, now), Ok(key.clone()));
    let later = holds.pod_mut(&key).map(|pod| pod.attempts.fail(now, None)).expect("a Pod");
    holds.put_off(&key, later);
    holds.work.done(&key, &"web".into());
    assert_eq!(next(&mut holds, now), Err(Some(later)));
    holds.put(&key, a_pod("u"), now);
    assert_eq!(next(&mut holds, now), Err(Some(later)), "even if it changes");
    assert_eq!(next(&mut holds, later), Ok(key));
}

#[test]
fn what_was_learned_of_a_pod_stays_with_it() {
    let key = a_key(1, "web", "a");
    let mut holds = held(&[&key]);
    assert!(
        holds.stand(&key, State::Failing("no".to_owned()))
            && !holds.stand(&key, State::Failing("no".to_owned()))
    );
    assert_eq!((fail(&mut holds, &key), fail(&mut holds, &key)), (1, 2));
    holds.put(&key, a_pod("u"), Instant::now());
    assert_eq!(
        (fail(&mut holds, &key), holds.stand(&key, State::Failing("no".to_owned()))),
        (3, false)
    );
    holds.settle(&key, "another");
    assert!(holds.concern("web"));
    holds.put(&key, a_pod("another"), Instant::now());
    assert_eq!(fail(&mut holds, &key), 1, "this is another Pod");
}

/// What is counted as Pods change is what a look at each finds.
#[test]
fn pods_are_counted_by_how_they_stand() {
    let keys =
        [a_key(3, "web", "a"), a_key(1, "web", "b"), a_key(2, "web", "c"), a_key(0, "db", "d")];
    let mut holds = held(&keys.each_ref());
    let [first, second, third, other] = &keys;
    let failing = |text: &str| State::Failing(text.to_owned());
    for (key, state) in [
        (first, failing("refused")),
        (second, failing("refused")),
        (third, failing("refused")),
        (second, State::Waiting),
        (other, failing("gone")),
    ] {
        holds.stand(key, state);
    }
    holds.put(third, a_pod("u"), Instant::now());
    holds.remove(other);
    assert_eq!(holds.counts(), [("waiting", 1), ("clashing", 0), ("failing", 2)]);
    assert_eq!(holds.len(), 3);
    let tallies: Vec<Tally> = holds.tallies().collect();
    let oldest = Some((third.clone(), failing("refused")));
    let failing = Troubled { pods: 2, oldest };
    let clashing = Troubled::default();
    assert_eq!(tallies, [Tally { namespace: "web".into(), pods: 3, clashing, failing }]);
    holds.put(third, a_pod("another"), Instant::now());
    assert_eq!(holds.counts(), [("waiting", 2), ("clashing", 0), ("failing", 1)]);
}
