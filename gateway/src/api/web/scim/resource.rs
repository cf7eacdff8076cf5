//! People and groups as SCIM shows them (RFC 7643 §4.1, §4.2, §3.1).

use super::ROOT;
use super::answer::Answer;
use super::query::Wanted;
use crate::control::{ShownGroup, ShownUser};
use axum::http::StatusCode;
use gateway_core::model::time::Timestamp;
use serde_json::{Value, json};

pub(super) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(super) const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

/// A version as an ETag. Weak: of one version the bytes may differ.
pub(super) fn tag(version: u64) -> String {
    format!("W/\"{version}\"")
}

pub(super) fn user(status: StatusCode, shown: ShownUser, wanted: &Wanted) -> Answer {
    let (place, version) = (format!("{ROOT}/Users/{}", shown.account.id), shown.account.version);
    Answer { status, body: wanted.cut(user_value(shown)), location: Some(place), version: Some(version) }
}

pub(super) fn group(status: StatusCode, shown: ShownGroup, wanted: &Wanted) -> Answer {
    let (place, version) = (format!("{ROOT}/Groups/{}", shown.group.id), shown.group.version);
    Answer { status, body: wanted.cut(group_value(shown)), location: Some(place), version: Some(version) }
}

pub(super) fn user_value(shown: ShownUser) -> Value {
    let ShownUser { account, groups } = shown;
    let user = account.user;
    let groups: Vec<_> = groups
        .iter()
        .map(|(id, name)| json!({ "value": id, "display": name, "$ref": format!("{ROOT}/Groups/{id}"), "type": "direct" }))
        .collect();
    let name =
        json!({ "formatted": user.name.formatted, "familyName": user.name.family_name, "givenName": user.name.given_name });
    let emails: Vec<_> = user.emails.iter().map(|email| without_null(serde_json::to_value(email).unwrap_or_default())).collect();
    without_null(json!({
        "schemas": [USER],
        "id": account.id,
        "externalId": user.external_id,
        "userName": user.user_name,
        "displayName": user.display_name,
        "name": without_null(name),
        "emails": emails,
        "active": user.active,
        "groups": groups,
        "meta": meta("User", &format!("{ROOT}/Users/{}", account.id), account.version, account.made_at, account.changed_at),
    }))
}

pub(super) fn group_value(shown: ShownGroup) -> Value {
    let ShownGroup { group, members } = shown;
    let members: Vec<_> = members
        .iter()
        .map(|(id, name)| json!({ "value": id, "display": name, "$ref": format!("{ROOT}/Users/{id}"), "type": "User" }))
        .collect();
    without_null(json!({
        "schemas": [GROUP],
        "id": group.id,
        "externalId": group.group.external_id,
        "displayName": group.group.display_name,
        "members": members,
        "meta": meta("Group", &format!("{ROOT}/Groups/{}", group.id), group.version, group.made_at, group.changed_at),
    }))
}

/// A page of a list.
pub(super) fn list(total: usize, start: usize, resources: Vec<Value>) -> Answer {
    Answer::plain(json!({
        "schemas": [LIST], "totalResults": total, "startIndex": start, "itemsPerPage": resources.len(), "Resources": resources,
    }))
}

fn meta(kind: &str, place: &str, version: u64, made_at: Timestamp, changed_at: Timestamp) -> Value {
    json!({ "resourceType": kind, "created": made_at, "lastModified": changed_at, "location": place, "version": tag(version) })
}

/// What is null is not there (RFC 7643 §2.5).
fn without_null(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(fields.into_iter().filter(|(_, value)| !value.is_null()).collect()),
        other => other,
    }
}
