//! What waits for people: what they are asked, what their answers release, what grants release.

use super::*;
use crate::ledger::{Asked, HoldState, Holder};
use gateway_core::control::grant::Wish;
use gateway_core::control::hold::{Scope, Terms, Vote};
use gateway_core::control::person::Person;
use gateway_core::model::ids::GrantId;
use gateway_core::model::time::Timestamp;

const HELD: &str = r#"@id("all") permit (principal, action in Action::"operation", resource in Target::"prod-pg");
@id("held") @hold("group=dba,quorum=1,wait=1h,valid=5m") @message("ask a DBA")
forbid (principal, action == Action::"write", resource) unless { context.approval.satisfied };"#;

fn vote(name: &str, group: &str, scope: Scope) -> Vote {
    let by = Person { name: name.to_owned(), groups: [group.to_owned()].into(), local_root: false };
    Vote { by, reason: "ticket 7".to_owned(), scope, at: Timestamp(1) }
}

fn ended(request: &Request, state: HoldState, votes: Vec<Vote>) -> Hold {
    Hold {
        id: HoldId::from_number(3),
        state,
        asked: Asked { policies: request.asked.policies.clone(), statement: "UPDATE t".to_owned(), ..Asked::default() },
        terms: request.terms.clone(),
        involved: Vec::new(),
        votes,
        asked_at: Timestamp(1),
        until: Timestamp(2),
        answer: None,
        ended_at: Some(Timestamp(2)),
        holder: Holder::nobody(),
    }
}

impl Bed {
    fn holding() -> Self {
        let house = Arc::new(Fake::default());
        let set = PolicySet::load(vec![("h.cedar".to_owned(), HELD.to_owned())]).unwrap();
        *house.set.lock().unwrap() = Some(Arc::new(set));
        Self::at(house, Mode::Enforce, Limits::default())
    }

    fn asking(&self, id: u64, kind: OperationKind, text: &str, parameters: Option<&[u8]>) -> Ask<Vec<u8>> {
        let parameters = parameters.map(<[u8]>::to_vec);
        let (id, text) = (OperationId(id), text.as_bytes().to_vec());
        Ask { id, kind, name: Vec::new(), text, parameters, standing: standing(true) }
    }

    async fn put(&mut self, ask: &Ask<Vec<u8>>, approval: Option<&Approval>) -> Verdict {
        let read = self.judge.read(ask).await;
        self.judge.verdict(ask, read, approval, &mut self.frames)
    }

    /// It has to wait.
    async fn waits(&mut self, ask: &Ask<Vec<u8>>) -> Box<Request> {
        match self.put(ask, None).await {
            Verdict::Hold(request) => request,
            other => panic!("{other:?}"),
        }
    }
}

fn forwarded(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Answer(Directive::Forward(_)))
}

#[tokio::test]
async fn what_is_held_waits_and_goes_on_with_enough_approvals_alone() {
    let mut bed = Bed::holding();
    let ask = bed.asking(1, OperationKind::Query, "UPDATE t", Some(b""));
    let request = bed.waits(&ask).await;
    let terms = Terms { policy: "held".to_owned(), group: "dba".to_owned(), quorum: 1, wait_seconds: 3600, valid_seconds: 300 };
    assert_eq!((request.terms.as_slice(), request.asked.statement.as_str()), (&[terms][..], "UPDATE t"));
    assert_eq!(request.notice, "weir holds UPDATE on prod-pg: ask a DBA; it waits for somebody of dba, at most 1 h");
    let denied = bed.judge.answered_by_people(&ask, &request, &ended(&request, HoldState::Expired, vec![]), &mut bed.frames);
    assert!(denied.unwrap_err().message.contains("nobody of those who may has approved it in time (somebody of dba)"));
    // A vote of somebody else's, for whatever reason it were counted, is not enough for the policies.
    for (votes, passes) in [(vec![vote("bo", "dev", Scope::Once)], false), (vec![vote("bo", "dba", Scope::Once)], true)] {
        let approval =
            bed.judge.answered_by_people(&ask, &request, &ended(&request, HoldState::Approved, votes), &mut bed.frames);
        let verdict = bed.put(&ask, Some(&approval.unwrap())).await;
        assert_eq!(forwarded(&verdict), passes, "{verdict:?}");
    }
    let notes: Vec<_> =
        bed.recorded().into_iter().filter(|note| note["what"] == "hold").map(|note| note["state"].clone()).collect();
    assert_eq!(notes, ["waiting", "expired", "approved", "waiting", "approved"]);
    // Once is once.
    let again = bed.asking(2, OperationKind::Query, "UPDATE t", Some(b""));
    bed.waits(&again).await;
}

#[tokio::test]
async fn nobody_is_woken_for_what_would_be_denied_all_the_same() {
    let mut bed = Bed::holding();
    let ask = bed.asking(1, OperationKind::Query, "UPDATE t;nonsense", Some(b""));
    let verdict = bed.put(&ask, None).await;
    assert!(matches!(verdict, Verdict::Answer(Directive::Refuse(_))), "{verdict:?}");
    let mut bed = Bed::holding();
    *bed.house.mode.lock().unwrap() = Mode::Observe;
    bed.judge.refresh();
    let mut observing = Bed::at(Arc::clone(&bed.house), Mode::Observe, Limits::default());
    let ask = observing.asking(1, OperationKind::Query, "UPDATE t", Some(b""));
    assert!(forwarded(&observing.put(&ask, None).await), "observing holds nothing");
}

#[tokio::test]
async fn a_text_approved_for_the_session_passes_with_any_parameters_and_no_other_does() {
    let mut bed = Bed::holding();
    let prepare = bed.asking(1, OperationKind::Prepare, "UPDATE t", Some(b""));
    let Verdict::Answer(Directive::Forward(pass)) = bed.put(&prepare, None).await else {
        panic!("it only waits when it is bound")
    };
    assert!(pass.each_use);
    bed.judge.answered(OperationId(1), 0, Answered::Prepared, &mut bed.frames);
    let bind = bed.asking(1, OperationKind::Bind, "UPDATE t", Some(b"one"));
    let request = bed.waits(&bind).await;
    let other = bed.waits(&bed.asking(1, OperationKind::Bind, "UPDATE t", Some(b"two"))).await;
    assert_ne!(request.asked.digest, other.asked.digest, "other parameters are another hold");
    let votes = vec![vote("bo", "dba", Scope::Session)];
    let approval = bed.judge.answered_by_people(&bind, &request, &ended(&request, HoldState::Approved, votes), &mut bed.frames);
    assert!(forwarded(&bed.put(&bind, Some(&approval.unwrap())).await));
    // Where each execution is asked about, what was bound is what was approved.
    let execute = bed.asking(1, OperationKind::Execute, "UPDATE t", None);
    assert!(forwarded(&bed.put(&execute, None).await));
    let again = bed.asking(1, OperationKind::Bind, "UPDATE t", Some(b"three"));
    assert!(forwarded(&bed.put(&again, None).await));
    bed.waits(&bed.asking(9, OperationKind::Query, "UPDATE u", Some(b""))).await;
}

#[tokio::test]
async fn no_approver_sees_a_password() {
    let mut bed = Bed::holding();
    let request = bed.waits(&bed.asking(1, OperationKind::Query, "UPDATE t -- PASSWORD 'geheim'", Some(b""))).await;
    assert_eq!(request.asked.statement, "UPDATE t -- PASSWORD '***'");
}

#[tokio::test]
async fn what_is_run_with_what_nobody_can_see_is_refused_and_not_held() {
    let mut bed = Bed::holding();
    let prepare = bed.asking(1, OperationKind::Prepare, "UPDATE t", Some(b""));
    assert!(forwarded(&bed.put(&prepare, None).await));
    bed.judge.answered(OperationId(1), 0, Answered::Prepared, &mut bed.frames);
    for kind in [OperationKind::Bind, OperationKind::Execute] {
        let ask = bed.asking(1, kind, "UPDATE t", None);
        let verdict = bed.put(&ask, None).await;
        assert!(matches!(verdict, Verdict::Answer(Directive::Refuse(_))), "{kind:?} {verdict:?}");
    }
}

#[tokio::test]
async fn what_runs_ends_when_the_grant_is_taken_and_stays_when_it_was_approved() {
    let granted = r#"@id("g") permit (principal, action in Action::"operation", resource) when { context.granted };"#;
    let wish =
        Wish { workload: "*".to_owned(), target: "prod-pg".to_owned(), actions: ["write".to_owned()].into(), ..Wish::default() };
    let grant = Grant { id: GrantId::from_number(1), wish, votes: Vec::new(), until: Timestamp(u64::MAX) };
    for (policy, grants, stays) in [(granted, vec![grant], false), (HELD, vec![], true)] {
        let house = Arc::new(Fake::default());
        *house.set.lock().unwrap() = Some(Arc::new(PolicySet::load(vec![("p.cedar".to_owned(), policy.to_owned())]).unwrap()));
        *house.in_force.lock().unwrap() = Arc::new(InForce { grants, ..InForce::default() });
        let mut bed = Bed::at(house, Mode::Enforce, Limits::default());
        let ask = bed.asking(1, OperationKind::Query, "UPDATE t", Some(b""));
        match bed.put(&ask, None).await {
            Verdict::Hold(request) => {
                let ended = ended(&request, HoldState::Approved, vec![vote("bo", "dba", Scope::Once)]);
                let approval = bed.judge.answered_by_people(&ask, &request, &ended, &mut bed.frames).unwrap();
                assert!(forwarded(&bed.put(&ask, Some(&approval)).await));
            }
            other => assert!(forwarded(&other)),
        }
        bed.judge.running(OperationId(1));
        *bed.house.in_force.lock().unwrap() = Arc::default();
        bed.judge.refresh();
        assert!(bed.judge.next_look().is_some());
        bed.judge.look(&mut bed.frames);
        assert_eq!(bed.judge.session.kill_order().is_none(), stays, "{policy}");
    }
}

#[tokio::test]
async fn a_grant_releases_what_it_covers_by_whoever_gave_it_and_no_longer_once_it_is_gone() {
    let mut bed = Bed::holding();
    let wish = Wish {
        workload: "*".to_owned(),
        target: "prod-pg".to_owned(),
        actions: ["write".to_owned()].into(),
        tables: vec!["public.t".to_owned()],
        ..Wish::default()
    };
    let grant = |votes| Grant { id: GrantId::from_number(1), wish: wish.clone(), votes, until: Timestamp(u64::MAX) };
    let force = |bed: &Bed, grants| *bed.house.in_force.lock().unwrap() = Arc::new(InForce { grants, ..InForce::default() });
    force(&bed, vec![grant(vec![vote("bo", "dba", Scope::Once)])]);
    let ask = bed.asking(1, OperationKind::Query, "UPDATE t", Some(b""));
    assert!(forwarded(&bed.put(&ask, None).await));
    bed.waits(&bed.asking(2, OperationKind::Query, "UPDATE u", Some(b""))).await;
    force(&bed, vec![grant(vec![vote("bo", "dev", Scope::Once)])]);
    bed.waits(&bed.asking(3, OperationKind::Query, "UPDATE t", Some(b""))).await;
    force(&bed, Vec::new());
    bed.waits(&bed.asking(4, OperationKind::Query, "UPDATE t", Some(b""))).await;
}
