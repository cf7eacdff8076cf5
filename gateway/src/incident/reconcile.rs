//! Whether what a server says of its own sessions is what weir knows of: what came by another way is named.

use gateway_core::model::ids::SessionId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{self, BufRead};

/// How weir marks its sessions at the server.
const TAG: &str = "weir:";
/// How its own connections beside sessions are named there.
const OWN: &str = "weir";
/// Bytes of a line of a log that are read; what is longer tells of no connection.
const LINE: u64 = 64 << 10;
/// Processes of a log that are remembered between their two lines.
const PENDING: usize = 100_000;

/// What is asked of the server: its clients' sessions, or those that it does not let this user tell apart.
pub const ACTIVITY: &str = "SELECT pid, usename, datname, application_name, host(client_addr), client_port,
    to_char(backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'), state, backend_type
    FROM pg_catalog.pg_stat_activity
    WHERE pid <> pg_catalog.pg_backend_pid() AND usename IS NOT NULL AND coalesce(backend_type, 'client backend') = 'client backend'
    ORDER BY backend_start, pid";

/// A session as the server has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backend {
    /// Its process id.
    pub pid: u32,
    /// The user.
    pub user: Option<String>,
    /// The database.
    pub database: Option<String>,
    /// What the client calls itself.
    pub application: Option<String>,
    /// The client's address; none for a unix socket.
    pub client: Option<String>,
    /// The client's port.
    pub port: Option<String>,
    /// Since when, RFC 3339.
    pub since: Option<String>,
    /// `active`, `idle` …
    pub state: Option<String>,
    /// Whether the server tells more than its name of it.
    pub told: bool,
}

/// A session that did not come through weir, and how that is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    /// It.
    #[serde(flatten)]
    pub backend: Backend,
    /// How it is known.
    pub why: Why,
}

/// How it is known that a session did not come through weir.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// It has no mark of weir's.
    NoMark,
    /// Its mark names a session that is not there.
    UnknownMark,
    /// Its mark names a session whose backend is another one.
    BorrowedMark,
}

impl Why {
    /// In a reader's words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::NoMark => "it has no mark of weir's",
            Self::UnknownMark => "its mark names no session of weir's",
            Self::BorrowedMark => "its mark is another session's",
        }
    }
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reconciled {
    /// Sessions that came through weir.
    pub through: u64,
    /// weir's own connections beside them.
    pub own: u64,
    /// Sessions of which the server tells the catalog's user nothing.
    pub untold: u64,
    /// Sessions that came by another way.
    pub past: Vec<Past>,
}

/// weir's live sessions at a target: their backends, where they are known.
pub type Known = HashMap<SessionId, Option<u32>>;

/// Reads a row of [`ACTIVITY`].
#[must_use]
pub fn backend(row: Vec<Option<String>>) -> Option<Backend> {
    let [pid, user, database, application, client, port, since, state, kind] = <[Option<String>; 9]>::try_from(row).ok()?;
    let application = application.filter(|name| !name.is_empty());
    let (pid, told) = (pid?.parse().ok()?, kind.is_some());
    Some(Backend { pid, user, database, application, client, port, since, state, told })
}

/// Tells the server's sessions apart. `catalog` is the user of weir's own connections.
#[must_use]
pub fn reconcile(backends: Vec<Backend>, known: &Known, catalog: Option<&str>) -> Reconciled {
    let by_pid: HashSet<u32> = known.values().flatten().copied().collect();
    let mut found = Reconciled::default();
    for backend in backends {
        if by_pid.contains(&backend.pid) {
            found.through += 1;
            continue;
        }
        if !backend.told {
            found.untold += 1;
            continue;
        }
        if is_own(&backend, catalog) {
            found.own += 1;
            continue;
        }
        match mark(backend.application.as_deref()).map(|session| known.get(&session)) {
            // Its backend is not known yet, or not to who asks.
            Some(Some(None)) => found.through += 1,
            Some(Some(Some(_))) => found.past.push(Past { backend, why: Why::BorrowedMark }),
            Some(None) => found.past.push(Past { backend, why: Why::UnknownMark }),
            None => found.past.push(Past { backend, why: Why::NoMark }),
        }
    }
    found
}

/// Those of `later` that were past weir before, too: what came or went between two looks is no finding.
#[must_use]
pub fn both(earlier: &Reconciled, later: Reconciled) -> Reconciled {
    let seen: HashSet<_> = earlier.past.iter().map(|past| (past.backend.pid, past.backend.since.clone())).collect();
    let (past, fresh): (Vec<_>, Vec<_>) =
        later.past.into_iter().partition(|past| seen.contains(&(past.backend.pid, past.backend.since.clone())));
    Reconciled { untold: later.untold + fresh.len() as u64, past, ..later }
}

/// The session whose mark a name ends in.
fn mark(application: Option<&str>) -> Option<SessionId> {
    let (_, session) = application?.rsplit_once(TAG)?;
    session.parse().ok()
}

fn is_own(backend: &Backend, catalog: Option<&str>) -> bool {
    backend.application.as_deref() == Some(OWN) && catalog.is_some() && backend.user.as_deref() == catalog
}

/// The connections of a server's log (`log_connections = on`, `%p` in brackets in `log_line_prefix`) that did not come through
/// weir. `is_session` says whether weir has a record of a session.
///
/// # Errors
/// Where the log can't be read.
pub fn read_log(mut log: impl BufRead, catalog: Option<&str>, is_session: impl Fn(SessionId) -> bool) -> io::Result<Reconciled> {
    let mut found = Reconciled::default();
    let mut received: BTreeMap<u32, (Option<String>, Option<String>)> = BTreeMap::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut limited = io::Read::take(&mut log, LINE);
        if limited.read_until(b'\n', &mut line)? == 0 {
            return Ok(found);
        }
        let text = String::from_utf8_lossy(&line);
        let Some(pid) = process(&text) else { continue };
        if let Some((_, rest)) = text.split_once("connection received: ") {
            if received.len() >= PENDING {
                received.clear();
            }
            received.insert(pid, (field(rest, "host="), field(rest, "port=")));
        } else if let Some((before, rest)) = text.split_once("connection authorized: ") {
            let (client, port) = received.remove(&pid).unwrap_or_default();
            let backend = Backend {
                pid,
                user: field(rest, "user="),
                database: field(rest, "database="),
                application: application(rest),
                client: client.filter(|client| client != "[local]"),
                port,
                since: Some(before.split('[').next().unwrap_or_default().trim().to_owned()),
                state: None,
                told: true,
            };
            let session = mark(backend.application.as_deref());
            if is_own(&backend, catalog) {
                found.own += 1;
            } else if session.is_some_and(&is_session) {
                found.through += 1;
            } else {
                let why = if session.is_some() { Why::UnknownMark } else { Why::NoMark };
                found.past.push(Past { backend, why });
            }
        }
    }
}

/// The process of a line: the first number in brackets.
fn process(line: &str) -> Option<u32> {
    line.split('[').skip(1).find_map(|rest| rest.split(['-', ']']).next()?.parse().ok())
}

/// What stands behind `name`, up to a space.
fn field(text: &str, name: &str) -> Option<String> {
    let (_, value) = text.split_once(name)?;
    value.split([' ', '\n', '\r']).next().filter(|value| !value.is_empty()).map(str::to_owned)
}

/// The application's name, which may have spaces: it is last but for what TLS and GSS say.
fn application(text: &str) -> Option<String> {
    let (_, value) = text.split_once("application_name=")?;
    let end = [" SSL enabled", " GSS ", "\n", "\r"].iter().filter_map(|end| value.find(end)).min().unwrap_or(value.len());
    value.get(..end).filter(|value| !value.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(pid: u32, user: &str, application: &str) -> Backend {
        Backend {
            pid,
            user: Some(user.to_owned()),
            application: Some(application.to_owned()).filter(|name| !name.is_empty()),
            told: true,
            ..Backend::default()
        }
    }

    #[test]
    fn a_session_is_told_by_its_backend_and_a_mark_alone_proves_nothing() {
        let (one, starting) = (SessionId::from_number(77), SessionId::from_number(78));
        let known = Known::from([(one, Some(10)), (starting, None)]);
        let marked = format!("psql weir:{one}");
        let untold = Backend { told: false, ..seen(7, "app", "") };
        for (backend, expected) in [
            (seen(10, "app", &marked), None),
            // The tag can be turned off.
            (seen(10, "app", "psql"), None),
            (seen(11, "app", &marked), Some(Why::BorrowedMark)),
            (seen(11, "app", "psql weir:s-01jd5k2v8q3xm"), Some(Why::UnknownMark)),
            (seen(11, "app", &format!("weir:{starting}")), None),
            (seen(11, "app", "psql"), Some(Why::NoMark)),
            (seen(11, "app", ""), Some(Why::NoMark)),
            (seen(11, "app", "weir"), Some(Why::NoMark)),
            (seen(11, "cat", "weir"), None),
            (untold, None),
        ] {
            let found = reconcile(vec![backend.clone()], &known, Some("cat"));
            assert_eq!(found.past.first().map(|past| past.why), expected, "{backend:?}");
            assert_eq!(found.through + found.own + found.untold + found.past.len() as u64, 1);
        }
        let past = |pid| Past { backend: seen(pid, "app", ""), why: Why::NoMark };
        let earlier = Reconciled { past: vec![past(1), past(2)], ..Reconciled::default() };
        let later = Reconciled { past: vec![past(2), past(3)], ..Reconciled::default() };
        assert_eq!(both(&earlier, later).past, [past(2)]);
    }

    #[test]
    fn a_log_tells_who_came_by_another_way() {
        let known = SessionId::from_number(77);
        let log = format!(
            "2026-11-29 07:43:28.123 UTC [100] LOG:  connection received: host=10.0.0.5 port=39542\n\
             2026-11-29 07:43:28.125 UTC [100] LOG:  connection authorized: user=app database=shop application_name=my tool SSL enabled (protocol=TLSv1.3)\n\
             2026-11-29 07:43:29.000 UTC [101] LOG:  connection received: host=[local]\n\
             2026-11-29 07:43:29.001 UTC [101] LOG:  connection authorized: user=app database=shop\n\
             2026-11-29 07:43:29.100 UTC [102] LOG:  connection authorized: user=app database=shop application_name=psql weir:{known}\n\
             2026-11-29 07:43:29.200 UTC [103] LOG:  connection authorized: user=cat database=shop application_name=weir\n\
             2026-11-29 07:43:29.300 UTC [104] LOG:  connection authorized: user=app database=shop application_name=weir:s-01jd5k2v8q3xm\n\
             2026-11-29 07:43:29.400 UTC [100] LOG:  statement: SELECT 'connection authorized'\n\
             no line of a server's\n"
        );
        let found = read_log(log.as_bytes(), Some("cat"), |session| session == known).unwrap();
        assert_eq!((found.through, found.own), (1, 1));
        let told: Vec<_> = found
            .past
            .iter()
            .map(|past| (past.backend.pid, past.backend.client.as_deref(), past.backend.application.as_deref(), past.why))
            .collect();
        assert_eq!(
            told,
            [
                (100, Some("10.0.0.5"), Some("my tool"), Why::NoMark),
                (101, None, None, Why::NoMark),
                (104, None, Some("weir:s-01jd5k2v8q3xm"), Why::UnknownMark),
            ]
        );
        assert_eq!(found.past[0].backend.since.as_deref(), Some("2026-11-29 07:43:28.125 UTC"));
    }
}
