//! GitHub Actions: a stand-in for the runner's processes. As in the runner's sources (JobHookProvider, StepsRunner),
//! Runner.Worker starts hooks and steps as `bash -e FILE`, gives each its own files for GITHUB_ENV and GITHUB_STEP_SUMMARY,
//! takes over the former, runs no step after a failed hook, and the completed hook always.

use super::{Host, QUERY, run};
use std::fs;
use std::process::Command;

const WORKER: &str = r#"#!/bin/bash
temp=$1
step() {
  export GITHUB_ENV=$temp/set_env_$1 GITHUB_STEP_SUMMARY=$temp/step_summary_$1
  : >"$GITHUB_ENV"; : >"$GITHUB_STEP_SUMMARY"
  bash -e "$2"; local status=$?
  while IFS= read -r line; do [ -z "$line" ] || export "${line?}"; done <"$GITHUB_ENV"
  return "$status"
}
result=0
echo "A job started hook has been configured by the self-hosted runner administrator"
step started "$ACTIONS_RUNNER_HOOK_JOB_STARTED" || result=1
for number in 1 2; do
  [ "$result" != 0 ] || step "$number" "$temp/step-$number.sh" || result=1
done
step completed "$ACTIONS_RUNNER_HOOK_JOB_COMPLETED" || result=1
exit "$result"
"#;

fn host() -> Host {
    let host = Host::with("github-actions", &[]);
    host.program("Runner.Worker", WORKER);
    // It does not take over its worker's name.
    host.program("Runner.Listener", "#!/bin/bash\n\"$1\" \"$2\"\nexit $?\n");
    host.program("temp/step-1.sh", &format!("{QUERY}\necho \"in $WEIR_RUN\"\n"));
    host.program("temp/step-2.sh", &format!("(setsid {QUERY})\n"));
    host
}

fn job(host: &Host) -> Command {
    let path = |name: &str| host.path(name).display().to_string();
    let mut job = host.runner(&[&path("Runner.Listener"), &path("Runner.Worker"), &path("temp")]);
    job.env("ACTIONS_RUNNER_HOOK_JOB_STARTED", host.hook("job-started.sh"));
    job.env("ACTIONS_RUNNER_HOOK_JOB_COMPLETED", host.hook("job-completed.sh"));
    for (name, value) in [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_REPOSITORY", "acme/shop"),
        ("GITHUB_JOB", "migrate"),
        ("GITHUB_RUN_ID", "4711"),
        ("RUNNER_TRACKING_ID", "github_7c1c"),
    ] {
        job.env(name, value);
    }
    job
}

#[test]
fn all_steps_of_a_job_are_one_run_and_the_summary_is_in_the_job_s() {
    let host = host();
    let outcome = run(&mut job(&host)).expect_success();
    let run = host.one_run(2);
    assert_eq!(outcome.stdout.matches("42\n").count(), 2, "{outcome:?}");
    assert!(outcome.stdout.contains(&format!("in {run}\n")), "{outcome:?}");
    let summary = fs::read_to_string(host.path("temp/step_summary_completed")).expect("the worker made it");
    assert!(summary.contains(&run) && summary.contains("| `127.0.0.1` |"), "{summary:?}\n{outcome:?}");
    host.nothing_is_left();
}

#[test]
fn where_protection_can_not_start_no_step_runs() {
    let mut host = host();
    host.stop_weir();
    let outcome = run(&mut job(&host));
    assert_eq!(outcome.status, Some(1), "{outcome:?}");
    assert!(outcome.stdout.contains("::error title=weir::this job is not protected, so it does not run"), "{outcome:?}");
    assert!(outcome.stdout.contains("systemctl status weir"), "{outcome:?}");
    assert!(!outcome.stdout.contains("42"), "{outcome:?}");
    assert_eq!((host.daemon.weir.sessions().len(), host.jobs_below()), (0, 0));
}

#[test]
fn weir_that_went_away_is_told_by_the_completed_hook() {
    let mut host = host();
    let waits = "touch \"$(dirname \"$0\")/waits\"; while [ ! -e \"$(dirname \"$0\")/go\" ]; do sleep 0.05; done\n";
    host.program("temp/step-2.sh", waits);
    let running =
        job(&host).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().expect("it starts");
    weir_tests::wait_until("the second step", 20, || host.path("temp/waits").exists().then_some(()));
    host.stop_weir();
    fs::write(host.path("temp/go"), "").expect("our own directory");
    let outcome: weir_tests::Outcome = running.wait_with_output().expect("it is ours").into();
    assert_eq!(outcome.status, Some(1), "{outcome:?}");
    assert!(outcome.stdout.contains("::error title=weir::weir does not know this job any more"), "{outcome:?}");
}

#[test]
fn a_hook_that_no_worker_has_called_fails() {
    let host = host();
    let outcome = run(&mut host.runner(&["bash", "-e", &host.hook("job-started.sh").display().to_string()]));
    assert_eq!(outcome.status, Some(1), "{outcome:?}");
    assert!(outcome.stdout.contains("no Runner.Worker above this hook"), "{outcome:?}");
    assert_eq!(host.jobs_below(), 0);
}
