//! System calls of the gateway for each round trip of 16 clients, waits included, as the kernel's own tracepoint counts them.

use super::measure::rate_of;
use super::postgres::weir;
use super::stage::{Role, Size, Stage};
use super::way::Way;
use crate::run::tell;
use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use std::process::Command;
use std::thread::{scope, sleep};
use std::time::Duration;

/// What is counted, and by which name the report has it.
const EVENTS: [(&str, &str); 6] = [
    ("raw_syscalls:sys_enter", "all"),
    ("syscalls:sys_enter_recvfrom", "recvfrom"),
    ("syscalls:sys_enter_sendto", "sendto"),
    ("syscalls:sys_enter_io_uring_enter", "io_uring_enter"),
    ("syscalls:sys_enter_epoll_wait", "epoll_wait"),
    ("context-switches", "context_switches"),
];

/// For connects and first statements to be over.
const WARM: Duration = Duration::from_secs(2);

pub(super) fn syscalls(quick: bool) -> anyhow::Result<Value> {
    let (program, built) = weir(quick)?;
    let stage = Stage::set(&program, &Size { scale: 1, megabytes: 1 })?;
    let seconds = if quick { 1 } else { 5 };
    let whole = (seconds + 2 * WARM.as_secs()).to_string();
    let arguments = ["-S", "-n", "-M", "prepared", "-c", "16", "-j", "2", "-T", &whole];
    let (counted, done) = scope(|scope| {
        let client = scope.spawn(|| stage.client(Way::Weir, Role::Trusted, "pgbench", &arguments));
        sleep(WARM);
        let counted = count(&program.to_string_lossy(), seconds);
        (counted, client.join())
    });
    let rate = rate_of(&done.map_err(|_| anyhow::anyhow!("the client panicked"))??)?;
    let counted = counted?;
    let each = |name: &str| counted.iter().find(|(event, _)| *event == name).map(|(_, count)| count / seconds as f64 / rate);
    let calls: serde_json::Map<String, Value> =
        EVENTS.iter().filter_map(|(event, name)| Some(((*name).to_owned(), json!(each(event)?)))).collect();
    tell(&format!("for each round trip: {}", Value::Object(calls.clone())));
    Ok(json!({
        "syscalls_per_round_trip": calls.get("all").context("nothing was counted")?,
        "each": calls,
        "transactions_per_s": rate,
        "settings": { "seconds": seconds, "weir_build": built, "client": "pgbench -S -M prepared -c 16 -j 2", "counted": "all threads of the gateway, those of the record too" },
    }))
}

/// Counts for so many seconds what the gateway does.
fn count(program: &str, seconds: u64) -> anyhow::Result<Vec<(String, f64)>> {
    let pid = pid(program)?;
    let events = EVENTS.map(|(event, _)| event).join(",");
    let seconds = seconds.to_string();
    let mut perf = Command::new("perf");
    perf.args(["stat", "-x", ";", "-e", &events, "-p", &pid.to_string(), "--", "sleep", &seconds]);
    let output = perf.output().context("perf counts system calls: scripts/setup installs it (linux-perf)")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}", said.trim());
    let counted: Vec<(String, f64)> = said
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(';');
            let count = fields.next()?.parse().ok()?;
            Some((fields.nth(1)?.to_owned(), count))
        })
        .collect();
    ensure!(!counted.is_empty(), "perf counted nothing:\n{said}");
    Ok(counted)
}

/// The one `weir run` of this program.
fn pid(program: &str) -> anyhow::Result<u32> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let command = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let words: Vec<&[u8]> = command.split(|byte| *byte == 0).collect();
        if words.first() == Some(&program.as_bytes()) && words.get(1) == Some(&&b"run"[..]) {
            found.push(pid);
        }
    }
    // What it has started of itself is younger.
    found.into_iter().min().context("no gateway runs")
}
