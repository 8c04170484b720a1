//! Two replicas and one lease.

use std::time::Duration;

use fake_apiserver::InMemory;
use tokio::time::Instant;

use cluster::lease::{Election, Leadership};

fn candidate(
    server: &InMemory,
    name: &str,
    end: impl Future<Output = ()> + Send + 'static,
) -> (Leadership, tokio::task::JoinHandle<()>) {
    let (leadership, work) =
        Election::new(server.client(), "landlord", "controller", name.to_owned()).run(end);
    (leadership, tokio::spawn(work))
}

#[tokio::test(start_paused = true)]
async fn one_leads_at_a_time_and_a_dead_one_is_followed() {
    let server = InMemory::default();
    let (mut one, first) = candidate(&server, "one", std::future::pending());
    one.gained().await;
    let (mut two, _second) = candidate(&server, "two", std::future::pending());
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert!(one.holds() && !two.holds(), "it is renewed");

    first.abort();
    let died = Instant::now();
    two.gained().await;
    assert!(!one.holds(), "who cannot renew stops before anybody else begins");
    let took = died.elapsed();
    assert!((Duration::from_secs(13)..Duration::from_secs(20)).contains(&took), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_given_up_is_taken_at_once() {
    let server = InMemory::default();
    let (mut one, _) = candidate(&server, "one", tokio::time::sleep(Duration::from_secs(60)));
    one.gained().await;
    let (mut two, _second) = candidate(&server, "two", std::future::pending());
    tokio::time::sleep(Duration::from_secs(59)).await;
    assert!(!two.holds());
    let end = Instant::now();
    two.gained().await;
    assert!(!one.holds() && end.elapsed() < Duration::from_secs(4));
}
