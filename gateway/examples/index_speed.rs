//! `index_speed [--sessions N] [--json FILE]`: fills an index with made sessions, and measures how long it takes to list and
//! search them. `cargo xtask bench evidence` runs it.

#![expect(clippy::print_stdout, reason = "it tells its figures")]

use clap::Parser;
use gateway_core::model::ids::{RunId, SessionId};
use gateway_core::model::time::Timestamp;
use serde_json::json;
use std::path::PathBuf;
use std::time::Instant;
use weir::evidence::State;
use weir::index::{Counts, Deed, Index, Kind, Of, Outcome, Profile, Query, Tally, Verb, fill};

/// Milliseconds since 1970 at which the first session begins: fifty of them a minute from there.
const BEGIN: u64 = 1_780_000_000_000;
const APART: u64 = 1_200;

/// Lists and searches in an index of made sessions.
#[derive(Parser)]
struct Arguments {
    /// How many sessions.
    #[arg(long, default_value_t = 1_000_000)]
    sessions: u64,
    /// How often each question is asked.
    #[arg(long, default_value_t = 20)]
    rounds: usize,
    /// Where the report goes.
    #[arg(long)]
    json: Option<PathBuf>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let folder = tempfile::tempdir()?;
    let begun = Instant::now();
    fill(folder.path(), (0..arguments.sessions).map(made))?;
    let filled = begun.elapsed();
    let bytes = std::fs::metadata(folder.path().join("index.db"))?.len();
    let index = Index::new(folder.path());
    let mut lists = Vec::new();
    let mut searches = Vec::new();
    let mut all = Vec::new();
    for (name, query) in questions(arguments.sessions) {
        let (took, found) = ask(&index, &query, arguments.rounds)?;
        println!("{name:<44} {:>8.2} ms, at worst {:>8.2} ms, {found} found", took.median, took.worst);
        all.push(json!({ "question": name, "p50_ms": took.median, "worst_ms": took.worst, "found": found }));
        if query.search.is_some() { &mut searches } else { &mut lists }.push(took);
    }
    let report = json!({
        "sessions": arguments.sessions,
        "fill_s": filled.as_secs_f64(),
        "index_bytes": bytes,
        "list_1m_ms": worst(&lists).worst,
        "search_1m_ms": worst(&searches).worst,
        "list_1m_p50_ms": worst(&lists).median,
        "search_1m_p50_ms": worst(&searches).median,
        "questions": all,
    });
    println!("{} sessions, {:.0} s to fill, {} MiB", arguments.sessions, filled.as_secs_f64(), bytes >> 20);
    println!("list: {:.1} ms at worst; search: {:.1} ms at worst", worst(&lists).worst, worst(&searches).worst);
    if let Some(file) = arguments.json {
        std::fs::write(file, format!("{report:#}\n"))?;
    }
    Ok(())
}

/// How long a question takes, in milliseconds.
struct Took {
    median: f64,
    worst: f64,
}

fn ask(index: &Index, query: &Query, rounds: usize) -> Result<(Took, usize), Box<dyn std::error::Error>> {
    let mut times = Vec::new();
    let mut found = 0;
    for _ in 0..rounds.max(1) {
        let begun = Instant::now();
        found = index.page(query, &|_, _, _| true)?.ok_or("the index is not whole")?.sessions.len();
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    let at = |place: usize| times.get(place).copied().unwrap_or_default();
    Ok((Took { median: at(times.len() / 2), worst: at(times.len() - 1) }, found))
}

/// The median of the slowest question, and what the slowest answer of all took.
fn worst(all: &[Took]) -> Took {
    let most = |of: fn(&Took) -> f64| all.iter().map(of).fold(0.0, f64::max);
    Took { median: most(|took| took.median), worst: most(|took| took.worst) }
}

fn questions(sessions: u64) -> Vec<(&'static str, Query)> {
    let page = || Query { limit: 50, of: vec![Of::Session], ..Query::default() };
    let text = |text: &str| Some(text.to_owned());
    let search = |words: &str| Query { search: text(words), ..page() };
    // So many ten thousandths of what is there.
    let at = |share: u64| {
        let number = sessions * share / 10_000;
        (Timestamp((BEGIN + number * APART) * 1_000_000), SessionId::new(Timestamp((BEGIN + number * APART) * 1_000_000), 0))
    };
    let run = Some(RunId::new(Timestamp((BEGIN + sessions / 2 / 4 * 4 * APART) * 1_000_000), 1).to_string());
    vec![
        ("the newest", page()),
        ("a page in the middle", Query { before: Some(at(5_000).1), ..page() }),
        ("the oldest page", Query { before: Some(at(10).1), ..page() }),
        ("one workload of 400", Query { workload: text("/job-17"), ..page() }),
        ("a part of many workloads", Query { workload: text("team-3"), ..page() }),
        ("a workload that was retired long ago", Query { workload: text("retired"), ..page() }),
        ("one target", Query { target: text("prod-pg-3"), ..page() }),
        (
            "one target, an owner, in the middle",
            Query { target: text("prod-pg-3"), owner: text("person-7@acme.example"), before: Some(at(5_000).1), ..page() },
        ),
        (
            "a target and a workload that never met",
            Query { target: text("prod-pg-3"), workload: text("job-1/nothing"), ..page() },
        ),
        ("a run", Query { run: run.clone(), ..page() }),
        ("live ones", Query { state: Some(State::Live), ..page() }),
        ("damaged ones", Query { state: Some(State::Damaged), ..page() }),
        (
            "ended ones of an hour long ago",
            Query { state: Some(State::Ended), since: Some(at(2_000).0), until: Some(at(2_003).0), ..page() },
        ),
        ("search: a frequent name", search("prod")),
        ("search: a part of a frequent name", search("rod-p")),
        ("search: a rare relation", search("rare_table")),
        ("search: a frequent relation", search("public.table_1")),
        ("search: statements", search("select * from public.table_1")),
        ("search: a reason that is rare", search("connection reset by peer")),
        ("search: a reason that nearly all have", search("client_done")),
        ("search: nothing has it", search("no-such-thing-anywhere")),
        ("search: two letters", search("pg")),
        ("search: a run's id", search(run.as_deref().unwrap_or_default())),
        ("search: relation, team and owner", search("table_12 team-3 person-1")),
        ("search: two relations", search("table_12 table_47")),
        ("search: a rare relation of a frequent name", search("rare_table prod")),
        ("search: retired", search("retired")),
        ("search: on an old page", Query { before: Some(at(1_000).1), ..search("table_12") }),
        ("search: of one target", Query { target: text("prod-pg-5"), ..search("table_12") }),
    ]
}

/// A session: a few hundred workloads do what they do again and again, some are rare, one is retired.
fn made(number: u64) -> Tally {
    let at = Timestamp((BEGIN + number * APART) * 1_000_000);
    let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut below = |most: u64| {
        mixed ^= mixed >> 29;
        mixed = mixed.wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed >> 33) % most
    };
    let mut tally = Tally::new(SessionId::new(at, 0), false);
    let job = below(400);
    let retired = number < 20_000 && number.is_multiple_of(5);
    let workload = if retired {
        "spiffe://acme.example/host/old/unit/retired.service".to_owned()
    } else {
        format!("spiffe://acme.example/ci/github/acme/team-{}/job-{job}", job % 20)
    };
    let target = format!("prod-pg-{}", job % 12);
    let run = RunId::new(Timestamp((BEGIN + number / 4 * 4 * APART) * 1_000_000), 1);
    let reason = match below(1000) {
        0 => "Client broke: connection reset by peer",
        1..20 => "killed",
        _ => "client_done",
    };
    tally.run = Some(run);
    let summary = &mut tally.summary;
    summary.run = Some(run.to_string());
    summary.original = Some("10.0.0.7:5432".to_owned());
    summary.state = match below(100_000) {
        0 => State::Live,
        1..4 => State::Damaged,
        _ => State::Ended,
    };
    (summary.statements, summary.rows, summary.errors) = (below(50), below(10_000), below(3));
    (summary.frames, summary.bytes, summary.last) = (below(200), below(100_000), Timestamp(at.0 + below(60) * 1_000_000_000));
    tally.profile = Profile {
        of: Some(Of::Session),
        workload: Some(workload),
        owner: Some(format!("person-{}@acme.example", job % 60)),
        grade: Some("attested".to_owned()),
        uid: Some(1001),
        executable: Some(["/usr/bin/psql", "/usr/bin/python3.13"][usize::from(job % 2 == 0)].to_owned()),
        host: Some(format!("ci-{}", below(8))),
        target: Some(target),
        environment: Some("production".to_owned()),
        protocol: Some("postgres".to_owned()),
        user: Some(format!("app_{}", job % 5)),
        database: Some("shop".to_owned()),
        credential: Some(format!("env:PW_{}", job % 12)),
        login: Some(format!("app_{}", job % 5)),
        ..Profile::default()
    };
    let mut add = |kind, thing: String, verb, outcome| {
        tally.deeds.insert(Deed { kind, thing, verb, outcome }, Counts { count: 3, rows: 40 });
    };
    for _ in 0..below(4) {
        let table = below(60);
        add(Kind::Object, format!("public.table_{table}"), Verb::Read, Outcome::Allowed);
        add(Kind::Statement, format!("SELECT * FROM public.table_{table} WHERE id = ?"), Verb::Had, Outcome::Unasked);
    }
    if below(20_000) == 0 {
        add(Kind::Object, "hr.rare_table".to_owned(), Verb::Write, Outcome::Denied);
    }
    add(Kind::Reason, reason.to_owned(), Verb::Had, Outcome::Unasked);
    tally
}
