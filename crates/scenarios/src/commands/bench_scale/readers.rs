//! Readers: a user searches in the dashboard, and Prometheus scrapes, while something else is
//! measured.

use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::world::World;

/// Ten searches a second, and a scrape.
const SEARCH_INTERVAL: Duration = Duration::from_millis(100);
const SCRAPE_INTERVAL: Duration = Duration::from_secs(1);
/// What is searched for: many that fit, sorted in each way, and few.
const SEARCHES: [&str; 4] = [
    "search=namespace-&sort=created&descending=true",
    "search=9&sort=tenant",
    "state=compliant&sort=state&offset=500&limit=500",
    "search=namespace-42",
];

/// Does this beside readers. How long each of their searches took is returned as well.
pub(super) async fn beside<T>(
    world: &World,
    work: impl Future<Output = Result<T>>,
) -> Result<(T, Vec<Duration>)> {
    let times = Mutex::default();
    let done = tokio::select! {
        done = work => done?,
        Err(error) = search(world, &times) => return Err(error),
        Err(error) = scrape(world) => return Err(error),
    };
    let times = std::mem::take(&mut *times.lock().unwrap_or_else(PoisonError::into_inner));
    Ok((done, times))
}

async fn search(world: &World, times: &Mutex<Vec<Duration>>) -> Result<Infallible> {
    let mut turns = tokio::time::interval(SEARCH_INTERVAL);
    let mut searches = SEARCHES.iter().cycle();
    loop {
        turns.tick().await;
        let query = searches.next().context("something to search for")?;
        let began = Instant::now();
        world.search(query).await.with_context(|| format!("the search {query:?}"))?;
        times.lock().unwrap_or_else(PoisonError::into_inner).push(began.elapsed());
    }
}

async fn scrape(world: &World) -> Result<Infallible> {
    let mut turns = tokio::time::interval(SCRAPE_INTERVAL);
    loop {
        turns.tick().await;
        world.metric("landlord_pace").await.context("a scrape")?;
    }
}
