//! What this service can do, of what kinds its resources are, and what they have (RFC 7643 §5 to §7).

use super::answer::{Answer, Failed};
use super::resource::{GROUP, USER, list};
use super::{Asked, Id, ROOT};
use axum::http::StatusCode;
use serde_json::{Value, json};

pub(super) async fn service(_asked: Asked) -> Answer {
    Answer::plain(json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": { "supported": true },
        "bulk": { "supported": false, "maxOperations": 0, "maxPayloadSize": 0 },
        "filter": { "supported": true, "maxResults": 200 },
        "changePassword": { "supported": false },
        "sort": { "supported": false },
        "etag": { "supported": true },
        "authenticationSchemes": [{
            "type": "oauthbearertoken", "name": "API token", "primary": true,
            "description": "A token of the role provisioner: weir token create okta --role provisioner --for 365d",
        }],
        "meta": { "resourceType": "ServiceProviderConfig", "location": format!("{ROOT}/ServiceProviderConfig") },
    }))
}

pub(super) async fn resource_types(_asked: Asked) -> Answer {
    let all = types();
    list(all.len(), 1, all)
}

pub(super) async fn resource_type(_asked: Asked, Id(id): Id<String>) -> Result<Answer, Failed> {
    named(types(), &id)
}

pub(super) async fn schemas(_asked: Asked) -> Answer {
    let all = described();
    list(all.len(), 1, all)
}

pub(super) async fn schema(_asked: Asked, Id(id): Id<String>) -> Result<Answer, Failed> {
    named(described(), &id)
}

fn named(all: Vec<Value>, id: &str) -> Result<Answer, Failed> {
    let found =
        all.into_iter().find(|one| one.get("id").and_then(Value::as_str).is_some_and(|name| name.eq_ignore_ascii_case(id)));
    found.map(Answer::plain).ok_or_else(|| Failed::new(StatusCode::NOT_FOUND, None, "there is none of that name"))
}

fn types() -> Vec<Value> {
    let one = |name: &str, schema: &str| {
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
            "id": name, "name": name, "endpoint": format!("/{name}s"), "schema": schema, "schemaExtensions": [],
            "meta": { "resourceType": "ResourceType", "location": format!("{ROOT}/ResourceTypes/{name}") },
        })
    };
    vec![one("User", USER), one("Group", GROUP)]
}

fn described() -> Vec<Value> {
    let text =
        |name: &str, unique: bool| attribute(name, "string", json!({ "uniqueness": if unique { "server" } else { "none" } }));
    let needed = |name: &str| {
        let mut one = text(name, true);
        one["required"] = json!(true);
        one
    };
    let exact = attribute("externalId", "string", json!({ "caseExact": true }));
    let name = [text("formatted", false), text("familyName", false), text("givenName", false)];
    let email = [text("value", false), text("type", false), attribute("primary", "boolean", json!({}))];
    let reference = |kinds: Value| attribute("$ref", "reference", json!({ "referenceTypes": kinds, "mutability": "readOnly" }));
    let member = [
        attribute("value", "string", json!({ "caseExact": true, "mutability": "immutable" })),
        text("display", false),
        reference(json!(["User"])),
    ];
    let of = [text("value", false), text("display", false), reference(json!(["Group"]))];
    vec![
        schema_of(
            USER,
            "User",
            &[
                needed("userName"),
                exact.clone(),
                text("displayName", false),
                attribute("name", "complex", json!({ "subAttributes": name })),
                attribute("emails", "complex", json!({ "multiValued": true, "subAttributes": email })),
                attribute("active", "boolean", json!({})),
                attribute("groups", "complex", json!({ "multiValued": true, "mutability": "readOnly", "subAttributes": of })),
            ],
        ),
        schema_of(
            GROUP,
            "Group",
            &[
                needed("displayName"),
                exact,
                attribute("members", "complex", json!({ "multiValued": true, "subAttributes": member })),
            ],
        ),
    ]
}

fn schema_of(id: &str, name: &str, attributes: &[Value]) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
        "id": id, "name": name, "description": name, "attributes": attributes,
        "meta": { "resourceType": "Schema", "location": format!("{ROOT}/Schemas/{id}") },
    })
}

/// An attribute as most are (RFC 7643 §2.2), and what is otherwise.
fn attribute(name: &str, kind: &str, further: Value) -> Value {
    let mut all = json!({
        "name": name, "type": kind, "multiValued": false, "description": name, "required": false, "caseExact": false,
        "mutability": "readWrite", "returned": "default", "uniqueness": "none",
    });
    if let (Some(fields), Value::Object(further)) = (all.as_object_mut(), further) {
        fields.extend(further);
    }
    all
}
