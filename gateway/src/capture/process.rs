//! Processes by number and start, since numbers come again.

use std::path::Path;

/// When a process started, in ticks of 10 ms since boot, as `/proc/PID/stat` has it.
pub(crate) fn start_ticks(pid: u32) -> Option<u64> {
    let text = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
    // The name, in parentheses, may hold anything; the start is the 20th field behind it.
    text.rsplit_once(')')?.1.split_ascii_whitespace().nth(19)?.parse().ok()
}

/// The same in nanoseconds since boot, rounded down to a tick.
pub(crate) fn start_ns(pid: u32) -> Option<u64> {
    start_ticks(pid).map(|ticks| ticks * gateway_common::TICK_NS)
}

/// Whether the process that started then still runs.
pub(crate) fn is_running(pid: u32, ticks: u64) -> bool {
    start_ticks(pid) == Some(ticks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_runs_and_its_predecessor_does_not() {
        let pid = std::process::id();
        let ticks = start_ticks(pid).unwrap();
        assert!(is_running(pid, ticks) && !is_running(pid, ticks + 1));
        assert_eq!(start_ticks(u32::MAX), None);
    }
}
