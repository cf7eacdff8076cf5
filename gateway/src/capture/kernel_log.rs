//! Carries the kernel side's own messages into this process's log, when that is asked for.

use super::CaptureError;
use aya::Ebpf;
use aya_log::EbpfLogger;
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// How long a message may wait, and how long a stop may take.
const PATIENCE_MS: u16 = 200;

/// The thread that reads the messages; it ends when this is dropped.
pub(super) struct KernelLog {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl KernelLog {
    /// Starts reading. The messages reach `tracing` through the `log` bridge of its subscriber.
    pub(super) fn start(object: &mut Ebpf) -> Result<Self, CaptureError> {
        let mut logger = EbpfLogger::init(object).map_err(|error| CaptureError::KernelLog(error.to_string()))?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let read = move || {
            while !stopped.load(Ordering::Relaxed) {
                let mut wait = [nix::poll::PollFd::new(logger.as_fd(), nix::poll::PollFlags::POLLIN)];
                if nix::poll::poll(&mut wait, PATIENCE_MS).is_ok_and(|ready| ready > 0) {
                    logger.flush();
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name("kernel-log".to_owned())
            .spawn(read)
            .map_err(|source| CaptureError::Thread { name: "kernel-log", source })?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for KernelLog {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the kernel-log thread panicked");
        }
    }
}
