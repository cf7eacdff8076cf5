//! People sign in at a real SAML provider (npm samlp), and nobody by what somebody else has written or used before.

use serde_json::json;
use weir_tests::saml::{ENTITY, Facts, SamlProvider, Signer, hostile};
use weir_tests::{Browser, CertificateAuthority, Daemon, Page, Weir, free_port};

const ROLES: &str =
    "[[role]]\nrole = \"approver\"\ngroups = [\"dba\"]\ntargets = [\"db\"]\n[[role]]\nrole = \"viewer\"\ngroups = [\"team-b\"]\n";
const GROUPS: &str = r#"{ "ana": ["dba", "everybody"], "bo": ["team-b"], "eve": ["strangers"] }"#;

struct Scene {
    daemon: Daemon,
    provider: SamlProvider,
    authority: CertificateAuthority,
    url: String,
}

impl Scene {
    fn start(more: &str) -> Self {
        let authority = CertificateAuthority::create();
        let provider = SamlProvider::start(&authority, GROUPS);
        let url = format!("https://127.0.0.1:{}", free_port());
        let (chain, key) = authority.server();
        std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("our own file");
        let configuration = format!(
            "[console]\nlisten = \"{}\"\nurl = \"{url}\"\ntls = {{ certificate = \"file:{}\", key = \"file:{}\" }}\n[console.saml]\n\
             idp_entity_id = \"{ENTITY}\"\nidp_sso_url = \"{}\"\ncertificates = [\"file:{}\"]\ngroups_attribute = \"groups\"\n{more}\n\
             [log]\nlevel = \"debug\"\n{ROLES}",
            url.trim_start_matches("https://"),
            chain.display(),
            key.display(),
            provider.url,
            provider.keys.certificate("idp").display(),
        );
        let daemon = Daemon::start(Weir::with("").extra(&configuration), "");
        Self { daemon, provider, authority, url }
    }

    fn browser(&self) -> Browser {
        Browser::new(&self.authority.root())
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    fn post(&self, browser: &Browser, response: &str, state: &str) -> Page {
        // As the provider's page does it: from elsewhere, and of a size that is no argument.
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        let encoded = response.replace('+', "%2B").replace('=', "%3D").replace('<', "%3C").replace('>', "%3E");
        std::fs::write(file.path(), format!("SAMLResponse={encoded}&RelayState={state}")).expect("our own file");
        let (acs, form) = (self.at("/auth/saml/acs"), format!("@{}", file.path().display()));
        browser.curl(&acs, &["-H", "origin: https://login.example", "-H", "sec-fetch-site: cross-site", "--data-binary", &form])
    }

    fn begin(&self, browser: &Browser, next: &str) -> Page {
        let begun = browser.get(&self.at(&format!("/auth/saml/login?next={next}")));
        assert_eq!(begun.status, 303, "{begun:?}");
        begun
    }

    fn arrive(&self, browser: &Browser, next: &str, login: &str) -> Page {
        let (response, state) = self.provider.sign_in(browser, &self.begin(browser, next), login);
        self.post(browser, &response, &state)
    }

    /// What the provider is asked with by this redirect: the request's id.
    fn request_of(begun: &Page) -> String {
        let encoded = begun.query("SAMLRequest").replace("%2B", "+").replace("%2F", "/").replace("%3D", "=");
        let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, encoded).expect("base64");
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let start = text.find(" ID=\"").expect("it has an id") + 5;
        text[start..].split('"').next().expect("it ends").to_owned()
    }

    fn facts(&self, begun: &Page) -> Facts {
        Facts {
            issuer: ENTITY.to_owned(),
            audience: self.at("/auth/saml/metadata"),
            recipient: self.at("/auth/saml/acs"),
            in_response_to: Self::request_of(begun),
            id: "_assertion".to_owned(),
            name: "ana@acme.example".to_owned(),
            at: jiff::Timestamp::now(),
            condition: String::new(),
            session: String::new(),
        }
    }

    /// Nobody was let in, and the log does not have what they have sent.
    fn refused(&self, page: &Page, status: u16, why: &str) {
        assert!(page.status == status && page.body.contains(why), "{why}: {page:?}\n{}", self.daemon.log());
        assert!(!page.headers.contains("__Host-weir="), "{page:?}");
    }
}

#[test]
fn people_sign_in_by_saml_are_known_and_sign_out() {
    let scene = Scene::start("");
    let browser = scene.browser();
    let metadata = browser.get(&scene.at("/auth/saml/metadata"));
    assert!(metadata.headers.contains("content-type: application/samlmetadata+xml"), "{metadata:?}");
    assert!(metadata.body.contains(&format!("Location=\"{}\"", scene.at("/auth/saml/acs"))), "{metadata:?}");
    // Where there is nothing else, the console's own way in leads there.
    let led = browser.get(&scene.at("/auth/login?next=/holds"));
    assert_eq!(led.to(), scene.at("/auth/saml/login?next=%2Fholds"));
    let begun = browser.get(led.to());
    let set = begun.headers.lines().find(|line| line.starts_with("set-cookie: __Host-weir-sign-in=")).expect("a cookie");
    for flag in ["; Path=/", "; HttpOnly", "; Secure", "; SameSite=None", "; Max-Age=600"] {
        assert!(set.contains(flag), "{flag}: {set}");
    }
    let (response, state) = scene.provider.sign_in(&browser, &begun, "ana");
    let arrived = scene.post(&browser, &response, &state);
    assert_eq!(
        (arrived.status, arrived.location.as_deref()),
        (303, Some(scene.at("/holds").as_str())),
        "{arrived:?}\n{}",
        scene.daemon.log()
    );
    let set = arrived.headers.lines().find(|line| line.starts_with("set-cookie: __Host-weir=")).expect("a session");
    assert!(set.contains("; SameSite=Lax") && set.contains("; Max-Age=28800"), "{set}");
    let me = browser.get(&scene.at("/v1/me")).json();
    assert_eq!((&me["name"], &me["groups"]), (&json!("ana@acme.example"), &json!(["dba", "everybody"])));
    assert_eq!(me["roles"], json!([{ "role": "approver", "targets": ["db"], "workloads": [] }]));
    // The session before is over, though its cookie does not come with the provider's post.
    let first = browser.cookie("__Host-weir").expect("a session");
    assert_eq!(scene.arrive(&browser, "/", "bo").status, 303, "whose response is signed, too");
    let with = |cookie: &str| scene.browser().curl(&scene.at("/v1/me"), &["-H", &format!("cookie: __Host-weir={cookie}")]).status;
    let second = browser.cookie("__Host-weir").expect("a session");
    assert_eq!((with(&first), with(&second)), (401, 200));
    assert_eq!(browser.get(&scene.at("/v1/me")).json()["name"], "bo@acme.example");
    let out = browser.post(&scene.at("/auth/logout"), &scene.url, &json!({}));
    assert_eq!((out.status, &out.json()["location"]), (200, &json!("/")));
    assert_eq!(with(&second), 401);
    // Nobody is led elsewhere, and who has no role is told so.
    assert_eq!(scene.arrive(&browser, "//evil.example", "ana").to(), scene.at("/"));
    scene.refused(&scene.arrive(&scene.browser(), "/", "eve"), 403, "they have no role here");
    let log = scene.daemon.log();
    for secret in [&response[..60], &response[400..460], &first, &second, &state] {
        assert!(log.contains("DEBUG") && !log.contains(secret), "a secret is in the log");
    }
}

#[test]
fn a_name_can_be_an_attribute_and_a_session_ends_with_the_provider_s() {
    let scene = Scene::start("name = \"mail\"");
    scene.refused(&scene.arrive(&scene.browser(), "/", "ana"), 403, "sends no attribute \"mail\"");
    let scene = Scene::start("name = \"email\"");
    let browser = scene.browser();
    assert_eq!(scene.arrive(&browser, "/", "ana").status, 303);
    assert_eq!(browser.get(&scene.at("/v1/me")).json()["name"], "ana@acme.example");
    let scene = Scene::start("");
    let browser = scene.browser();
    let begun = scene.begin(&browser, "/");
    let mut facts = scene.facts(&begun);
    facts.session = format!(" SessionNotOnOrAfter=\"{}\"", facts.time(100));
    let response = Signer::open(&scene.provider.keys.key("idp")).response(&facts);
    let response = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, response);
    let arrived = scene.post(&browser, &response, &begun.query("RelayState"));
    let set = arrived.headers.lines().find(|line| line.starts_with("set-cookie: __Host-weir=")).expect("a session");
    let age: u64 = set.split("Max-Age=").nth(1).and_then(|rest| rest.split(';').next()?.parse().ok()).expect("a time");
    assert!((60..=100).contains(&age), "{set}");
}

#[test]
fn a_response_is_good_once_and_in_the_browser_that_has_asked() {
    let scene = Scene::start("");
    let (mine, other) = (scene.browser(), scene.browser());
    let stale = "not one that this browser has begun";
    let begun = scene.begin(&mine, "/");
    let (response, state) = scene.provider.sign_in(&mine, &begun, "ana");
    // No cookie, another's, another state, none; a provider that begins by itself.
    scene.refused(&scene.post(&scene.browser(), &response, &state), 400, stale);
    let theirs = scene.begin(&other, "/");
    scene.refused(&scene.post(&other, &response, &state), 400, stale);
    scene.refused(&scene.post(&mine, &response, &theirs.query("RelayState")), 400, stale);
    scene.refused(&scene.post(&mine, &response, ""), 400, stale);
    let acs = scene.at("/auth/saml/acs");
    let once = "each once";
    let form = |fields: &[&str]| mine.curl(&acs, &fields.iter().flat_map(|field| ["-d", field]).collect::<Vec<_>>());
    let relay = format!("RelayState={state}");
    scene.refused(&form(&["SAMLResponse=a", "SAMLResponse=b", &relay]), 403, once);
    scene.refused(&form(&["SAMLResponse=a", &relay, &relay]), 403, once);
    scene.refused(&form(&["SAMLResponse=a"]), 403, once);
    scene.refused(&form(&[&relay]), 403, once);
    scene.refused(&mine.curl(&acs, &["-H", "content-type: text/plain", "-d", "SAMLResponse=a", "-d", &relay]), 403, once);
    assert_eq!(mine.get(&format!("{acs}?SAMLResponse=a&{relay}")).status, 405);
    let large = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(large.path(), format!("{relay}&SAMLResponse={}", "A".repeat(300 << 10))).expect("our own file");
    assert_eq!(mine.curl(&acs, &["--data-binary", &format!("@{}", large.path().display())]).status, 413);
    // None of that has used it up, and this does.
    assert_eq!(scene.post(&mine, &response, &state).status, 303);
    scene.refused(&scene.post(&mine, &response, &state), 400, stale);
    // Under another sign-in it answers another question.
    let again = scene.begin(&mine, "/");
    scene.refused(&scene.post(&mine, &response, &again.query("RelayState")), 403, "does not answer this sign-in");
    // The same assertion's id, even where it answers this one.
    let signer = Signer::open(&scene.provider.keys.key("idp"));
    let encoded = |facts: &Facts| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, signer.response(facts));
    let begun = scene.begin(&mine, "/");
    assert_eq!(scene.post(&mine, &encoded(&scene.facts(&begun)), &begun.query("RelayState")).status, 303);
    let begun = scene.begin(&mine, "/");
    let page = scene.post(&mine, &encoded(&scene.facts(&begun)), &begun.query("RelayState"));
    scene.refused(&page, 403, "was used before");
}

#[test]
fn hostile_responses_let_nobody_in_and_are_not_in_the_log() {
    let scene = Scene::start("");
    let keys = &scene.provider.keys;
    let (provider, other) = (Signer::open(&keys.key("idp")), Signer::open(&keys.key("other")));
    let certificate = std::fs::read_to_string(keys.certificate("idp")).expect("a certificate");
    let all = |begun: &Page| hostile(&scene.facts(begun), &provider, &other, &certificate);
    let mut number = 0;
    loop {
        let browser = scene.browser();
        let begun = scene.begin(&browser, "/");
        let Some(case) = all(&begun).into_iter().nth(number) else { break };
        let page = scene.post(&browser, &case.field, &begun.query("RelayState"));
        // What is too large for the door does not come as far as the verifier.
        let refused = page.status == 413 || (page.status == 403 && page.body.contains(case.why));
        assert!(refused && !page.headers.contains("__Host-weir="), "{}: {page:?}\n{}", case.name, scene.daemon.log());
        number += 1;
    }
    assert!(number > 100, "{number}");
    let log = scene.daemon.log();
    for content in ["eve-the-admin", "samlp:Response", "ana@acme.example", "PHNhbWxw"] {
        assert!(log.contains("can't be believed") && !log.contains(content), "{content} is in the log");
    }
}
