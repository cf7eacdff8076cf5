//! The ledger on disk: what is in force, what is over, what others write, what is signed.

use super::*;
use gateway_core::control::block::Subject;
use gateway_core::control::grant::Wish;
use gateway_core::model::ids::{BlockId, GlassId, GrantId};
use serde_json::json;

pub(super) fn hold(number: u64, holder: Holder) -> Hold {
    Hold {
        id: HoldId::from_number(number),
        state: HoldState::Waiting,
        asked: Asked::default(),
        terms: Vec::new(),
        involved: Vec::new(),
        votes: Vec::new(),
        asked_at: Timestamp(1),
        until: Timestamp(u64::MAX),
        answer: None,
        ended_at: None,
        holder,
    }
}

fn block(number: u64, until: Option<Timestamp>) -> Standing {
    let block = Block {
        id: BlockId::from_number(number),
        subject: Subject::Target("prod-pg".to_owned()),
        reason: "an incident".to_owned(),
        by: "root".to_owned(),
        since: Timestamp(1),
        until,
    };
    Standing { block, lifted: None, ended_at: None }
}

fn lease(number: u64, state: LeaseState, until: Timestamp) -> Lease {
    Lease {
        id: GrantId::from_number(number),
        state,
        wish: Wish::default(),
        by: "ana".to_owned(),
        reason: "a migration".to_owned(),
        seconds: 60,
        terms: Vec::new(),
        involved: Vec::new(),
        votes: Vec::new(),
        asked_at: Timestamp(1),
        until,
        answer: None,
        ended_at: None,
    }
}

fn put<E: Entry>(ledger: &Ledger, entry: &E) {
    ledger.change(|change| change.put(entry)).unwrap();
}

#[test]
fn what_is_written_is_in_force_at_once_and_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(folder.path()).unwrap();
    let changes = ledger.changes();
    put(&ledger, &block(1, None));
    put(&ledger, &lease(2, LeaseState::Given, Timestamp(u64::MAX)));
    put(&ledger, &lease(3, LeaseState::Requested, Timestamp(u64::MAX)));
    assert!(changes.has_changed().unwrap());
    let before = ledger.in_force();
    assert_eq!((before.blocks.len(), before.grants.len()), (1, 1));
    drop(ledger);
    assert_eq!(Ledger::open(folder.path()).unwrap().in_force(), before);
    let lifted = Standing { ended_at: Some(Timestamp(9)), ..block(1, None) };
    let ledger = Ledger::open(folder.path()).unwrap();
    put(&ledger, &lifted);
    assert!(ledger.in_force().blocks.is_empty());
    assert_eq!(ledger.look(|look| look.newest::<Standing>(None, 10)).unwrap(), [lifted]);
}

#[test]
fn all_of_a_change_is_done_or_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(folder.path()).unwrap();
    let failed = ledger.change(|change| {
        change.put(&block(1, None))?;
        change.tell(Kind::BlockAdded, "root", "b-1", &json!({}))?;
        Err::<(), _>(LedgerError::Key { path: PathBuf::new(), why: "no".to_owned() })
    });
    assert!(failed.is_err());
    assert!(ledger.in_force().blocks.is_empty() && ledger.events_since(0).unwrap().is_empty());
}

#[tokio::test]
async fn whoever_waits_for_a_hold_is_told_of_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(folder.path()).unwrap();
    let waiting = hold(1, ledger.holder());
    put(&ledger, &waiting);
    let mut end = ledger.end_of(waiting.id);
    put(&ledger, &waiting);
    assert!(end.try_recv().is_err(), "it still waits");
    put(&ledger, &Hold { state: HoldState::Denied, ..waiting });
    assert_eq!(end.await.unwrap().state, HoldState::Denied);
}

#[test]
fn another_gateways_changes_are_followed() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (Arc::new(Ledger::open(folder.path()).unwrap()), Ledger::open(folder.path()).unwrap());
    let waiting = hold(1, one.holder());
    put(&one, &waiting);
    let end = one.end_of(waiting.id);
    let mut changes = one.changes();
    let follower = Follower::start(Arc::clone(&one)).unwrap();
    put(&other, &block(1, None));
    put(&other, &Hold { state: HoldState::Approved, ..waiting });
    assert_eq!(end.blocking_recv().unwrap().state, HoldState::Approved);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        tokio::time::timeout(Duration::from_secs(10), changes.wait_for(|count| *count > 0)).await.unwrap().unwrap();
    });
    assert_eq!(one.in_force().blocks.len(), 1);
    drop(follower);
}

#[test]
fn what_is_over_ends_and_what_a_gone_gateway_left_is_abandoned() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(folder.path()).unwrap();
    let (past, glass) = (Timestamp(2), GlassId::from_number(5));
    put(&ledger, &hold(1, Holder { pid: std::process::id(), ticks: 1 }));
    put(&ledger, &hold(2, ledger.holder()));
    put(&ledger, &lease(3, LeaseState::Given, past));
    put(&ledger, &lease(4, LeaseState::Requested, past));
    put(&ledger, &block(6, Some(past)));
    let broken = Glass {
        id: glass,
        target: "prod-pg".to_owned(),
        lift: Lift::Users(vec![0]),
        reason: "fire".to_owned(),
        by: "root".to_owned(),
        with: "local root".to_owned(),
        since: Timestamp(1),
        until: past,
        ended_at: None,
        review: None,
    };
    put(&ledger, &broken);
    ledger.tidy().unwrap();
    let states: Vec<_> = ledger.look(|look| look.newest::<Hold>(None, 9)).unwrap().iter().map(|hold| hold.state).collect();
    assert_eq!(states, [HoldState::Waiting, HoldState::Abandoned]);
    let states: Vec<_> = ledger.look(|look| look.newest::<Lease>(None, 9)).unwrap().iter().map(|lease| lease.state).collect();
    assert_eq!(states, [LeaseState::Expired, LeaseState::Ended]);
    assert_eq!(*ledger.in_force(), InForce::default());
    let found = ledger.look(|look| look.find::<Glass>(glass.number())).unwrap().unwrap();
    assert!(found.ended_at.is_some() && Entry::is_open(&found), "a review is owed");
    let kinds: Vec<_> = ledger.events_since(0).unwrap().iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [Kind::HoldAbandoned, Kind::GrantEnded, Kind::GrantEnded, Kind::BlockEnded, Kind::GlassEnded]);
}

#[test]
fn events_are_numbered_signed_and_recorded_once() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(folder.path()).unwrap();
    let mut heard = ledger.events();
    for number in 1..=3 {
        ledger
            .change(|change| change.tell(Kind::BlockAdded, "ana\nfoo", "b-1", &json!({ "number": number, "a": "ä\n" })))
            .unwrap();
    }
    let events = ledger.events_since(0).unwrap();
    assert_eq!(events.iter().map(|event| event.number).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(heard.try_recv().unwrap(), events[0]);
    assert!(events.iter().all(Event::is_genuine));
    for changed in [
        Event { number: 4, ..events[0].clone() },
        Event { at: Timestamp(7), ..events[0].clone() },
        Event { kind: Kind::BlockLifted, ..events[0].clone() },
        Event { by: "bo".to_owned(), ..events[0].clone() },
        Event { subject: "b-2".to_owned(), ..events[0].clone() },
        Event { details: json!({}), ..events[0].clone() },
        Event { signature: "00".to_owned(), ..events[0].clone() },
        Event { key: "zz".to_owned(), ..events[0].clone() },
    ] {
        assert!(!changed.is_genuine(), "{changed:?}");
    }
    assert_eq!(ledger.unrecorded().unwrap().len(), 3);
    ledger.recorded(&[1, 3]).unwrap();
    assert_eq!(ledger.unrecorded().unwrap()[0], events[1]);
    assert_eq!(ledger.events_since(2).unwrap(), events[2..]);
}

#[test]
fn a_later_format_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    drop(Ledger::open(folder.path()).unwrap());
    Connection::open(folder.path().join("ledger.db")).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(Ledger::open(folder.path()), Err(LedgerError::Newer { found: 99, .. })));
}

#[test]
fn what_was_done_to_events_is_named() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(check(folder.path()).unwrap(), None);
    let ledger = Ledger::open(folder.path()).unwrap();
    for number in 1..=4 {
        ledger.change(|change| change.tell(Kind::BlockAdded, "ana", "b-1", &json!({ "number": number }))).unwrap();
    }
    assert_eq!(check(folder.path()).unwrap(), Some(Checked { events: 4, problems: Vec::new() }));
    drop(ledger);
    let change = |sql: &str| {
        Connection::open(folder.path().join("ledger.db")).unwrap().execute_batch(sql).unwrap();
        check(folder.path()).unwrap().unwrap().problems
    };
    assert_eq!(change("UPDATE event SET by = 'bo' WHERE number = 2"), ["event 2: its signature does not hold: it was changed"]);
    let problems = change("UPDATE event SET by = 'ana' WHERE number = 2; DELETE FROM event WHERE number = 3");
    assert_eq!(problems, ["events 3 to 3 are missing"]);
    let problems = change("UPDATE event SET key = '00' WHERE number = 4");
    assert_eq!(problems[1], "event 4: it is signed with another key than ledger.pub");
}

#[test]
fn an_earlier_format_is_brought_up_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    put(&Ledger::open(folder.path()).unwrap(), &block(1, None));
    let connection = Connection::open(folder.path().join("ledger.db")).unwrap();
    let later = [
        "sign_in",
        "token",
        "account",
        "account_group",
        "called",
        "member",
        "left_as",
        "takeover",
        "directory",
        "once",
        "binding",
        "legal_hold",
        "alert",
        "snooze",
        "unsealing",
    ];
    later.iter().for_each(|table| connection.execute_batch(&format!("DROP TABLE {table}")).unwrap());
    connection.execute_batch("PRAGMA user_version = 2").unwrap();
    let ledger = Ledger::open(folder.path()).unwrap();
    assert_eq!(ledger.in_force().blocks.len(), 1);
    put(&ledger, &token(2, Timestamp(u64::MAX)));
    assert_eq!(ledger.look(|look| look.open::<Token>()).unwrap().len(), 1);
}

fn token(number: u64, until: Timestamp) -> Token {
    Token {
        id: gateway_core::model::ids::TokenId::from_number(number),
        name: "a script".to_owned(),
        sha256: String::new(),
        person: "ana".to_owned(),
        groups: std::collections::BTreeSet::new(),
        by_root: false,
        roles: None,
        made_at: Timestamp(1),
        until,
        seen_at: None,
        revoked: None,
        ended_at: None,
    }
}

#[test]
fn sign_ins_and_tokens_end_by_themselves() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(folder.path()).unwrap();
    let sign_in = |id, seen_at, until, idle_seconds| SignIn {
        id,
        sha256: String::new(),
        person: format!("person {id}"),
        subject: String::new(),
        groups: std::collections::BTreeSet::new(),
        since: Timestamp(1),
        seen_at,
        until,
        idle_seconds,
    };
    let (far, now) = (Timestamp(u64::MAX), now());
    for one in [sign_in(1, now, far, 60), sign_in(2, now, now, 60), sign_in(3, Timestamp(1), far, 60)] {
        put(&ledger, &one);
    }
    put(&ledger, &token(4, far));
    put(&ledger, &token(5, now));
    ledger.tidy().unwrap();
    let left = ledger.look(|look| look.newest::<SignIn>(None, 9)).unwrap();
    assert_eq!(left.iter().map(|one| one.id).collect::<Vec<_>>(), [1], "what is over is not kept");
    assert_eq!(ledger.look(|look| look.open::<Token>()).unwrap(), [token(4, far)]);
    let events = ledger.events_since(0).unwrap();
    let told: Vec<_> = events.iter().map(|event| (event.kind, event.by.as_str())).collect();
    assert_eq!(told, [(Kind::SignedOut, "person 2"), (Kind::SignedOut, "person 3"), (Kind::TokenEnded, "weir")]);
}

#[test]
fn a_shell_is_somebodys_as_long_as_their_token_is_good() {
    use super::Binding;
    use gateway_core::model::ids::RunId;
    use gateway_core::model::principal::SignedIn;
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(folder.path()).unwrap();
    let mut token = token(2, Timestamp(u64::MAX));
    put(&ledger, &token);
    let who = SignedIn { name: "ana".to_owned(), groups: std::collections::BTreeSet::new() };
    let run = RunId::from_number(7);
    put(&ledger, &Binding { run, token: token.id, who: who.clone(), since: Timestamp(1), until: token.until });
    assert_eq!(ledger.in_force().bindings.get(&run).map(|binding| &binding.who), Some(&who));
    token.ended_at = Some(Timestamp(9));
    put(&ledger, &token);
    assert!(ledger.in_force().bindings.is_empty());
    drop(ledger);
    assert!(Ledger::open(folder.path()).unwrap().in_force().bindings.is_empty());
}
