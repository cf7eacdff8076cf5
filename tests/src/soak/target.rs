//! The target: counts each connection that reaches it, by the destination that it was made to.

use super::destination::{PORTS, number};
use crate::bypass::World;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{Ipv6Addr, TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// Its thread, which ends when this is dropped.
#[derive(Debug)]
pub(super) struct Target {
    reached: Arc<Mutex<BTreeSet<u32>>>,
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Target {
    /// Listens on the far side of `world`.
    pub(super) fn start(world: &World) -> Self {
        let (reached, end) = (Arc::<Mutex<BTreeSet<u32>>>::default(), Arc::new(AtomicBool::new(false)));
        let (namespace, seen, ending) = (world.out(), Arc::clone(&reached), Arc::clone(&end));
        let thread = std::thread::spawn(move || {
            crate::bypass::enter(&namespace).expect("the namespace is there");
            listen(&seen, &ending);
        });
        Self { reached, end, thread: Some(thread) }
    }

    /// The numbers of all connections that have reached it.
    pub(super) fn reached(&self) -> BTreeSet<u32> {
        self.reached.lock().expect("no thread panics with it").clone()
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

fn listen(reached: &Mutex<BTreeSet<u32>>, end: &AtomicBool) {
    let bind = |port| TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).expect("nobody else is in this namespace");
    let listeners: Vec<TcpListener> = PORTS.map(bind).collect();
    while !end.load(Ordering::Relaxed) {
        let mut ready: Vec<PollFd<'_>> = listeners.iter().map(|one| PollFd::new(one.as_fd(), PollFlags::POLLIN)).collect();
        if !poll(&mut ready, PollTimeout::from(100_u8)).is_ok_and(|ready| ready > 0) {
            continue;
        }
        let is_ready: Vec<bool> = ready.iter().map(|one| one.any().unwrap_or(false)).collect();
        for (listener, _) in listeners.iter().zip(is_ready).filter(|(_, ready)| *ready) {
            if let Ok((client, _)) = listener.accept() {
                if let Some(number) = client.local_addr().ok().and_then(number) {
                    reached.lock().expect("no thread panics with it").insert(number);
                }
                std::thread::spawn(move || answer(client));
            }
        }
    }
}

fn answer(mut client: TcpStream) {
    client.set_read_timeout(Some(Duration::from_secs(2))).ok();
    if client.read(&mut [0; 64]).is_ok_and(|length| length > 0) {
        client.write_all(b"ok").ok();
    }
}
