//! Buildkite: a stand-in for the agent's processes. The agent starts its bootstrap-script for each job; `buildkite-agent
//! bootstrap` sources each hook in a shell of its own whose variables it takes over, runs the command where they succeeded, and
//! the `pre-exit` hooks in any case.

use super::{Host, QUERY, run};
use std::process::Command;

/// `start`: the agent with one job. `bootstrap`: that job.
const AGENT: &str = r#"#!/bin/bash
hook() {
  [ -e "$1" ] || return 0
  bash -c ". '$1'; status=\$?; export -p >'$PLACE/exports'; exit \$status" || return 1
  . "$PLACE/exports"
}
case $1 in
start)
  export BUILDKITE_AGENT_PID=$$
  if [ -n "${BUILDKITE_BOOTSTRAP_SCRIPT_PATH:-}" ]; then "$BUILDKITE_BOOTSTRAP_SCRIPT_PATH"; else "$0" bootstrap; fi
  exit $? ;;
bootstrap)
  result=0
  hook "$PLACE/agent-hooks/environment" || result=1
  [ "$result" != 0 ] || hook "$PLACE/checkout/.buildkite/hooks/pre-command" || result=1
  [ "$result" != 0 ] || bash -c "$BUILDKITE_COMMAND" || result=1
  hook "$PLACE/agent-hooks/pre-exit" || result=1
  exit "$result" ;;
esac
"#;

fn host() -> Host {
    let host = Host::with("buildkite", &[("/usr/bin/buildkite-agent", "FOLDER/buildkite-agent")]);
    host.program("buildkite-agent", AGENT);
    // A hook of the repository's: the job's own code, before its command.
    host.program("checkout/.buildkite/hooks/pre-command", &format!("{QUERY}\n"));
    host
}

fn job(host: &Host, bootstrap: bool, hooks: &[&str]) -> Command {
    for name in hooks {
        let text = std::fs::read_to_string(host.hook(&format!("hooks/{name}"))).expect("it is installed");
        host.program(&format!("agent-hooks/{name}"), &text);
    }
    let mut job = host.runner(&[&host.path("buildkite-agent").display().to_string(), "start"]);
    job.env("PLACE", host.path("")).env("BUILDKITE_COMMAND", QUERY);
    job.env("BUILDKITE_PIPELINE_SLUG", "shop").env("BUILDKITE_BUILD_NUMBER", "12").env("BUILDKITE_JOB_ID", "0190");
    if bootstrap {
        job.env("BUILDKITE_BOOTSTRAP_SCRIPT_PATH", host.hook("bootstrap"));
    }
    job
}

#[test]
fn a_bootstrap_makes_the_whole_job_one_run() {
    let host = host();
    let outcome = run(&mut job(&host, true, &["pre-exit"])).expect_success();
    assert_eq!(outcome.stdout.matches("42\n").count(), 2, "{outcome:?}");
    let run = host.one_run(2);
    let summary = outcome.stdout.split("--- weir\n").nth(1).expect("pre-exit ran");
    assert!(summary.contains(&run), "{outcome:?}");
    host.nothing_is_left();
}

#[test]
fn so_does_the_environment_hook() {
    let host = host();
    let outcome = run(&mut job(&host, false, &["environment", "pre-exit"])).expect_success();
    assert_eq!(outcome.stdout.matches("42\n").count(), 2, "{outcome:?}");
    let run = host.one_run(2);
    assert!(outcome.stdout.contains(&run), "{outcome:?}");
    host.nothing_is_left();
}

#[test]
fn where_protection_can_not_start_neither_hooks_nor_command_run() {
    for (bootstrap, hooks) in [(true, &["pre-exit"][..]), (false, &["environment", "pre-exit"])] {
        let mut host = host();
        host.stop_weir();
        let outcome = run(&mut job(&host, bootstrap, hooks));
        assert_eq!(outcome.status, Some(1), "{outcome:?}");
        assert!(outcome.stderr.contains("this job is not protected, so it does not run"), "{outcome:?}");
        assert!(!outcome.stdout.contains("42"), "{outcome:?}");
        assert_eq!(host.jobs_below(), 0);
    }
}
