//! What a report is about: a time, and a target or a workload where it is one alone.

use gateway_core::model::time::Timestamp;
use serde_json::Value;

/// What a report is about.
#[derive(Clone, Debug, Default)]
pub struct Range {
    /// From here on; none from the beginning.
    pub since: Option<Timestamp>,
    /// Up to here, which is not part of it; none up to now.
    pub until: Option<Timestamp>,
    /// This target alone.
    pub target: Option<String>,
    /// This workload alone, by its name or its SPIFFE id.
    pub workload: Option<String>,
}

impl Range {
    /// Whether something that went from here to there is part of it.
    #[must_use]
    pub fn touches(&self, from: Timestamp, to: Timestamp) -> bool {
        self.since.is_none_or(|since| to >= since) && self.until.is_none_or(|until| from < until)
    }

    /// Whether it is about this target and this workload.
    #[must_use]
    pub fn is_about(&self, target: Option<&str>, workload: &[Option<&str>]) -> bool {
        let target_fits = self.target.as_deref().is_none_or(|wanted| target == Some(wanted));
        let workload_fits = self.workload.as_deref().is_none_or(|wanted| workload.contains(&Some(wanted)));
        target_fits && workload_fits
    }

    /// Whether an event is: one that names no target, or no workload, is about all of them.
    #[must_use]
    pub fn is_about_event(&self, details: &Value) -> bool {
        let named = |places: &[&str]| places.iter().find_map(|place| details.pointer(place).and_then(Value::as_str));
        let target = named(&["/target", "/wish/target", "/asked/target", "/target/name"]);
        let workload = named(&["/workload", "/wish/workload", "/asked/workload"]);
        let name = named(&["/name", "/asked/name"]);
        let fits = |wanted: &Option<String>, there: &[Option<&str>]| match wanted {
            Some(wanted) => there.iter().all(Option::is_none) || there.contains(&Some(wanted)),
            None => true,
        };
        fits(&self.target, &[target]) && (workload.is_none() || fits(&self.workload, &[workload, name]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_about_another_target_is_left_out() {
        let range = Range { target: Some("prod".to_owned()), ..Range::default() };
        for (details, about) in [
            (json!({ "target": "prod" }), true),
            (json!({ "target": "dev" }), false),
            (json!({ "wish": { "target": "dev" } }), false),
            (json!({ "person": "ana" }), true),
        ] {
            assert_eq!(range.is_about_event(&details), about, "{details}");
        }
        assert!(range.is_about(Some("prod"), &[]) && !range.is_about(None, &[]));
        let workload = Range { workload: Some("backup".to_owned()), ..Range::default() };
        assert!(workload.is_about(None, &[None, Some("backup")]) && !workload.is_about(None, &[Some("other")]));
    }
}
