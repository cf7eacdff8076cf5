//! Tokens that are forged, and issuers that lie.

use super::{AUDIENCE, Attack, Ground, attack, control};
use crate::issuer::{Answer, Issuer, KEYS, REQUEST, Signer, forged};
use serde_json::{Value, json};

const DIAL: &str = "DIAL";

/// The victim at GitLab.
pub(super) fn gitlab() -> Value {
    json!({ "project_path": "acme/shop", "project_id": "7", "job_id": "1" })
}

/// The victim at GitHub.
pub(super) fn github() -> Value {
    json!({ "repository": "acme/shop", "repository_owner": "acme", "repository_id": "7", "workflow": "nightly", "check_run_id": "1" })
}

/// What GitHub's runner gives a job.
pub(super) fn right(url: &str, bearer: &str) -> [(&'static str, String); 2] {
    [("ACTIONS_ID_TOKEN_REQUEST_URL", url.to_owned()), ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", bearer.to_owned())]
}

/// Variables as a job takes them.
pub(super) fn borrowed<'v>(variables: &'v [(&'static str, String)]) -> Vec<(&'static str, &'v str)> {
    variables.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

pub(super) fn attacks() -> Vec<Attack> {
    let mut all = forgeries();
    all.extend(requests());
    all
}

/// Each forgery in the variable of a job that is otherwise the victim's.
fn forgeries() -> Vec<Attack> {
    let names: Vec<_> = forged(&Issuer::start(), AUDIENCE, &gitlab()).into_iter().map(|(name, _)| name).collect();
    let forge = |name: &'static str| {
        attack("forged token", name, move |issuer: &Issuer| {
            let all = forged(issuer, AUDIENCE, &gitlab());
            let (_, token) = all.into_iter().find(|(other, _)| *other == name).expect("it is one of them");
            Ground::new(issuer, "").ci_job(&[("WEIR_ID_TOKEN", &token)], None, DIAL)
        })
    };
    let mut all: Vec<_> = names.into_iter().map(forge).collect();
    all.push(attack("forged token", "signed by a key that was withdrawn", |_| {
        let issuer = Issuer::start();
        let old = issuer.token(AUDIENCE, &gitlab());
        issuer.rotate(Signer::rsa("key-2"));
        let ground = Ground::new(&issuer, "");
        let new = issuer.token(AUDIENCE, &json!({ "project_path": "acme/shop", "job_id": "2" }));
        control(&ground.ci_job(&[("WEIR_ID_TOKEN", &new)], None, DIAL));
        ground.ci_job(&[("WEIR_ID_TOKEN", &old)], None, DIAL)
    }));
    all.push(attack("forged token", "signed by the issuer with a key of 1024 bits", |_| {
        let issuer = Issuer::start();
        let token = issuer.token(AUDIENCE, &gitlab());
        let mut weak = issuer.signer().jwk();
        weak["n"] = json!(crate::issuer::encode(&[0xff; 128]));
        issuer.answer(KEYS, Answer::Text(json!({ "keys": [weak] }).to_string()));
        Ground::new(&issuer, "").ci_job(&[("WEIR_ID_TOKEN", &token)], None, DIAL)
    }));
    all.push(attack("forged token", "two tokens in one environment", |issuer| {
        let ground = Ground::new(issuer, "");
        let evil = issuer.token(AUDIENCE, &json!({ "project_path": "evil/x", "job_id": "e" }));
        let good = issuer.token(AUDIENCE, &gitlab());
        // What a shell can't do, execve can: the variable twice.
        let code = format!(
            "import ctypes,os\nlibc=ctypes.CDLL(None)\na=[b'weir',b'run',b'--quiet',b'--config',b'{0}/weir.toml',b'--',b'{0}/dial']\n\
             e=[b'PATH=/usr/bin:/bin',b'WEIR_ID_TOKEN={evil}',b'WEIR_ID_TOKEN={good}']\n\
             A=(ctypes.c_char_p*(len(a)+1))(*a,None)\nE=(ctypes.c_char_p*(len(e)+1))(*e,None)\nlibc.execve(b'{1}',A,E)",
            ground.directory().display(),
            crate::binary().display()
        );
        let (before, reached) = (ground.sessions().len(), ground.reached());
        let output = std::process::Command::new("python3").args(["-c", &code]).output().expect("python starts");
        ground.seen(before, reached, &output)
    }));
    all
}

/// What a job may say of where to ask for a token, and what it may get there.
fn requests() -> Vec<Attack> {
    let asked = |name: &'static str, url: fn(&Issuer, &Issuer) -> String, bearer: &'static str| {
        attack("request for a token", name, move |_| {
            let (issuer, evil) = (Issuer::start(), Issuer::start());
            for server in [&issuer, &evil] {
                server.answer(REQUEST, Answer::Mint { bearer: "right".to_owned(), claims: github() });
            }
            let ground = Ground::new(&issuer, "");
            let variables = right(&url(&issuer, &evil), bearer);
            let seen = ground.ci_job(&borrowed(&variables), None, DIAL);
            assert_eq!(evil.asked(), Vec::<String>::new(), "{name}: the gateway asked where the job wanted");
            seen
        })
    };
    let answered = |name: &'static str, answer: fn(&Issuer, &Issuer) -> Answer| {
        attack("request for a token", name, move |_| {
            let (issuer, evil) = (Issuer::start(), Issuer::start());
            issuer.answer(REQUEST, answer(&issuer, &evil));
            evil.answer(REQUEST, Answer::Mint { bearer: "right".to_owned(), claims: github() });
            let ground = Ground::new(&issuer, "");
            let variables = right(&format!("{}{REQUEST}", issuer.url), "right");
            ground.ci_job(&borrowed(&variables), None, DIAL)
        })
    };
    vec![
        asked("at a server of the job's own", |_, evil| format!("{}{REQUEST}?v=2", evil.url), "right"),
        asked(
            "at a server of the job's own, by a user in the address",
            |issuer, evil| format!("https://127.0.0.1:{}@127.0.0.1:{}{REQUEST}", issuer.port(), evil.port()),
            "right",
        ),
        asked("at a server of the job's own, behind a fragment", |_, evil| format!("{}{REQUEST}#127.0.0.1", evil.url), "right"),
        asked("without TLS", |issuer, _| format!("http://127.0.0.1:{}{REQUEST}", issuer.port()), "right"),
        asked("at a file", |_, _| "file:///etc/passwd".to_owned(), "right"),
        asked("at a machine's metadata", |_, _| "https://169.254.169.254/latest".to_owned(), "right"),
        asked("without the right to", |issuer, _| format!("{}{REQUEST}?v=2", issuer.url), "wrong"),
        asked(
            "with a header smuggled into the right",
            |issuer, _| format!("{}{REQUEST}?v=2", issuer.url),
            "x\r\nAuthorization: Bearer right",
        ),
        asked("for another audience first", |issuer, _| format!("{}{REQUEST}?audience=sts.example", issuer.url), "right"),
        answered("answered by a redirect to a server of the job's own", |_, evil| {
            Answer::Redirect(format!("{}{REQUEST}", evil.url))
        }),
        answered("answered with a token of another signer", |issuer, evil| {
            let claims = issuer.claims(AUDIENCE, &github());
            Answer::Text(json!({ "value": evil.signer().token(&claims) }).to_string())
        }),
        answered("answered with a token for another audience", |issuer, _| {
            Answer::Text(json!({ "value": issuer.token("sts.example", &github()) }).to_string())
        }),
        answered("answered without end", |_, _| Answer::Huge(64 << 20)),
    ]
}
