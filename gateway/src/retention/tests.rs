//! What goes and what stays, on real records.

use super::*;
use crate::evidence::{EvidenceSettings, Store, files, tombstone};
use crate::ledger::HeldFor;
use gateway_core::model::ids::LegalHoldId;

const NOTHING: Duration = Duration::from_nanos(1);

async fn record(store: &Store, number: u32, target: &str) -> SessionId {
    let at = Timestamp(now().0 - 3_600_000_000_000);
    let (session, run) = (SessionId::new(at, number), RunId::new(at, number));
    let opened = json!({ "session": session, "run": run, "target": { "name": target }, "principal": { "name": "backup" } });
    let recorder = store.begin(session, run, &opened).unwrap();
    recorder.close(&json!({ "reason": "client_done" })).await.unwrap();
    session
}

fn hold(ledger: &Ledger, subject: HeldFor) -> LegalHold {
    let hold = LegalHold {
        id: LegalHoldId::new(now(), 1),
        subject,
        since: None,
        until: None,
        reason: "case".to_owned(),
        by: "ana".to_owned(),
        set_at: now(),
        lifted: None,
        lifted_at: None,
    };
    ledger.change(|change| change.put(&hold)).unwrap_or_else(|error: LedgerError| unreachable!("{error}"));
    hold
}

#[tokio::test]
async fn what_is_over_goes_and_what_is_live_held_or_not_signed_stays() {
    let state = tempfile::tempdir().unwrap();
    let store = Store::open(state.path(), EvidenceSettings::default()).unwrap();
    let ledger = Ledger::open(state.path()).unwrap();
    let (free, held) = (record(&store, 1, "dev-pg").await, record(&store, 2, "prod-pg").await);
    let live_id = SessionId::new(Timestamp(now().0 - 3_600_000_000_000), 3);
    let live = store.begin(live_id, RunId::from_number(1), &json!({ "target": { "name": "dev-pg" } })).unwrap();
    let mut on = hold(&ledger, HeldFor::Target("prod-pg".to_owned()));
    store.settle(Duration::from_secs(10));
    let remover = Remover::of(&store).unwrap().unwrap();
    let order = |by: Option<&str>, dry_run| Order { older_than: NOTHING, by: by.map(str::to_owned), dry_run };
    let there = |session: SessionId| files::segment(state.path(), session, 0).exists();

    let told = remove(state.path(), &ledger, &remover, &order(Some("ana"), true)).unwrap();
    assert_eq!((told.removed, told.held, told.sessions.as_slice(), there(free)), (1, 1, &[free][..], true));
    assert!(ledger.events_since(0).unwrap().is_empty(), "nothing was done");
    // What was closed later than that stays.
    let young = Order { older_than: Duration::from_secs(600), by: None, dry_run: false };
    assert_eq!(remove(state.path(), &ledger, &remover, &young).unwrap().removed, 0);

    let done = remove(state.path(), &ledger, &remover, &order(Some("ana"), false)).unwrap();
    assert_eq!((done.removed, done.held, done.not_whole), (1, 1, 0));
    assert_eq!((there(free), there(held), there(live_id)), (false, true, true));
    let stone = tombstone(state.path(), free).unwrap().unwrap();
    assert_eq!((stone.by.as_str(), stone.why.starts_with("closed more than")), ("ana", true));
    let events = ledger.events_since(0).unwrap();
    let states: Vec<_> = events.iter().map(|event| (event.kind, event.details["state"].as_str().unwrap_or_default())).collect();
    assert_eq!(states, [(Kind::RecordsPruned, "began"), (Kind::RecordsPruned, "ended")]);

    // Once the hold is lifted it goes, too; what weir does by itself is no event.
    (on.lifted_at, on.lifted) = (Some(now()), None);
    ledger.change(|change| change.put(&on)).unwrap_or_else(|error: LedgerError| unreachable!("{error}"));
    assert_eq!(remove(state.path(), &ledger, &remover, &order(None, false)).unwrap().removed, 1);
    assert_eq!(tombstone(state.path(), held).unwrap().unwrap().by, "weir");
    assert_eq!(ledger.events_since(0).unwrap().len(), 2);
    drop(live);
}

#[tokio::test]
async fn what_can_not_be_read_is_kept_as_long_as_there_is_any_hold() {
    let state = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(state.path()).unwrap();
    let on = hold(&ledger, HeldFor::Target("prod-pg".to_owned()));
    let none = About::default();
    assert!(none.is_by(&on, SessionId::from_number(1), now()));
}

#[test]
fn a_time_is_told_as_people_write_it() {
    for (seconds, expected) in [(7_776_000, "90d"), (7_200, "2h"), (90, "90s"), (120, "2m"), (0, "0s")] {
        assert_eq!(spoken(Duration::from_secs(seconds)), expected);
    }
}
