//! What is decided on a text that is known is recorded as it was, with the operation and the totals of the moment.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/house.rs"]
mod house;
#[path = "support/standing.rs"]
mod standing;

use gateway_core::model::ids::{RunId, SessionId};
use gateway_core::policy::{Mode, PolicySet};
use gateway_core::protocol::{Directive, OperationId, OperationKind, Transaction};
use gateway_core::record::{FrameBuffer, FrameKind};
use house::{House, principal, target};
use serde_json::{Value, json};
use standing::STANDING;
use std::sync::Arc;
use weir::evidence::now;
use weir::session::enforce::{Answered, Ask, Enforcer, Limits, Verdict};
use weir::session::live::Session;

/// Of a text that names its own totals' keys, and is not a word of ours.
const TEXT: &[u8] = br#"SELECT a AS "s", '"s":[0,0,1,0,0,1],"r":[' FROM t WHERE id = 7"#;

fn ask(id: u64) -> Ask<&'static [u8]> {
    Ask { id: OperationId(id), kind: OperationKind::Query, name: b"", text: TEXT, parameters: None, standing: STANDING }
}

fn decided(frames: &FrameBuffer) -> Vec<Value> {
    let decisions = frames.iter().filter(|(_, kind, _)| *kind == FrameKind::Decision);
    decisions.map(|(_, _, body)| serde_json::from_slice(body).unwrap()).collect()
}

#[tokio::test]
async fn the_record_says_the_same_with_the_numbers_of_the_moment() {
    let text = "@id(\"all\") @message(\"\\\"s\\\":[0,0,1,0,0,1]\") permit (principal, action == Action::\"read\", resource) when { context.relations == 1 };";
    let set = PolicySet::load(vec![("a.cedar".to_owned(), text.to_owned())]).unwrap();
    let address = "127.0.0.1:5432".parse().unwrap();
    let session = Arc::new(Session::new(SessionId::new(now(), 1), principal(RunId::new(now(), 1)), target(), address));
    let mut judge = Enforcer::new(Arc::new(House::of(set)), session, Mode::Enforce, Limits::default());
    let mut frames = FrameBuffer::default();
    assert!(judge.at_once(ask(1), &mut frames).is_none(), "it was never seen");
    let kept = ask(1).kept();
    let read = judge.read(&kept).await;
    assert!(matches!(judge.verdict(&kept, read, None, &mut frames), Verdict::Answer(Directive::Forward(_))));
    for id in 1..6 {
        if id > 1 {
            assert!(matches!(judge.at_once(ask(id), &mut frames), Some(Directive::Forward(_))));
        }
        judge.running(OperationId(id));
        judge.answered(OperationId(id), 0, Answered::Done(b"SELECT 1"), &mut frames);
        judge.finished(OperationId(id));
        judge.ready(Transaction::Idle);
    }
    let decided = decided(&frames);
    assert_eq!(decided.len(), 5, "each query has its decision");
    for (id, decision) in (1..).zip(&decided) {
        assert_eq!((&decision["operation"], &decision["facts"]["s"][2]), (&json!(id), &json!(id)), "{decision}");
        let mut same = decision.clone();
        same["operation"] = json!(1);
        for scope in ["s", "r", "h"] {
            same["facts"][scope] = decided[0]["facts"][scope].clone();
        }
        assert_eq!(same, decided[0]);
    }
}
