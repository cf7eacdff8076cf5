//! A client's own CancelRequest reaches the query that it means, with a key that is not the server's.

use weir_tests::{Postgres, Weir, python_with_psycopg};

#[test]
fn a_client_cancels_its_own_query() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).build();
    let script = weir.script("cancel.py", CLIENT);
    let python = python_with_psycopg().to_str().expect("a UTF-8 path");
    let outcome = weir.run(&[python, script.to_str().expect("a UTF-8 path")]).expect_success();
    assert_eq!(outcome.stdout.trim(), "cancelled and usable");
    assert_eq!(server.active(), 0);
}

const CLIENT: &str = r#"
import psycopg, threading
with psycopg.connect("", autocommit=True) as c:
    timer = threading.Timer(0.5, c.cancel)
    timer.start()
    try:
        c.execute("SELECT pg_sleep(60)")
    except psycopg.errors.QueryCanceled:
        pass
    else:
        raise AssertionError("the query was not cancelled")
    timer.join()
    assert c.execute("SELECT 1").fetchone() == (1,)
print("cancelled and usable")
"#;
