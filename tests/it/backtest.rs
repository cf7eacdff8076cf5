//! Policy over the past, on a real server: what was decided is decided again, a changed set shows its changes, and what is
//! suggested is enough and no more.

use serde_json::Value;
use std::path::Path;
use weir_tests::{Outcome, Postgres, Weir, classed};

/// Policies that look at much of what there is, so that a fact that is not kept shows.
const SET: &str = r#"
@id("connects") permit (principal, action == Action::"connect", resource in Environment::"test")
when { context.protocol == "postgres" && context.hour.connections < 1000 };
@id("reads") permit (principal, action == Action::"read", resource in Target::"db") when { !context.locking || context.in_transaction };
@id("writes") permit (principal, action == Action::"write", resource in Target::"db")
when { ["INSERT", "UPDATE", "COPY", "CREATE", "SELECT"].contains(context.verb) };
@id("deletes") permit (principal, action == Action::"write", resource in Target::"db") when { context.verb == "DELETE" && !context.no_where };
@id("defines") permit (principal, action == Action::"define", resource) when { context.database == "app" && context.command like "CREATE *" };
@id("calls") permit (principal, action == Action::"call", resource is Function) unless { resource.name like "pg_*" };
@id("session") permit (principal, action == Action::"session", resource) when { context.statements < 4 };
@id("not-hr") forbid (principal, action in Action::"operation", resource in Schema::"db/hr");
@id("not-t1") forbid (principal, action == Action::"write", resource == Table::"db/app.t1");
@id("crowd") forbid (principal, action == Action::"read", resource) when { context.relations > 6 };
@id("quota") forbid (principal, action in Action::"operation", resource) when { context.session.statements > 400 || context.run.rows > 5000 };
@id("held") @hold("group=dba") forbid (principal, action == Action::"define", resource)
when { context.verb == "CREATE" && context.relations > 1 } unless { context.approval.satisfied };
"#;

/// The same with other decisions.
const CHANGED: &str = r#"
@id("no-orders") forbid (principal, action == Action::"read", resource == Table::"db/public.orders");
@id("deletes-all") permit (principal, action == Action::"write", resource == Table::"db/public.items") when { context.verb == "DELETE" };
"#;

const TABLES: &str = "CREATE TABLE public.orders (n int); CREATE TABLE public.items (n int); CREATE SCHEMA hr;
    INSERT INTO public.orders SELECT generate_series(1, 50); GRANT ALL ON public.orders, public.items TO app;
    CREATE FUNCTION public.twice(int) RETURNS int LANGUAGE sql AS 'SELECT 2 * $1';";

/// Statements of this project's own corpus: across the grammar, also what can't be read.
const CORPUS: [&str; 4] = [
    include_str!("../src/corpus/select.sql"),
    include_str!("../src/corpus/spelling.sql"),
    include_str!("../src/corpus/define.sql"),
    include_str!("../src/corpus/administer.sql"),
];

fn server() -> Postgres {
    let server = Postgres::start();
    let made = server.psql("app").args(["-c", TABLES]).output().expect("psql starts");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    server
}

fn json(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.stdout).expect("its output is JSON")
}

/// `weir policy arguments… --format json`.
fn policy(weir: &Weir, arguments: &[&str]) -> (Option<i32>, Value) {
    let outcome = weir.cli(&[&["policy"], arguments, &["--format", "json"]].concat());
    (outcome.status, json(&outcome))
}

/// Each decision, made again with the set that made it, has to come to what is recorded.
fn comes_to_the_same(weir: &Weir, at_least: u64) {
    let (status, found) = policy(weir, &["backtest", "--as-decided", "--fail-on", "change"]);
    assert_eq!(found["changes"], Value::Array(Vec::new()), "a decision comes to something else");
    assert_eq!((status, &found["not_judged"]), (Some(0), &serde_json::json!({})));
    assert!(found["judged"].as_u64() >= Some(at_least), "{found}");
    assert_eq!(found["same_by_others"], 0, "other policies decide: {found}");
}

fn write(path: &Path, text: &str) -> String {
    std::fs::create_dir_all(path).expect("our own directory");
    std::fs::write(path.join("a.cedar"), text).expect("our own directory");
    path.to_str().expect("a UTF-8 path").to_owned()
}

/// The workload of the last session.
fn workload(weir: &Weir) -> String {
    let sessions = weir.sessions();
    sessions.last().and_then(|session| session["workload"].as_str()).expect("a session").to_owned()
}

#[test]
fn what_was_decided_is_decided_again_and_what_is_suggested_is_enough() {
    let server = server();
    let weir = Weir::for_server(&server).mode("observe").policy(SET).build();
    let corpus = CORPUS.iter().flat_map(|text| text.split("\n\n")).map(str::trim).filter(|sql| !sql.is_empty());
    let corpus: Vec<&str> = corpus.flat_map(|sql| ["-c", sql]).collect();
    weir.run(&[&["psql", "-X"], corpus.as_slice()].concat());
    let own = [
        "SELECT n FROM orders",
        "SELECT n FROM public.orders",
        "SELECT n FROM public.orders FOR UPDATE",
        "BEGIN; SELECT n FROM public.orders FOR UPDATE; COMMIT",
        "DELETE FROM public.items",
        "DELETE FROM public.items WHERE n = 1",
        "DELETE FROM items",
        "DELETE FROM items WHERE n = 1",
        "SELECT 1; SET work_mem = '1MB'; SELECT 2; RESET work_mem",
        "SELECT public.twice(2)",
        "SELECT twice(2)",
        "SELECT lower('A')",
        "COPY orders TO STDOUT",
        "SELECT n FROM hr.missing",
        "EXPLAIN ANALYZE DELETE FROM items",
        "DO 'BEGIN END'",
        "SELEC",
        "PREPARE p AS SELECT n FROM orders; EXECUTE p",
        "CREATE TABLE public.two AS SELECT o.n FROM public.orders o, public.items i",
        "INSERT INTO public.items VALUES (1)",
    ];
    let each: Vec<&str> = own.iter().flat_map(|sql| ["-c", sql]).collect();
    weir.run(&[&["psql", "-X"], each.as_slice()].concat());
    comes_to_the_same(&weir, 300);

    // Another set: what it changes, and that a pipeline can fail of it.
    let changed = write(&weir.directory().join("changed.d"), &format!("{SET}{CHANGED}"));
    let (status, found) = policy(&weir, &["backtest", "--fail-on", "deny", &changed]);
    assert_eq!(status, Some(1), "{found}");
    let changes = found["changes"].as_array().expect("a list");
    let has = |change: &str, touches: &str, by: &str| {
        let is = |group: &&Value| group["change"] == change && group["touches"] == touches && group["would_be_by"][0] == by;
        changes.iter().any(|group| is(&group))
    };
    assert!(has("allow -> deny", "read public.orders", "no-orders"), "{found:#}");
    assert!(
        has("deny -> allow", "write public.items", "deletes-all") || has("deny -> allow", "write items", "deletes-all"),
        "{found:#}"
    );
    let text = weir.cli(&["policy", "backtest", &changed]).expect_success().stdout;
    assert!(text.contains("allow -> deny") && text.contains("public.orders") && text.contains("no-orders"), "{text}");

    // Enforcing would have refused; and which set was in force is known.
    let (status, ready) = policy(&weir, &["readiness"]);
    assert_eq!(status, Some(1), "{ready}");
    assert!(ready["lines"][0]["would_refuse"].as_u64() > Some(0), "{ready}");
    let (_, shown) = policy(&weir, &["show"]);
    let (_, at) = policy(&weir, &["show", "--at", "1s"]);
    assert_eq!(at["hash"], shown["hash"]);
    assert_eq!(weir.cli(&["policy", "show", "--at", "2020-01-01"]).status, Some(1));

    // The least set: it passes its checks, and denies nothing that went through.
    let who = workload(&weir);
    let suggested = weir.directory().join("suggested.d");
    std::fs::create_dir(&suggested).expect("our own directory");
    let (file, dir) = (suggested.join("s.cedar"), suggested.to_str().expect("a UTF-8 path"));
    let told = weir.cli(&["policy", "suggest", "--workload", &who, "--out", file.to_str().expect("a UTF-8 path")]);
    assert!(told.stdout.contains("they deny nothing that went through"), "{told:?}");
    weir.cli(&["policy", "check", "--dir", dir]).expect_success();
    let (_, found) = policy(&weir, &["backtest", "--workload", &who, dir]);
    let lost = |group: &&Value| group["change"].as_str().is_some_and(|change| change.starts_with("allow ->"));
    assert_eq!(found["changes"].as_array().expect("a list").iter().find(lost), None);
    let text = std::fs::read_to_string(&file).expect("our own file");
    assert!(text.contains("Table::\"db/public.orders\"") && text.contains("context.run.rows > "), "{text}");
    assert!(text.contains("was not understood"), "what nobody understood is left to a person: {text}");
}

#[test]
fn a_suggestion_lets_the_job_through_and_nothing_else() {
    let server = server();
    let weir = Weir::for_server(&server).mode("observe").policy("").build();
    let job = ["psql", "-XAt", "-c", "SELECT count(*) FROM public.orders", "-c", "INSERT INTO items VALUES (1)"];
    weir.run(&job).expect_success();
    let who = workload(&weir);
    let text = weir.cli(&["policy", "suggest", "--workload", &who]).expect_success().stdout;
    let enforcing = Weir::for_server(&server).policy(&text).build();
    enforcing.run(&job).expect_success();
    let other = enforcing.run(&["psql", "-XAt", "-c", "SELECT n FROM public.items", "-c", "UPDATE public.orders SET n = 1"]);
    assert_eq!(other.stderr.matches("ERROR:  weir refused").count(), 2, "{other:?}");
    comes_to_the_same(&enforcing, 6);
}

#[test]
fn classes_and_a_catalog_are_decided_again_and_a_shadow_tells_what_it_would_do() {
    let server = classed::server();
    let weir = classed::gateway(&server).build();
    let next = write(
        &weir.directory().join("next.d"),
        "@id(\"all\") permit (principal, action in Action::\"operation\", resource) unless { context.verb == \"DELETE\" };
        @id(\"in\") permit (principal, action == Action::\"connect\", resource);
        @id(\"shows\") permit (principal, action == Action::\"reveal\", resource == Class::\"pii\");",
    );
    let config = std::fs::read_to_string(weir.config()).expect("our own file");
    std::fs::write(weir.config(), config.replace("[policy]\n", &format!("[policy]\nshadow = \"{next}\"\n")))
        .expect("our own file");
    let statements = [
        "SELECT email FROM customers",
        "SELECT total FROM orders",
        "SELECT mail FROM contacts",
        "DELETE FROM orders WHERE id = 20",
        "SELECT name FROM customers WHERE ssn = 'x'",
        "DELETE FROM orders WHERE id = 19",
    ];
    let each: Vec<&str> = statements.iter().flat_map(|sql| ["-c", sql]).collect();
    weir.run(&[&["psql", "-X"], each.as_slice()].concat());
    comes_to_the_same(&weir, 7);
    let (_, found) = policy(&weir, &["backtest", &next]);
    let changes = found["changes"].as_array().expect("a list");
    let has = |change: &str, touches: &str| changes.iter().any(|group| group["change"] == change && group["touches"] == touches);
    assert!(has("hidden -> revealed", "class pii") && has("allow -> deny", "read public.orders"), "{found:#}");
    // The shadow noted it once in its session, and refused nothing.
    let (_, shadow) = policy(&weir, &["shadow"]);
    let differences = shadow["differences"].as_array().expect("a list");
    let denies = differences.iter().filter(|one| one["shadow"] == "deny" && one["command"] == "DELETE").count();
    assert_eq!(denies, 1, "{shadow:#}");
    assert_eq!(differences.iter().map(|one| one["sessions"].as_u64().unwrap_or_default()).max(), Some(1), "{shadow:#}");
    let left = weir.run(&["psql", "-XAt", "-c", "SELECT count(*) FROM orders"]).expect_success();
    assert_eq!(left.stdout.trim(), "18");
    // A shadow that is no good set keeps nobody from starting, and a reload says so.
    write(Path::new(&next), "permit (principal");
    let started = weir.run(&["psql", "-XAt", "-c", "SELECT count(*) FROM orders"]).expect_success();
    assert_eq!(started.stdout.trim(), "18");
    let job = weir.start(&["psql", "-X", "-c", "SELECT pg_sleep(600)"]);
    weir.live_session();
    let reload = weir.cli(&["policy", "reload"]);
    assert!(reload.status == Some(1) && reload.stdout.contains("the shadow set can't be used"), "{reload:?}");
    drop(job);
}
