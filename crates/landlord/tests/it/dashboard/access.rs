//! Who may see the dashboard: tokens are judged by a real API server.

use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{Api, PostParams};
use local_cluster::user::ADMIN;
use local_cluster::{Cluster, User};

use super::*;
use test_support::browser::Browser;

const VIEWER: &str = "viewer";
const STRANGER: &str = "stranger";

async fn guarded_world() -> World {
    let builder =
        Cluster::builder().user(User::new(VIEWER, ["auditors"])).user(User::new(STRANGER, [""; 0]));
    let mut world = World::on(builder, "landlord").await;
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "auditors"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "landlord:dashboard"},
        "subjects": [{"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "auditors"}],
    });
    world.cluster.apply(&binding.to_string()).await.expect("a binding");
    world.flags = vec!["--web=127.0.0.1:0", "--web-access=token"];
    world.add_controller("one").await;
    world
}

#[tokio::test]
async fn a_token_is_judged_by_the_api_server() {
    let world = guarded_world().await;
    let (url, viewer) = (address(&world, "one"), token(&world, VIEWER));
    let http = Http::new(&url);
    let status = async |header: Option<String>| {
        let headers: Vec<(&str, &str)> =
            header.iter().map(|value| ("authorization", value.as_str())).collect();
        http.get_with("/api/v1/overview", &headers).await.status
    };
    assert_eq!(status(None).await, 401);
    assert_eq!(status(Some("Bearer made-up".to_owned())).await, 401);
    assert_eq!(status(Some(format!("Basic {viewer}"))).await, 401);
    assert_eq!(status(Some(format!("Bearer {}", token(&world, STRANGER)))).await, 403);
    assert_eq!(status(Some(format!("Bearer {viewer}"))).await, 200);
    let account = account_token(&world).await;
    assert_eq!(status(Some(format!("Bearer {account}"))).await, 200);
    assert_eq!(http.get("/api/v1/overview").await.header("www-authenticate"), "Bearer");
    for path in ["/api/v1/events", "/api/v1/openapi.json", "/api/v1/tenants/x", "/api/nothing"] {
        assert_eq!(http.get(path).await.status, 401, "{path}");
    }
    // The page holds no data; a name is fine where a token is asked for.
    assert_eq!(http.get("/").await.status, 200);
    assert_eq!(http.get_with("/", &[("host", "landlord.example")]).await.status, 200);
    somebody_signs_in(&url, &viewer, &token(&world, STRANGER)).await;
}

/// A service account, the role for it, and a token, as docs/dashboard.md makes them.
async fn account_token(world: &World) -> String {
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "viewer", "namespace": "landlord"}});
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "landlord-viewer"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "landlord:dashboard"},
        "subjects": [{"kind": "ServiceAccount", "name": "viewer", "namespace": "landlord"}],
    });
    for object in [account, binding] {
        world.cluster.apply(&object.to_string()).await.expect("applied");
    }
    let client = world.cluster.client(ADMIN).expect("a client");
    let accounts: Api<ServiceAccount> = Api::namespaced(client, "landlord");
    let asked = TokenRequest::default();
    let created = accounts.create_token_request("viewer", &PostParams::default(), &asked).await;
    created.expect("a token").status.and_then(|status| status.token).expect("a token")
}

async fn somebody_signs_in(url: &str, viewer: &str, stranger: &str) {
    let browser = Browser::start().await;
    browser.show_as(1280, 900, "light").await;
    browser.open(&format!("{url}/#/namespaces")).await;
    let enter = async |token: &str| {
        browser.until("document.getElementById('token')").await;
        let script = "document.getElementById('token').value = arguments[0]; document.querySelector('form button').click()";
        browser.run(script, json!([token])).await;
    };
    enter("made-up").await;
    browser.sees("does not know this token").await;
    enter(stranger).await;
    browser.sees("nonResourceURLs").await;
    enter(viewer).await;
    browser.sees("All that landlord looks after").await;
    browser.until("document.querySelector('#live').dataset.state === 'live'").await;
    assert_eq!(
        browser
            .run("return location.href.includes('token') || document.cookie !== ''", json!([]))
            .await,
        false
    );
    nothing_is_claimed_that_is_not_there(&browser, url).await;
    browser.close().await;
}

/// In a cluster without guard, webhook and strategy, the page does not say that one is at work.
async fn nothing_is_claimed_that_is_not_there(browser: &Browser, url: &str) {
    browser.run("location.hash = '#/strategy'", json!([])).await;
    browser.sees("there is no webhook").await;
    browser.sees("The guard is not installed").await;
    let shown = "return [[...document.querySelectorAll('.light')].map((one) => one.className), document.querySelector('.empty code').innerText, document.body.innerText.includes('`')]";
    assert_eq!(
        browser.run(shown, json!([])).await,
        json!([["light wrong", "light unused", "light unknown"], "strategy", false])
    );
    browser.open(&format!("{url}/#/overview")).await;
    browser.sees("Promise not kept").await;
    browser.open(&format!("{url}/#/held")).await;
    browser.sees("Pods are not watched").await;
}
