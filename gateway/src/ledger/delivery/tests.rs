//! Tests of what notifiers are told: in order, once, by the gateway whose it is, and nothing that is over.

use super::*;
use crate::ledger::{Hold, HoldState, Kind, Ledger};
use serde_json::json;

const ALL: fn(&Event) -> bool = |_| true;

struct Bed {
    folder: tempfile::TempDir,
    ledger: Ledger,
    deliveries: Deliveries,
}

fn bed() -> Bed {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(folder.path()).unwrap();
    let deliveries = ledger.deliveries().unwrap();
    deliveries.begin("n").unwrap();
    Bed { folder, ledger, deliveries }
}

fn tell(ledger: &Ledger, kind: Kind, subject: &str) -> u64 {
    ledger.change(|change| change.event(kind, "ana", subject, &json!({}))).unwrap().number
}

/// What is due, by number and tries.
fn due(deliveries: &Deliveries, wants: impl Fn(&Event) -> bool) -> Option<(u64, u32)> {
    match deliveries.next("n", wants).unwrap() {
        Next::Due(event, attempts) => Some((event.number, attempts)),
        Next::At(_) | Next::Nothing => None,
    }
}

impl Bed {
    /// Rows that are kept of what is behind the cursor.
    fn rows(&self) -> i64 {
        self.deliveries.lock().query_row("SELECT count(*) FROM delivery", [], |row| row.get(0)).unwrap()
    }

    /// The events of these numbers are another gateway's.
    fn written_by(&self, holder: Holder, numbers: std::ops::RangeInclusive<u64>) {
        let text = "UPDATE event SET holder = ?1 WHERE number BETWEEN ?2 AND ?3";
        let row = params![holder.to_string(), numbers.start().cast_signed(), numbers.end().cast_signed()];
        self.deliveries.lock().execute(text, row).unwrap();
    }
}

#[test]
fn events_come_in_order_each_once_and_the_cursor_outlives_the_gateway() {
    let bed = bed();
    let numbers: Vec<_> = (0..3).map(|_| tell(&bed.ledger, Kind::BlockAdded, "b-1")).collect();
    for number in &numbers[..2] {
        assert_eq!(due(&bed.deliveries, ALL), Some((*number, 0)));
        assert_eq!(due(&bed.deliveries, ALL), Some((*number, 0)), "until it is delivered it is the next");
        bed.deliveries.delivered("n", *number).unwrap();
    }
    let again = Ledger::open(bed.folder.path()).unwrap().deliveries().unwrap();
    again.begin("n").unwrap();
    assert_eq!(due(&again, ALL), Some((numbers[2], 0)));
    again.delivered("n", numbers[2]).unwrap();
    assert_eq!(due(&again, ALL), None);
    let progress = again.progress("n", ALL).unwrap();
    assert_eq!((progress.delivered, progress.waiting, progress.failed), (3, 0, 0));
    assert!(bed.rows() <= 1, "what is settled in order is forgotten");
}

#[test]
fn what_has_failed_waits_for_its_time_holds_back_what_follows_and_is_given_up() {
    let bed = bed();
    let (first, second) = (tell(&bed.ledger, Kind::BlockAdded, "b-1"), tell(&bed.ledger, Kind::BlockAdded, "b-2"));
    let later = Timestamp(u64::MAX / 4);
    bed.deliveries.put_off("n", first, (4, later), "no route").unwrap();
    assert_eq!(bed.deliveries.next("n", ALL).unwrap(), Next::At(later));
    let progress = bed.deliveries.progress("n", ALL).unwrap();
    assert_eq!((progress.waiting, progress.attempts, progress.next_at), (2, 4, Some(later)));
    assert_eq!(progress.error.unwrap().0, "no route");
    bed.deliveries.put_off("n", first, (5, Timestamp(1)), "no route").unwrap();
    assert_eq!(due(&bed.deliveries, ALL), Some((first, 5)));
    bed.deliveries.given_up("n", first, "gone").unwrap();
    assert_eq!(due(&bed.deliveries, ALL), Some((second, 0)));
    assert_eq!(bed.deliveries.progress("n", ALL).unwrap().failed, 1);
}

#[test]
fn what_is_not_wanted_is_passed_over_and_a_hold_that_is_over_is_counted() {
    let bed = bed();
    let hold = |number, state| Hold { state, ..crate::ledger::tests::hold(number, bed.ledger.holder()) };
    let (over, open) = (hold(1, HoldState::Withdrawn), hold(2, HoldState::Waiting));
    for hold in [&over, &open] {
        bed.ledger.change(|change| change.put(hold)).unwrap();
        tell(&bed.ledger, Kind::HoldAsked, &hold.id.to_string());
    }
    let wanted = tell(&bed.ledger, Kind::HoldWithdrawn, &over.id.to_string());
    for _ in 0..1200 {
        tell(&bed.ledger, Kind::GlassCodes, "break-glass");
    }
    let last = tell(&bed.ledger, Kind::BlockAdded, "b-1");
    let wants = |event: &Event| event.kind != Kind::GlassCodes;
    for number in [2, wanted, last] {
        assert_eq!(due(&bed.deliveries, wants), Some((number, 0)));
        bed.deliveries.delivered("n", number).unwrap();
    }
    assert_eq!(due(&bed.deliveries, wants), None);
    let progress = bed.deliveries.progress("n", wants).unwrap();
    assert_eq!((progress.skipped, progress.delivered, progress.waiting), (1, 3, 0));
}

#[test]
fn another_gateways_events_are_its_own_to_tell_until_it_is_gone() {
    let bed = bed();
    let other = Holder { pid: std::process::id(), ticks: Holder::own().ticks + 1 };
    // Only who lives counts: process 1 does, whoever it is.
    let alive = Holder { pid: 1, ticks: crate::capture::process::start_ticks(1).unwrap() };
    assert!(alive.lives() && !other.lives());
    let told: Vec<_> = (0..4).map(|_| tell(&bed.ledger, Kind::BlockAdded, "b-1")).collect();
    assert_eq!(told, [1, 2, 3, 4]);
    bed.written_by(alive, 1..=2);
    for number in 3..=4 {
        assert_eq!(due(&bed.deliveries, ALL), Some((number, 0)), "what is ours does not wait for others");
        bed.deliveries.delivered("n", number).unwrap();
    }
    assert_eq!(due(&bed.deliveries, ALL), None);
    assert_eq!(bed.deliveries.progress("n", ALL).unwrap().waiting, 2);
    bed.written_by(other, 1..=2);
    for number in 1..=2 {
        assert_eq!(due(&bed.deliveries, ALL).unwrap().0, number);
        // A second gateway that sees the same leaves it to the one that was first.
        let second = Deliveries::open(&bed.deliveries.path, alive).unwrap();
        if number == 1 {
            assert_eq!(due(&second, ALL), Some((2, 0)), "it takes the other one");
            bed.deliveries.lock().execute("DELETE FROM delivery WHERE number = 2", []).unwrap();
        }
        bed.deliveries.delivered("n", number).unwrap();
    }
    assert_eq!(due(&bed.deliveries, ALL), None);
    assert_eq!(bed.rows(), 0, "all is in order again");
}

#[test]
fn a_new_notifier_begins_with_what_is_in_no_record_yet_and_nothing_that_is_old() {
    let bed = bed();
    let numbers: Vec<_> = (0..4).map(|_| tell(&bed.ledger, Kind::GlassBroken, "x-1")).collect();
    bed.ledger.recorded(&numbers[..2]).unwrap();
    bed.deliveries.begin("late").unwrap();
    let first = bed.deliveries.next("late", ALL).unwrap();
    assert!(matches!(&first, Next::Due(event, 0) if event.number == numbers[2]), "{first:?}");
    bed.deliveries.lock().execute("UPDATE event SET at = 1", []).unwrap();
    assert_eq!(bed.deliveries.next("late", ALL).unwrap(), Next::Nothing);
    assert_eq!(bed.deliveries.progress("late", ALL).unwrap().skipped, 2);
}
