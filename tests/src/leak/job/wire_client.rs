//! Exact protocol messages: many cases on one connection, or one that has a connection of its own.

use super::{Order, timed, variable};
use crate::wire::{Connection, Received, Script, Step, message};
use std::path::Path;

/// Plays all orders that are scripts.
pub(super) fn play(orders: &[Order], out: &Path) -> anyhow::Result<()> {
    let mut shared: Option<Connection> = None;
    for order in orders.iter().filter(|order| order.client.starts_with("wire")) {
        let script = Script::decode(order.sent.first().map(Vec::as_slice).unwrap_or_default())?;
        let mut came = Vec::new();
        let mut connection = match shared.take().filter(|_| order.client == "wire") {
            Some(connection) => Some(connection),
            None => connect(order, &mut came),
        };
        let what = format!("messages of {}", order.key);
        let state = timed(&what, || Ok(connection.as_mut().and_then(|connection| steps(&script, connection, &mut came))))?;
        std::fs::write(out.join(format!("{}.bytes", order.key)), came)?;
        if order.client == "wire" {
            shared = connection.filter(|_| state.is_some());
            if let Some(connection) = shared.as_mut().filter(|_| state != Some(b'I')) {
                let ended = steps(&Script::new().query("ROLLBACK"), connection, &mut Vec::new());
                shared = shared.take().filter(|_| ended == Some(b'I'));
            }
        } else if let Some(mut connection) = connection {
            connection.send(&message::terminate()).ok();
        }
    }
    Ok(())
}

fn connect(order: &Order, came: &mut Vec<u8>) -> Option<Connection> {
    let (user, database) = (variable("PGUSER").ok()?, variable("PGDATABASE").ok()?);
    let mut parameters = vec![("user", user.as_str()), ("database", &database), ("application_name", &order.key)];
    if order.client == "wire-replication" {
        parameters.push(("replication", "database"));
    }
    let port = variable("PGPORT").ok()?.parse().ok()?;
    let opened = Connection::open(&variable("PGHOST").ok()?, port, &variable("PGPASSWORD").unwrap_or_default(), &parameters);
    opened
        .map_err(|error| {
            // The words of a refused login, as a message that the verdict can read.
            let body = format!("VFATAL\0C08006\0M{error:#}\0\0");
            came.extend(message::message(b'E', body.as_bytes()));
        })
        .ok()
}

/// The state of the transaction at the end; none where the connection has ended.
fn steps(script: &Script, connection: &mut Connection, came: &mut Vec<u8>) -> Option<u8> {
    let mut state = None;
    for step in &script.steps {
        match step {
            Step::Send(bytes) => connection.send(bytes).ok()?,
            Step::Until(kind, times) => {
                let mut left = *times;
                while left > 0 {
                    let received = connection.receive().ok()?;
                    keep(&received, came);
                    if received.kind == b'Z' {
                        state = received.body.first().copied();
                    }
                    // As of any script: an error also ends the wait for what it made impossible.
                    if received.kind == *kind || (received.kind == b'E' && *kind != b'Z') {
                        left -= 1;
                    }
                }
            }
            Step::Pause => {}
        }
    }
    state
}

fn keep(received: &Received, came: &mut Vec<u8>) {
    came.extend(message::message(received.kind, &received.body));
}
