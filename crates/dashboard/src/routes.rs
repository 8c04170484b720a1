//! Routes: what the API answers. One table is served and documented, so that neither can have what
//! the other has not.

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{MethodRouter, get};
use schemars::{Schema, SchemaGenerator};
use serde::Serialize;

use super::pods::PodsOutside;
use super::problem::Problem;
use super::route::{Answer, Asks, Route};
use super::view::backfill::Backfill;
use super::view::contested::Contested;
use super::view::held_pods::{self, HeldPods};
use super::view::namespaces::{self, Namespaces};
use super::view::outcomes::RecentOutcomes;
use super::view::overview::Overview;
use super::view::strategy::StrategyView;
use super::view::tenant::TenantDetails;
use super::{Dashboard, events, openapi};

type Board = State<Arc<Dashboard>>;
type Answered<T> = Result<Json<T>, Problem>;
type Wanted<T> = Result<Query<T>, QueryRejection>;

fn routes() -> Vec<Route> {
    [overviews(), pages(), tenants(), loop_state(), documents()].into_iter().flatten().collect()
}

fn json(
    path: &'static str,
    summary: &'static str,
    schema: fn(&mut SchemaGenerator) -> Schema,
    handler: MethodRouter<Arc<Dashboard>>,
) -> Route {
    Route { path, summary, asks: Asks::Nothing, answer: Answer::Json(schema), handler }
}

fn asking(asks: Asks, route: Route) -> Route {
    Route { asks, ..route }
}

fn overviews() -> Vec<Route> {
    vec![json(
        "/v1/overview",
        "Whether the promise is kept and by what, by tenant and over the last hour",
        schema::<Overview>,
        get(overview),
    )]
}

fn pages() -> Vec<Route> {
    let namespaces = json(
        "/v1/namespaces",
        "A page of namespaces, filtered and sorted",
        schema::<Namespaces>,
        get(namespaces),
    );
    let held_pods = json(
        "/v1/held-pods",
        "A page of the Pods behind landlord's gate, why, and what ends it",
        schema::<HeldPods>,
        get(held_pods),
    );
    vec![asking(Asks::Namespaces, namespaces), asking(Asks::HeldPods, held_pods)]
}

fn tenants() -> Vec<Route> {
    let pods = json(
        "/v1/tenants/{tenant}/pods",
        "Its Pods that are outside its pool, listed now or within the last half minute",
        schema::<PodsOutside>,
        get(pods),
    );
    let one = json("/v1/tenants/{tenant}", "One tenant", schema::<TenantDetails>, get(tenant));
    vec![asking(Asks::Tenant, one), asking(Asks::Tenant, pods)]
}

fn loop_state() -> Vec<Route> {
    vec![
        json(
            "/v1/backfill",
            "The backfill that runs, the queue, and what failed",
            schema::<Backfill>,
            get(backfill),
        ),
        json(
            "/v1/strategy",
            "Who decides on new namespaces, and why",
            schema::<StrategyView>,
            get(strategy),
        ),
        json(
            "/v1/contested",
            "Keys that another writer sets back, and what ends it",
            schema::<Contested>,
            get(contested),
        ),
        json(
            "/v1/outcomes",
            "What became of namespaces of late",
            schema::<RecentOutcomes>,
            get(outcomes),
        ),
    ]
}

/// What answers with something else than JSON of a view.
fn documents() -> Vec<Route> {
    let route = |path, summary, answer, handler| Route {
        path,
        summary,
        asks: Asks::Nothing,
        answer,
        handler,
    };
    let changes =
        "When something has changed: `event: change`, `data: {\"revision\": N}`, the first at once";
    vec![
        route("/v1/events", changes, Answer::Events, get(events::stream)),
        route("/v1/openapi.json", "This document", Answer::OpenApi, get(openapi)),
    ]
}

fn schema<T: schemars::JsonSchema + Serialize>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

pub(super) fn router(dashboard: &Arc<Dashboard>) -> Router {
    let router = routes()
        .into_iter()
        .fold(Router::new(), |router, route| router.route(route.path, route.handler));
    router.with_state(Arc::clone(dashboard))
}

async fn overview(State(dashboard): Board) -> Json<Overview> {
    let protection = dashboard.protection().await;
    Json(dashboard.read(move |dashboard| Overview::build(dashboard, protection)).await)
}

async fn namespaces(
    State(dashboard): Board,
    wanted: Wanted<namespaces::Wanted>,
) -> Answered<Namespaces> {
    let Query(wanted) = wanted.map_err(misunderstood)?;
    let page =
        dashboard.read(move |dashboard| Namespaces::build(&dashboard.subject.snapshots, &wanted));
    Ok(Json(page.await))
}

async fn held_pods(
    State(dashboard): Board,
    wanted: Wanted<held_pods::Wanted>,
) -> Answered<HeldPods> {
    let Query(wanted) = wanted.map_err(misunderstood)?;
    let page =
        dashboard.read(move |dashboard| HeldPods::build(&dashboard.subject.snapshots, &wanted));
    Ok(Json(page.await))
}

fn misunderstood(error: QueryRejection) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, error.body_text())
}

async fn tenant(State(dashboard): Board, Path(name): Path<String>) -> Answered<TenantDetails> {
    details(&dashboard, &name).await.map(Json).ok_or_else(|| unknown(&name))
}

async fn pods(State(dashboard): Board, Path(name): Path<String>) -> Answered<PodsOutside> {
    // Whatever is not there is not listed, and not remembered.
    let is_known = dashboard.subject.snapshots.tenants().get(&name).is_some();
    if !is_known {
        return Err(unknown(&name));
    }
    Ok(Json(dashboard.pods_outside(&name).await))
}

async fn details(dashboard: &Arc<Dashboard>, name: &str) -> Option<TenantDetails> {
    let name = name.to_owned();
    let view =
        move |dashboard: &Dashboard| TenantDetails::build(&dashboard.subject.snapshots, &name);
    dashboard.read(view).await
}

fn unknown(tenant: &str) -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        format!("there is no tenant {tenant:?}, and no namespace claims it"),
    )
}

async fn backfill(State(dashboard): Board) -> Json<Backfill> {
    Json(dashboard.read(Backfill::build).await)
}

async fn strategy(State(dashboard): Board) -> Json<StrategyView> {
    let protection = dashboard.protection().await;
    Json(dashboard.strategy().await.with_protection(protection))
}

async fn contested(State(dashboard): Board) -> Json<Contested> {
    Json(dashboard.read(Contested::build).await)
}

async fn outcomes(State(dashboard): Board) -> Json<RecentOutcomes> {
    Json(RecentOutcomes::build(&dashboard))
}

async fn openapi() -> Json<serde_json::Value> {
    Json(openapi::document(&routes()))
}
