//! What is read: the server's settings, its roles and tables.

use super::stage::{DATABASE, PASSWORD, Size, WRITTEN};
use crate::regress::server::BIN;
use anyhow::{Context as _, ensure};
use std::path::Path;
use std::process::{Command, Stdio};

/// Bytes of a row of the table that is copied, about.
const ROW: u64 = 243;

/// For reading: nothing on disk, nothing in the background. Beyond a quarter of shared_buffers a scan keeps out of them.
pub(super) fn settings(hba: &Path, size: &Size) -> String {
    let megabytes = 512 + size.megabytes * 6;
    format!(
        "hba_file = '{}'\nshared_buffers = '{megabytes}MB'\nmax_connections = 200\nautovacuum = off\njit = off\n\
         synchronize_seqscans = off\nmax_wal_size = '8GB'\ncheckpoint_timeout = '1h'\nwal_level = minimal\nmax_wal_senders = 0\n",
        hba.display()
    )
}

/// Makes roles and tables; everything is in its final place afterwards.
pub(super) fn fill(port: u16, size: &Size) -> anyhow::Result<()> {
    sql(port, "postgres", &format!("CREATE DATABASE {DATABASE}"))?;
    sql(port, "postgres", &format!("CREATE DATABASE {WRITTEN}"))?;
    let scale = size.scale.to_string();
    for database in [DATABASE, WRITTEN] {
        quietly(Command::new(Path::new(BIN).join("pgbench")).args(["-i", "-q", "-s", &scale, &url(port, database)]))?;
    }
    // A row as a backup has many: keys, a time, names and texts.
    let rows = size.megabytes * 1_000_000 / ROW;
    sql(
        port,
        DATABASE,
        &format!(
            "CREATE UNLOGGED TABLE archive (id bigint, made timestamptz, customer text, email text, street text, city text, note text);
             INSERT INTO archive SELECT i, timestamptz '2024-01-01' + i * interval '7 seconds', 'customer ' || i,
               'someone.' || i || '@customers.example', i % 250 || ' ' || left(md5(i::text), 12) || ' street',
               (ARRAY['Lisboa', 'Oslo', 'Wien', 'Kyoto', 'Montevideo'])[i % 5 + 1],
               md5(i::text) || ' ' || md5((i + 1)::text) || ' ' || md5((i + 2)::text) || ' ' || md5((i + 3)::text)
             FROM generate_series(1, {rows}) AS i;
             CREATE ROLE reader LOGIN IN ROLE pg_read_all_data; CREATE ROLE catalog_reader LOGIN;
             CREATE ROLE reader_scram LOGIN IN ROLE pg_read_all_data PASSWORD '{PASSWORD}'"
        ),
    )?;
    sql(port, WRITTEN, "CREATE ROLE writer LOGIN IN ROLE pg_read_all_data, pg_write_all_data")?;
    sql(port, WRITTEN, "VACUUM (FREEZE, ANALYZE)")?;
    sql(port, DATABASE, "VACUUM (FREEZE, ANALYZE)")?;
    sql(port, DATABASE, "CHECKPOINT").map(drop)
}

/// Runs `sql` as the superuser in this database; its last answer.
pub(super) fn sql(port: u16, database: &str, sql: &str) -> anyhow::Result<String> {
    let mut psql = Command::new(Path::new(BIN).join("psql"));
    quietly(psql.args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-d", &url(port, database), "-c", sql]))
}

fn url(port: u16, database: &str) -> String {
    format!("postgres://postgres@127.0.0.1:{port}/{database}?sslmode=disable&gssencmode=disable")
}

/// Runs it; what it says is the error where it fails.
fn quietly(command: &mut Command) -> anyhow::Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("{command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
