//! Waiting with a deadline, and ports that are free.

use std::net::TcpListener;
use std::time::{Duration, Instant};

/// How often a condition is looked at.
const EVERY: Duration = Duration::from_millis(20);

/// Looks until `find` finds something; panics with `what` after `seconds`.
pub fn wait_until<T>(what: &str, seconds: u64, mut find: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    loop {
        if let Some(found) = find() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {seconds} s in vain for: {what}");
        std::thread::sleep(EVERY);
    }
}

/// A port of 127.0.0.1 that nobody listens on now.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("the loopback device has free ports");
    listener.local_addr().expect("a bound socket has an address").port()
}
