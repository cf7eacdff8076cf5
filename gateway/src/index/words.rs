//! Where a word that is searched for is: in profiles, in things, or as the beginning of an id.

use super::plan::Hints;
use gateway_core::model::ids::{RunId, SessionId};
use rusqlite::{Connection, params};
use std::collections::HashSet;

/// Letters of a word.
const LONGEST: usize = 200;
/// Digits without which a beginning of an id is none: it would be of hours of sessions.
const SHORTEST_ID: usize = 6;
/// Digits of an id.
const DIGITS: usize = 13;

/// What has a word.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) profiles: HashSet<i64>,
    pub(super) things: HashSet<i64>,
    /// In how many sessions it is, at most: those that have several of these things count several times.
    pub(super) count: i64,
    /// The first and the last run, or session, whose id begins so.
    pub(super) runs: Option<(i64, i64)>,
    pub(super) sessions: Option<(i64, i64)>,
}

/// Looks for `word`, of profiles only among `hints`.
pub(super) fn find(connection: &Connection, word: &str, hints: &Hints) -> rusqlite::Result<Found> {
    let word: String = word.chars().take(LONGEST).collect();
    let mut found = Found::default();
    for (table, into) in [("profile", &mut found.profiles), ("thing", &mut found.things)] {
        // Fewer than three letters are in no index of threes: there are few enough rows to look at.
        let short = word.chars().count() < 3;
        let (text, parameter) = match (short, table) {
            (false, _) => (
                format!("SELECT rowid FROM {table}_text WHERE {table}_text MATCH ?1"),
                format!("\"{}\"", word.replace('"', "\"\"")),
            ),
            (true, "profile") => (
                "SELECT id FROM profile WHERE instr(lower(concat_ws(char(10), workload, name, owner, person, executable, host,
                 target, environment, protocol, user, database, credential, login)), ?1)"
                    .to_owned(),
                word.to_lowercase(),
            ),
            (true, _) => ("SELECT id FROM thing WHERE kind <> 5 AND instr(lower(text), ?1)".to_owned(), word.to_lowercase()),
        };
        let mut statement = connection.prepare_cached(&text)?;
        let mut rows = statement.query(params![parameter])?;
        while let Some(row) = rows.next()? {
            into.insert(row.get(0)?);
        }
    }
    found.profiles.retain(|profile| hints.has(*profile));
    let mut statement = connection.prepare_cached("SELECT count FROM thing WHERE id = ?1")?;
    for thing in &found.things {
        found.count += statement.query_row([thing], |row| row.get::<_, i64>(0))?;
    }
    found.count += found.profiles.iter().filter_map(|profile| hints.count(*profile)).sum::<i64>();
    found.runs = beginning(&word, "r-", |text| text.parse().map(RunId::number).ok());
    found.sessions = beginning(&word, "s-", |text| text.parse().map(SessionId::number).ok());
    Ok(found)
}

/// The first and the last id that begins with `word`.
fn beginning(word: &str, prefix: &str, number: impl Fn(&str) -> Option<u64>) -> Option<(i64, i64)> {
    let digits = word.strip_prefix(prefix)?;
    if !(SHORTEST_ID..=DIGITS).contains(&digits.len()) {
        return None;
    }
    let filled = |with: &str| number(&format!("{word}{}", with.repeat(DIGITS - digits.len())));
    Some((filled("0")?.cast_signed(), filled("z")?.cast_signed()))
}

impl Found {
    /// Whether it is in nothing but profiles.
    pub(super) fn is_of_profiles(&self) -> bool {
        self.things.is_empty() && self.runs.is_none() && self.sessions.is_none()
    }

    /// Whether the session has it.
    pub(super) fn is_in(&self, connection: &Connection, session: i64, profile: i64, run: Option<i64>) -> rusqlite::Result<bool> {
        let within = |range: Option<(i64, i64)>, id: i64| range.is_some_and(|(first, last)| (first..=last).contains(&id));
        if self.profiles.contains(&profile) || within(self.sessions, session) || run.is_some_and(|run| within(self.runs, run)) {
            return Ok(true);
        }
        if self.things.is_empty() {
            return Ok(false);
        }
        let mut statement = connection.prepare_cached("SELECT thing FROM deed WHERE session = ?1")?;
        let mut rows = statement.query([session])?;
        while let Some(row) = rows.next()? {
            if self.things.contains(&row.get(0)?) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_an_id_is_a_range_of_them() {
        let read = |text: &str| text.parse().map(RunId::number).ok();
        let whole = "r-01jd5k2v8q3xm";
        let number = whole.parse::<RunId>().unwrap().number().cast_signed();
        assert_eq!(beginning(whole, "r-", read), Some((number, number)));
        let (first, last) = beginning("r-01jd5k2v", "r-", read).unwrap();
        assert!(first < number && number < last && last - first == (1 << 25) - 1);
        for none in ["r-01jd", "s-01jd5k2v8q3xm", "r-01jd5k2v8q3xmm", "r-01jdUk2v", "nightly"] {
            assert_eq!(beginning(none, "r-", read), None, "{none}");
        }
    }
}
