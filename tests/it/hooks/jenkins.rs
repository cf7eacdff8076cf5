//! Jenkins: a stand-in for an agent's processes. As the durable-task plugin does, an `sh` step is `nohup sh -c …` that runs
//! the configured shell with `-xe` on a copy of the script, its output in a log file, its exit status in another file.

use super::{Host, QUERY, run};
use std::fs;
use std::process::Command;
use weir_tests::wait_until;

/// `$1` is the control directory, `$2` the shell that Jenkins is set to.
const AGENT: &str = r#"#!/bin/bash
nohup sh -c "({ while [ -d '$1' -a \! -f '$1/jenkins-result.txt' ]; do touch '$1/jenkins-log.txt'; sleep 3; done } & jsc=durable-1; JENKINS_SERVER_COOKIE=\$jsc '$2' -xe '$1/script.sh.copy' > '$1/jenkins-log.txt' 2>&1; echo \$? > '$1/jenkins-result.txt.tmp'; mv '$1/jenkins-result.txt.tmp' '$1/jenkins-result.txt'; kill %1; wait) >&- 2>&-" >/dev/null 2>&1 &
wait
"#;

fn step(host: &Host, shell: &str, script: &str) -> (String, String) {
    let control = format!("durable-{}", fs::read_dir(host.path("")).expect("our own directory").count());
    host.program(&format!("{control}/script.sh.copy"), &format!("#!/bin/sh -xe\n{script}\n"));
    let agent = host.program("agent.sh", AGENT).display().to_string();
    let place = host.path(&control);
    let mut agent = host.runner(&[&agent, &place.display().to_string(), shell]);
    agent.env("BUILD_TAG", "jenkins-shop-12").env("JENKINS_NODE_COOKIE", "c");
    run(&mut agent).expect_success();
    let read = |name: &str| fs::read_to_string(place.join(name)).unwrap_or_default().trim().to_owned();
    (read("jenkins-result.txt"), read("jenkins-log.txt"))
}

#[test]
fn each_step_is_a_job_with_the_build_s_name() {
    let host = Host::with("jenkins", &[]);
    let shell = host.hook("sh").display().to_string();
    let listed = "\"$WEIR_BIN\" job list --format json";
    let listed = listed.replace("$WEIR_BIN", &weir_tests::binary().display().to_string());
    let socket = host.daemon.socket();
    let (result, log) = step(&host, &shell, &format!("{QUERY}\n{listed} --socket {}", socket.display()));
    assert_eq!(result, "0", "{log}");
    assert!(log.contains("\n42\n") && log.contains("\"name\":\"jenkins jenkins-shop-12\""), "{log}");
    host.one_run(1);
    host.nothing_is_left();
}

#[test]
fn a_step_s_own_failure_is_its_exit_status() {
    let host = Host::with("jenkins", &[]);
    let shell = host.hook("sh").display().to_string();
    assert_eq!(step(&host, &shell, "exit 9").0, "9");
}

#[test]
fn where_protection_can_not_start_no_step_runs() {
    let mut host = Host::with("jenkins", &[]);
    host.stop_weir();
    let (result, log) = step(&host, &host.hook("sh").display().to_string(), "echo it ran");
    assert_eq!(result, "1", "{log}");
    assert!(log.contains("this step is not protected, so it does not run") && !log.contains("it ran"), "{log}");
}

#[test]
fn an_agent_is_one_job_with_all_its_builds() {
    let mut host = Host::with("jenkins", &[]);
    let start = |host: &Host, wrapped: &str| -> Command {
        // The agent's shells are the plain one, or the wrapper: a job stays the job that it is.
        let shell = host.hook("sh").display().to_string();
        let builds = format!("{QUERY}; {shell} -xe step.sh");
        host.program("step.sh", QUERY);
        host.runner(&[wrapped, "sh", "-c", &builds])
    };
    let wrapped = host.hook("agent").display().to_string();
    let outcome = run(&mut start(&host, &wrapped)).expect_success();
    assert_eq!(outcome.stdout, "42\n42\n", "{outcome:?}");
    host.one_run(2);
    wait_until("the job to be gone", 20, || (host.jobs_below() == 0).then_some(()));
    host.stop_weir();
    let outcome = run(&mut start(&host, &wrapped));
    assert_eq!((outcome.status, outcome.stdout.as_str()), (Some(1), ""), "{outcome:?}");
}
