//! The question beside the pump: what goes on while it waits, and what ends it.

use super::*;
use crate::catalog::Place;
use crate::evidence::{EvidenceSettings, Store};
use crate::ledger::{Hold, InForce};
use crate::session::enforce::{House, Limits, Pending, Request};
use crate::session::live::KillOrder;
use crate::session::totals::Totals as RunningTotals;
use gateway_core::buffer::Buffer;
use gateway_core::inspect::catalog::Catalog;
use gateway_core::inspect::postgres::Reading;
use gateway_core::inspect::{Inspection, Statement, TransactionControl};
use gateway_core::model::ids::{HoldId, RunId, SessionId};
use gateway_core::model::principal::{Grade, Principal, Process, WorkloadId};
use gateway_core::model::target::{ProtocolName, Target};
use gateway_core::policy::{Mode, PolicySet};
use gateway_core::protocol::{Directive, Encoding, Event, OperationId, OperationKind, Standing, Transaction};
use std::sync::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// Asks about whatever the client sends, and forwards it with the answer. The server's bytes pass.
#[derive(Default)]
struct AsksAlways {
    waits: bool,
    allowed: bool,
}

impl Protocol for AsksAlways {
    fn receive(&mut self, from: Side, input: &mut Buffer, output: &mut Output) -> Result<(), ProtocolError> {
        let length = input.len();
        match from {
            Side::Server => input.forward(length, &mut output.to_client),
            Side::Client if self.allowed => {
                self.allowed = false;
                input.forward(length, &mut output.to_server);
            }
            Side::Client => {
                self.waits = true;
                let (name, text) = (output.keep(b""), output.keep(b"COMMIT"));
                let standing = Standing {
                    transaction: Transaction::Idle,
                    settled: true,
                    settings_known: true,
                    changed: false,
                    standard_conforming_strings: true,
                    encoding: Encoding::Utf8,
                };
                output.events.push(Event::Ask {
                    id: OperationId(1),
                    kind: OperationKind::Query,
                    name,
                    text,
                    parameters: None,
                    standing,
                });
            }
        }
        Ok(())
    }

    fn answer(&mut self, answer: Answer, _output: &mut Output) -> Result<(), ProtocolError> {
        if let Answer::Verdict { directive, .. } = answer {
            self.waits = false;
            self.allowed = matches!(directive, Directive::Forward(_));
        }
        Ok(())
    }

    fn end(&mut self, _from: Side, output: &mut Output) -> Result<(), ProtocolError> {
        output.events.push(Event::Close(CloseReason::ClientDone));
        Ok(())
    }

    fn refuse(&mut self, _refusal: &Refusal, _output: &mut Output) {}

    fn wants(&self, side: Side) -> bool {
        side == Side::Server || !self.waits
    }

    fn totals(&self) -> Totals {
        Totals::default()
    }
}

/// A house whose inspection comes when the test says so.
struct Slow {
    totals: RunningTotals,
    policy: Arc<PolicySet>,
    release: Mutex<Option<oneshot::Receiver<()>>>,
}

impl House for Slow {
    fn policy(&self) -> Arc<PolicySet> {
        Arc::clone(&self.policy)
    }

    fn in_force(&self) -> Arc<InForce> {
        Arc::default()
    }

    fn has(&self, _set: &Arc<PolicySet>, _in_force: &Arc<InForce>) -> bool {
        true
    }

    fn mode(&self, _session: &Session) -> Mode {
        Mode::Enforce
    }

    fn ask_people(&self, _session: &Arc<Session>, _request: &Request) -> (HoldId, Pending<Result<Hold, String>>) {
        (HoldId::from_number(1), Box::pin(std::future::ready(Err("nobody is there".to_owned()))))
    }

    fn totals(&self) -> &RunningTotals {
        &self.totals
    }

    fn kill_run(&self, _run: RunId, _order: &KillOrder) {}

    fn cancel(&self, _session: &Arc<Session>) {}

    fn inspect(&self, _text: Arc<str>, _reading: Reading) -> Pending<Arc<Inspection>> {
        let release = self.release.lock().unwrap().take();
        Box::pin(async move {
            if let Some(release) = release {
                release.await.unwrap();
            }
            let commit = Statement { command: "COMMIT", transaction: Some(TransactionControl::Commit), ..Statement::default() };
            Arc::new(Inspection { statements: vec![Arc::new(commit)], cross_checked: true })
        })
    }

    fn catalog(&self, _session: &Arc<Session>, _database: &str) -> Pending<Result<Option<Arc<Catalog>>, String>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn inspected(&self, _text: &str, _reading: Reading) -> Option<Arc<Inspection>> {
        None
    }

    fn catalog_now(&self, _session: &Session, _database: &str) -> Option<Option<Arc<Catalog>>> {
        Some(None)
    }

    fn place(&self, session: &Session, database: &str) -> Place {
        Place { address: session.address, database: database.into(), columns: false }
    }

    fn catalog_changed(&self, _session: &Session, _database: &str) {}
}

struct Bed {
    _state: tempfile::TempDir,
    relay: Relay,
    session: Arc<Session>,
    release: oneshot::Sender<()>,
    client: TcpStream,
    server: TcpStream,
}

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (near, far) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
    (near.unwrap(), far.unwrap().0)
}

/// A session whose client has asked, and whose question waits.
async fn asked() -> Bed {
    let state = tempfile::tempdir().unwrap();
    let run = RunId::new(now(), 1);
    let principal = Principal {
        workload: WorkloadId("spiffe://test/w".to_owned()),
        name: None,
        owner: None,
        grade: Grade::Kernel,
        run,
        process: Process::default(),
        claims: None,
        attested: None,
        attestation_failure: None,
        person: None,
    };
    let target = Target { name: "t".to_owned(), environment: None, protocol: ProtocolName::Postgres, configured: true };
    let ((mut client, near_client), (server, near_server)) = (pair().await, pair().await);
    let session = Arc::new(Session::new(SessionId::new(now(), 1), principal, target, server.local_addr().unwrap()));
    let store = Store::open(state.path(), EvidenceSettings::default()).unwrap();
    let recorder = store.begin(session.id, run, &serde_json::json!({})).unwrap();
    let long = Duration::from_secs(60);
    let engine = Box::new(AsksAlways::default());
    let mut relay = Relay::new(engine, Peer::new(near_client), Arc::clone(&session), recorder, long, long);
    relay.server = Some(Peer::new(near_server));
    relay.opened();
    let (release, waits) = oneshot::channel();
    let policy = Arc::new(PolicySet::load(Vec::new()).unwrap());
    let house = Slow { totals: RunningTotals::default(), policy, release: Mutex::new(Some(waits)) };
    relay.enforce(Enforcer::new(Arc::new(house), Arc::clone(&session), Mode::Enforce, Limits::default()));
    client.write_all(b"commit").await.unwrap();
    Bed { _state: state, relay, session, release, client, server }
}

/// Runs the pump until `done` is over.
async fn meanwhile<T>(relay: &mut Relay, done: impl Future<Output = T>) -> T {
    tokio::select! {
        step = relay.run() => panic!("{step:?}"),
        over = done => over,
    }
}

async fn read(from: &mut TcpStream, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    from.read_exact(&mut bytes).await.unwrap();
    bytes
}

#[tokio::test]
async fn the_servers_bytes_flow_while_a_question_waits_and_the_clients_do_not() {
    let Bed { mut relay, release, mut client, mut server, .. } = asked().await;
    server.write_all(b"notification").await.unwrap();
    assert_eq!(meanwhile(&mut relay, read(&mut client, 12)).await, b"notification");
    client.write_all(b", more").await.unwrap();
    server.write_all(b"another").await.unwrap();
    assert_eq!(meanwhile(&mut relay, read(&mut client, 7)).await, b"another");
    let mut early = [0; 1];
    assert!(server.try_read(&mut early).is_err(), "nothing of the client has passed");
    release.send(()).unwrap();
    assert_eq!(meanwhile(&mut relay, read(&mut server, 6)).await, b"commit");
}

#[tokio::test]
async fn a_client_that_hangs_up_withdraws_its_question() {
    let Bed { mut relay, release, client, mut server, .. } = asked().await;
    server.write_all(b"x").await.unwrap();
    let mut client = client;
    assert_eq!(meanwhile(&mut relay, read(&mut client, 1)).await, b"x");
    client.shutdown().await.unwrap();
    assert!(matches!(relay.run().await, Step::Closed(CloseReason::ClientDone)));
    assert!(release.is_closed(), "nobody waits for the answer any more");
    drop(relay);
    let mut rest = Vec::new();
    server.read_to_end(&mut rest).await.unwrap();
    assert!(rest.is_empty(), "{rest:?}");
}

#[tokio::test]
async fn a_kill_wins_over_a_question_and_over_its_answer() {
    let Bed { mut relay, session, release, mut client, mut server, .. } = asked().await;
    server.write_all(b"x").await.unwrap();
    assert_eq!(meanwhile(&mut relay, read(&mut client, 1)).await, b"x");
    release.send(()).unwrap();
    session.kill(KillOrder { by: "test".to_owned(), reason: String::new() });
    assert!(matches!(relay.run().await, Step::Killed));
    let mut early = [0; 1];
    assert!(server.try_read(&mut early).is_err(), "nothing of the client has passed");
}

#[tokio::test]
async fn a_kill_wakes_a_session_that_waits() {
    let Bed { mut relay, session, release: _waits, client: _open, server: _opened, .. } = asked().await;
    let killing = async {
        tokio::task::yield_now().await;
        session.kill(KillOrder { by: "test".to_owned(), reason: String::new() });
        std::future::pending::<()>().await;
    };
    tokio::select! {
        step = relay.run() => assert!(matches!(step, Step::Killed)),
        () = killing => {}
    }
}
