//! One kill, and what is found afterwards.

use crate::{Job, Outcome, Postgres, Weir, wait_until};
use anyhow::{Context as _, ensure};
use nix::sys::signal::Signal;
use serde_json::Value;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What is being decided when the gateway dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A statement is about to wait.
    Asking,
    /// A person approves what waits.
    Approving,
    /// A person approves a request.
    Giving,
    /// A person ends a grant that a job is using.
    Revoking,
    /// A person sets a block.
    Blocking,
}

/// What must not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    RanWithoutApproval,
    AllowedAfterRevoke,
    Lost,
}

/// What came of a round.
pub(super) struct Came {
    /// Whoever asked was told that it is done.
    pub(super) acknowledged: bool,
    pub(super) seen: String,
    pub(super) fault: Option<Fault>,
}

/// A round, and when its gateway is killed: so long after the command was sent.
pub(super) struct Round<'w> {
    pub(super) server: &'w Postgres,
    pub(super) weir: &'w Weir,
    pub(super) number: u32,
    pub(super) delay_us: u64,
}

impl Kind {
    pub(super) const ALL: [Self; 5] = [Self::Asking, Self::Approving, Self::Giving, Self::Revoking, Self::Blocking];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Asking => "asking",
            Self::Approving => "approving",
            Self::Giving => "giving",
            Self::Revoking => "revoking",
            Self::Blocking => "blocking",
        }
    }
}

impl Fault {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::RanWithoutApproval => "ran_without_approval",
            Self::AllowedAfterRevoke => "allowed_after_revoke",
            Self::Lost => "lost",
        }
    }
}

impl Round<'_> {
    pub(super) fn play(&self, kind: Kind) -> anyhow::Result<Came> {
        let table = format!("t{}", self.number);
        let made =
            format!("CREATE TABLE {table} (at timestamptz); INSERT INTO {table} VALUES ('epoch'); GRANT ALL ON {table} TO app");
        self.server.psql("app").args(["-qc", &made]).status().context("psql runs")?;
        match kind {
            Kind::Asking => self.asking(&table),
            Kind::Approving => self.approving(&table),
            Kind::Giving => self.giving(&table),
            Kind::Revoking => self.revoking(&table),
            Kind::Blocking => self.blocking(&table),
        }
    }

    /// Killed while the statement comes to wait, or shortly before or after.
    fn asking(&self, table: &str) -> anyhow::Result<Came> {
        let job = self.psql(&format!("DELETE FROM {table}"));
        wait_until("the session", 20, || self.weir.sessions().iter().any(|session| session["state"] == "live").then_some(()));
        self.kill(job);
        let ran = self.rows(table)? == 0;
        let open = self.list("hold", "0")?;
        let fault = if ran { Some(Fault::RanWithoutApproval) } else { (!open.is_empty()).then_some(Fault::Lost) };
        Ok(Came { acknowledged: false, seen: format!("ran: {ran}, still open: {}", open.len()), fault })
    }

    fn approving(&self, table: &str) -> anyhow::Result<Came> {
        let job = self.psql(&format!("DELETE FROM {table}"));
        let hold = wait_until("a hold", 20, || self.list("hold", "0").ok()?.into_iter().next());
        let id = hold["id"].as_str().context("an id")?.to_owned();
        let approved = self.meanwhile(job, &["hold", "approve", &id, "--reason", "a test"]);
        let acknowledged = approved.status == Some(0);
        let state = self.state("hold", &id)?;
        let ran = self.rows(table)? == 0;
        let fault = match (ran, state.as_str(), acknowledged) {
            (true, "approved", _) => None,
            (true, ..) => Some(Fault::RanWithoutApproval),
            (false, "approved" | "abandoned" | "withdrawn", false) | (false, "approved", true) => None,
            (false, ..) => Some(Fault::Lost),
        };
        Ok(Came { acknowledged, seen: format!("ran: {ran}, {state}"), fault })
    }

    fn giving(&self, table: &str) -> anyhow::Result<Came> {
        let job = self.psql("SELECT pg_sleep(600)");
        self.weir.live_job();
        let id = self.request()?;
        let given = self.meanwhile(job, &["grant", "approve", &id, "--reason", "a test"]);
        let acknowledged = given.status == Some(0);
        let (state, allowed) = (self.state("grant", &id)?, self.inserts(table));
        self.weir.cli_as("bin", &["grant", "revoke", &id, "--reason", "over"]);
        let fault = match (acknowledged, state.as_str(), allowed) {
            (true, "given", true) | (false, "given", true) | (false, "requested", false) => None,
            (false, "requested", true) => Some(Fault::AllowedAfterRevoke),
            _ => Some(Fault::Lost),
        };
        Ok(Came { acknowledged, seen: format!("{state}, allowed: {allowed}"), fault })
    }

    fn revoking(&self, table: &str) -> anyhow::Result<Came> {
        let id = self.request()?;
        let given = self.weir.cli_as("bin", &["grant", "approve", &id, "--reason", "a test"]);
        ensure!(given.status == Some(0), "{}", given.stderr);
        let lines = format!("INSERT INTO {table} VALUES (statement_timestamp());\n").repeat(20_000);
        let script = self.weir.script(&format!("inserts-{}.sql", self.number), &lines);
        let job = self.weir.start(&["psql", "-XAtqf", script.to_str().context("a path")?]);
        wait_until("rows", 20, || (self.rows(table).ok()? > 3).then_some(()));
        let revoked = self.meanwhile(job, &["grant", "revoke", &id, "--reason", "a test"]);
        let acknowledged = revoked.status == Some(0);
        let after = self.number(&format!("SELECT count(*) FROM {table} WHERE at > to_timestamp({})", revoked.at));
        let (state, allowed) = (self.state("grant", &id)?, self.inserts(table));
        self.weir.cli_as("bin", &["grant", "revoke", &id, "--reason", "over"]);
        let fault = match (acknowledged, state.as_str(), allowed) {
            (true, ..) if after? > 0 || allowed => Some(Fault::AllowedAfterRevoke),
            (true, "revoked", false) | (false, "revoked", false) | (false, "given", true) => None,
            (false, "revoked", true) => Some(Fault::AllowedAfterRevoke),
            _ => Some(Fault::Lost),
        };
        Ok(Came { acknowledged, seen: format!("{state}, allowed: {allowed}"), fault })
    }

    fn blocking(&self, table: &str) -> anyhow::Result<Came> {
        let job = self.psql("SELECT pg_sleep(600)");
        self.weir.live_job();
        let blocked = self.meanwhile(job, &["block", "add", "--target", "db", "--reason", "a test"]);
        let acknowledged = blocked.status == Some(0);
        let blocks = self.list("block", "0")?;
        let passes = self.weir.run(&["psql", "-XAtc", &format!("SELECT count(*) FROM {table}")]).status == Some(0);
        for block in &blocks {
            self.weir.cli(&["block", "remove", block["id"].as_str().context("an id")?, "--reason", "over"]);
        }
        let fault = match (acknowledged, blocks.is_empty(), passes) {
            (true, true, _) => Some(Fault::Lost),
            (_, false, true) => Some(Fault::AllowedAfterRevoke),
            (_, true, false) => Some(Fault::Lost),
            (_, false, false) | (false, true, true) => None,
        };
        Ok(Came { acknowledged, seen: format!("blocks: {}, passes: {passes}", blocks.len()), fault })
    }

    /// Sends a command, kills the gateway meanwhile, and waits for both.
    fn meanwhile(&self, job: Job, command: &[&str]) -> Answered {
        thread::scope(|scope| {
            let asked = scope.spawn(|| {
                let outcome = self.weir.cli_as("bin", command);
                Answered { status: outcome.status, at: now() }
            });
            self.kill(job);
            asked.join().unwrap_or_else(|_panicked| Answered { status: None, at: now() })
        })
    }

    /// Kills the gateway with what it runs.
    fn kill(&self, job: Job) {
        thread::sleep(Duration::from_micros(self.delay_us));
        job.signal(Signal::SIGKILL);
        job.wait();
    }

    /// `daemon` asks to write.
    fn request(&self) -> anyhow::Result<String> {
        let wish = ["grant", "request", "--workload", "*", "--target", "db", "--action", "write", "--for", "1h", "--reason", "x"];
        let asked = json(&self.weir.cli_as("daemon", &[&wish[..], &["--format", "json"]].concat()))?;
        Ok(asked["id"].as_str().context("an id")?.to_owned())
    }

    fn psql(&self, sql: &str) -> Job {
        self.weir.start(&["psql", "-XAtc", sql])
    }

    /// Whether the next gateway lets a job write.
    fn inserts(&self, table: &str) -> bool {
        self.weir.run(&["psql", "-XAtc", &format!("INSERT INTO {table} VALUES ('epoch')")]).status == Some(0)
    }

    fn rows(&self, table: &str) -> anyhow::Result<u64> {
        self.number(&format!("SELECT count(*) FROM {table}"))
    }

    fn number(&self, sql: &str) -> anyhow::Result<u64> {
        let told = self.server.psql("app").args(["-XAtc", sql]).output().context("psql runs")?;
        let text = String::from_utf8_lossy(&told.stdout);
        text.trim().parse().with_context(|| format!("{sql}: {text}{}", String::from_utf8_lossy(&told.stderr)))
    }

    fn list(&self, what: &str, past: &str) -> anyhow::Result<Vec<Value>> {
        let listed = json(&self.weir.cli(&[what, "list", "--past", past, "--format", "json"]))?;
        Ok(listed.as_array().cloned().unwrap_or_default())
    }

    fn state(&self, what: &str, id: &str) -> anyhow::Result<String> {
        let found = self.list(what, "5")?.into_iter().find(|one| one["id"] == *id);
        Ok(found.and_then(|one| Some(one["state"].as_str()?.to_owned())).unwrap_or_else(|| "gone".to_owned()))
    }
}

/// What somebody was told, and when, in seconds since 1970.
struct Answered {
    status: Option<i32>,
    at: f64,
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

fn json(outcome: &Outcome) -> anyhow::Result<Value> {
    ensure!(outcome.status == Some(0), "{}{}", outcome.stdout, outcome.stderr);
    Ok(serde_json::from_str(&outcome.stdout)?)
}
