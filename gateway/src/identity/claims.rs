//! What a CI system's variables say of the job: a hint, since the job can set them itself.

use gateway_core::model::principal::Claims;
use std::collections::BTreeMap;

const LONGEST: usize = 1024;

/// One CI system: the variable that shows it, and which attribute each variable is. Of several
/// variables for one attribute the first that is set counts. No token is ever among them.
struct Provider {
    name: &'static str,
    shown_by: &'static str,
    attributes: &'static [(&'static str, &'static str)],
}

const PROVIDERS: [Provider; 4] = [
    Provider {
        name: "github",
        shown_by: "GITHUB_ACTIONS",
        attributes: &[
            ("repository", "GITHUB_REPOSITORY"),
            ("workflow", "GITHUB_WORKFLOW"),
            ("branch", "GITHUB_REF_NAME"),
            ("commit", "GITHUB_SHA"),
            ("run_id", "GITHUB_RUN_ID"),
            ("run_number", "GITHUB_RUN_NUMBER"),
            ("job", "GITHUB_JOB"),
            ("url", "GITHUB_SERVER_URL"),
        ],
    },
    Provider {
        name: "gitlab",
        shown_by: "GITLAB_CI",
        attributes: &[
            ("repository", "CI_PROJECT_PATH"),
            ("workflow", "CI_PIPELINE_NAME"),
            ("branch", "CI_COMMIT_REF_NAME"),
            ("commit", "CI_COMMIT_SHA"),
            ("run_id", "CI_PIPELINE_ID"),
            ("run_number", "CI_PIPELINE_IID"),
            ("job", "CI_JOB_NAME"),
            ("job", "CI_JOB_ID"),
            ("url", "CI_JOB_URL"),
        ],
    },
    Provider {
        name: "jenkins",
        shown_by: "JENKINS_URL",
        attributes: &[
            ("repository", "GIT_URL"),
            ("workflow", "JOB_NAME"),
            ("job", "JOB_NAME"),
            ("branch", "GIT_BRANCH"),
            ("commit", "GIT_COMMIT"),
            ("run_id", "BUILD_ID"),
            ("run_number", "BUILD_NUMBER"),
            ("url", "BUILD_URL"),
        ],
    },
    Provider {
        name: "buildkite",
        shown_by: "BUILDKITE",
        attributes: &[
            ("repository", "BUILDKITE_REPO"),
            ("workflow", "BUILDKITE_PIPELINE_SLUG"),
            ("branch", "BUILDKITE_BRANCH"),
            ("commit", "BUILDKITE_COMMIT"),
            ("run_id", "BUILDKITE_BUILD_ID"),
            ("run_number", "BUILDKITE_BUILD_NUMBER"),
            ("job", "BUILDKITE_JOB_ID"),
            ("url", "BUILDKITE_BUILD_URL"),
        ],
    },
];

/// What the NUL-separated variables of an `environ` say.
pub(super) fn read(environ: &[u8]) -> Option<Claims> {
    let variables = variables(environ);
    let provider = PROVIDERS.iter().find(|provider| variables.contains_key(provider.shown_by))?;
    let mut attributes = BTreeMap::new();
    for (attribute, variable) in provider.attributes {
        if let Some(value) = variables.get(variable).filter(|value| !value.is_empty()) {
            attributes.entry((*attribute).to_owned()).or_insert_with(|| super::redact::value(value, LONGEST));
        }
    }
    if provider.name == "github" {
        point_to_the_run(&mut attributes);
    }
    Some(Claims { provider: provider.name.to_owned(), attributes })
}

/// The first value of each variable that a provider knows, as `getenv` would find it.
fn variables(environ: &[u8]) -> BTreeMap<&'static str, String> {
    let mut found = BTreeMap::new();
    for entry in environ.split(|byte| *byte == 0) {
        let Some(at) = entry.iter().position(|byte| *byte == b'=') else { continue };
        let (name, value) = entry.split_at(at);
        let Some(known) = known(name) else { continue };
        let value = value.get(1..).unwrap_or_default();
        found.entry(known).or_insert_with(|| String::from_utf8_lossy(value).into_owned());
    }
    found
}

fn known(name: &[u8]) -> Option<&'static str> {
    PROVIDERS
        .iter()
        .flat_map(|provider| provider.attributes.iter().map(|(_, variable)| *variable).chain([provider.shown_by]))
        .find(|known| known.as_bytes() == name)
}

/// GitHub gives its server and the run's number, but no variable with the run's own address.
fn point_to_the_run(attributes: &mut BTreeMap<String, String>) {
    let part = |name: &str| attributes.get(name).cloned();
    if let (Some(server), Some(repository), Some(run)) = (part("url"), part("repository"), part("run_id")) {
        let url = format!("{server}/{repository}/actions/runs/{run}");
        attributes.insert("url".to_owned(), super::redact::cut(&url, LONGEST));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(environ: &str, provider: &str, expected: &[(&str, &str)]) {
        let claims = read(environ.replace(' ', "\0").as_bytes()).unwrap();
        assert_eq!(claims.provider, provider);
        for (name, value) in expected {
            assert_eq!(claims.attributes.get(*name).map(String::as_str), Some(*value), "{name}");
        }
        assert!(!format!("{claims:?}").contains("SECRET"));
    }

    #[test]
    fn each_system_is_read_and_no_token() {
        check(
            "GITHUB_ACTIONS=true GITHUB_REPOSITORY=acme/shop GITHUB_WORKFLOW=nightly GITHUB_RUN_ID=7 GITHUB_SERVER_URL=https://github.com GITHUB_TOKEN=SECRET",
            "github",
            &[("repository", "acme/shop"), ("workflow", "nightly"), ("url", "https://github.com/acme/shop/actions/runs/7")],
        );
        check(
            "GITLAB_CI=true CI_PROJECT_PATH=a/b/c CI_JOB_ID=9 CI_JOB_TOKEN=SECRET",
            "gitlab",
            &[("repository", "a/b/c"), ("job", "9")],
        );
        check(
            "JENKINS_URL=http://j JOB_NAME=nightly GIT_URL=https://u:SECRET@git/x.git",
            "jenkins",
            &[("workflow", "nightly"), ("repository", "https://u:***@git/x.git")],
        );
        check(
            "BUILDKITE=true BUILDKITE_PIPELINE_SLUG=p BUILDKITE_BUILD_NUMBER=4",
            "buildkite",
            &[("workflow", "p"), ("run_number", "4")],
        );
    }

    #[test]
    fn no_ci_no_claims_and_long_values_are_cut() {
        assert_eq!(read(b"PATH=/bin\0GITHUB_REPOSITORY=a/b\0"), None);
        let long = format!("GITLAB_CI=1\0CI_COMMIT_REF_NAME={}\0", "ä".repeat(2000));
        assert!(read(long.as_bytes()).unwrap().attributes.get("branch").unwrap().len() <= LONGEST);
    }
}
