//! Which events a sink is told.

use gateway_core::control::names;
use gateway_core::event::{Event, What};

/// Kinds of events, and targets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Kinds, as [`kind`] names them; all where there is none.
    pub events: Vec<String>,
    /// Names of targets, each of which may end in `*`; all where there is none.
    pub targets: Vec<String>,
}

impl Filter {
    /// What can be written of kinds.
    pub(super) const KINDS: [&str; 7] = ["opened", "statement", "ended", "finding", "control", "checkpoint", "dropped"];

    /// Whether the sink of this name is told. What it has lost it is told whatever it names.
    #[must_use]
    pub fn wants(&self, event: &Event, sink: &str) -> bool {
        if let What::Dropped { sink: whose, .. } = &event.what
            && whose == sink
        {
            return true;
        }
        let of_kind = self.events.is_empty() || self.events.iter().any(|name| name == kind(&event.what));
        let of_target = |target: &String| self.targets.iter().any(|pattern| names(pattern, target));
        of_kind && (self.targets.is_empty() || event.context.target.as_ref().is_none_or(of_target))
    }
}

/// The kind of an event, as its JSON has it.
pub(super) const fn kind(what: &What) -> &'static str {
    match what {
        What::Opened { .. } => "opened",
        What::Statement(_) => "statement",
        What::Ended { .. } => "ended",
        What::Finding { .. } => "finding",
        What::Control { .. } => "control",
        What::Checkpoint { .. } => "checkpoint",
        What::Dropped { .. } => "dropped",
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::event;
    use super::*;
    use serde_json::json;

    #[test]
    fn a_sink_is_told_what_it_names_and_what_it_has_lost() {
        let filter = |events: &[&str], targets: &[&str]| {
            let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
            Filter { events: texts(events), targets: texts(targets) }
        };
        let finding = || What::Finding { name: "quota".to_owned(), alert: None, fields: json!({}) };
        let dropped = |sink: &str| What::Dropped { events: 7, sink: sink.to_owned() };
        for (filter, what, target, expected) in [
            (filter(&[], &[]), finding(), Some("prod-pg"), true),
            (filter(&["finding"], &[]), finding(), None, true),
            (filter(&["statement"], &[]), finding(), None, false),
            (filter(&[], &["prod-*"]), finding(), Some("prod-pg"), true),
            (filter(&[], &["dev"]), finding(), Some("prod-pg"), false),
            (filter(&[], &["dev"]), finding(), None, true),
            (filter(&["statement"], &["dev"]), dropped("siem"), None, true),
            (filter(&["statement"], &[]), dropped("other"), None, false),
        ] {
            let mut event = event(1);
            event.what = what;
            event.context.target = target.map(str::to_owned);
            assert_eq!(filter.wants(&event, "siem"), expected, "{filter:?} {event:?}");
            assert!(Filter::KINDS.contains(&kind(&event.what)));
        }
    }
}
