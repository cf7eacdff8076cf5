//! Who has left, by which names, and when they count as there again.

use super::{Account, Change, Departure, Holder, How, Kind, Ledger, LedgerError, SignIn};
use gateway_core::directory::{Email, User};
use gateway_core::model::ids::PersonId;
use gateway_core::model::time::Timestamp;
use std::collections::BTreeSet;

fn account(number: u64, user_name: &str, emails: &[&str], active: bool) -> Account {
    let email = |value: &&str| Email { value: (*value).to_owned(), ..Email::default() };
    let user = User { user_name: user_name.to_owned(), emails: emails.iter().map(email).collect(), active, ..User::default() };
    let (id, at) = (PersonId::from_number(number), Timestamp(1));
    Account { id, user, former: BTreeSet::new(), version: 1, made_at: at, changed_at: at }
}

fn leave(change: &mut Change<'_>, account: &Account) -> Result<BTreeSet<String>, LedgerError> {
    let departure = Departure {
        id: account.id,
        person: account.user.user_name.clone(),
        how: How::Deactivated,
        by: "okta".to_owned(),
        since: change.at,
        holder: Holder::nobody(),
    };
    change.leaves(&departure, &account.names())
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn a_name_counts_as_long_as_nobody_who_is_there_is_called_so() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, other) = (Ledger::open(folder.path()).unwrap(), Ledger::open(folder.path()).unwrap());
    let ana = account(1, "Ana", &["ana@acme.example", "a@home.example"], false);
    let gone = ledger
        .change(|change| {
            change.put_account(&ana)?;
            leave(change, &ana)
        })
        .unwrap();
    assert_eq!(gone, names(&["a@home.example", "ana", "ana@acme.example"]));
    let left = |ledger: &Ledger, name: &str| {
        ledger.refresh().unwrap();
        ledger.in_force().left.find(name).is_some()
    };
    for ledger in [&ledger, &other] {
        assert!(left(ledger, "ANA@acme.example") && left(ledger, "ana") && !left(ledger, "bo"));
    }
    // Somebody else writes her address into their profile: she has left all the same.
    let eve = account(2, "eve", &["ana@acme.example"], true);
    ledger.change(|change| change.put_account(&eve)).unwrap();
    assert!(left(&ledger, "ana@acme.example") && left(&other, "ana@acme.example"));
    // Another account of hers is called so.
    let again = account(3, "ana@acme.example", &[], true);
    ledger.change(|change| change.put_account(&again)).unwrap();
    assert!(!left(&ledger, "ana@acme.example") && !left(&other, "ana@acme.example") && left(&other, "ana"));
    // And goes.
    ledger.change(|change| change.remove_account(&again)).unwrap();
    assert!(left(&ledger, "ana@acme.example") && left(&other, "ana@acme.example"));
    ledger.change(|change| change.returns(ana.id)).unwrap();
    assert!(!left(&other, "ana"));
    assert_eq!(other.in_force().left.all().len(), 0);
}

#[test]
fn who_was_called_otherwise_before_leaves_by_that_name_too() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(folder.path()).unwrap();
    let ana = account(1, "ana.old@acme.example", &[], true);
    let renamed = ana.changed(User { user_name: "ana@acme.example".to_owned(), ..ana.user.clone() }, Timestamp(2));
    assert_eq!((renamed.names(), renamed.version), (names(&["ana.old@acme.example", "ana@acme.example"]), 2));
    let back = renamed.changed(ana.user.clone(), Timestamp(3));
    assert_eq!(back.former, names(&["ana@acme.example"]));
    ledger
        .change(|change| {
            change.put_account(&renamed)?;
            leave(change, &Account { user: User { active: false, ..renamed.user.clone() }, ..renamed.clone() })
        })
        .unwrap();
    // She is active in the ledger still: her name counts as somebody's who is there, her former one does not.
    let left = ledger.in_force().left.all();
    assert_eq!((left.len(), &left[0].1), (1, &names(&["ana.old@acme.example"])));
}

#[test]
fn whom_the_directory_has_no_more_is_there_again_once_somebody_is_called_so() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(folder.path()).unwrap();
    let (ana, kept) = (account(1, "ana", &["ana@acme.example"], true), account(2, "bo", &[], false));
    ledger
        .change(|change| {
            change.put_account(&kept)?;
            leave(change, &ana)?;
            leave(change, &kept)
        })
        .unwrap();
    assert!(ledger.change(|change| change.is_there(&names(&["ana@acme.example"]))).unwrap());
    assert!(ledger.in_force().left.find("ana@acme.example").is_none());
    assert!(ledger.in_force().left.find("ana").is_some(), "by that name alone");
    assert!(!ledger.change(|change| change.is_there(&names(&["bo"]))).unwrap(), "whom the directory has not active has left");
    assert!(ledger.in_force().left.find("bo").is_some());
}

#[test]
fn their_sessions_end_and_nobody_elses_in_the_same_change() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(folder.path()).unwrap();
    let sign_in = |id: u64, person: &str| SignIn {
        id,
        sha256: format!("{id:064}"),
        person: person.to_owned(),
        subject: person.to_owned(),
        groups: BTreeSet::new(),
        since: Timestamp(1),
        seen_at: Timestamp(u64::MAX / 2),
        until: Timestamp(u64::MAX),
        idle_seconds: 60,
    };
    ledger
        .change(|change| {
            change.put(&sign_in(1, "Ana@acme.example"))?;
            change.put(&sign_in(2, "bo@acme.example"))?;
            leave(change, &account(1, "ana", &["ana@acme.example"], false))
        })
        .unwrap();
    let left: Vec<_> = ledger.look(|look| look.open::<SignIn>()).unwrap().into_iter().map(|sign_in| sign_in.id).collect();
    assert_eq!(left, [2]);
    let told: Vec<_> = ledger.events_since(0).unwrap().into_iter().map(|event| (event.kind, event.by, event.subject)).collect();
    assert_eq!(told, [(Kind::SignedOut, "okta".to_owned(), "Ana@acme.example".to_owned())]);
}

#[test]
fn what_is_read_is_kept_until_the_directory_changes() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(folder.path()).unwrap();
    ledger
        .change(|change| {
            (1..=2_000).try_for_each(|number| leave(change, &account(number, &format!("p{number}"), &[], false)).map(drop))
        })
        .unwrap();
    let before = ledger.in_force();
    assert_eq!(before.left.all().len(), 2_000);
    // Somebody of whom nobody has left: nothing of what is in force is another.
    ledger.change(|change| change.put_account(&account(9_000, "new", &[], true))).unwrap();
    assert!(ledger.has(&before));
    ledger.change(|change| change.put_account(&account(9_001, "p7", &[], true))).unwrap();
    assert!(!ledger.has(&before) && ledger.in_force().left.find("p7").is_none());
}
