//! The judge over a house of its own: what it answers, what it records, what it kills.

mod holding;

use super::*;
use crate::catalog::Place;
use crate::session::totals::Totals;
use gateway_core::inspect::{
    Access, Action, Changes, CopyWith, Facts, NameKind, NameUse, Object, ObjectName, Statement, TransactionControl, Usage,
};
use gateway_core::model::ids::{RunId, SessionId};
use gateway_core::model::principal::{Grade, Principal, Process, WorkloadId};
use gateway_core::model::target::{ProtocolName, Target};
use gateway_core::protocol::Encoding;
use gateway_core::record::FrameKind;
use serde_json::Value;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A house where texts do what the test says, one statement each line.
#[derive(Default)]
struct Fake {
    set: Mutex<Option<Arc<PolicySet>>>,
    in_force: Mutex<Arc<InForce>>,
    mode: Mutex<Mode>,
    totals: Totals,
    cancelled: AtomicUsize,
    changed: AtomicUsize,
    /// The catalog can't be read.
    unreadable: AtomicUsize,
}

impl House for Fake {
    fn policy(&self) -> Arc<PolicySet> {
        let mut set = self.set.lock().unwrap();
        Arc::clone(set.get_or_insert_with(|| Arc::new(PolicySet::load(Vec::new()).unwrap())))
    }

    fn in_force(&self) -> Arc<InForce> {
        Arc::clone(&self.in_force.lock().unwrap())
    }

    fn has(&self, set: &Arc<PolicySet>, in_force: &Arc<InForce>) -> bool {
        Arc::ptr_eq(&self.policy(), set) && Arc::ptr_eq(&self.in_force(), in_force)
    }

    fn mode(&self, _session: &Session) -> Mode {
        *self.mode.lock().unwrap()
    }

    fn ask_people(&self, _session: &Arc<Session>, _request: &Request) -> (HoldId, Pending<Result<Hold, String>>) {
        (HoldId::from_number(1), Box::pin(std::future::ready(Err("nobody is there".to_owned()))))
    }

    fn totals(&self) -> &Totals {
        &self.totals
    }

    fn kill_run(&self, _run: RunId, _order: &KillOrder) {}

    fn cancel(&self, _session: &Arc<Session>) {
        self.cancelled.fetch_add(1, Ordering::Relaxed);
    }

    fn inspect(&self, text: Arc<str>, _reading: Reading) -> Pending<Arc<Inspection>> {
        let mut at = 0;
        let statements = text.split_inclusive(';').map(|piece| {
            let span = at..at + piece.len() - usize::from(piece.ends_with(';'));
            at += piece.len();
            Statement { span, ..statement(piece.trim_end_matches(';').trim()) }
        });
        let inspection = Arc::new(Inspection { statements: statements.map(Arc::new).collect(), cross_checked: true });
        Box::pin(std::future::ready(inspection))
    }

    fn inspected(&self, _text: &str, _reading: Reading) -> Option<Arc<Inspection>> {
        None
    }

    fn catalog_now(&self, _session: &Session, _database: &str) -> Option<Option<Arc<Catalog>>> {
        (self.unreadable.load(Ordering::Relaxed) == 0).then_some(None)
    }

    fn catalog(&self, _session: &Arc<Session>, _database: &str) -> Pending<Result<Option<Arc<Catalog>>, String>> {
        let catalog = if self.unreadable.load(Ordering::Relaxed) > 0 { Err("no route".to_owned()) } else { Ok(None) };
        Box::pin(std::future::ready(catalog))
    }

    fn place(&self, session: &Session, database: &str) -> Place {
        Place { address: session.address, database: database.into(), columns: false }
    }

    fn catalog_changed(&self, _session: &Session, _database: &str) {
        self.changed.fetch_add(1, Ordering::Relaxed);
    }
}

fn statement(text: &str) -> Statement {
    let access = |action, name| Access::new(action, Object::Relation(ObjectName::within("public", name)));
    let named = |command, usage, name: &str| Statement {
        command,
        names: vec![NameUse { kind: NameKind::Prepared, usage, name: name.into(), span: 0..0 }],
        ..Statement::default()
    };
    let ended = Changes { schema: true, ..Changes::default() };
    let free = |command, transaction| Statement {
        command,
        transaction: Some(transaction),
        changes: if transaction == TransactionControl::Begin { Changes::default() } else { ended },
        ..Statement::default()
    };
    match text.split_once(' ').unwrap_or((text, "")) {
        ("BEGIN", _) => free("BEGIN", TransactionControl::Begin),
        ("COMMIT", _) => free("COMMIT", TransactionControl::Commit),
        ("SELECT", name) => Statement { command: "SELECT", accesses: vec![access(Action::Read, name)], ..Statement::default() },
        ("UPDATE", name) => Statement {
            command: "UPDATE",
            accesses: vec![access(Action::Write, name)],
            facts: Facts { no_where: true, ..Facts::default() },
            ..Statement::default()
        },
        ("COPY", name) => Statement {
            command: "COPY",
            accesses: vec![access(Action::Write, name)],
            facts: Facts { copy: Some(CopyWith::Stdin), ..Facts::default() },
            ..Statement::default()
        },
        ("EXECUTE", name) => named("EXECUTE", Usage::Use, name),
        ("PREPARE", name) => named("PREPARE", Usage::Make(Box::new(statement("SELECT users"))), name),
        _ => Statement::unparsed(text.len(), "the test does not know it"),
    }
}

fn session() -> Arc<Session> {
    let principal = Principal {
        workload: WorkloadId("spiffe://test/w".to_owned()),
        name: None,
        owner: None,
        grade: Grade::Kernel,
        run: RunId::from_number(7),
        process: Process::default(),
        claims: None,
        attested: None,
        attestation_failure: None,
        person: None,
    };
    let target = Target { name: "prod-pg".to_owned(), environment: None, protocol: ProtocolName::Postgres, configured: true };
    Arc::new(Session::new(SessionId::from_number(9), principal, target, ([127, 0, 0, 1], 5432).into()))
}

struct Bed {
    house: Arc<Fake>,
    judge: Enforcer,
    frames: FrameBuffer,
    next: u64,
}

impl Bed {
    fn new(mode: Mode, limits: Limits) -> Self {
        Self::at(Arc::new(Fake::default()), mode, limits)
    }

    fn at(house: Arc<Fake>, mode: Mode, limits: Limits) -> Self {
        *house.mode.lock().unwrap() = mode;
        let judge = Enforcer::new(Arc::<Fake>::clone(&house), session(), mode, limits);
        Self { house, judge, frames: FrameBuffer::default(), next: 0 }
    }

    /// Asks about a text, settled or not, and gives the answer.
    async fn ask(&mut self, kind: OperationKind, text: &[u8], settled: bool) -> Directive {
        self.next += 1;
        self.ask_as(self.next, kind, text, settled).await
    }

    async fn ask_as(&mut self, id: u64, kind: OperationKind, text: &[u8], settled: bool) -> Directive {
        self.ask_in(Transaction::Idle, id, kind, text, settled).await
    }

    async fn ask_in(&mut self, transaction: Transaction, id: u64, kind: OperationKind, text: &[u8], settled: bool) -> Directive {
        let standing = Standing { transaction, ..standing(settled) };
        let parameters = (kind != OperationKind::Execute).then(Vec::new);
        let ask = Ask { id: OperationId(id), kind, name: Vec::new(), text: text.to_vec(), parameters, standing };
        let read = self.judge.read(&ask).await;
        match self.judge.verdict(&ask, read, None, &mut self.frames) {
            Verdict::Answer(directive) => directive,
            Verdict::Hold(_) => panic!("it waits"),
            Verdict::Killed => panic!("killed"),
        }
    }

    /// The same, where all is known.
    fn at_once(&mut self, id: u64, kind: OperationKind) -> Option<Directive> {
        let ask = Ask { id: OperationId(id), kind, name: &b""[..], text: &b""[..], parameters: None, standing: standing(true) };
        self.judge.at_once(ask, &mut self.frames)
    }

    fn run(&mut self, id: u64, tag: &[u8]) {
        self.judge.running(OperationId(id));
        self.judge.answered(OperationId(id), 0, Answered::Done(tag), &mut self.frames);
        self.judge.finished(OperationId(id));
        self.judge.ready(Transaction::Idle);
    }

    /// The JSON frames so far.
    fn recorded(&mut self) -> Vec<Value> {
        let json = |(_, kind, body): (_, FrameKind, &[u8])| {
            assert!(matches!(kind, FrameKind::Decision | FrameKind::Note));
            serde_json::from_slice(body).unwrap()
        };
        self.frames.iter().map(json).collect()
    }

    fn finding(&mut self, kind: &str) -> Option<Value> {
        self.recorded().into_iter().find(|value| value["what"] == "finding" && value["kind"] == kind)
    }
}

const fn standing(settled: bool) -> Standing {
    Standing {
        transaction: Transaction::Idle,
        settled,
        settings_known: true,
        changed: false,
        standard_conforming_strings: true,
        encoding: Encoding::Latin1,
    }
}

fn refusal(directive: Directive) -> Refused {
    match directive {
        Directive::Refuse(refused) => *refused,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_refused_text_keeps_what_stands_before_and_says_what_was_refused() {
    let text = b"BEGIN; COMMIT /*\xe4*/; UPDATE users; COMMIT";
    let mut bed = Bed::new(Mode::Enforce, Limits::default());
    let refused = refusal(bed.ask(OperationKind::Query, text, true).await);
    assert_eq!((&text[..refused.keep], refused.statements), (&b"BEGIN; COMMIT /*\xe4*/;"[..], 2));
    let Refusal { code, message, detail, hint, position: _ } = refused.refusal;
    assert_eq!((code, message.as_str()), ("42501", "weir refused UPDATE without WHERE on prod-pg"));
    let session = SessionId::from_number(9);
    assert!(detail.ends_with(&format!(", run {}, session {session}", RunId::from_number(7))), "{detail}");
    assert_eq!(hint, format!("weir why {session}/1"));
    let recorded = bed.recorded();
    let decision = recorded.iter().find(|value| value["part"] == 2 && value["outcome"] == "deny").unwrap();
    assert_eq!(
        (&decision["command"], &decision["would_refuse"], &decision["no_where"]),
        (&"UPDATE".into(), &false.into(), &true.into())
    );
    assert_eq!(decision["asked"], "query");
    for kind in [OperationKind::Prepare, OperationKind::FunctionCall] {
        let refused = refusal(bed.ask(kind, b"4711", true).await);
        assert_eq!((refused.keep, refused.statements), (0, 0));
    }
}

#[tokio::test]
async fn observe_forwards_and_marks() {
    let mut bed = Bed::new(Mode::Observe, Limits::default());
    assert_eq!(bed.ask(OperationKind::Query, b"UPDATE users", true).await, Directive::Forward(Pass::default()));
    let recorded = bed.recorded();
    assert!(recorded.iter().any(|value| value["would_refuse"] == true && value["mode"] == "observe"), "{recorded:?}");
    let opaque = bed.ask(OperationKind::Query, b"no one knows", true).await;
    assert_eq!(opaque, Directive::Forward(Pass { changes: true, code: true, ..Pass::default() }));
}

#[tokio::test]
async fn what_was_allowed_goes_on_at_once_until_a_total_the_set_or_the_catalog_is_another() {
    let quota = "@id(\"allow-all\") permit (principal, action, resource);
        @id(\"quota\") forbid (principal, action == Action::\"read\", resource) when { context.session.statements > 3 };";
    let set = |text: &str| Arc::new(PolicySet::load(vec![("a.cedar".to_owned(), text.to_owned())]).unwrap());
    let house = Arc::new(Fake::default());
    *house.set.lock().unwrap() = Some(set(quota));
    let mut bed = Bed::at(house, Mode::Enforce, Limits::default());
    assert!(bed.at_once(1, OperationKind::Execute).is_none(), "nobody knows what it is");
    assert!(matches!(bed.ask_as(1, OperationKind::Prepare, b"SELECT users", true).await, Directive::Forward(_)));
    bed.judge.answered(OperationId(1), 0, Answered::Prepared, &mut bed.frames);
    let decisions = bed.recorded().len();
    for _ in 0..2 {
        assert!(bed.at_once(1, OperationKind::Execute).is_some());
        bed.run(1, b"SELECT 1");
    }
    assert_eq!(bed.recorded().len(), decisions, "the same decision is written once");
    bed.house.unreadable.store(1, Ordering::Relaxed);
    assert!(bed.at_once(1, OperationKind::Execute).is_none(), "the catalog has to be read first");
    bed.house.unreadable.store(0, Ordering::Relaxed);
    assert!(bed.at_once(1, OperationKind::Execute).is_some());
    bed.run(1, b"SELECT 1");
    assert!(bed.at_once(1, OperationKind::Execute).is_none(), "it is the fourth");
    refusal(bed.ask_as(1, OperationKind::Execute, b"SELECT users", true).await);
    let deny = |bed: &mut Bed| bed.recorded().iter().filter(|value| value["outcome"] == "deny").count();
    assert_eq!(deny(&mut bed), 1);
    assert!(bed.at_once(1, OperationKind::Execute).is_none(), "a refusal is never known");
    *bed.house.set.lock().unwrap() = Some(set("@id(\"allow-all\") permit (principal, action, resource);"));
    assert!(bed.at_once(1, OperationKind::Execute).is_none(), "the set is another");
    assert!(matches!(bed.ask_as(1, OperationKind::Execute, b"SELECT users", true).await, Directive::Forward(_)));
    assert!(bed.at_once(1, OperationKind::Execute).is_some());
}

#[tokio::test]
async fn the_end_of_a_transaction_is_never_refused() {
    let limits = Limits { max_concurrent: Some(1), ..Limits::default() };
    let mut first = Bed::new(Mode::Enforce, limits);
    first.judge.slot = first.house.totals.slot("prod-pg", 1);
    let mut second = Bed::at(Arc::clone(&first.house), Mode::Enforce, limits);
    for text in [&b"COMMIT"[..], b"BEGIN; COMMIT", b""] {
        assert!(matches!(second.ask(OperationKind::Query, text, true).await, Directive::Forward(_)), "{text:?}");
    }
}

#[tokio::test]
async fn names_wait_until_the_server_has_answered_and_then_stand_for_what_it_did() {
    let mut bed = Bed::new(Mode::Observe, Limits::default());
    assert_eq!(bed.ask(OperationKind::Query, b"EXECUTE q", false).await, Directive::Settle);
    let last = |bed: &mut Bed| bed.recorded().into_iter().rfind(|value| value.get("asked").is_some()).unwrap();
    let understood = |bed: &mut Bed| last(bed).get("unparsed").is_none();
    bed.ask(OperationKind::Query, b"EXECUTE q", true).await;
    assert!(!understood(&mut bed));
    bed.ask(OperationKind::Query, b"PREPARE q; EXECUTE q", true).await;
    assert!(understood(&mut bed), "{:?}", bed.recorded());
    bed.ask(OperationKind::Query, b"EXECUTE q", true).await;
    assert!(!understood(&mut bed), "what was only forwarded is not there yet");
    bed.ask_as(50, OperationKind::Query, b"PREPARE q", true).await;
    bed.run(50, b"PREPARE");
    bed.ask(OperationKind::Query, b"EXECUTE q", true).await;
    assert!(understood(&mut bed));
    assert_eq!(last(&mut bed)["command"], "SELECT");
    bed.ask_as(60, OperationKind::Query, b"no one knows", true).await;
    bed.run(60, b"DO");
    bed.ask(OperationKind::Query, b"EXECUTE q", true).await;
    assert!(!understood(&mut bed), "code that can't be seen may have changed it");
}

#[tokio::test]
async fn what_is_prepared_is_judged_again_by_its_id_and_recorded_when_it_differs() {
    let mut bed = Bed::new(Mode::Enforce, Limits::default());
    let unknown = refusal(bed.ask_as(3, OperationKind::Bind, b"no one knows", true).await);
    assert_eq!(unknown.refusal.message, "weir refused a statement that was not understood on prod-pg");
    let mut bed = Bed::new(Mode::Observe, Limits::default());
    bed.ask_as(3, OperationKind::Prepare, b"SELECT users", true).await;
    bed.judge.answered(OperationId(3), 0, Answered::Prepared, &mut bed.frames);
    let decisions =
        |bed: &mut Bed| bed.recorded().iter().filter(|value| value["operation"] == 3 && value.get("asked").is_some()).count();
    let before = decisions(&mut bed);
    bed.ask_as(3, OperationKind::Execute, b"", false).await;
    bed.run(3, b"SELECT 1");
    assert!(bed.judge.operations.contains_key(&OperationId(3)));
    assert!(decisions(&mut bed) >= before);
    bed.judge.forgotten(OperationId(3));
    assert!(bed.judge.operations.is_empty());
    bed.ask_as(4, OperationKind::Prepare, b"SELECT users", true).await;
    bed.judge.answered(OperationId(4), 0, Answered::Failed, &mut bed.frames);
    assert!(bed.judge.operations.is_empty(), "what was never prepared is not kept");
}

#[tokio::test]
async fn a_target_takes_so_many_statements_at_once() {
    let limits = Limits { max_concurrent: Some(1), ..Limits::default() };
    // In enforce mode an empty set refuses too, but the limit is looked at first.
    let mut first = Bed::new(Mode::Enforce, limits);
    assert!(first.judge.executions());
    first.ask_as(1, OperationKind::Query, b"SELECT users", true).await;
    first.judge.running(OperationId(1));
    let mut second = Bed::at(Arc::clone(&first.house), Mode::Enforce, limits);
    let refused = refusal(second.ask(OperationKind::Query, b"SELECT users", true).await);
    assert_eq!(refused.refusal.code, "53400");
    assert_eq!(refused.refusal.message, "weir refused SELECT on prod-pg: 1 statements run there already");
    assert!(second.finding("max_concurrent").is_some());
    let mut observer = Bed::at(Arc::clone(&first.house), Mode::Observe, limits);
    assert!(matches!(observer.ask(OperationKind::Query, b"SELECT users", true).await, Directive::Forward(_)));
    first.judge.finished(OperationId(1));
    let refused = refusal(second.ask(OperationKind::Query, b"SELECT users", true).await);
    assert_eq!(refused.refusal.code, "42501", "there is room again");
}

#[tokio::test(start_paused = true)]
async fn a_statement_that_runs_too_long_is_cancelled_and_then_killed() {
    let limits = Limits { statement_time: Some(Duration::from_secs(2)), ..Limits::default() };
    let mut bed = Bed::new(Mode::Enforce, limits);
    assert_eq!(bed.judge.next_look(), None);
    bed.judge.running(OperationId(1));
    let start = tokio::time::Instant::now();
    for (at, cancelled, killed) in [(2, 1, false), (7, 1, true)] {
        let next = bed.judge.next_look().unwrap();
        assert_eq!(next, start + Duration::from_secs(at));
        tokio::time::advance(next - tokio::time::Instant::now()).await;
        assert_eq!(bed.judge.look(&mut bed.frames), None);
        assert_eq!(bed.house.cancelled.load(Ordering::Relaxed), cancelled);
        assert_eq!(bed.judge.session.kill_order().is_some(), killed);
    }
    assert!(bed.finding("statement_time").is_some());
    let mut bed = Bed::new(Mode::Enforce, limits);
    bed.judge.running(OperationId(1));
    tokio::time::advance(Duration::from_secs(1)).await;
    bed.judge.finished(OperationId(1));
    bed.judge.running(OperationId(2));
    tokio::time::advance(Duration::from_secs(1)).await;
    bed.judge.look(&mut bed.frames);
    assert_eq!(bed.house.cancelled.load(Ordering::Relaxed), 0, "each has its own time");
}

/// The counts at which a running statement is looked at again, and what a denial then does.
#[tokio::test(start_paused = true)]
async fn a_result_is_judged_every_so_many_rows_bytes_and_milliseconds() {
    for (rows, bytes, pause, judged) in
        [(999, 10, 0, false), (1000, 10, 0, true), (1, 1 << 20, 0, true), (1, 1, 99, false), (1, 1, 100, true)]
    {
        let mut bed = Bed::new(Mode::Observe, Limits::default());
        bed.ask_as(1, OperationKind::Query, b"SELECT users", true).await;
        bed.judge.mode = Mode::Enforce;
        bed.judge.watch = Watch::new(true);
        bed.judge.executions = true;
        bed.judge.running(OperationId(1));
        tokio::time::advance(Duration::from_millis(pause)).await;
        assert_eq!(bed.judge.count(rows, bytes, &mut bed.frames), None);
        let quota = bed.finding("quota");
        assert_eq!(quota.is_some(), judged, "{rows} rows, {bytes} bytes, {pause} ms");
        assert_eq!(bed.judge.session.kill_order().is_some(), judged);
        if let Some(quota) = quota {
            assert_eq!((&quota["rows_beyond"], &quota["bytes_beyond"]), (&rows.into(), &bytes.into()));
            assert_eq!(bed.judge.session.kill_order().unwrap().by, "policy");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_copy_over_its_quota_fails_and_what_runs_under_a_new_policy_is_judged_at_once() {
    let mut bed = Bed::new(Mode::Observe, Limits::default());
    bed.ask_as(1, OperationKind::Query, b"COPY users", true).await;
    bed.judge.mode = Mode::Enforce;
    bed.judge.watch.totals(true);
    bed.judge.running(OperationId(1));
    let Some(Order::FailCopy(refusal)) = bed.judge.count(0, 1, &mut bed.frames) else { panic!("it was not judged") };
    assert!(refusal.message.starts_with("weir refused COPY"), "{refusal:?}");
    assert!(bed.judge.session.kill_order().is_none());
    assert_eq!(bed.judge.count(5000, 5 << 20, &mut bed.frames), None, "it is failed once");
}

#[tokio::test]
async fn a_contradicting_answer_is_a_finding_and_ends_the_session() {
    let mut bed = Bed::new(Mode::Observe, Limits::default());
    bed.ask_as(1, OperationKind::Query, b"SELECT users", true).await;
    bed.run(1, b"DELETE 5");
    let contradicted = bed.finding("tag_contradiction").is_some();
    // Whether it is one is for the table of answers to say; the two go together.
    assert_eq!(contradicted, bed.judge.session.kill_order().is_some());
    assert_eq!(contradicted, !gateway_core::inspect::answers::legal(&statement("SELECT users"), b"DELETE 5", Some(false)));
}

#[tokio::test]
async fn a_pipeline_that_ends_its_failed_transaction_goes_on_in_a_good_one() {
    let mut bed = Bed::new(Mode::Observe, Limits::default());
    // All answered, but the server has not said how its transaction stands.
    for (id, text, tag) in [(1, &b"COMMIT"[..], &b"ROLLBACK"[..]), (2, &b"SELECT users"[..], &b"SELECT 1"[..])] {
        bed.ask_in(Transaction::Failed, id, OperationKind::Query, text, true).await;
        bed.judge.running(OperationId(id));
        bed.judge.answered(OperationId(id), 0, Answered::Done(tag), &mut bed.frames);
        bed.judge.finished(OperationId(id));
        assert!(bed.judge.session.kill_order().is_none());
    }
    // Now it has: what runs in a failed transaction has to fail.
    bed.judge.ready(Transaction::Failed);
    bed.ask_in(Transaction::Failed, 3, OperationKind::Query, b"SELECT users", true).await;
    bed.run(3, b"SELECT 1");
    assert!(bed.judge.session.kill_order().is_some());
}

#[tokio::test]
async fn a_catalog_that_cannot_be_read_leaves_only_what_needs_none() {
    let mut bed = Bed::new(Mode::Enforce, Limits::default());
    bed.house.unreadable.store(1, Ordering::Relaxed);
    let refused = refusal(bed.ask(OperationKind::Query, b"SELECT users", true).await);
    assert_eq!(refused.refusal.message, "weir refused a statement that was not understood on prod-pg");
    assert!(bed.recorded().iter().any(|value| value["unparsed"] == "the target's catalog can't be read: no route"));
    assert!(matches!(bed.ask(OperationKind::Query, b"COMMIT", true).await, Directive::Forward(_)));
}

#[tokio::test]
async fn what_changes_the_database_makes_its_catalog_old_at_once_and_when_the_transaction_ends() {
    let mut bed = Bed::new(Mode::Observe, Limits::default());
    bed.ask_as(1, OperationKind::Query, b"SELECT users", true).await;
    bed.run(1, b"SELECT 1");
    assert_eq!(bed.house.changed.load(Ordering::Relaxed), 0);
    bed.ask_as(2, OperationKind::Query, b"no one knows", true).await;
    bed.judge.running(OperationId(2));
    bed.judge.answered(OperationId(2), 0, Answered::Done(b"CREATE TABLE"), &mut bed.frames);
    assert_eq!(bed.house.changed.load(Ordering::Relaxed), 1);
    bed.judge.finished(OperationId(2));
    bed.judge.ready(Transaction::Open);
    assert_eq!(bed.house.changed.load(Ordering::Relaxed), 1);
    bed.judge.ready(Transaction::Idle);
    bed.judge.ready(Transaction::Idle);
    assert_eq!(bed.house.changed.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_transaction_that_changed_no_schema_leaves_the_catalog_as_it_is() {
    let mut bed = Bed::new(Mode::Observe, Limits::default());
    let run = |bed: &mut Bed, id: u64, tag: &[u8], then: Transaction| {
        bed.judge.running(OperationId(id));
        bed.judge.answered(OperationId(id), 0, Answered::Done(tag), &mut bed.frames);
        bed.judge.finished(OperationId(id));
        bed.judge.ready(then);
    };
    for (first, text, tag, expected) in
        [(1, &b"SELECT users"[..], &b"SELECT 1"[..], 0), (11, b"no one knows", b"CREATE TABLE", 3)]
    {
        bed.ask_as(first, OperationKind::Query, b"BEGIN", true).await;
        run(&mut bed, first, b"BEGIN", Transaction::Open);
        bed.ask_as(first + 1, OperationKind::Query, text, true).await;
        run(&mut bed, first + 1, tag, Transaction::Open);
        bed.ask_as(first + 2, OperationKind::Query, b"COMMIT", true).await;
        run(&mut bed, first + 2, b"COMMIT", Transaction::Idle);
        // As the table was made, as it was committed, and behind that.
        assert_eq!(bed.house.changed.load(Ordering::Relaxed), expected, "{}", String::from_utf8_lossy(text));
    }
}
