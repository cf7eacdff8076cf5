//! The decision at the door, when a session begins, when its client has spoken, and whenever the policy changes.

use crate::evidence::now;
use crate::ledger::{Glass, InForce, Lift};
use crate::session::context::Shared;
use crate::session::involved;
use crate::session::live::{KillOrder, Session};
use gateway_core::control::block::{Block, Concerned};
use gateway_core::control::hold;
use gateway_core::model::ids::GlassId;
use gateway_core::model::target::Target;
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
    /// The block that refuses it, whatever the policies say.
    pub block: Option<Block>,
    /// The broken glass by which a denial refuses nothing.
    pub glass: Option<GlassId>,
}

/// Decides whether `session` may be.
pub fn judge(shared: &Shared, session: &Session, totals: Totals) -> Judged {
    let policy = shared.policy.load();
    let place = session.place();
    let in_force = shared.ledger.in_force();
    let grants = in_force.grants.iter().filter(|grant| grant.holds(now()));
    let theirs = grants.filter(|grant| grant.wish.is_for(&session.principal, &place.target.name, Some(session.id)));
    let connects: Vec<_> = theirs.filter(|grant| grant.wish.gives("connect")).collect();
    let request = ConnectRequest {
        principal: &session.principal,
        target: &place.target,
        address: session.address,
        known: &place.known,
        totals,
        // Nobody tells yet when an owner leaves; to have one at all is the least.
        owner_active: session.principal.owner.is_some(),
        approved: false,
        granted: !connects.is_empty(),
    };
    let mut decision = policy.decide(&request);
    if decision.held() {
        let involved = involved(&session.principal);
        let ways = connects.iter().map(|grant| grant.votes.as_slice()).chain(session.admitted());
        if ways.into_iter().any(|votes| hold::satisfied(&decision.holds, &involved, votes)) {
            let terms = std::mem::take(&mut decision.holds);
            decision = policy.decide(&ConnectRequest { approved: true, ..request });
            decision.holds = terms;
        }
    }
    let glass = glass(&in_force, session, &place.target);
    let mode = mode_of(shared, session, &place.target, glass);
    Judged { decision, mode, set: policy.hash().to_owned(), block: block(shared, &in_force, session), glass }
}

/// The mode in which a session is judged now.
pub fn mode(shared: &Shared, session: &Session) -> Mode {
    let place = session.place();
    let glass = glass(&shared.ledger.in_force(), session, &place.target);
    mode_of(shared, session, &place.target, glass)
}

fn mode_of(shared: &Shared, session: &Session, target: &Target, glass: Option<GlassId>) -> Mode {
    match (shared.config.mode(&session.principal, shared.settings(target)), glass) {
        (Mode::Enforce, Some(_)) => Mode::BreakGlass,
        (mode, _) => mode,
    }
}

/// The block that names a session, where one is in force.
pub fn block(shared: &Shared, in_force: &InForce, session: &Session) -> Option<Block> {
    if in_force.blocks.is_empty() {
        return None;
    }
    let at = now();
    let place = session.place();
    let credential = shared.settings(&place.target).and_then(|settings| settings.credential.as_ref());
    let credential = credential.map(|(source, _)| source.to_string());
    let concerned = Concerned {
        principal: &session.principal,
        target: &place.target,
        credential: credential.as_deref(),
        host: shared.resolver.host(),
    };
    in_force.blocks.iter().find(|block| block.holds(at) && block.subject.names(&concerned)).cloned()
}

/// The broken glass that lifts policy from a session.
fn glass(in_force: &InForce, session: &Session, target: &Target) -> Option<GlassId> {
    let (at, principal) = (now(), &session.principal);
    let lifts = |glass: &&Glass| match &glass.lift {
        Lift::Users(users) => users.contains(&principal.process.uid),
        Lift::Workload(name) => *name == principal.workload.0 || principal.name.as_ref() == Some(name),
        Lift::Run(run) => *run == principal.run,
    };
    let broken = in_force.glasses.iter().filter(|glass| glass.holds(at) && glass.target == target.name);
    broken.filter(lifts).map(|glass| glass.id).next()
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
        if let Some(block) = &judged.block {
            session.kill(blocked(block));
            ended += 1;
        } else if judged.permit().is_none() {
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
    pub fn permit(&self) -> Option<Permit> {
        self.decision.permit(self.mode).filter(|_| self.block.is_none())
    }

    /// Whether people have to be asked: only their approval is missing.
    pub fn waits(&self) -> bool {
        self.block.is_none() && self.mode == Mode::Enforce && self.decision.held()
    }

    /// What the job is told where it is refused.
    pub fn refusal(&self, session: &Session) -> Refusal {
        if let Some(block) = &self.block {
            return refusal(
                session,
                ": it is blocked",
                &format!("block {} on {}, by {}: {}", block.id, block.subject, block.by, block.reason),
            );
        }
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

/// The order to end what a block names.
pub fn blocked(block: &Block) -> KillOrder {
    KillOrder { by: block.by.clone(), reason: format!("block {} on {}: {}", block.id, block.subject, block.reason) }
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
