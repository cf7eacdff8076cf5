//! After something has happened: what is known of a target is on a page, its records are held, what came past weir is named.

use serde_json::Value;
use weir_tests::{Postgres, Weir, pinned, wait_until};

fn json(told: &str) -> Value {
    serde_json::from_str(told).expect("it is JSON")
}

#[test]
fn an_incident_says_who_read_and_changed_what_and_holds_the_records() {
    let server = Postgres::start();
    let table =
        "CREATE TABLE customers AS SELECT n, 'c' || n AS name FROM generate_series(1, 40) n; GRANT ALL ON customers TO app";
    server.psql("app").args(["-qc", table]).status().expect("psql runs");
    let weir = Weir::for_server(&server).build();
    weir.run(&["psql", "-X", "-c", "SELECT * FROM public.customers"]).expect_success();
    weir.run(&["psql", "-X", "-c", "UPDATE public.customers SET name = 'x' WHERE n = 1"]).expect_success();
    let file = weir.directory().join("incident.html");
    let html = file.to_str().expect("a UTF-8 path");
    let open = ["incident", "open", "--target", "db", "--since", "1h", "--reason", "case 4711"];
    let told = json(&weir.cli(&[&open[..], &["--html", html, "--format", "json"]].concat()).expect_success().stdout);
    let pinned = pinned::compare("incident-open", &told);
    assert!(pinned.is_ok(), "{pinned:?}");
    let top = told["top"].as_array().expect("runs");
    assert_eq!((told["runs"].as_u64(), told["wrote"].as_u64(), top.len()), (Some(2), Some(1), 2), "{told:#}");
    assert_eq!((top[0]["rows"].as_u64(), top[0]["wrote"].as_str()), (Some(40), Some("no")), "{told:#}");
    assert_eq!(top[1]["wrote"], "yes", "{told:#}");
    let objects = top[0]["objects"].as_array().expect("objects");
    assert!(
        objects.iter().any(|one| one["object"] == "public.customers" && one["verb"] == "read" && one["rows"] == 40),
        "{told:#}"
    );
    assert_eq!(top[0]["login"], "app", "{told:#}");
    let run = top[0]["run"].as_str().expect("a run").to_owned();
    let written = std::fs::read_to_string(&file).expect("it is written");
    assert!(written.contains(&run) && written.contains("public.customers"), "{written}");
    let page = weir.cli(&[&open[..], &["--no-hold"]].concat()).expect_success().stdout;
    assert!(page.contains("40 rows") && page.contains("only read") && page.contains("no legal hold"), "{page}");

    // The records are held until somebody lifts that.
    let holds = json(&weir.cli(&["audit", "hold", "list", "--format", "json"]).expect_success().stdout);
    let hold = holds[0]["id"].as_str().expect("a hold").to_owned();
    assert_eq!((holds[0]["id"].as_str(), &holds[0]["reason"]), (told["hold"]["id"].as_str(), &Value::from("case 4711")));
    weir.cli(&["audit", "hold", "lift", &hold, "--reason", "it is closed"]).expect_success();
    let left = json(&weir.cli(&["audit", "hold", "list", "--format", "json"]).expect_success().stdout);
    assert_eq!(left, serde_json::json!([]));

    // What the index finds, and that it can be made anew.
    let found = |words: &str| {
        json(&weir.cli(&["session", "list", "--search", words, "--format", "json"]).expect_success().stdout)
            .as_array()
            .map_or(0, Vec::len)
    };
    assert_eq!((found("customers update"), found("customers"), found("no-such-thing")), (1, 2, 0));
    std::fs::write(weir.directory().join("state/index.db"), "damaged").expect("root writes it");
    assert_eq!(found("customers"), 2);
    let made = json(&weir.cli(&["audit", "reindex", "--format", "json"]).expect_success().stdout);
    assert!(made["records"].as_u64() >= Some(2), "{made}");
    let logins = json(&weir.cli(&["credential", "report", "--target", "db", "--format", "json"]).expect_success().stdout);
    assert_eq!((logins[0]["user"].as_str(), logins[0]["shared"].as_bool()), (Some("app"), Some(false)), "{logins:#}");
    // No daemon ran here: nothing was promised, and nothing is missing.
    let gaps = json(&weir.cli(&["audit", "gaps", "--since", "1h", "--format", "json"]).expect_success().stdout);
    assert_eq!((gaps["gaps"].as_array().map(Vec::len), &gaps["hosts"]), (Some(0), &serde_json::json!({})), "{gaps:#}");
}

#[test]
fn a_session_past_weir_is_named_and_one_through_it_is_not() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).catalog(&server.superuser_secret()).build();
    let reconcile = || {
        let told = weir.cli(&["target", "reconcile", "db", "--format", "json"]);
        (told.status, json(&told.stdout))
    };
    let job = weir.start(&["psql", "-X", "-c", "SELECT pg_sleep(600)"]);
    wait_until("the query to run", 20, || (server.active() == 1).then_some(()));
    let (status, told) = reconcile();
    assert_eq!(
        (status, told["now"]["through"].as_u64(), told["now"]["past"].as_array().map(Vec::len)),
        (Some(0), Some(1), Some(0)),
        "{told:#}"
    );
    // It says that it is weir's, which it is not.
    let live = weir.live_session();
    let mut past = server.psql("app");
    past.env("PGAPPNAME", format!("weir:{live}")).args(["-c", "SELECT pg_sleep(600)"]);
    let mut past = past.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().expect("psql starts");
    let count = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep%'";
    wait_until("both to run", 20, || (server.sql(count) == "2").then_some(()));
    let (status, told) = reconcile();
    past.kill().expect("our own child");
    past.wait().expect("our own child");
    let found = told["now"]["past"].as_array().expect("a list");
    assert_eq!((status, found.len(), told["now"]["through"].as_u64()), (Some(1), 1, Some(1)), "{told:#}");
    assert_eq!((found[0]["user"].as_str(), found[0]["why"].as_str()), (Some("postgres"), Some("borrowed-mark")), "{told:#}");
    let killed = weir.cli(&["session", "kill", &live, "--reason", "the test is over"]);
    assert_eq!(killed.status, Some(0), "{}", killed.stderr);
    job.wait();

    let without = Weir::for_server(&server).build();
    let refused = without.cli(&["target", "reconcile", "db"]);
    assert!(refused.status == Some(1) && refused.stderr.contains("catalog"), "{}", refused.stderr);
}
