//! The end of a session by order: the client at once, the server as soon as it can be made to.

use crate::catalog;
use crate::session::context::Shared;
use crate::session::dial::SideAccess;
use crate::session::live::{KillOutcome, Session};
use crate::session::transport::{Peer, Transport};
use gateway_core::model::target::ProtocolName;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};

/// Postgres' Terminate. The server reads it once it is idle, so its goodbye confirms the end.
const TERMINATE: [u8; 5] = [b'X', 0, 0, 0, 4];
/// Waits between cancel requests: what runs may have been between two statements.
const CANCEL_AFTER: [Duration; 6] = [
    Duration::from_millis(5),
    Duration::from_millis(50),
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_millis(1000),
    Duration::from_millis(2000),
];
/// How long the server may take to end once its backend was terminated.
const AFTER_TERMINATE: Duration = Duration::from_secs(5);

/// Resets the client, then cancels, repeats, terminates, and watches the server's end.
pub async fn kill(
    shared: &Shared,
    session: &Session,
    access: &SideAccess,
    client: &mut Peer,
    server: Option<Peer>,
) -> KillOutcome {
    let ordered = session.killed_at();
    client.reset();
    let mut outcome =
        KillOutcome { client_reset_ms: milliseconds(ordered), confirmed: true, server_ms: 0.0, how: "idle", cancels: 0 };
    if let Some(server) = server {
        end_server(shared, session, access, server, &mut outcome).await;
    }
    outcome.server_ms = milliseconds(ordered);
    outcome
}

async fn end_server(shared: &Shared, session: &Session, access: &SideAccess, mut server: Peer, outcome: &mut KillOutcome) {
    if session.target.protocol != ProtocolName::Postgres {
        // The protocol has no way to stop what runs: all there is to end is the connection.
        server.reset();
        outcome.how = "reset";
        return;
    }
    let mut transport = server.detach();
    let farewell = timeout(CANCEL_AFTER[0], say_goodbye(&mut transport)).await;
    if farewell.is_err() {
        tracing::debug!(session = %session.id, "the server takes no goodbye while it is busy");
    }
    for pause in CANCEL_AFTER {
        if timeout(pause, until_end(&mut transport)).await.is_ok() {
            outcome.how = if outcome.cancels == 0 { "idle" } else { "cancelled" };
            return;
        }
        if let Some(keys) = session.keys.get() {
            outcome.cancels += 1;
            if let Err(error) = catalog::cancel(access.address, &access.tls, keys.pid, &keys.server_secret).await {
                tracing::warn!(session = %session.id, %error, "a cancel request failed");
            }
        }
    }
    if timeout(CANCEL_AFTER[5], until_end(&mut transport)).await.is_ok() {
        outcome.how = "cancelled";
        return;
    }
    match access.terminate(shared, session).await {
        Ok(()) if timeout(AFTER_TERMINATE, until_end(&mut transport)).await.is_ok() => outcome.how = "terminated",
        Ok(()) => unconfirmed(session, outcome, "the backend was terminated but has not gone"),
        Err(why) => unconfirmed(session, outcome, &why),
    }
}

fn unconfirmed(session: &Session, outcome: &mut KillOutcome, why: &str) {
    tracing::error!(session = %session.id, why, "the session's end at the server is not confirmed");
    outcome.confirmed = false;
    outcome.how = "not confirmed";
}

async fn say_goodbye(transport: &mut Transport) -> std::io::Result<()> {
    match transport {
        Transport::Detached => Ok(()),
        Transport::Plain(tcp) => {
            tcp.write_all(&TERMINATE).await?;
            tcp.shutdown().await
        }
        Transport::ClientTls(tls) => tls.shutdown().await,
        Transport::ServerTls(tls) => {
            tls.write_all(&TERMINATE).await?;
            tls.shutdown().await
        }
    }
}

/// Reads and drops what the server still sends; over once it has closed, or reset, the connection.
async fn until_end(transport: &mut Transport) {
    let mut dropped = vec![0; 64 * 1024];
    loop {
        let read = match transport {
            Transport::Detached => return,
            Transport::Plain(tcp) => tcp.read(&mut dropped).await,
            Transport::ClientTls(tls) => tls.read(&mut dropped).await,
            Transport::ServerTls(tls) => tls.read(&mut dropped).await,
        };
        if !matches!(read, Ok(1..)) {
            return;
        }
    }
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}
