//! The API: what is documented is served, what is served is documented.

use futures::StreamExt;

use super::scene::set;
use super::*;
use crate::cluster::world::comes_true;

#[tokio::test]
async fn what_is_documented_is_served() {
    let world = set().await;
    let http = Http::new(&address(&world, "one"));
    let document = http.get("/api/v1/openapi.json").await.json();
    let paths = document["paths"].as_object().expect("paths");
    assert_eq!(paths.len(), 11);
    for (path, operations) in paths {
        let answer = &operations["get"]["responses"]["200"]["content"];
        let Some(schema) = answer.get("application/json").map(|answer| &answer["schema"]) else {
            continue;
        };
        let path = path.replace("{tenant}", "solar");
        let served = http.get(&path).await;
        assert_eq!(
            (served.status, served.header("content-type")),
            (200, "application/json"),
            "{path}: {}",
            served.text
        );
        assert_eq!(served.header("cache-control"), "no-store", "{path}");
        conforms(&document, schema, &served.json(), &path);
    }
    pages(&http).await;
    held_pods(&http).await;
    refusals(&http).await;
    live(&world, &http).await;
}

/// Whether a value is what a schema says, and has nothing that it does not mention.
fn conforms(document: &Value, schema: &Value, value: &Value, place: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        let found = document
            .pointer(reference.trim_start_matches('#'))
            .unwrap_or_else(|| panic!("{place}: {reference} is not there"));
        return conforms(document, found, value, place);
    }
    if let Some(choices) = schema["anyOf"].as_array().or(schema["oneOf"].as_array()) {
        if value.is_null() {
            assert!(choices.iter().any(|one| one["type"] == "null"), "{place} may not be null");
            return;
        }
        let words: Vec<&Value> = choices.iter().filter_map(|one| one.get("const")).collect();
        assert!(
            words.is_empty() || words.contains(&value),
            "{place}: {value} is none of {words:?}"
        );
        choices
            .iter()
            .filter(|one| one["type"] != "null" && one.get("const").is_none())
            .for_each(|one| conforms(document, one, value, place));
        return;
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_u64() || number.is_i64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let allowed = |word: &str| {
        schema["type"] == word
            || schema["type"].as_array().is_some_and(|words| words.contains(&json!(word)))
    };
    assert!(
        allowed(kind) || kind == "integer" && allowed("number"),
        "{place} is {kind}, but by the schema: {schema}"
    );
    let fields = value.as_object().into_iter().flatten();
    if let Some(properties) = schema["properties"].as_object() {
        fields.for_each(|(name, value)| {
            let schema =
                properties.get(name).unwrap_or_else(|| panic!("{place}.{name} is not documented"));
            conforms(document, schema, value, &format!("{place}.{name}"));
        });
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            assert!(value.get(name).is_some(), "{place}.{name} is missing");
        }
    }
    value
        .as_array()
        .into_iter()
        .flatten()
        .for_each(|one| conforms(document, &schema["items"], one, &format!("{place}[]")));
}

async fn names(http: &Http, query: &str) -> Vec<String> {
    let page = http.get(&format!("/api/v1/namespaces?{query}")).await.json();
    page["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|item| item["name"].as_str().expect("a name").to_owned())
        .collect()
}

/// Waits for exactly these: what was created last may not have been looked at yet.
async fn comes_to(http: &Http, query: &str, expected: &[&str]) {
    comes_true(async || names(http, query).await == expected).await;
    assert_eq!(names(http, query).await, expected, "{query}");
}

async fn pages(http: &Http) {
    let all = names(http, "limit=500").await;
    assert!(
        all.is_sorted() && all.len() > 100 && !all.contains(&"kube-system".to_owned()),
        "{all:?}"
    );
    assert_eq!(names(http, "limit=3&offset=2").await, all[2..5]);
    let last = all.last().cloned().expect("a name");
    assert_eq!(names(http, "descending=true&limit=1").await, [last]);
    comes_to(http, "tenant=mars&search=API", &["mars-api-01"]).await;
    comes_to(http, "search=unknowntenant&tenant=ghost", &["shadow-api"]).await;
    comes_to(http, "state=unclaimed", &["sandbox"]).await;
    comes_to(http, "state=conflicted&tenant=lunar", &["lunar-api-01"]).await;
    comes_to(http, "state=attention&tenant=lunar", &["lunar-api-01"]).await;
    comes_to(http, "state=troubled&search=hostile", &["hostile"]).await;
    assert!(names(http, "state=troubled&sort=tenant").await.contains(&"hostile".to_owned()));
}

/// The Pod that waits for a namespace of a tenant that does not exist.
async fn held_pods(http: &Http) {
    let page = http.get("/api/v1/held-pods").await.json();
    assert_eq!((&page["known"], &page["matching"]), (&json!(true), &json!(1)), "{page}");
    let pod = &page["items"][0];
    assert_eq!(
        (&pod["namespace"], &pod["name"], &pod["tenant"], &pod["state"]),
        (&json!("shadow-api"), &json!("held-1"), &json!("ghost"), &json!("waiting"))
    );
    assert!(pod["why"].as_str().is_some_and(|why| why.contains("UnknownTenant")), "{pod}");
    assert_eq!(pod["ends"], "correct the namespace: `landlord explain shadow-api`");
    for (query, matching) in
        [("search=unknowntenant", 1), ("tenant=solar", 0), ("state=clashing", 0), ("offset=1", 1)]
    {
        let page = http.get(&format!("/api/v1/held-pods?{query}")).await.json();
        assert_eq!(page["matching"], matching, "{query}: {page}");
    }
}

async fn refusals(http: &Http) {
    for (path, status) in [
        ("/api/v1/nothing", 404),
        ("/api/v2/overview", 404),
        ("/api/v1/tenants/nobody", 404),
        ("/api/v1/tenants/nobody/pods", 404),
        ("/api/v1/namespaces?limit=many", 400),
        ("/api/v1/namespaces?sort=colour", 400),
        ("/api/v1/namespaces?unknown=1", 400),
        ("/api/v1/held-pods?state=patient", 400),
        ("/nothing.js", 404),
        ("/../Cargo.toml", 404),
    ] {
        assert_eq!(http.get(path).await.status, status, "{path}");
    }
    let post = http::Request::post("/api/v1/overview").body(Vec::new()).expect("a request");
    assert_eq!(http.send(post).await.status, 405, "it is read-only");
    // A name that a user has for this machine is no address of it.
    assert_eq!(http.get_with("/api/v1/overview", &[("host", "evil.example")]).await.status, 421);
}

/// The stream says that something is new, once there is.
async fn live(world: &World, http: &Http) {
    let mut events = http.stream("/api/v1/events").await;
    let first = events.next().await.expect("an event");
    assert!(first.starts_with("event: change\ndata: {\"revision\":"), "{first}");
    world.create("solar-late", "solar", json!({})).await;
    loop {
        events.next().await.expect("another event");
        if names(http, "search=solar-late&state=compliant").await == ["solar-late"] {
            return;
        }
    }
}
