//! How a clause's cases are made of its statements: each is asked by several clients, in several ways, which take turns.

use crate::leak::script::{EXTENDED, script};
use crate::leak::{Aim, Case, Client};
use crate::wire::Script;

/// Who asks for the rows of one statement besides exact messages: they take turns.
const READERS: [(Client, &str); 26] = [
    (Client::Psql, "plain"),
    (Client::Psycopg, "text"),
    (Client::Asyncpg, "fetch"),
    (Client::TokioPostgres, "query"),
    (Client::Jdbc, "extended"),
    (Client::Psycopg, "binary"),
    (Client::Asyncpg, "cursor"),
    (Client::Psql, "fetch-count"),
    (Client::Jdbc, "fetch-size"),
    (Client::Psycopg, "server-cursor"),
    (Client::TokioPostgres, "portal"),
    (Client::Asyncpg, "prepared"),
    (Client::Psql, "copy-csv"),
    (Client::Jdbc, "binary"),
    (Client::Psycopg, "copy"),
    (Client::TokioPostgres, "simple"),
    (Client::Asyncpg, "copy"),
    (Client::Psycopg, "prepared-binary"),
    (Client::Jdbc, "simple"),
    (Client::Psycopg, "server-cursor-binary"),
    (Client::TokioPostgres, "copy"),
    (Client::Psycopg, "pipeline"),
    (Client::Jdbc, "copy"),
    (Client::Asyncpg, "copy-csv"),
    (Client::Psycopg, "copy-binary"),
    (Client::TokioPostgres, "prepared"),
];

/// Who sends several statements, one after the other.
const RUNNERS: [(Client, &str); 6] = [
    (Client::Psql, "plain"),
    (Client::Psycopg, "text"),
    (Client::Jdbc, "simple"),
    (Client::TokioPostgres, "simple"),
    (Client::Asyncpg, "fetch"),
    (Client::Psql, "expanded"),
];

/// The cases of one clause.
#[derive(Debug)]
pub(super) struct Clause {
    name: &'static str,
    aim: Aim,
    cases: Vec<Case>,
    /// Where those begin that were added last.
    last: usize,
    turn: usize,
}

impl Clause {
    /// Ways to ask for a value.
    pub(super) fn new(name: &'static str) -> Self {
        // Clauses begin at different places of the turns.
        Self { name, aim: Aim::Hide, cases: Vec::new(), last: 0, turn: name.len() }
    }

    /// What must come through as it is.
    pub(super) fn harmless(name: &'static str) -> Self {
        Self { aim: Aim::Keep, ..Self::new(name) }
    }

    /// Statements that bring rows, each for itself: as a Query, prepared in one way, and by one driver.
    pub(super) fn reads<S: Into<String>>(mut self, statements: impl IntoIterator<Item = S>) -> Self {
        self.last = self.cases.len();
        for statement in statements {
            let statement = [statement.into()];
            self.wire("simple", &statement);
            if self.aim == Aim::Hide || self.turn.is_multiple_of(3) {
                self.wire(EXTENDED[self.turn % EXTENDED.len()], &statement);
            }
            let (client, mode) = READERS[self.turn % READERS.len()];
            // These two declare a cursor for it, and what cannot be declared is no harmless statement.
            let declares = ["server-cursor", "server-cursor-binary"].contains(&mode);
            let can_be = ["SELECT", "VALUES", "WITH", "TABLE"].iter().any(|word| statement[0].starts_with(word));
            let mode = if self.aim == Aim::Keep && declares && !can_be { "text" } else { mode };
            self.driver(client, mode, &statement);
            self.turn += 1;
        }
        self
    }

    /// Statements that come one after the other, `;;` between them: as Queries, prepared in one way, and by one client.
    pub(super) fn runs<S: Into<String>>(mut self, sequences: impl IntoIterator<Item = S>) -> Self {
        self.last = self.cases.len();
        for sequence in sequences {
            let statements = split(&sequence.into());
            self.wire("simple", &statements);
            self.wire(["binary", "described"][self.turn % 2], &statements);
            let (client, mode) = RUNNERS[self.turn % RUNNERS.len()];
            self.driver(client, mode, &statements);
            self.turn += 1;
        }
        self
    }

    /// The same, in a transaction that is rolled back: what others ask for stays as it is.
    pub(super) fn undone<S: Into<String>>(self, sequences: impl IntoIterator<Item = S>) -> Self {
        self.runs(sequences.into_iter().map(|sequence| format!("BEGIN ;; {} ;; ROLLBACK", sequence.into())))
    }

    /// Sequences that only Queries can send.
    pub(super) fn simple<S: Into<String>>(mut self, sequences: impl IntoIterator<Item = S>) -> Self {
        self.last = self.cases.len();
        for sequence in sequences {
            self.wire("simple", &split(&sequence.into()));
        }
        self
    }

    /// Sequences that are sent on a connection of their own, since they leave it as another.
    pub(super) fn alone<S: Into<String>>(mut self, sequences: impl IntoIterator<Item = S>) -> Self {
        self.last = self.cases.len();
        for sequence in sequences {
            let statements = split(&sequence.into());
            self.add(Client::WireAlone, "simple", statements.clone(), script("simple", &statements));
            self.turn += 1;
            let (client, mode) = RUNNERS[self.turn % RUNNERS.len()];
            self.driver(client, mode, &statements);
        }
        self
    }

    /// Sequences for one client.
    pub(super) fn by<S: Into<String>>(
        mut self,
        client: Client,
        mode: &'static str,
        sequences: impl IntoIterator<Item = S>,
    ) -> Self {
        self.last = self.cases.len();
        for sequence in sequences {
            let statements = split(&sequence.into());
            let script = if matches!(client, Client::WireReplication) { script("simple", &statements) } else { Script::new() };
            self.add(client, mode, statements, script);
        }
        self
    }

    /// Exact messages, said in `words`, on a connection of their own.
    pub(super) fn script(mut self, words: &str, script: Script) -> Self {
        self.last = self.cases.len();
        self.add(Client::WireAlone, "messages", vec![words.to_owned()], script);
        self
    }

    /// Those that were added last get something else each time.
    pub(super) fn vary(mut self) -> Self {
        self.cases.iter_mut().skip(self.last).for_each(|case| case.varies = true);
        self
    }

    /// Those that were added last bring no value without weir either.
    pub(super) fn unshown(mut self) -> Self {
        self.cases.iter_mut().skip(self.last).for_each(|case| case.unshown = true);
        self
    }

    /// All of them.
    pub(super) fn cases(self) -> Vec<Case> {
        self.cases
    }

    fn wire(&mut self, mode: &'static str, statements: &[String]) {
        self.add(Client::Wire, mode, statements.to_vec(), script(mode, statements));
    }

    fn driver(&mut self, client: Client, mode: &'static str, statements: &[String]) {
        self.add(client, mode, statements.to_vec(), Script::new());
    }

    fn add(&mut self, client: Client, mode: &'static str, statements: Vec<String>, script: Script) {
        let id = format!("{}/{:03}/{}-{mode}", self.name.replace(' ', "-"), self.cases.len(), client.name());
        let (clause, aim) = (self.name, self.aim);
        self.cases.push(Case { id, clause, client, mode, statements, script, aim, varies: false, unshown: false });
    }
}

fn split(sequence: &str) -> Vec<String> {
    sequence.split(";;").map(|statement| statement.trim().to_owned()).filter(|statement| !statement.is_empty()).collect()
}
