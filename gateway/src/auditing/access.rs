//! One session, as an auditor asks of it: who accessed what, when, by which decision and whose approval.

use crate::evidence::{self, EvidenceError, Walk};
use gateway_core::model::ids::SessionId;
use gateway_core::record::FrameKind;
use gateway_core::record::body::{Completed, Failure};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// So many different accesses, policies and approvals are told of a session; the others are counted.
const MOST: usize = 100;

/// A session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// Its id.
    pub session: String,
    /// Its run.
    pub run: Option<String>,
    /// When it began, in nanoseconds since 1970.
    pub began: u64,
    /// When its last frame was made.
    pub last: u64,
    /// The workload's SPIFFE id.
    pub workload: Option<String>,
    /// The configured workload's name.
    pub name: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// How well that is known.
    pub grade: Option<String>,
    /// The host of its gateway.
    pub host: Option<String>,
    /// The target.
    pub target: Option<String>,
    /// The target's environment.
    pub environment: Option<String>,
    /// The address that was dialled.
    pub address: Option<String>,
    /// The user that it asked for at the target.
    pub user: Option<String>,
    /// The database.
    pub database: Option<String>,
    /// What was decided when it connected.
    pub outcome: Option<String>,
    /// Whether policy was enforced, or observed.
    pub mode: Option<String>,
    /// The policy set that decided.
    pub set_hash: Option<String>,
    /// The policies that decided, of the connection and of its statements.
    pub policies: BTreeSet<String>,
    /// The broken glass that it went through by.
    pub break_glass: Option<String>,
    /// What waited for people, and who let it go on or did not.
    pub approvals: Vec<Approval>,
    /// What it accessed: `read public.t`.
    pub accesses: BTreeSet<String>,
    /// Accesses that are not told.
    pub more_accesses: u64,
    /// Statements that ended, failed ones included.
    pub statements: u64,
    /// Rows that it was sent.
    pub rows: u64,
    /// Errors.
    pub errors: u64,
    /// What policy refused of it.
    pub refused: u64,
    /// What it would have refused, were it enforced.
    pub would_refuse: u64,
    /// Classes that it was shown unmasked, and by which policies.
    pub reveals: BTreeMap<String, BTreeSet<String>>,
    /// Rows of which something was masked.
    pub masked_rows: u64,
    /// What someone should look at, by kind.
    pub findings: BTreeMap<String, u64>,
    /// What the kernel side refused, by reason.
    pub kernel: BTreeMap<String, u64>,
    /// `live`, `ended`, `unclosed` or `damaged`.
    pub state: String,
    /// Why it ended.
    pub reason: Option<String>,
}

/// What waited for people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// The hold.
    pub hold: String,
    /// What came of it.
    pub state: String,
    /// Who approved.
    pub by: Vec<String>,
    /// Who denied.
    pub denied_by: Option<String>,
    /// The operation; none where the connection waited.
    pub operation: Option<u64>,
}

impl Access {
    /// Reads one record.
    ///
    /// # Errors
    /// Where its file can't be read; one that is damaged is told as far as it goes.
    pub fn read(state_dir: &Path, session: SessionId) -> Result<Self, EvidenceError> {
        let live = evidence::is_live(state_dir, session);
        let mut walk = Walk::open(state_dir, session)?;
        let began = session.made_at().0;
        let state = if live { "live" } else { "unclosed" }.to_owned();
        let mut access = Self { session: session.to_string(), began, last: began, state, ..Self::default() };
        loop {
            match walk.next(|kind| !matches!(kind, FrameKind::Rows | FrameKind::Parameters | FrameKind::Statement)) {
                Ok(Some(seen)) => {
                    access.last = seen.time.0;
                    access.hear(seen.kind, seen.body);
                }
                Ok(None) => return Ok(access),
                Err(EvidenceError::Broken { .. }) => {
                    "damaged".clone_into(&mut access.state);
                    return Ok(access);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether it is a session's, and not a run's or the gateway's own.
    #[must_use]
    pub fn is_session(&self) -> bool {
        self.address.as_deref().is_some_and(|address| address != evidence::NOWHERE)
    }

    /// The workload as people name it.
    #[must_use]
    pub fn who(&self) -> &str {
        self.name.as_deref().or(self.workload.as_deref()).unwrap_or("-")
    }

    fn hear(&mut self, kind: FrameKind, body: &[u8]) {
        let json = || serde_json::from_slice::<Value>(body).unwrap_or_default();
        match kind {
            FrameKind::Opened => self.opened(&json()),
            FrameKind::Decision => self.decided(&json()),
            FrameKind::Note => self.noted(&json()),
            FrameKind::Ended => {
                "ended".clone_into(&mut self.state);
                self.reason = text(&json(), "/reason");
            }
            FrameKind::Completed => {
                self.statements += 1;
                self.rows += Completed::parse(body).map_or(0, |completed| completed.rows);
            }
            FrameKind::Failed => {
                self.errors += 1;
                self.statements += u64::from(Failure::parse(body).is_some_and(|failure| failure.operation != 0));
            }
            FrameKind::Statement | FrameKind::Parameters | FrameKind::Rows | FrameKind::Digest => {}
        }
    }

    fn opened(&mut self, opened: &Value) {
        self.run = text(opened, "/run");
        self.workload = text(opened, "/principal/workload");
        self.name = text(opened, "/principal/name");
        self.owner = text(opened, "/principal/owner");
        self.grade = text(opened, "/principal/grade");
        self.host = text(opened, "/host");
        self.target = text(opened, "/target/name");
        self.environment = text(opened, "/target/environment");
        self.address = text(opened, "/original");
        self.outcome = text(opened, "/decision/outcome");
        self.mode = text(opened, "/decision/mode");
        self.set_hash = text(opened, "/decision/set_hash");
        let glass = opened.pointer("/decision/break_glass").filter(|glass| !glass.is_null());
        self.break_glass = glass.map(|glass| text(glass, "/id").unwrap_or_else(|| plain(glass)));
        if let Some(decision) = opened.get("decision") {
            self.policies(decision);
            self.counted(decision);
        }
    }

    fn decided(&mut self, decision: &Value) {
        self.policies(decision);
        self.counted(decision);
        for access in texts(decision, "accesses") {
            if self.accesses.len() < MOST {
                self.accesses.insert(access);
            } else {
                self.more_accesses += u64::from(!self.accesses.contains(&access));
            }
        }
        self.more_accesses += decision.get("accesses_not_shown").and_then(Value::as_u64).unwrap_or_default();
        for shown in decision.get("reveals").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default() {
            let Some(class) = text(shown, "/class") else { continue };
            if self.reveals.len() < MOST || self.reveals.contains_key(&class) {
                self.reveals.entry(class).or_default().extend(texts(shown, "policies"));
            }
        }
    }

    fn policies(&mut self, decision: &Value) {
        for policy in texts(decision, "policies") {
            if self.policies.len() < MOST {
                self.policies.insert(policy);
            }
        }
    }

    fn counted(&mut self, decision: &Value) {
        let denied = decision.get("outcome").and_then(Value::as_str) == Some("deny");
        let observed = decision.get("would_refuse").and_then(Value::as_bool) == Some(true);
        self.refused += u64::from(denied && !observed);
        self.would_refuse += u64::from(observed);
    }

    fn noted(&mut self, note: &Value) {
        match note.get("what").and_then(Value::as_str) {
            Some("startup") => {
                // What speaks no Postgres asks for neither.
                self.user = text(note, "/user").filter(|user| !user.is_empty());
                self.database = text(note, "/database").filter(|database| !database.is_empty());
            }
            Some("hold") => self.waited(note),
            Some("masked") => self.masked_rows += note.get("rows").and_then(Value::as_u64).unwrap_or_default(),
            Some("finding") => {
                let kind = text(note, "/kind").or_else(|| text(note, "/finding")).unwrap_or_else(|| "finding".to_owned());
                self.find(kind);
            }
            Some("violation") => self.find("violation".to_owned()),
            Some("hello" | "admitted" | "name") => {
                if let Some(decision) = note.get("decision") {
                    self.policies(decision);
                    self.counted(decision);
                }
            }
            Some("kernel_refusals") => {
                for (reason, count) in note.get("reasons").and_then(Value::as_object).into_iter().flatten() {
                    *self.kernel.entry(reason.clone()).or_default() += count.as_u64().unwrap_or(1);
                }
            }
            _ => {}
        }
    }

    fn find(&mut self, kind: String) {
        if self.findings.len() < MOST || self.findings.contains_key(&kind) {
            *self.findings.entry(kind).or_default() += 1;
        }
    }

    /// The end of what waited: that it does is said by a note before.
    fn waited(&mut self, note: &Value) {
        let (Some(hold), Some(state)) = (text(note, "/hold"), text(note, "/state")) else { return };
        if state == "waiting" || self.approvals.len() >= MOST {
            return;
        }
        let votes = note.get("votes").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let by = votes.iter().filter_map(|vote| text(vote, "/by/name").or_else(|| text(vote, "/by"))).collect();
        let denied_by = text(note, "/answer/by");
        self.approvals.push(Approval { hold, state, by, denied_by, operation: note.get("operation").and_then(Value::as_u64) });
    }
}

fn text(value: &Value, place: &str) -> Option<String> {
    value.pointer(place).and_then(Value::as_str).map(str::to_owned)
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn texts(value: &Value, name: &str) -> Vec<String> {
    let list = value.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}
