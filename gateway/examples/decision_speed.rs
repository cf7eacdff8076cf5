//! `decision_speed [--json FILE]`: from an operation to its verdict, by the number of policies.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement, which says what it measured")]

#[path = "../tests/support/house.rs"]
mod house;
#[path = "../tests/support/standing.rs"]
mod standing;

use gateway_core::model::ids::{RunId, SessionId};
use gateway_core::policy::{Mode, PolicySet};
use gateway_core::protocol::{Directive, OperationId, OperationKind, Transaction};
use gateway_core::record::FrameBuffer;
use house::{House, principal, target};
use serde_json::{Value, json};
use standing::STANDING;
use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};
use weir::evidence::now;
use weir::session::enforce::{Answered, Ask, Enforcer, Limits, Verdict};
use weir::session::live::Session;

/// Statements that are measured, after a tenth of as many that are not.
const STATEMENTS: usize = 20_000;
/// The same of those that are wide.
const COLUMN_STATEMENTS: usize = 2_000;
/// Policies of each target.
const OF_A_TARGET: usize = 10;

/// Stack of a gateway's worker, in bytes: what fits it is read where it is asked about.
const STACK: usize = 16 << 20;

fn main() {
    std::thread::Builder::new().stack_size(STACK).spawn(all).unwrap().join().unwrap();
}

fn all() {
    let place = std::env::args().skip_while(|argument| argument != "--json").nth(1);
    let curve: Vec<Value> = [50, 500, 5_000].into_iter().map(|policies| measure(policies, STATEMENTS, statement)).collect();
    let columns: Vec<Value> = [5, 20, 80]
        .into_iter()
        .map(|columns| {
            let mut point = measure(50, COLUMN_STATEMENTS, |number| wide(columns, number));
            point["columns"] = json!(columns);
            point
        })
        .collect();
    let at = |policies: usize, name: &str| curve.iter().find(|point| point["policies"] == policies).unwrap()[name].clone();
    let report = json!({
        "decision_us": {
            "new_p99_50": at(50, "new_p99_us"), "new_p99_5000": at(5_000, "new_p99_us"),
            "verdict_p99_50": at(50, "verdict_p99_us"), "verdict_p99_5000": at(5_000, "verdict_p99_us"),
            "cached_p99": at(50, "cached_p99_us"),
        },
        "by_policies": curve,
        "by_columns": columns,
        "settings": {
            "statement": statement(0), "bytes": statement(0).len(), "statements": STATEMENTS,
            "wide": wide(5, 0), "wide_statements": COLUMN_STATEMENTS,
            "policies": format!("{OF_A_TARGET} of each target; all targets but one are not this session's, so that 5 000 policies are 500 targets"),
            "new": "read by both parsers, judged and written to the record's buffer; none was seen before",
            "verdict": "of the same, without the reading", "cached": "the same text for the third time, asked about and answered", "first_return": "the same for the second time",
        },
    });
    println!("{:#}", report["decision_us"]);
    if let Some(place) = place {
        std::fs::write(place, format!("{report:#}\n")).unwrap();
    }
}

/// What differs is no number, for which a text would be known.
fn statement(number: usize) -> String {
    format!(
        "SELECT o.id, o.total, c.name, c.city, o.state FROM orders o JOIN customers c ON c.id = o.customer_id \
         WHERE o.created_at > now() - interval '1 day' AND c.country IN ('DE', 'FR', 'NL') AND o.note = 'n{number:07}' LIMIT 50"
    )
}

/// One with so many columns.
fn wide(columns: usize, number: usize) -> String {
    let columns: Vec<String> = (0..columns).map(|column| format!("t.column_{column}")).collect();
    format!("SELECT {} FROM wide t WHERE t.note = 'n{number:07}'", columns.join(", "))
}

/// Ten policies for each target; the first is the session's own.
fn policies(count: usize) -> PolicySet {
    let mut text = String::new();
    for target in 0..count / OF_A_TARGET {
        let name = if target == 0 { "test".to_owned() } else { format!("target-{target}") };
        writeln!(
            text,
            "@id(\"reads-{target}\") permit (principal, action in [Action::\"connect\", Action::\"read\"], resource in Target::\"{name}\");"
        )
        .unwrap();
        for rule in 1..OF_A_TARGET {
            writeln!(
                text,
                "@id(\"rule-{target}-{rule}\") forbid (principal, action in Action::\"operation\", resource in Target::\"{name}\") \
                 when {{ context.verb == \"V{rule}\" || (principal has name && principal.name == \"job-{rule}\") }};"
            )
            .unwrap();
        }
    }
    PolicySet::load(vec![("a.cedar".to_owned(), text)]).unwrap()
}

fn measure(count: usize, statements: usize, statement: impl Fn(usize) -> String) -> Value {
    let began = Instant::now();
    let set = policies(count);
    let load_ms = began.elapsed().as_secs_f64() * 1e3;
    let address = "127.0.0.1:5432".parse().unwrap();
    let session = Arc::new(Session::new(SessionId::new(now(), 1), principal(RunId::new(now(), 1)), target(), address));
    let mut judge = Enforcer::new(Arc::new(House::of(set)), session, Mode::Enforce, Limits::default());
    let (mut new, mut verdict, mut first_return, mut cached) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut frames = FrameBuffer::default();
    for number in 0..statements + statements / 10 {
        let text = statement(number);
        let ask = |id: u64| Ask {
            id: OperationId(id),
            kind: OperationKind::Query,
            name: &b""[..],
            text: text.as_bytes(),
            parameters: None,
            standing: STANDING,
        };
        let began = Instant::now();
        assert!(judge.at_once(ask(3 * number as u64), &mut frames).is_none(), "it was never seen");
        let kept = ask(3 * number as u64).kept();
        let read = runtime.block_on(judge.read(&kept));
        let read_by = Instant::now();
        let answer = judge.verdict(&kept, read, None, &mut frames);
        let ended = Instant::now();
        assert!(matches!(answer, Verdict::Answer(Directive::Forward(_))), "{answer:?}");
        over(&mut judge, 3 * number as u64, &mut frames);
        // At its first return a statement is not quite known: how its decision is written is kept then.
        let [first, again] = [1, 2].map(|time| {
            let id = 3 * number as u64 + time;
            let began = Instant::now();
            let known = black_box(judge.at_once(ask(id), &mut frames));
            let again = began.elapsed();
            assert!(matches!(known, Some(Directive::Forward(_))), "{known:?}");
            over(&mut judge, id, &mut frames);
            again
        });
        // As in a session, whose writer empties it.
        frames.clear();
        if number >= statements / 10 {
            new.push(ended - began);
            verdict.push(ended - read_by);
            first_return.push(first);
            cached.push(again);
        }
    }
    let mut point = json!({ "policies": count, "load_ms": load_ms });
    for (name, mut times) in [("new", new), ("verdict", verdict), ("first_return", first_return), ("cached", cached)] {
        times.sort();
        for (part, percent) in [("p50", 50), ("p99", 99)] {
            let time = times.get(times.len() * percent / 100).copied().unwrap_or(Duration::MAX);
            point[format!("{name}_{part}_us")] = json!(time.as_nanos() as f64 / 1e3);
        }
    }
    println!("{point}");
    point
}

/// The server has run it.
fn over(judge: &mut Enforcer, id: u64, frames: &mut FrameBuffer) {
    judge.running(OperationId(id));
    judge.answered(OperationId(id), 0, Answered::Done(b"SELECT 1"), frames);
    judge.finished(OperationId(id));
    judge.ready(Transaction::Idle);
}
