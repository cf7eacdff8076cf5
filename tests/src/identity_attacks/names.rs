//! Names that look like the victim's: claims without proof, and proofs of something else.

use super::tokens::{borrowed, github, right};
use super::{AUDIENCE, Attack, Ground, attack};
use crate::issuer::{Answer, Issuer, REQUEST};
use serde_json::{Value, json};

const DIAL: &str = "DIAL";

pub(super) fn attacks() -> Vec<Attack> {
    let mut all = claims();
    all.extend(signed());
    all
}

fn claims() -> Vec<Attack> {
    const GITHUB: [(&str, &str); 4] = [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_REPOSITORY", "acme/shop"),
        ("GITHUB_REPOSITORY_OWNER", "acme"),
        ("GITHUB_WORKFLOW", "nightly"),
    ];
    const GITLAB: [(&str, &str); 3] = [("GITLAB_CI", "true"), ("CI_PROJECT_PATH", "acme/shop"), ("CI_PROJECT_ID", "7")];
    vec![
        attack("claimed name", "GitHub's variables without a token", |issuer| {
            Ground::new(issuer, "").ci_job(&GITHUB, None, DIAL)
        }),
        attack("claimed name", "GitLab's variables without a token", |issuer| {
            Ground::new(issuer, "").ci_job(&GITLAB, None, DIAL)
        }),
        attack("claimed name", "GitHub's variables, set by the job itself", |issuer| {
            Ground::new(issuer, "").ci_job(
                &[],
                None,
                "GITHUB_ACTIONS=true GITHUB_REPOSITORY=acme/shop GITHUB_WORKFLOW=nightly DIAL",
            )
        }),
        attack("claimed name", "another CI system's variables that end up at the victim's name", |issuer| {
            let variables = [("JENKINS_URL", "x"), ("JOB_NAME", "../github/acme/shop/nightly")];
            Ground::new(issuer, "").ci_job(&variables, None, DIAL)
        }),
        attack("claimed name", "the victim's variables beside a token of another job", |issuer| {
            let token = issuer.token(AUDIENCE, &json!({ "project_path": "evil/x", "project_id": "666", "job_id": "e" }));
            let all: Vec<_> = GITHUB.into_iter().chain(GITLAB).chain([("WEIR_ID_TOKEN", token.as_str())]).collect();
            Ground::new(issuer, "").ci_job(&all, None, DIAL)
        }),
        attack("claimed name", "another run's number in WEIR_RUN", |issuer| {
            let rule = "[[workload]]\nname = \"backup\"\nmatch = { cgroup = \"/weir-0/r-0000000000000\" }\n";
            Ground::new(issuer, rule).ci_job(&[("WEIR_RUN", "r-0000000000000")], None, "WEIR_RUN=r-0000000000000 DIAL")
        }),
    ]
}

/// Good tokens of a job whose owner chose its names to end up at the victim's.
fn signed() -> Vec<Attack> {
    let gitlab = |name: &'static str, claims: fn() -> Value| {
        attack("signed name", name, move |issuer: &Issuer| {
            let token = issuer.token(AUDIENCE, &claims());
            Ground::new(issuer, "").ci_job(&[("WEIR_ID_TOKEN", &token)], None, DIAL)
        })
    };
    let hub = |name: &'static str, key: &'static str, value: &'static str| {
        attack("signed name", name, move |_| {
            let issuer = Issuer::start();
            let mut claims = github();
            claims[key] = json!(value);
            issuer.answer(REQUEST, Answer::Mint { bearer: "right".to_owned(), claims });
            let ground = Ground::new(&issuer, "");
            ground.ci_job(&borrowed(&right(&format!("{}{REQUEST}", issuer.url), "right")), None, DIAL)
        })
    };
    let other = |name: &'static str, subject: &'static str| {
        attack("signed name", name, move |issuer: &Issuer| {
            let token = issuer.token(AUDIENCE, &json!({ "sub": subject }));
            Ground::new(issuer, "").ci_job(&[("OTHER_TOKEN", &token)], None, DIAL)
        })
    };
    vec![
        gitlab("GitLab: a project below the victim's", || json!({ "project_path": "acme/shop/fork" })),
        gitlab("GitLab: a path that leads back to the victim's", || json!({ "project_path": "evil/../acme/shop" })),
        gitlab("GitLab: a path in other letters", || json!({ "project_path": "Acme/shop" })),
        gitlab("GitLab: a path with nothing in it", || json!({ "project_path": "acme//shop" })),
        gitlab("GitLab: the id of the victim's project in a list", || json!({ "project_path": "evil/x", "project_id": ["7"] })),
        gitlab(
            "GitLab: the id of the victim's project under another name",
            || json!({ "project_path": "evil/x", "job_project_id": "7", "Project_id": "7" }),
        ),
        gitlab("GitLab: no project at all", || json!({ "project_id": "7" })),
        hub("GitHub: an owner that is not the repository's", "repository_owner", "evil"),
        hub("GitHub: a repository with another below it", "repository", "acme/shop/nightly"),
        hub("GitHub: a repository without owner", "repository", "shop"),
        hub("GitHub: a workflow that leads elsewhere", "workflow", "x/../nightly"),
        hub("GitHub: no workflow", "workflow", ""),
        other("a subject that is spelt like another's once it is a name", "a/b"),
        other("a subject with a blank for a dash", "a b"),
        other("a subject with a line's end", "a-b\n"),
        other("a subject that leads to another issuer", "../gitlab/acme/shop"),
    ]
}
