//! An issuer's keys and tokens, against a real TLS server that is honest or is not.

use super::failure::Failure;
use super::issuer::Issuer;
use crate::config::{IssuerKind, IssuerSettings, TokenSource};
use gateway_core::model::principal::FailureKind;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use weir_tests::issuer::{Answer, DISCOVERY, Issuer as Server, KEYS, Signer, discovery, forged, now};

const AUDIENCE: &str = "weir.acme.example";

fn settings(server: &Server) -> IssuerSettings {
    IssuerSettings {
        name: "oidc".to_owned(),
        kind: IssuerKind::Oidc,
        url: server.url.clone(),
        audience: AUDIENCE.to_owned(),
        ca: Some(server.ca()),
        token: TokenSource::Env("T".to_owned()),
        request_hosts: Vec::new(),
        jwks: None,
        keep: Vec::new(),
        require: BTreeMap::new(),
    }
}

async fn kind(issuer: &Issuer, token: &str) -> Result<(), FailureKind> {
    issuer.verify(token, now()).await.map(|_| ()).map_err(|failure| failure.kind())
}

#[tokio::test]
async fn a_good_token_says_who_and_until_when() {
    let server = Server::start();
    let issuer = Issuer::new(settings(&server));
    let claims = server.claims(AUDIENCE, &json!({ "sub": "acme", "n": 7 }));
    let verified = issuer.verify(&server.signer().token(&claims), now()).await.unwrap();
    assert_eq!((verified.subject.as_str(), verified.key.as_str(), verified.algorithm.as_str()), ("acme", "key-1", "RS256"));
    assert_eq!(verified.expires_at, claims["exp"].as_i64().unwrap());
    for signer in [Signer::p256("ec"), Signer::ed25519("ed")] {
        let (server, kid) = (Server::start(), signer.kid.clone());
        server.rotate(signer);
        let issuer = Issuer::new(settings(&server));
        assert_eq!(issuer.verify(&server.token(AUDIENCE, &json!({})), now()).await.unwrap().key, kid);
    }
}

#[tokio::test]
async fn forged_tokens_are_refused() {
    let server = Server::start();
    let issuer = Issuer::new(settings(&server));
    assert!(kind(&issuer, &server.token(AUDIENCE, &json!({}))).await.is_ok(), "or nothing below says anything");
    for (what, token) in forged(&server, AUDIENCE, &json!({})) {
        assert_eq!(kind(&issuer, &token).await, Err(FailureKind::Invalid), "{what}");
    }
    assert_eq!(
        server.asked(),
        [DISCOVERY, KEYS, DISCOVERY, KEYS],
        "one unknown key makes the gateway ask once more, and nothing else does"
    );
}

#[tokio::test]
async fn clocks_may_differ_by_a_minute_and_not_by_more() {
    let server = Server::start();
    let issuer = Issuer::new(settings(&server));
    let at = now();
    let token = server.signer().token(&server.claims(AUDIENCE, &json!({ "iat": at, "nbf": at, "exp": at + 300 })));
    for (seen_at, good) in [(at - 61, false), (at - 59, true), (at + 299, true), (at + 359, true), (at + 361, false)] {
        assert_eq!(issuer.verify(&token, seen_at).await.is_ok(), good, "{}", seen_at - at);
    }
}

#[tokio::test]
async fn a_new_key_is_fetched_once_and_unknown_ones_not_for_ever() {
    let server = Server::start();
    let issuer = Issuer::new(settings(&server));
    let old = server.token(AUDIENCE, &json!({}));
    kind(&issuer, &old).await.unwrap();
    server.rotate(Signer::rsa("key-2"));
    kind(&issuer, &server.token(AUDIENCE, &json!({}))).await.unwrap();
    assert_eq!(kind(&issuer, &old).await, Err(FailureKind::Invalid), "a key that was withdrawn signs nothing");
    let fetched = server.asked().len();
    for number in 0..50 {
        let token = Signer::p256(&format!("made-up-{number}")).token(&server.claims(AUDIENCE, &json!({})));
        assert_eq!(kind(&issuer, &token).await, Err(FailureKind::Invalid));
    }
    assert_eq!(server.asked().len(), fetched, "who makes keys up makes nobody fetch");
}

#[tokio::test]
async fn a_hostile_issuer_gets_nothing() {
    let evil = Server::start();
    let other = |url: &str| Answer::Text(discovery(url).to_string());
    let keys = |uri: String| {
        Box::new(move |server: &Server| Answer::Text(json!({ "issuer": server.url, "jwks_uri": uri }).to_string())) as Making
    };
    let answer = |answer: Answer| Box::new(move |_: &Server| answer.clone()) as Making;
    let evil_keys = format!("{}{KEYS}", evil.url);
    let cases: Vec<(&str, &str, Making)> = vec![
        ("it speaks for another issuer", DISCOVERY, answer(other(&evil.url))),
        ("its keys are elsewhere", DISCOVERY, keys(evil_keys)),
        ("its keys are elsewhere by a user", DISCOVERY, keys(format!("https://127.0.0.1@127.0.0.1:{}{KEYS}", evil.port()))),
        ("its keys come without TLS", DISCOVERY, keys(format!("http://127.0.0.1:{}{KEYS}", evil.port()))),
        ("its keys are a file", DISCOVERY, keys("file:///etc/passwd".to_owned())),
        ("no keys", DISCOVERY, Box::new(|server| Answer::Text(json!({ "issuer": server.url }).to_string()))),
        ("it redirects", DISCOVERY, answer(Answer::Redirect(format!("{}{DISCOVERY}", evil.url)))),
        ("its keys redirect", KEYS, answer(Answer::Redirect(format!("{}{KEYS}", evil.url)))),
        ("it is not there", DISCOVERY, answer(Answer::Status(500))),
        ("a document without end", DISCOVERY, answer(Answer::Huge(64 << 20))),
        ("keys without end", KEYS, answer(Answer::Huge(64 << 20))),
        ("a header without end", KEYS, answer(Answer::LongHeader(16 << 20))),
        ("no JSON", KEYS, answer(Answer::Text("<html>".to_owned()))),
        (
            "the issuer twice",
            DISCOVERY,
            Box::new(|server| Answer::Text(discovery(&server.url).to_string().replacen('{', r#"{"issuer":"x","#, 1))),
        ),
    ];
    for (what, path, make) in &cases {
        let server = Server::start();
        server.answer(path, make(&server));
        let issuer = Issuer::new(settings(&server));
        assert_eq!(kind(&issuer, &server.token(AUDIENCE, &json!({}))).await, Err(FailureKind::Unavailable), "{what}");
        let asked = server.asked().len();
        assert!(kind(&issuer, &server.token(AUDIENCE, &json!({}))).await.is_err());
        assert_eq!(server.asked().len(), asked, "{what}: it is left alone for a while");
    }
    assert_eq!(evil.asked(), Vec::<String>::new(), "nobody else was asked");
}

#[tokio::test]
async fn an_issuer_that_takes_its_time_is_given_up() {
    for slow in [Answer::Dribble, Answer::Silence(Duration::from_secs(30))] {
        let server = Server::start();
        server.answer(KEYS, slow.clone());
        let begun = Instant::now();
        let issuer = Issuer::new(settings(&server));
        assert_eq!(kind(&issuer, &server.token(AUDIENCE, &json!({}))).await, Err(FailureKind::Unavailable), "{slow:?}");
        assert!(begun.elapsed() < Duration::from_secs(9), "{slow:?}");
    }
}

#[tokio::test]
async fn an_issuer_is_known_by_its_certificate() {
    let (server, other) = (Server::start(), Server::start());
    for ca in [None, Some(other.ca())] {
        let issuer = Issuer::new(IssuerSettings { ca, ..settings(&server) });
        let failed = issuer.verify(&server.token(AUDIENCE, &json!({})), now()).await.unwrap_err();
        assert!(matches!(&failed, Failure::Unavailable(why) if why.contains("TLS")), "{failed}");
    }
    let named = server.url.replace("127.0.0.1", "localhost");
    let issuer = Issuer::new(IssuerSettings { url: named, ..settings(&server) });
    assert_eq!(kind(&issuer, &server.token(AUDIENCE, &json!({}))).await, Err(FailureKind::Unavailable), "not its name");
}

/// Makes an answer for a server.
type Making = Box<dyn Fn(&Server) -> Answer>;
