//! The ground that leaks are tried on: one server, with the database in two states, and gateways before it.

use super::canary::State;
use super::job::TIMING;
use super::recorded::{self, Kept};
use super::seen::Seen;
use super::{Case, key};
use crate::wire::Connection;
use crate::{Outcome, Postgres, Weir, classed, program, python_with_psycopg};
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

const FIXTURE: &str = include_str!("fixture.sql");
const DRIVERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/drivers");

/// A class for each way to hide, as one would use them.
const MASKS: &str = r#"
[[class]]
name = "pii"
columns = ["customers.email", "logins.email", "customers.token", "customers.pin", "public.Odd Table.E-Mail"]
mask = "pseudonym"

[[class]]
name = "ssn"
columns = ["*.ssn"]
mask = "partial"
last = 4

[[class]]
name = "birthday"
columns = ["*.born", "customers.seen"]
mask = "date"
keep = "year"

[[class]]
name = "pay"
columns = ["customers.salary", "maybe.wage"]
mask = "null"

[[class]]
name = "cards"
columns = ["customers.card", "customers.code"]
mask = "digits"

[[class]]
name = "free"
columns = ["customers.notes", "customers.tags", "customers.blob", "customers.addr", "maybe.secret"]
mask = "redact"

[[class]]
name = "texts"
columns = ["customers.bio"]
mask = "constant"
value = "(a text)"
"#;

/// The same columns, and nothing of any value.
const NOTHING: &str = r#"
[[class]]
name = "all"
columns = ["customers.email", "logins.email", "customers.token", "customers.pin", "public.Odd Table.E-Mail", "*.ssn", "*.born", "customers.seen",
  "customers.salary", "maybe.wage", "customers.card", "customers.code", "customers.notes", "customers.tags", "customers.blob", "customers.addr",
  "maybe.secret", "customers.bio"]
mask = "redact"
"#;

/// How the cases are played once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Round {
    /// Without weir.
    Direct(State),
    /// With masks as one would use them.
    Masked(State),
    /// With one mask for all, which shows nothing of a value.
    Flat(State),
}

/// A server with both states.
#[derive(Debug)]
pub struct Ground {
    server: Postgres,
}

/// What came of a round.
#[derive(Debug)]
pub struct Played {
    /// What each case's client got.
    pub(super) seen: Vec<Seen>,
    /// What weir keeps.
    pub(super) kept: Vec<Kept>,
    /// The standard error of the job, and weir's log.
    pub(super) log: Vec<u8>,
}

impl Played {
    /// What took long.
    #[must_use]
    pub fn long(&self) -> Vec<String> {
        let log = String::from_utf8_lossy(&self.log);
        log.lines().filter_map(|line| line.strip_prefix(TIMING)).map(str::to_owned).collect()
    }
}

impl Ground {
    /// Starts the server and fills it.
    #[must_use]
    pub fn start() -> Self {
        let settings = [
            "wal_level = logical",
            "max_prepared_transactions = 10",
            "shared_preload_libraries = 'pg_stat_statements'",
            "autovacuum = off",
            "statement_timeout = '20s'",
            "lock_timeout = '5s'",
        ];
        let server = settings.into_iter().fold(Postgres::builder().method("trust"), crate::PostgresBuilder::setting).start();
        server.sql("ALTER ROLE app SUPERUSER REPLICATION");
        server.sql("CREATE ROLE other");
        server.sql("CREATE DATABASE ground OWNER app");
        fill(&server, "ground", FIXTURE);
        for state in [State::Ada, State::Bob] {
            server.sql(&format!("CREATE DATABASE {} TEMPLATE ground OWNER app", template(state)));
            fill(&server, template(state), &state.data());
        }
        Self { server }
    }

    /// Plays all `cases` once, in order. What weir keeps is looked at by `show` of one session in `every`; not at all where
    /// that is 0.
    #[must_use]
    pub fn play(&self, cases: &[Case], round: Round, every: usize) -> Played {
        let state = match round {
            Round::Direct(state) | Round::Masked(state) | Round::Flat(state) => state,
        };
        let _remembering = self.renew(state);
        let place = tempfile::Builder::new().prefix("weir-leak-").tempdir().expect("a temporary directory");
        let orders: String = cases.iter().enumerate().map(|(number, case)| case.order(number)).collect();
        fs::write(place.path().join("orders"), orders).expect("our own directory");
        let out = place.path().join("out");
        fs::create_dir(&out).expect("our own directory");
        let job = [
            program("weir-leak-job"),
            place.path().join("orders"),
            out,
            PathBuf::from(DRIVERS),
            python_with_psycopg().to_owned(),
        ];
        let job: Vec<&str> = job.iter().map(|part| part.to_str().expect("a UTF-8 path")).collect();
        let weir = match round {
            Round::Direct(_) => None,
            Round::Masked(_) => Some(MASKS),
            Round::Flat(_) => Some(NOTHING),
        };
        let weir = weir.map(|masks| self.gateway(masks));
        let outcome = match &weir {
            Some(weir) => weir.run(&job),
            None => self.directly(&job),
        };
        assert_eq!(outcome.status, Some(0), "{round:?}: {} {}", outcome.stdout, outcome.stderr);
        Played {
            seen: (0..cases.len()).map(|number| seen(&place, number)).collect(),
            kept: weir.filter(|_| every > 0).map(|weir| recorded::of(&weir, every)).unwrap_or_default(),
            log: outcome.stderr.into_bytes(),
        }
    }

    /// A database as the state has it, and a session beside all others that has said a canary.
    fn renew(&self, state: State) -> Connection {
        let slots = self.server.sql("SELECT slot_name FROM pg_replication_slots WHERE NOT active");
        for slot in slots.lines() {
            self.server.sql(&format!("SELECT pg_drop_replication_slot('{slot}')"));
        }
        self.server.sql("DROP DATABASE IF EXISTS app WITH (FORCE)");
        self.server.sql(&format!("CREATE DATABASE app TEMPLATE {} OWNER app", template(state)));
        self.server.sql("ALTER ROLE app RESET ALL; DROP ROLE IF EXISTS made");
        let parameters = [("user", "app"), ("database", "app"), ("application_name", "beside")];
        let mut beside = Connection::open("127.0.0.1", self.server.port, "", &parameters).expect("everybody is trusted");
        beside.rows(&format!("BEGIN; DECLARE said CURSOR FOR SELECT '{}'", state.email(1))).expect("it is a statement");
        beside
    }

    fn gateway(&self, masks: &str) -> Weir {
        let gateway = Weir::for_server(&self.server).catalog(&self.server.superuser_secret());
        gateway.extra(masks).policy(classed::HIDING).variable("WEIR_LOG", "debug").build()
    }

    fn directly(&self, job: &[&str]) -> Outcome {
        let mut command = Command::new(job[0]);
        command.args(&job[1..]).env("PGPORT", self.server.port.to_string()).envs([
            ("PGHOST", "127.0.0.1"),
            ("PGUSER", "app"),
            ("PGDATABASE", "app"),
            ("PGPASSWORD", "a-dummy"),
            ("PGSSLMODE", "disable"),
            ("PGGSSENCMODE", "disable"),
        ]);
        command.output().expect("the job starts").into()
    }
}

const fn template(state: State) -> &'static str {
    match state {
        State::Ada => "ada",
        State::Bob => "bob",
    }
}

fn fill(server: &Postgres, database: &str, sql: &str) {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(file.path(), sql).expect("our own file");
    let made = server.psql(database).arg("-f").arg(file.path()).output().expect("psql starts");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

fn seen(place: &TempDir, number: usize) -> Seen {
    let file = |kind: &str| fs::read(place.path().join("out").join(format!("{}.{kind}", key(number)))).unwrap_or_default();
    Seen::new(file("bytes"), file("text"))
}
