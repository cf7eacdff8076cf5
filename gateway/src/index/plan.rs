//! In which order sessions are looked at so that the newest that fit come first: from many short lists that are merged, or
//! from all of them where most fit.

use super::query::Query;
use super::words::Found;
use rusqlite::{Connection, params};
use std::collections::BinaryHeap;

/// Ids that are fetched of a list at once.
const BATCH: usize = 16;
/// What looking into one list costs, in sessions that could be looked at in their order meanwhile.
const SEEK: i64 = 8;
/// What looking at a session's things costs, the same.
const LOOK: i64 = 4;
/// Sessions that are looked at in their order before lists are made after all: what is rare may lie together.
const PATIENCE: i64 = 20_000;

/// Profiles that are let through, each with how many sessions it has, and the ids of the newest and oldest: no session of
/// it is outside of these.
#[derive(Debug, Default)]
pub(super) struct Hints {
    /// By the profile's number.
    all: Vec<Option<Hint>>,
}

type Hint = (i64, i64, i64);

/// Sessions, one after the other.
pub(super) struct Plan<'c> {
    connection: &'c Connection,
    pub(super) hints: Hints,
    lists: Vec<List>,
    /// The word whose lists are made.
    leads: Option<&'c Found>,
    /// By the newest that each may still have.
    heap: BinaryHeap<(i64, usize)>,
    first: i64,
    last: Option<i64>,
}

/// Where a list of ids comes from, each of them in falling order.
#[derive(Clone, Copy, Debug)]
enum From {
    Profile(i64),
    Thing(i64),
    Pair(i64, i64),
    Run(i64),
    Open(i64),
    One(i64),
    Everything,
}

struct List {
    from: From,
    /// Ids that were fetched, the last of them first.
    fetched: Vec<i64>,
    /// What was spent on all sessions in their order.
    looked: i64,
    /// Whether there are none behind them.
    ended: bool,
    /// The newest that may still be fetched.
    bound: i64,
}

impl Hints {
    pub(super) fn add(&mut self, profile: i64, hint: Hint) {
        let Ok(place) = usize::try_from(profile) else { return };
        if self.all.len() <= place {
            self.all.resize(place + 1, None);
        }
        if let Some(entry) = self.all.get_mut(place) {
            *entry = Some(hint);
        }
    }

    pub(super) fn retain(&mut self, kept: impl Fn(i64) -> bool) {
        for (profile, hint) in (0i64..).zip(&mut self.all) {
            *hint = hint.filter(|_| kept(profile));
        }
    }

    /// How many sessions a profile has.
    pub(super) fn count(&self, profile: i64) -> Option<i64> {
        self.of(profile).map(|(count, ..)| count)
    }

    /// How many sessions all have, and the newest of them; none where there is no profile.
    fn sum(&self) -> Option<(i64, i64)> {
        let add = |(count, newest): (i64, i64), (_, (more, other, _)): (i64, Hint)| (count + more, newest.max(other));
        let mut all = self.iter();
        let (_, (count, newest, _)) = all.next()?;
        Some(all.fold((count, newest), add))
    }

    pub(super) fn has(&self, profile: i64) -> bool {
        self.of(profile).is_some()
    }

    fn of(&self, profile: i64) -> Option<Hint> {
        usize::try_from(profile).ok().and_then(|place| *self.all.get(place)?)
    }

    fn iter(&self) -> impl Iterator<Item = (i64, Hint)> {
        (0i64..).zip(&self.all).filter_map(|(profile, hint)| Some((profile, (*hint)?)))
    }
}

impl<'c> Plan<'c> {
    /// The cheapest way to all sessions that may fit.
    pub(super) fn make(connection: &'c Connection, query: &Query, hints: Hints, found: &'c [Found]) -> rusqlite::Result<Self> {
        let (first, last) = query.range();
        let mut plan = Self { connection, hints, lists: Vec::new(), leads: None, heap: BinaryHeap::new(), first, last: None };
        if first > last {
            return Ok(plan);
        }
        if let Some(run) = query.run_number() {
            plan.add(From::Run(run), last);
            return Ok(plan);
        }
        if let Some(state) = query.state.map(super::kinds::state_number).filter(|state| *state != 1) {
            plan.add(From::Open(state), last);
            return Ok(plan);
        }
        // The rarest word leads; whether the others are there is looked at.
        plan.leads = found.iter().min_by_key(|word| word.count);
        let Some((count, newest)) = plan.hints.sum() else { return Ok(plan) };
        let last = last.min(newest);
        let total: i64 =
            connection.prepare_cached("SELECT sum(count) FROM profile")?.query_row([], |row| row.get(0)).unwrap_or(0);
        // Of all sessions so many have to be looked at for a page, where what is wanted lies evenly and apart.
        let wanted = i64::try_from(query.limit).unwrap_or(i64::MAX);
        let share = |of: i64, sessions: i64| sessions.saturating_mul(total.max(1)) / of.max(1);
        let in_order = found.iter().fold(share(count, wanted), |sessions, word| share(word.count, sessions));
        let in_order = if found.is_empty() { in_order } else { in_order.saturating_mul(LOOK) };
        let lists = i64::try_from(plan.hints.iter().count()).unwrap_or(i64::MAX).saturating_mul(SEEK);
        let has_ids = found.iter().any(|word| word.runs.is_some() || word.sessions.is_some());
        if !has_ids && in_order <= PATIENCE.min(lists.max(wanted)) {
            plan.add(From::Everything, last);
        } else {
            plan.make_lists(last, count.saturating_mul(20) >= total)?;
        }
        Ok(plan)
    }

    /// The lists of what leads, none of them with anything newer than `last`. `most`: whether most sessions are let through.
    fn make_lists(&mut self, last: i64, most: bool) -> rusqlite::Result<()> {
        let lists = match self.leads {
            Some(word) => self.lists_of(word, (self.first, last), most)?,
            None => self.hints.iter().map(|(profile, hint)| (From::Profile(profile), hint)).collect(),
        };
        for (from, (_, newest, oldest)) in lists {
            if newest >= self.first && oldest <= last {
                self.add(from, last.min(newest));
            }
        }
        Ok(())
    }

    /// Sessions in their order did not bring what was hoped for: goes on by lists, behind what was looked at.
    fn turn_to_lists(&mut self) -> rusqlite::Result<()> {
        let Some(list) = self.lists.first().filter(|list| list.looked > PATIENCE) else { return Ok(()) };
        let bound = list.fetched.last().copied().unwrap_or(list.bound);
        self.heap.clear();
        self.lists.clear();
        self.make_lists(bound, true)
    }

    fn add(&mut self, from: From, bound: i64) {
        self.heap.push((bound, self.lists.len()));
        self.lists.push(List { from, fetched: Vec::new(), looked: 0, ended: false, bound });
    }

    /// The lists of all sessions that have the word.
    fn lists_of(&self, word: &Found, (first, last): (i64, i64), most: bool) -> rusqlite::Result<Vec<(From, Hint)>> {
        let mut lists = Vec::new();
        for profile in &word.profiles {
            lists.extend(self.hints.of(*profile).map(|hint| (From::Profile(*profile), hint)));
        }
        let mut statement =
            self.connection.prepare_cached("SELECT profile, count, newest, oldest FROM seen WHERE thing = ?1 AND count > 0")?;
        for thing in &word.things {
            // One long list of which most is let through is cheaper than many short ones.
            if most {
                lists.push((From::Thing(*thing), (1, last, first)));
                continue;
            }
            let mut rows = statement.query([thing])?;
            while let Some(row) = rows.next()? {
                let profile = row.get(0)?;
                if self.hints.has(profile) && !word.profiles.contains(&profile) {
                    lists.push((From::Pair(*thing, profile), (row.get(1)?, row.get(2)?, row.get(3)?)));
                }
            }
        }
        if let Some((from, to)) = word.runs {
            let mut statement = self.connection.prepare_cached(
                "SELECT run, count(*), max(id), min(id) FROM session WHERE run IS NOT NULL AND run BETWEEN ?1 AND ?2 GROUP BY run",
            )?;
            let mut rows = statement.query([from, to])?;
            while let Some(row) = rows.next()? {
                lists.push((From::Run(row.get(0)?), (row.get(1)?, row.get(2)?, row.get(3)?)));
            }
        }
        if let Some((from, to)) = word.sessions {
            let mut statement =
                self.connection.prepare_cached("SELECT id FROM session WHERE id BETWEEN ?1 AND ?2 ORDER BY id DESC")?;
            let mut rows = statement.query([from.max(first), to.min(last)])?;
            while let Some(row) = rows.next()? {
                let id = row.get(0)?;
                lists.push((From::One(id), (1, id, id)));
            }
        }
        Ok(lists)
    }

    /// The next session that may fit, older than all before.
    pub(super) fn next(&mut self) -> rusqlite::Result<Option<i64>> {
        while let Some((id, place)) = self.heap.pop() {
            let Some(list) = self.lists.get_mut(place) else { continue };
            // What stood in the heap was an id, or only how new one could be.
            let known = list.fetched.last() == Some(&id);
            if known {
                list.fetched.pop();
            }
            while list.fetched.is_empty() && !list.ended && list.looked <= PATIENCE {
                list.fetch(self.connection, self.first, &self.hints)?;
            }
            if let Some(next) = list.fetched.last() {
                self.heap.push((*next, place));
            }
            list.looked += if known && matches!(list.from, From::Everything) { LOOK } else { 0 };
            self.turn_to_lists()?;
            // A session may be on several lists.
            if known && self.last.is_none_or(|last| id < last) {
                self.last = Some(id);

                return Ok(Some(id));
            }
        }
        Ok(None)
    }
}

impl List {
    fn fetch(&mut self, connection: &Connection, first: i64, hints: &Hints) -> rusqlite::Result<()> {
        let limit = i64::try_from(BATCH).unwrap_or(i64::MAX);
        let bound = self.bound;
        let read = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
        let ask = |text: &str, parameters: &[&dyn rusqlite::ToSql]| -> rusqlite::Result<Vec<i64>> {
            connection.prepare_cached(text)?.query_map(parameters, read)?.collect()
        };
        let mut ids = match self.from {
            From::Profile(profile) => ask(
                "SELECT id FROM session WHERE profile = ?1 AND id BETWEEN ?2 AND ?3 ORDER BY id DESC LIMIT ?4",
                params![profile, first, bound, limit],
            ),
            From::Thing(thing) => ask(
                "SELECT session FROM link WHERE thing = ?1 AND session BETWEEN ?2 AND ?3 ORDER BY session DESC LIMIT ?4",
                params![thing, first, bound, limit],
            ),
            From::Pair(thing, profile) => ask(
                "SELECT session FROM link WHERE thing = ?1 AND profile = ?2 AND session BETWEEN ?3 AND ?4
                 ORDER BY session DESC LIMIT ?5",
                params![thing, profile, first, bound, limit],
            ),
            From::Run(run) => ask(
                "SELECT id FROM session WHERE run = ?1 AND run IS NOT NULL AND id BETWEEN ?2 AND ?3 ORDER BY id DESC LIMIT ?4",
                params![run, first, bound, limit],
            ),
            From::Open(state) => ask(
                "SELECT id FROM session WHERE state = ?1 AND state <> 1 AND id BETWEEN ?2 AND ?3 ORDER BY id DESC LIMIT ?4",
                params![state, first, bound, limit],
            ),
            From::One(id) => {
                self.ended = true;
                Ok(if (first..=bound).contains(&id) { vec![id] } else { Vec::new() })
            }
            From::Everything => return self.fetch_everything(connection, first, hints),
        }?;
        self.ended |= ids.len() < BATCH;
        match ids.last() {
            Some(oldest) => self.bound = oldest - 1,
            None => self.ended = true,
        }
        ids.reverse();
        self.fetched = ids;
        Ok(())
    }

    /// Of all sessions those of the profiles that are wanted.
    fn fetch_everything(&mut self, connection: &Connection, first: i64, hints: &Hints) -> rusqlite::Result<()> {
        let most = BATCH * 64;
        let mut statement =
            connection.prepare_cached("SELECT id, profile FROM session WHERE id BETWEEN ?1 AND ?2 ORDER BY id DESC LIMIT ?3")?;
        let mut rows = statement.query(params![first, self.bound, i64::try_from(most).unwrap_or(i64::MAX)])?;
        let mut looked = 0;
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            (looked, self.bound) = (looked + 1, id - 1);
            if hints.has(row.get(1)?) {
                self.fetched.push(id);
            }
        }
        self.ended = looked < most;
        self.looked += i64::try_from(looked).unwrap_or(i64::MAX);
        self.fetched.reverse();
        Ok(())
    }
}
