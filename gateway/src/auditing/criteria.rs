//! SOC 2's common criteria (AICPA, Trust Services Criteria, series CC6 to CC8) that weir gives evidence for, and what that
//! evidence does not say. The titles are our own short words, not the criteria's text.

use crate::ledger::Kind;

/// A criterion.
pub struct Criterion {
    /// Its number.
    pub id: &'static str,
    /// What it is about.
    pub title: &'static str,
    /// What weir gives.
    pub gives: &'static str,
    /// What weir does not claim.
    pub not_claimed: &'static str,
    /// The events that belong to it.
    pub kinds: &'static [Kind],
    /// The sessions that are listed with it.
    pub sessions: Sessions,
}

/// Which sessions are listed with a criterion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sessions {
    /// None.
    None,
    /// All of them.
    All,
    /// Those in which something waited for people, or went through by broken glass.
    Approved,
    /// Those that were refused, or of which something was.
    Refused,
    /// Those that were shown values of a class, or masked ones.
    Classed,
    /// Those with something that someone should look at.
    Found,
}

/// All of them, in their order.
pub static CRITERIA: [Criterion; 9] = [
    Criterion {
        id: "CC6.1",
        title: "Logical access to protected data",
        gives: "Every session of a job that weir intercepted: the workload and its owner as the kernel or a signed token told \
                them, the target, the account, what was accessed, the policies that decided, and how much came back.",
        not_claimed: "Access that did not go through weir: people's own clients, hosts without it, and jobs outside of its \
                      rules. Whether the policy is the right one.",
        kinds: &[],
        sessions: Sessions::All,
    },
    Criterion {
        id: "CC6.2",
        title: "People and credentials are registered, and removed",
        gives: "Who the directory brought and took away, who signed in, which tokens were made, revoked and ended, and which \
                codes were given out.",
        not_claimed: "That the identity provider's own records are right, and when people truly left: weir knows what the \
                      directory told it.",
        kinds: &[
            Kind::PersonProvisioned,
            Kind::PersonReactivated,
            Kind::PersonDeactivated,
            Kind::PersonRemoved,
            Kind::SignedIn,
            Kind::ShellBound,
            Kind::SignedOut,
            Kind::SignInRefused,
            Kind::TokenMade,
            Kind::TokenRevoked,
            Kind::TokenEnded,
            Kind::GlassCodes,
        ],
        sessions: Sessions::None,
    },
    Criterion {
        id: "CC6.3",
        title: "Access is authorised, changed and taken away",
        gives: "What was asked for, who approved and who denied, when it was given, when it ended; owners who left and who \
                took over; and the sessions that went on by an approval, with the names of those who gave it.",
        not_claimed: "Which of several grants in force a session needed: a decision names its policies, and policies ask \
                      whether a grant covers the access. That approvers were the right people to ask.",
        kinds: &[
            Kind::HoldAsked,
            Kind::HoldApproved,
            Kind::HoldReleased,
            Kind::HoldDenied,
            Kind::HoldExpired,
            Kind::HoldWithdrawn,
            Kind::HoldAbandoned,
            Kind::GrantRequested,
            Kind::GrantApproved,
            Kind::GrantGiven,
            Kind::GrantDenied,
            Kind::GrantRevoked,
            Kind::GrantEnded,
            Kind::PersonChanged,
            Kind::GroupChanged,
            Kind::OwnerLeft,
            Kind::OwnerChanged,
        ],
        sessions: Sessions::Approved,
    },
    Criterion {
        id: "CC6.6",
        title: "Boundaries against what is outside",
        gives: "What jobs tried to reach and were refused: by policy, by the kernel side, and by name; the blocks that people \
                set and lifted.",
        not_claimed: "The network's own boundaries: firewalls, segments, what comes in from outside.",
        kinds: &[Kind::BlockAdded, Kind::BlockLifted, Kind::BlockEnded],
        sessions: Sessions::Refused,
    },
    Criterion {
        id: "CC6.7",
        title: "Sensitive data in motion",
        gives: "Sessions in which values of a configured class were shown as they are, by which policy, and how many rows were \
                masked in others; sealed layers that one person opened because another agreed; records that people had removed.",
        not_claimed: "Data in columns that nobody gave a class, and what a job did with rows after they reached it.",
        kinds: &[
            Kind::UnsealAsked,
            Kind::UnsealApproved,
            Kind::UnsealReleased,
            Kind::UnsealDenied,
            Kind::UnsealExpired,
            Kind::RecordsPruned,
        ],
        sessions: Sessions::Classed,
    },
    Criterion {
        id: "CC7.2",
        title: "Monitoring for anomalies",
        gives: "Findings of intercepted sessions, what rules of detection told and who snoozed them, notices that could not \
                be delivered, and whether the records themselves are as they were written.",
        not_claimed: "That every anomaly is a finding. Records are checked by chains: who owns the whole host can rewrite \
                      records and log alike, unless heads are kept elsewhere.",
        kinds: &[
            Kind::NotifyFailed,
            Kind::NotifyTested,
            Kind::FindingTold,
            Kind::FindingCounted,
            Kind::SnoozeSet,
            Kind::SnoozeLifted,
            Kind::SnoozeEnded,
        ],
        sessions: Sessions::Found,
    },
    Criterion {
        id: "CC7.3",
        title: "Events are evaluated",
        gives: "Reviews of broken glass, with what was found, and sessions that were run again elsewhere to look at them.",
        not_claimed: "What people concluded outside of weir.",
        kinds: &[Kind::GlassReviewed, Kind::SessionRerun, Kind::LegalHoldSet, Kind::LegalHoldLifted],
        sessions: Sessions::None,
    },
    Criterion {
        id: "CC7.4",
        title: "Response to incidents",
        gives: "Sessions and runs that people killed or froze, and glass that was broken, by whom and why.",
        not_claimed: "The incident process itself, and what was done outside of weir.",
        kinds: &[Kind::SessionKilled, Kind::RunFrozen, Kind::RunThawed, Kind::RunKilled, Kind::GlassBroken, Kind::GlassEnded],
        sessions: Sessions::None,
    },
    Criterion {
        id: "CC8.1",
        title: "Changes of what decides",
        gives: "Each replacement of the policy set by command, and the sets that were in force, by hash and time. A record names \
                the set that decided; its text is kept.",
        not_claimed: "Review and approval of a policy's text before it was loaded, and changes of the configuration file.",
        kinds: &[Kind::PolicyReplaced],
        sessions: Sessions::None,
    },
];

impl Criterion {
    /// The criterion that an event belongs to.
    #[must_use]
    pub fn of(kind: Kind) -> Option<&'static Self> {
        CRITERIA.iter().find(|criterion| criterion.kinds.contains(&kind))
    }
}

impl Sessions {
    /// Whether a session is listed.
    #[must_use]
    pub fn includes(self, access: &super::Access) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Approved => !access.approvals.is_empty() || access.break_glass.is_some(),
            Self::Refused => access.refused > 0 || access.would_refuse > 0,
            Self::Classed => !access.reveals.is_empty() || access.masked_rows > 0,
            Self::Found => !access.findings.is_empty() || access.state == "damaged" || access.state == "unclosed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_belongs_to_exactly_one_criterion() {
        for kind in Kind::ALL {
            let of = CRITERIA.iter().filter(|criterion| criterion.kinds.contains(kind)).count();
            assert_eq!(of, 1, "{}", kind.name());
        }
    }
}
