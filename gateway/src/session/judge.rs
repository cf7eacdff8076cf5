//! The decision at the door, when a session begins, when its client has spoken, and whenever the policy changes.

use crate::evidence::now;
use crate::ledger::{Glass, InForce, Lift};
use crate::session::context::Shared;
use crate::session::live::{KillOrder, Session};
use crate::session::owner::{Gone, OnOwnerLeave, Ownership, involved};
use gateway_core::control::block::{Block, Concerned};
use gateway_core::control::hold::{self, Vote};
use gateway_core::model::ids::GlassId;
use gateway_core::model::target::{ProtocolName, Target};
use gateway_core::policy::basis::ConnectBasis;
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
    /// The owner who has left, where they have: it may be refused for that, the same.
    pub gone: Option<Gone>,
    /// Whether it waits for no other reason than that its owner has left.
    waits_for_owner: bool,
    /// The broken glass by which a denial refuses nothing.
    pub glass: Option<GlassId>,
    /// What it takes to decide the same again.
    pub basis: ConnectBasis,
}

/// Decides whether `session` may be.
pub fn judge(shared: &Shared, session: &Session, totals: Totals) -> Judged {
    let policy = shared.policy.load();
    let place = session.place();
    let in_force = shared.ledger.in_force();
    let grants = in_force.grants.iter().filter(|grant| grant.holds(now()));
    let theirs = grants.filter(|grant| grant.wish.is_for(&session.principal, &place.target.name, Some(session.id)));
    let standing = Ownership::of(&shared.config.workloads, &in_force, &session.principal);
    let connects: Vec<_> = theirs.filter(|grant| grant.wish.gives("connect")).collect();
    let request = ConnectRequest {
        principal: &session.principal,
        target: &place.target,
        address: session.address,
        known: &place.known,
        totals,
        owner_active: standing.is_active(),
        approved: false,
        granted: !connects.is_empty(),
    };
    let mut decision = policy.decide(&request);
    let (owner_waits, allowed) = (standing.waits(), decision.allows());
    if let Some(wait) = &owner_waits {
        decision = decision.waiting(wait.terms, &wait.why);
    }
    if decision.held() {
        let involved = involved(&session.principal, &in_force);
        let satisfied = |votes: &[Vote]| hold::satisfied(&decision.holds, &involved, votes);
        let released = match &owner_waits {
            // A grant was given to the workload of somebody who was there.
            Some(wait) => session.admitted().is_some_and(|votes| satisfied(&wait.fresh(votes))),
            None => connects.iter().map(|grant| grant.votes.as_slice()).chain(session.admitted()).any(satisfied),
        };
        if released {
            let terms = std::mem::take(&mut decision.holds);
            // What waited for its owner alone is what policy allows by itself.
            decision = policy.decide(&ConnectRequest { approved: !allowed, ..request });
            decision.holds = terms;
        }
    }
    let waits_for_owner = owner_waits.is_some() && allowed && decision.held();
    let glass = glass(&in_force, session, &place.target);
    let mode = mode_of(shared, session, &place.target, glass);
    let block = block(shared, &in_force, session);
    let basis = ConnectBasis {
        address: request.address,
        known: place.known.clone(),
        totals,
        owner_active: request.owner_active,
        granted: request.granted,
        waits: owner_waits.map(|wait| wait.terms.clone()),
    };
    Judged { decision, mode, set: policy.hash().to_owned(), block, gone: standing.gone, waits_for_owner, glass, basis }
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
        ended += usize::from(judge_live(shared, &session, "the policy changed"));
    }
    ended
}

/// The same for one of them, because of what has happened; whether it was ended.
pub fn judge_live(shared: &Shared, session: &Session, happened: &str) -> bool {
    // What the session itself has moved is judged by its own gate.
    let judged = judge(shared, session, shared.totals.meter(&session.principal).totals(0));
    // What has operations waits with the next of them; a connection that is open already can't.
    let speaks = session.target.protocol == ProtocolName::Postgres;
    if let Some(block) = &judged.block {
        session.kill(blocked(block));
    } else if let Some(gone) = judged.barred() {
        session.kill(gone.order());
    } else if let (Some(gone), false, true) = (&judged.gone, speaks, judged.waits_for_owner && judged.permit().is_none()) {
        session.kill(gone.order());
    } else if judged.permit().is_none() && !judged.waits_for_owner {
        let reason = format!("{happened}: {}", judged.refusal(session).detail);
        session.kill(KillOrder { by: "policy".to_owned(), reason });
    } else {
        session.change_policy();
        return false;
    }
    true
}

impl Judged {
    /// The permit, where this is one.
    pub fn permit(&self) -> Option<Permit> {
        self.decision.permit(self.mode).filter(|_| !self.is_barred())
    }

    /// Whether it is refused whatever the policies say, and in observe mode, too.
    pub fn is_barred(&self) -> bool {
        self.block.is_some() || self.barred().is_some()
    }

    /// The owner whose leaving refuses it.
    pub fn barred(&self) -> Option<&Gone> {
        self.gone.as_ref().filter(|gone| gone.then == OnOwnerLeave::Block)
    }

    /// Whether people have to be asked: only their approval is missing.
    pub fn waits(&self) -> bool {
        !self.is_barred() && self.mode == Mode::Enforce && self.decision.held()
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
        if let Some(gone) = self.barred() {
            return gone.refusal(session);
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
