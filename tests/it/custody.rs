//! What becomes of a record once it is written: who looks at it is in the log.

use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;
use weir_tests::{Job, Outcome, Postgres, Weir, wait_until};

fn json(outcome: Outcome) -> Value {
    serde_json::from_str(&outcome.expect_success().stdout).expect("JSON")
}

/// Who looked at it, and how.
fn views(weir: &Weir, session: &str) -> Vec<(String, String)> {
    let told = json(weir.cli(&["session", "views", session, "--format", "json"]));
    let text = |view: &Value, field: &str| view[field].as_str().expect("text").to_owned();
    told.as_array().expect("a list").iter().map(|view| (text(view, "by"), text(view, "how"))).collect()
}

/// One session that has ended, by statements.
fn recorded(weir: &Weir, statements: &[&str]) -> String {
    let arguments: Vec<_> = statements.iter().flat_map(|statement| ["-c", statement]).collect();
    weir.run(&[&["psql", "-X"][..], &arguments].concat()).expect_success();
    let sessions = weir.sessions();
    let ended = sessions
        .iter()
        .max_by_key(|one| one["session"].as_str().map(str::to_owned))
        .filter(|one| one["state"] == "ended")
        .expect("a session");
    ended["session"].as_str().expect("an id").to_owned()
}

/// A gateway that runs for as long as its job does, and its socket.
fn running(weir: &Weir) -> (Job, PathBuf) {
    let job = weir.start(&["sleep", "120"]);
    let folder = weir.directory().join("state/gateways");
    let socket = wait_until("the gateway's socket", 20, || {
        let sockets = std::fs::read_dir(&folder).ok()?.filter_map(Result::ok).map(|entry| entry.path());
        sockets.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "sock"))
    });
    (job, socket)
}

/// Asks a gateway at its socket: the status and the answer.
fn ask(socket: &PathBuf, path: &str) -> (u16, Value) {
    let mut curl = Command::new("curl");
    curl.args(["-sS", "--max-time", "20", "-w", "\n%{http_code}", "--unix-socket"]).arg(socket);
    let told = curl.arg(format!("http://weir{path}")).output().expect("curl starts");
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    let (body, status) = text.rsplit_once('\n').expect("a status");
    (status.parse().expect("a number"), serde_json::from_str(body).unwrap_or_default())
}

fn end(job: Job) {
    job.signal(nix::sys::signal::Signal::SIGTERM);
    job.wait();
}

#[test]
fn who_looks_at_a_record_is_in_the_log_and_what_can_not_be_noted_is_not_shown() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).extra("[transparency]\ncheckpoint_seconds = 1\n").build();
    let (session, other) = (recorded(&weir, &["SELECT 'it'"]), recorded(&weir, &["SELECT 2"]));
    assert_eq!(views(&weir, &session), [], "a list is no view");
    let bundle = weir.directory().join("bundle.tar");
    for arguments in [
        &["session", "show", &session][..],
        &["session", "show", &session],
        &["session", "play", &session, "--speed", "max"],
        &["audit", "prove", &session, "--output", bundle.to_str().expect("a path")],
        &["why", &session],
    ] {
        weir.cli_as("daemon", arguments).expect_success();
    }
    weir.cli_as("bin", &["session", "show", &session]).expect_success();
    let mut expected: Vec<_> =
        ["shown", "played", "exported", "explained"].map(|how| ("daemon".to_owned(), how.to_owned())).into();
    expected.push(("bin".to_owned(), "shown".to_owned()));
    assert_eq!(views(&weir, &session), expected);

    // The same by the API, for whoever asks there.
    let (job, socket) = running(&weir);
    let before = views(&weir, &session).len();
    assert_eq!(ask(&socket, "/v1/records?search=it").0, 200);
    assert_eq!(views(&weir, &session).len(), before, "a list is no view");
    for _ in 0..2 {
        assert_eq!(ask(&socket, &format!("/v1/records/{session}")).0, 200);
        assert_eq!(ask(&socket, &format!("/v1/records/{session}/frames")).0, 200);
    }
    let ways: Vec<_> = views(&weir, &session).into_iter().skip(before).map(|(_, how)| how).collect();
    assert_eq!(ways, ["shown", "played"]);
    // All of it is signed within seconds, what the command line entered beside the gateway too.
    weir.cli_as("daemon", &["session", "watch", &session]).expect_success();
    wait_until("it to be signed", 30, || {
        let checked = json(weir.cli(&["audit", "verify", "--format", "json"]));
        (checked["log_entries"] == checked["log_signed"]).then_some(())
    });

    // Where the log can't be written, nothing is shown by the API.
    let (log, away) = (weir.directory().join("state/log"), weir.directory().join("state/log.away"));
    std::fs::rename(&log, &away).expect("root moves it");
    let (status, problem) = ask(&socket, &format!("/v1/records/{other}"));
    assert!(status == 503 && problem["detail"].as_str().is_some_and(|detail| detail.starts_with("log:")), "{status} {problem}");
    // Whoever has a copy that has no log reads it all the same, and is told.
    let read = weir.cli(&["session", "show", &session]);
    assert!(read.status == Some(0) && read.stderr.contains("warning") && read.stdout.contains("SELECT 'it'"), "{read:?}");
    std::fs::rename(&away, &log).expect("root moves it back");
    end(job);
    assert_eq!(json(weir.cli(&["audit", "verify", "--format", "json"]))["log"], serde_json::json!([]));
}

#[test]
fn what_is_over_is_removed_and_its_tombstone_stays() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).extra("[transparency]\ncheckpoint_seconds = 1\n").build();
    let gone = recorded(&weir, &["SELECT 'gone' AS marker_gone"]);
    let held = recorded(&weir, &["SELECT 'held' AS marker_held"]);
    weir.cli(&["audit", "hold", "add", "--session", &held, "--reason", "case 1"]).expect_success();
    let found = |words: &str| {
        let told = json(weir.cli(&["session", "list", "--search", words, "--format", "json"]));
        told.as_array().map_or(0, Vec::len)
    };
    assert_eq!((found("marker_gone"), found("marker_held")), (1, 1));
    let refused = weir.cli(&["audit", "prune"]);
    assert!(refused.status == Some(1) && refused.stderr.contains("kept for ever"), "{}", refused.stderr);

    // By a gateway that runs, as somebody asks.
    let (job, _socket) = running(&weir);
    let prune = ["audit", "prune", "--older-than", "1s", "--format", "json"];
    let dry = wait_until("them to be old enough", 20, || {
        let told = json(weir.cli(&[&prune[..], &["--dry-run"]].concat()));
        (told["removed"] == 1 && told["held"] == 1).then_some(told)
    });
    assert_eq!((&dry["sessions"][0], found("marker_gone")), (&Value::from(gone.clone()), 1), "{dry}");
    let told = json(weir.cli_as("daemon", &prune));
    assert_eq!(
        (&told["removed"], &told["held"], &told["sessions"]),
        (&Value::from(1), &Value::from(1), &serde_json::json!([gone])),
        "{told}"
    );
    assert_eq!((found("marker_gone"), found("marker_held")), (0, 1));
    let file = |session: &str| weir.directory().join(format!("state/sessions/{session}.weir"));
    assert!(!file(&gone).exists() && file(&held).exists());
    assert!(weir.sessions().iter().all(|one| one["session"] != *gone), "no list has it");
    let state = |session: &str| {
        let checked = json(weir.cli(&["audit", "verify", session, "--format", "json"]));
        checked["sessions"][0]["state"].as_str().expect("a state").to_owned()
    };
    assert_eq!((state(&gone), state(&held)), ("removed".to_owned(), "closed".to_owned()));
    end(job);

    // What is left of it proves that, when and by whom it was removed; elsewhere, by the key alone.
    let bundle = weir.directory().join("gone.tar").display().to_string();
    let proved = weir.cli(&["audit", "prove", &gone, "--output", &bundle]).expect_success().stdout;
    assert!(proved.contains("was removed at") && proved.contains("by daemon: closed more than 1s ago"), "{proved}");
    let key = weir.directory().join("state/log.pub").display().to_string();
    let checked = weir.cli(&["audit", "verify", "--bundle", &bundle, "--key", &key]).expect_success().stdout;
    assert!(checked.contains(&gone) && checked.contains("removed at"), "{checked}");

    // By itself, where the configuration says how long: what a lifted hold lets go.
    weir.cli(&["audit", "hold", "list", "--format", "json"]).expect_success();
    let holds = json(weir.cli(&["audit", "hold", "list", "--format", "json"]));
    weir.cli(&["audit", "hold", "lift", holds[0]["id"].as_str().expect("an id"), "--reason", "over"]).expect_success();
    let config = std::fs::read_to_string(weir.config()).expect("our own file");
    std::fs::write(weir.config(), format!("{config}\n[record]\nkeep = \"1s\"\n")).expect("our own file");
    let (job, _socket) = running(&weir);
    wait_until("it to be removed", 30, || (!file(&held).exists()).then_some(()));
    end(job);
    assert_eq!(state(&held), "removed");
    let younger = weir.cli(&["audit", "verify"]).expect_success().stdout;
    assert!(younger.contains(" removed; ") && younger.contains("intact"), "{younger}");
}

/// An identity of a test, and who it is to the gateway.
const IDENTITY: &str = "AGE-SECRET-KEY-147Y52SLTUFAC4KNR6FMXHWYWGXA2Z2GAWJA07XVRUDQF5XR6CENSCJE5E5";
/// One that the record is not sealed to.
const OTHER: &str = "AGE-SECRET-KEY-1K0PH4W74JAFEANQ6WKNZCPSUUSQNQ5U03W9MEZV8W0S6VEV0WVHSKK75FU";
const RECIPIENT: &str = "age1e5ad9magjmxt2c456nx2ynq5a3yp0ew63cxhnth55uh4u0x9wpxq0dj5m8";

#[test]
fn what_is_sealed_is_opened_by_one_person_because_another_agrees() {
    let server = Postgres::start();
    let more = format!("[transparency]\ncheckpoint_seconds = 1\n[record]\nseal_to = [\"{RECIPIENT}\"]\n");
    let weir = Weir::for_server(&server).extra(&more).build();
    let session = recorded(&weir, &["CREATE ROLE r PASSWORD 'hunter2'", "SELECT 1"]);
    let key = weir.directory().join("key.txt");
    std::fs::write(&key, format!("# a test's\n{IDENTITY}\n")).expect("our own directory");
    let unseal = ["audit", "unseal", &session, "--reason", "case 7", "--identity", key.to_str().expect("a path")];
    let alone = weir.cli_as("daemon", &unseal);
    assert!(alone.status == Some(1) && alone.stderr.contains("no gateway runs here"), "{}", alone.stderr);
    assert_eq!(weir.cli(&["audit", "unseal", &session]).status, Some(2), "without a reason");

    let (job, _socket) = running(&weir);
    let asked = json(weir.cli_as("daemon", &["audit", "unseal", &session, "--reason", "case 7", "--format", "json"]));
    let id = asked["id"].as_str().expect("an id").to_owned();
    let own = weir.cli_as("daemon", &["audit", "unseal", "approve", &id, "--reason", "mine"]);
    assert!(own.status == Some(1) && own.stderr.contains("nobody answers their own"), "{}", own.stderr);
    weir.cli_as("bin", &["audit", "unseal", "approve", &id, "--reason", "agreed"]).expect_success();
    let listed = json(weir.cli(&["audit", "unseal", "list", "--format", "json"]));
    assert_eq!(
        (&listed[0]["state"], &listed[0]["votes"][0]["by"]["name"]),
        (&Value::from("approved"), &Value::from("bin")),
        "{listed}"
    );
    // Another's identity is told before the approval is spent; another person asks for themselves.
    let wrong = weir.directory().join("wrong.txt");
    std::fs::write(&wrong, format!("{OTHER}\n")).expect("our own directory");
    let unfit = ["audit", "unseal", &session, "--reason", "case 7", "--identity", wrong.to_str().expect("a path")];
    let unfit = weir.cli_as("daemon", &unfit);
    assert!(unfit.status == Some(1) && !unfit.stderr.contains(OTHER), "{}", unfit.stderr);
    assert!(!views(&weir, &session).iter().any(|(_, how)| how == "unsealed"));

    let opened = weir.cli_as("daemon", &unseal).expect_success();
    assert!(opened.stdout.contains("CREATE ROLE r PASSWORD 'hunter2'"), "{}", opened.stdout);
    assert_eq!(views(&weir, &session), [("daemon".to_owned(), "unsealed".to_owned())]);
    let again = ["audit", "unseal", &session, "--reason", "again", "--format", "json"];
    assert_ne!(json(weir.cli_as("daemon", &again))["id"], Value::from(id.clone()), "it was for once");
    end(job);
    let events = weir.cli(&["audit", "report", "--format", "json"]).expect_success().stdout;
    for kind in ["unseal.asked", "unseal.approved", "unseal.released"] {
        assert!(events.contains(kind), "{kind}");
    }
    // Neither the identity nor what is sealed is in anything that weir has written.
    let state = Command::new("grep").args(["-rlaE", &format!("{IDENTITY}|hunter2")]).arg(weir.directory().join("state")).output();
    assert_eq!(String::from_utf8_lossy(&state.expect("grep starts").stdout), "");
    weir.cli(&["audit", "verify"]).expect_success();
}
