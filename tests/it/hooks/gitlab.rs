//! GitLab Runner: a stand-in for its two executors. The custom one calls config, prepare, run for each stage, and cleanup in
//! any case, with the job's variables as CUSTOM_ENV_… and its two exit statuses; the shell one starts `bash --login` from its
//! PATH for each stage, with the stage's script on the standard input.

use super::{Host, QUERY, run};
use std::fs;
use std::process::Command;
use weir_tests::{Outcome, wait_until};

const PLACES: [(&str, &str); 3] = [
    ("/run/weir-gitlab", "FOLDER/state"),
    ("/var/lib/weir-gitlab/", "FOLDER/lib/"),
    ("JOB_USER=gitlab-runner", "JOB_USER=nobody"),
];

/// What the runner does for a job: `$1` has the stages' scripts, `$2` the executor.
const CUSTOM: &str = r#"#!/bin/bash
export BUILD_FAILURE_EXIT_CODE=1 SYSTEM_FAILURE_EXIT_CODE=2
scripts=$1 executor=$2 result=success
"$executor/config" >"$scripts/config.json" || result=system
if [ "$result" = success ]; then
  "$executor/prepare"; status=$?
  [ "$status" = 0 ] || result=system
fi
if [ "$result" = success ]; then
  for stage in prepare_script get_sources restore_cache download_artifacts step_script after_script archive_cache upload_artifacts_on_success cleanup_file_variables; do
    case $stage in step_script | after_script | cleanup_file_variables) ;; *) [ "$result" = success ] || continue ;; esac
    "$executor/run" "$scripts/$stage" "$stage"; status=$?
    case $status in 0) ;; 1) result=build ;; *) result=system; break ;; esac
  done
fi
"$executor/cleanup" >&2 || echo "cleanup failed"
echo "job: $result"
"#;

fn host() -> Host {
    let host = Host::with("gitlab-runner", &PLACES);
    host.program("gitlab-runner", CUSTOM);
    for stage in [
        "prepare_script",
        "get_sources",
        "restore_cache",
        "download_artifacts",
        "archive_cache",
        "upload_artifacts_on_success",
        "cleanup_file_variables",
        "after_script",
        "step_script",
    ] {
        host.program(&format!("scripts/{stage}"), &format!("echo \"{stage} by $(id -un)\"\n"));
    }
    host
}

/// The runner's scripts set the job's variables themselves.
fn stage(host: &Host, stage: &str, script: &str) {
    let variables = host.daemon.weir.environment();
    let exports: String = variables.iter().map(|(name, value)| format!("export {name}='{value}'\n")).collect();
    host.program(&format!("scripts/{stage}"), &format!("set -eo pipefail\n{exports}{script}\n"));
}

fn custom(host: &Host) -> Outcome {
    let path = |name: &str| host.path(name).display().to_string();
    let mut job = host.runner(&[&path("gitlab-runner"), &path("scripts"), &path("hooks/custom")]);
    for (name, value) in [("CI_JOB_ID", "815"), ("CI_PROJECT_PATH", "acme/shop"), ("CI_CONCURRENT_ID", "0")] {
        job.env(format!("CUSTOM_ENV_{name}"), value);
    }
    run(&mut job)
}

#[test]
fn all_stages_of_a_custom_executor_s_job_are_one_run_with_its_summary_in_the_log() {
    let host = host();
    stage(&host, "step_script", QUERY);
    // What it leaves running ends with the job.
    stage(&host, "after_script", &format!("{QUERY}\nsetsid sleep 600 >/dev/null 2>&1 &"));
    let outcome = custom(&host).expect_success();
    let run = host.one_run(2);
    assert!(outcome.stdout.contains("get_sources by nobody\n"), "{outcome:?}");
    assert_eq!(outcome.stdout.matches("42\n").count(), 2, "{outcome:?}");
    assert!(outcome.stdout.contains(&format!("is run {run}")) && outcome.stdout.ends_with("job: success\n"), "{outcome:?}");
    let summary = outcome.stdout.split("cleanup_file_variables by nobody\n").nth(1).expect("the last stage ran");
    assert!(summary.contains(&run), "{outcome:?}");
    let config = fs::read_to_string(host.path("scripts/config.json")).expect("the runner wrote it");
    let config: serde_json::Value = serde_json::from_str(&config).expect("config prints JSON");
    assert_eq!(config["builds_dir"], format!("{}/lib/builds/0", host.path("").display().to_string().trim_end_matches('/')));
    host.nothing_is_left();
    assert_eq!(fs::read_dir(host.path("state")).expect("prepare made it").count(), 0);
}

#[test]
fn a_failed_script_is_the_build_s_failure_and_is_cleaned_up() {
    let host = host();
    stage(&host, "step_script", &format!("{QUERY}\nexit 7"));
    let outcome = custom(&host).expect_success();
    assert!(outcome.stdout.contains("42\n") && outcome.stdout.ends_with("job: build\n"), "{outcome:?}");
    assert!(!outcome.stdout.contains("archive_cache by"), "{outcome:?}");
    host.one_run(1);
    host.nothing_is_left();
}

#[test]
fn where_protection_can_not_start_no_stage_runs_and_the_system_failed() {
    let mut host = host();
    host.stop_weir();
    let outcome = custom(&host).expect_success();
    assert_eq!(outcome.stdout, "job: system\n", "{outcome:?}");
    assert!(outcome.stderr.contains("this job is not protected, so it does not run"), "{outcome:?}");
    assert_eq!((host.jobs_below(), fs::read_dir(host.path("state")).map_or(0, Iterator::count)), (0, 0));
}

#[test]
fn a_job_whose_cgroup_is_gone_runs_no_further_stage() {
    let host = host();
    let state = host.path("state").display().to_string();
    // Root's file; the job's user can't do this. What can: running out of memory.
    host.program("scripts/restore_cache", "echo restored\n");
    let kill =
        format!("#!/bin/bash\n{CUSTOM}").replace("for stage in", &format!("kill -9 \"$(cat {state}/815/keeper)\"; for stage in"));
    host.program("gitlab-runner", &kill);
    let outcome = custom(&host).expect_success();
    assert!(outcome.stdout.ends_with("job: system\n") && !outcome.stdout.contains("restored"), "{outcome:?}");
    assert!(outcome.stderr.contains("is not under weir any more"), "{outcome:?}");
    host.nothing_is_left();
}

/// A stage of the shell executor.
fn shell(host: &Host, script: &str) -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let file = host.program("stage.sh", script).display().to_string();
    let mut stage = host.runner(&["sh", "-c", "exec bash --login <\"$1\"", "sh", &file]);
    stage.env("PATH", format!("{}:{path}", host.path("hooks/shell").display()));
    stage
}

#[test]
fn each_stage_of_the_shell_executor_is_a_job() {
    let mut host = host();
    let outcome = run(&mut shell(&host, QUERY)).expect_success();
    assert_eq!(outcome.stdout, "42\n", "{outcome:?}");
    host.one_run(1);
    host.nothing_is_left();
    host.stop_weir();
    let outcome = run(&mut shell(&host, "echo it ran"));
    assert_eq!((outcome.status, outcome.stdout.as_str()), (Some(1), ""), "{outcome:?}");
    assert!(outcome.stderr.contains("systemctl status weir"), "{outcome:?}");
}

#[test]
fn a_pre_build_script_makes_the_job_s_own_shell_a_job() {
    let mut host = host();
    let prelude = fs::read_to_string(host.hook("shell/pre-build.sh")).expect("it is installed");
    let script = host.program("job.sh", &format!("set -eo pipefail\n{prelude}\n{QUERY}\n")).display().to_string();
    let job = |host: &Host| run(&mut host.runner(&["/bin/sh", "-c", "exec /bin/bash <\"$1\"", "sh", &script]));
    assert_eq!(job(&host).expect_success().stdout, "42\n");
    host.one_run(1);
    wait_until("the job to be gone", 20, || (host.jobs_below() == 0).then_some(()));
    host.stop_weir();
    let outcome = job(&host);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (Some(1), ""), "{outcome:?}");
}
