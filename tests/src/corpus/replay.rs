//! Sends a corpus to a fresh server and holds each inspection against what the server did.

use super::behind::{self, Catalogs, Load};
use super::capture::{Recorded, Sent};
use super::compare::{self, Finding, Kind, Names, Said};
use super::observe::{self, Observed};
use super::report::Report;
use super::session::{Answer, Session};
use crate::Postgres;
use crate::wire::Connection;
use gateway_core::inspect::postgres::{Bounds, Reading, inspect};
use gateway_core::inspect::{Statement, Usage};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

/// Which texts are inspected. All of them are sent: later ones need what earlier ones made.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample {
    /// About how many; all where there is none.
    pub count: Option<usize>,
    /// Chooses which.
    pub seed: u64,
}

/// Sends `recorded` again. `load` reads catalogs; `progress` hears how far it is, in sessions.
pub fn replay<'a>(
    recorded: &Recorded,
    sample: Sample,
    load: &'a mut Load<'a>,
    mut progress: impl FnMut(usize, usize),
) -> anyhow::Result<Report> {
    let server = super::suite::server();
    let texts = recorded.sessions.iter().flat_map(|session| &session.messages);
    let texts = texts.filter(|message| matches!(message.first(), Some(b'Q' | b'P'))).count();
    let catalogs = Catalogs::new(load);
    let mut player = Player { server: &server, catalogs, sample, texts, sent: 0, report: Report::default() };
    for (at, sent) in recorded.sessions.iter().enumerate() {
        progress(at, recorded.sessions.len());
        // A session that the server ends, or did not let in, has no more statements: the suite has such.
        player.session(sent).ok();
    }
    player.report.catalogs = player.catalogs.reads;
    Ok(player.report)
}

struct Player<'s> {
    server: &'s Postgres,
    catalogs: Catalogs<'s>,
    sample: Sample,
    /// How many texts the corpus has, and how many of them were sent.
    texts: usize,
    sent: usize,
    report: Report,
}

/// A session's state, as far as comparing needs it.
struct Play {
    session: Session,
    /// The superuser beside it, in the same database.
    side: Connection,
    names: Names,
    /// What the open transaction held when it was last looked at.
    held: Observed,
    /// Whether counts of changed rows may be left from a transaction that is over.
    unreported: bool,
    /// Whether the open transaction may have defined something, which no catalog has yet.
    uncommitted: bool,
    file: String,
    database: String,
}

impl Player<'_> {
    fn session(&mut self, sent: &Sent) -> anyhow::Result<()> {
        let parameters =
            [("user", "postgres"), ("database", sent.parameter("database")), ("application_name", "the corpus' other eye")];
        let mut play = Play {
            session: Session::open(self.server.port, sent)?,
            side: Connection::open("127.0.0.1", self.server.port, "", &parameters)?,
            names: Names::new(),
            held: Observed::new(),
            unreported: true,
            uncommitted: false,
            file: sent.parameter("application_name").to_owned(),
            database: sent.parameter("database").to_owned(),
        };
        let mut at = 0;
        while let Some(message) = sent.messages.get(at) {
            at += 1;
            match message.first() {
                Some(b'Q') => {
                    let following = sent.messages.get(at..).unwrap_or_default();
                    at += self.query(&mut play, message, following)?;
                }
                Some(b'P' | b'B' | b'D' | b'E' | b'C' | b'H' | b'S') => {
                    let rest = sent.messages.get(at - 1..).unwrap_or_default();
                    let sync = rest.iter().position(|message| message.first() == Some(&b'S')).map_or(rest.len(), |sync| sync + 1);
                    self.segment(&mut play, rest.get(..sync).unwrap_or_default())?;
                    at += sync - 1;
                }
                // COPY data for a COPY that failed this time, and the goodbye.
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether the next text is in the sample.
    fn chosen(&mut self) -> bool {
        self.sent += 1;
        let Some(count) = self.sample.count else { return true };
        let mut hasher = DefaultHasher::new();
        (self.sample.seed, self.sent).hash(&mut hasher);
        hasher.finish() % (self.texts.max(1) as u64) < count as u64
    }

    /// One Query; how many messages behind it were its COPY data.
    fn query(&mut self, play: &mut Play, message: &[u8], following: &[Vec<u8>]) -> anyhow::Result<usize> {
        let bytes = message.get(5..message.len() - 1).unwrap_or_default();
        if !self.chosen() {
            let consumed = play.session.exchange(message, following)?.consumed;
            self.defined(play, true);
            play.passed();
            return Ok(consumed);
        }
        self.report.statements += 1;
        let aborted = play.session.status == b'E';
        let text = decode(bytes, play.session.connection.setting("client_encoding"));
        let reading = play.reading();
        let (answer, observed) = play.run(message, following, &text)?;
        if answer.error.is_none() {
            self.report.accepted += 1;
            self.report.by_tag_only += usize::from(observed.is_none());
            let statements = inspect(&text, reading, Bounds::default()).statements;
            let changes = statements.iter().any(|statement| statement.changes.schema || statement.changes.anything);
            self.defined(play, changes);
            self.hold(play, &text, &statements, &answer, observed.as_ref(), aborted);
            play.remember(statements);
        } else {
            // Parts of it may have been committed.
            self.defined(play, true);
        }
        Ok(answer.consumed)
    }

    /// An extended segment: its tags are not looked at, since no message says whose they are.
    fn segment(&mut self, play: &mut Play, messages: &[Vec<u8>]) -> anyhow::Result<()> {
        let parse = messages.iter().find(|message| message.first() == Some(&b'P'));
        let chosen = parse.is_some() && self.chosen();
        let reading = play.reading();
        let answer = play.session.exchange(&messages.concat(), &[])?;
        self.defined(play, true);
        let Some(parse) = parse.filter(|_| chosen) else { return Ok(()) };
        self.report.statements += 1;
        if answer.error.is_none() {
            self.report.accepted += 1;
            self.report.by_tag_only += 1;
            let body = parse.get(5..).unwrap_or_default();
            let text = body.split(|byte| *byte == 0).nth(1).unwrap_or_default();
            let text = decode(text, play.session.connection.setting("client_encoding"));
            let statements = inspect(&text, reading, Bounds::default()).statements;
            self.understood(play, &text, &statements);
        }
        Ok(())
    }

    /// Takes note of a text that may have changed what names stand for.
    fn defined(&mut self, play: &mut Play, changes: bool) {
        if changes {
            self.catalogs.forget();
        }
        play.uncommitted = play.session.status != b'I' && (play.uncommitted || changes);
    }

    fn hold(
        &mut self,
        play: &mut Play,
        text: &str,
        statements: &[Arc<Statement>],
        answer: &Answer,
        observed: Option<&Observed>,
        aborted: bool,
    ) {
        if !self.understood(play, text, statements) {
            return;
        }
        if let Some(why) = compare::tags(statements, &answer.tags, aborted) {
            return self.find(play, Kind::Wrong, text, why);
        }
        let Some(observed) = observed else { return };
        let names = std::mem::take(&mut play.names);
        let said = Said::of(statements, &names);
        let why = self.behind(play, statements, &said, observed).or_else(|| self.missing(play, text, &said, observed));
        play.names = names;
        if let Some(why) = why {
            self.find(play, Kind::Wrong, text, why);
        }
    }

    /// What was locked or changed behind a view and is in no question.
    fn behind(&mut self, play: &mut Play, statements: &[Arc<Statement>], said: &Said<'_>, observed: &Observed) -> Option<String> {
        let reached = behind::reached(&mut play.side, said, observed);
        if reached.is_empty() {
            return None;
        }
        let known = !play.uncommitted && !said.unseen && !behind::redefines(statements);
        let catalog = if known { self.catalogs.of(self.server.port, &play.database).ok() } else { None };
        let Some(catalog) = catalog else {
            self.report.behind_unknown += reached.len();
            return None;
        };
        self.report.behind += reached.len();
        let questions = behind::questions(said, &catalog);
        reached.iter().find_map(|touched| behind::unasked(touched, &questions, said))
    }

    /// What the text names, was locked or changed and is in no access.
    fn missing(&mut self, play: &mut Play, text: &str, said: &Said<'_>, observed: &Observed) -> Option<String> {
        let mut missing = compare::missing(text, said, observed);
        if missing.is_empty() {
            return None;
        }
        let (reached, effects) = observe::related(&mut play.side, &said.names()).unwrap_or_default();
        let all = missing.len();
        // What is left is named outside of literals, so that functions and triggers are a poor excuse: they
        // count for nothing but rows that were changed or locked on top of what is read.
        missing.retain(|(oid, _, why)| !(reached.contains(oid) || (said.calls || effects) && why.contains("only read")));
        self.report.apart += all - missing.len();
        missing.into_iter().next().map(|(_, _, why)| why)
    }

    /// Whether all of it was understood; else that is a finding.
    fn understood(&mut self, play: &Play, text: &str, statements: &[Arc<Statement>]) -> bool {
        let Some(why) = statements.iter().find_map(|statement| statement.facts.unparsed.clone()) else { return true };
        let kind = if compare::ambiguous(&why) { Kind::Ambiguous } else { Kind::Unparsed };
        self.find(play, kind, text, why);
        false
    }

    fn find(&mut self, play: &Play, kind: Kind, text: &str, why: String) {
        let text = text.chars().take(200).collect();
        self.report.findings.push(Finding { kind, file: play.file.clone(), text, why });
    }
}

impl Play {
    fn reading(&self) -> Reading {
        let setting = self.session.connection.setting("standard_conforming_strings");
        Reading { standard_conforming_strings: setting.map(|value| value == "on"), exact: false }
    }

    /// Runs one Query, in a transaction of ours where none is open, and says what it did where that can be seen.
    fn run(&mut self, message: &[u8], following: &[Vec<u8>], text: &str) -> anyhow::Result<(Answer, Option<Observed>)> {
        if self.session.status == b'I' {
            self.held.clear();
            if !controls(text) {
                return self.wrapped(message, following);
            }
        }
        self.unreported = true;
        let before = self.session.status;
        let answer = self.session.exchange(message, following)?;
        // A transaction's first statements may have to come before any query: SET TRANSACTION.
        let quiet = before != b'T' || self.session.status != b'T' || answer.error.is_some() || controls(text);
        Ok(if quiet { (answer, None) } else { (answer, self.look()) })
    }

    fn wrapped(&mut self, message: &[u8], following: &[Vec<u8>]) -> anyhow::Result<(Answer, Option<Observed>)> {
        if std::mem::take(&mut self.unreported) {
            self.session.command("SELECT pg_catalog.pg_stat_force_next_flush()")?;
        }
        self.session.command("BEGIN")?;
        let mut answer = self.session.exchange(message, following)?;
        if let Some((code, _)) = &answer.error {
            let alone = ["25001", "2D000", "25P01", "0A000", "55000"].contains(&code.as_str());
            self.session.command("ROLLBACK")?;
            return Ok((if alone { self.session.exchange(message, following)? } else { answer }, None));
        }
        let observed = self.look();
        if observed.is_none() && self.session.status == b'E' {
            self.session.command("ROLLBACK")?;
            return Ok((self.session.exchange(message, following)?, None));
        }
        self.held.clear();
        if self.session.status != b'I' && !self.session.command("COMMIT")? {
            answer.error = Some(("40000".to_owned(), "its COMMIT failed".to_owned()));
        }
        Ok((answer, observed))
    }

    /// After a text that is not in the sample: what it holds and changed is not the next one's.
    fn passed(&mut self) {
        self.unreported = true;
        match self.session.status {
            b'T' => drop(self.look()),
            _ => self.held.clear(),
        }
    }

    fn look(&mut self) -> Option<Observed> {
        let now = observe::observe(&mut self.session, &mut self.side)?;
        let fresh = observe::difference(&self.held, &now);
        self.held = now;
        Some(fresh)
    }

    fn remember(&mut self, statements: Vec<Arc<Statement>>) {
        for name in statements.iter().flat_map(|statement| statement.names.clone()) {
            let key = (name.kind, name.name.to_string());
            match name.usage {
                Usage::Make(made) => drop(self.names.insert(key, *made)),
                Usage::Use => {}
                Usage::Drop => drop(self.names.remove(&key)),
                Usage::DropAll => self.names.retain(|(kind, _), _| *kind != name.kind),
            }
        }
    }
}

/// Whether a statement of `text` begins or ends a transaction, or belongs at the beginning of one.
fn controls(text: &str) -> bool {
    const WORDS: [&str; 13] = [
        "begin",
        "start",
        "commit",
        "end",
        "rollback",
        "abort",
        "savepoint",
        "release",
        "prepare",
        "set",
        "declare",
        "lock",
        "show",
    ];
    let word = |piece: &str| {
        piece.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default().to_ascii_lowercase()
    };
    let body = ["create", "do"].contains(&word(strip(text)).as_str());
    let pieces = text.split(';').take(if body { 1 } else { usize::MAX });
    pieces.map(strip).any(|piece| WORDS.contains(&word(piece).as_str()))
}

/// `text` without the comments and blanks that it begins with.
fn strip(text: &str) -> &str {
    let mut rest = text.trim_start();
    loop {
        let skipped = match (rest.strip_prefix("--"), rest.strip_prefix("/*")) {
            (Some(line), _) => line.split_once('\n').map_or("", |(_, rest)| rest),
            (None, Some(block)) => block.split_once("*/").map_or("", |(_, rest)| rest),
            (None, None) => return rest,
        };
        rest = skipped.trim_start();
    }
}

/// A text as the server reads it: in UTF-8, or each byte a character.
fn decode(bytes: &[u8], encoding: Option<&str>) -> String {
    match (std::str::from_utf8(bytes), encoding) {
        (Ok(text), _) => text.to_owned(),
        (Err(_), _) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_of_transactions_is_seen_in_any_place() {
        for text in ["BEGIN", "-- x\n/* y */ commit;", "select 1; rollback", "prepare transaction 'x'", "SET LOCAL x = 1"] {
            assert!(controls(text), "{text}");
        }
        for text in
            ["select 1", "create function f() returns int as $$ begin return 1; end; $$", "do $$ begin; end $$", "beginning"]
        {
            assert!(!controls(text), "{text}");
        }
    }
}
