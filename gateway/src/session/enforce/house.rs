//! What a session's judge needs of the gateway around it.

use super::Request;
use crate::catalog::{self, Handle, Place};
use crate::ledger::{Hold, InForce};
use crate::parse_pool::ParsePool;
use crate::session::context::Shared;
use crate::session::dial::SideAccess;
use crate::session::judge::mode;
use crate::session::live::{KillOrder, Session};
use crate::session::owner::Ownership;
use crate::session::people;
use crate::session::totals::Totals;
use gateway_core::inspect::Inspection;
use gateway_core::inspect::catalog::Catalog;
use gateway_core::inspect::postgres::Reading;
use gateway_core::model::ids::{HoldId, RunId};
use gateway_core::policy::{Mode, PolicySet};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Something that is waited for beside the session's bytes.
pub type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A target's own limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// How many sessions of this gateway may be at work on the target at once.
    pub max_concurrent: Option<u64>,
    /// How long a statement may run.
    pub statement_time: Option<Duration>,
}

/// The gateway, as a judge sees it. Tests have one of their own.
pub trait House: Send + Sync {
    /// The policy set in force.
    fn policy(&self) -> Arc<PolicySet>;

    /// The set that decides beside it, without effect.
    fn shadow(&self) -> Option<Arc<PolicySet>> {
        None
    }

    /// Counts its decisions, and how many of them were other ones.
    fn shadow_decided(&self, _decided: u64, _differed: u64) {}

    /// What people have given and taken.
    fn in_force(&self) -> Arc<InForce>;

    /// How the workload of a session stands with its owner.
    fn owner(&self, session: &Session, in_force: &InForce) -> Ownership {
        Ownership::of(&[], in_force, &session.principal)
    }

    /// Whether both are still in force.
    fn has(&self, set: &Arc<PolicySet>, in_force: &Arc<InForce>) -> bool;

    /// In which mode a session is judged now.
    fn mode(&self, session: &Session) -> Mode;

    /// Has people asked. Whoever drops what is waited for takes the question back.
    fn ask_people(&self, session: &Arc<Session>, request: &Request) -> (HoldId, Pending<Result<Hold, String>>);

    /// The running totals.
    fn totals(&self) -> &Totals;

    /// Ends every session of `run`.
    fn kill_run(&self, run: RunId, order: &KillOrder);

    /// Has the target cancel what `session` runs.
    fn cancel(&self, session: &Arc<Session>);

    /// Says what a text does.
    fn inspect(&self, text: Arc<str>, reading: Reading) -> Pending<Arc<Inspection>>;

    /// The same where it has been said before.
    fn inspected(&self, text: &str, reading: Reading) -> Option<Arc<Inspection>>;

    /// What is known of the database that a session is in: nothing, where the target has no credential
    /// for it. Where it has one and can't be read, why.
    fn catalog(&self, session: &Arc<Session>, database: &str) -> Pending<Result<Option<Arc<Catalog>>, String>>;

    /// The same where it is known now; the outer option says whether it is.
    fn catalog_now(&self, session: &Session, database: &str) -> Option<Option<Arc<Catalog>>>;

    /// Which database a session is in.
    fn place(&self, session: &Session, database: &str) -> Place;

    /// Something in that database has changed.
    fn catalog_changed(&self, session: &Session, database: &str);
}

/// The real one, for one session.
pub struct Gateway {
    shared: Arc<Shared>,
    /// Where the session's catalog was found last.
    at: Mutex<Option<At>>,
}

/// A database and, where its target has a credential for that, the way to its catalog.
struct At {
    database: Box<str>,
    catalog: Option<Handle>,
}

impl Gateway {
    /// The gateway, for one session.
    #[must_use]
    pub const fn new(shared: Arc<Shared>) -> Self {
        Self { shared, at: Mutex::new(None) }
    }
}

impl House for Gateway {
    fn policy(&self) -> Arc<PolicySet> {
        self.shared.policy.load_full()
    }

    fn shadow(&self) -> Option<Arc<PolicySet>> {
        self.shared.shadow.set()
    }

    fn shadow_decided(&self, decided: u64, differed: u64) {
        self.shared.shadow.count(decided, differed);
    }

    fn in_force(&self) -> Arc<InForce> {
        self.shared.ledger.in_force()
    }

    fn owner(&self, session: &Session, in_force: &InForce) -> Ownership {
        Ownership::of(&self.shared.config.workloads, in_force, &session.principal)
    }

    fn has(&self, set: &Arc<PolicySet>, in_force: &Arc<InForce>) -> bool {
        Arc::ptr_eq(&self.shared.policy.load(), set) && self.shared.ledger.has(in_force)
    }

    fn mode(&self, session: &Session) -> Mode {
        mode(&self.shared, session)
    }

    fn ask_people(&self, session: &Arc<Session>, request: &Request) -> (HoldId, Pending<Result<Hold, String>>) {
        people::ask(&self.shared, session, &request.asked, (&request.terms, &request.involved), Some(request.estimable.clone()))
    }

    fn totals(&self) -> &Totals {
        &self.shared.totals
    }

    fn kill_run(&self, run: RunId, order: &KillOrder) {
        for session in self.shared.live.all().iter().filter(|session| session.run == run) {
            session.kill(order.clone());
        }
    }

    /// Beside the session's bytes: the server's answer comes among them.
    fn cancel(&self, session: &Arc<Session>) {
        let settings = self.shared.settings(&session.target);
        let access = SideAccess::new(session.address, settings);
        let session = Arc::clone(session);
        tokio::spawn(async move {
            let Some(keys) = session.keys.get() else { return };
            if let Err(error) = catalog::cancel(access.address, &access.tls, keys.pid, &keys.server_secret).await {
                tracing::warn!(session = %session.id, %error, "a statement that takes too long could not be cancelled");
            }
        });
    }

    fn inspect(&self, text: Arc<str>, reading: Reading) -> Pending<Arc<Inspection>> {
        let pool: Arc<ParsePool> = Arc::clone(&self.shared.parse_pool);
        Box::pin(async move { pool.inspect(text, reading).await })
    }

    fn inspected(&self, text: &str, reading: Reading) -> Option<Arc<Inspection>> {
        self.shared.parse_pool.known(text, reading)
    }

    fn catalog(&self, session: &Arc<Session>, database: &str) -> Pending<Result<Option<Arc<Catalog>>, String>> {
        let (shared, session, database) = (Arc::clone(&self.shared), Arc::clone(session), database.to_owned());
        Box::pin(async move { catalog_of(&shared, &session, &database).await })
    }

    fn catalog_now(&self, session: &Session, database: &str) -> Option<Option<Arc<Catalog>>> {
        let mut at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        let known = at.take().filter(|at| *at.database == *database).unwrap_or_else(|| {
            let settings = self.shared.settings(&session.target);
            let has_one = settings.is_some_and(|settings| settings.catalog.is_some());
            let catalog = has_one.then(|| self.shared.catalogs.handle(&place(&self.shared, session, database)));
            At { database: database.into(), catalog }
        });
        let Some(handle) = &known.catalog else {
            *at = Some(known);
            return Some(None);
        };
        // One that has none may be of a catalog that nobody keeps any more.
        let catalog = handle.now()?;
        *at = Some(known);
        Some(Some(catalog))
    }

    fn place(&self, session: &Session, database: &str) -> Place {
        place(&self.shared, session, database)
    }

    fn catalog_changed(&self, session: &Session, database: &str) {
        self.shared.catalogs.invalidate(&place(&self.shared, session, database));
    }
}

/// The catalog of `database` at the session's target, by the target's own credential. Without one an
/// unqualified name may be in any schema that the policies name.
async fn catalog_of(shared: &Shared, session: &Session, database: &str) -> Result<Option<Arc<Catalog>>, String> {
    let settings = shared.settings(&session.target);
    let Some((source, user)) = settings.and_then(|settings| settings.catalog.as_ref()) else { return Ok(None) };
    let secret = || {
        let mut secret = shared.credentials.fetch(source)?;
        if user.is_some() {
            secret.user.clone_from(user);
        }
        Ok(secret)
    };
    let access = SideAccess::new(session.address, settings);
    let catalog = shared.catalogs.of(&place(shared, session, database), &access.tls, secret).await;
    catalog.map(Some).map_err(|error| error.to_string())
}

fn place(shared: &Shared, session: &Session, database: &str) -> Place {
    let columns = session.target.configured && shared.masking.concerns(&session.target.name);
    Place { address: session.address, database: database.into(), columns }
}
