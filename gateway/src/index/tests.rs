//! Pages are held against looking at everything; records against what their own summaries say.

use super::*;
use crate::evidence::{self, EvidenceSettings, State, Store, Summary};
use gateway_core::model::ids::{RunId, SessionId};
use gateway_core::model::time::Timestamp;
use gateway_core::record::body::write_statement;
use gateway_core::record::{FrameBuffer, FrameKind};
use serde_json::json;
use std::time::{Duration, Instant};

const WORKLOADS: [&str; 5] = ["nightly-backup", "etl/orders", "etl/customers", "report", "migrate"];
const TARGETS: [&str; 3] = ["prod-pg", "stage-pg", "10.0.0.7:443"];
const RELATIONS: [&str; 6] =
    ["public.customers", "public.orders", "app.ledger", "app.audit", "hr.salaries", "pg_catalog.pg_class"];
const REASONS: [&str; 3] = ["client_done", "killed", "Client broke: connection reset"];
/// Milliseconds since 1970 at which the first session begins.
const BEGIN: u64 = 1_790_000_000_000;

/// Numbers that look random and are the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % most
    }
}

/// Sessions a second apart, each with a few things.
fn made(count: u64) -> Vec<Tally> {
    let mut chance = Chance(7);
    let one = |number: u64| {
        let at = Timestamp((BEGIN + number * 1000) * 1_000_000);
        let mut tally = Tally::new(SessionId::new(at, u32::try_from(number % 7).unwrap()), false);
        let workload = WORKLOADS[chance.below(WORKLOADS.len())];
        let target = TARGETS[chance.below(100) % TARGETS.len()];
        let run = RunId::new(Timestamp((BEGIN + number / 4 * 4000) * 1_000_000), 1);
        let summary = &mut tally.summary;
        summary.workload = Some(format!("spiffe://acme.example/unit/{workload}"));
        summary.name = (workload == "report").then(|| "the-report".to_owned());
        summary.owner = Some(format!("{}@acme.example", ["ana", "bo", "cy"][chance.below(3)]));
        (summary.target, summary.original) = (Some(target.to_owned()), Some("10.0.0.7:5432".to_owned()));
        summary.run = Some(run.to_string());
        summary.state = [State::Ended, State::Ended, State::Ended, State::Live, State::Damaged][chance.below(5)];
        summary.reason = (summary.state == State::Ended).then(|| REASONS[chance.below(3)].to_owned());
        (summary.rows, summary.frames) = (number, 3);
        tally.run = Some(run);
        tally.profile = Profile {
            of: Some(Of::Session),
            workload: summary.workload.clone(),
            name: summary.name.clone(),
            owner: summary.owner.clone(),
            target: summary.target.clone(),
            ..Profile::default()
        };
        let things = (0..chance.below(3)).map(|_| (Kind::Object, RELATIONS[chance.below(RELATIONS.len())].to_owned()));
        let things =
            things.collect::<Vec<_>>().into_iter().chain(tally.summary.reason.clone().map(|reason| (Kind::Reason, reason)));
        for (kind, thing) in things {
            tally.deeds.insert(Deed { kind, thing, verb: Verb::Read, outcome: Outcome::Allowed }, Counts { count: 1, rows: 1 });
        }
        tally
    };
    (0..count).map(one).collect()
}

/// What a page should hold: everything is looked at.
fn expected(tallies: &[Tally], query: &Query) -> Vec<SessionId> {
    let is = |wanted: &Option<String>, found: &Option<String>| wanted.is_none() || wanted == found;
    let fits = |tally: &&Tally| {
        let summary = &tally.summary;
        let texts: Vec<_> = [&summary.workload, &summary.name, &summary.owner, &summary.target]
            .into_iter()
            .flatten()
            .chain(tally.deeds.keys().map(|deed| &deed.thing))
            .map(|text| text.to_lowercase())
            .collect();
        let has = |word: &str| {
            let begins = |id: &str| word.len() >= 8 && id.starts_with(word);
            begins(&summary.session.to_string())
                || summary.run.as_deref().is_some_and(begins)
                || texts.iter().any(|text| text.contains(&word.to_lowercase()))
        };
        let names = [&summary.workload, &summary.name];
        query.search.iter().flat_map(|text| text.split_whitespace()).all(has)
            && query.workload.as_ref().is_none_or(|part| names.into_iter().flatten().any(|name| name.contains(part.as_str())))
            && is(&query.target, &summary.target)
            && is(&query.owner, &summary.owner)
            && is(&query.run, &summary.run)
            && query.state.is_none_or(|state| state == summary.state)
            && query.since.is_none_or(|since| summary.session.made_at() >= since)
            && query.until.is_none_or(|until| summary.session.made_at() <= until)
    };
    let mut found: Vec<_> = tallies.iter().filter(fits).map(|tally| tally.summary.session).collect();
    found.sort_by(|one, other| other.cmp(one));
    found
}

/// All pages of it.
fn pages(index: &Index, query: &Query, may: &May<'_>) -> Vec<SessionId> {
    let (mut found, mut query) = (Vec::new(), query.clone());
    loop {
        let page = index.page(&query, may).unwrap().expect("the index is whole");
        assert!(page.sessions.len() <= query.limit);
        found.extend(page.sessions.iter().map(|summary| summary.session));
        query.before = page.next;
        if page.next.is_none() {
            return found;
        }
        assert_eq!(page.sessions.len(), query.limit, "only the last page is short");
    }
}

#[test]
fn a_page_has_what_looking_at_everything_finds() {
    let folder = tempfile::tempdir().unwrap();
    let tallies = made(1500);
    fill(folder.path(), tallies.iter().cloned()).unwrap();
    let index = Index::new(folder.path());
    let text = |text: &str| Some(text.to_owned());
    let at = |seconds: u64| Some(Timestamp((BEGIN + seconds * 1000) * 1_000_000));
    let run = tallies[700].summary.run.clone();
    let session = tallies[701].summary.session.to_string();
    let search = |words: &str| Query { search: text(words), ..Query::default() };
    let queries = [
        Query::default(),
        search("nightly"),
        search("NIGHTLY customers"),
        search("customers"),
        search("salaries killed prod"),
        search("ana@acme"),
        search("pg"),
        search("\"quoted"),
        search("nothing-has-this"),
        search("hr.salaries app.ledger"),
        search(&session),
        search(&session[..12]),
        search(&run.as_deref().unwrap_or_default()[..13]),
        search("the-report connection"),
        search("10.0.0.7:443"),
        search("%_*' OR 1=1"),
        Query { workload: text("etl/"), ..Query::default() },
        Query { workload: text("the-rep"), target: text("prod-pg"), ..search("orders") },
        Query { target: text("stage-pg"), owner: text("bo@acme.example"), ..Query::default() },
        Query { target: text("nowhere"), ..Query::default() },
        Query { run: run.clone(), ..Query::default() },
        Query { run, target: text("prod-pg"), ..Query::default() },
        Query { run: text("no id"), ..Query::default() },
        Query { state: Some(State::Live), ..search("backup") },
        Query { state: Some(State::Damaged), ..Query::default() },
        Query { state: Some(State::Unclosed), ..Query::default() },
        Query { state: Some(State::Ended), workload: text("migrate"), ..Query::default() },
        Query { since: at(300), until: at(420), ..Query::default() },
        Query { since: at(1490), ..search("report") },
        Query { since: at(5000), ..Query::default() },
        Query { since: at(20), until: at(10), ..Query::default() },
    ];
    let mut hits = 0;
    for query in queries {
        for limit in [1, 7, 2000] {
            let query = Query { limit, ..query.clone() };
            let query = if limit == 1 && query.search.is_none() { Query { limit: 50, ..query } } else { query };
            let wanted = expected(&tallies, &Query { run: query.run.clone(), ..query.clone() });
            hits += wanted.len();
            assert_eq!(pages(&index, &query, &|_, _, _| true), wanted, "{query:?}");
        }
    }
    assert!(hits > 5_000, "the queries find something: {hits}");
    // Who may see a part sees that part, on whole pages.
    let only = |target: Option<&str>, workload: Option<&str>, _name: Option<&str>| {
        target == Some("prod-pg") && workload.is_some_and(|workload| workload.contains("etl"))
    };
    let query = Query { limit: 9, ..Query::default() };
    let mut wanted = expected(&tallies, &Query { target: text("prod-pg"), workload: text("etl"), ..query.clone() });
    assert_eq!(pages(&index, &query, &only), wanted);
    wanted.retain(|session| {
        tallies
            .iter()
            .any(|tally| tally.summary.session == *session && tally.deeds.keys().any(|deed| deed.thing.contains("orders")))
    });
    assert_eq!(pages(&index, &Query { search: text("public.orders"), ..query }, &only), wanted);
}

#[test]
fn a_session_that_is_kept_again_is_there_once_and_one_that_is_removed_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let tallies = made(40);
    // As whom each connects is known a moment later.
    let before = tallies.iter().cloned().map(|mut tally| {
        tally.profile.login = Some("x".to_owned());
        tally
    });
    fill(folder.path(), before.chain(tallies.iter().cloned()).chain(tallies.iter().cloned())).unwrap();
    let index = Index::new(folder.path());
    let query = Query { limit: 100, search: Some("public".to_owned()), ..Query::default() };
    let all = expected(&tallies, &query);
    assert_eq!(pages(&index, &query, &|_, _, _| true), all);
    let connection = schema::write(folder.path()).unwrap();
    write::remove(&connection, all[1]).unwrap();
    let left: Vec<_> = all.iter().copied().filter(|session| *session != all[1]).collect();
    assert_eq!(pages(&index, &query, &|_, _, _| true), left);
    let count = |text: &str| connection.query_row(text, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT sum(count) FROM profile"), 39);
    assert_eq!(count("SELECT count(*) FROM session"), 39);
    assert_eq!(count("SELECT sum(count) FROM seen"), count("SELECT count(*) FROM link"));
}

/// Begins the record of a session that reads a relation.
fn begin(store: &Store, number: u64) -> evidence::Recorder {
    let at = Timestamp(evidence::now().0 - 60_000_000_000 + number * 1_000_000_000);
    let (session, run) = (SessionId::new(at, 3), RunId::new(at, 5));
    let opened = json!({
        "session": session, "run": run, "original": "10.0.0.7:5432", "client": "10.0.0.1:4",
        "principal": { "workload": "spiffe://acme.example/unit/backup", "grade": "kernel", "process": { "uid": 7 } },
        "target": { "name": "prod-pg", "environment": null, "protocol": "postgres" },
        "decision": { "outcome": "allow", "set_hash": "abc" },
    });
    let recorder = store.begin(session, run, &opened).unwrap();
    let mut frames = FrameBuffer::default();
    frames.push_json(evidence::now(), FrameKind::Note, &json!({ "what": "startup", "user": "app", "database": "shop" }));
    let decision = json!({ "operation": 1, "part": 0, "outcome": "allow", "accesses": ["read public.customers"] });
    frames.push_json(evidence::now(), FrameKind::Decision, &decision);
    frames.push(evidence::now(), FrameKind::Statement, |body| write_statement(1, b'Q', b"SELECT * FROM customers", body));
    frames.push(evidence::now(), FrameKind::Completed, |body| {
        body.extend_from_slice(&1u64.to_le_bytes());
        body.extend_from_slice(&42u64.to_le_bytes());
        body.extend_from_slice(&1000u64.to_le_bytes());
        body.extend_from_slice(b"SELECT 42");
    });
    recorder.submit(&mut frames).unwrap();
    recorder
}

fn text(summaries: &[Summary]) -> String {
    serde_json::to_string_pretty(summaries).unwrap()
}

/// Waits until the index says so.
#[track_caller]
fn until(index: &Index, what: &str, holds: impl Fn(&[Summary]) -> bool) -> Vec<Summary> {
    let begun = Instant::now();
    let query = Query { limit: 100, ..Query::default() };
    loop {
        index.freshen();
        let found = index.page(&query, &|_, _, _| true).unwrap().map(|page| page.sessions);
        if let Some(found) = found.clone().filter(|found| holds(found)) {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}: {found:#?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test]
async fn an_indexed_record_says_what_its_own_summary_says() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), EvidenceSettings::default()).unwrap();
    let live = begin(&store, 0);
    for number in 1..5 {
        begin(&store, number).close(&json!({ "reason": "client_done", "rows": 42, "masked_rows": 3 })).await.unwrap();
    }
    let damaged = begin(&store, 5);
    let broken = damaged.session();
    damaged.close(&json!({ "reason": "client_done" })).await.unwrap();
    let file = evidence::files::segment(folder.path(), broken, 0);
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes.iter_mut().skip(middle).for_each(|byte| *byte = 0xff);
    std::fs::write(&file, bytes).unwrap();
    let index = open_fresh(folder.path(), &mut |_| {}).unwrap();
    let query = Query { limit: 100, ..Query::default() };
    let page = |index: &Index| index.page(&query, &|_, _, _| true).unwrap().unwrap().sessions;
    let own = || {
        let mut own = evidence::index(folder.path()).unwrap();
        own.reverse();
        own
    };
    assert_eq!(text(&page(&index)), text(&own()));
    // What is not over is looked at again, and what is gone is forgotten.
    live.close(&json!({ "reason": "killed" })).await.unwrap();
    std::fs::remove_file(&file).unwrap();
    let index = open_fresh(folder.path(), &mut |_| {}).unwrap();
    assert_eq!(text(&page(&index)), text(&own()));
    assert_eq!(page(&index).len(), 5);
    let logins = index.logins(None).unwrap().unwrap();
    assert_eq!((logins.len(), logins[0].user.as_deref(), logins[0].uses[0].sessions), (1, Some("app"), 5));
}

#[tokio::test]
async fn the_indexer_follows_what_is_recorded_and_makes_a_damaged_index_anew() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), EvidenceSettings::default()).unwrap();
    begin(&store, 0).close(&json!({ "reason": "client_done" })).await.unwrap();
    let (leads, waits) = (Indexer::start(folder.path()).unwrap(), Indexer::start(folder.path()).unwrap());
    let index = Index::new(folder.path());
    until(&index, "what was there", |found| found.len() == 1);
    let second = begin(&store, 1);
    let found = until(&index, "a live one", |found| found.len() == 2 && found[0].statements == 1);
    assert_eq!((found[0].state, found[0].session, found[0].rows), (State::Live, second.session(), 42));
    second.close(&json!({ "reason": "killed" })).await.unwrap();
    until(&index, "its end", |found| found[0].reason.as_deref() == Some("killed"));
    std::fs::remove_file(evidence::files::segment(folder.path(), found[1].session, 0)).unwrap();
    until(&index, "one that is removed", |found| found.len() == 1);
    // A reader asks for another, as `weir audit reindex` does.
    assert_eq!(reindex(folder.path(), &mut |_| {}).unwrap(), 1);
    leads.end();
    waits.end();
    // What is damaged is made anew by whoever may.
    for damage in [
        &b"no database at all, and longer than a header of one is: ............................................................."
            [..],
        b"",
    ] {
        std::fs::write(schema::path(folder.path()), damage).unwrap();
        for beside in ["index.db-wal", "index.db-shm"] {
            std::fs::remove_file(folder.path().join(beside)).ok();
        }
        assert!(Index::new(folder.path()).page(&Query::default(), &|_, _, _| true).unwrap().is_none());
        let index = open_fresh(folder.path(), &mut |_| {}).unwrap();
        until(&index, "one that is made anew", |found| found.len() == 1);
    }
}
