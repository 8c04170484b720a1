//! Kinds that cannot be listed at the start: they are not served yet, or the right is missing.

use rstest::rstest;

use super::*;

/// Asked ever more rarely, and served soon once the cause has gone.
#[rstest]
#[tokio::test(start_paused = true)]
async fn a_first_list_that_fails_is_asked_for_ever_more_rarely(
    #[values("namespaces", "tenants", "nodes", "pods")] plural: &str,
    #[values(403, 404)] code: u16,
) {
    let server = populated(3);
    server.faults().refuse_lists(plural, code, usize::MAX);
    let simulation = Simulation::start(server);
    let tries = |this: &Simulation| this.server.faults().requests("list", plural);
    tokio::time::sleep(Duration::from_secs(30)).await;
    let early = tries(&simulation);
    assert!((3..=6).contains(&early), "{early} tries in the first half minute");
    tokio::time::sleep(Duration::from_secs(600)).await;
    let late = tries(&simulation) - early;
    assert!((9..=12).contains(&late), "{late} tries in the ten minutes after it");

    simulation.server.faults().clear_refused_lists();
    let began = tokio::time::Instant::now();
    simulation.until_compliant().await;
    simulation.until("the list", |this| tries(this) > early + late).await;
    assert!(began.elapsed() <= Duration::from_secs(61), "{:?}", began.elapsed());
}
