//! Runs recorded sessions again, each on a connection of its own, in the order in which things happened.
//!
//! What had ended before something was sent has ended before it is sent again. What ran at the same time runs at the same
//! time: so what waited for a lock waits for it again, and goes on when the other session gives it up.

use super::against::Against;
use super::compare::Difference;
use super::exact::{Exact, Kind, Obstacle};
use super::plan::{Impossible, Plan, Planned, Reader};
use super::report::{Differing, Report};
use super::wire::{Wire, WireError};
use crate::evidence::EvidenceError;
use gateway_core::model::time::Timestamp;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// Operations of one session that wait to be sent.
const QUEUE: usize = 256;
/// A pipeline is sent on to the server's own bounds: more than this is never in flight at once.
const MOST_IN_FLIGHT: usize = 4_096;

/// How it is run.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// An operation may take so long.
    pub timeout: Duration,
    /// No more operations are run.
    pub limit: u64,
}

/// Runs all of a plan.
///
/// # Errors
/// Where a record can't be read.
pub async fn rerun(plan: &Plan, against: Arc<Against>, terms: Terms) -> Result<Report, EvidenceError> {
    let mut rerun = Rerun {
        report: Report::new(plan, &against),
        against,
        terms,
        waiting: plan.sessions.iter().cloned().collect(),
        open: Vec::new(),
        in_flight: BTreeMap::new(),
        number: 0,
    };
    rerun.all(plan).await?;
    Ok(rerun.report)
}

struct Rerun {
    report: Report,
    against: Arc<Against>,
    terms: Terms,
    /// Sessions that have not begun.
    waiting: VecDeque<Planned>,
    open: Vec<Open>,
    /// What has not ended, by when it had then.
    in_flight: BTreeMap<(Timestamp, u64), InFlight>,
    number: u64,
}

/// A session that is being run.
struct Open {
    planned: Planned,
    reader: Reader,
    next: Exact,
    to: mpsc::Sender<Order>,
    worker: JoinHandle<()>,
}

/// An operation, and where to tell what came of it.
struct Order(Exact, oneshot::Sender<Outcome>);

/// What came of an operation.
enum Outcome {
    /// It ran.
    Ran(Vec<Difference>),
    /// It was not run.
    NotRun(Obstacle),
    /// Its connection was gone already.
    Lost,
}

enum InFlight {
    Operation(Box<About>, oneshot::Receiver<Outcome>),
    /// A session's end: its locks go with its connection.
    Session(JoinHandle<()>),
}

/// What is told of an operation that differs.
struct About {
    differing: Differing,
    refused: bool,
}

impl Rerun {
    async fn all(&mut self, plan: &Plan) -> Result<(), EvidenceError> {
        while let Some(place) = self.earliest(plan)? {
            if self.report.operations >= self.terms.limit {
                self.report.stopped_at_limit = true;
                break;
            }
            let Some(open) = self.open.get_mut(place) else { break };
            let next = open.reader.next()?;
            let to = open.to.clone();
            let exact = match next {
                Some(next) => std::mem::replace(&mut open.next, next),
                None => {
                    let Open { next, planned, reader, to, worker } = self.open.swap_remove(place);
                    self.report.passed_over += reader.passed_over();
                    self.send(next, &to).await;
                    drop(to);
                    self.number += 1;
                    self.in_flight.insert((planned.last, self.number), InFlight::Session(worker));
                    continue;
                }
            };
            self.send(exact, &to).await;
        }
        let rest = std::mem::take(&mut self.open);
        for Open { worker, to, .. } in rest {
            drop(to);
            self.number += 1;
            self.in_flight.insert((Timestamp(u64::MAX), self.number), InFlight::Session(worker));
        }
        while self.end_first().await {}
        Ok(())
    }

    /// The session whose next operation was sent first, with those begun that began before that.
    fn earliest(&mut self, plan: &Plan) -> Result<Option<usize>, EvidenceError> {
        loop {
            let first = self.open.iter().enumerate().min_by_key(|(_, open)| (open.next.at, open.planned.session));
            let first = first.map(|(place, open)| (place, open.next.at));
            let due = self.waiting.front().is_some_and(|planned| first.is_none_or(|(_, at)| planned.started <= at));
            if !due {
                return Ok(first.map(|(place, _)| place));
            }
            let Some(planned) = self.waiting.pop_front() else { return Ok(None) };
            let mut reader = Reader::open(&plan.state_dir, &planned)?;
            if let Some(next) = reader.next()? {
                let (to, orders) = mpsc::channel(QUEUE);
                let database = self.against.database.clone().unwrap_or_else(|| planned.database.clone());
                let worker = tokio::spawn(work(Arc::clone(&self.against), database, self.terms.timeout, orders));
                self.open.push(Open { planned, reader, next, to, worker });
            }
        }
    }

    /// Sends an operation once all has ended that had ended before it was sent then.
    async fn send(&mut self, exact: Exact, to: &mpsc::Sender<Order>) {
        while self.in_flight.len() >= MOST_IN_FLIGHT
            || self.in_flight.first_key_value().is_some_and(|((ended, _), _)| *ended <= exact.at)
        {
            if !self.end_first().await {
                break;
            }
        }
        self.report.operations += 1;
        self.number += 1;
        let about = About { differing: Differing::of(&exact), refused: matches!(exact.kind, Kind::Refused(..)) };
        let (told, hears) = oneshot::channel();
        self.in_flight.insert((exact.ended, self.number), InFlight::Operation(Box::new(about), hears));
        // Where its worker is gone, the other end of `told` says so.
        let _sent = to.send(Order(exact, told)).await.is_ok();
    }

    /// Waits for what had ended first; false where nothing is left.
    async fn end_first(&mut self) -> bool {
        match self.in_flight.pop_first() {
            None => false,
            Some((_, InFlight::Session(worker))) => {
                // A worker that failed has told so by its operations.
                let _ended = worker.await.is_ok();
                true
            }
            Some((_, InFlight::Operation(about, hears))) => {
                let outcome = hears.await.unwrap_or(Outcome::Lost);
                self.tell(*about, outcome);
                true
            }
        }
    }

    fn tell(&mut self, about: About, outcome: Outcome) {
        let About { mut differing, refused } = about;
        self.report.refused += u64::from(refused);
        match outcome {
            Outcome::Ran(differences) if differences.is_empty() => self.report.same += 1,
            Outcome::Ran(differences) => {
                differing.differences = differences;
                self.report.differ(differing);
            }
            Outcome::NotRun(why) => {
                let (session, operation) = (differing.session, differing.operation);
                self.report.not_run(Impossible { session, operation, why, sealed_layer_has_it: why.is_sealed() });
            }
            Outcome::Lost => self.report.lost += 1,
        }
    }
}

/// Runs one session's operations, one behind the other.
async fn work(against: Arc<Against>, database: String, patience: Duration, mut orders: mpsc::Receiver<Order>) {
    let mut wire = None;
    let mut over = false;
    while let Some(Order(exact, told)) = orders.recv().await {
        let outcome = if over { Outcome::Lost } else { one(&mut wire, &against, &database, patience, &exact).await };
        over |= matches!(&outcome, Outcome::Ran(all) if all.iter().any(|one| matches!(one, Difference::Connection { .. })));
        // Nobody listens where all was given up.
        let _heard = told.send(outcome).is_ok();
    }
    if let Some(wire) = wire {
        wire.leave().await;
    }
}

async fn one(wire: &mut Option<Wire>, against: &Against, database: &str, patience: Duration, exact: &Exact) -> Outcome {
    let lost = |error: WireError| Outcome::Ran(vec![Difference::Connection { why: error.to_string() }]);
    let mut there = match wire.take() {
        Some(there) => there,
        None => match Wire::open(against, database, patience).await {
            Ok(there) => there,
            Err(error) => return lost(error),
        },
    };
    let done = match exact.obstacle {
        Some(why) => there.pass(exact).await.map(|()| Outcome::NotRun(why)),
        None => there.run(exact).await.map(|found| Outcome::Ran(found.differences(exact))),
    };
    match done {
        Ok(outcome) => {
            *wire = Some(there);
            outcome
        }
        Err(error @ WireError::Late(_)) => {
            there.cancel(against).await;
            lost(error)
        }
        Err(error) => lost(error),
    }
}
