//! A process that connects again and again and says how long it took: what the hooks cost.

use crate::bypass::FailedAt as _;
use anyhow::{Context as _, anyhow};
use socket2::{Domain, SockAddr, Socket, Type};
use std::io::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// For each line on the standard input, a count, connects so often to `to` and prints a line: the median of the time that
/// `socket` took and of the time that `connect` took, in nanoseconds.
///
/// # Errors
/// Where a connect fails, or nobody reads.
pub fn connects(to: &str) -> anyhow::Result<()> {
    let to: SocketAddr = to.parse().context("an address and a port")?;
    for line in std::io::stdin().lines() {
        let count: usize = line?.trim().parse().context("a count")?;
        let (mut made, mut connected) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for _ in 0..count {
            let begun = Instant::now();
            let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
            let between = Instant::now();
            let result = socket.connect(&SockAddr::from(to)).at("connect");
            connected.push(between.elapsed());
            result.map_err(|failed| anyhow!("{failed:?}"))?;
            made.push(between - begun);
            // No TIME_WAIT that a later connect would have to get round.
            socket.set_linger(Some(Duration::ZERO))?;
        }
        let mut out = std::io::stdout();
        writeln!(out, "{} {}", median(made), median(connected))?;
        out.flush()?;
    }
    Ok(())
}

fn median(mut times: Vec<Duration>) -> u128 {
    times.sort_unstable();
    times.get(times.len() / 2).map_or(0, Duration::as_nanos)
}
