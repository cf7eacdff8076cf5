//! What sqlx sees: each chore prints it, the same each time. Values are shown as the bytes that came.
#![expect(clippy::print_stdout, clippy::expect_used, reason = "a test's client")]

use sqlx::postgres::{PgColumn, PgConnectOptions, PgConnection, PgDatabaseError, PgListener, PgPoolOptions, PgRow, PgSslMode};
use sqlx::{AssertSqlSafe, Column as _, ConnectOptions as _, Connection as _, Row as _, TypeInfo as _, ValueRef as _};
use std::fmt::Debug;
use std::time::Duration;

const BIG: usize = 10_000_000;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("chores") => chores().await,
        Some("refusals") => refusals().await,
        _ => modes().await,
    }
}

/// What the variables of libpq say, which sqlx reads by itself.
async fn connect() -> PgConnection {
    PgConnectOptions::new().connect().await.expect("the server answers")
}

fn show<T: Debug>(what: &str, found: Result<T, sqlx::Error>) {
    match found {
        Ok(found) => println!("{what} {found:?}"),
        Err(sqlx::Error::Database(error)) => {
            let e = error.downcast_ref::<PgDatabaseError>();
            let position = e.position();
            println!(
                "{what} {} {} {:?} {:?} {position:?} {:?} {:?}",
                e.code(),
                e.message(),
                e.detail(),
                e.hint(),
                e.table(),
                e.constraint()
            );
        }
        Err(error) => println!("{what} {error}"),
    }
}

fn values(row: &PgRow) -> Vec<String> {
    let one = |n| {
        let Ok(value) = row.try_get_raw(n) else { return "?".to_owned() };
        let bytes = value.as_bytes().unwrap_or_default();
        let start: String = bytes.iter().take(40).map(|byte| format!("{byte:02x}")).collect();
        let name = row.columns().get(n).map(|column: &PgColumn| column.type_info().name().to_owned()).unwrap_or_default();
        format!("{name}:{:?}:{}:{}:{start}", value.format(), value.is_null(), bytes.len())
    };
    (0..row.len()).map(one).collect()
}

fn all(rows: Vec<PgRow>) -> Vec<Vec<String>> {
    rows.iter().map(values).collect()
}

/// By the extended protocol, as a statement that sqlx keeps.
async fn query(c: &mut PgConnection, what: &str, text: &'static str) {
    show(what, sqlx::query(text).fetch_all(c).await.map(all));
}

/// By the simple protocol.
async fn simple(c: &mut PgConnection, what: &str, text: &'static str) {
    show(what, sqlx::raw_sql(text).fetch_all(c).await.map(all));
}

async fn chores() {
    let mut c = connect().await;
    simple(
        &mut c,
        "several",
        "SELECT 1 AS a; CREATE TABLE t (n int PRIMARY KEY, b bytea); INSERT INTO t VALUES (1), (2); SELECT NULL",
    )
    .await;
    simple(&mut c, "an error among several", "SELECT 1; SELECT 1 / 0; SELECT 2").await;
    simple(&mut c, "nothing", "").await;
    query(&mut c, "nothing prepared", "").await;
    const TYPES: &str = "SELECT 1::int2, -2::int4, 3::int8, 1.5::float4, 'NaN'::float8, 1234567890.123456789::numeric, true, 'text'::text, \
        '\\x00ff'::bytea, DATE '2024-02-29', TIMESTAMPTZ '2024-02-29 12:34:56+02', INTERVAL '1 day', '{\"a\": [1, null]}'::jsonb, \
        ARRAY[[1,2],[3,NULL]], 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid, int4range(1, 5), NULL, ''::text";
    query(&mut c, "types", TYPES).await;
    simple(&mut c, "types as text", TYPES).await;
    let row = sqlx::query("SELECT $1::int, $2::text, $3::bytea, $4::float8, $5::int[]").bind(7).bind("tëxt").bind(&b"\0\xff"[..]);
    show("parameters", row.bind(None::<f64>).bind(&[1, 2][..]).fetch_one(&mut c).await.map(|row| values(&row)));
    for text in ["SELECT nothing FROM t", "SELECT nofunction(1)", "INSERT INTO t VALUES (1)", "SELECT 1 / 0"] {
        query(&mut c, text, text).await;
    }
    // More than it keeps: the oldest are closed.
    for n in 0..150 {
        let text = format!("SELECT $1::int + {n}");
        let found = sqlx::query(AssertSqlSafe(text)).bind(n).fetch_one(&mut c).await;
        if n % 50 == 0 {
            show("kept", found.map(|row| values(&row)));
        }
    }
    show("not kept", sqlx::query("SELECT $1::int").bind(1).persistent(false).fetch_one(&mut c).await.map(|row| values(&row)));
    transactions(&mut c).await;
    copies(&mut c).await;
    let mut listener = PgListener::connect_with(&pool().await).await.expect("it connects");
    listener.listen("bell").await.expect("it listens");
    query(&mut c, "rung", "SELECT pg_notify('bell', 'rang')").await;
    show("heard", listener.recv().await.map(|heard| (heard.channel().to_owned(), heard.payload().to_owned())));
    drop(listener);
    let large = sqlx::query("SELECT length($1::bytea), $1").bind(vec![0xab_u8; BIG]);
    show("large", large.fetch_one(&mut c).await.map(|row| values(&row)));
    simple(&mut c, "set", "SET statement_timeout = 100").await;
    query(&mut c, "timed out", "SELECT pg_sleep(60)").await;
    simple(&mut c, "reset", "RESET statement_timeout").await;
    let waited = tokio::time::timeout(Duration::from_millis(200), sqlx::query("SELECT pg_sleep(2)").fetch_all(&mut c)).await;
    println!("timed out at the client {}", waited.is_err());
    query(&mut c, "usable", "SELECT 1").await;
    show("closed", c.close().await);
}

async fn pool() -> sqlx::PgPool {
    PgPoolOptions::new().max_connections(2).connect_with(PgConnectOptions::new()).await.expect("the server answers")
}

async fn transactions(c: &mut PgConnection) {
    let mut outer = c.begin().await.expect("it begins");
    let mut inner = outer.begin().await.expect("it begins");
    query(&mut inner, "within", "INSERT INTO t VALUES (1)").await;
    show("rolled back", inner.rollback().await);
    query(&mut outer, "goes on", "INSERT INTO t VALUES (3)").await;
    show("committed", outer.commit().await);
    let mut dropped = c.begin().await.expect("it begins");
    query(&mut dropped, "in what is dropped", "INSERT INTO t VALUES (4)").await;
    drop(dropped);
    query(c, "kept", "SELECT n FROM t ORDER BY n").await;
}

async fn copies(c: &mut PgConnection) {
    let mut copy = c.copy_in_raw("COPY t (n) FROM STDIN").await.expect("it is a copy");
    copy.send(&b"10\n11\n"[..]).await.expect("it is sent");
    show("in", copy.finish().await);
    let copy = c.copy_in_raw("COPY t (n) FROM STDIN").await.expect("it is a copy");
    show("broken off", copy.abort("enough").await);
    let mut copy = c.copy_in_raw("COPY t (n) FROM STDIN").await.expect("it is a copy");
    copy.send(&b"x\n"[..]).await.expect("it is sent");
    show("wrong", copy.finish().await);
    query(c, "counted", "SELECT count(*) FROM t").await;
}

async fn refusals() {
    let mut c = connect().await;
    simple(&mut c, "made", "CREATE TABLE t (n int)").await;
    simple(&mut c, "at once", "DELETE FROM t").await;
    query(&mut c, "prepared", "DELETE FROM t WHERE n = 1").await;
    query(&mut c, "again", "DELETE FROM t WHERE n = 1").await;
    simple(&mut c, "of several", "INSERT INTO t VALUES (1); DELETE FROM t").await;
    let mut outer = c.begin().await.expect("it begins");
    query(&mut outer, "in a transaction", "INSERT INTO t VALUES (2)").await;
    let mut inner = outer.begin().await.expect("it begins");
    query(&mut inner, "in a savepoint", "DELETE FROM t").await;
    show("rolled back", inner.rollback().await);
    show("committed", outer.commit().await);
    show("copy in", c.copy_in_raw("COPY secret FROM STDIN").await.map(drop));
    query(&mut c, "usable", "SELECT n FROM t").await;
}

async fn modes() {
    use PgSslMode::{Allow, Disable, Prefer, Require, VerifyCa, VerifyFull};
    for mode in [Disable, Allow, Prefer, Require, VerifyCa, VerifyFull] {
        match PgConnectOptions::new().ssl_mode(mode).connect().await {
            Ok(mut c) => query(&mut c, &format!("{mode:?}"), "SELECT 'connected'").await,
            Err(error) => println!("{mode:?} {error}"),
        }
    }
}
