//! What happened, step by step, each signed: written with what it tells of, or not at all.

use super::entry::Holder;
use super::signer::{Signer, verify};
use gateway_core::model::time::Timestamp;
use rusqlite::{Connection, Row, Transaction, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a signature is over begins with this: no other text of weir's does.
const SIGNED: &str = "weir-event-v1";

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// The steps that are told.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Kind {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl Kind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its name, as records and notices have it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }

        impl utoipa::PartialSchema for Kind {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                let text = utoipa::openapi::schema::ObjectBuilder::new().schema_type(utoipa::openapi::schema::Type::String);
                text.enum_values(Some(Self::ALL.iter().map(|kind| kind.name()))).into()
            }
        }

        impl utoipa::ToSchema for Kind {}
    };
}

kinds! {
    /// An operation, or a connection, waits for a person.
    HoldAsked = "hold.asked",
    /// A person approved; others may be needed.
    HoldApproved = "hold.approved",
    /// It has all approvals and goes on.
    HoldReleased = "hold.released",
    /// A person denied it.
    HoldDenied = "hold.denied",
    /// Nobody answered in time.
    HoldExpired = "hold.expired",
    /// Its client has gone, or has cancelled it.
    HoldWithdrawn = "hold.withdrawn",
    /// Its gateway has gone: it was not run.
    HoldAbandoned = "hold.abandoned",
    /// Somebody asks for more than policy gives.
    GrantRequested = "grant.requested",
    /// A person approved; others may be needed.
    GrantApproved = "grant.approved",
    /// It is in force.
    GrantGiven = "grant.given",
    /// A person denied it.
    GrantDenied = "grant.denied",
    /// A person has ended it.
    GrantRevoked = "grant.revoked",
    /// It has ended by itself.
    GrantEnded = "grant.ended",
    /// A block is in force.
    BlockAdded = "block.added",
    /// A person has lifted it.
    BlockLifted = "block.lifted",
    /// It has ended by itself.
    BlockEnded = "block.ended",
    /// Somebody broke the glass.
    GlassBroken = "glass.broken",
    /// Its time is over, or somebody has ended it.
    GlassEnded = "glass.ended",
    /// Somebody has looked at what was done meanwhile.
    GlassReviewed = "glass.reviewed",
    /// People were given codes to break it with.
    GlassCodes = "glass.codes",
    /// A session was killed by command.
    SessionKilled = "session.killed",
    /// Recorded sessions are run again on another server, or have been.
    SessionRerun = "session.rerun",
    /// A run was frozen.
    RunFrozen = "run.frozen",
    /// A run goes on.
    RunThawed = "run.thawed",
    /// A run was killed.
    RunKilled = "run.killed",
    /// The policy set was replaced.
    PolicyReplaced = "policy.replaced",
    /// Somebody was to be notified of an event, and could not be.
    NotifyFailed = "notify.failed",
    /// A person has tried a notifier.
    NotifyTested = "notify.tested",
    /// A person has signed in.
    SignedIn = "person.signed-in",
    /// A person has signed in at a shell of a host, which is theirs.
    ShellBound = "person.at-shell",
    /// A person has signed out, or their time was over.
    SignedOut = "person.signed-out",
    /// Somebody whom the identity provider knows was not let in.
    SignInRefused = "person.refused",
    /// A token of the API's was made.
    TokenMade = "token.made",
    /// A person has revoked it.
    TokenRevoked = "token.revoked",
    /// It has ended by itself, or with its person's leaving.
    TokenEnded = "token.ended",
    /// The directory has somebody new.
    PersonProvisioned = "person.provisioned",
    /// The directory has them otherwise.
    PersonChanged = "person.changed",
    /// They have left.
    PersonDeactivated = "person.deactivated",
    /// They are there again.
    PersonReactivated = "person.reactivated",
    /// The directory has them no more.
    PersonRemoved = "person.removed",
    /// The directory has a group otherwise, a new one, or one no more.
    GroupChanged = "group.changed",
    /// Whoever has left owned workloads.
    OwnerLeft = "owner.left",
    /// Somebody has taken a workload over.
    OwnerChanged = "owner.changed",
    /// Records were put beyond removal.
    LegalHoldSet = "legal-hold.set",
    /// They may be removed again.
    LegalHoldLifted = "legal-hold.lifted",
    /// A rule of detection has found something.
    FindingTold = "finding.told",
    /// The same was seen again, so often.
    FindingCounted = "finding.counted",
    /// Somebody does not want to hear of something for a while.
    SnoozeSet = "snooze.set",
    /// A person has ended that.
    SnoozeLifted = "snooze.lifted",
    /// It has ended by itself.
    SnoozeEnded = "snooze.ended",
    /// A person has records removed, or has had.
    RecordsPruned = "records.pruned",
    /// Somebody asks to open the sealed layer of a session.
    UnsealAsked = "unseal.asked",
    /// Another person has agreed.
    UnsealApproved = "unseal.approved",
    /// Whoever asked has opened it.
    UnsealReleased = "unseal.released",
    /// Another person has not agreed.
    UnsealDenied = "unseal.denied",
    /// Nobody answered in time, or whoever asked did not come back in time.
    UnsealExpired = "unseal.expired",
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Event {
    /// They count up from 1, without a gap.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: Kind,
    /// Who did it: a person, or `weir`.
    pub by: String,
    /// The id of what it is about.
    pub subject: String,
    /// The rest: an object.
    pub details: Value,
    /// The public key, in hex.
    pub key: String,
    /// The signature of [`Self::signed`], in hex.
    pub signature: String,
    /// The gateway that wrote it.
    #[serde(skip, default = "Holder::nobody")]
    pub(in crate::ledger) holder: Holder,
}

impl Event {
    /// The text that is signed.
    #[must_use]
    pub fn signed(&self) -> String {
        signed(self.number, self.at, self.kind, &self.by, &self.subject, &self.details)
    }

    /// Whether its signature is that of its key.
    #[must_use]
    pub fn is_genuine(&self) -> bool {
        verify(&self.key, &self.signed(), &self.signature)
    }
}

/// Each on a line of its own: JSON has no line feed in a text, and neither may a name.
fn signed(number: u64, at: Timestamp, kind: Kind, by: &str, subject: &str, details: &Value) -> String {
    let names = serde_json::json!([by, subject]);
    format!("{SIGNED}\n{number}\n{}\n{}\n{names}\n{details}", at.0, kind.name())
}

pub(super) fn append(
    transaction: &Transaction<'_>,
    signer: &Signer,
    holder: Holder,
    (at, kind, by, subject, details): (Timestamp, Kind, &str, &str, &Value),
) -> rusqlite::Result<Event> {
    let number = last(transaction)? + 1;
    let signature = signer.sign(&signed(number, at, kind, by, subject, details));
    let event = Event {
        number,
        at,
        kind,
        by: by.to_owned(),
        subject: subject.to_owned(),
        details: details.clone(),
        key: signer.public().to_owned(),
        signature,
        holder,
    };
    transaction
        .prepare_cached(
            "INSERT INTO event (number, at, kind, by, subject, details, key, signature, holder)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            number.cast_signed(),
            at.0.cast_signed(),
            kind.name(),
            by,
            subject,
            details.to_string(),
            event.key,
            event.signature,
            holder.to_string(),
        ])?;
    Ok(event)
}

pub(in crate::ledger) const COLUMNS: &str = "number, at, kind, by, subject, details, key, signature, holder";

pub(super) fn since(connection: &Connection, number: u64, most: usize) -> rusqlite::Result<Vec<Event>> {
    rows_since(connection, number, most)?.into_iter().map(|row| row.map_err(|(_, error)| error)).collect()
}

/// As [`since`], a row for a row: of one that is no event, its number and why.
pub(super) fn rows_since(
    connection: &Connection,
    number: u64,
    most: usize,
) -> rusqlite::Result<Vec<Result<Event, (u64, rusqlite::Error)>>> {
    let text = format!("SELECT {COLUMNS} FROM event WHERE number > ?1 ORDER BY number LIMIT ?2");
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(&text)?;
    let row = |row: &Row<'_>| {
        let number = row.get::<_, i64>(0)?.cast_unsigned();
        Ok(read(row).map_err(|error| (number, error)))
    };
    statement.query_map(params![number.cast_signed(), most], row)?.collect()
}

pub(super) fn last(connection: &Connection) -> rusqlite::Result<u64> {
    let last: i64 = connection.prepare_cached("SELECT coalesce(max(number), 0) FROM event")?.query_row([], |row| row.get(0))?;
    Ok(last.cast_unsigned())
}

pub(super) fn of(connection: &Connection, kind: Kind, most: usize) -> rusqlite::Result<Vec<Event>> {
    let text = format!("SELECT {COLUMNS} FROM event WHERE kind = ?1 ORDER BY number DESC LIMIT ?2");
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    connection.prepare_cached(&text)?.query_map(params![kind.name(), most], read)?.collect()
}

pub(super) fn unrecorded(connection: &Connection, most: usize) -> rusqlite::Result<Vec<Event>> {
    let text = format!("SELECT {COLUMNS} FROM event WHERE NOT recorded ORDER BY number LIMIT ?1");
    connection.prepare_cached(&text)?.query_map([i64::try_from(most).unwrap_or(i64::MAX)], read)?.collect()
}

pub(super) fn recorded(connection: &mut Connection, numbers: &[u64]) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for number in numbers {
        transaction.prepare_cached("UPDATE event SET recorded = 1 WHERE number = ?1")?.execute([number.cast_signed()])?;
    }
    transaction.commit()
}

/// An event, of the first columns of a row.
pub(in crate::ledger) fn read(row: &Row<'_>) -> rusqlite::Result<Event> {
    let wrong =
        |column, what: String| rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, what.into());
    let kind: String = row.get(2)?;
    let details: String = row.get(5)?;
    let holder: String = row.get(8)?;
    Ok(Event {
        number: row.get::<_, i64>(0)?.cast_unsigned(),
        at: Timestamp(row.get::<_, i64>(1)?.cast_unsigned()),
        kind: *Kind::ALL.iter().find(|one| one.name() == kind).ok_or_else(|| wrong(2, format!("no event is {kind}")))?,
        by: row.get(3)?,
        subject: row.get(4)?,
        details: serde_json::from_str(&details).map_err(|error| wrong(5, error.to_string()))?,
        key: row.get(6)?,
        signature: row.get(7)?,
        holder: holder.parse().unwrap_or_else(|_unknown| Holder::nobody()),
    })
}

#[cfg(test)]
mod tests {
    use super::Kind;
    use gateway_core::event::control::ACTS;

    #[test]
    fn every_step_has_its_place_in_what_a_siem_is_told() {
        let steps: Vec<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(ACTS.map(|(name, _)| name).to_vec(), steps);
    }
}
