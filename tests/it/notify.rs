//! LISTEN and NOTIFY between two jobs: what one says, the other hears, with nothing asked.

use weir_tests::{Postgres, Weir, wait_until};

#[test]
fn a_job_hears_what_another_job_says() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).build();
    let (ready, said) = (weir.directory().join("ready"), weir.directory().join("said"));
    let wait = format!("\\! : > {}; while [ ! -e {} ]; do sleep 0.05; done", ready.display(), said.display());
    let listener = weir.start(&["psql", "-X", "-c", "LISTEN bell", "-c", &wait, "-c", "SELECT 1"]);
    wait_until("the first job to listen", 20, || ready.exists().then_some(()));
    weir.run(&["psql", "-X", "-c", "NOTIFY bell, 'rang by another'"]).expect_success();
    std::fs::write(&said, "").expect("our own directory");
    let heard = listener.wait().expect_success().stdout;
    let own = r#"Asynchronous notification "bell" with payload "rang by another" received"#;
    assert!(heard.contains(own), "{heard}");
    assert_eq!(weir.sessions().len(), 2);
}

#[test]
fn a_notification_comes_to_a_session_that_waits_and_asks_nothing() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).build();
    let script = weir.script("listen.py", LISTENER);
    let python = weir_tests::python_with_psycopg().to_str().expect("a UTF-8 path");
    let ready = weir.directory().join("ready");
    let arguments = [python, script.to_str().expect("a UTF-8 path"), ready.to_str().expect("a UTF-8 path")];
    let listener = weir.start(&arguments);
    wait_until("the job to listen", 20, || ready.exists().then_some(()));
    let payload = "x".repeat(7999);
    let said = server.psql("app").args(["-c", &format!("NOTIFY bell, '{payload}'")]).status();
    assert!(said.is_ok_and(|status| status.success()));
    assert_eq!(listener.wait().expect_success().stdout.trim(), "7999");
}

const LISTENER: &str = r#"
import psycopg, sys
with psycopg.connect("", autocommit=True) as c:
    c.execute("LISTEN bell")
    open(sys.argv[1], "w").close()
    print(len(next(c.notifies(timeout=20)).payload))
"#;
