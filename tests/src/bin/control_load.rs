//! `weir-control-load N`: a job with N sessions that each run a statement a second, and what is told to it on its standard input.
//! Times are those of CLOCK_MONOTONIC, in nanoseconds.

use std::io::{BufRead as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, sleep};
use tokio_postgres::{Client, Config, NoTls};
use weir_tests::control_speed::monotonic_ns;

/// Sessions that connect at once.
const TOGETHER: usize = 16;
/// How long a probe rests between two connects.
const BREATH: Duration = Duration::from_millis(2);

#[derive(Default)]
struct Counts {
    statements: AtomicU64,
    errors: AtomicU64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let live: usize = std::env::args().nth(1).unwrap_or_default().parse()?;
    let counts = Arc::new(Counts::default());
    let places = Arc::new(tokio::sync::Semaphore::new(TOGETHER));
    let mut begun = tokio::task::JoinSet::new();
    for number in 0..live {
        let (counts, places) = (Arc::clone(&counts), Arc::clone(&places));
        begun.spawn(async move {
            let _place = places.acquire().await;
            let client = connect().await?;
            tokio::spawn(work(client, number, counts));
            Ok::<_, anyhow::Error>(())
        });
    }
    while let Some(one) = begun.join_next().await {
        one??;
    }
    say("ready", "");
    let (tell, mut told) = tokio::sync::mpsc::channel(64);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if tell.blocking_send(line).is_err() {
                return;
            }
        }
    });
    while let Some(line) = told.recv().await {
        match line.split_once(' ') {
            Some(("sleep", name)) => drop(tokio::spawn(asleep(name.to_owned()))),
            Some(("insert", name)) => drop(tokio::spawn(insert(name.to_owned()))),
            Some(("probe", name)) => drop(tokio::spawn(probe(name.to_owned()))),
            _ => {
                let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
                say("counts", &format!("{} {}", count(&counts.statements), count(&counts.errors)));
            }
        }
    }
    Ok(())
}

/// A statement a second, each session at a moment of its own.
async fn work(client: Client, number: usize, counts: Arc<Counts>) {
    sleep(Duration::from_millis(number as u64 * 997 % 1000)).await;
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match client.simple_query("SELECT count(*) FROM shop WHERE id < 20").await {
            Ok(_) => counts.statements.fetch_add(1, Ordering::Relaxed),
            Err(_) => {
                counts.errors.fetch_add(1, Ordering::Relaxed);
                return;
            }
        };
    }
}

/// A statement that would run for a minute, until its connection is gone.
async fn asleep(name: String) {
    let Ok(client) = connect().await else { return say("lost", &name) };
    say("begun", &name);
    let statement = format!("SELECT pg_sleep(60) /* {name} */");
    let ended = client.simple_query(&statement).await;
    say(if ended.is_err() { "gone" } else { "slept" }, &format!("{name} {}", monotonic_ns()));
}

/// A statement that waits for people, and says when it ran.
async fn insert(name: String) {
    let Ok(client) = connect().await else { return say("lost", &name) };
    let done = client.simple_query(&format!("INSERT INTO arrivals VALUES ('{name}', clock_timestamp())")).await;
    say(if done.is_ok() { "done" } else { "refused" }, &name);
}

/// Connects and leaves, again and again, until it is not let in any more.
async fn probe(name: String) {
    say("begun", &name);
    loop {
        if connect().await.is_err() {
            return say("gone", &format!("{name} {}", monotonic_ns()));
        }
        sleep(BREATH).await;
    }
}

async fn connect() -> anyhow::Result<Client> {
    let variable = |name: &str| std::env::var(name);
    let mut config = Config::new();
    config.host(variable("PGHOST")?).port(variable("PGPORT")?.parse()?).user(variable("PGUSER")?);
    config.dbname(variable("PGDATABASE")?).password(variable("PGPASSWORD")?);
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

fn say(what: &str, of: &str) {
    // Whoever started it has gone otherwise, and it ends with its standard input.
    let _told = writeln!(std::io::stdout().lock(), "{what} {of}").is_ok();
}
