//! What a changed set would have decided otherwise, in groups.

use super::again::{Judge, Undecided};
use super::past::{Asked, Filter, Item, Past, Progress, Session, Walked, walk};
use super::readiness::workload;
use crate::evidence::EvidenceError;
use gateway_core::model::time::Timestamp;
use gateway_core::policy::basis::Verdict;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::path::Path;

/// Groups of changes that are told; the rest is counted.
const MOST: usize = 10_000;

/// What is otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// From what the policies said then to what they say now.
    Verdict(Verdict, Verdict),
    /// A class that was hidden is shown.
    Revealed,
    /// A class that was shown is hidden; where it decides the result, the statement is refused.
    Hidden,
}

/// What tells changes apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Change {
    /// What is otherwise.
    #[serde(rename = "change")]
    pub kind: Kind,
    /// The workload, by its configured name, or its SPIFFE id.
    pub workload: String,
    /// The target.
    pub target: String,
    /// The command; `connect` and `resolve` of those.
    pub command: String,
    /// What is done to what: the question that is not allowed, or the first; of a class its name.
    pub touches: String,
    /// The policies that decided then.
    pub was_by: Vec<String>,
    /// Those that would.
    pub would_be_by: Vec<String>,
}

/// A change and how often there is one.
#[derive(Clone, Debug, Serialize)]
pub struct Group {
    /// What.
    #[serde(flatten)]
    pub change: Change,
    /// How often.
    pub count: u64,
    /// When for the first time.
    pub first: Timestamp,
    /// When for the last time.
    pub last: Timestamp,
    /// The first one: a session, or an operation of it.
    pub example: String,
    /// What went wrong in a policy, where something did.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<String>,
}

/// What came of a comparison.
#[derive(Debug, Default, Serialize)]
pub struct Comparison {
    /// Records that were looked at.
    pub sessions: u64,
    /// Decisions that were made again.
    pub judged: u64,
    /// Of these, those that come to the same.
    pub same: u64,
    /// Of the same, those that other policies decide.
    pub same_by_others: u64,
    /// What would change, the most frequent first.
    pub changes: Vec<Group>,
    /// Changes that are in no group, since there are too many.
    pub changes_not_shown: u64,
    /// What can't be decided again, by the reason.
    pub not_judged: BTreeMap<String, u64>,
    /// Records that can't be read to their ends.
    pub damaged: u64,
    /// What to know of it.
    pub notes: Vec<String>,
    #[serde(skip)]
    groups: BTreeMap<Change, Group>,
}

/// Makes all decisions again that `filter` is about.
///
/// # Errors
/// Where the records, or the sets that are kept, can't be read.
pub fn compare(
    state_dir: &Path,
    filter: &Filter,
    judge: &mut Judge,
    progress: impl FnMut(Progress),
) -> Result<Comparison, EvidenceError> {
    let mut comparison = Comparison::default();
    let mut failed = None;
    let walked = walk(state_dir, filter, progress, |session, item| {
        if let (Item::Decided(past), None) = (item, &failed) {
            failed = comparison.add(session, &past, judge).err();
        }
    })?;
    match failed {
        Some(error) => Err(error),
        None => Ok(comparison.finish(walked)),
    }
}

impl Comparison {
    fn add(&mut self, session: &Session, past: &Past, judge: &mut Judge) -> Result<(), EvidenceError> {
        let now = match judge.decide(session, past) {
            Ok(decided) => decided,
            Err(Undecided::Evidence(error)) => return Err(error),
            Err(why) => {
                *self.not_judged.entry(why.to_string()).or_default() += 1;
                return Ok(());
            }
        };
        self.judged += 1;
        let of = |kind, touches: String| Change {
            kind,
            workload: workload(session),
            target: past.target(session).name.clone(),
            command: if past.command.is_empty() { "(not understood)".to_owned() } else { past.command.clone() },
            touches,
            was_by: past.policies.clone(),
            would_be_by: now.policies.clone(),
        };
        let mut changed = false;
        if now.verdict != past.verdict {
            changed = true;
            let first = past.touched.first().cloned().unwrap_or_default();
            let touches = now.refused.clone().unwrap_or(first);
            self.count(of(Kind::Verdict(past.verdict, now.verdict), touches), (session, past), &now.errors);
        }
        let hidden = match &past.asked {
            Ok(Asked::Operation(kept, _)) => kept.hidden.as_slice(),
            Ok(Asked::Connect(..) | Asked::Name(..)) | Err(_) => &[],
        };
        let shown = hidden.iter().filter(|class| now.revealed.contains(class)).map(|class| (Kind::Revealed, class));
        let closed = past.revealed.iter().filter(|class| !now.revealed.contains(class)).map(|class| (Kind::Hidden, class));
        for (kind, class) in shown.chain(closed) {
            changed = true;
            self.count(of(kind, format!("class {class}")), (session, past), &[]);
        }
        self.same += u64::from(!changed);
        self.same_by_others += u64::from(!changed && now.policies != past.policies);
        Ok(())
    }

    fn count(&mut self, change: Change, (session, past): (&Session, &Past), errors: &[String]) {
        if self.groups.len() >= MOST && !self.groups.contains_key(&change) {
            self.changes_not_shown += 1;
            return;
        }
        let group = self.groups.entry(change).or_insert_with_key(|change| Group {
            change: change.clone(),
            count: 0,
            first: past.at,
            last: past.at,
            example: example(session, past),
            errors: errors.to_vec(),
        });
        group.count += 1;
        (group.first, group.last) = (group.first.min(past.at), group.last.max(past.at));
    }

    fn finish(mut self, walked: Walked) -> Self {
        self.changes = std::mem::take(&mut self.groups).into_values().collect();
        // What is refused anew comes first, and of that the most frequent.
        self.changes.sort_by_key(|group| (group.change.kind.rank(), std::cmp::Reverse(group.count)));
        (self.sessions, self.damaged) = (walked.sessions, walked.damaged);
        self
    }

    /// How many decisions change so.
    #[must_use]
    pub fn count_of(&self, wanted: impl Fn(Kind) -> bool) -> u64 {
        self.changes.iter().filter(|group| wanted(group.change.kind)).map(|group| group.count).sum()
    }
}

/// What to look at: a session, or an operation of it.
pub(super) fn example(session: &Session, past: &Past) -> String {
    match past.operation {
        Some(operation) => format!("{}/{operation}", session.id),
        None => session.id.to_string(),
    }
}

impl Kind {
    /// In words: `allow -> deny`.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::Verdict(was, is) => format!("{was} -> {is}"),
            Self::Revealed => "hidden -> revealed".to_owned(),
            Self::Hidden => "revealed -> hidden".to_owned(),
        }
    }

    /// Whether something is denied that was not.
    #[must_use]
    pub fn denies(self) -> bool {
        matches!(self, Self::Verdict(_, Verdict::Deny))
    }

    /// Whether something needs people, or is denied, that did not.
    #[must_use]
    pub fn holds(self) -> bool {
        self.denies() || matches!(self, Self::Verdict(_, Verdict::Hold))
    }

    /// Whether something is allowed that was not.
    #[must_use]
    pub fn allows(self) -> bool {
        matches!(self, Self::Verdict(_, Verdict::Allow))
    }

    const fn rank(self) -> u8 {
        match self {
            Self::Verdict(_, Verdict::Deny) => 0,
            Self::Verdict(_, Verdict::Hold) => 1,
            Self::Hidden => 2,
            Self::Verdict(_, Verdict::Allow) => 3,
            Self::Revealed => 4,
        }
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.words())
    }
}
