//! An identity provider keeps the directory over SCIM 2.0: people and groups, in each dialect, and nobody else gets in.

use serde_json::{Value, json};
use weir_tests::directory::{ask, events, token};
use weir_tests::{Browser, CertificateAuthority, Directory, Page, Provider, Weir, wait_until};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

fn directory() -> Directory {
    Directory::start(Weir::with(""), |_, _| String::new())
}

/// A refusal as RFC 7644 §3.12 has it.
#[track_caller]
fn refused(page: &Page, status: u16, kind: Option<&str>) {
    let told = page.json();
    assert_eq!(page.status, status, "{page:?}");
    assert_eq!(
        (&told["schemas"], &told["status"], told.get("scimType").and_then(Value::as_str)),
        (&json!([ERROR]), &json!(status.to_string()), kind),
        "{page:?}"
    );
    assert!(page.headers.contains("content-type: application/scim+json") && told["detail"].is_string(), "{page:?}");
}

#[test]
fn a_person_and_a_group_are_made_found_changed_and_removed() {
    let bed = directory();
    let ana = json!({
        "schemas": [USER], "userName": "Ana@acme.example", "externalId": "00u1", "displayName": "Ana Silva",
        "name": { "givenName": "Ana", "familyName": "Silva" }, "emails": [{ "value": "ana.silva@acme.example", "type": "work", "primary": true }],
        "active": true, "password": "a-password-that-nobody-keeps", "title": "Dr.",
    });
    let made = bed.scim("POST", "/Users", Some(&ana));
    assert_eq!(made.status, 201, "{made:?}");
    let told = made.json();
    let id = told["id"].as_str().expect("an id").to_owned();
    let place = format!("/scim/v2/Users/{id}");
    assert!(id.starts_with("p-") && made.headers.contains(&format!("location: {place}")), "{made:?}");
    assert!(made.headers.contains("etag: W/\"1\"") && told["meta"]["version"] == "W/\"1\"", "{made:?}");
    assert!(told.get("title").is_none() && told.get("password").is_none(), "{told}");
    assert_eq!((&told["meta"]["resourceType"], &told["meta"]["location"]), (&json!("User"), &json!(place)));
    refused(&bed.scim("POST", "/Users", Some(&json!({ "userName": "ANA@ACME.example" }))), 409, Some("uniqueness"));
    let bo = bed.person("bo@acme.example");
    for filter in [
        "userName%20eq%20%22ana@acme.example%22",
        "externalId%20eq%20%2200u1%22",
        "displayName%20eq%20%22ana%20silva%22",
        "emails%5Btype%20eq%20%22work%22%5D.value%20eq%20%22ana.silva@acme.example%22",
        "emails.value%20eq%20%22ana.silva@acme.example%22%20and%20userName%20eq%20%22ana@acme.example%22",
    ] {
        let found = bed.scim("GET", &format!("/Users?filter={filter}"), None).json();
        assert_eq!((&found["totalResults"], &found["Resources"][0]["id"]), (&json!(1), &json!(id)), "{filter}: {found}");
    }
    let none = bed.scim("GET", "/Users?filter=userName%20eq%20%22nobody%22", None);
    assert_eq!((none.status, &none.json()["totalResults"]), (200, &json!(0)), "{none:?}");
    let page = bed.scim("GET", "/Users?startIndex=2&count=1&attributes=userName", None).json();
    assert_eq!((&page["totalResults"], &page["startIndex"], &page["itemsPerPage"]), (&json!(2), &json!(2), &json!(1)), "{page}");
    assert_eq!(page["Resources"][0], json!({ "schemas": [USER], "id": bo, "userName": "bo@acme.example" }));
    // Versions.
    let rename = |name: &str| json!({ "Operations": [{ "op": "replace", "path": "displayName", "value": name }] });
    let user = format!("/Users/{id}");
    let first = bed.scim_with("PATCH", &user, Some(&rename("A")), &["if-match: W/\"1\""]);
    assert!(first.status == 200 && first.headers.contains("etag: W/\"2\""), "{first:?}");
    refused(&bed.scim_with("PATCH", &user, Some(&rename("B")), &["if-match: W/\"1\""]), 412, None);
    refused(&bed.scim_with("DELETE", &user, None, &["if-match: \"x\""]), 412, None);
    assert_eq!(bed.scim_with("GET", &user, None, &["if-none-match: W/\"2\""]).status, 304);
    // What changes nothing is no change.
    assert!(bed.scim("PATCH", &user, Some(&rename("A"))).headers.contains("etag: W/\"2\""));
    let put = bed.scim("PUT", &user, Some(&json!({ "userName": "ana.silva@acme.example", "id": "another" })));
    assert_eq!(
        (put.status, &put.json()["userName"], put.json().get("externalId")),
        (200, &json!("ana.silva@acme.example"), None)
    );
    // Groups.
    let group = json!({ "displayName": "dba", "members": [{ "value": id }, { "value": bo, "display": "x" }] });
    let made = bed.scim("POST", "/Groups", Some(&group));
    assert_eq!(made.status, 201, "{made:?}");
    let dba = made.json()["id"].as_str().expect("an id").to_owned();
    assert_eq!(made.json()["members"].as_array().map(Vec::len), Some(2), "{made:?}");
    assert_eq!(bed.scim("GET", &user, None).json()["groups"][0]["display"], "dba");
    refused(&bed.scim("POST", "/Groups", Some(&json!({ "displayName": "DBA" }))), 409, Some("uniqueness"));
    refused(
        &bed.scim("POST", "/Groups", Some(&json!({ "displayName": "x", "members": [{ "value": "p-zzzzzzzzzzzz0" }] }))),
        400,
        Some("invalidValue"),
    );
    let bare = bed.scim("GET", &format!("/Groups/{dba}?excludedAttributes=members"), None).json();
    assert!(bare.get("members").is_none() && bare["displayName"] == "dba", "{bare}");
    let found = bed.scim("GET", "/Groups?excludedAttributes=members&filter=displayName%20eq%20%22dba%22", None).json();
    assert_eq!(found["Resources"][0]["id"], json!(dba), "{found}");
    for body in [
        json!([{ "op": "remove", "path": format!("members[value eq \"{bo}\"]") }]),
        json!([{ "op": "Add", "path": "members", "value": [{ "value": bo }] }]),
        json!([{ "op": "Remove", "path": "members", "value": [{ "value": bo }] }]),
        json!([{ "op": "replace", "value": { "id": dba, "displayName": "dbas" } }]),
    ] {
        let patched = bed.scim("PATCH", &format!("/Groups/{dba}"), Some(&json!({ "Operations": body })));
        assert_eq!((patched.status, patched.body.as_str()), (204, ""), "{body}: {patched:?}");
    }
    let now = bed.scim("GET", &format!("/Groups/{dba}"), None).json();
    assert_eq!((&now["displayName"], &now["members"][0]["value"]), (&json!("dbas"), &json!(id)), "{now}");
    // Whoever is removed is in no group.
    assert_eq!(bed.scim("DELETE", &user, None).status, 204);
    refused(&bed.scim("GET", &user, None), 404, None);
    refused(&bed.scim("DELETE", &user, None), 404, None);
    assert_eq!(bed.scim("GET", &format!("/Groups/{dba}"), None).json()["members"], json!([]));
    assert_eq!(bed.scim("DELETE", &format!("/Groups/{dba}"), None).status, 204);
    let told = bed.events();
    let kinds: Vec<_> = told.iter().map(|(kind, ..)| kind.as_str()).filter(|kind| !kind.starts_with("group")).collect();
    assert_eq!(
        kinds,
        ["token.made", "person.provisioned", "person.provisioned", "person.changed", "person.changed", "person.removed"],
        "{told:?}"
    );
    // No more of anybody than their name and what has changed.
    let text = format!("{told:?}");
    for private in ["Silva", "00u1", "a-password"] {
        assert!(!text.contains(private) && !bed.daemon.log().contains(private), "{private}: {text}");
    }
    bed.daemon.weir.cli(&["audit", "verify"]).expect_success();
}

#[test]
fn each_dialect_deactivates_and_brings_back() {
    let bed = directory();
    let both = [
        ("Okta", json!([{ "op": "replace", "value": { "active": false } }])),
        ("Entra", json!([{ "op": "Replace", "path": "active", "value": "False" }])),
        ("Entra with a schema", json!([{ "op": "Add", "path": format!("{USER}:active"), "value": "false" }])),
        ("the RFC", json!([{ "op": "replace", "path": "active", "value": false }])),
        ("OneLogin", json!([{ "op": "replace", "path": "ACTIVE", "value": "FALSE" }])),
    ];
    for (number, (what, operations)) in both.iter().enumerate() {
        let name = format!("person-{number}@acme.example");
        let id = bed.person(&name);
        let patched = bed.scim("PATCH", &format!("/Users/{id}"), Some(&json!({ "Operations": operations })));
        assert_eq!((patched.status, &patched.json()["active"]), (200, &json!(false)), "{what}: {patched:?}");
        bed.activate(&id, true);
        let put = json!({ "userName": name, "active": false });
        assert_eq!(bed.scim("PUT", &format!("/Users/{id}"), Some(&put)).json()["active"], json!(false), "{what}");
        // What is sent whole without it brings nobody back.
        let put = bed.scim("PUT", &format!("/Users/{id}"), Some(&json!({ "userName": name })));
        assert_eq!(put.json()["active"], json!(false), "{what}: {put:?}");
        let kinds: Vec<_> = bed.events().into_iter().filter(|event| event.2 == name).map(|event| event.0).collect();
        let expected = ["person.provisioned", "person.deactivated", "person.reactivated", "person.deactivated"];
        assert_eq!(kinds, expected, "{what}");
    }
}

/// Every route: method, path, and a body where it takes one.
fn routes() -> Vec<(&'static str, &'static str, Option<&'static str>)> {
    let (user, group) = (Some(r#"{"userName":"x"}"#), Some(r#"{"displayName":"x"}"#));
    let patch = Some(r#"{"Operations":[{"op":"replace","path":"active","value":false}]}"#);
    vec![
        ("GET", "/ServiceProviderConfig", None),
        ("GET", "/ResourceTypes", None),
        ("GET", "/ResourceTypes/User", None),
        ("GET", "/Schemas", None),
        ("GET", "/Schemas/urn:ietf:params:scim:schemas:core:2.0:User", None),
        ("GET", "/Users", None),
        ("POST", "/Users", user),
        ("GET", "/Users/p-0000000000001", None),
        ("PUT", "/Users/p-0000000000001", user),
        ("PATCH", "/Users/p-0000000000001", patch),
        ("DELETE", "/Users/p-0000000000001", None),
        ("GET", "/Groups", None),
        ("POST", "/Groups", group),
        ("GET", "/Groups/m-0000000000001", None),
        ("PUT", "/Groups/m-0000000000001", group),
        ("PATCH", "/Groups/m-0000000000001", patch),
        ("DELETE", "/Groups/m-0000000000001", None),
        ("GET", "/nothing", None),
        ("GET", "", None),
    ]
}

#[test]
fn no_route_lets_anybody_in_but_a_provisioner_and_a_provisioner_nowhere_else() {
    let bed = signed_in_bed("");
    let cookie = signed_in(&bed, "cy").cookie("__Host-weir").expect("a session");
    let expired = token(&bed.daemon, &["--role", "provisioner", "--for", "1s"]);
    let made = bed.daemon.weir.cli(&["token", "create", "x", "--role", "provisioner", "--for", "1h", "--format", "json"]);
    let made: Value = serde_json::from_str(&made.expect_success().stdout).expect("JSON");
    let (id, revoked) = (made["id"].as_str().expect("an id"), made["token"].as_str().expect("a token"));
    bed.daemon.weir.cli(&["token", "revoke", id, "--reason", "a test"]).expect_success();
    let others: Vec<_> = ["viewer", "auditor", "approver", "operator", "admin"]
        .map(|role| (role, token(&bed.daemon, &["--role", role, "--for", "1h"])))
        .into();
    let swapped = format!("{}{}", &bed.token[..19], &others[0].1[19..]);
    let status = |browser: &Browser, headers: &[&str], (method, path, body): (&str, &str, Option<&str>)| {
        ask(browser, &format!("{}/scim/v2{path}", bed.url), method, body, headers)
    };
    let browser = bed.browser();
    wait_until("its end", 20, || {
        let shown = format!("authorization: Bearer {expired}");
        (status(&browser, &[&shown], ("GET", "/Users", None)).status == 401).then_some(())
    });
    let origin = format!("origin: {}", bed.url);
    let strangers = [
        ("none", vec![]),
        ("an empty one", vec!["authorization: Bearer ".to_owned()]),
        ("no bearer", vec![format!("authorization: Basic {}", bed.token)]),
        ("garbage", vec!["authorization: Bearer weir_0000000000000_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned()]),
        ("one's id with another's secret", vec![format!("authorization: Bearer {swapped}")]),
        ("expired", vec![format!("authorization: Bearer {expired}")]),
        ("revoked, and shown again", vec![format!("authorization: Bearer {revoked}")]),
        ("an admin's cookie", vec![format!("cookie: __Host-weir={cookie}"), origin]),
    ];
    let mut tried = 0;
    for route in routes() {
        let browser = bed.browser();
        for (what, headers) in &strangers {
            let headers: Vec<_> = headers.iter().map(String::as_str).collect();
            let answer = status(&browser, &headers, route);
            refused(&answer, 401, None);
            assert!(answer.headers.contains("www-authenticate: Bearer"), "{route:?} with {what}: {answer:?}");
            tried += 1;
        }
        for (role, other) in &others {
            let answer = status(&browser, &[&format!("authorization: Bearer {other}")], route);
            assert_eq!(answer.status, 403, "{route:?} as {role}: {answer:?}");
            refused(&answer, 403, None);
            tried += 1;
        }
    }
    assert!(tried > 200, "{tried}");
    // Nothing of all that has changed anything.
    assert!(!bed.events().iter().any(|(kind, ..)| kind.starts_with("person.p") || kind.starts_with("group.")));
    let bearer = format!("authorization: Bearer {}", bed.token);
    for (method, path) in
        [("GET", "/v1/me"), ("GET", "/v1/owners"), ("POST", "/v1/owners/take"), ("GET", "/v1/tokens"), ("GET", "/v1/holds")]
    {
        let answer =
            ask(&bed.browser(), &format!("{}{path}", bed.url), method, Some("{}").filter(|_| method == "POST"), &[&bearer]);
        assert_eq!(answer.status, 403, "{path}: {answer:?}");
    }
    // Who keeps the directory is nobody else, and has all of it.
    for wrong in [
        &["--role", "provisioner", "--target", "db", "--for", "1h"][..],
        &["--role", "provisioner", "--workload", "x", "--for", "1h"],
    ] {
        let told = bed.daemon.weir.cli(&[&["token", "create", "x"], wrong].concat());
        assert!(told.status == Some(1) && told.stderr.contains("the whole directory"), "{told:?}");
    }
    let person = signed_in(&bed, "cy");
    let wish = |role: &str| json!({ "name": "x", "roles": [{ "role": role }], "seconds": 600 });
    assert_eq!(
        person.post(&format!("{}/v1/tokens", bed.url), &bed.url, &wish("provisioner")).status,
        200,
        "an admin has it kept"
    );
    let viewer = signed_in(&bed, "dee");
    assert_eq!(viewer.post(&format!("{}/v1/tokens", bed.url), &bed.url, &wish("provisioner")).status, 403);
}

#[test]
fn what_is_hostile_is_refused_by_scims_own_error_and_changes_nothing() {
    let bed = directory();
    let id = bed.person("ana@acme.example");
    let (user, dba) = (format!("/Users/{id}"), bed.scim("POST", "/Groups", Some(&json!({ "displayName": "dba" }))));
    let group = format!("/Groups/{}", dba.json()["id"].as_str().expect("an id"));
    let before = (bed.scim("GET", &user, None).body, bed.scim("GET", &group, None).body);
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let long = format!(r#"{{"userName":"{}"}}"#, "x".repeat(300));
    let huge = format!(r#"{{"userName":"{}"}}"#, "x".repeat(3 << 20));
    let operations = |operation: &str, count: usize| format!(r#"{{"Operations":[{}]}}"#, vec![operation; count].join(","));
    let many = operations(r#"{"op":"add","path":"title","value":"x"}"#, 1_001);
    let members: Vec<_> = (1..=10_001).map(|number| format!(r#"{{"value":"p-{number:013}"}}"#)).collect();
    let members = format!(r#"{{"displayName":"x","members":[{}]}}"#, members.join(","));
    let patch = |operation: &str| operations(operation, 1);
    let bytes = |text: &str| text.to_owned();
    for (method, path, body, status, kind) in [
        ("POST", "/Users", bytes(""), 400, Some("invalidSyntax")),
        ("POST", "/Users", bytes("{"), 400, Some("invalidSyntax")),
        ("POST", "/Users", bytes("[]"), 400, Some("invalidSyntax")),
        ("POST", "/Users", bytes("null"), 400, Some("invalidSyntax")),
        ("POST", "/Users", deep.clone(), 400, Some("invalidSyntax")),
        ("POST", "/Users", bytes("{}"), 400, Some("invalidValue")),
        ("POST", "/Users", bytes(r#"{"userName":7}"#), 400, Some("invalidValue")),
        ("POST", "/Users", bytes(r#"{"userName":"a\u0000b"}"#), 400, Some("invalidValue")),
        ("POST", "/Users", bytes(r#"{"userName":"root"}"#), 400, Some("invalidValue")),
        ("POST", "/Users", bytes(r#"{"userName":"x","USERNAME":"y"}"#), 400, Some("invalidSyntax")),
        ("POST", "/Users", long, 400, Some("invalidValue")),
        ("POST", "/Users", huge, 413, None),
        ("PATCH", user.as_str(), deep, 400, Some("invalidSyntax")),
        ("PATCH", &user, bytes("{}"), 400, Some("invalidSyntax")),
        ("PATCH", &user, patch(r#"{"op":"drop","path":"active"}"#), 400, Some("invalidSyntax")),
        ("PATCH", &user, patch(r#"{"op":"replace","path":"a b","value":1}"#), 400, Some("invalidPath")),
        ("PATCH", &user, patch(r#"{"op":"replace","path":"emails[type co \"w\"].value","value":"x"}"#), 400, Some("invalidPath")),
        (
            "PATCH",
            &user,
            patch(r#"{"op":"replace","path":"id","value":"p-0000000000001"}"#).replace("replace", "add"),
            400,
            Some("mutability"),
        ),
        ("PATCH", &user, patch(r#"{"op":"remove","path":"userName"}"#), 400, Some("mutability")),
        ("PATCH", &user, patch(r#"{"op":"replace","path":"active","value":"perhaps"}"#), 400, Some("invalidValue")),
        ("PATCH", &user, many, 400, Some("tooMany")),
        ("PATCH", "/Users/p-0000000000001", patch(r#"{"op":"replace","path":"active","value":false}"#), 404, None),
        ("PATCH", "/Users/../../v1/me", patch(r#"{"op":"replace","path":"active","value":false}"#), 404, None),
        ("PUT", &user, bytes(r#"{"userName":""}"#), 400, Some("invalidValue")),
        ("POST", "/Groups", members, 400, Some("tooMany")),
        ("POST", "/Groups", bytes(r#"{"displayName":"role:approver"}"#), 400, Some("invalidValue")),
        (
            "PATCH",
            &group,
            patch(r#"{"op":"add","path":"members","value":[{"value":"p-0000000000009"}]}"#),
            400,
            Some("invalidValue"),
        ),
        (
            "PATCH",
            &group,
            patch(r#"{"op":"add","path":"members","value":[{"value":"x","type":"Group"}]}"#),
            400,
            Some("invalidValue"),
        ),
        ("POST", &user, bytes("{}"), 405, None),
        ("DELETE", "/Users", bytes(""), 405, None),
        ("POST", "/Bulk", bytes("{}"), 404, None),
        ("POST", "/.search", bytes("{}"), 404, None),
    ] {
        let bearer = format!("authorization: Bearer {}", bed.token);
        let answer = ask(&bed.browser(), &format!("{}/scim/v2{path}", bed.url), method, Some(&body), &[&bearer]);
        let shown: String = body.chars().take(80).collect();
        if path.contains("..") {
            assert!(answer.status == 404 || answer.status == 405, "{method} {path}: {answer:?}");
            continue;
        }
        assert_eq!(answer.status, status, "{method} {path} {shown}: {answer:?}");
        refused(&answer, status, kind);
        assert!(answer.body.len() < 1_000, "{answer:?}");
    }
    for (query, kind) in [
        ("filter=userName%20co%20%22a%22", "invalidFilter"),
        ("filter=userName%20eq%20%22a", "invalidFilter"),
        ("filter=not%20(userName%20eq%20%22a%22)", "invalidFilter"),
        ("filter=password%20eq%20%22a%22", "invalidFilter"),
        ("filter=%00", "invalidFilter"),
        ("count=x", "invalidValue"),
        ("startIndex=1e9", "invalidValue"),
    ] {
        refused(&bed.scim("GET", &format!("/Users?{query}"), None), 400, Some(kind));
    }
    for query in ["count=-1", "startIndex=-1", "startIndex=9223372036854775807", "count=9223372036854775807", "sortBy=x"] {
        assert_eq!(bed.scim("GET", &format!("/Users?{query}"), None).status, 200, "{query}");
    }
    refused(&bed.scim_with("POST", "/Users", Some(&json!({})), &["content-type: text/xml"]), 415, None);
    assert_eq!((bed.scim("GET", &user, None).body, bed.scim("GET", &group, None).body), before);
    let config = bed.scim("GET", "/ServiceProviderConfig", None).json();
    assert_eq!((&config["patch"]["supported"], &config["bulk"]["supported"]), (&json!(true), &json!(false)));
    assert_eq!(bed.scim("GET", "/ResourceTypes", None).json()["totalResults"], 2);
    assert_eq!(bed.scim("GET", &format!("/Schemas/{USER}"), None).json()["name"], "User");
}

/// A directory whose people sign in at a provider.
fn signed_in_bed(more: &str) -> SignedIn {
    let mut provider = None;
    let directory = Directory::start(Weir::with(""), |url, authority| {
        let (text, started) = oidc(url, authority, more);
        provider = Some(started);
        text
    });
    SignedIn { directory, provider: provider.expect("it was started") }
}

struct SignedIn {
    directory: Directory,
    provider: Provider,
}

impl std::ops::Deref for SignedIn {
    type Target = Directory;

    fn deref(&self) -> &Directory {
        &self.directory
    }
}

/// `[console.oidc]` of a provider that is started for it, and roles.
pub(crate) fn oidc(url: &str, authority: &CertificateAuthority, more: &str) -> (String, Provider) {
    let secret = "a-client-secret-of-the-test";
    let provider = Provider::start(authority, secret, url);
    let file = authority.root().with_file_name("oidc-secret");
    std::fs::write(&file, secret).expect("our own directory");
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("our own file");
    provider.set("/groups", &json!({ "ana": ["everybody"], "bo": ["everybody"], "dee": ["everybody"] }));
    let text = format!(
        "[console.oidc]\nissuer = \"{}\"\nclient_id = \"weir\"\nclient_secret = \"file:{}\"\nca = \"file:{}\"\n\
         scopes = [\"openid\", \"email\", \"profile\", \"groups\"]\n{more}\n\
         [[role]]\nrole = \"admin\"\npeople = [\"cy@acme.example\"]\n[[role]]\nrole = \"viewer\"\ngroups = [\"everybody\"]\n\
         [[role]]\nrole = \"approver\"\ngroups = [\"dba\"]\n",
        provider.url,
        file.display(),
        authority.root().display()
    );
    (text, provider)
}

/// A browser in which somebody has signed in.
pub(crate) fn signed_in(bed: &Directory, login: &str) -> Browser {
    let browser = bed.browser();
    let page = arrive(bed, &browser, login);
    assert_eq!(page.status, 303, "{page:?}\n{}", bed.daemon.log());
    browser
}

fn arrive(bed: &Directory, browser: &Browser, login: &str) -> Page {
    let callback = browser.sign_in(&format!("{}/auth/login", bed.url), login, &format!("{}/auth/callback", bed.url));
    browser.get(callback.to())
}

#[test]
fn who_has_left_is_signed_out_has_no_token_and_is_not_let_in() {
    let bed = signed_in_bed("");
    let (ana, dee) = (signed_in(&bed, "ana"), signed_in(&bed, "dee"));
    let me = |browser: &Browser| browser.get(&format!("{}/v1/me", bed.url)).status;
    let wish = json!({ "name": "mine", "roles": [{ "role": "viewer" }], "seconds": 600 });
    let made = ana.post(&format!("{}/v1/tokens", bed.url), &bed.url, &wish);
    let bearer = format!("authorization: Bearer {}", made.json()["token"].as_str().expect("a token"));
    let with = || bed.browser().curl(&format!("{}/v1/me", bed.url), &["-H", &bearer]).status;
    assert_eq!((me(&ana), me(&dee), with()), (200, 200, 200));
    // She is known by her address.
    let body = json!({ "userName": "asilva", "emails": [{ "value": "ANA@acme.example" }] });
    let id = bed.scim("POST", "/Users", Some(&body)).json()["id"].as_str().expect("an id").to_owned();
    bed.activate(&id, false);
    assert_eq!((me(&ana), me(&dee), with()), (401, 200, 401));
    let told: Vec<_> =
        bed.events().into_iter().filter(|event| event.0 == "person.signed-out" || event.0 == "token.ended").collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.iter().all(|event| event.3["why"].as_str().is_some_and(|why| why.contains("deactivated"))), "{told:?}");
    let refused = arrive(&bed, &bed.browser(), "ana");
    assert!(refused.status == 403 && refused.body.contains("they have left"), "{refused:?}");
    bed.activate(&id, true);
    assert_eq!(me(&signed_in(&bed, "ana")), 200);
    assert_eq!((me(&ana), with()), (401, 401), "what was ended stays so");
    // Removed is as gone, and who is made anew is there.
    assert_eq!(bed.scim("DELETE", &format!("/Users/{id}"), None).status, 204);
    assert_eq!(arrive(&bed, &bed.browser(), "ana").status, 403);
    bed.person("ana@acme.example");
    assert_eq!(me(&signed_in(&bed, "ana")), 200);
}

#[test]
fn the_directorys_groups_count_where_the_provider_says_none_and_never_both() {
    let bed = signed_in_bed("");
    let id = bed.person("ana@acme.example");
    bed.scim("POST", "/Groups", Some(&json!({ "displayName": "dba", "members": [{ "value": id }] })));
    let groups = |browser: &Browser| browser.get(&format!("{}/v1/me", bed.url)).json()["groups"].clone();
    assert_eq!(groups(&signed_in(&bed, "ana")), json!(["everybody"]), "what the provider says is all");
    // More than fit a token.
    bed.provider.set("/claims", &json!({ "_claim_names": { "groups": "src1" } }));
    assert_eq!(groups(&signed_in(&bed, "ana")), json!(["dba"]));
    // Whom the directory does not have is let in by nothing.
    let refused = arrive(&bed, &bed.browser(), "dee");
    assert!(refused.status == 403 && refused.body.contains("more groups"), "{refused:?}");
    // A provider that sends none at all.
    let none = signed_in_bed("groups_claim = \"teams\"");
    let id = none.person("ana@acme.example");
    none.scim("POST", "/Groups", Some(&json!({ "displayName": "dba", "members": [{ "value": id }] })));
    assert_eq!(signed_in(&none, "ana").get(&format!("{}/v1/me", none.url)).json()["groups"], json!(["dba"]));
    assert_eq!(arrive(&none, &none.browser(), "dee").status, 403);
    assert!(events(&none.daemon).iter().any(|event| event.0 == "person.refused"));
}
