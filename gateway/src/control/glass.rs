//! The glass is broken in an emergency, ends, and is looked at afterwards.

use super::actor::{Actor, On, Role, Via};
use super::error::CommandError;
use super::page::{Listed, Page};
use crate::credential::{fingerprint, random_text};
use crate::ledger::{Code, Glass, Kind, Ledger, Lift, Review};
use crate::session::context::random;
use gateway_core::control::hold;
use gateway_core::model::ids::GlassId;
use serde_json::json;
use std::time::Duration;

/// The longest that policy is set aside, in seconds.
const LONGEST: u64 = 24 * 60 * 60;

/// What is broken, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GlassRequest {
    /// The target.
    pub target: String,
    /// Whose policy is set aside; of who asks where there is none.
    pub lift: Option<Lift>,
    /// Why.
    pub reason: String,
    /// For how long, in seconds.
    pub seconds: u64,
    /// The sealed codes of two people, where who asks is not root of this host.
    pub codes: Vec<String>,
}

/// Breaks the glass: root of this host may, and who has two people's codes. Needs nothing but the ledger.
pub(super) fn break_glass(ledger: &Ledger, actor: &Actor, request: &GlassRequest) -> Result<Glass, CommandError> {
    let GlassRequest { target, lift, reason, seconds, codes } = request;
    if matches!(actor.via, Via::Job(..)) {
        return Err(CommandError::Job);
    }
    if reason.trim().is_empty() || reason.len() > hold::REASON_BYTES {
        return Err(hold::Ineligible::Reason.into());
    }
    if !(1..=LONGEST).contains(seconds) || target.is_empty() {
        return Err(CommandError::Wrong(format!("the glass is broken for one target, for 1 s to {} h", LONGEST / 3600)));
    }
    let lift = match (lift, actor.via) {
        (Some(lift), _) => lift.clone(),
        (None, Via::Socket(peer)) => Lift::Users(vec![peer.uid]),
        (None, Via::Host | Via::Job(..)) => Lift::Users(vec![0]),
        (None, Via::Web | Via::Token(_)) => {
            let what = "from elsewhere than the host it has to be said whose policy is set aside: `lift` names users, a workload or a run";
            return Err(CommandError::Wrong(what.to_owned()));
        }
    };
    ledger.change(|change| {
        let with = match (actor.person.local_root, codes.as_slice()) {
            (true, []) => "local root".to_owned(),
            (_, [one, other]) => {
                let mut holders = Vec::new();
                for text in [one, other] {
                    let found = change.open::<Code>()?.into_iter().find(|code| code.sha256 == digest(text));
                    let mut code = found.ok_or_else(|| CommandError::Wrong("a code is none, or was used already".to_owned()))?;
                    code.used_at = Some(change.at);
                    change.put(&code)?;
                    holders.push(code.holder);
                }
                if holders.first() == holders.get(1) {
                    return Err(CommandError::Wrong("the two codes are one person's: it takes two people's".to_owned()));
                }
                format!("the codes of {}", holders.join(" and "))
            }
            (false, []) => {
                let what = "without two people's codes it takes root of this host: sudo weir break-glass …, or --code twice";
                return Err(CommandError::Wrong(what.to_owned()));
            }
            _ => return Err(CommandError::Wrong("it takes two codes, of two people".to_owned())),
        };
        let at = change.at;
        let glass = Glass {
            id: GlassId::new(at, random()),
            target: target.clone(),
            lift,
            reason: reason.clone(),
            by: actor.name().to_owned(),
            with,
            since: at,
            until: at.after(Duration::from_secs(*seconds)),
            ended_at: None,
            review: None,
        };
        change.put(&glass)?;
        let details = json!({
            "target": glass.target, "lift": glass.lift, "reason": glass.reason, "with": glass.with, "until": glass.until,
            "alert": "high", "review": "owed",
        });
        change.tell(Kind::GlassBroken, &glass.by, &glass.id.to_string(), &details)?;
        tracing::error!(id = %glass.id, by = glass.by, target = glass.target, reason = glass.reason, "somebody broke the glass");
        Ok(glass)
    })
}

/// Ends it before its time.
pub(super) fn end(ledger: &Ledger, actor: &Actor, id: GlassId) -> Result<Glass, CommandError> {
    ledger.change(|change| {
        let mut glass: Glass = change.find(id.number())?.ok_or_else(|| CommandError::missing(id))?;
        actor.must(Role::Operator, on(&glass), "to end a break-glass")?;
        if glass.ended_at.is_some() {
            return Err(CommandError::over(id, "ended"));
        }
        glass.ended_at = Some(change.at);
        change.put(&glass)?;
        change.tell(Kind::GlassEnded, actor.name(), &id.to_string(), &json!({ "target": glass.target, "review": "owed" }))?;
        Ok(glass)
    })
}

/// Somebody else has looked at what was done.
pub(super) fn review(ledger: &Ledger, actor: &Actor, id: GlassId, finding: &str) -> Result<Glass, CommandError> {
    ledger.change(|change| {
        let mut glass: Glass = change.find(id.number())?.ok_or_else(|| CommandError::missing(id))?;
        actor.must(Role::Auditor, on(&glass), "to review a break-glass")?;
        if actor.person.is(&glass.by) {
            return Err(hold::Ineligible::Own(actor.name().to_owned()).into());
        }
        if finding.trim().is_empty() || finding.len() > hold::REASON_BYTES {
            return Err(hold::Ineligible::Reason.into());
        }
        if glass.holds(change.at) {
            return Err(CommandError::Wrong(format!("{id} is not over: `weir break-glass end {id}` ends it")));
        }
        if glass.review.is_some() {
            return Err(CommandError::over(id, "reviewed"));
        }
        glass.review = Some(Review { by: actor.name().to_owned(), finding: finding.to_owned(), at: change.at });
        change.put(&glass)?;
        change.tell(Kind::GlassReviewed, actor.name(), &id.to_string(), &json!({ "finding": finding }))?;
        Ok(glass)
    })
}

/// Those in force or owing a review, and up to as many as the page has that are reviewed, the newest first.
pub(super) fn list(ledger: &Ledger, actor: &Actor, page: Page) -> Result<Listed<Glass>, CommandError> {
    let (all, next) = ledger.look(|look| look.latest::<Glass>(page.past, page.before))?;
    let page = Listed::behind(all, next.map(GlassId::from_number));
    Ok(page.retain(|glass| actor.may(Role::Viewer, on(glass))))
}

/// Makes a code for each of `people`, instead of those that they had. They are shown once, and kept as hashes.
pub(super) fn codes(ledger: &Ledger, actor: &Actor, people: &[String]) -> Result<Vec<(String, String)>, CommandError> {
    actor.must(Role::Admin, On::default(), "to make codes")?;
    if people.len() < 2 {
        return Err(CommandError::Wrong("codes are made for at least two people: it takes two of them".to_owned()));
    }
    let mut made = Vec::new();
    for person in people {
        let code = random_text().map_err(|error| CommandError::Wrong(error.to_string()))?;
        made.push((person.clone(), code));
    }
    ledger.change(|change| {
        for mut old in change.open::<Code>()?.into_iter().filter(|code| people.contains(&code.holder)) {
            old.used_at = Some(change.at);
            change.put(&old)?;
        }
        for (number, (person, code)) in (0u64..).zip(&made) {
            // Ids have to differ, and nobody names them.
            let id = (change.at.0 >> 16) << 8 | number;
            change.put(&Code { id, holder: person.clone(), sha256: digest(code), made_at: change.at, used_at: None })?;
        }
        change.tell(Kind::GlassCodes, actor.name(), "break-glass", &json!({ "people": people }))
    })?;
    Ok(made)
}

fn digest(code: &str) -> String {
    fingerprint(code.trim())
}

fn on(glass: &Glass) -> On<'_> {
    On { target: Some(&glass.target), workload: None }
}
