//! The decision at the door, when a session begins and again whenever the policy changes.

use crate::session::context::Shared;
use crate::session::live::{KillOrder, Session};
use gateway_core::policy::{ConnectRequest, Decision, Mode, Permit};
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
pub fn judge(shared: &Shared, session: &Session) -> Judged {
    let policy = shared.policy.load();
    let decision = policy.decide(&ConnectRequest {
        principal: &session.principal,
        target: &session.target,
        address: session.address,
        // Nobody tells yet when an owner leaves; to have one at all is the least.
        owner_active: session.principal.owner.is_some(),
    });
    let settings = shared.config.targets.match_address(session.address);
    let mode = shared.config.mode(&session.principal, settings);
    Judged { decision, mode, set: policy.hash().to_owned() }
}

/// Ends every live session that the policy in force would not let begin, and has the others take it;
/// says how many were ended.
///
/// A session is in the table before it is judged, so none is missed between a new set and this.
pub fn judge_again(shared: &Shared) -> usize {
    let mut ended = 0;
    for session in shared.live.all() {
        let judged = judge(shared, &session);
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
        let policies = match self.decision.policies.as_slice() {
            [] => "no policy permits it".to_owned(),
            ids => format!("policy {}", ids.join(", ")),
        };
        let message = self.decision.message.as_ref().map(|message| format!(": {message}")).unwrap_or_default();
        Refusal {
            code: "42501",
            message: format!("weir refused the connection to {}{message}", session.target.name),
            detail: format!("{policies}, run {}, session {}", session.run, session.id),
            hint: format!("weir session show {}", session.id),
            position: None,
        }
    }
}
