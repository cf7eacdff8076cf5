//! What a rule wants done is done as a person's command is: a workload is blocked, a run is killed.

use crate::api::client::{self, ClientError};
use crate::control::{Actor, BlockRequest, Command, CommandError, Desk, Reply, RunOrder};
use crate::telemetry::count;
use gateway_core::control::block::Subject;
use gateway_core::control::hold::REASON_BYTES;
use gateway_core::finding::{Then, Told};
use gateway_core::model::ids::RunId;
use hyper::Method;
use serde_json::json;
use std::time::Duration;

/// Bytes of a reason; another gateway has it with who asks before it.
const MOST: usize = REASON_BYTES - 16;

/// Does it, and says what was done, or why it could not be.
pub(super) async fn act(desk: &Desk, told: &Told, block_for: Duration) -> (String, bool) {
    match told.then {
        Then::Tell => ("told".to_owned(), true),
        Then::Block => block(desk, told, block_for).await,
        Then::Kill => kill(desk, told).await,
    }
}

async fn block(desk: &Desk, told: &Told, block_for: Duration) -> (String, bool) {
    // A run that never had a session is nobody's.
    if told.workload.is_empty() || told.workload.parse::<RunId>().is_ok() {
        return ("nobody knows whose that is, so that nobody can be blocked".to_owned(), false);
    }
    let subject = Subject::Workload(told.workload.clone());
    if let Some(block) = desk.shared().ledger.in_force().blocks.iter().find(|block| block.subject == subject) {
        return (format!("blocked already by {}", block.id), true);
    }
    let request = BlockRequest { subject, seconds: Some(block_for.as_secs()), reason: reason(told) };
    match desk.handle(&Actor::weir(), Command::AddBlock { request, dry_run: false }).await {
        Ok(Reply::Blocked(added)) => {
            let id = added.block.map(|block| block.id.to_string()).unwrap_or_default();
            (format!("blocked by {id}, which cut {}", count(added.cut.len(), "session", "sessions")), true)
        }
        Ok(_other) => ("it is not known whether the workload is blocked".to_owned(), false),
        Err(error) => (format!("the workload can't be blocked: {error}"), false),
    }
}

async fn kill(desk: &Desk, told: &Told) -> (String, bool) {
    let Some(run) = told.run.as_deref().and_then(|run| run.parse::<RunId>().ok()) else {
        return ("it is of no run that could be killed".to_owned(), false);
    };
    let order = Command::OrderRun { run, order: RunOrder::Kill, reason: reason(told) };
    match desk.handle(&Actor::weir(), order).await {
        Ok(Reply::Run(done)) => {
            let (processes, sessions) =
                (count(done.processes, "process", "processes"), count(done.sessions, "session", "sessions"));
            (format!("run {run} is killed: {processes}, {sessions}"), true)
        }
        Err(CommandError::NoRun(_)) => kill_elsewhere(desk, run, &reason(told)).await,
        Ok(_other) => (format!("it is not known whether run {run} is killed"), false),
        Err(error) => (format!("run {run} can't be killed: {error}"), false),
    }
}

/// One gateway hears what all of this host have recorded: the run may be another's.
async fn kill_elsewhere(desk: &Desk, run: RunId, reason: &str) -> (String, bool) {
    let (path, body) = (format!("/v1/runs/{run}/kill"), json!({ "reason": format!("weir: {reason}") }));
    let state_dir = &desk.shared().config.state_dir;
    let asked = async {
        for socket in client::gateways(state_dir).await? {
            if client::ask(&socket, Method::POST, &path, Some(&body)).await?.is_some() {
                return Ok::<_, ClientError>(true);
            }
        }
        Ok(false)
    };
    match asked.await {
        Ok(true) => (format!("run {run} is killed, by the gateway that has it"), true),
        Ok(false) => (format!("run {run} is over"), true),
        Err(error) => (format!("run {run} can't be killed: {error}"), false),
    }
}

/// The rule's sentence, as far as a reason may go.
fn reason(told: &Told) -> String {
    let mut sentence = told.sentence();
    sentence.truncate(sentence.floor_char_boundary(MOST));
    sentence
}
