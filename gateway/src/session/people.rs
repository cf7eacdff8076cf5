//! People are asked about what waits: the hold in the ledger, from its question to its end.

use crate::catalog::Held;
use crate::evidence::now;
use crate::ledger::{Asked, Hold, HoldState, Kind, Ledger, LedgerError};
use crate::session::context::{self, Shared};
use crate::session::dial::SideAccess;
use crate::session::enforce::{Estimable, Pending};
use crate::session::judge;
use crate::session::live::Session;
use gateway_core::control::hold::{self, Terms};
use gateway_core::model::ids::HoldId;
use gateway_core::protocol::Refusal;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::timeout;

/// How long a look at a transaction may take before people are asked without.
const LOOK: Duration = Duration::from_secs(1);
/// A hold is over so long before the server would end the transaction that it is in.
const BEFORE_IDLE: Duration = Duration::from_secs(2);

/// What is asked about a connection.
#[must_use]
pub fn connection(session: &Session, terms: &[Terms], (user, database): (&str, &str), message: Option<&str>) -> Asked {
    let (asked, message) = (of_session(session, terms), message.map(str::to_owned));
    Asked { kind: "connect".to_owned(), login: user.to_owned(), database: database.to_owned(), message, ..asked }
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
    estimable: Option<Result<Estimable, &'static str>>,
) -> (HoldId, Pending<Result<Hold, String>>) {
    let (id, mut wait) = (context::new_hold(), hold::wait(terms));
    let asked_at = now();
    let mut hold = Hold {
        id,
        state: HoldState::Waiting,
        asked: asked.clone(),
        terms: terms.to_vec(),
        involved: involved.to_vec(),
        votes: Vec::new(),
        asked_at,
        until: asked_at.after(wait),
        answer: None,
        ended_at: None,
        holder: shared.ledger.holder(),
    };
    let end = shared.ledger.end_of(id);
    let question = Question { shared: Arc::clone(shared), id, open: true };
    let session = Arc::clone(session);
    let waits = session.hold();
    let waiting = async move {
        let _waits = waits;
        // As a whole: what is dropped with this future is the guard itself.
        let mut question = question;
        if hold.asked.in_transaction {
            let held = timeout(LOOK, look(&question.shared, &session, &hold.asked)).await.ok().flatten().unwrap_or_default();
            (hold.asked.transaction_seconds, hold.asked.locks) = (held.seconds, held.locks);
            // The server would end the transaction, and the session with it.
            wait = held.idle.map_or(wait, |idle| wait.min(idle.saturating_sub(BEFORE_IDLE)));
            hold.until = asked_at.after(wait);
        }
        match &estimable {
            Some(Err(why)) => hold.asked.no_estimate = Some((*why).to_owned()),
            Some(Ok(_)) if !has_catalog(&question.shared, &session) => {
                hold.asked.no_estimate = Some("the target has no `catalog` credential".to_owned());
            }
            Some(Ok(_)) | None => {}
        }
        let unsaid = hold.asked.no_estimate.is_none();
        let session_id = session.id;
        let database = hold.asked.database.clone();
        let ledger = Arc::clone(&question.shared.ledger);
        let written = aside(ledger, move |ledger| {
            ledger.change(|change| {
                change.put(&hold)?;
                let asked = &hold.asked;
                let details = json!({
                    "session": session_id, "run": asked.run, "workload": asked.workload, "name": asked.name, "owner": asked.owner,
                    "target": asked.target, "kind": asked.kind, "statement": asked.statement, "digest": asked.digest,
                    "policies": asked.policies, "message": asked.message, "terms": hold.terms, "until": hold.until,
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
        if let (Some(Ok(estimable)), true) = (estimable, unsaid) {
            let estimating = estimate(Arc::clone(&question.shared), Arc::clone(&session), database, id, estimable);
            tokio::spawn(estimating);
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

/// Whether there is a credential with which the target can be looked at.
fn has_catalog(shared: &Shared, session: &Session) -> bool {
    shared.settings(&session.target).is_some_and(|settings| settings.catalog.is_some())
}

/// A way to the target beside the session.
fn side(shared: &Shared, session: &Session, database: &str) -> SideAccess {
    let access = SideAccess::new(session.address, shared.settings(&session.target));
    SideAccess { database: database.to_owned(), ..access }
}

/// What the session's transaction holds, where that can be seen.
async fn look(shared: &Shared, session: &Session, asked: &Asked) -> Option<Held> {
    let pid = session.keys.get()?.pid;
    let side = side(shared, session, &asked.database).open(shared).await.ok()?;
    side.held(pid, &asked.login).await.ok()
}

/// Has the planner say how many rows it is about, while the hold waits. Bounded: a few questions with a deadline each.
async fn estimate(shared: Arc<Shared>, session: Arc<Session>, database: String, id: HoldId, estimable: Estimable) {
    let estimated = match side(&shared, &session, &database).open(&shared).await {
        Ok(side) => side.estimate(&estimable.text, &estimable.relations).await.map_err(|error| error.to_string()),
        Err(error) => Err(error),
    };
    let (rows, why) = match estimated {
        Ok(Some(rows)) => (Some(rows), None),
        Ok(None) => (None, Some("its tables are not plain, or plan what others have written".to_owned())),
        Err(error) => (None, Some(error)),
    };
    let told = aside(Arc::clone(&shared.ledger), move |ledger| {
        ledger.change(|change| {
            let Some(mut hold) = change.find::<Hold>(id.number())? else { return Ok(()) };
            if hold.state == HoldState::Waiting {
                (hold.asked.estimate, hold.asked.no_estimate) = (rows, why);
                change.put(&hold)?;
            }
            Ok::<_, LedgerError>(())
        })
    });
    if let Err(error) = told.await {
        tracing::warn!(%id, error, "an estimate can't be kept");
    }
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
