//! COPY in and out keeps every byte.

use weir_tests::{Postgres, Weir};

#[test]
fn a_table_copied_out_and_in_is_the_same() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).build();
    let script = weir.script(
        "copy.sh",
        "#!/bin/sh\n# Copies a table through a pipe, in text and in binary.\nset -eu\n\
         psql -X -q -v ON_ERROR_STOP=1 -c \"CREATE TABLE a AS SELECT n, repeat(md5(n::text), 20) AS t FROM generate_series(1, 20000) n\"\n\
         psql -X -q -c 'CREATE TABLE b (LIKE a)' -c 'CREATE TABLE c (LIKE a)'\n\
         psql -X -q -c 'COPY a TO STDOUT' | psql -X -q -v ON_ERROR_STOP=1 -c 'COPY b FROM STDIN'\n\
         psql -X -q -c 'COPY a TO STDOUT (FORMAT binary)' | psql -X -q -v ON_ERROR_STOP=1 -c 'COPY c FROM STDIN (FORMAT binary)'\n\
         psql -X -A -t -c '(TABLE a EXCEPT TABLE b) UNION ALL (TABLE a EXCEPT TABLE c)' -c 'SELECT count(*) FROM b' -c 'SELECT count(*) FROM c'\n",
    );
    let outcome = weir.run(&[script.to_str().expect("a UTF-8 path")]).expect_success();
    assert_eq!(outcome.stdout, "20000\n20000\n");
}

#[test]
fn a_copy_that_the_server_fails_leaves_the_session_usable() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).build();
    let script = weir.script(
        "bad.sh",
        "#!/bin/sh\n# One wrong line in a COPY, then a query in the same session.\n\
         psql -X -A -t <<'END'\nCREATE TABLE t (n int);\nCOPY t FROM STDIN;\n1\nnot a number\n\\.\nSELECT 'still here';\nEND\n",
    );
    let outcome = weir.run(&[script.to_str().expect("a UTF-8 path")]).expect_success();
    assert!(outcome.stdout.contains("still here"), "{}", outcome.stdout);
    assert!(outcome.stderr.contains("invalid input syntax"), "{}", outcome.stderr);
}
