//! Puts what was read of records into the tables.

use super::kinds::{Kind, Of, state_number};
use super::tally::{Profile, Tally};
use gateway_core::model::ids::SessionId;
use rusqlite::{CachedStatement, Connection, OptionalExtension as _, params};
use std::collections::BTreeSet;

/// Texts of statements that are kept of all sessions: automation sends the same ones again and again. What is beyond is
/// not searched for.
const STATEMENTS: i64 = 200_000;

/// Keeps one record, in the place of what was kept of it before.
pub(super) fn put(connection: &Connection, tally: &Tally) -> rusqlite::Result<()> {
    let summary = &tally.summary;
    let id = summary.session.number().cast_signed();
    let profile = profile(connection, &tally.profile)?;
    let known: Option<i64> =
        cached(connection, "SELECT profile FROM session WHERE id = ?1")?.query_row([id], |row| row.get(0)).optional()?;
    if known.is_some() {
        cached(connection, "DELETE FROM deed WHERE session = ?1")?.execute([id])?;
    }
    if known != Some(profile) {
        let more = "UPDATE profile SET count = count + 1, newest = max(newest, ?2), oldest = min(oldest, ?2) WHERE id = ?1";
        cached(connection, more)?.execute([profile, id])?;
        // More is known of it than before: as whom it connects, say.
        if let Some(before) = known {
            cached(connection, "UPDATE profile SET count = max(0, count - 1) WHERE id = ?1")?.execute([before])?;
        }
    }
    let mut reason = None;
    let mut set_hash = None;
    let mut things = BTreeSet::new();
    for (deed, counts) in &tally.deeds {
        let Some(thing) = thing(connection, deed.kind, &deed.thing)? else { continue };
        if deed.kind == Kind::Reason {
            reason = Some(thing);
        }
        cached(
            connection,
            "INSERT OR REPLACE INTO deed (session, thing, verb, outcome, count, rows) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            id,
            thing,
            deed.verb.number(),
            deed.outcome.number(),
            counts.count.cast_signed(),
            counts.rows.cast_signed()
        ])?;
        things.insert(thing);
    }
    if let Some(hash) = &tally.set_hash {
        set_hash = thing(connection, Kind::PolicySet, hash)?;
    }
    for thing in things {
        link(connection, thing, profile, id)?;
    }
    let signed = u64::cast_signed;
    cached(
        connection,
        "INSERT OR REPLACE INTO session (id, profile, run, original, started, last, state, reason, set_hash, statements, rows,
         errors, masked_rows, server_us, sent, received, wrote, lost, frames, bytes, cut)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)",
    )?
    .execute(params![
        id,
        profile,
        tally.run.map(|run| run.number().cast_signed()),
        summary.original,
        signed(summary.started.0),
        signed(summary.last.0),
        state_number(summary.state),
        reason,
        set_hash,
        signed(summary.statements),
        signed(summary.rows),
        signed(summary.errors),
        signed(tally.masked_rows),
        signed(tally.server_us),
        signed(tally.sent),
        signed(tally.received),
        tally.wrote.number(),
        signed(tally.lost),
        signed(summary.frames),
        signed(summary.bytes),
        tally.cut.map(|cut| signed(cut.0)),
    ])
    .map(drop)
}

/// Forgets one record. What it has of a thing is told by the thing's links: those of a session that is gone count as none.
pub(super) fn remove(connection: &Connection, session: SessionId) -> rusqlite::Result<()> {
    let id = session.number().cast_signed();
    let profile: Option<i64> = cached(connection, "DELETE FROM session WHERE id = ?1 RETURNING profile")?
        .query_row([id], |row| row.get(0))
        .optional()?;
    let Some(profile) = profile else { return Ok(()) };
    let things: Vec<i64> = cached(connection, "SELECT DISTINCT thing FROM deed WHERE session = ?1")?
        .query_map([id], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for thing in things {
        let gone = cached(connection, "DELETE FROM link WHERE thing = ?1 AND session = ?2")?.execute([thing, id])?;
        if gone > 0 {
            cached(connection, "UPDATE thing SET count = max(0, count - 1) WHERE id = ?1")?.execute([thing])?;
            cached(connection, "UPDATE seen SET count = max(0, count - 1) WHERE thing = ?1 AND profile = ?2")?
                .execute([thing, profile])?;
            forget(connection, thing)?;
        }
    }
    cached(connection, "DELETE FROM deed WHERE session = ?1")?.execute([id])?;
    cached(connection, "UPDATE profile SET count = max(0, count - 1) WHERE id = ?1")?.execute([profile]).map(drop)
}

/// Forgets a thing that no session has any more: what only a removed record had is nowhere.
fn forget(connection: &Connection, thing: i64) -> rusqlite::Result<()> {
    let unused = "SELECT kind, text FROM thing WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM link WHERE thing = ?1)";
    let unused: Option<(i64, String)> =
        cached(connection, unused)?.query_row([thing], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let Some((kind, text)) = unused.filter(|(kind, _)| *kind != Kind::PolicySet.number()) else { return Ok(()) };
    // A table without its contents has to be told what to forget (SQLite docs, FTS5, 4.4.3 and 6.4).
    cached(connection, "INSERT INTO thing_text (thing_text, rowid, text) VALUES ('delete', ?1, ?2)")?
        .execute(params![thing, text])?;
    cached(connection, "DELETE FROM seen WHERE thing = ?1")?.execute([thing])?;
    cached(connection, "DELETE FROM thing WHERE id = ?1")?.execute([thing])?;
    if kind == Kind::Statement.number() {
        let count = super::schema::meta(connection, "statements")?.unwrap_or_default();
        super::schema::set_meta(connection, "statements", (count - 1).max(0))?;
    }
    Ok(())
}

fn link(connection: &Connection, thing: i64, profile: i64, session: i64) -> rusqlite::Result<()> {
    let known: Option<i64> = cached(connection, "SELECT profile FROM link WHERE thing = ?1 AND session = ?2")?
        .query_row([thing, session], |row| row.get(0))
        .optional()?;
    match known {
        Some(known) if known == profile => return Ok(()),
        Some(before) => {
            cached(connection, "UPDATE seen SET count = max(0, count - 1) WHERE thing = ?1 AND profile = ?2")?
                .execute([thing, before])?;
        }
        None => {
            cached(connection, "UPDATE thing SET count = count + 1 WHERE id = ?1")?.execute([thing])?;
        }
    }
    cached(connection, "INSERT OR REPLACE INTO link (thing, profile, session) VALUES (?1, ?2, ?3)")?
        .execute([thing, profile, session])?;
    cached(
        connection,
        "INSERT INTO seen (thing, profile, count, newest, oldest) VALUES (?1, ?2, 1, ?3, ?3) ON CONFLICT (thing, profile)
         DO UPDATE SET count = count + 1, newest = max(newest, ?3), oldest = min(oldest, ?3)",
    )?
    .execute([thing, profile, session])
    .map(drop)
}

/// The number of a thing; none where there are too many of its kind.
fn thing(connection: &Connection, kind: Kind, text: &str) -> rusqlite::Result<Option<i64>> {
    let known = cached(connection, "SELECT id FROM thing WHERE kind = ?1 AND text = ?2")?
        .query_row(params![kind.number(), text], |row| row.get(0))
        .optional()?;
    if known.is_some() {
        return Ok(known);
    }
    if kind == Kind::Statement {
        let count = super::schema::meta(connection, "statements")?.unwrap_or_default();
        if count >= STATEMENTS {
            return Ok(None);
        }
        super::schema::set_meta(connection, "statements", count + 1)?;
    }
    cached(connection, "INSERT INTO thing (kind, text) VALUES (?1, ?2)")?.execute(params![kind.number(), text])?;
    let id = connection.last_insert_rowid();
    // Nobody looks for a part of a hash.
    if kind != Kind::PolicySet {
        cached(connection, "INSERT INTO thing_text (rowid, text) VALUES (?1, ?2)")?.execute(params![id, text])?;
    }
    Ok(Some(id))
}

fn profile(connection: &Connection, profile: &Profile) -> rusqlite::Result<i64> {
    let key = key(profile);
    let known = cached(connection, "SELECT id FROM profile WHERE key = ?1")?.query_row([&key], |row| row.get(0)).optional()?;
    if let Some(known) = known {
        return Ok(known);
    }
    cached(
        connection,
        "INSERT INTO profile (key, kind, workload, name, owner, grade, person, uid, executable, host, target, environment,
         protocol, user, database, credential, login, newest, oldest)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, 0, 9223372036854775807)",
    )?
    .execute(params![
        key,
        profile.of.unwrap_or(Of::Unknown).number(),
        profile.workload,
        profile.name,
        profile.owner,
        profile.grade,
        profile.person,
        profile.uid,
        profile.executable,
        profile.host,
        profile.target,
        profile.environment,
        profile.protocol,
        profile.user,
        profile.database,
        profile.credential,
        profile.login,
    ])?;
    let id = connection.last_insert_rowid();
    let searched = profile.searched().collect::<Vec<_>>().join("\n");
    cached(connection, "INSERT INTO profile_text (rowid, text) VALUES (?1, ?2)")?.execute(params![id, searched])?;
    Ok(id)
}

impl Profile {
    /// What is searched for.
    fn searched(&self) -> impl Iterator<Item = &str> {
        let Self {
            of: _,
            uid: _,
            grade: _,
            workload,
            name,
            owner,
            person,
            executable,
            host,
            target,
            environment,
            protocol,
            user,
            database,
            credential,
            login,
        } = self;
        [workload, name, owner, person, executable, host, target, environment, protocol, user, database, credential, login]
            .into_iter()
            .flatten()
            .map(String::as_str)
    }
}

/// What tells profiles apart: none of their texts has a NUL.
fn key(profile: &Profile) -> String {
    let Profile {
        of,
        workload,
        name,
        owner,
        grade,
        person,
        uid,
        executable,
        host,
        target,
        environment,
        protocol,
        user,
        database,
        credential,
        login,
    } = profile;
    let texts = [
        workload,
        name,
        owner,
        grade,
        person,
        executable,
        host,
        target,
        environment,
        protocol,
        user,
        database,
        credential,
        login,
    ];
    // A field that is missing is another one than an empty one.
    let texts = texts.map(|text| text.as_ref().map_or_else(|| "\0".to_owned(), |text| format!("{text}\0\0")));
    format!("{}/{}/{}", of.map_or(-1, Of::number), uid.map_or_else(String::new, |uid| uid.to_string()), texts.concat())
}

fn cached<'c>(connection: &'c Connection, text: &str) -> rusqlite::Result<CachedStatement<'c>> {
    connection.prepare_cached(text)
}
