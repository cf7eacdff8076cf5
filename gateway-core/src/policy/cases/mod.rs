//! The cases of a policy set: what it has to say to which statements. A set that says otherwise is a bad set.
//!
//! `read` turns files into cases and tells everything that is wrong with them; `run` has a set
//! decide them. Both are pure: whoever reads the directory hands in texts.

mod fields;
mod read;
mod run;

pub use read::read;
pub use run::run;

use super::{Known, PolicyProblem, Totals};
use crate::control::grant::{ACTIONS, Grant, Wish};
use crate::inspect::Facts;
use crate::inspect::resolve::Question;
use crate::model::ids::GrantId;
use crate::model::principal::Principal;
use crate::model::target::Target;
use crate::model::time::Timestamp;
use std::fmt;
use std::net::SocketAddr;

/// One case.
#[derive(Clone, Debug)]
pub struct Case {
    /// What it shows.
    pub name: String,
    /// The file it is written in.
    pub file: String,
    /// The line where it begins, from 1.
    pub line: usize,
    principal: Principal,
    owner_active: bool,
    target: Target,
    asks: Asks,
    database: String,
    user: String,
    in_transaction: bool,
    totals: Totals,
    approved: bool,
    /// A grant of everything, where the case has one.
    granted: Option<Box<Grant>>,
    expect: Verdict,
    /// Policies that have to be among those that decided; an empty list: none may.
    by: Option<Vec<String>>,
}

/// What a case puts to the policies.
#[derive(Clone, Debug)]
enum Asks {
    /// A session may begin, at this address.
    Connect(SocketAddr, Box<Known>),
    /// A name of this type is resolved.
    Resolve(String, String),
    /// A text, read as a session's would be, without a catalog.
    Sql(String),
    /// Questions as they stand, with the facts beside them.
    Questions { questions: Vec<Question>, command: String, facts: Box<Facts>, statements: usize },
}

/// What a set says to a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is allowed.
    Allow,
    /// It is denied.
    Deny,
    /// It is denied, and an approval would allow it.
    Hold,
}

/// What came of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The case's name.
    pub name: String,
    /// Its file.
    pub file: String,
    /// The line where it begins, from 1.
    pub line: usize,
    /// What it expects.
    pub expected: Verdict,
    /// What the set says.
    pub got: Verdict,
    /// The policies that decided, sorted.
    pub policies: Vec<String>,
    /// Whether it is as expected.
    pub passed: bool,
    /// What explains it: a policy that should have decided, an error, a text that was not understood.
    pub notes: Vec<String>,
}

impl Outcome {
    /// The failure, as a problem of the set.
    #[must_use]
    pub fn problem(&self) -> Option<PolicyProblem> {
        let Self { name, file, line, expected, got, policies, passed, notes } = self;
        let by = if policies.is_empty() { "by no policy".to_owned() } else { format!("by {}", policies.join(", ")) };
        let notes: String = notes.iter().map(|note| format!("; {note}")).collect();
        let what = format!("the case {name:?} expects {expected} and got {got} {by}{notes}");
        (!passed).then(|| PolicyProblem { file: file.clone(), line: Some(*line), what })
    }
}

/// A grant of all that there is, for as long as there is time.
fn of_everything() -> Box<Grant> {
    let any = || "*".to_owned();
    let wish = Wish {
        workload: any(),
        target: any(),
        actions: ACTIONS.map(str::to_owned).into(),
        classes: vec![any()],
        ..Wish::default()
    };
    Box::new(Grant { id: GrantId::from_number(1), wish, votes: Vec::new(), until: Timestamp(u64::MAX) })
}

impl Verdict {
    const ALL: [(&'static str, Self); 3] = [("allow", Self::Allow), ("deny", Self::Deny), ("hold", Self::Hold)];
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Hold => "hold",
        })
    }
}
