//! Events leave the host: what a receiver has after it was killed, a test of a sink, and who goes on where a gateway was killed.

use nix::sys::signal::Signal;
use serde_json::Value;
use std::fs;
use std::time::Duration;
use weir_tests::sinks::{Appender, Kind, Options, Rsyslog, Running, event, faults, kill_receivers, position};
use weir_tests::{Weir, free_port, wait_until};

fn killed(kind: Kind) {
    let options = Options { kind, seconds: 5, rate: 400, kill_every: 2, gone: Duration::from_millis(300) };
    let report = kill_receivers(options, |_| ()).expect("it could be set up");
    assert!(faults(&report).is_empty(), "{:?}: {report:#}", faults(&report));
}

#[test]
fn rsyslog_killed_over_tcp_has_every_event_in_order_at_the_end() {
    killed(Kind::SyslogTcp);
}

#[test]
fn rsyslog_killed_over_tls_has_every_event_in_order_at_the_end() {
    killed(Kind::SyslogTls);
}

#[test]
fn a_webhook_that_was_gone_has_every_event_in_order_at_the_end() {
    killed(Kind::Webhook);
}

#[test]
fn a_stream_of_nats_that_was_killed_has_every_event_in_order_at_the_end() {
    killed(Kind::Nats);
}

#[test]
fn splunk_killed_with_what_it_had_said_yes_to_has_every_event_in_order_at_the_end() {
    killed(Kind::Splunk);
}

#[test]
fn a_sink_is_tried_and_listed_and_says_what_went_wrong_without_a_secret() {
    let (rsyslog, mut web) = (Rsyslog::start(true), Running::start(Kind::Webhook));
    let other_ca = Rsyslog::start(true);
    let ca = |rsyslog: &Rsyslog| rsyslog.ca().expect("it has TLS").display().to_string();
    let syslog = |name: &str, address: &str, ca: &str| {
        format!("[[sink]]\nname = \"{name}\"\nkind = \"syslog\"\naddress = \"{address}\"\nca = \"file:{ca}\"\n")
    };
    let dead = format!("tls://127.0.0.1:{}", free_port());
    let weir = Weir::with(&web.sink("hook", 1))
        .extra(&syslog("siem", &rsyslog.address(), &ca(&rsyslog)))
        .extra(&syslog("stranger", &rsyslog.address(), &ca(&other_ca)))
        .extra(&syslog("dead", &dead, &ca(&rsyslog)))
        .build();
    let tried = weir.cli(&["sink", "test", "siem"]).expect_success();
    assert!(tried.stdout.contains(&rsyslog.address()) && tried.stdout.contains("has read it"), "{}", tried.stdout);
    let line = wait_until("rsyslog to write", 20, || rsyslog.lines().ok()?.into_iter().find(|line| line.contains("sink-test")));
    assert!(line.contains("[weir@32473 number=\"0\" uid=\"test-siem-"), "{line}");
    for (sink, expected) in
        [("stranger", "invalid peer certificate"), ("dead", "Connection refused"), ("nobody", "there is: hook, siem")]
    {
        let failed = weir.cli(&["sink", "test", sink]);
        assert_eq!(failed.status, Some(1), "{sink}");
        assert!(failed.stderr.contains(expected), "{sink}: {}", failed.stderr);
    }
    let tried = weir.cli(&["sink", "test", "hook", "--format", "json"]).expect_success();
    let tried: Value = serde_json::from_str(&tried.stdout).expect("it is JSON");
    assert_eq!((tried["acknowledged"].as_bool(), tried["kind"].as_str()), (Some(true), Some("webhook")));
    let listed = weir.cli(&["sink", "list"]).expect_success();
    assert_eq!(listed.stdout.lines().filter(|line| line.contains(" idle ")).count(), 4, "{}", listed.stdout);
    web.kill();
    let failed = weir.cli(&["sink", "test", "hook"]);
    assert!(
        failed.status == Some(1) && !failed.stderr.contains("hunter2") && !failed.stderr.contains("/events"),
        "{}",
        failed.stderr
    );
}

#[test]
fn another_gateway_goes_on_where_one_was_killed_and_marks_what_may_come_twice() {
    let rsyslog = Rsyslog::start(false);
    let sink = format!("[[sink]]\nname = \"siem\"\nkind = \"syslog\"\naddress = \"{}\"\nhold_seconds = 1\n", rsyslog.address());
    let weir = Weir::with(&sink).build();
    let (state, stop) = (weir.directory().join("state"), weir.directory().join("stop"));
    let job = || weir.start(&["sh", "-c", &format!("while [ ! -e {} ]; do sleep 0.1; done", stop.display())]);
    let mut first = job();
    wait_until("a gateway that delivers", 30, || position(&state, "siem").map(drop));
    let mut appender = Appender::open(&state);
    let mut append = |from: u64| {
        let events: Vec<_> = (from..from + 50).map(|number| event(number, number % 3)).collect();
        appender.append(&events).expect("the spool can be written");
        appender.last()
    };
    let last = append(0);
    wait_until("the first to deliver", 20, || position(&state, "siem").filter(|number| *number >= last));
    let second = job();
    let uids = || rsyslog.arrived().expect("its files can be read").into_iter().map(|arrived| (arrived.uid, arrived.again));
    let has = |number: u64, again: bool| uids().any(|arrived| arrived == (format!("load-{number}"), again)).then_some(());
    append(50);
    wait_until("what the first sends and does not live to count", 20, || has(99, false));
    first.signal(Signal::SIGKILL);
    wait_until("it to be gone", 20, || (!first.lives()).then_some(()));
    let last = append(100);
    wait_until("the second to go on", 20, || position(&state, "siem").filter(|number| *number >= last));
    wait_until("what came twice", 20, || has(99, true));
    wait_until("what came after", 20, || has(149, false));
    fs::write(&stop, "").expect("our own directory");
    second.wait().expect_success();
}
