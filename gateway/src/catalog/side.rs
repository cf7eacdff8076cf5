//! A connection with the target's own catalog credential, never the job's.

use super::tls::Connector;
use super::{CatalogError, dial, late};
use crate::credential::Secret;
use crate::tls::{UpstreamMode, UpstreamTls};
use std::collections::HashMap;
use std::error::Error as _;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, Error, Row, SimpleQueryMessage, Statement};

/// To connect and to log in.
const OPENING: Duration = Duration::from_secs(10);
/// For one question; the server gives up by itself a little earlier.
const QUESTION: Duration = Duration::from_secs(5);
/// What is said of a question about the catalog.
const READING: &str = "reading the catalog";

/// A connection beside the sessions, with deadlines on everything. It ends when dropped.
pub struct SideConnection {
    client: Client,
    driver: JoinHandle<()>,
    address: SocketAddr,
    /// Questions about the catalog that the server has read already, by their text.
    prepared: Mutex<HashMap<&'static str, Statement>>,
}

/// What the server says of a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendState {
    /// When this backend began, for process ids are used again; none where the catalog user may
    /// not see it (pg_read_all_stats), as with all that follows.
    pub backend_start: Option<SystemTime>,
    /// `active`, `idle` …
    pub state: Option<String>,
    /// When its query began, the last one where it is idle.
    pub query_start: Option<SystemTime>,
    /// When its transaction began, if it is in one.
    pub xact_start: Option<SystemTime>,
}

impl SideConnection {
    /// Logs in to `database` with `credential`, which must name its user. An empty database means
    /// the one of the user's name, as with libpq.
    ///
    /// # Errors
    /// When the target is not reached, is not the one that was meant, or refuses; or takes longer
    /// than 10 s.
    pub async fn open(address: SocketAddr, tls: &UpstreamTls, credential: &Secret, database: &str) -> Result<Self, CatalogError> {
        let config = configuration(tls, credential, database)?;
        let tcp = dial(address, OPENING).await?;
        let connector = Connector { settings: tls.clone(), address: address.ip() };
        let opening = Box::pin(config.connect_raw(tcp, connector));
        let (client, connection) = timeout(OPENING, opening)
            .await
            .map_err(|_| late(address, OPENING, "logging in"))?
            .map_err(|e| refused(address, "logging in", &e))?;
        let driver = tokio::spawn(async move {
            // The client's next call tells of the same error.
            drop(connection.await);
        });
        let side = Self { client, driver, address, prepared: Mutex::default() };
        // As a statement: poolers refuse startup options that they don't know.
        side.run("SET statement_timeout = '4s'; SET search_path = pg_catalog").await?;
        Ok(side)
    }

    /// Ends a backend. False where there is none by that process id. That it is gone is for
    /// [`Self::backend_state`] to say: the server only sends a signal.
    ///
    /// # Errors
    /// When the catalog user may not (it must own the session's role or have pg_signal_backend,
    /// and be a superuser to end one), or the server does not answer within 5 s.
    pub async fn terminate_backend(&self, pid: u32) -> Result<bool, CatalogError> {
        let sql = "SELECT pg_catalog.pg_terminate_backend($1)";
        let Some(pid) = process_id(pid) else { return Ok(false) };
        let row = self.ask("ending a backend", sql, &[&pid]).await?;
        row.map_or(Ok(false), |row| row.try_get(0)).map_err(|e| refused(self.address, "ending a backend", &e))
    }

    /// What a backend is doing; none where it is gone.
    ///
    /// # Errors
    /// When the server does not answer within 5 s.
    pub async fn backend_state(&self, pid: u32) -> Result<Option<BackendState>, CatalogError> {
        let sql = "SELECT backend_start, state, query_start, xact_start \
                   FROM pg_catalog.pg_stat_activity WHERE pid = $1";
        let Some(pid) = process_id(pid) else { return Ok(None) };
        let row = self.ask("looking at a backend", sql, &[&pid]).await?;
        row.map(|row| state(&row)).transpose().map_err(|e| refused(self.address, "looking at a backend", &e))
    }

    pub(super) async fn ask(
        &self,
        what: &'static str,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Option<Row>, CatalogError> {
        timeout(QUESTION, self.client.query_opt(sql, parameters))
            .await
            .map_err(|_| late(self.address, QUESTION, what))?
            .map_err(|e| refused(self.address, what, &e))
    }

    /// All rows of a question about the catalog.
    pub(super) async fn rows(&self, sql: &'static str, parameters: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, CatalogError> {
        let asking = async {
            let mut prepared = self.prepared.lock().await;
            let statement = match prepared.get(sql) {
                Some(statement) => statement.clone(),
                None => {
                    let statement = self.client.prepare(sql).await?;
                    prepared.insert(sql, statement.clone());
                    statement
                }
            };
            self.client.query(&statement, parameters).await
        };
        timeout(QUESTION, asking)
            .await
            .map_err(|_| late(self.address, QUESTION, READING))?
            .map_err(|e| refused(self.address, READING, &e))
    }

    /// From here on nothing can be changed by it.
    ///
    /// # Errors
    /// When the server refuses, or does not answer within 5 s.
    pub async fn read_only(&self) -> Result<(), CatalogError> {
        self.run("ROLLBACK; BEGIN READ ONLY; SET LOCAL statement_timeout = '4s'").await
    }

    /// The rows that `sql` gives, as texts. For what a person asks once.
    ///
    /// # Errors
    /// When the server refuses, or does not answer within 5 s.
    pub async fn texts(&self, sql: &str) -> Result<Vec<Vec<Option<String>>>, CatalogError> {
        let answer = timeout(QUESTION, self.client.simple_query(sql)).await;
        let answer = answer.map_err(|_| late(self.address, QUESTION, READING))?;
        let messages = answer.map_err(|error| refused(self.address, READING, &error))?;
        let rows = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some((0..row.len()).map(|place| row.get(place).map(str::to_owned)).collect()),
            _ => None,
        });
        Ok(rows.collect())
    }

    /// Whether the server has ended it.
    pub(super) fn is_over(&self) -> bool {
        self.client.is_closed()
    }

    /// An answer of another shape than was asked for.
    pub(super) fn unfit(&self, error: &Error) -> CatalogError {
        refused(self.address, READING, error)
    }

    pub(super) const fn client(&self) -> &Client {
        &self.client
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) async fn run(&self, sql: &str) -> Result<(), CatalogError> {
        timeout(QUESTION, self.client.batch_execute(sql))
            .await
            .map_err(|_| late(self.address, QUESTION, "setting up"))?
            .map_err(|e| refused(self.address, "setting up", &e))
    }
}

impl Drop for SideConnection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

fn configuration(tls: &UpstreamTls, credential: &Secret, database: &str) -> Result<Config, CatalogError> {
    let user = credential.user.as_deref().ok_or(CatalogError::NoUser)?;
    let mut config = Config::new();
    config.user(user).password(credential.password.as_bytes()).application_name("weir").ssl_mode(match tls.mode {
        UpstreamMode::Disable => SslMode::Disable,
        UpstreamMode::Prefer => SslMode::Prefer,
        UpstreamMode::Require | UpstreamMode::VerifyCa | UpstreamMode::VerifyFull => SslMode::Require,
    });
    if !database.is_empty() {
        config.dbname(database);
    }
    Ok(config)
}

/// A number beyond the server's own type is no process of its.
fn process_id(pid: u32) -> Option<i32> {
    i32::try_from(pid).ok()
}

fn state(row: &Row) -> Result<BackendState, Error> {
    Ok(BackendState {
        backend_start: row.try_get(0)?,
        state: row.try_get(1)?,
        query_start: row.try_get(2)?,
        xact_start: row.try_get(3)?,
    })
}

fn refused(address: SocketAddr, what: &'static str, error: &Error) -> CatalogError {
    let mut message = match error.as_db_error() {
        Some(e) => format!("{} ({})", e.message(), e.code().code()),
        None => error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}")),
    };
    if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) {
        message.push_str(": grant pg_signal_backend and pg_read_all_stats to the catalog user");
    }
    CatalogError::Server { address, what, message }
}
