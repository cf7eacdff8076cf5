//! A block refuses by name until it is lifted, whatever the policies say: it cuts what is live, and survives restarts.

use serde_json::Value;
use weir_tests::{Outcome, Postgres, Weir, wait_until};

fn bed() -> (Postgres, Weir) {
    let server = Postgres::start();
    let secret = server.superuser_secret();
    let workload = "[[workload]]\nname = \"backup\"\nmatch = { uid = 0 }\nowner = \"ana@acme.example\"\n";
    let weir = Weir::for_server(&server).catalog(&secret).extra(workload).build();
    (server, weir)
}

fn json(outcome: Outcome) -> Value {
    serde_json::from_str(&outcome.expect_success().stdout).expect("JSON")
}

#[test]
fn a_block_cuts_what_is_live_and_refuses_what_comes_until_it_is_lifted() {
    let (server, weir) = bed();
    let job = weir.start(&["sh", "-c", "psql -Xc 'SELECT pg_sleep(600)'; psql -XAtc \"SELECT 'again'\""]);
    wait_until("the query to run", 20, || (server.active() == 1).then_some(()));
    let would =
        json(weir.cli(&["block", "add", "--owner", "ana@acme.example", "--reason", "left", "--dry-run", "--format", "json"]));
    assert_eq!((would["cut"].as_array().map(Vec::len), &would["block"]), (Some(1), &Value::Null), "{would}");
    assert_eq!(server.active(), 1, "only said");
    let added = json(weir.cli(&["block", "add", "--owner", "ana@acme.example", "--reason", "she has left", "--format", "json"]));
    let ended = job.wait();
    assert!(ended.stderr.contains("it is blocked") && ended.stderr.contains("she has left"), "{}", ended.stderr);
    wait_until("the query to be gone", 20, || (server.active() == 0).then_some(()));
    // Another gateway, another run: it survives.
    let refused = weir.run(&["psql", "-XAtc", "SELECT 'in'"]);
    assert!(refused.stderr.contains("she has left") && !refused.stdout.contains("in\n"), "{}", refused.stderr);
    let id = added["block"]["id"].as_str().expect("an id");
    weir.cli(&["block", "remove", id, "--reason", "she is back"]).expect_success();
    assert_eq!(weir.run(&["psql", "-XAtc", "SELECT 'in'"]).expect_success().stdout.trim(), "in");
    let all = json(weir.cli(&["block", "list", "--past", "9", "--format", "json"]));
    assert_eq!(all[0]["lifted"]["reason"], "she is back", "{all}");
    weir.cli(&["audit", "verify"]).expect_success();
}

#[test]
fn each_kind_of_name_blocks_and_another_name_does_not() {
    let (_server, weir) = bed();
    let host = nix::unistd::gethostname().expect("a host name").to_string_lossy().into_owned();
    for (blocked, flag, name) in [
        (true, "--workload", "backup"),
        (true, "--workload", "spiffe://*"),
        (true, "--target", "db"),
        (true, "--target", "d*"),
        (true, "--host", &*host),
        (true, "--credential", "file:*"),
        (false, "--workload", "restore"),
        (false, "--target", "other"),
        (false, "--host", "elsewhere"),
        (false, "--repository", "acme/shop"),
        (false, "--token", "x"),
        (false, "--credential", "file:/other"),
    ] {
        let added = json(weir.cli(&["block", "add", flag, name, "--reason", "a test", "--format", "json"]));
        let ran = weir.run(&["psql", "-XAtc", "SELECT 'in'"]);
        assert_eq!(ran.stdout.trim() != "in", blocked, "{flag} {name}: {} {}", ran.stdout, ran.stderr);
        let id = added["block"]["id"].as_str().expect("an id");
        weir.cli(&["block", "remove", id, "--reason", "over"]).expect_success();
    }
}

#[test]
fn a_block_ends_by_itself_and_holds_in_observe_mode_too() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).target_line("mode = \"observe\"").build();
    weir.cli(&["block", "add", "--target", "db", "--for", "4s", "--reason", "a pause"]).expect_success();
    let refused = weir.run(&["psql", "-XAtc", "SELECT 'in'"]);
    assert!(refused.stderr.contains("a pause"), "{} {}", refused.stdout, refused.stderr);
    wait_until("the block to end", 20, || (weir.run(&["psql", "-XAtc", "SELECT 'in'"]).stdout.trim() == "in").then_some(()));
}

#[test]
fn without_a_readable_ledger_nothing_starts() {
    let (_server, weir) = bed();
    weir.cli(&["block", "list"]).expect_success();
    std::fs::write(weir.directory().join("state/ledger.db"), b"not a database at all, but long enough to be looked at")
        .expect("our own file");
    for extra in ["ledger.db-wal", "ledger.db-shm"] {
        std::fs::remove_file(weir.directory().join("state").join(extra)).ok();
    }
    let refused = weir.run(&["psql", "-XAtc", "SELECT 'in'"]);
    assert!(refused.status == Some(1) && refused.stderr.contains("the ledger"), "{} {}", refused.stdout, refused.stderr);
}

#[test]
fn a_run_is_frozen_goes_on_and_is_killed() {
    let (_server, weir) = bed();
    let file = weir.directory().join("count");
    let script =
        weir.script("count.sh", &format!("i=0; while :; do i=$((i+1)); echo $i >'{}'; sleep 0.05; done", file.display()));
    let job = weir.start_with(
        &["--privileges", "host"],
        &["sh", "-c", &format!("psql -XAtc 'SELECT 1' >/dev/null; exec sh {}", script.display())],
    );
    let count = || std::fs::read_to_string(&file).ok().and_then(|text| text.trim().parse::<u64>().ok());
    wait_until("the job to count", 20, || count().filter(|count| *count > 3));
    let sessions = weir.sessions();
    let run = sessions.last().expect("a session")["run"].as_str().expect("a run").to_owned();
    let frozen = weir.cli(&["run", "freeze", &run, "--reason", "a look"]).expect_success();
    assert!(frozen.stdout.contains("is frozen"), "{}", frozen.stdout);
    std::thread::sleep(std::time::Duration::from_millis(300));
    let before = count();
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert_eq!(count(), before, "it does nothing");
    weir.cli(&["run", "thaw", &run]).expect_success();
    wait_until("the job to go on", 20, || (count() > before).then_some(()));
    weir.cli(&["run", "kill", &run, "--reason", "enough"]).expect_success();
    assert_ne!(job.wait().status, Some(0), "it was killed");
    let none = weir.cli(&["run", "freeze", &run]);
    assert!(none.status == Some(1) && none.stderr.contains("has a job of run"), "{}", none.stderr);
}
