//! What tokio-postgres sees: each chore prints it, the same each time. Values are shown as the bytes that came.
#![expect(clippy::print_stdout, clippy::expect_used, reason = "a test's client")]

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use std::error::Error;
use std::fmt::Debug;
use std::time::Duration;
use tokio_postgres::config::SslMode;
use tokio_postgres::types::{FromSql, ToSql, Type};
use tokio_postgres::{AsyncMessage, Client, Config, NoTls, Row, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

const BIG: usize = 10_000_000;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("chores") => chores().await,
        Some("refusals") => refusals().await,
        _ => modes().await,
    }
}

/// A value of any type, as it came.
struct Raw(String);

impl<'a> FromSql<'a> for Raw {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let start: String = raw.iter().take(40).map(|byte| format!("{byte:02x}")).collect();
        Ok(Self(format!("{kind}:{}:{start}", raw.len())))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

fn config() -> Config {
    let variable = |name| std::env::var(name).expect("the harness sets it");
    let mut config = Config::new();
    config.host(variable("PGHOST")).port(variable("PGPORT").parse().expect("a port")).user(variable("PGUSER"));
    config.dbname(variable("PGDATABASE")).password(variable("PGPASSWORD")).ssl_mode(SslMode::Disable);
    config
}

/// A client whose notices and notifications are printed.
async fn connect() -> Client {
    let (client, mut connection) = config().connect(NoTls).await.expect("the server answers");
    tokio::spawn(async move {
        while let Some(Ok(message)) = std::future::poll_fn(|context| connection.poll_message(context)).await {
            match message {
                AsyncMessage::Notice(notice) => println!("notice {} {:?}", notice, notice.detail()),
                AsyncMessage::Notification(heard) => println!("heard {} {}", heard.channel(), heard.payload()),
                _ => {}
            }
        }
    });
    client
}

fn show<T: Debug>(what: &str, found: Result<T, tokio_postgres::Error>) {
    match found {
        Ok(found) => println!("{what} {found:?}"),
        Err(error) => match error.as_db_error() {
            Some(e) => println!(
                "{what} {} {} {:?} {:?} {:?} {:?} {:?} {:?}",
                e.code().code(),
                e.message(),
                e.detail(),
                e.hint(),
                e.position(),
                e.where_(),
                e.table(),
                e.constraint()
            ),
            None => println!("{what} {error}"),
        },
    }
}

fn values(rows: Vec<Row>) -> Vec<Vec<Option<String>>> {
    let one = |row: &Row| (0..row.len()).map(|n| row.get::<_, Option<Raw>>(n).map(|raw| raw.0)).collect();
    rows.iter().map(one).collect()
}

async fn query(c: &Client, what: &str, text: &str, parameters: &[&(dyn ToSql + Sync)]) {
    show(what, c.query(text, parameters).await.map(values));
}

async fn simple(c: &Client, what: &str, text: &str) {
    let told = |messages: Vec<SimpleQueryMessage>| {
        let one = |message: &SimpleQueryMessage| match message {
            SimpleQueryMessage::Row(row) => (0..row.len()).map(|n| row.get(n).unwrap_or("NULL").to_owned()).collect(),
            SimpleQueryMessage::CommandComplete(rows) => format!("done {rows}"),
            _ => "columns".to_owned(),
        };
        messages.iter().map(one).collect::<Vec<_>>()
    };
    show(what, c.simple_query(text).await.map(told));
}

async fn chores() {
    let mut c = connect().await;
    simple(
        &c,
        "several",
        "SELECT 1 AS a; CREATE TABLE t (n int PRIMARY KEY, b bytea); INSERT INTO t VALUES (1), (2); SELECT NULL",
    )
    .await;
    simple(&c, "an error among several", "SELECT 1; SELECT 1 / 0; SELECT 2").await;
    simple(&c, "nothing", "").await;
    query(&c, "nothing prepared", "", &[]).await;
    let types = "SELECT 1::int2, -2::int4, 3::int8, 1.5::float4, 'NaN'::float8, 1234567890.123456789::numeric, true, 'text'::text, '\\x00ff'::bytea, \
        DATE '2024-02-29', TIMESTAMPTZ '2024-02-29 12:34:56+02', INTERVAL '1 day', '{\"a\": [1, null]}'::jsonb, ARRAY[[1,2],[3,NULL]], \
        'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid, int4range(1, 5), NULL, ''::text";
    query(&c, "types", types, &[]).await;
    query(
        &c,
        "parameters",
        "SELECT $1::int, $2::text, $3::bytea, $4::float8",
        &[&7_i32, &"tëxt", &vec![0_u8, 255], &Option::<f64>::None],
    )
    .await;
    c.batch_execute("CREATE TYPE mood AS ENUM ('sad'); CREATE TYPE pair AS (n int, m mood)").await.expect("it is new");
    query(&c, "types of its own", "SELECT 'sad'::mood, length($1::text)", &[&"x"]).await;
    show(
        "described",
        c.prepare("SELECT $1::pair AS p").await.map(|s| (s.params()[0].name().to_owned(), s.columns()[0].name().to_owned())),
    );
    for text in ["SELECT nothing FROM t", "SELECT nofunction(1)", "INSERT INTO t VALUES (1)", "SELECT 1 / 0"] {
        query(&c, text, text, &[]).await;
    }
    // What is polled together goes out together.
    let statement = c.prepare("SELECT 10 / (5 - $1::int)").await.expect("it is a statement");
    let (a, b, d, e) = tokio::join!(
        c.query(&statement, &[&4_i32]),
        c.query(&statement, &[&5_i32]),
        c.query(&statement, &[&3_i32]),
        c.simple_query("SELECT 'behind'")
    );
    for (what, found) in [("first", a), ("second", b), ("third", d)] {
        show(what, found.map(values));
    }
    println!("fourth {}", e.is_ok());
    transactions(&mut c).await;
    copies(&c).await;
    c.batch_execute("LISTEN bell; NOTIFY bell, 'own'").await.expect("it listens");
    c.batch_execute("DO $$ BEGIN RAISE NOTICE 'n' USING DETAIL = 'd'; END $$").await.expect("it notices");
    query(&c, "large", "SELECT length($1::bytea), $1", &[&vec![0xab_u8; BIG]]).await;
    c.batch_execute("SET statement_timeout = 100").await.expect("it is a setting");
    query(&c, "timed out", "SELECT pg_sleep(60)", &[]).await;
    c.batch_execute("RESET statement_timeout").await.expect("it is a setting");
    let token = c.cancel_token();
    let sleep = c.query("SELECT pg_sleep(10)", &[]);
    let cancel = async {
        let other = connect().await;
        let sleeps = "SELECT FROM pg_stat_activity WHERE state = 'active' AND query = 'SELECT pg_sleep(10)'";
        while other.query(sleeps, &[]).await.is_ok_and(|rows| rows.is_empty()) {}
        token.cancel_query(NoTls).await
    };
    let (slept, cancelled) = tokio::join!(sleep, cancel);
    show("cancelled", slept.map(values));
    println!("{}", cancelled.is_ok());
    let waited = tokio::time::timeout(Duration::from_millis(200), c.query("SELECT pg_sleep(2)", &[])).await;
    println!("timed out at the client {}", waited.is_err());
    query(&c, "usable", "SELECT 1", &[]).await;
}

async fn transactions(c: &mut Client) {
    let mut transaction = c.transaction().await.expect("it begins");
    let savepoint = transaction.savepoint("own").await.expect("it begins");
    show("within", savepoint.execute("INSERT INTO t VALUES (1)", &[]).await);
    savepoint.rollback().await.expect("it is there");
    let portal = transaction.bind("SELECT n FROM generate_series(1, $1::int) AS s (n)", &[&10_i32]).await.expect("it is a query");
    for most in [3, 4, 0, 5] {
        show("in pieces", transaction.query_portal(&portal, most).await.map(values));
    }
    show("kept", transaction.execute("INSERT INTO t VALUES (3)", &[]).await);
    transaction.commit().await.expect("it is whole");
    let transaction = c.build_transaction().read_only(true).start().await.expect("it begins");
    show("read only", transaction.execute("INSERT INTO t VALUES (4)", &[]).await);
    show("aborted", transaction.query("SELECT 1", &[]).await.map(values));
    drop(transaction);
    query(c, "goes on", "SELECT n FROM t ORDER BY n", &[]).await;
}

/// COPY, without the stream types of another crate: by its text.
async fn copies(c: &Client) {
    simple(c, "made", "CREATE TABLE copied AS SELECT n, repeat('x', n) AS s FROM generate_series(1, 100) AS s (n)").await;
    match c.copy_out("COPY copied TO STDOUT").await {
        Ok(stream) => drop(stream),
        Err(error) => println!("{error}"),
    }
    query(c, "behind a copy", "SELECT count(*) FROM copied", &[]).await;
    match c.copy_in::<_, std::io::Cursor<Vec<u8>>>("COPY copied FROM STDIN").await {
        Ok(sink) => drop(sink),
        Err(error) => println!("{error}"),
    }
    query(c, "behind a copy that was broken off", "SELECT count(*) FROM copied", &[]).await;
}

async fn refusals() {
    let mut c = connect().await;
    simple(&c, "made", "CREATE TABLE t (n int)").await;
    simple(&c, "at once", "DELETE FROM t").await;
    query(&c, "prepared", "DELETE FROM t WHERE n = $1", &[&1_i32]).await;
    simple(&c, "of several", "INSERT INTO t VALUES (1); DELETE FROM t").await;
    let (a, b, d) = tokio::join!(
        c.execute("INSERT INTO t VALUES (1)", &[]),
        c.execute("DELETE FROM t", &[]),
        c.execute("INSERT INTO t VALUES (2)", &[])
    );
    for (what, found) in [("before", a), ("between", b), ("behind", d)] {
        show(what, found);
    }
    let mut transaction = c.transaction().await.expect("it begins");
    let savepoint = transaction.savepoint("own").await.expect("it begins");
    show("in a savepoint", savepoint.execute("DELETE FROM t", &[]).await);
    savepoint.rollback().await.expect("it is there");
    show("goes on", transaction.execute("INSERT INTO t VALUES (3)", &[]).await);
    transaction.commit().await.expect("it is whole");
    show("copy out", c.copy_out("COPY secret TO STDOUT").await.map(drop));
    show("copy in", c.copy_in::<_, std::io::Cursor<Vec<u8>>>("COPY secret FROM STDIN").await.map(drop));
    query(&c, "usable", "SELECT n FROM t WHERE n > $1 ORDER BY n", &[&0_i32]).await;
}

async fn modes() {
    for (name, mode) in [("disable", SslMode::Disable), ("prefer", SslMode::Prefer), ("require", SslMode::Require)] {
        let mut roots = rustls::RootCertStore::empty();
        let file = std::env::var("SSL_CERT_FILE").expect("weir sets it");
        let certificates = CertificateDer::pem_file_iter(file).expect("it can be read");
        roots.add_parsable_certificates(certificates.filter_map(Result::ok));
        let tls = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let connected = config().ssl_mode(mode).connect(MakeRustlsConnect::new(tls)).await;
        match connected {
            Ok((client, connection)) => {
                tokio::spawn(connection);
                query(&client, name, "SELECT 'connected'", &[]).await;
            }
            Err(error) => println!("{name} {error} {:?}", error.as_db_error().map(ToString::to_string)),
        }
    }
}
