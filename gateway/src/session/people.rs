//! People are asked about what waits: the hold in the ledger, from its question to its end.

use crate::evidence::now;
use crate::ledger::{Asked, Hold, HoldState, Kind, Ledger, LedgerError};
use crate::session::context::{self, Shared};
use crate::session::enforce::Pending;
use crate::session::judge;
use crate::session::live::Session;
use gateway_core::control::hold::{self, Terms};
use gateway_core::model::ids::HoldId;
use gateway_core::model::principal::Principal;
use gateway_core::model::time::Timestamp;
use gateway_core::protocol::Refusal;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::time::timeout;

/// The people whose own a session is: its owner, whoever logged in and started it, and the user that it runs as. Root is
/// no person: who approves as root is told by their login.
#[must_use]
pub fn involved(principal: &Principal) -> Vec<String> {
    let process = &principal.process;
    let user = process.user.iter().filter(|_| process.uid != 0);
    let mut people: Vec<_> = principal.owner.iter().chain(&process.login).chain(user).cloned().collect();
    people.sort();
    people.dedup();
    people
}

/// What is asked about a connection.
#[must_use]
pub fn connection(session: &Session, terms: &[Terms], (user, database): (&str, &str)) -> Asked {
    let asked = of_session(session, terms);
    Asked { kind: "connect".to_owned(), login: user.to_owned(), database: database.to_owned(), ..asked }
}

/// What is known of whatever waits in a session.
#[must_use]
pub fn of_session(session: &Session, terms: &[Terms]) -> Asked {
    let principal = &session.principal;
    let claim = |name: &str| principal.claims.as_ref().and_then(|claims| claims.attributes.get(name).cloned());
    Asked {
        session: Some(session.id),
        run: Some(session.run),
        workload: principal.workload.to_string(),
        name: principal.name.clone(),
        grade: principal.grade.to_string(),
        owner: principal.owner.clone(),
        link: claim("url"),
        user: principal.process.user.clone(),
        target: session.target.name.clone(),
        environment: session.target.environment.clone(),
        policies: terms.iter().map(|terms| terms.policy.clone()).collect(),
        statements_so_far: session.counts.statements.load(Ordering::Relaxed),
        rows_so_far: session.counts.rows.load(Ordering::Relaxed),
        ..Asked::default()
    }
}

/// The refusal of a connection that people were asked about.
#[must_use]
pub fn refusal(session: &Session, hold: HoldId, why: &str) -> Refusal {
    judge::refusal(session, &format!(": {why}"), &format!("hold {hold}"))
}

/// Asks, and waits for the end: whoever drops what is waited for takes the question back.
pub fn ask(
    shared: &Arc<Shared>,
    session: &Arc<Session>,
    asked: &Asked,
    (terms, involved): (&[Terms], &[String]),
) -> (HoldId, Pending<Result<Hold, String>>) {
    let (id, wait) = (context::new_hold(), hold::wait(terms));
    let asked_at = now();
    let hold = Hold {
        id,
        state: HoldState::Waiting,
        asked: asked.clone(),
        terms: terms.to_vec(),
        involved: involved.to_vec(),
        votes: Vec::new(),
        asked_at,
        until: Timestamp(asked_at.0.saturating_add(u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX))),
        answer: None,
        ended_at: None,
        holder: shared.ledger.holder(),
    };
    let end = shared.ledger.end_of(id);
    let question = Question { shared: Arc::clone(shared), id, open: true };
    let session = session.id;
    let waiting = async move {
        // As a whole: what is dropped with this future is the guard itself.
        let mut question = question;
        let ledger = Arc::clone(&question.shared.ledger);
        let written = aside(ledger, move |ledger| {
            ledger.change(|change| {
                change.put(&hold)?;
                let asked = &hold.asked;
                let details = json!({
                    "session": session, "run": asked.run, "workload": asked.workload, "target": asked.target,
                    "statement": asked.statement, "digest": asked.digest, "terms": hold.terms, "until": hold.until,
                });
                change.tell(Kind::HoldAsked, "weir", &hold.id.to_string(), &details)
            })
        });
        if let Err(error) = written.await {
            // What is not written down waits for nobody.
            question.open = false;
            question.shared.ledger.forget(id);
            return Err(error);
        }
        let ended = match timeout(wait, end).await {
            Ok(Ok(ended)) => ended,
            Ok(Err(_)) | Err(_) => aside(Arc::clone(&question.shared.ledger), move |ledger| expire(ledger, id)).await?,
        };
        question.open = false;
        Ok(ended)
    };
    (id, Box::pin(waiting))
}

/// A question that is open. Nobody waits for its answer once it is dropped.
struct Question {
    shared: Arc<Shared>,
    id: HoldId,
    open: bool,
}

impl Drop for Question {
    fn drop(&mut self) {
        if !self.open {
            return;
        }
        let id = self.id;
        self.shared.ledger.forget(id);
        self.shared.follower.soon(move |ledger| end(ledger, id, HoldState::Withdrawn, Kind::HoldWithdrawn).map(drop));
    }
}

/// Nobody has answered in time: expired, unless the answer came just then.
fn expire(ledger: &Ledger, id: HoldId) -> Result<Hold, LedgerError> {
    ledger.forget(id);
    end(ledger, id, HoldState::Expired, Kind::HoldExpired)
}

/// Ends a hold that still waits. What it is then.
fn end(ledger: &Ledger, id: HoldId, state: HoldState, kind: Kind) -> Result<Hold, LedgerError> {
    ledger.change(|change| {
        let mut hold: Hold = change.find(id.number())?.ok_or_else(|| LedgerError::Missing { what: id.to_string() })?;
        if hold.state == HoldState::Waiting {
            (hold.state, hold.ended_at) = (state, Some(change.at));
            change.put(&hold)?;
            change.tell(kind, "weir", &id.to_string(), &json!({ "session": hold.asked.session }))?;
        }
        Ok(hold)
    })
}

/// Does what waits for the disk away from the data plane.
async fn aside<T: Send + 'static>(
    ledger: Arc<Ledger>,
    work: impl FnOnce(&Ledger) -> Result<T, LedgerError> + Send + 'static,
) -> Result<T, String> {
    match tokio::task::spawn_blocking(move || work(&ledger)).await {
        Ok(done) => done.map_err(|error| error.to_string()),
        Err(error) => Err(format!("a fault of weir's own: {error}")),
    }
}
