//! A gateway for a judge, without all that is around one.

use gateway_core::inspect::Inspection;
use gateway_core::inspect::catalog::Catalog;
use gateway_core::inspect::postgres::Reading;
use gateway_core::model::ids::{HoldId, RunId};
use gateway_core::model::principal::{Grade, Principal, Process, WorkloadId};
use gateway_core::model::target::{ProtocolName, Target};
use gateway_core::policy::{Mode, PolicySet};
use std::sync::Arc;
use weir::ledger::{Hold, InForce};
use weir::parse_pool::ParsePool;
use weir::session::enforce::{self, Pending, Request};
use weir::session::live::{KillOrder, Session};
use weir::session::totals::Totals;

/// All that a judge needs, without a gateway around it.
pub(crate) struct House {
    policy: Arc<PolicySet>,
    in_force: Arc<InForce>,
    totals: Totals,
    pool: Arc<ParsePool>,
}

impl House {
    /// One in which `policy` is in force.
    pub(crate) fn of(policy: PolicySet) -> Self {
        let pool = Arc::new(ParsePool::start(1, 1 << 20).unwrap());
        Self { policy: Arc::new(policy), in_force: Arc::default(), totals: Totals::default(), pool }
    }
}

impl enforce::House for House {
    fn policy(&self) -> Arc<PolicySet> {
        Arc::clone(&self.policy)
    }

    fn in_force(&self) -> Arc<InForce> {
        Arc::clone(&self.in_force)
    }

    fn has(&self, set: &Arc<PolicySet>, in_force: &Arc<InForce>) -> bool {
        Arc::ptr_eq(set, &self.policy) && Arc::ptr_eq(in_force, &self.in_force)
    }

    fn mode(&self, _session: &Session) -> Mode {
        Mode::Enforce
    }

    fn ask_people(&self, _session: &Arc<Session>, _request: &Request) -> (HoldId, Pending<Result<Hold, String>>) {
        (HoldId::from_number(1), Box::pin(std::future::ready(Err("nobody is there".to_owned()))))
    }

    fn totals(&self) -> &Totals {
        &self.totals
    }

    fn kill_run(&self, _run: RunId, _order: &KillOrder) {}

    fn cancel(&self, _session: &Arc<Session>) {}

    fn inspect(&self, text: Arc<str>, reading: Reading) -> Pending<Arc<Inspection>> {
        let pool = Arc::clone(&self.pool);
        Box::pin(async move { pool.inspect(text, reading).await })
    }

    fn inspected(&self, text: &str, reading: Reading) -> Option<Arc<Inspection>> {
        self.pool.known(text, reading)
    }

    fn catalog(&self, _session: &Arc<Session>, _database: &str) -> Pending<Result<Option<Arc<Catalog>>, String>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn catalog_now(&self, _session: &Session, _database: &str) -> Option<Option<Arc<Catalog>>> {
        Some(None)
    }

    fn place(&self, session: &Session, database: &str) -> weir::catalog::Place {
        weir::catalog::Place { address: session.address, database: database.into(), columns: false }
    }

    fn catalog_changed(&self, _session: &Session, _database: &str) {}
}

/// A process of `run`.
pub(crate) fn principal(run: RunId) -> Principal {
    Principal {
        workload: WorkloadId("spiffe://test/host/test/user/test/exe/test".to_owned()),
        name: None,
        owner: None,
        grade: Grade::Kernel,
        run,
        process: Process::default(),
        claims: None,
        attested: None,
        attestation_failure: None,
        person: None,
    }
}

/// The target `test`.
pub(crate) fn target() -> Target {
    Target { name: "test".to_owned(), environment: None, protocol: ProtocolName::Postgres, configured: true }
}
