//! What is done to the events of what people decided.

use crate::alter::Alteration;
use crate::place::Place;
use crate::store::Base;
use anyhow::Context as _;
use rusqlite::Connection;
use weir_tests::Chance;

/// What an event says, but for its number and its signature.
const COLUMNS: [&str; 5] = ["at", "kind", "by", "subject", "details"];

pub(super) fn of(base: &Base, what: &str, sql: &str) -> anyhow::Result<Alteration> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("ledger.db");
    std::fs::write(&path, base.files.get("ledger.db").context("the store has a ledger")?)?;
    let database = Connection::open(&path)?;
    database.execute_batch(sql).with_context(|| sql.to_owned())?;
    drop(database);
    Ok(Alteration::new(what).file("ledger.db", std::fs::read(&path)?))
}

/// How many events there are.
fn count(base: &Base) -> anyhow::Result<u64> {
    let database = Connection::open(base.directory.join("ledger.db"))?;
    let count: i64 = database.query_row("SELECT count(*) FROM event", [], |row| row.get(0))?;
    Ok(u64::try_from(count)?)
}

/// A row of it is changed or removed.
pub(crate) fn by_chance(base: &Base, chance: &mut Chance) -> anyhow::Result<Alteration> {
    let number = 1 + chance.below(count(base)?);
    let column = COLUMNS.get(usize::try_from(chance.below(COLUMNS.len() as u64))?).context("a column")?;
    let (what, sql) = match chance.below(3) {
        0 => (format!("remove event {number}"), format!("DELETE FROM event WHERE number = {number}")),
        1 => {
            let digit = chance.below(16);
            let place = 1 + chance.below(128);
            let sql = format!(
                "UPDATE event SET signature = substr(signature, 1, {place} - 1) || printf('%x', {digit}) || substr(signature, {place} + 1) \
                 WHERE number = {number}"
            );
            (format!("change the signature of event {number}"), sql)
        }
        _ if *column == "at" => (
            format!("change when event {number} was"),
            format!("UPDATE event SET at = at - {} WHERE number = {number}", 1 + chance.below(1 << 40)),
        ),
        _ => {
            // What JSON says is another, not how it is written: that is all that is signed.
            let other =
                if *column == "details" { "json_insert(details, '$.other', 1)".to_owned() } else { format!("{column} || 'x'") };
            let sql = format!("UPDATE event SET {column} = {other} WHERE number = {number}");
            (format!("change the {column} of event {number}"), sql)
        }
    };
    Ok(of(base, &what, &sql)?.at([Place::Event(number)]))
}

pub(super) fn all(base: &Base) -> anyhow::Result<Vec<Alteration>> {
    let last = count(base)?;
    anyhow::ensure!(last >= 4, "the ledger has {last} events");
    let event = |number| [Place::Event(number)];
    let swap = "UPDATE event SET number = -1 WHERE number = 1; UPDATE event SET number = 1 WHERE number = 2; \
                UPDATE event SET number = 2 WHERE number = -1";
    Ok(vec![
        of(base, "an event says another", "UPDATE event SET details = replace(details, 'test', 'jest') WHERE number = 1")?
            .at(event(1)),
        of(base, "an event is by somebody else", "UPDATE event SET by = 'mallory' WHERE number = 2")?.at(event(2)),
        of(base, "an event is removed", "DELETE FROM event WHERE number = 2")?.at(event(2)),
        of(base, "the last event is removed", &format!("DELETE FROM event WHERE number = {last}"))?.at(event(last)),
        of(base, "all events are removed", "DELETE FROM event")?.at(event(1)).at(event(last)),
        of(base, "two events change places", swap)?.at(event(1)).at(event(2)),
        of(
            base,
            "an event is put in, a copy",
            &format!(
                "INSERT INTO event (number, at, kind, by, subject, details, key, signature, holder) \
             SELECT {last} + 1, at, kind, by, subject, details, key, signature, holder FROM event WHERE number = 1"
            ),
        )?
        .at(event(last + 1)),
        of(
            base,
            "an event is signed with another key",
            &format!("UPDATE event SET key = '{}' WHERE number = 3", "ab".repeat(32)),
        )?
        .at(event(3)),
    ])
}
