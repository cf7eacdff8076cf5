//! Whose each run is: what the gateway finds about a job by itself is in its own record, and names the run alone.

use super::facts::named_run;
use crate::event::{Context, Event, What};
use crate::model::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Runs that are remembered; the one that began its last session first is forgotten first.
const RUNS: usize = 4096;

/// Runs, and whose they are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Runs(BTreeMap<String, Whose>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Whose {
    workload: Option<String>,
    name: Option<String>,
    owner: Option<String>,
    last: Timestamp,
}

impl Runs {
    /// The event as that of the run that it is about. A run is known by its sessions; a run that had none is nobody's.
    pub(super) fn attributed<'e>(&mut self, event: &'e Event) -> Cow<'e, Event> {
        match &event.what {
            What::Opened { .. } => self.learn(&event.context, event.at),
            What::Finding { fields, .. } => {
                if let Some(run) = named_run(fields).filter(|run| Some(*run) != event.context.run.as_deref()) {
                    let context = self.context(run);
                    return Cow::Owned(Event { context, ..event.clone() });
                }
            }
            What::Statement(_) | What::Ended { .. } | What::Control { .. } | What::Checkpoint { .. } | What::Dropped { .. } => {}
        }
        Cow::Borrowed(event)
    }

    fn learn(&mut self, context: &Context, at: Timestamp) {
        let Some(run) = &context.run else { return };
        if self.0.len() >= RUNS && !self.0.contains_key(run) {
            let oldest = self.0.iter().min_by_key(|(_, whose)| whose.last).map(|(run, _)| run.clone());
            self.0.remove(&oldest.unwrap_or_default());
        }
        let Context { workload, name, owner, .. } = context.clone();
        self.0.insert(run.clone(), Whose { workload, name, owner, last: at });
    }

    fn context(&self, run: &str) -> Context {
        let whose = self.0.get(run).cloned();
        let (workload, name, owner) = whose.map_or((None, None, None), |whose| (whose.workload, whose.name, whose.owner));
        Context { run: Some(run.to_owned()), workload, name, owner, ..Context::default() }
    }
}
