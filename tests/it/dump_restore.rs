//! pg_dump | pg_restore through the gateway gives a database whose dump is equal, byte for byte.

use weir_tests::{Postgres, Weir};

#[test]
fn a_dump_is_byte_equal_with_and_without_the_gateway() {
    let server = Postgres::start();
    let made = server
        .psql("app")
        .args(["-c", "SET ROLE app; CREATE TABLE t AS SELECT n, md5(n::text) AS h, decode(md5(n::text), 'hex') AS b FROM generate_series(1, 20000) n; CREATE INDEX ON t (n)"])
        .status();
    assert!(made.is_ok_and(|status| status.success()));
    server.sql("CREATE DATABASE copy OWNER app");
    let weir = Weir::for_server(&server).build();
    let script = weir.script(
        "dump.sh",
        "#!/bin/bash\n# Dumps, restores and dumps again.\nset -euo pipefail\ncd \"$(dirname \"$0\")\"\n\
         pg_dump --no-owner > before.sql\n\
         pg_dump --no-owner -Fc | PGDATABASE= pg_restore --no-owner --exit-on-error -d copy\n\
         PGDATABASE=copy pg_dump --no-owner > after.sql\n",
    );
    weir.run(&[script.to_str().expect("a UTF-8 path")]).expect_success();
    let read = |name| comparable(&std::fs::read_to_string(weir.directory().join(name)).expect("the job has written it"));
    assert!(read("before.sql").len() > 500_000);
    assert!(read("before.sql") == read("after.sql"), "the dumps differ");
    assert_eq!(server.sql("SELECT count(*) FROM pg_database WHERE datname = 'copy'"), "1");
}

/// Newer versions of pg_dump draw a random key for each dump.
fn comparable(dump: &str) -> String {
    let keyed = |line: &&str| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict");
    dump.lines().filter(keyed).collect::<Vec<_>>().join("\n")
}
