//! The forms that Okta and Microsoft Entra document, what is refused, and that nothing panics.

use super::*;
use crate::model::ids::PersonId;
use proptest::prelude::*;
use serde_json::json;

fn ana() -> User {
    let body = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
        "userName": "ana@acme.example", "externalId": "00u1", "active": true, "displayName": "Ana",
        "name": { "givenName": "Ana", "familyName": "Silva", "honorificPrefix": "Dr." },
        "emails": [{ "value": "ana@acme.example", "type": "work", "primary": true }, { "value": "ana@home.example", "type": "home" }],
        "password": "never kept", "roles": [], "meta": { "resourceType": "User" },
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "department": "data" },
    });
    User::read(&body, None).unwrap()
}

fn operations(list: Value) -> Result<Vec<Operation>, Refused> {
    Operation::read(&json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": list }))
}

fn patched(list: Value) -> Result<User, Refused> {
    ana().patched(&operations(list)?)
}

#[test]
fn each_dialect_deactivates_a_person() {
    for (what, list) in [
        ("Okta", json!([{ "op": "replace", "value": { "active": false } }])),
        ("Okta, its id along", json!([{ "op": "replace", "value": { "id": "p-0000000000000", "active": false } }])),
        ("Entra", json!([{ "op": "Replace", "path": "active", "value": "False" }])),
        ("Entra, as the RFC has it", json!([{ "op": "replace", "path": "active", "value": false }])),
        ("Entra, without a path", json!([{ "op": "Replace", "value": { "active": "false" } }])),
        ("in any case", json!([{ "OP": "REPLACE", "Path": "ACTIVE", "Value": "FALSE" }])),
        (
            "with its schema",
            json!([{ "op": "add", "path": "urn:ietf:params:scim:schemas:core:2.0:User:active", "value": false }]),
        ),
    ] {
        let after = patched(list).unwrap();
        assert!(!after.active, "{what}");
        assert_eq!(after.differences(&ana()), ["active"], "{what}");
    }
}

#[test]
fn each_dialect_changes_a_person() {
    let after = patched(json!([
        { "op": "Add", "path": "externalId", "value": "x" },
        { "op": "Replace", "path": "emails[type eq \"work\"].value", "value": "ana.silva@acme.example" },
        { "op": "Add", "path": "emails[type eq \"other\"].value", "value": "silva@acme.example" },
        { "op": "Replace", "path": "name.givenName", "value": "Anna" },
        { "op": "Replace", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", "value": "it" },
        { "op": "Replace", "path": "title", "value": "Dr." },
    ]));
    let after = after.unwrap();
    assert_eq!((after.external_id.as_deref(), after.name.given_name.as_deref()), (Some("x"), Some("Anna")));
    let emails: Vec<_> = after.emails.iter().map(|email| (email.value.as_str(), email.kind.as_deref(), email.primary)).collect();
    assert_eq!(
        emails,
        [
            ("ana.silva@acme.example", Some("work"), true),
            ("ana@home.example", Some("home"), false),
            ("silva@acme.example", Some("other"), false)
        ]
    );
    // Entra writes paths as keys.
    let after =
        patched(json!([{ "op": "Add", "value": { "name.familyName": "S", "emails[type eq \"work\"].value": "a@b.example" } }]));
    let after = after.unwrap();
    assert_eq!((after.name.family_name.as_deref(), after.emails[0].value.as_str()), (Some("S"), "a@b.example"));
    let after =
        patched(json!([{ "op": "remove", "path": "emails[type eq \"home\"]" }, { "op": "remove", "path": "displayName" }]));
    let after = after.unwrap();
    assert_eq!((after.emails.len(), after.display_name), (1, None));
    let after =
        patched(json!([{ "op": "add", "path": "emails", "value": [{ "value": "b@c", "primary": true }, { "type": "work" }] }]));
    let primary: Vec<_> = after.unwrap().emails.into_iter().filter(|email| email.primary).map(|email| email.value).collect();
    assert_eq!(primary, ["b@c"]);
}

#[test]
fn each_dialect_changes_a_group() {
    let [one, other] = [1, 2].map(PersonId::from_number);
    let both = json!([{ "value": one }, { "$ref": null, "value": other }]);
    let group = Group::read(&json!({ "displayName": "dba", "externalId": "g", "members": both })).unwrap();
    assert_eq!(group.members, [one, other].into());
    let check = |list: Value, members: &[PersonId]| {
        let after = group.patched(&operations(list.clone()).unwrap()).unwrap();
        assert_eq!(after.members, members.iter().copied().collect(), "{list}");
        after
    };
    check(json!([{ "op": "remove", "path": format!("members[value eq \"{one}\"]") }]), &[other]);
    check(json!([{ "op": "Remove", "path": "members", "value": [{ "value": one }] }]), &[other]);
    check(json!([{ "op": "remove", "path": "members", "value": [{ "value": "nobody's" }] }]), &[one, other]);
    check(json!([{ "op": "remove", "path": "members" }]), &[]);
    check(json!([{ "op": "replace", "path": "members", "value": [{ "value": one }] }]), &[one]);
    check(json!([{ "op": "replace", "value": { "id": "m-0000000000000", "displayName": "dbas" } }]), &[one, other]);
    let three = PersonId::from_number(3);
    check(json!([{ "op": "Add", "path": "members", "value": [{ "value": three, "display": "x" }] }]), &[one, other, three]);
    check(json!([{ "op": "add", "value": { "Members": [{ "value": three }] } }]), &[one, other, three]);
    let nested = json!([{ "op": "add", "path": "members", "value": [{ "value": three, "type": "Group" }] }]);
    assert_eq!(group.patched(&operations(nested).unwrap()).unwrap_err().kind, Kind::Value);
}

#[test]
fn what_can_not_be_is_refused_as_the_rfc_has_it() {
    let many = |count: usize| (0..count).map(|_| json!({ "op": "add", "path": "title", "value": "x" })).collect::<Vec<_>>();
    let emails: Vec<_> = (0..=MOST_EMAILS).map(|at| json!({ "value": format!("{at}@x") })).collect();
    for (list, kind) in [
        (json!("x"), Kind::Syntax),
        (json!([7]), Kind::Syntax),
        (json!([{ "op": "move", "path": "active" }]), Kind::Syntax),
        (json!([{ "op": "replace", "Op": "remove", "path": "active" }]), Kind::Syntax),
        (json!([{ "op": "replace", "value": 7 }]), Kind::Value),
        (json!([{ "op": "remove" }]), Kind::NoTarget),
        (json!([{ "op": "replace", "path": 7, "value": 7 }]), Kind::Path),
        (json!([{ "op": "replace", "path": "emails[type sw \"work\"].value", "value": "x" }]), Kind::Path),
        (json!([{ "op": "replace", "path": "emails[type eq \"work\"", "value": "x" }]), Kind::Path),
        (json!([{ "op": "replace", "path": "emails.value", "value": "x" }]), Kind::NoTarget),
        (json!([{ "op": "replace", "path": "..", "value": "x" }]), Kind::Path),
        (json!([{ "op": "replace", "path": "active", "value": "no" }]), Kind::Value),
        (json!([{ "op": "replace", "path": "active", "value": null }]), Kind::Value),
        (json!([{ "op": "remove", "path": "active" }]), Kind::Mutability),
        (json!([{ "op": "remove", "path": "userName" }]), Kind::Mutability),
        (json!([{ "op": "add", "path": "id", "value": "x" }]), Kind::Mutability),
        (json!([{ "op": "replace", "path": "userName", "value": "root" }]), Kind::Value),
        (json!([{ "op": "replace", "path": "userName", "value": "a\nb" }]), Kind::Value),
        (json!([{ "op": "replace", "path": "userName", "value": "x".repeat(LONGEST + 1) }]), Kind::Value),
        (json!([{ "op": "replace", "path": "emails", "value": emails }]), Kind::TooMany),
        (json!(many(MOST_OPERATIONS + 1)), Kind::TooMany),
        // All or nothing.
        (
            json!([{ "op": "replace", "path": "active", "value": false }, { "op": "remove", "path": "userName" }]),
            Kind::Mutability,
        ),
    ] {
        assert_eq!(patched(list.clone()).unwrap_err().kind, kind, "{list}");
    }
    for (body, kind) in [
        (json!([]), Kind::Syntax),
        (json!({}), Kind::Value),
        (json!({ "userName": "" }), Kind::Value),
        (json!({ "userName": " ana" }), Kind::Value),
        (json!({ "userName": "ana", "USERNAME": "bo" }), Kind::Syntax),
        (json!({ "userName": "ana", "active": 0 }), Kind::Value),
        (json!({ "userName": "ana", "emails": { "value": 7 } }), Kind::Value),
    ] {
        assert_eq!(User::read(&body, None).unwrap_err().kind, kind, "{body}");
    }
    for name in ["role:approver", "Role:x", "", "weir"] {
        assert_eq!(Group::read(&json!({ "displayName": name })).unwrap_err().kind, Kind::Value, "{name}");
    }
}

#[test]
fn who_is_sent_whole_stays_as_inactive_as_they_were() {
    let gone = User { active: false, ..ana() };
    let body = json!({ "userName": "ana@acme.example" });
    assert!(!User::read(&body, Some(&gone)).unwrap().active);
    assert!(User::read(&body, None).unwrap().active);
    assert!(User::read(&json!({ "userName": "ana@acme.example", "active": "True" }), Some(&gone)).unwrap().active);
}

#[test]
fn a_filter_finds_who_is_meant() {
    let ana = ana();
    for (text, found) in [
        ("userName eq \"ANA@acme.example\"", true),
        ("USERNAME EQ \"ana@acme.example\"", true),
        ("urn:ietf:params:scim:schemas:core:2.0:User:userName eq \"ana@acme.example\"", true),
        ("userName eq \"ana\\u0040acme.example\"", true),
        ("userName eq \"bo@acme.example\"", false),
        ("externalId eq \"00u1\"", true),
        ("externalId eq \"00U1\"", false),
        ("displayName eq \"ana\" and id eq \"p-1\"", true),
        ("displayName eq \"ana\" and id eq \"p-2\"", false),
        ("emails.value eq \"ana@home.example\"", true),
        ("emails[type eq \"work\"].value eq \"ana@acme.example\"", true),
        ("members eq \"p-1\"", false),
    ] {
        assert_eq!(Filter::read(text).unwrap().finds_user("p-1", &ana), found, "{text}");
    }
    let group = Group::read(&json!({ "displayName": "dba", "members": [{ "value": PersonId::from_number(7) }] })).unwrap();
    let members = format!("id eq \"m-1\" and members eq \"{}\"", PersonId::from_number(7));
    assert!(Filter::read(&members).unwrap().finds_group("m-1", &group));
    assert!(!Filter::read("userName eq \"dba\"").unwrap().finds_group("m-1", &group));
    let long = format!("userName eq \"{}\"", "x".repeat(4096));
    let deep = ["userName eq \"a\""; MOST_TERMS + 1].join(" and ");
    for wrong in [
        "",
        "userName",
        "userName co \"ana\"",
        "userName eq",
        "userName eq ana",
        "userName eq \"ana",
        "userName eq 7",
        "userName eq \"a\" or userName eq \"b\"",
        "not (userName eq \"a\")",
        "(userName eq \"a\")",
        "userName eq \"a\" and",
        "userName eq \"a\"and userName eq \"b\"",
        "userName pr",
        "title eq \"x\"",
        "meta.lastModified gt \"2011\"",
        "emails[type co \"w\"].value eq \"x\"",
        "userNameeq \"x\"",
        &long,
        &deep,
    ] {
        assert_eq!(Filter::read(wrong).unwrap_err().kind, Kind::Filter, "{wrong}");
    }
}

/// A body that is nearly one.
fn body() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        Just("active".to_owned()),
        Just("emails[type eq \"work\"].value".to_owned()),
        Just("members[value eq \"p-0000000000001\"]".to_owned()),
        Just("userName".to_owned()),
        Just("name.givenName".to_owned()),
        "[ -~\\n\u{e9}\"\\[\\].]{0,20}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i32>().prop_map(Into::into),
        text.clone().prop_map(Into::into)
    ];
    let value = leaf.prop_recursive(3, 16, 4, move |inner| {
        let key = prop_oneof!["(value|type|primary|active|emails|members|name|userName)", "[a-z.]{1,6}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    let operation = ("(add|Replace|REMOVE|move)", prop::option::of(text), value.clone());
    let list = prop::collection::vec(operation, 0..5).prop_map(|list| {
        let list = list.into_iter().map(|(op, path, value)| json!({ "op": op, "path": path, "value": value }));
        json!({ "Operations": list.collect::<Vec<_>>() })
    });
    prop_oneof![value, list]
}

proptest! {
    #[test]
    fn no_text_panics(text in "[ -~\\t\u{e9}\u{1f600}]{0,60}") {
        fuzz_entry(text.as_bytes());
        if let Ok(path) = Path::read(&text) {
            prop_assert!(path.attribute.is_none_or(|name| !name.is_empty()));
        }
    }

    #[test]
    fn no_filter_panics(attribute in "(userName|emails\\[type eq \"work\"\\].value|id|x)", operator in "(eq|co| )", value in "\\PC{0,12}") {
        fuzz_entry(format!("{attribute} {operator} \"{value}\"").as_bytes());
    }

    #[test]
    fn no_body_panics_or_makes_nobody(body in body()) {
        fuzz_entry(body.to_string().as_bytes());
    }

    #[test]
    fn what_is_done_twice_is_as_if_it_were_done_once(body in body()) {
        if let Ok(once) = Operation::read(&body).and_then(|operations| ana().patched(&operations)) {
            let operations = Operation::read(&body).unwrap();
            let adds = operations.iter().any(|operation| operation.verb == Verb::Add);
            if let Ok(twice) = once.patched(&operations) {
                prop_assert!(adds || twice.active == once.active && twice.user_name == once.user_name);
            }
        }
    }
}
