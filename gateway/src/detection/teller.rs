//! What is found is told: as a finding of the gateway's own record, and as a step in the ledger, whose notifiers tell people.

use crate::host::Diary;
use crate::ledger::{Alert, Done, Kind, Ledger, LedgerError};
use gateway_core::finding::{Explain, Then, Told};
use gateway_core::model::ids::AlertId;
use gateway_core::model::time::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The id by which people name it: the same whenever it is told again. One event may have a rule find several things.
pub(super) fn id(told: &Told) -> AlertId {
    let digest = Sha256::digest(format!("{}\0{}", told.id, told.subject));
    AlertId::new(told.at, digest.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes)))
}

/// Tells it, where that was not done, and says whether something is still to be done about it.
///
/// # Errors
/// Where the ledger can't be read or written: it is tried again.
pub(super) fn tell(ledger: &Ledger, diary: &Diary, told: &Told) -> Result<bool, LedgerError> {
    let id = id(told);
    let before: Option<Alert> = ledger.look(|look| look.find(id.number()))?;
    let kind = match &before {
        None => Kind::FindingTold,
        Some(alert) if alert.count < told.count => Kind::FindingCounted,
        // A gateway ended between telling and noting that.
        Some(alert) => return Ok(wants_action(told) && alert.done.is_none()),
    };
    // The ledger first: it tells in any case, and where it can't be written the same is not noted at each try.
    ledger.change(|change| {
        let alert = match before {
            None => alert(id, told, change.at),
            Some(alert) => Alert { count: told.count, ..alert },
        };
        change.put(&alert)?;
        change.tell(kind, "weir", &id.to_string(), &step(kind, told))
    })?;
    diary.finding(&told.name(), note(id, told));
    Ok(wants_action(told))
}

/// Keeps what was done about it.
///
/// # Errors
/// Where it can't be written.
pub(super) fn done(ledger: &Ledger, diary: &Diary, told: &Told, (what, well): (String, bool)) -> Result<(), LedgerError> {
    let id = id(told);
    if !well {
        let fields = json!({ "alert_id": id, "rule": told.rule, "workload": told.workload, "error": what, "alert": "high" });
        diary.finding("rule_not_followed", fields);
    }
    ledger.change(|change| {
        let Some(alert) = change.find::<Alert>(id.number())? else { return Ok(()) };
        let done = Some(Done { what, well, at: change.at });
        change.put(&Alert { done, ..alert })
    })
}

fn wants_action(told: &Told) -> bool {
    told.then != Then::Tell
}

/// As the gateway's own record has it.
fn note(id: AlertId, told: &Told) -> Value {
    let mut fields = told.fields();
    fields["id"] = json!(id);
    fields
}

/// As the ledger has it. That it was seen again wakes nobody.
fn step(kind: Kind, told: &Told) -> Value {
    let mut fields = told.fields();
    fields["rule"] = json!(told.rule);
    if let Some(fields) = fields.as_object_mut() {
        fields.remove("id");
        // The name and the SPIFFE id stand where other steps have them.
        fields.remove("identity");
        if let Some(identity) = &told.identity {
            fields.insert("workload".to_owned(), json!(identity));
            fields.insert("name".to_owned(), json!(told.workload));
        }
        if kind == Kind::FindingCounted {
            fields.remove("alert");
        }
    }
    fields
}

fn alert(id: AlertId, told: &Told, told_at: Timestamp) -> Alert {
    let Told { rule, workload, identity, subject, severity, then, at, count, event, .. } = told.clone();
    let Told { session, operation, run, target, explain: Explain { seen, usual, threshold }, .. } = told.clone();
    Alert {
        id,
        rule,
        workload,
        identity,
        subject,
        severity,
        then,
        at,
        told_at,
        count,
        event,
        session,
        operation,
        run,
        target,
        seen,
        usual,
        threshold,
        done: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{EvidenceSettings, Store};
    use gateway_core::event::Severity;

    fn told(count: u64, then: Then) -> Told {
        Told {
            id: "rows/s-1".to_owned(),
            rule: "rows".to_owned(),
            workload: "backup".to_owned(),
            identity: None,
            subject: "rows".to_owned(),
            severity: Severity::High,
            then,
            at: Timestamp(1_000_000_000),
            count,
            event: "s-1".to_owned(),
            session: None,
            operation: None,
            run: None,
            target: None,
            explain: Explain::default(),
        }
    }

    #[test]
    fn it_is_told_once_counted_once_and_acted_on_until_that_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), EvidenceSettings::default()).unwrap();
        let ledger = Ledger::open(folder.path()).unwrap();
        let diary = Diary::new(store, || json!({}));
        let tell = |told: &Told| tell(&ledger, &diary, told).unwrap();
        let first = told(1, Then::Block);
        assert!(tell(&first) && tell(&first), "a gateway that ended before it acted goes on with that");
        done(&ledger, &diary, &first, ("blocked by b-1".to_owned(), true)).unwrap();
        assert!(!tell(&first));
        assert!(
            !tell(&Told { subject: "bytes".to_owned(), then: Then::Tell, ..first.clone() }),
            "another thing is another alert"
        );
        // When its group is over, with how often it was seen.
        assert!(!tell(&told(7, Then::Tell)) && !tell(&told(7, Then::Tell)));
        let alert: Alert = ledger.look(|look| look.find(id(&first).number())).unwrap().unwrap();
        assert_eq!((alert.count, alert.then, alert.done.unwrap().what.as_str()), (7, Then::Block, "blocked by b-1"));
        let events = ledger.events_since(0).unwrap();
        let kinds: Vec<_> = events.iter().map(|event| (event.kind, event.details["alert"].as_str())).collect();
        let told = (Kind::FindingTold, Some("high"));
        assert_eq!(kinds, [told, told, (Kind::FindingCounted, None)], "a count wakes nobody");
    }
}
