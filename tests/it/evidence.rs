//! A record proves itself: by a bundle and a public key alone, against a checkpoint that left the host, and event by event at a sink.

use nix::sys::signal::Signal;
use serde_json::Value;
use std::path::Path;
use weir_tests::receivers::WitnessServer;
use weir_tests::records::in_the_clear;
use weir_tests::{Postgres, Weir, wait_until};

/// A recipient whose secret nobody has.
pub(crate) const RECIPIENT: &str = "age1uy3jtmyf7h4hm8ud6ref3x05aza8rt3tkd6twrkmy2h5xqae4fcq04f4zn";

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).expect("the sink has written it");
    text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

#[test]
fn a_bundle_verifies_anywhere_with_the_key_alone_and_a_touched_one_does_not() {
    let server = Postgres::start();
    let more = format!(
        "[record]\nsync_ms = 0\nseal_to = [\"{RECIPIENT}\"]\n\
         [[sink]]\nname = \"own\"\nkind = \"file\"\nformat = \"json\"\npath = \"own.jsonl\"\n\
         [[sink]]\nname = \"siem\"\nkind = \"file\"\nformat = \"ocsf\"\npath = \"siem.jsonl\"\n"
    );
    let weir = Weir::for_server(&server).extra(&more).build();
    weir.run(&["psql", "-X", "-c", "CREATE ROLE r PASSWORD 'hunter2'", "-c", "SELECT 'the evidence'"]).expect_success();
    let session = weir.sessions()[0]["session"].as_str().expect("an id").to_owned();

    // What went to the sinks is what the record has, and the anchor is among it.
    let own = lines(&weir.directory().join("own.jsonl"));
    let kinds: Vec<&str> = own.iter().filter_map(|event| event["what"]["kind"].as_str()).collect();
    for kind in ["opened", "statement", "ended", "checkpoint"] {
        assert!(kinds.contains(&kind), "{kind} in {kinds:?}");
    }
    let numbers: Vec<u64> = own.iter().filter_map(|event| event["weir"]["number"].as_u64()).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>(), "no gap");
    let statements = |event: &&Value| event["what"]["text"].as_str() == Some("SELECT 'the evidence'");
    let statement = own.iter().find(statements).expect("the statement was told");
    assert_eq!((statement["what"]["rows"].as_u64(), statement["session"].as_str()), (Some(1), Some(session.as_str())));
    let siem = lines(&weir.directory().join("siem.jsonl"));
    assert!(siem.iter().any(|event| event["class_uid"] == 6005), "a datastore activity");
    assert_eq!(siem.len(), own.len());

    // Nothing of what is sealed is anywhere in the clear.
    let state = weir.directory().join("state");
    let record = in_the_clear(&state);
    assert!(!record.windows(7).any(|window| window == b"hunter2"));
    assert!(record.windows(12).any(|window| window == b"the evidence"), "it was looked for in the right place");
    let files = [weir.directory().join("own.jsonl"), weir.directory().join("siem.jsonl")];
    assert!(files.iter().all(|file| !std::fs::read_to_string(file).expect("it is there").contains("hunter2")));

    // Elsewhere, with the key that was noted down.
    let elsewhere = tempfile::tempdir().expect("a directory");
    let at = |name: &str| elsewhere.path().join(name).display().to_string();
    std::fs::copy(state.join("log.pub"), at("key")).expect("the key is there");
    weir.cli(&["audit", "prove", &session, "--output", &at("bundle.tar")]).expect_success();
    let told = weir.cli(&["audit", "verify", "--bundle", &at("bundle.tar"), "--key", &at("key")]).expect_success().stdout;
    assert!(told.contains(&session) && told.contains("intact"), "{told}");
    let whole = std::fs::read(at("bundle.tar")).expect("it is there");
    let places = [whole.len() / 4, whole.windows(4).position(|window| window == b"\"ns\"").unwrap_or(3000)];
    for place in places {
        let mut touched = whole.clone();
        touched[place] ^= 1;
        std::fs::write(at("touched.tar"), touched).expect("it is written");
        assert_eq!(
            weir.cli(&["audit", "verify", "--bundle", &at("touched.tar"), "--key", &at("key")]).status,
            Some(1),
            "{place}"
        );
    }

    // A host that is set back to what it was shows by a checkpoint that left it.
    let note = own.iter().rev().find_map(|event| event["what"]["note"].as_str()).expect("a checkpoint left the host");
    std::fs::write(at("checkpoint"), note).expect("it is written");
    weir.cli(&["audit", "verify", "--checkpoint", &at("checkpoint"), "--key", &at("key")]).expect_success();
    std::fs::rename(state.join("log"), state.join("log.old")).expect("root moves it");
    std::fs::rename(state.join("log.pub"), state.join("log.pub.old")).expect("root moves it");
    std::fs::rename(state.join("log.key"), state.join("log.key.old")).expect("root moves it");
    weir.run(&["psql", "-X", "-c", "SELECT 1"]).expect_success();
    let rewritten = weir.cli(&["audit", "verify", "--checkpoint", &at("checkpoint"), "--key", &at("key")]);
    assert_eq!(rewritten.status, Some(1), "{}", rewritten.stdout);
}

#[test]
fn a_witness_signs_what_grows_and_says_so_when_the_log_is_another() {
    let witness = WitnessServer::start();
    let server = Postgres::start();
    let more = format!(
        "[transparency]\ncheckpoint_seconds = 1\n\n[[transparency.witness]]\nurl = \"{}\"\nkey = \"{}\"\nevery_seconds = 1\n\n\
         [[sink]]\nname = \"own\"\nkind = \"file\"\nformat = \"json\"\npath = \"own.jsonl\"\n",
        witness.prefix(),
        WitnessServer::key()
    );
    let weir = Weir::for_server(&server).extra(&more).build();
    let job = weir.start(&["psql", "-X", "-c", "SELECT pg_sleep(60)"]);
    let log = weir.directory().join("state/log");
    let signed = || std::fs::read_to_string(log.join("checkpoint")).is_ok_and(|text| text.contains(WitnessServer::name()));
    wait_until("the witness has signed", 30, || signed().then_some(()));
    assert!(witness.signed() > 0);
    // It remembers more than this log has: the host was set back.
    witness.remember(1_000_000);
    let told = || {
        let text = std::fs::read_to_string(weir.directory().join("own.jsonl")).unwrap_or_default();
        text.lines().any(|line| line.contains("\"witness\"") && line.contains("signed another log") && line.contains("\"high\""))
    };
    // Where nothing is new there is nothing to sign.
    weir.cli(&["block", "add", "--target", "other", "--reason", "a test"]).expect_success();
    wait_until("that it has signed another log is told", 30, || told().then_some(()));
    job.signal(Signal::SIGTERM);
    job.wait();
    weir.cli(&["audit", "verify"]).expect_success();
}

#[test]
fn the_key_is_replaced_while_jobs_run_and_the_one_that_was_noted_down_goes_on_to_prove_the_log() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).extra("[transparency]\ncheckpoint_seconds = 1\n").build();
    let job = weir.start(&["psql", "-X", "-c", "SELECT pg_sleep(60)"]);
    weir.live_job();
    let first = weir.cli(&["audit", "key", "show"]).expect_success().stdout;
    let rotated = weir.cli(&["audit", "key", "rotate", "--reason", "yearly", "--format", "json"]).expect_success().stdout;
    let rotated: Value = serde_json::from_str(&rotated).expect("JSON");
    let (old, new) = (rotated["old"].as_str().expect("a key"), rotated["new"].as_str().expect("a key"));
    assert!(old == first.trim() && old != new, "{rotated}");
    job.signal(Signal::SIGTERM);
    job.wait();
    weir.run(&["psql", "-X", "-c", "SELECT 1"]).expect_success();
    for key in [old, new] {
        weir.cli(&["audit", "verify", "--key", key]).expect_success();
    }
    let shown = weir.cli(&["audit", "key", "show"]).expect_success().stdout;
    assert!(shown.starts_with(new) && shown.contains("yearly"), "{shown}");
    let stranger = WitnessServer::key();
    assert_eq!(weir.cli(&["audit", "verify", "--key", &stranger]).status, Some(1));
}
