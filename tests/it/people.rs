//! People sign in at a real OpenID provider (npm oidc-provider), have roles and tokens, and nobody else gets in.

use crate::bed::{Bed, HOLDS, SECRET, console, routes};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use weir_tests::issuer::{Answer, DISCOVERY, Issuer, KEYS, Signer, forged};
use weir_tests::{Browser, CertificateAuthority, Daemon, Page, Postgres, Weir, binary, free_port, wait_until};

#[test]
fn people_sign_in_are_known_and_sign_out() {
    let bed = Bed::start("");
    let browser = bed.browser();
    assert_eq!(browser.get(&bed.at("/v1/me")).status, 401);
    let begun = browser.get(&bed.at("/auth/login?next=/holds"));
    for (name, expected) in [("response_type", "code"), ("code_challenge_method", "S256"), ("client_id", "weir")] {
        assert_eq!(begun.query(name), expected);
    }
    let callback = browser.sign_in(&bed.at("/auth/login?next=/holds"), "ana", &bed.at("/auth/callback"));
    let arrived = browser.get(callback.to());
    assert_eq!((arrived.status, arrived.to()), (303, bed.at("/holds").as_str()), "{arrived:?}\n{}", bed.daemon.log());
    let cookie = browser.cookie("__Host-weir").expect("a session");
    let set = arrived.headers.lines().find(|line| line.starts_with("set-cookie: __Host-weir=")).expect("it sets a cookie");
    for flag in ["; Path=/", "; HttpOnly", "; Secure", "; SameSite=Lax", "; Max-Age=28800"] {
        assert!(set.contains(flag), "{flag}: {set}");
    }
    let me = browser.get(&bed.at("/v1/me"));
    let told = me.json();
    assert_eq!(
        (&told["name"], &told["via"], &told["groups"]),
        (&json!("ana@acme.example"), &json!("web"), &json!(["dba", "everybody"]))
    );
    assert_eq!(told["roles"][0], json!({ "role": "approver", "targets": ["db"], "workloads": [] }));
    for header in [
        "content-security-policy: default-src 'none'; frame-ancestors 'none'",
        "x-content-type-options: nosniff",
        "referrer-policy: no-referrer",
        "cache-control: no-store",
        "strict-transport-security: max-age=63072000",
    ] {
        assert!(me.headers.contains(header), "{header}: {}", me.headers);
    }
    // A second sign-in in the same browser is another session, and the one before is over.
    bed.arrive(&browser, "/auth/login", "ana");
    let second = browser.cookie("__Host-weir").expect("a session");
    assert_ne!(cookie, second);
    let with = |cookie: &str| bed.browser().curl(&bed.at("/v1/me"), &["-H", &format!("cookie: __Host-weir={cookie}")]).status;
    assert_eq!((with(&cookie), with(&second)), (401, 200));
    let out = browser.post(&bed.at("/auth/logout"), &bed.url, &json!({}));
    assert_eq!(out.status, 200, "{out:?}");
    let place = out.json()["location"].as_str().expect("a place").to_owned();
    assert!(place.starts_with(&format!("{}/session/end?client_id=weir&post_logout_redirect_uri=", bed.provider.url)), "{place}");
    assert_eq!((with(&second), browser.get(&bed.at("/v1/me")).status), (401, 401));
    let kinds: Vec<_> = bed.events().iter().map(|event| event[0].clone()).collect();
    assert_eq!(kinds, ["person.signed-in", "person.signed-in", "person.signed-out"]);
    bed.keeps_to_itself(&[&cookie, &second, SECRET, &callback.query("code"), &callback.query("state")]);
    let health = browser.get(&bed.at("/healthz"));
    assert_eq!((health.status, health.json()), (200, json!({ "well": true })), "and no more to whom nobody knows");
}

#[test]
fn an_approver_sees_and_answers_what_is_theirs_and_nothing_else() {
    let server = Postgres::start();
    let table = "CREATE TABLE t (n int); INSERT INTO t SELECT generate_series(1, 10); GRANT ALL ON t TO app";
    server.psql("app").args(["-qc", table]).status().expect("psql runs");
    let bed = Bed::with(Weir::for_server(&server).policy(HOLDS), "");
    let mut job = bed.daemon.job(&["psql", "-XAtc", "DELETE FROM t WHERE n <= 3"]);
    let job = job.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("sh starts");
    let (ana, bo, dee) = (bed.signed_in("ana"), bed.signed_in("bo"), bed.signed_in("dee"));
    let hold = wait_until("the hold", 20, || ana.get(&bed.at("/v1/holds")).json()[0]["id"].as_str().map(str::to_owned));
    let answer = |browser: &Browser, what: &str| {
        browser.post(&bed.at(&format!("/v1/holds/{hold}/{what}")), &bed.url, &json!({ "reason": "ticket 7" }))
    };
    // Another team's approver: it is not there.
    assert_eq!(bo.get(&bed.at("/v1/holds")).json(), json!([]));
    assert_eq!(bo.get(&bed.at(&format!("/v1/holds/{hold}"))).status, 404);
    assert_eq!(bo.get(&bed.at("/v1/sessions")).json(), json!([]));
    assert_eq!((answer(&bo, "approve").status, answer(&bo, "deny").status), (403, 403));
    // Who may only look.
    assert_eq!(dee.get(&bed.at(&format!("/v1/holds/{hold}"))).status, 200);
    assert_eq!((answer(&dee, "approve").status, answer(&dee, "deny").status), (403, 403));
    // A token that is made for a purpose has its maker's name, and none of their groups.
    let wish = json!({ "name": "bot", "roles": [{ "role": "approver", "targets": ["db"] }], "seconds": 600 });
    let made = ana.post(&bed.at("/v1/tokens"), &bed.url, &wish);
    assert_eq!(made.status, 200, "{made:?}");
    let bearer = format!("authorization: Bearer {}", made.json()["token"].as_str().expect("a token"));
    let path = bed.at(&format!("/v1/holds/{hold}/approve"));
    let by_token =
        bed.browser().curl(&path, &["-H", &bearer, "-H", "content-type: application/json", "-d", r#"{"reason":"bot"}"#]);
    assert_eq!(by_token.status, 403, "{by_token:?}");
    let approved = answer(&ana, "approve");
    assert_eq!((approved.status, &approved.json()["state"]), (200, &json!("approved")), "{approved:?}");
    let ended = job.wait_with_output().expect("the job is ours");
    assert_eq!(String::from_utf8_lossy(&ended.stdout).trim(), "DELETE 3");
    assert!(bed.events().iter().any(|event| event[0] == "hold.approved" && event[1] == "ana@acme.example"));
}

#[test]
fn a_sign_in_is_good_once_and_in_its_own_browser() {
    let bed = Bed::start("");
    let (mine, other) = (bed.browser(), bed.browser());
    let no_session = |page: &Page| {
        assert_eq!(page.status, 400, "{page:?}");
        assert!(!page.headers.contains("__Host-weir="), "{page:?}");
    };
    let callback = mine.sign_in(&bed.at("/auth/login"), "ana", &bed.at("/auth/callback"));
    let state = callback.query("state");
    // Another browser, with a sign-in of its own or none; a state that is none; none at all.
    no_session(&other.get(callback.to()));
    other.get(&bed.at("/auth/login"));
    no_session(&other.get(callback.to()));
    no_session(&mine.get(&callback.to().replace(&state, "x")));
    no_session(&mine.get(&bed.at("/auth/callback?code=x")));
    no_session(&mine.get(&bed.at("/auth/callback")));
    // It was not used up by any of that, and is by this.
    assert_eq!(mine.get(callback.to()).status, 303);
    no_session(&mine.get(callback.to()));
    // Another session's code under one's own state: it was asked for with another challenge.
    let theirs = other.sign_in(&bed.at("/auth/login"), "cy", &bed.at("/auth/callback"));
    let own = mine.sign_in(&bed.at("/auth/login"), "dee", &bed.at("/auth/callback"));
    let mixed = mine.get(&own.to().replace(&own.query("code"), &theirs.query("code")));
    assert!(mixed.status == 403 && mixed.body.contains("invalid_grant"), "{mixed:?}");
    assert_eq!(mine.get(&bed.at("/v1/me")).json()["name"], "ana@acme.example", "the session before stands");
    // What the provider declines, and another provider's word.
    let begun = mine.get(&bed.at("/auth/login"));
    let declined = mine.get(&bed.at(&format!("/auth/callback?error=access_denied&state={}", begun.query("state"))));
    assert!(declined.status == 403 && declined.body.contains("access_denied"), "{declined:?}");
    let begun = mine.get(&bed.at("/auth/login"));
    let elsewhere = bed.at(&format!("/auth/callback?code=x&iss=https%3A%2F%2Fevil.example&state={}", begun.query("state")));
    assert!(mine.get(&elsewhere).body.contains("another provider"));
}

#[test]
fn nobody_is_led_elsewhere_after_signing_in() {
    let bed = Bed::start("");
    let browser = bed.browser();
    for next in [
        "//evil.example",
        "https://evil.example/",
        "/%5Cevil.example",
        "/%09/evil.example",
        "javascript:alert(1)",
        "/.//evil.example",
    ] {
        let arrived = bed.arrive(&browser, &format!("/auth/login?next={next}"), "ana");
        assert_eq!((arrived.status, arrived.to()), (303, bed.at("/").as_str()), "{next}");
    }
}

#[test]
fn a_page_elsewhere_can_use_no_cookie() {
    let bed = Bed::start("");
    let browser = bed.signed_in("cy");
    let body = json!({ "target": "db", "actions": ["read"], "seconds": 60, "reason": "x", "workload": "*" }).to_string();
    let post = |path: &str, headers: &[&str]| {
        let headers = headers.iter().flat_map(|header| ["-H", header]).collect::<Vec<_>>();
        browser.curl(&bed.at(path), &[headers.as_slice(), &["-H", "content-type: application/json", "-d", &body]].concat())
    };
    let own = format!("origin: {}", bed.url);
    let near = format!("origin: {}.evil.example", bed.url);
    for headers in [
        &[][..],
        &["origin: null"],
        &["origin: https://evil.example"],
        &[near.as_str()],
        &["origin: http://127.0.0.1"],
        &["sec-fetch-site: cross-site"],
        &["sec-fetch-site: same-site"],
        &["sec-fetch-site: none"],
        &[own.as_str(), "sec-fetch-site: cross-site"],
    ] {
        for path in ["/v1/grants", "/auth/logout"] {
            let refused = post(path, headers);
            assert_eq!(refused.status, 403, "{path} {headers:?} {refused:?}");
            assert_eq!(refused.json()["type"], "urn:weir:problem:foreign-origin", "{path} {headers:?}");
        }
    }
    assert_eq!(post("/v1/grants", &[&own]).status, 200);
    assert_eq!(post("/v1/grants", &[&own, "sec-fetch-site: same-origin"]).status, 200);
    assert_eq!(post("/v1/grants", &["sec-fetch-site: same-origin"]).status, 200);
    // Nobody's page reads anything, either: no answer allows it.
    let read = browser.curl(&bed.at("/v1/me"), &["-H", "origin: https://evil.example"]);
    assert!(!read.headers.contains("access-control-allow"), "{}", read.headers);
}

#[test]
fn sessions_end_by_themselves() {
    for lifetime in ["session = \"3s\"", "idle = \"3s\""] {
        let bed = Bed::start(lifetime);
        let browser = bed.signed_in("ana");
        let cookie = browser.cookie("__Host-weir").expect("a session");
        let with = || bed.browser().curl(&bed.at("/v1/me"), &["-H", &format!("cookie: __Host-weir={cookie}")]).status;
        assert_eq!(with(), 200, "{lifetime}");
        wait_until("its end", 20, || (with() == 401).then_some(()));
        wait_until("that to be told", 20, || bed.events().iter().any(|event| event[0] == "person.signed-out").then_some(()));
    }
}

#[test]
fn who_is_not_surely_somebody_or_has_no_role_is_refused_and_told_why() {
    let bed = Bed::start("");
    let refused = |login: &str, why: &str| {
        let page = bed.arrive(&bed.browser(), "/auth/login", login);
        assert!(page.status == 403 && page.body.contains(why), "{why}: {page:?}");
        assert!(!page.headers.contains("__Host-weir="), "{page:?}");
    };
    refused("eve", "they have no role here");
    bed.provider.set("/claims", &json!({ "email_verified": false }));
    refused("ana", "is not let in: the provider does not say that their e-mail address is verified");
    bed.provider.set("/claims", &json!({ "_claim_names": { "groups": "src1" } }));
    refused("ana", "groups_claim = \"roles\"");
    bed.provider.set("/claims", &json!({ "email": "root" }));
    refused("ana", "another");
    let told: Vec<_> = bed.events().iter().filter(|event| event[0] == "person.refused").map(|event| event[1].clone()).collect();
    assert_eq!(told, ["eve@acme.example", "ana@acme.example", "ana@acme.example", "root"]);
    // Claims that are not in the token are asked for.
    bed.provider.set("/claims", &json!({}));
    bed.provider.set("/thin", &json!({}));
    let me = bed.signed_in("ana").get(&bed.at("/v1/me")).json();
    assert_eq!(me["groups"], json!(["dba", "everybody"]));
    // That has brought a new key, which was followed; the next is once a minute is over.
    bed.provider.set("/rotate", &json!({}));
    refused("ana", "less than 60 s ago");
}

#[test]
fn a_token_is_for_what_it_says_until_it_ends() {
    let bed = Bed::start("");
    let browser = bed.browser();
    let (id, token) = bed.token(&["--role", "viewer", "--target", "db", "--for", "1h"]);
    let me = bed.bearer(&browser, &token, "/v1/me");
    assert_eq!(
        (me.status, &me.json()["via"], &me.json()["roles"][0]["targets"]),
        (200, &json!("token"), &json!(["db"])),
        "{me:?}"
    );
    let listed = bed.daemon.weir.cli(&["token", "list", "--format", "json"]).expect_success().stdout;
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    assert!(listed[0]["id"] == *id && listed[0]["seen_at"].is_string() && listed[0].get("sha256").is_none(), "{listed}");
    // A token makes no tokens, and nobody gets another's way in by it.
    let wish = r#"{"name":"x","roles":[{"role":"viewer","targets":["db"]}],"seconds":60}"#;
    let bearer = format!("authorization: Bearer {token}");
    let made = browser.curl(&bed.at("/v1/tokens"), &["-H", &bearer, "-H", "content-type: application/json", "-d", wish]);
    assert!(made.status == 403 && made.body.contains("a token makes no tokens"), "{made:?}");
    bed.daemon.weir.cli(&["token", "revoke", &id, "--reason", "it was in a log"]).expect_success();
    assert_eq!(bed.bearer(&browser, &token, "/v1/me").status, 401);
    let (_, short) = bed.token(&["--role", "admin", "--for", "2s"]);
    wait_until("its end", 20, || (bed.bearer(&browser, &short, "/v1/me").status == 401).then_some(()));
    // One that a person made may never more than they.
    let ana = bed.signed_in("ana");
    let wish = |role: &str, target: &str| json!({ "name": "x", "roles": [{ "role": role, "targets": [target] }], "seconds": 60 });
    for (role, target, status) in [
        ("approver", "db", 200),
        ("viewer", "anything", 200),
        ("approver", "*", 403),
        ("operator", "db", 403),
        ("admin", "db", 403),
    ] {
        assert_eq!(ana.post(&bed.at("/v1/tokens"), &bed.url, &wish(role, target)).status, status, "{role} {target}");
    }
    let theirs = ana.get(&bed.at("/v1/tokens")).json();
    assert!(
        theirs.as_array().is_some_and(|all| all.len() == 2 && all.iter().all(|one| one["person"] == "ana@acme.example")),
        "{theirs}"
    );
    let secret = |token: &str| token.splitn(3, '_').last().unwrap_or_default().to_owned();
    bed.keeps_to_itself(&[&secret(&token), &secret(&short)]);
    for kind in ["token.made", "token.revoked", "token.ended"] {
        wait_until(kind, 20, || bed.events().iter().any(|event| event[0] == kind).then_some(()));
    }
}

#[test]
fn no_route_lets_anybody_in_who_shows_no_credential_a_wrong_one_or_another_roles() {
    let bed = Bed::start("");
    let (_, viewer) = bed.token(&["--role", "viewer", "--for", "1h"]);
    let (_, approver) = bed.token(&["--role", "approver", "--target", "prod-*", "--for", "1h"]);
    let (_, expired) = bed.token(&["--role", "admin", "--for", "1s"]);
    let (id, revoked) = bed.token(&["--role", "admin", "--for", "1h"]);
    bed.daemon.weir.cli(&["token", "revoke", &id, "--reason", "a test"]).expect_success();
    let signed_out = bed.signed_in("cy");
    let cookie = signed_out.cookie("__Host-weir").expect("a session");
    signed_out.post(&bed.at("/auth/logout"), &bed.url, &json!({}));
    wait_until("its end", 20, || (bed.bearer(&bed.browser(), &expired, "/v1/me").status == 401).then_some(()));
    let bearer = |token: &str| Some(format!("authorization: Bearer {token}"));
    let swapped = format!("{}{}", &viewer[..19], &approver[19..]);
    let strangers = [
        ("none", None),
        ("an empty one", Some("authorization: Bearer ".to_owned())),
        ("no bearer", Some(format!("authorization: Basic {viewer}"))),
        ("garbage", bearer("weir_0000000000000_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")),
        ("another scheme's", bearer("eyJhbGciOiJub25lIn0.e30.")),
        ("one's id with another's secret", bearer(&swapped)),
        ("expired", bearer(&expired)),
        ("revoked", bearer(&revoked)),
        ("a session that is over", Some(format!("cookie: __Host-weir={cookie}"))),
        ("a cookie of the other name", Some("cookie: weir=x".to_owned())),
    ];
    let routes = routes();
    assert!(routes.len() >= 29, "{routes:?}");
    let extra = [
        ("GET", "/v1/jobs"),
        ("POST", "/v1/jobs/begin"),
        ("POST", "/v1/jobs/end"),
        ("GET", "/v1/nothing"),
        ("POST", "/auth/logout"),
    ];
    let all = routes.iter().map(|(method, path, _)| (method.as_str(), path.as_str())).chain(extra);
    let mut tried = 0;
    let ask = |browser: &Browser, method: &str, path: &str, credential: Option<&str>| {
        let origin = format!("origin: {}", bed.url);
        let mut arguments = vec!["-X", method, "-H", &origin, "-H", "content-type: application/json"];
        arguments.extend(credential.iter().flat_map(|header| ["-H", *header]));
        if method == "POST" {
            arguments.extend(["-d", r#"{"reason":"a test"}"#]);
        }
        browser.curl(&bed.at(path), &arguments)
    };
    for (method, path) in all {
        let browser = bed.browser();
        for (what, credential) in &strangers {
            let answer = ask(&browser, method, path, credential.as_deref());
            assert_eq!(answer.status, 401, "{method} {path} with {what}: {answer:?}");
            assert!(!answer.body.contains("weir_0"), "{answer:?}");
            tried += 1;
        }
    }
    // Another role than it takes: neither is what is asked looked at, nor is it said whether it is there.
    for (method, path, role) in routes.iter().filter(|(_, _, role)| role != "viewer") {
        let browser = bed.browser();
        for (own, token) in [("viewer", &viewer), ("approver", &approver)] {
            if own != role {
                let answer = ask(&browser, method, path, bearer(token).as_deref());
                assert_eq!(answer.status, 403, "{method} {path} as {own}: {answer:?}");
                tried += 1;
            }
        }
    }
    assert!(tried > 300, "{tried}");
    // What only processes of the host may ask is nowhere on the web.
    for (method, path) in &extra[..3] {
        assert_eq!(ask(&bed.browser(), method, path, bearer(&viewer).as_deref()).status, 404, "{path}");
    }
}

#[test]
fn what_a_provider_did_not_sign_for_weir_now_lets_nobody_in() {
    let issuer = Issuer::start();
    let authority = CertificateAuthority::create();
    let url = format!("https://127.0.0.1:{}", free_port());
    let endpoint = |path: &str| format!("{}{path}", issuer.url);
    let document = json!({
        "issuer": issuer.url, "jwks_uri": endpoint(KEYS), "authorization_endpoint": endpoint("/authorize"), "token_endpoint": endpoint("/token"),
        "response_types_supported": ["code"], "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["RS256", "none", "HS256"],
    });
    issuer.answer(DISCOVERY, Answer::Text(document.to_string()));
    let text = console(&authority, &url, &issuer.url, "");
    let text = text
        .replace(&format!("ca = \"file:{}\"", authority.root().display()), &format!("ca = \"file:{}\"", issuer.ca().display()));
    let daemon = Daemon::start(Weir::with("").extra(&text), "");
    let attempt = |make: &dyn Fn(&str) -> String| {
        let browser = Browser::new(&authority.root());
        let begun = browser.get(&format!("{url}/auth/login"));
        assert_eq!(begun.status, 303, "{begun:?}\n{}", daemon.log());
        let token = make(&begun.query("nonce"));
        let answer = json!({ "access_token": "at", "token_type": "Bearer", "expires_in": 60, "id_token": token });
        issuer.answer("/token", Answer::Text(answer.to_string()));
        let page = browser.get(&format!("{url}/auth/callback?code=x&state={}", begun.query("state")));
        assert!(!daemon.log().contains(&token), "a token is in the log");
        (page.status, page.body, browser.cookie("__Host-weir"))
    };
    let person =
        |nonce: &str| json!({ "nonce": nonce, "email": "cy@acme.example", "email_verified": true, "sub": "cy", "groups": [] });
    // The honest one is let in: what follows is refused for what is wrong with it.
    let (status, body, _) = attempt(&|nonce| issuer.token("weir", &person(nonce)));
    assert_eq!(status, 303, "{body}\n{}", daemon.log());
    let names: Vec<_> = forged(&issuer, "weir", &person("x")).into_iter().map(|(name, _)| name).collect();
    let mut let_in = Vec::new();
    for (at, name) in names.iter().enumerate() {
        let (status, _, cookie) = attempt(&|nonce| forged(&issuer, "weir", &person(nonce)).swap_remove(at).1);
        if status == 303 || cookie.is_some() {
            let_in.push(*name);
        }
    }
    assert_eq!(let_in, HARMLESS);
    let with = |name: &'static str, value: Value| {
        let issuer = &issuer;
        move |nonce: &str| {
            let mut claims = person(nonce);
            claims[name] = value.clone();
            issuer.token("weir", &claims)
        }
    };
    let now = weir_tests::issuer::now();
    for (why, make) in [
        ("another nonce", with("nonce", json!("x"))),
        ("no nonce", with("nonce", Value::Null)),
        ("issued to another", with("azp", json!("another"))),
        ("issued long ago", with("iat", json!(now - 3600))),
    ] {
        let (status, body, cookie) = attempt(&make);
        assert!(status == 403 && cookie.is_none() && body.contains("can't be believed"), "{why}: {status} {body}");
    }
    // A stranger's key under an id that the provider never had has the keys fetched again, once.
    let before = issuer.asked().iter().filter(|path| *path == KEYS).count();
    for _ in 0..3 {
        let (status, ..) = attempt(&|nonce| Signer::rsa("key-7").token(&issuer.claims("weir", &person(nonce))));
        assert_eq!(status, 403);
    }
    assert!(issuer.asked().iter().filter(|path| *path == KEYS).count() <= before + 1, "{:?}", issuer.asked());
}

/// What is wrong for a job's token and not for a person's: a sign-in uses its token at once and once, whatever its size and spelling, and the
/// provider's only key needs no id.
const HARMLESS: [&str; 4] = ["no kid", "good for a year", "oversize", "the signature in other letters"];

#[test]
fn the_command_line_signs_in_by_another_device() {
    let bed = Bed::start("");
    let home = tempfile::tempdir().expect("a temporary directory");
    let weir = |arguments: &[&str]| {
        let mut weir = Command::new(binary());
        weir.args(arguments).env("HOME", home.path()).env_remove("XDG_CONFIG_HOME").env("WEIR_URL", &bed.url);
        weir.env("WEIR_CA", bed.authority.root()).stdin(Stdio::null());
        weir
    };
    let nobody = weir(&["hold", "list"]).output().expect("weir starts");
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("weir login --url"), "{nobody:?}");
    let mut login = weir(&["login"]).stderr(Stdio::piped()).spawn().expect("weir starts");
    let mut told = BufReader::new(login.stderr.take().expect("piped")).lines();
    let page = told.next().expect("it says where").expect("a line");
    let page = page.strip_prefix("open ").expect("it says where").to_owned();
    let done = bed.browser().sign_in(&page, "ana", "nowhere");
    assert!(done.status == 200 && done.body.contains("Success"), "{done:?}");
    let rest: Vec<_> = told.map_while(Result::ok).collect();
    assert!(login.wait().is_ok_and(|status| status.success()), "{rest:?}\n{}", bed.daemon.log());
    assert!(rest.iter().any(|line| line.contains("you are ana@acme.example")), "{rest:?}");
    let kept = home.path().join(".config/weir/token");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&kept).expect("it is kept").permissions());
    assert_eq!(mode & 0o777, 0o600);
    let listed = weir(&["token", "list", "--format", "json"]).output().expect("weir starts");
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap_or_else(|error| panic!("{error}: {listed:?}"));
    assert_eq!(
        (&listed[0]["person"], &listed[0]["name"], &listed[0]["roles"]),
        (&json!("ana@acme.example"), &json!("weir login"), &Value::Null)
    );
    // It is sent to nobody else.
    let elsewhere = weir(&["hold", "list"]).env("WEIR_URL", "https://127.0.0.1:1").output().expect("weir starts");
    assert!(String::from_utf8_lossy(&elsewhere.stderr).contains("nobody is signed in"), "{elsewhere:?}");
    bed.keeps_to_itself(&[SECRET]);
}

#[test]
fn who_asks_too_often_waits() {
    let bed = Bed::start("");
    let browser = bed.browser();
    let statuses: Vec<_> = (0..40).map(|_| browser.get(&bed.at("/auth/callback?state=x")).status).collect();
    assert!(statuses.contains(&429) && statuses[..10].iter().all(|status| *status == 400), "{statuses:?}");
    assert_eq!(bed.browser().get(&bed.at("/auth/callback?state=x")).status, 400, "others do not wait");
}

#[test]
fn people_stay_signed_in_when_another_daemon_takes_over() {
    let mut bed = Bed::start("");
    let browser = bed.signed_in("ana");
    let me = |bed: &Bed| browser.get(&bed.at("/v1/me")).status;
    assert_eq!(me(&bed), 200);
    let next = bed.daemon.serve(&["--take-over"]);
    let mut before = bed.daemon.replace(next).expect("one ran before");
    wait_until("the daemon before to end", 60, || before.try_wait().expect("it is ours"));
    wait_until("the next one's door", 20, || (me(&bed) == 200).then_some(()));
    bed.daemon.signal(nix::sys::signal::Signal::SIGKILL);
    bed.daemon.wait();
    bed.daemon.restart();
    wait_until("the door of the one after a crash", 20, || (me(&bed) == 200).then_some(()));
}
