//! OpenAPI: the API's description, made from the table of routes and the types of their answers.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::problem::Problem;
use super::route::{Answer, Asks, Route};
use super::view::{held_pods, namespaces};

/// See the module.
pub(super) fn document(routes: &[Route]) -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut generator = settings
        .with(|settings| settings.definitions_path = "/components/schemas".into())
        .into_generator();
    let problem = generator.subschema_for::<Problem>();
    let paths: Map<String, Value> = routes
        .iter()
        .map(|route| {
            (format!("/api{}", route.path), path(route, &mut generator, problem.as_value()))
        })
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": {"title": "Landlord's dashboard", "version": "v1", "description": "Read-only. Fields are added, never changed."},
        "paths": paths,
        "components": {
            "schemas": generator.take_definitions(true),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "With --web-access=token."}},
        },
        "security": [{}, {"token": []}],
    })
}

fn path(route: &Route, generator: &mut SchemaGenerator, problem: &Value) -> Value {
    let (kind, schema) = match route.answer {
        Answer::Json(schema) => ("application/json", schema(generator).to_value()),
        Answer::Events => ("text/event-stream", json!({"type": "string"})),
        Answer::OpenApi => ("application/json", json!({"type": "object"})),
    };
    let mut responses = Map::new();
    let answer = json!({"description": route.summary, "content": {kind: {"schema": schema}}});
    responses.insert("200".to_owned(), answer);
    let statuses: &[(&str, &str)] = match route.asks {
        Asks::Nothing => &[],
        Asks::Tenant => &[("404", "There is no such tenant")],
        Asks::Namespaces | Asks::HeldPods => &[("400", "The query cannot be understood")],
    };
    for (status, description) in [
        ("401", "A token that the API server does not know"),
        ("403", "A token that may not see this"),
    ]
    .iter()
    .chain(statuses)
    {
        let answer = json!({"description": description, "content": {"application/json": {"schema": problem}}});
        responses.insert((*status).to_owned(), answer);
    }
    json!({"get": {"summary": route.summary, "parameters": parameters(route.asks), "responses": responses}})
}

fn parameters(asks: Asks) -> Vec<Value> {
    match asks {
        Asks::Nothing => Vec::new(),
        Asks::Tenant => vec![
            json!({"name": "tenant", "in": "path", "required": true, "schema": {"type": "string"}}),
        ],
        Asks::Namespaces => query::<namespaces::Wanted>(),
        Asks::HeldPods => query::<held_pods::Wanted>(),
    }
}

/// The fields of the query, each with its own schema.
fn query<Wanted: JsonSchema>() -> Vec<Value> {
    let settings =
        SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let schema = Wanted::json_schema(&mut settings.into_generator()).to_value();
    let fields = schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    let parameter = |(name, mut schema): (String, Value)| {
        let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
        json!({"name": name, "in": "query", "description": description.unwrap_or_default(), "schema": schema})
    };
    fields.into_iter().map(parameter).collect()
}
