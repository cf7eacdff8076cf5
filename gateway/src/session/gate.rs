//! The judge of a session that is not looked into: at its client's first bytes, and again as bytes pass.

use crate::session::context::Shared;
use crate::session::judge::{Judged, judge, refusal};
use crate::session::live::{KillOrder, Session};
use crate::session::moment;
use crate::session::place;
use crate::session::totals::{Meter, Slot};
use crate::telemetry;
use gateway_core::policy::{Mode, OnDeny};
use gateway_core::protocol::Refusal;
use gateway_core::protocol::opaque::Hello;
use gateway_core::record::{FrameBuffer, FrameKind};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// What passes is judged again after so many bytes,
const BYTES: u64 = 1 << 20;
/// or after so much time, whichever comes first.
const PAUSE: Duration = Duration::from_millis(100);

/// The gate of one session.
pub struct Gate {
    shared: Arc<Shared>,
    session: Arc<Session>,
    meter: Meter,
    _slot: Option<Slot>,
    /// Whether any policy looks at totals.
    watches: bool,
    /// The bytes at the last judgement that allowed them, and when that was.
    judged: (u64, Instant),
    /// In observe mode what would have been refused is said once.
    said: bool,
}

impl Gate {
    /// A gate for a session that was let in; it counts by `meter` and holds its place on the target.
    pub fn new(shared: Arc<Shared>, session: Arc<Session>, meter: Meter, slot: Option<Slot>) -> Self {
        let watches = shared.policy.load().watches_totals();
        Self { shared, session, meter, _slot: slot, watches, judged: (0, Instant::now()), said: false }
    }

    /// Takes the policy set in force.
    pub fn refresh(&mut self) {
        self.watches = self.shared.policy.load().watches_totals();
        self.judged.0 = 0;
    }

    /// Judges the session by what its client says.
    ///
    /// # Errors
    /// The refusal, where it is refused.
    pub fn hello(&mut self, hello: Hello, frames: &mut FrameBuffer) -> Result<(), Box<Refusal>> {
        let before = self.session.place();
        let place = self.session.learn(place::hear(&self.shared, &before, hello, self.session.address));
        let judged = judge(&self.shared, &self.session, self.meter.totals(0));
        let resolver = place::resolver(&place, self.session.address);
        let refused = self.refusal(&judged, resolver.as_deref());
        let refuses = judged.mode == Mode::Enforce;
        let note = json!({
            "what": "hello",
            "hello": place.known.hello,
            "host": place.known.host,
            "names": place.known.names,
            "mismatch": place.known.mismatch,
            "target": place.target,
            "decision": decision(&judged, refused.as_ref()),
        });
        frames.push_json(moment::wall(), FrameKind::Note, &note);
        if let Some(note) = self.shared.shadow.at_the_door(&self.session, &judged) {
            frames.push_json(moment::wall(), FrameKind::Note, &note);
        }
        let Some(Refused { refusal, .. }) = refused.filter(|_| refuses) else { return Ok(()) };
        self.shared.refused.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        tell(&refusal);
        self.punish(&judged, &refusal);
        Err(Box::new(refusal))
    }

    /// Counts the session's bytes since its beginning, before what was read is handed on. No allocation where
    /// nothing has to be judged.
    pub fn count(&mut self, bytes: u64, frames: &mut FrameBuffer) {
        self.meter.count(0, bytes);
        self.session.counts.bytes.store(bytes, std::sync::atomic::Ordering::Relaxed);
        if !self.watches || self.said || bytes == self.judged.0 {
            return;
        }
        let now = moment::instant();
        if bytes - self.judged.0.min(bytes) < BYTES && now - self.judged.1 < PAUSE {
            return;
        }
        let totals = self.meter.totals(0);
        let judged = judge(&self.shared, &self.session, totals);
        if judged.decision.allows() {
            self.judged = (bytes, now);
            return;
        }
        self.said = true;
        let beyond = bytes.saturating_sub(self.judged.0);
        let kills = judged.mode == Mode::Enforce;
        let note = json!({
            "what": "finding", "kind": "quota", "policies": judged.decision.policies, "errors": judged.decision.errors,
            "bytes_beyond": beyond, "would_refuse": !kills, "session_bytes": totals.session.bytes,
            "run_bytes": totals.run.bytes, "hour_bytes": totals.hour.bytes,
        });
        frames.push_json(moment::wall(), FrameKind::Note, &note);
        if !kills {
            return;
        }
        let refusal = judged.refusal(&self.session);
        tell(&refusal);
        self.punish(&judged, &refusal);
        let reason = format!(
            "{}: {}, after it had begun; {beyond} bytes were counted beyond the last judgement that allowed it",
            judged.because(),
            refusal.message
        );
        self.session.kill(KillOrder { by: "policy".to_owned(), reason });
    }

    fn refusal(&self, judged: &Judged, resolver: Option<&str>) -> Option<Refused> {
        if let Some(why) = resolver {
            return Some(Refused::by_resolver(&self.session, why));
        }
        if judged.decision.allows() {
            return None;
        }
        let place = self.session.place();
        let silent = judged.decision.policies.is_empty() && judged.decision.errors.is_empty();
        if !place.known.mismatch || !silent {
            return Some(Refused { reason: "policy", refusal: judged.refusal(&self.session) });
        }
        let named = place.known.hello.as_ref().and_then(|hello| hello.sni.as_ref().or(hello.http_host.as_ref()));
        let asked = place.known.names.join(", ");
        let what = match named {
            Some(named) => format!(": its client names {named}, and its run asked for {asked}"),
            None => ": its client's first bytes hide which host is meant".to_owned(),
        };
        Some(Refused { reason: "mismatch", refusal: refusal(&self.session, &what, "no policy permits `context.mismatch`") })
    }

    /// Ends the session, or the run, where a denial says so.
    fn punish(&self, judged: &Judged, refusal: &Refusal) {
        let order = KillOrder { by: "policy".to_owned(), reason: format!("{}: {}", judged.because(), refusal.message) };
        match judged.decision.on_deny {
            OnDeny::Refuse => {}
            OnDeny::KillSession => self.session.kill(order),
            OnDeny::KillRun => {
                for session in self.shared.live.all().iter().filter(|session| session.run == self.session.run) {
                    session.kill(order.clone());
                }
            }
        }
    }
}

/// A refusal at the door, or at the client's first bytes.
pub struct Refused {
    /// What it is by: `policy`, or one of the gateway's own rules.
    pub reason: &'static str,
    /// Its words.
    pub refusal: Refusal,
}

impl Refused {
    /// What is dialled is a resolver of others.
    pub fn by_resolver(session: &Session, why: &str) -> Self {
        Self { reason: "resolver", refusal: refusal(session, &format!(": {why}"), "no [[target]] names it") }
    }
}

/// A decision at the door, as records have it.
pub fn decision(judged: &Judged, refused: Option<&Refused>) -> serde_json::Value {
    let mut decision = json!({
        "outcome": if refused.is_some() { "deny" } else if judged.waits() { "hold" } else { "allow" },
        "reason": refused.map(|refused| refused.reason),
        "policies": judged.decision.policies,
        "errors": judged.decision.errors,
        "mode": judged.mode.to_string(),
        "would_refuse": refused.is_some() && judged.mode != Mode::Enforce,
        "set_hash": judged.set,
        "block": judged.block.as_ref().map(|block| block.id),
        "break_glass": judged.glass,
        "facts": judged.basis.json(&judged.decision),
    });
    let Some(fields) = decision.as_object_mut() else { return decision };
    // As a statement's decision has them: an event of it is as severe.
    let said =
        [("alert", judged.decision.alert.map(|alert| alert.name().to_owned())), ("message", judged.decision.message.clone())];
    fields.extend(said.into_iter().filter_map(|(key, said)| Some((key.to_owned(), said?.into()))));
    if let Some(gone) = &judged.gone {
        let left = json!({ "owner": gone.owner, "what": gone.what(), "because": gone.because(), "advice": gone.hint() });
        fields.insert("owner_left".to_owned(), left);
    }
    decision
}

/// Tells the job's log of a refusal at the door.
pub fn tell(refusal: &Refusal) {
    let what = refusal.message.trim_start_matches("weir ");
    telemetry::tell_job(&format!("{what} ({}); {}", refusal.detail, refusal.hint));
}
