//! The decision at the door, when a session begins, when its client has spoken, and whenever the policy changes.

use crate::session::context::Shared;
use crate::session::live::{KillOrder, Session};
use gateway_core::policy::{ConnectRequest, Decision, Mode, Permit, Totals};
use gateway_core::protocol::Refusal;

/// A decision with the mode and the policy set that it was made under.
pub struct Judged {
    /// What the policies say.
    pub decision: Decision,
    /// Whether a denial refuses.
    pub mode: Mode,
    /// The set's hash.
    pub set: String,
}

/// Decides whether `session` may be.
pub fn judge(shared: &Shared, session: &Session, totals: Totals) -> Judged {
    let policy = shared.policy.load();
    let place = session.place();
    let decision = policy.decide(&ConnectRequest {
        principal: &session.principal,
        target: &place.target,
        address: session.address,
        known: &place.known,
        totals,
        // Nobody tells yet when an owner leaves; to have one at all is the least.
        owner_active: session.principal.owner.is_some(),
    });
    let mode = shared.config.mode(&session.principal, shared.settings(&place.target));
    Judged { decision, mode, set: policy.hash().to_owned() }
}

/// Ends every live session that the policy in force would not let begin, and has the others take it;
/// says how many were ended.
///
/// A session is in the table before it is judged, so none is missed between a new set and this.
pub fn judge_again(shared: &Shared) -> usize {
    let mut ended = 0;
    for session in shared.live.all() {
        // What the session itself has moved is judged by its own gate.
        let judged = judge(shared, &session, shared.totals.meter(&session.principal).totals(0));
        if judged.permit().is_none() {
            let reason = format!("the policy changed: {}", judged.refusal(&session).detail);
            session.kill(KillOrder { by: "policy".to_owned(), reason });
            ended += 1;
        } else {
            session.change_policy();
        }
    }
    ended
}

impl Judged {
    /// The permit, where this is one.
    pub const fn permit(&self) -> Option<Permit> {
        self.decision.permit(self.mode)
    }

    /// What the job is told where it is refused.
    pub fn refusal(&self, session: &Session) -> Refusal {
        let message = self.decision.message.as_ref().map(|message| format!(": {message}")).unwrap_or_default();
        refusal(session, &message, &self.because())
    }

    /// What decided, in the words of a refusal.
    pub fn because(&self) -> String {
        match (self.decision.policies.as_slice(), self.decision.errors.as_slice()) {
            ([], []) => "no policy permits it".to_owned(),
            ([], [error, ..]) => format!("a policy could not be evaluated ({error})"),
            (ids, _) => format!("policy {}", ids.join(", ")),
        }
    }
}

/// The refusal of a connection; `message` goes behind the target's name.
pub fn refusal(session: &Session, message: &str, because: &str) -> Refusal {
    Refusal {
        code: "42501",
        message: format!("weir refused the connection to {}{message}", session.place().target.name),
        detail: format!("{because}, run {}, session {}", session.run, session.id),
        hint: format!("weir session show {}", session.id),
        position: None,
    }
}
