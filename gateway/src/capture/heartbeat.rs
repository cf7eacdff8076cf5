//! The thread that tells the kernel side each second that the gateway lives, and clears what nobody took.

use super::CaptureError;
use super::sys;
use gateway_common::{ConnectRecord, ConnectionKey, SourceAddresses};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Mutex;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

const PERIOD: Duration = Duration::from_secs(1);
/// How many stamps pass between two clearings.
const CLEAR_EVERY: u32 = 30;
/// A record that has not been taken for so long belongs to a connection that never came.
const FORGOTTEN_NS: u64 = 120_000_000_000;

/// The maps that the thread writes.
pub(super) struct Maps {
    pub(super) heartbeat: OwnedFd,
    pub(super) sources: OwnedFd,
    pub(super) records: OwnedFd,
}

/// How long a program of the kernel side may take, where it can't be waited for.
const PROGRAM: Duration = Duration::from_millis(100);

/// The running thread; it ends when this is dropped or stopped.
pub(super) struct Heartbeat {
    running: Mutex<Option<(Sender<Last>, JoinHandle<()>)>>,
}

/// What the thread does last.
struct Last;

impl Heartbeat {
    /// Stamps once, then starts the thread.
    pub(super) fn start(maps: Maps) -> Result<Self, CaptureError> {
        stamp(&maps).map_err(|source| CaptureError::Map { what: "the heartbeat", source })?;
        show_sources(&maps);
        let (stop, stopped) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("heartbeat".to_owned())
            .spawn(move || beat(&maps, &stopped))
            .map_err(|source| CaptureError::Thread { name: "heartbeat", source })?;
        Ok(Self { running: Mutex::new(Some((stop, thread))) })
    }

    /// Stops the stamps: three seconds later every new connect is refused.
    pub(super) fn stop(&self) {
        self.end(drop);
    }

    /// Stops them and takes the last one back: every new connect is refused once this returns, and nobody is stopped any
    /// more to wait for the gateway.
    pub(super) fn withdraw(&self) {
        self.end(|stop| {
            let _heard = stop.send(Last).is_ok();
        });
    }

    fn end(&self, tell: impl FnOnce(Sender<Last>)) {
        let running = self.running.lock().map(|mut running| running.take());
        if let Ok(Some((stop, thread))) = running {
            tell(stop);
            if thread.join().is_err() {
                tracing::error!("the heartbeat thread panicked");
            }
        }
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.stop();
    }
}

fn beat(maps: &Maps, stopped: &mpsc::Receiver<Last>) {
    // The first clearing comes at once: a gateway that never lives for long would leave all to the next.
    let mut until_clearing = 1;
    loop {
        match stopped.recv_timeout(PERIOD) {
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
            Ok(Last) => return withdraw(maps),
        }
        if let Err(error) = stamp(maps) {
            tracing::error!(%error, "the heartbeat could not be written; connects are refused");
        }
        until_clearing -= 1;
        if until_clearing == 0 {
            until_clearing = CLEAR_EVERY;
            show_sources(maps);
            if let Err(error) = clear(maps) {
                tracing::warn!(%error, "records that nobody took could not be cleared");
            }
        }
    }
}

fn withdraw(maps: &Maps) {
    if let Err(error) = sys::update(maps.heartbeat.as_fd(), &0_u32, &0_u64) {
        tracing::error!(%error, "the heartbeat could not be taken back; connects are refused in three seconds");
    }
    // Whoever saw it in time still acts on it.
    if let Err(error) = sys::wait_for_programs() {
        tracing::debug!(%error, "no membarrier(2): programs of the kernel side are given some time instead");
        std::thread::sleep(PROGRAM);
    }
}

fn stamp(maps: &Maps) -> std::io::Result<()> {
    // The kernel mints run numbers by the time of day, which its programs can't read.
    sys::update(maps.heartbeat.as_fd(), &1_u32, &sys::wall_offset_ns())?;
    sys::update(maps.heartbeat.as_fd(), &0_u32, &sys::boottime_ns())
}

/// Removes records that the gateway will not ask for any more.
fn clear(maps: &Maps) -> std::io::Result<()> {
    let (records, now) = (maps.records.as_fd(), sys::boottime_ns());
    let mut next = sys::next_key::<ConnectionKey>(records, None)?;
    while let Some(key) = next {
        next = sys::next_key(records, Some(&key))?;
        let record = sys::lookup::<_, ConnectRecord>(records, &key)?;
        if record.is_some_and(|record| now.saturating_sub(record.seen_boottime_ns) > FORGOTTEN_NS) {
            sys::remove(records, &key)?;
        }
    }
    Ok(())
}

/// Tells the kernel side from where this host would have dialled.
fn show_sources(maps: &Maps) {
    let mut sources = SourceAddresses::default();
    if let Some(SocketAddr::V4(v4)) = source_to("0.0.0.0:0", "192.0.2.1:9") {
        sources.v4 = v4.ip().octets();
    }
    if let Some(SocketAddr::V6(v6)) = source_to("[::]:0", "[2001:db8::1]:9") {
        sources.v6 = v6.ip().octets();
    }
    if let Err(error) = sys::update(maps.sources.as_fd(), &0_u32, &sources) {
        tracing::warn!(%error, "this host's addresses could not be handed over; getsockname shows loopback");
    }
}

/// The source that a datagram to `remote` would have; none is sent.
fn source_to(local: &str, remote: &str) -> Option<SocketAddr> {
    let socket = UdpSocket::bind(local).ok()?;
    socket.connect(remote).ok()?;
    socket.local_addr().ok()
}
