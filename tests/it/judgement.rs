//! Operations are judged on a real server: refused in step, explained, and stopped by quotas and limits.

use weir_tests::{Postgres, Weir};

const RULES: &str = r#"
@id("allow-all") permit (principal, action, resource);
@id("no-where-update") @message("say which rows")
forbid (principal, action == Action::"write", resource) when { context.no_where };
@id("no-drop") forbid (principal, action == Action::"define", resource) when { context.verb == "DROP" };
"#;

const QUOTA: &str = r#"
@id("allow-all") permit (principal, action, resource);
@id("row-quota") @alert("high")
forbid (principal, action == Action::"read", resource) when { context.session.rows > 2000 };
"#;

fn server() -> Postgres {
    let server = Postgres::start();
    let make = "CREATE TABLE public.big AS SELECT n FROM generate_series(1, 300000) AS s (n)";
    Weir::for_server(&server).policy(RULES).build().run(&["psql", "-X", "-c", make]).expect_success();
    server
}

/// What `weir` prints of the last session.
fn told(weir: &Weir, command: &[&str]) -> String {
    let sessions = weir.sessions();
    let session = sessions.last().and_then(|session| session["session"].as_str()).expect("a session");
    weir.cli(&[command, &[session]].concat()).expect_success().stdout
}

#[test]
fn a_refusal_leaves_the_session_in_step_and_is_explained() {
    let server = server();
    let weir = Weir::for_server(&server).policy(RULES).build();
    let sql = "SELECT 'before'; UPDATE public.big SET n = 0; SELECT 'never'";
    let outcome = weir.run(&["psql", "-XAt", "-c", sql, "-c", "DROP TABLE public.big", "-c", "SELECT 'after'"]);
    assert!(outcome.stdout.contains("after") && !outcome.stdout.contains("never"), "{outcome:?}");
    for part in [
        "ERROR:  weir refused UPDATE without WHERE on db: say which rows",
        "DETAIL:  policy no-where-update, run r-",
        "HINT:  weir why s-",
        "ERROR:  weir refused DROP TABLE (define public.big) on db",
        "weir: refused UPDATE without WHERE on db",
    ] {
        assert!(outcome.stderr.contains(part), "{part} in {}", outcome.stderr);
    }
    let why = told(&weir, &["why"]);
    for part in [
        "refused   statement 2, UPDATE: policy no-where-update",
        "touches write public.big",
        "says say which rows",
        "policy no-drop",
    ] {
        assert!(why.contains(part), "{part} in {why}");
    }
    let shown = told(&weir, &["session", "show"]);
    assert!(shown.contains("deny statement 2 UPDATE [write public.big"), "{shown}");
    let count = ["psql", "-XAt", "-c", "SELECT count(*) FROM public.big WHERE n = 0"];
    assert_eq!(weir.run(&count).expect_success().stdout.trim(), "0");
}

#[test]
fn observe_marks_what_it_would_refuse() {
    let server = server();
    let weir = Weir::for_server(&server).mode("observe").policy(RULES).build();
    weir.run(&["psql", "-X", "-c", "UPDATE public.big SET n = 0"]).expect_success();
    assert!(told(&weir, &["why"]).contains("would be refused"));
}

#[test]
fn a_row_quota_ends_the_session_within_its_result() {
    let server = server();
    let weir = Weir::for_server(&server).policy(QUOTA).build();
    let outcome = weir.run(&["psql", "-XAt", "-c", "SELECT n FROM public.big"]);
    assert_ne!(outcome.status, Some(0), "{outcome:?}");
    let why = told(&weir, &["why"]);
    for part in ["\"kind\":\"quota\"", "rows_beyond", "killed      by policy: policy row-quota"] {
        assert!(why.contains(part), "{part} in {why}");
    }
    let rows = weir.sessions().last().and_then(|session| session["rows"].as_u64()).expect("a count");
    assert!((2000..20_000).contains(&rows), "{rows} rows");
}

#[test]
fn a_statement_that_runs_too_long_is_cancelled() {
    let server = server();
    let weir = Weir::for_server(&server).policy(RULES).target_line("statement_time = 1").build();
    let outcome = weir.run(&["psql", "-XAt", "-c", "SELECT pg_sleep(600)", "-c", "SELECT 'after'"]);
    assert!(outcome.stderr.contains("canceling statement"), "{outcome:?}");
    assert!(outcome.stdout.contains("after"), "{outcome:?}");
    assert!(told(&weir, &["why"]).contains("\"kind\":\"statement_time\""));
}

#[test]
fn a_target_takes_so_many_statements_at_once() {
    let server = server();
    let weir = Weir::for_server(&server).policy(RULES).target_line("max_concurrent = 1").build();
    let script = "psql -X -c 'SELECT pg_sleep(5)' 2>&1 & \
        for try in $(seq 200); do psql -X -c 'SELECT count(*) FROM public.big' 2>&1 | grep 'statements run there already' && break; done; \
        wait; psql -XAt -c \"SELECT 'room'\"";
    let outcome = weir.run(&["bash", "-c", script]);
    assert!(outcome.stdout.contains("weir refused SELECT on db: 1 statements run there already"), "{outcome:?}");
    assert!(outcome.stdout.contains("room"), "{outcome:?}");
}

/// A cursor that a function opened was not seen declared: it takes a permit that names what is not understood.
#[test]
fn a_cursor_that_a_function_opened_needs_a_permit_of_its_own() {
    let server = Postgres::start();
    let make = "CREATE TABLE public.t AS SELECT n FROM generate_series(1, 5) AS s (n);
        CREATE FUNCTION public.opens(name refcursor) RETURNS refcursor LANGUAGE plpgsql AS
          'BEGIN OPEN name FOR SELECT n FROM public.t ORDER BY n; RETURN name; END';";
    Weir::for_server(&server).policy(RULES).build().run(&["psql", "-X", "-c", make]).expect_success();
    let script = "BEGIN; SELECT public.opens('c'); FETCH 2 IN c; MOVE 1 IN c; FETCH NEXT FROM c; CLOSE c; COMMIT; SELECT 'after'";
    let each: Vec<&str> = script.split("; ").flat_map(|statement| ["-c", statement]).collect();
    let client = [&["psql", "-XAtq"], each.as_slice()].concat();
    let unread = r#"@id("unread") permit (principal, action in Action::"operation", resource) when { !context.parsed };"#;
    let permitting = Weir::for_server(&server).policy(&format!("{RULES}{unread}")).build().run(&client);
    assert_eq!(permitting.stdout.split_whitespace().collect::<Vec<_>>(), ["c", "1", "2", "4", "after"], "{permitting:?}");
    let weir = Weir::for_server(&server).policy(RULES).build();
    let refused = weir.run(&client);
    assert!(refused.stderr.contains("weir refused a statement that was not understood"), "{refused:?}");
    assert_eq!(refused.stdout.split_whitespace().collect::<Vec<_>>(), ["c", "after"], "{refused:?}");
    let nobody = weir.run(&["psql", "-XAtq", "-c", "FETCH ALL IN c"]);
    assert!(nobody.stderr.contains("ERROR:  cursor \"c\" does not exist"), "{nobody:?}");
}
