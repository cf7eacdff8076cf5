//! Inside a job: statements that say their number, and a note of each that was answered. The notes lie where no power is cut.

use anyhow::Context as _;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio_postgres::{Client, Config, NoTls};

/// Between two statements of a connection: a gateway that is busy all the time would flush by size, not by time.
const PAUSE: Duration = Duration::from_millis(2);

/// A statement of a point: its connection, and its number there.
pub(super) type Name = (u32, u32);

/// A statement that was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Note {
    /// How long its text is.
    pub(super) bytes: u64,
    /// When the answer was there, in nanoseconds since 1970.
    pub(super) at: u64,
}

/// Asks over so many connections until one of them ends. A statement's text has `mark`, its connection and its number.
///
/// # Errors
/// Where no connection comes to be. That one ends is what it is there for.
pub fn job(notes: &Path, mark: &str, connections: u32) -> anyhow::Result<()> {
    let file = OpenOptions::new().append(true).create(true).open(notes).with_context(|| notes.display().to_string())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut asking = tokio::task::JoinSet::new();
        for connection in 0..connections {
            let (client, line) = configured()?.connect(NoTls).await.context("connect through weir")?;
            tokio::spawn(line);
            let (file, mark) = (file.try_clone()?, mark.to_owned());
            asking.spawn(async move { ask(&client, file, &mark, connection).await });
        }
        asking.join_next().await;
        Ok(())
    })
}

/// What libpq reads from its environment.
fn configured() -> anyhow::Result<Config> {
    let variable = |name: &str| std::env::var(name).with_context(|| format!("the job has no {name}"));
    let mut config = Config::new();
    config.host(variable("PGHOST")?).port(variable("PGPORT")?.parse()?).user(variable("PGUSER")?);
    config.dbname(variable("PGDATABASE")?).password(variable("PGPASSWORD")?);
    Ok(config)
}

async fn ask(client: &Client, mut notes: File, mark: &str, connection: u32) {
    for number in 0.. {
        let sql = statement(mark, (connection, number));
        if client.simple_query(&sql).await.is_err() {
            return;
        }
        let line = format!("{connection} {number} {} {}\n", sql.len(), unix(SystemTime::now()));
        if notes.write_all(line.as_bytes()).is_err() {
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Most are short; now and then one spans many pages of a disk.
fn statement(mark: &str, name: Name) -> String {
    let (connection, number) = name;
    let long = match number % 50 {
        49 => 60_000,
        7 | 23 => 3000,
        other => other as usize,
    };
    format!("SELECT '{mark}-{connection}-{number}-' /* {} */", "x".repeat(long))
}

/// The statements of these texts' marks.
pub(super) fn named(text: &str, mark: &str) -> impl Iterator<Item = Name> {
    let mark = format!("{mark}-");
    text.split(&mark)
        .skip(1)
        .filter_map(|rest| {
            let mut numbers = rest.split('-').map(|number| number.parse().ok());
            Some((numbers.next()??, numbers.next()??))
        })
        .collect::<Vec<_>>()
        .into_iter()
}

/// What a job noted.
pub(super) fn noted(notes: &Path) -> anyhow::Result<BTreeMap<Name, Note>> {
    let text = std::fs::read_to_string(notes).unwrap_or_default();
    text.lines()
        .map(|line| {
            let numbers: Vec<u64> = line.split(' ').map_while(|number| number.parse().ok()).collect();
            let [connection, number, bytes, at] = numbers[..] else { anyhow::bail!("no note: {line}") };
            Ok(((u32::try_from(connection)?, u32::try_from(number)?), Note { bytes, at }))
        })
        .collect()
}

/// Nanoseconds since 1970.
pub(super) fn unix(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).ok().and_then(|since| u64::try_from(since.as_nanos()).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_found_by_its_mark() {
        let text = format!("{}\n{}", statement("p7g0", (1, 49)), statement("p7g1", (0, 2)));
        assert_eq!(named(&text, "p7g0").collect::<Vec<_>>(), [(1, 49)]);
        assert_eq!(named(&text, "p7g").collect::<Vec<_>>(), []);
    }
}
