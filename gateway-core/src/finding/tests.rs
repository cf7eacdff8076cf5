//! The shipped rules by their cases, what may be wrong with a file, and that the state has a limit and reads back.

use super::*;
use crate::event::{Context, Decision, Event, Statement, What};
use crate::model::ids::SessionId;
use proptest::prelude::*;

const SHIPPED: &str = include_str!("../../../policies/rules.toml");

fn rules(text: &str) -> Rules {
    Rules::read("r.toml", text).unwrap()
}

fn event(at: u64, workload: &str, rows: u64) -> Event {
    let session = SessionId::new(Timestamp(at), 1);
    let context = Context { workload: Some(workload.to_owned()), run: Some("r-1".to_owned()), ..Context::default() };
    let what = What::Statement(Box::new(Statement { rows, ..Statement::default() }));
    Event { uid: format!("{session}-{at}"), at: Timestamp(at), host: "h".to_owned(), session, context, what }
}

const DAY: u64 = 86_400_000_000_000;

#[test]
fn every_shipped_rule_finds_what_its_cases_say() {
    let shipped = rules(SHIPPED);
    let outcomes = run(&shipped, &cases("rules.toml", SHIPPED).unwrap());
    let failed: Vec<_> = outcomes.iter().filter_map(|of| of.problem.as_ref().map(|what| (&of.name, what))).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    for rule in &shipped.rules {
        let found = outcomes.iter().flat_map(|of| &of.found).find(|told| told.rule == rule.name);
        let told = found.unwrap_or_else(|| panic!("{} is found in no case", rule.name));
        assert!(!told.explain.seen.is_empty() && !told.explain.threshold.is_empty(), "{told:?}");
        assert_eq!((told.severity, told.then), (rule.severity, rule.then));
    }
}

#[test]
fn a_case_that_is_not_so_fails() {
    let text = format!(
        "{SHIPPED}\n[[case]]\nname = \"wrong\"\nevents = [{{ at = \"2026-01-01T02:00:00Z\", kind = \"opened\", workload = \"x\" }}]\nexpect = [{{ rule = \"off-hours\" }}]\n"
    );
    let outcomes = run(&rules(&text), &cases("rules.toml", &text).unwrap());
    let problems: Vec<_> = outcomes.iter().filter_map(|of| of.problem.as_deref()).collect();
    assert_eq!(problems, ["expected [off-hours of  () x1], found []"]);
}

#[test]
fn what_is_wrong_with_a_file_is_said() {
    for (text, expected) in [
        ("[[rule]]\nname = \"a\"\nkind = \"volume\"\nseverity = \"low\"", "rule \"a\": `of` has to be one of statements, rows"),
        ("[[rule]]\nname = \"a b\"\nkind = \"grade\"\nseverity = \"low\"", "its name has 1 to 64 letters"),
        ("[[rule]]\nname = \"a\"\nkind = \"count\"\nseverity = \"low\"", "`codes` is missing"),
        ("[[rule]]\nname = \"a\"\nkind = \"grade\"\nseverity = \"low\"\nvalues = [\"x\"]", "`values` does not go with its kind"),
        ("[[rule]]\nname = \"a\"\nkind = \"grade\"\nseverity = \"low\"\nwindow = \"1h\"", "`window` goes with count"),
        ("[[rule]]\nname = \"a\"\nkind = \"off_hours\"\nseverity = \"low\"\nthreshold = 5", "is a share"),
        ("[[rule]]\nname = \"a\"\nkind = \"grade\"\nseverity = \"low\"\nthreshold = nan", "numbers from 0 on"),
        ("learn = \"soon\"", "`learn` is a time"),
        ("learn = \"9999d\"", "`learn` is a time"),
        ("[[rule]]\nname = \"a\"\nkind = \"gradd\"\nseverity = \"low\"", "unknown variant `gradd`"),
        ("[[rule]]\nname = \"a\"\nkind = \"grade\"\nseverity = \"low\"\nwhen = { nme = [\"x\"] }", "unknown field `nme`"),
        (
            "[[rule]]\nname = \"a\"\nkind = \"grade\"\nseverity = \"low\"\n[[rule]]\nname = \"a\"\nkind = \"grade\"\nseverity = \"low\"",
            "two rules are named",
        ),
    ] {
        let problems = Rules::read("r.toml", text).unwrap_err();
        assert!(problems.iter().any(|problem| problem.to_string().contains(expected)), "{text}: {problems:?}");
    }
    let line = "learn = \"1d\"\n\n[[rule]]\nname = \"a\"\nkind = \"count\"\nseverity = \"low\"";
    assert_eq!(Rules::read("r.toml", line).unwrap_err()[0].line, Some(4));
    assert!(Rules::read("r.toml", "learn = \"1d\"\n[[rul").unwrap_err()[0].to_string().starts_with("r.toml:2: "));
    assert_eq!(Rules::read("r.toml", "learn = \"0s\"").unwrap().learn, std::time::Duration::ZERO);
    let two = "learn = \"x\"\n[[rule]]\nname = \"\"\nkind = \"count\"\nseverity = \"low\"";
    assert_eq!(Rules::read("r.toml", two).unwrap_err().len(), 3, "every problem at once");
}

#[test]
fn patterns_fit_as_people_read_them() {
    for (pattern, text, expected) in [
        ("*", "", true),
        ("a*c", "abbc", true),
        ("a*c", "abb", false),
        ("*.x", "a.X", true),
        ("a", "ab", false),
        ("ab", "a", false),
        ("*a*a*", "xaxax", true),
        ("*a*a*", "xax", false),
        ("a*a", "a", false),
        ("", "", true),
    ] {
        assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
    }
}

const COUNT: &str =
    "budget = 2\ngroup = \"1h\"\n[[rule]]\nname = \"ran\"\nkind = \"count\"\ncodes = [\"statement.done\"]\nseverity = \"low\"";

fn heard(engine: &mut Engine, at: u64, workload: &str) -> Vec<(String, String, u64)> {
    let mut told = Vec::new();
    engine.hear(&event(at, workload, 1), Timestamp(at), &mut |one| told.push((one.rule, one.workload, one.count)));
    told
}

fn is(rule: &str, workload: &str, count: u64) -> (String, String, u64) {
    (rule.to_owned(), workload.to_owned(), count)
}

#[test]
fn the_same_is_told_once_and_what_is_over_the_budget_in_one() {
    let engine = &mut Engine::new(rules(COUNT), State::default());
    let hour = 3_600_000_000_000;
    let at = 100 * DAY;
    assert_eq!(heard(engine, at, "a"), [is("ran", "a", 1)]);
    assert_eq!(heard(engine, at + 1, "a"), []);
    assert_eq!(heard(engine, at + 2, "b"), [is("ran", "b", 1)]);
    assert_eq!(heard(engine, at + 3, "c"), [], "the budget is used up");
    assert_eq!(heard(engine, at + 4, "d"), []);
    let mut told = Vec::new();
    engine.tick(Timestamp(at + hour + 5), &mut |one| told.push((one.rule, one.workload, one.count)));
    assert_eq!(told, [is("ran", "a", 2), is("over-budget", "", 2)]);
    assert_eq!(heard(engine, at + hour + 6, "c"), [is("ran", "c", 1)], "another hour");
}

#[test]
fn what_has_to_be_done_is_done_over_any_budget_and_once() {
    let text = COUNT.replace("budget = 2", "budget = 0") + "\nthen = \"kill\"";
    let engine = &mut Engine::new(rules(&text), State::default());
    let mut told = Vec::new();
    for at in [DAY, DAY + 1] {
        engine.hear(&event(at, "a", 1), Timestamp(at), &mut |one| told.push((one.then, one.count)));
    }
    engine.tick(Timestamp(2 * DAY), &mut |one| told.push((one.then, one.count)));
    assert_eq!(told, [(Then::Kill, 1), (Then::Tell, 2)]);
}

#[test]
fn what_is_snoozed_is_quiet_until_then() {
    let engine = &mut Engine::new(rules(COUNT), State::default());
    let until = Timestamp(DAY + 10);
    let snooze = |workload: &str| Snooze {
        rule: "ran".to_owned(),
        workload: workload.to_owned(),
        until,
        by: "ana".to_owned(),
        reason: "a migration".to_owned(),
        quiet: 0,
    };
    engine.snooze(vec![snooze("a"), snooze("x*")]);
    assert_eq!(heard(engine, DAY, "a"), []);
    assert_eq!(heard(engine, DAY + 1, "b"), [is("ran", "b", 1)]);
    engine.snooze(vec![snooze("a")]);
    assert_eq!(engine.snoozes(), [Snooze { quiet: 1, ..snooze("a") }]);
    assert_eq!(heard(engine, DAY + 10, "a"), [is("ran", "a", 1)], "it is over");
    assert_eq!(engine.snoozes(), []);
}

#[test]
fn it_does_not_hear_itself() {
    let text = COUNT.replace("statement.done", "*");
    let engine = &mut Engine::new(rules(&text), State::default());
    let own = What::Finding { name: "rule.ran".to_owned(), alert: None, fields: Value::Null };
    engine.hear(&Event { what: own, ..event(DAY, "a", 0) }, Timestamp(DAY), &mut |told| panic!("{told:?}"));
}

#[test]
fn what_it_brings_about_is_not_heard_and_a_gateways_own_record_is_no_session() {
    let text = COUNT.replace("statement.done", "*");
    let engine = &mut Engine::new(rules(&text), State::default());
    let control = |name: &str, by: &str| What::Control {
        number: 1,
        name: name.to_owned(),
        by: by.to_owned(),
        subject: "a-1".to_owned(),
        details: Value::Null,
        key: None,
        signature: None,
    };
    let own = Context { target: Some("weir".to_owned()), ..event(DAY, "gateway", 0).context };
    let mut told = Vec::new();
    let mut hear = |what: What, context: Context| {
        engine.hear(&Event { what, context, ..event(DAY, "", 0) }, Timestamp(DAY), &mut |one| told.push(one.subject));
    };
    let opened = What::Opened { decision: Decision::default() };
    for what in [control("finding.told", "weir"), control("snooze.set", "ana"), control("block.added", "weir"), opened] {
        hear(what, own.clone());
    }
    hear(control("block.added", "ana"), own);
    assert_eq!(told, ["ana"]);
}

#[test]
fn what_a_gateway_finds_about_a_run_is_told_of_whose_run_it_is() {
    let text = COUNT.replace("statement.done", "finding.left_its_job");
    let engine = &mut Engine::new(rules(&text), State::default());
    let own = Context { run: Some("r-9".to_owned()), target: Some("weir".to_owned()), ..event(DAY, "gateway", 0).context };
    let found = |of: &str| Event {
        what: What::Finding { name: "left_its_job".to_owned(), alert: None, fields: serde_json::json!({ "of": of }) },
        context: own.clone(),
        ..event(DAY, "", 0)
    };
    let mut told = Vec::new();
    let mut tell = |one: Told| told.push((one.workload, one.run.unwrap()));
    let begun = Event { what: What::Opened { decision: Decision::default() }, ..event(DAY, "backup", 0) };
    engine.hear(&begun, Timestamp(DAY), &mut tell);
    engine.hear(&found("r-1"), Timestamp(DAY), &mut tell);
    engine.hear(&found("r-7"), Timestamp(DAY), &mut tell);
    let is = |workload: &str, run: &str| (workload.to_owned(), run.to_owned());
    assert_eq!(told, [is("backup", "r-1"), is("r-7", "r-7")], "a run that had no session is nobody's");
}

#[test]
fn what_was_seen_survives_a_restart() {
    let text = SHIPPED;
    let events: Vec<_> =
        (0..12).map(|day| event(day * DAY, "backup", 50_000)).chain([event(12 * DAY, "backup", 5_000_000)]).collect();
    let mut whole = Engine::new(rules(text), State::default());
    let (mut at_once, mut in_parts) = (Vec::new(), Vec::new());
    events.iter().for_each(|event| whole.hear(event, event.at, &mut |told| at_once.push(told)));
    let mut kept = serde_json::to_string(&State::default()).unwrap();
    for event in &events {
        let mut engine = Engine::new(rules(text), serde_json::from_str(&kept).unwrap());
        engine.hear(event, event.at, &mut |told| in_parts.push(told));
        kept = serde_json::to_string(engine.state()).unwrap();
    }
    assert_eq!(at_once, in_parts);
    assert_eq!(at_once.len(), 1);
    let said = &at_once[0].explain;
    assert_eq!(said.seen, "5000000 rows at this hour of the day");
    assert_eq!(said.usual, "50000 ± 5000 rows at this hour of the day, of 12 samples");
    assert!(said.threshold.starts_with("from 80000 on"), "{said:?}");
    let fields = at_once[0].fields();
    assert_eq!((&fields["alert"], &fields["subject"], &fields["count"]), (&"high".into(), &"rows".into(), &1.into()));
    let named =
        |engine: &Engine, day: u64| engine.learning(Timestamp(day * DAY)).map(|(name, _)| name.to_owned()).collect::<Vec<_>>();
    assert_eq!((named(&whole, 6), named(&whole, 7)), (vec!["backup".to_owned()], vec![]));
}

#[test]
fn a_burst_does_not_become_usual_and_a_slow_rise_does() {
    let mut engine = Engine::new(rules(SHIPPED), State::default());
    let mut told = 0;
    let mut hear = |day: u64, rows: u64| {
        engine.hear(&event(day * DAY, "w", rows), Timestamp(day * DAY), &mut |_| told += 1);
        std::mem::take(&mut told)
    };
    (0..20).for_each(|day| assert_eq!(hear(day, 20_000), 0));
    assert_eq!(hear(20, 9_000_000), 1);
    assert_eq!(hear(21, 9_000_000), 1, "the day before has not made it usual");
    let mut engine = Engine::new(rules(SHIPPED), State::default());
    let mut rows = 20_000.0;
    for day in 0..200u64 {
        rows *= 1.02;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a test's number of rows")]
        let event = event(day * DAY, "w", rows as u64);
        engine.hear(&event, event.at, &mut |told| panic!("{told:?}"));
    }
}

fn any_event() -> impl Strategy<Value = Event> {
    let what = prop_oneof![
        (any::<u64>(), "[a-z]{0,3}").prop_map(|(rows, table)| What::Statement(Box::new(Statement {
            rows,
            bytes: rows,
            accesses: vec![format!("read {table}")],
            ..Statement::default()
        }))),
        Just(What::Opened { decision: Decision::default() }),
        "[a-z.]{0,9}".prop_map(|name| What::Finding { name, alert: None, fields: Value::Null }),
    ];
    (any::<u64>(), "[a-c]{0,1}", "[a-z]{0,4}", what).prop_map(|(at, workload, other, what)| {
        let context = Context {
            workload: Some(workload),
            target: Some(other.clone()),
            executable: Some(other.clone()),
            domain: Some(other.clone()),
            grade: Some(["claimed", "kernel", "attested", ""][other.len() % 4].to_owned()),
            ..Context::default()
        };
        Event { context, what, ..event(at, "", 0) }
    })
}

/// The same but for the last digits of what has a fraction.
fn alike(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            let (one, other) = (one.as_f64().unwrap(), other.as_f64().unwrap());
            (one - other).abs() <= one.abs() * 1e-12
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| alike(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len() && one.iter().all(|(name, one)| other.get(name).is_some_and(|other| alike(one, other)))
        }
        (one, other) => one == other,
    }
}

proptest! {
    #[test]
    fn no_event_makes_it_fall_and_its_state_reads_back(events in prop::collection::vec(any_event(), 0..200)) {
        let text = SHIPPED.replace("learn = \"7d\"", "learn = \"1s\"");
        let mut engine = Engine::new(rules(&text), State::default());
        for event in &events {
            engine.hear(event, event.at, &mut |told| assert!(told.sentence().len() < 4096));
        }
        let kept = serde_json::to_string(engine.state()).unwrap();
        let read: State = serde_json::from_str(&kept).unwrap();
        prop_assert!(alike(&serde_json::to_value(&read).unwrap(), &serde_json::to_value(engine.state()).unwrap()));
    }
}

#[test]
fn what_is_remembered_has_a_limit() {
    let mut engine = Engine::new(rules(SHIPPED), State::default());
    for number in 0..3000u64 {
        let mut event = event(number * 1000, &format!("w{number}"), 1);
        event.context.environment = Some("production".to_owned());
        engine.hear(&event, event.at, &mut |_| {});
        let mut other = Event { context: Context { workload: Some("one".to_owned()), ..event.context.clone() }, ..event };
        let access = format!("read public.t{number}");
        other.what = What::Statement(Box::new(Statement { accesses: vec![access], ..Statement::default() }));
        engine.hear(&other, other.at, &mut |_| {});
    }
    assert_eq!(engine.state().workloads().count(), 1024);
    assert!(engine.state().since("one").is_some(), "who is seen again and again stays");
    assert!(serde_json::to_string(engine.state()).unwrap().len() < 8 << 20);
}
