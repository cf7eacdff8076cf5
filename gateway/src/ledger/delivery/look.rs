//! Which events a notifier is still to be told of, and what of them nobody needs to hear any more.

use super::mark;
use crate::evidence::now;
use crate::ledger::entry::Holder;
use crate::ledger::event::{self, COLUMNS, Event, Kind};
use gateway_core::model::ids::HoldId;
use gateway_core::model::time::Timestamp;
use rusqlite::{OptionalExtension as _, Row, Transaction, params};
use std::time::Duration;

/// Events that are looked at in one transaction.
const PAGE: i64 = 500;
/// What is older is not told any more: a notifier that comes back to the configuration is not flooded.
const STALE: Duration = Duration::from_hours(7 * 24);

/// What has become of an event for one notifier.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It is to be told.
    Waiting,
    /// It was told, or needs not be.
    Settled,
}

impl State {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Settled => "settled",
        }
    }
}

/// An event that is not settled for all that is known of it, with what was tried.
pub(super) struct Open {
    pub(super) event: Event,
    pub(super) attempts: u32,
    pub(super) next_at: Timestamp,
    /// Whose it is to tell.
    pub(super) teller: Holder,
}

/// What looking at some events has led to.
pub(super) struct Look {
    /// All up to here are settled.
    pub(super) settled: i64,
    /// These are, too, behind one that is not.
    pub(super) passed: Vec<i64>,
    pub(super) skipped: i64,
    pub(super) found: Option<Open>,
    /// The last that was looked at, where there may be more.
    pub(super) last: Option<i64>,
}

/// Which gateways live, asked once each.
pub(super) struct Lives {
    own: Holder,
    known: Vec<(Holder, bool)>,
}

impl Lives {
    pub(super) const fn new(own: Holder) -> Self {
        Self { own, known: Vec::new() }
    }

    /// Whether what is that gateway's to tell is another's that lives.
    fn elsewhere(&mut self, holder: Holder) -> bool {
        if holder == self.own {
            return false;
        }
        let known = self.known.iter().find(|(one, _)| *one == holder).map(|(_, lives)| *lives);
        known.unwrap_or_else(|| {
            let lives = holder.lives();
            self.known.push((holder, lives));
            lives
        })
    }
}

/// Events behind a notifier's cursor, with what is known of each for it.
pub(super) fn open_events() -> String {
    let columns: Vec<_> = COLUMNS.split(", ").map(|column| format!("event.{column}")).collect();
    format!(
        "SELECT {}, delivery.state, delivery.attempts, delivery.next_at, delivery.holder
         FROM event LEFT JOIN delivery ON delivery.notifier = ?1 AND delivery.number = event.number
         WHERE event.number > coalesce(?2, (SELECT settled FROM notifier WHERE name = ?1)) ORDER BY event.number LIMIT ?3",
        columns.join(", ")
    )
}

/// One of them; none where it is settled.
pub(super) fn read_open(row: &Row<'_>) -> rusqlite::Result<Option<Open>> {
    let state: Option<String> = row.get(9)?;
    if state.as_deref() == Some(State::Settled.name()) {
        return Ok(None);
    }
    let event = event::read(row)?;
    let attempts = row.get::<_, Option<u32>>(10)?.unwrap_or_default();
    let next_at = Timestamp(row.get::<_, Option<i64>>(11)?.unwrap_or_default().cast_unsigned());
    let teller = row.get::<_, Option<String>>(12)?.and_then(|holder| holder.parse().ok()).unwrap_or(event.holder);
    Ok(Some(Open { event, attempts, next_at, teller }))
}

pub(super) fn look(
    transaction: &Transaction<'_>,
    notifier: &str,
    from: Option<i64>,
    lives: &mut Lives,
    wants: &impl Fn(&Event) -> bool,
) -> rusqlite::Result<Look> {
    let cursor: i64 = transaction
        .prepare_cached("SELECT settled FROM notifier WHERE name = ?1")?
        .query_row([notifier], |row| row.get(0))
        .optional()?
        .unwrap_or_default();
    let mut look = Look { settled: cursor, passed: Vec::new(), skipped: 0, found: None, last: None };
    // Behind a page on which somebody else's is open, nothing is settled in order.
    let (mut in_order, mut seen) = (from.is_none_or(|from| from == cursor), 0);
    let stale = now().before(STALE).0;
    let mut statement = transaction.prepare_cached(&open_events())?;
    let mut rows = statement.query(params![notifier, from, PAGE])?;
    while let Some(row) = rows.next()? {
        let number: i64 = row.get(0)?;
        (seen, look.last) = (seen + 1, Some(number));
        // One of a later version is nothing to tell.
        let Some(open) = read_open(row).unwrap_or_default() else {
            if in_order {
                look.settled = number;
            }
            continue;
        };
        if lives.elsewhere(open.teller) {
            in_order = false;
            continue;
        }
        if wants(&open.event) {
            if open.event.at.0 >= stale && !is_over(transaction, &open.event)? {
                look.found = Some(open);
                break;
            }
            look.skipped += 1;
        }
        if in_order {
            look.settled = number;
        } else {
            look.passed.push(number);
        }
    }
    if seen < PAGE {
        look.last = None;
    }
    Ok(look)
}

/// Whether the event asks for an answer that nobody waits for any more.
fn is_over(transaction: &Transaction<'_>, event: &Event) -> rusqlite::Result<bool> {
    let id = event.subject.parse::<HoldId>().ok().filter(|_| event.kind == Kind::HoldAsked);
    let Some(id) = id else { return Ok(false) };
    let mut statement = transaction.prepare_cached("SELECT open FROM hold WHERE id = ?1")?;
    let open = statement.query_row([id.number().cast_signed()], |row| row.get::<_, bool>(0)).optional()?;
    Ok(open == Some(false))
}

/// Writes down what was looked at and needs not be told, and forgets what is in order.
pub(super) fn settle(transaction: &Transaction<'_>, notifier: &str, look: &Look) -> rusqlite::Result<()> {
    for number in &look.passed {
        mark(transaction, notifier, number.cast_unsigned(), (State::Settled, 0, Timestamp(0)), Holder::nobody())?;
    }
    let text = "UPDATE notifier SET settled = max(settled, ?2), skipped = skipped + ?3 WHERE name = ?1";
    transaction.prepare_cached(text)?.execute(params![notifier, look.settled, look.skipped])?;
    transaction
        .prepare_cached("DELETE FROM delivery WHERE notifier = ?1 AND number <= ?2")?
        .execute(params![notifier, look.settled])?;
    Ok(())
}

pub(super) fn claim(transaction: &Transaction<'_>, notifier: &str, number: u64, holder: Holder) -> rusqlite::Result<usize> {
    let text = "INSERT INTO delivery (notifier, number, attempts, next_at, state, holder) VALUES (?1, ?2, 0, 0, 'waiting', ?3)
                ON CONFLICT DO UPDATE SET holder = ?3, next_at = 0";
    transaction.prepare_cached(text)?.execute(params![notifier, number.cast_signed(), holder.to_string()])
}
