//! The job: told on its standard input what to do, it does one thing after another and says how that went, a line each.

use super::server::MEGABYTES;
use super::wire::{Client, query};
use anyhow::{Context as _, bail};
use std::io::{BufRead as _, Write as _};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, LocalSet};

/// Sessions that connect at once.
const TOGETHER: usize = 32;

/// Does what it is told until its standard input ends.
///
/// # Errors
/// Where a session breaks or is refused: that is no measurement.
pub fn work(address: SocketAddr) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = LocalSet::new();
    // What was begun to lie idle stays.
    let mut idle = Vec::new();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let mut words = line.split(' ');
        let what = words.next().unwrap_or_default();
        let numbers: Vec<u64> = words.map(str::parse).collect::<Result<_, _>>()?;
        let said = local.block_on(&runtime, async {
            match (what, numbers.as_slice()) {
                ("idle", [count]) => begin(address, *count, &mut idle).await,
                ("busy", [count, seconds]) => busy(address, *count, Duration::from_secs(*seconds)).await,
                ("connects", [rate, seconds]) => connects(address, *rate, *seconds).await,
                ("stream", [megabytes]) => stream(address, *megabytes).await,
                _ => bail!("nothing to be done: {line:?}"),
            }
        })?;
        writeln!(std::io::stdout().lock(), "{said}")?;
    }
    Ok(())
}

/// So many more sessions, each of which has run a statement.
async fn begin(address: SocketAddr, count: u64, idle: &mut Vec<Client>) -> anyhow::Result<String> {
    idle.extend(open(address, count).await?);
    Ok(format!("{}", idle.len()))
}

async fn open(address: SocketAddr, count: u64) -> anyhow::Result<Vec<Client>> {
    let (places, mut begun) = (Rc::new(Semaphore::new(TOGETHER)), JoinSet::new());
    for _ in 0..count {
        let places = Rc::clone(&places);
        begun.spawn_local(async move {
            let _place = places.acquire().await?;
            let mut buffer = Vec::new();
            let mut client = Client::connect(address, &mut buffer).await?;
            client.query(&query("SELECT n FROM public.numbers WHERE n = 1")?, &mut buffer).await?;
            Ok::<_, anyhow::Error>(client)
        });
    }
    let mut clients = Vec::new();
    while let Some(client) = begun.join_next().await {
        clients.push(client??);
    }
    Ok(clients)
}

/// So many sessions that run one statement after another: how many in all, the median and the 99th percentile in µs.
async fn busy(address: SocketAddr, count: u64, time: Duration) -> anyhow::Result<String> {
    let clients = open(address, count).await?;
    let message: Rc<[u8]> = query("SELECT n FROM public.numbers WHERE n = 2")?.into();
    let (began, mut working) = (Instant::now(), JoinSet::new());
    for mut client in clients {
        let message = Rc::clone(&message);
        working.spawn_local(async move {
            let (mut times, mut buffer) = (Vec::new(), Vec::new());
            while began.elapsed() < time {
                let asked = Instant::now();
                client.query(&message, &mut buffer).await?;
                times.push(asked.elapsed());
            }
            Ok::<_, anyhow::Error>(times)
        });
    }
    let mut times = Vec::new();
    while let Some(one) = working.join_next().await {
        times.extend(one??);
    }
    said(times, began.elapsed())
}

/// So many sessions a second, at moments that do not wait for those before; each runs a statement and leaves.
async fn connects(address: SocketAddr, rate: u64, seconds: u64) -> anyhow::Result<String> {
    let (began, mut working) = (tokio::time::Instant::now(), JoinSet::new());
    for number in 0..rate * seconds {
        tokio::time::sleep_until(began + Duration::from_secs(1).mul_f64(number as f64 / rate as f64)).await;
        working.spawn_local(async move {
            let (asked, mut buffer) = (Instant::now(), Vec::new());
            let mut client = Client::connect(address, &mut buffer).await?;
            client.query(&query("SELECT n FROM public.numbers WHERE n = 3")?, &mut buffer).await?;
            Ok::<_, anyhow::Error>(asked.elapsed())
        });
    }
    let mut times = Vec::new();
    while let Some(one) = working.join_next().await {
        times.push(one??);
    }
    said(times, began.elapsed())
}

/// So many megabytes (10^6 bytes) in one result: the bytes, and the nanoseconds.
async fn stream(address: SocketAddr, megabytes: u64) -> anyhow::Result<String> {
    let mut buffer = Vec::new();
    let mut client = Client::connect(address, &mut buffer).await?;
    let began = Instant::now();
    let bytes = client.query(&query(&format!("SELECT n FROM public.numbers WHERE {MEGABYTES}{megabytes}"))?, &mut buffer).await?;
    Ok(format!("{bytes} {}", began.elapsed().as_nanos()))
}

/// How many, the nanoseconds of all, and those of the median and the 99th percentile.
fn said(mut times: Vec<Duration>, took: Duration) -> anyhow::Result<String> {
    times.sort_unstable();
    let at = |part: usize| times.get(times.len() * part / 100).map(Duration::as_nanos).context("nothing was done");
    Ok(format!("{} {} {} {}", times.len(), took.as_nanos(), at(50)?, at(99)?))
}
