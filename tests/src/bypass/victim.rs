//! A process outside the job, of the same user: it holds a connected socket, and sends on whatever appears in its memory.

use std::io::Write as _;
use std::net::TcpStream;
use std::os::fd::AsRawFd as _;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

/// Where a job that may write its memory would put its token.
static MEMORY: [AtomicU8; 64] = [const { AtomicU8::new(0) }; 64];

/// How long it lives at most.
const LIFE: Duration = Duration::from_secs(600);

/// Connects to `to`, prints where its memory is and which descriptor is the socket, and waits.
///
/// # Errors
/// Where the destination is not reached, or nobody reads what it prints.
pub fn victim(to: &str) -> anyhow::Result<()> {
    let mut held = TcpStream::connect(to)?;
    let memory = MEMORY.as_ptr().expose_provenance();
    let mut out = std::io::stdout();
    writeln!(out, "{memory} {}", held.as_raw_fd())?;
    out.flush()?;
    let begun = Instant::now();
    while begun.elapsed() < LIFE && nix::unistd::getppid().as_raw() != 1 {
        if MEMORY.iter().any(|byte| byte.load(Ordering::Relaxed) != 0) {
            // Who writes it word for word is to have the time.
            std::thread::sleep(Duration::from_millis(100));
        }
        let bytes: Vec<u8> = MEMORY.iter().map(|byte| byte.load(Ordering::Relaxed)).take_while(|&byte| byte != 0).collect();
        if !bytes.is_empty() {
            TcpStream::connect(to).and_then(|mut socket| socket.write_all(&bytes)).or_else(|_| held.write_all(&bytes)).ok();
            for byte in &MEMORY {
                byte.store(0, Ordering::Relaxed);
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
