//! Which events a notifier is told of.

use crate::ledger::{Event, Kind};
use gateway_core::control::names;

/// What is told where nothing is said, beside all that has an alert.
const USUAL: [&str; 5] = ["hold.asked", "grant.requested", "block.added", "glass.*", "unseal.*"];

/// Which events, and of which targets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Names of events, each of which may end in `*`; none for the usual ones and what has an alert.
    pub events: Option<Vec<String>>,
    /// Names of targets, the same; all where there is none.
    pub targets: Vec<String>,
}

impl Filter {
    /// Whether the notifier of this name is told of `event`. Broken glass can't be muted.
    #[must_use]
    pub fn wants(&self, event: &Event, notifier: &str) -> bool {
        if event.kind == Kind::GlassBroken {
            return true;
        }
        // A test is told by whoever tries it; a notifier's own failures would follow each other for ever.
        if event.kind == Kind::NotifyTested || (event.kind == Kind::NotifyFailed && event.subject == notifier) {
            return false;
        }
        let wanted = match &self.events {
            Some(patterns) => patterns.iter().any(|pattern| names(pattern, event.kind.name())),
            None => alert(event).is_some() || USUAL.iter().any(|pattern| names(pattern, event.kind.name())),
        };
        let of_target = |target: &str| self.targets.iter().any(|pattern| names(pattern, target));
        wanted && (self.targets.is_empty() || target(event).is_none_or(of_target))
    }

    /// Whether it would mute broken glass, if that could be.
    #[must_use]
    pub fn leaves_glass_out(&self) -> bool {
        let named = |patterns: &Vec<String>| patterns.iter().any(|pattern| names(pattern, Kind::GlassBroken.name()));
        !self.targets.is_empty() || self.events.as_ref().is_some_and(|patterns| !named(patterns))
    }
}

/// Whether any event is of this name, or of one that begins so.
pub(super) fn is_known(pattern: &str) -> bool {
    Kind::ALL.iter().any(|kind| names(pattern, kind.name()))
}

/// The alert that an event has, as the policy or the command says.
pub(super) fn alert(event: &Event) -> Option<&str> {
    event.details.get("alert")?.as_str()
}

/// The target that an event names.
pub(super) fn target(event: &Event) -> Option<&str> {
    let at = |place: &str| event.details.pointer(place).and_then(serde_json::Value::as_str);
    let blocked = || at("/subject/name").filter(|_| at("/subject/kind") == Some("target"));
    at("/target").or_else(|| at("/wish/target")).or_else(blocked)
}

#[cfg(test)]
mod tests {
    use super::super::told::tests::event;
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn a_notifier_is_told_of_what_it_names_and_of_broken_glass_whatever_it_names() {
        let usual = Filter::default();
        let filter = |events: &[&str], targets: &[&str]| {
            let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
            Filter { events: (!events.is_empty()).then(|| texts(events)), targets: texts(targets) }
        };
        let prod = json!({ "target": "prod-pg" });
        for (filter, kind, details, expected) in [
            (&usual, Kind::HoldAsked, &prod, true),
            (&usual, Kind::HoldApproved, &Value::Null, false),
            (&usual, Kind::GlassReviewed, &Value::Null, true),
            (&usual, Kind::SessionKilled, &json!({ "alert": "high" }), true),
            (&usual, Kind::NotifyTested, &json!({ "alert": "high" }), false),
            (&filter(&["hold.*"], &[]), Kind::HoldDenied, &prod, true),
            (&filter(&["hold.*"], &[]), Kind::GrantRequested, &prod, false),
            (&filter(&["hold.asked"], &[]), Kind::GlassBroken, &prod, true),
            (&filter(&[], &["dev-*"]), Kind::GlassBroken, &prod, true),
            (&filter(&[], &["dev-*"]), Kind::HoldAsked, &prod, false),
            (&filter(&[], &["prod-*"]), Kind::HoldAsked, &prod, true),
            (&filter(&[], &["dev-*"]), Kind::GrantRequested, &json!({ "wish": { "target": "prod-pg" } }), false),
            (&filter(&[], &["dev-*"]), Kind::BlockAdded, &json!({ "subject": { "kind": "target", "name": "prod-pg" } }), false),
            (&filter(&[], &["dev-*"]), Kind::BlockAdded, &json!({ "subject": { "kind": "owner", "name": "prod-pg" } }), true),
        ] {
            assert_eq!(filter.wants(&event(kind, details.clone()), "n"), expected, "{filter:?} {kind:?} {details}");
        }
        let mut failed = event(Kind::NotifyFailed, json!({ "alert": "medium" }));
        failed.subject = "n".to_owned();
        assert!(!usual.wants(&failed, "n") && usual.wants(&failed, "other"));
        assert!(!usual.leaves_glass_out() && !filter(&["glass.*"], &[]).leaves_glass_out());
        assert!(filter(&["hold.*"], &[]).leaves_glass_out() && filter(&[], &["a"]).leaves_glass_out());
        assert!(is_known("hold.*") && is_known("*") && !is_known("hold.aksed") && !is_known(""));
    }
}
