//! Jobs are attested by a real OpenID provider (npm oidc-provider), as GitHub's, GitLab's and a cluster's.

use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use weir_tests::identity_attacks::{AUDIENCE, Ground};
use weir_tests::issuer::{Answer, DISCOVERY, Issuer, KEYS};
use weir_tests::{CertificateAuthority, Daemon, Outcome, Postgres, Weir, oidc_provider};

/// An oidc-provider; ended with its standard input.
struct Provider {
    child: Child,
    url: String,
    authority: CertificateAuthority,
}

impl Provider {
    fn start() -> Self {
        let authority = CertificateAuthority::create();
        let (chain, key) = authority.server();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/drivers/oidc_issuer.mjs");
        let mut node = Command::new("node");
        node.arg(script).arg(key).arg(chain).args([AUDIENCE, "right"]).env("NODE_PATH", oidc_provider());
        let mut child = node.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("node starts");
        let mut url = String::new();
        BufReader::new(child.stdout.as_mut().expect("piped")).read_line(&mut url).expect("it says where it is");
        assert!(url.starts_with("https://"), "oidc-provider did not start");
        Self { child, url: url.trim().to_owned(), authority }
    }

    /// Sets the claims, and gives a token of them.
    fn mint(&self, claims: &Value) -> String {
        let answer = self.post("/mint", &claims.to_string());
        answer["value"].as_str().expect("oidc-provider gives a token").to_owned()
    }

    fn post(&self, path: &str, body: &str) -> Value {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--cacert"]).arg(self.authority.root()).args(["-d", body]).arg(format!("{}{path}", self.url));
        let output = curl.output().expect("curl starts");
        serde_json::from_slice(&output.stdout).expect("oidc-provider answers in JSON")
    }

    /// A ground that believes this provider.
    fn ground<'i>(&self, issuer: &'i Issuer) -> Ground<'i> {
        let ground = Ground::new(issuer, "");
        let config = ground.directory().join("weir.toml");
        let text = std::fs::read_to_string(&config).expect("our own file");
        let port = self.url.rsplit(':').next().expect("it has a port");
        let text = text
            .replace(&issuer.url, &self.url)
            .replace(&format!("127.0.0.1:{}\"]", issuer.port()), &format!("127.0.0.1:{port}\"]"));
        let text = text.replace(issuer.ca().to_str().expect("UTF-8"), self.authority.root().to_str().expect("UTF-8"));
        std::fs::write(&config, text).expect("our own file");
        ground
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        self.child.wait().ok();
    }
}

#[test]
fn a_github_job_is_attested_by_its_right_to_ask() {
    let (provider, issuer) = (Provider::start(), Issuer::start());
    let ground = provider.ground(&issuer);
    let claims = json!({ "sub": "repo:acme/shop:ref:refs/heads/main", "repository": "acme/shop", "repository_owner": "acme",
        "repository_id": "7", "repository_owner_id": "8", "workflow": "nightly", "ref_protected": "true", "runner_environment": "self-hosted",
        "job_workflow_ref": "acme/shop/.github/workflows/nightly.yml@refs/heads/main" });
    provider.mint(&claims);
    let url = format!("{}/request?api-version=2.0", provider.url);
    let variables = [("ACTIONS_ID_TOKEN_REQUEST_URL", url.as_str()), ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "right")];
    let seen = ground.ci_job(&variables, Some("nobody"), "DIAL; DIAL");
    assert_eq!(seen.reached, 2, "{}: {}", seen.who(), seen.stderr);
    let principal = &seen.principals[0];
    assert_eq!(principal["workload"], "spiffe://acme.example/ci/github/acme/shop/nightly");
    assert_eq!((&principal["grade"], &principal["attested"]["issuer"]), (&json!("attested"), &json!("github")));
    for name in ["repository_id", "repository_owner_id", "job_workflow_ref", "runner_environment", "ref_protected"] {
        assert_eq!(principal["attested"]["claims"][name], claims[name], "{name}");
    }
    let [first, second] = [0, 1].map(|at| seen.principals[at]["attested"]["token_sha256"].clone());
    assert_eq!(first, second, "a run is attested once");
    assert!(!format!("{:?}", seen.principals).contains("eyJ"), "no token is kept");
}

#[test]
fn a_gitlab_job_is_attested_by_its_variable_and_may_run_weir_often() {
    let (provider, issuer) = (Provider::start(), Issuer::start());
    let ground = provider.ground(&issuer);
    let token = provider.mint(
        &json!({ "project_path": "acme/shop", "project_id": 7, "namespace_id": "8", "job_id": "1", "ref_protected": true }),
    );
    // The job's script is a shell that has the token, and calls weir twice.
    let weir = ground.weir(Some("nobody"), "DIAL");
    let mut shell = Command::new("sh");
    shell.args(["-c", "\"$@\"; \"$@\"; true", "sh"]).arg(weir.get_program()).args(weir.get_args());
    let (before, reached) = (ground.sessions().len(), ground.reached());
    let output = shell.env_clear().env("PATH", "/usr/bin:/bin").env("WEIR_ID_TOKEN", &token).output().expect("sh starts");
    let seen = ground.seen(before, reached, &output);
    assert_eq!(seen.reached, 2, "{}: {}", seen.who(), seen.stderr);
    assert_eq!(seen.principals[1]["attested"]["claims"]["project_id"], "7");
    assert_eq!(seen.principals[1]["attested"]["claims"]["ref_protected"], "true");
    // Another job that shows it is refused, and its record says why.
    let thief = ground.ci_job(&[("WEIR_ID_TOKEN", &token)], None, "DIAL");
    assert_eq!((thief.reached, &thief.principals[0]["attestation_failure"]["kind"]), (0, &json!("borrowed")), "{}", thief.who());
    assert_ne!(thief.principals[0]["grade"], "attested");
}

#[test]
fn a_provider_that_rotates_its_keys_is_followed() {
    let (provider, issuer) = (Provider::start(), Issuer::start());
    let ground = provider.ground(&issuer);
    let claims = |job: &str| json!({ "project_path": "acme/shop", "job_id": job });
    let old = provider.mint(&claims("1"));
    provider.post("/rotate", "");
    let new = provider.mint(&claims("2"));
    let refused = ground.ci_job(&[("WEIR_ID_TOKEN", &old)], None, "DIAL");
    assert_eq!(
        (refused.reached, &refused.principals[0]["attestation_failure"]["kind"]),
        (0, &json!("invalid")),
        "{}",
        refused.who()
    );
    assert_eq!(ground.ci_job(&[("WEIR_ID_TOKEN", &new)], None, "DIAL").reached, 1);
}

#[test]
fn a_pods_token_is_read_again_when_it_is_renewed() {
    let issuer = Issuer::start();
    let ground = Ground::new(&issuer, "");
    let pod = |life: i64| {
        let end = weir_tests::issuer::now() + life;
        issuer.token(AUDIENCE, &json!({ "sub": "system:serviceaccount:ci:deployer", "exp": end,
            "kubernetes.io": { "namespace": "ci", "serviceaccount": { "name": "deployer", "uid": "s" }, "pod": { "name": "p", "uid": "u" } } }))
    };
    // As kubelet does it: a link to a link, which is moved.
    std::fs::write(ground.directory().join("first"), pod(2)).expect("our own directory");
    std::os::unix::fs::symlink("first", ground.directory().join("pod-token")).expect("our own directory");
    std::fs::write(ground.directory().join("second"), pod(600)).expect("our own directory");
    let seen = ground.ci_job(&[], None, "DIAL; sleep 4; ln -s second DIR/next; mv DIR/next DIR/pod-token; DIAL");
    assert_eq!(seen.reached, 2, "{}: {}", seen.who(), seen.stderr);
    let tokens = [0, 1].map(|at| seen.principals[at]["attested"]["token_sha256"].clone());
    assert_ne!(tokens[0], tokens[1]);
}

#[test]
fn an_issuer_that_is_down_delays_a_job_by_seconds_and_is_told() {
    let issuer = Issuer::start();
    issuer.answer(KEYS, Answer::Silence(std::time::Duration::from_secs(30)));
    let ground = Ground::new(&issuer, "");
    let begun = std::time::Instant::now();
    let seen =
        ground.ci_job(&[("WEIR_ID_TOKEN", &issuer.token(AUDIENCE, &json!({ "project_path": "acme/shop" })))], None, "DIAL; DIAL");
    assert_eq!((seen.reached, &seen.principals[0]["attestation_failure"]["kind"]), (0, &json!("unavailable")), "{}", seen.who());
    assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{:?}", begun.elapsed());
    assert_eq!(issuer.asked(), [DISCOVERY, KEYS], "asked once for all of the run's connects");
}

/// Permits whoever has shown a token of the project.
const PROJECT: &str = r#"@id("project") permit (principal == Workload::"spiffe://acme.example/ci/gitlab/acme/shop", action, resource)
    when { principal.grade == "attested" };"#;

/// A daemon that believes the issuer, and a server that only the project may reach.
fn daemon_that_believes(issuer: &Issuer, server: &Postgres) -> Daemon {
    let issuers = format!(
        "[[issuer]]\nname = \"gitlab\"\nkind = \"gitlab\"\nurl = \"{}\"\naudience = \"{AUDIENCE}\"\nca = \"file:{}\"\n\
         token = \"env:WEIR_ID_TOKEN\"\nrequest_hosts = [\"127.0.0.1:{}\"]\n",
        issuer.url,
        issuer.ca().display(),
        issuer.port()
    );
    Daemon::start(Weir::for_server(server).policy(PROJECT), &issuers)
}

/// The principals of the daemon's sessions with the server, in the order of their dials.
fn principals(daemon: &Daemon) -> Vec<Value> {
    let mut sessions = daemon.weir.sessions();
    sessions.sort_by_key(|session| session["session"].as_str().unwrap_or_default().to_owned());
    let sessions = sessions.into_iter().filter(|session| session["target"] == "db");
    sessions
        .map(|session| {
            let id = session["session"].as_str().expect("an id").to_owned();
            let shown = daemon.weir.cli(&["session", "show", &id, "--format", "json"]).expect_success();
            let shown: Value = serde_json::from_str(&shown.stdout).expect("JSON");
            shown["opened"]["principal"].clone()
        })
        .collect()
}

#[test]
fn a_daemon_s_job_is_attested_by_what_its_runner_gave_it_and_by_nobody_else_s() {
    let (issuer, server) = (Issuer::start(), Postgres::start());
    let daemon = daemon_that_believes(&issuer, &server);
    let token = |job: &str| issuer.token(AUDIENCE, &json!({ "project_path": "acme/shop", "project_id": "7", "job_id": job }));
    // A runner begins the job for itself, and gives what it starts then the token.
    let runner = r#""$WEIR" job begin --quiet --socket "$SOCKET" || exit 1
        [ -z "$1" ] || export WEIR_ID_TOKEN="$1"
        sh -c 'psql -X -A -t -c "SELECT 42"; psql -X -A -t -c "SELECT 43"'; echo "status $?""#;
    let run =
        |token: &str| -> Outcome { daemon.shell(runner, &[token]).stdin(Stdio::null()).output().expect("sh starts").into() };
    let (first, second) = (token("1"), token("2"));
    assert_eq!(run(&first).expect_success().stdout, "42\n43\nstatus 0\n");
    let seen = principals(&daemon);
    assert_eq!(seen.len(), 2, "{seen:?}");
    for one in &seen {
        assert_eq!((&one["grade"], &one["attested"]["issuer"]), (&json!("attested"), &json!("gitlab")), "{one}");
        assert_eq!(one["attested"]["claims"]["project_id"], "7", "{one}");
    }
    // No token, and another job's: neither is let through, and the second is told.
    for (shown, told) in [("", Value::Null), (first.as_str(), json!("borrowed"))] {
        let refused = run(shown);
        assert!(refused.stdout.starts_with("status ") && !refused.stdout.contains("status 0"), "{refused:?}");
        let last = principals(&daemon).pop().expect("it was recorded");
        assert_ne!(last["grade"], "attested", "{last}");
        assert_eq!(last["attestation_failure"]["kind"], told, "{last}");
    }
    assert_eq!(run(&second).expect_success().stdout, "42\n43\nstatus 0\n", "its own is as good as the first one's");
}

#[test]
fn weir_run_as_a_daemon_s_job_is_attested_by_its_own_environment() {
    let (issuer, server) = (Issuer::start(), Postgres::start());
    let daemon = daemon_that_believes(&issuer, &server);
    let token = issuer.token(AUDIENCE, &json!({ "project_path": "acme/shop", "project_id": "7", "job_id": "1" }));
    let line = r#"WEIR_ID_TOKEN="$1" exec "$WEIR" run --config "$2" -- psql -X -A -t -c 'SELECT 42'"#;
    let config = daemon.weir.config();
    let ran =
        daemon.shell(line, &[&token, config.to_str().expect("a UTF-8 path")]).stdin(Stdio::null()).output().expect("sh starts");
    let ran = Outcome::from(ran).expect_success();
    assert_eq!(ran.stdout, "42\n");
    assert!(ran.stderr.contains("a job of this host's daemon"), "{ran:?}");
    assert_eq!(principals(&daemon)[0]["grade"], "attested");
    // A user's becomes the program, which then dials itself.
    let public = daemon.socket().with_file_name("public.toml");
    std::fs::write(&public, format!("trust_domain = \"acme.example\"\n[host]\nsocket = \"{}\"\n", daemon.socket().display()))
        .expect("our own directory");
    let line = line.replace("exec", "exec setpriv --reuid nobody --regid nogroup --clear-groups");
    let token = issuer.token(AUDIENCE, &json!({ "project_path": "acme/shop", "project_id": "7", "job_id": "2" }));
    let ran = daemon.shell(&line, &[&token, public.to_str().expect("a UTF-8 path")]).stdin(Stdio::null()).output();
    let ran = Outcome::from(ran.expect("sh starts")).expect_success();
    assert_eq!(ran.stdout, "42\n");
    assert_eq!(principals(&daemon)[1]["grade"], "attested");
}
