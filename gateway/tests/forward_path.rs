//! The relay's forward path on a real Postgres, recording on: what a round trip allocates is counted.
#![allow(unsafe_code, reason = "an allocator that counts can only be written so")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it counted"
)]

#[path = "support/house.rs"]
mod house;
mod support;

use gateway_core::model::ids::{RunId, SessionId};
use gateway_core::policy::{Mode, PolicySet};
use gateway_core::protocol::{Answer, Interest, postgres};
use house::{House, principal, target};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use support::{OPEN, Postgres};
use weir::evidence::{EvidenceSettings, Store, now};
use weir::session::enforce::{Enforcer, Limits};
use weir::session::gather;
use weir::session::live::Session;
use weir::session::relay::{Action, Relay, Step};
use weir::session::transport::Peer;

/// Round trips until everything has the size that it keeps.
const WARM: usize = 2_000;
/// Round trips that are counted.
const COUNTED: usize = 5_000;

thread_local! {
    static COUNTS: Cell<bool> = const { Cell::new(false) };
}
static COUNTING: AtomicBool = AtomicBool::new(false);
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

struct Counting;

fn count() {
    if COUNTS.get() && COUNTING.load(Ordering::Relaxed) {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
    }
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps this function's contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Each execution is asked about, and the quota is far away.
const QUOTA: &str = r#"
@id("allow-all") permit (principal, action, resource);
@id("quota") forbid (principal, action, resource in Target::"test") when { context.run.rows > 1000000000 };
"#;

/// The relay flushes its record by time and by size, not by message: what that costs is spread over
/// hundreds of round trips, and this is the most that it may come to.
#[test]
fn a_round_trip_allocates_nothing() {
    check(None);
}

#[test]
fn nor_does_one_whose_execution_is_judged() {
    check(Some(&QUOTA.replace("action, resource in", r#"action in Action::"operation", resource in"#)));
}

/// Runs a client through the relay, judged by `policy` if there is one, and counts.
fn check(policy: Option<&str>) {
    static ONE_COUNTS: Mutex<()> = Mutex::new(());
    let _alone = ONE_COUNTS.lock().unwrap_or_else(PoisonError::into_inner);
    ALLOCATIONS.store(0, Ordering::Relaxed);
    let server = Postgres::start(None);
    server.psql(&format!("CREATE ROLE {OPEN} LOGIN"));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let client = std::thread::spawn(move || converse(address));
    let (accepted, _) = listener.accept().unwrap();
    accepted.set_nonblocking(true).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path(), EvidenceSettings::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    COUNTS.set(true);
    let statements = runtime.block_on(relay(accepted, server.address, &store, policy));
    COUNTS.set(false);
    client.join().unwrap();
    let allocations = ALLOCATIONS.load(Ordering::Relaxed);
    println!("{allocations} allocations in {COUNTED} round trips");
    assert!(statements as usize >= WARM + COUNTED, "only {statements} statements went by");
    assert!(allocations < COUNTED as u64 / 100, "{allocations} allocations in {COUNTED} round trips");
}

async fn relay(accepted: TcpStream, server: SocketAddr, store: &Store, policy: Option<&str>) -> u64 {
    tokio::spawn(gather::start().unwrap());
    let run = RunId::new(now(), 1);
    let session = Arc::new(Session::new(SessionId::new(now(), 1), principal(run), target(), server));
    let recorder = store.begin(session.id, run, &serde_json::json!({})).unwrap();
    let engine = postgres::Session::new(postgres::Settings {
        client_tls: false,
        require_client_tls: false,
        server_tls: postgres::ServerTls::Never,
        passthrough: true,
        replication: false,
        interest: Interest {
            operations: policy.is_some(),
            executions: policy.is_some(),
            result_rows: 100,
            result_bytes: 1 << 20,
            parameter_bytes: 4096,
            digests: false,
            sealed: false,
            texts: true,
            masks: false,
            payloads: true,
        },
        nonce: "n".to_owned(),
        application_tag: Some(format!("weir:{}", session.id)),
        limits: postgres::Limits::default(),
    });
    let client = Peer::new(tokio::net::TcpStream::from_std(accepted).unwrap());
    let flush = Duration::from_millis(200);
    let mut relay = Relay::new(Box::new(engine), client, Arc::clone(&session), recorder, Duration::from_secs(30), flush);
    if let Some(policy) = policy {
        let house = House::of(PolicySet::load(vec![("a.cedar".to_owned(), policy.to_owned())]).unwrap());
        relay.enforce(Enforcer::new(Arc::new(house), session, Mode::Enforce, Limits::default()));
    }
    loop {
        match relay.run().await {
            Step::Do(Action::Dial { .. }) => {
                let tcp = tokio::net::TcpStream::connect(server).await.unwrap();
                tcp.set_nodelay(true).unwrap();
                relay.server = Some(Peer::new(tcp));
                relay.answer(Answer::Dialled { client_secret: [7; 32] });
            }
            Step::Full => relay.room().await,
            Step::Closed(_) => break,
            other => panic!("{other:?}"),
        }
    }
    let statements = relay.totals().statements;
    relay.close(&serde_json::json!({ "reason": "test" })).await;
    statements
}

/// A client that prepares once and then binds, executes and syncs, one round trip at a time.
fn converse(address: SocketAddr) {
    let mut tcp = TcpStream::connect(address).unwrap();
    tcp.set_nodelay(true).unwrap();
    let startup = [&196_608u32.to_be_bytes()[..], b"user\0", OPEN.as_bytes(), b"\0database\0postgres\0\0"].concat();
    tcp.write_all(&[&(startup.len() as u32 + 4).to_be_bytes()[..], &startup].concat()).unwrap();
    until_ready(&mut tcp);
    let parse = message(b'P', b"one\0SELECT $1::int + 1\0\0\0");
    tcp.write_all(&[parse, message(b'S', b"")].concat()).unwrap();
    until_ready(&mut tcp);
    let bind = message(b'B', b"\0one\0\0\0\0\x01\0\0\0\x0242\0\0");
    let cycle = [bind, message(b'E', b"\0\0\0\0\0"), message(b'S', b"")].concat();
    for round in 0..WARM + COUNTED {
        if round == WARM {
            COUNTING.store(true, Ordering::Relaxed);
        }
        tcp.write_all(&cycle).unwrap();
        until_ready(&mut tcp);
    }
    COUNTING.store(false, Ordering::Relaxed);
    tcp.write_all(&message(b'X', b"")).unwrap();
}

/// Reads whole messages up to ReadyForQuery; any error of the server fails the test.
fn until_ready(tcp: &mut TcpStream) {
    loop {
        let mut header = [0; 5];
        tcp.read_exact(&mut header).unwrap();
        let [kind, length @ ..] = header;
        let mut body = vec![0; u32::from_be_bytes(length) as usize - 4];
        tcp.read_exact(&mut body).unwrap();
        assert_ne!(kind, b'E', "{}", String::from_utf8_lossy(&body));
        if kind == b'Z' {
            return;
        }
    }
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &(body.len() as u32 + 4).to_be_bytes(), body].concat()
}
