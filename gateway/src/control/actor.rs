//! Who asks for something, how they are known, and what they may.

use super::error::CommandError;
use crate::host::Peer;
use crate::session::context::Shared;
use gateway_core::control::person::Person;
pub use gateway_core::control::role::{APPROVERS, On, Role, Scoped};
use gateway_core::model::ids::{RunId, TokenId};
use std::collections::BTreeSet;

/// Somebody at the desk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// Who.
    pub person: Person,
    /// How they came.
    pub via: Via,
    /// What they may, and where.
    pub roles: Vec<Scoped>,
}

/// How somebody came to the desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// By a unix socket of this host: the kernel says which process.
    Socket(Peer),
    /// The same, from inside of a job: it may ask for its own, and answer nothing.
    Job(Peer, RunId),
    /// By the command line of root on this host, with no gateway in between.
    Host,
    /// By a browser, signed in with the identity provider.
    Web,
    /// By a token of the API's.
    Token(TokenId),
}

impl Actor {
    /// Root at the command line of this host.
    #[must_use]
    pub fn root(login: Option<String>) -> Self {
        let name = login.unwrap_or_else(|| "root".to_owned());
        Self { person: Person { name, groups: BTreeSet::new(), local_root: true }, via: Via::Host, roles: Vec::new() }
    }

    /// weir itself, where a rule says what is to be done.
    #[must_use]
    pub fn weir() -> Self {
        Self::root(Some("weir".to_owned()))
    }

    /// Somebody of whom nothing is known, and who may nothing.
    #[must_use]
    pub fn nobody() -> Self {
        let person = Person { name: "nobody".to_owned(), ..Person::default() };
        Self { person, via: Via::Web, roles: Vec::new() }
    }

    /// Who is at the other end of a unix socket. Root is told apart by who logged in; a job, whoever it runs as, is a job.
    #[must_use]
    pub fn at_socket(shared: &Shared, peer: Peer) -> Self {
        let run = shared.capture.run_of(peer.pid).map(RunId::from_number);
        let is_root = peer.uid == 0 || peer.uid == nix::unistd::geteuid().as_raw();
        let login = login(peer.pid);
        let name = login.or_else(|| user(peer.uid)).unwrap_or_else(|| format!("uid {}", peer.uid));
        let local_root = is_root && run.is_none();
        let via = run.map_or(Via::Socket(peer), |run| Via::Job(peer, run));
        Self { person: Person { name, groups: BTreeSet::new(), local_root }, via, roles: Vec::new() }
    }

    /// Whether they may do what takes `role`, to this.
    #[must_use]
    pub fn may(&self, role: Role, on: On<'_>) -> bool {
        self.person.local_root || self.roles.iter().any(|scoped| scoped.role.includes(role) && scoped.is_for(on))
    }

    /// Whether they may look at anything of that target.
    #[must_use]
    pub fn sees_target(&self, target: &str) -> bool {
        self.person.local_root || self.roles.iter().any(|scoped| scoped.is_about_target(target))
    }

    /// Whether they may do what takes `role` to anything at all.
    #[must_use]
    pub fn may_somewhere(&self, role: Role) -> bool {
        self.person.local_root || self.roles.iter().any(|scoped| scoped.role.includes(role))
    }

    /// The same as [`Self::may`], as an error where they may not. From inside of a job nobody may.
    pub(super) fn must(&self, role: Role, on: On<'_>, what: &'static str) -> Result<(), CommandError> {
        if matches!(self.via, Via::Job(..)) {
            return Err(CommandError::Job);
        }
        let forbidden = || CommandError::Forbidden { who: self.person.name.clone(), what, role: role.name() };
        if self.may(role, on) { Ok(()) } else { Err(forbidden()) }
    }

    /// The person as a voter on this: one who may approve it counts for [`APPROVERS`].
    #[must_use]
    pub fn voter(&self, on: On<'_>) -> Person {
        let mut person = self.person.clone();
        if self.may(Role::Approver, on) {
            person.groups.insert(APPROVERS.to_owned());
        }
        person
    }

    /// The name for records.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.person.name
    }
}

/// Who logged in and started this process (`/proc/PID/loginuid`).
#[must_use]
pub fn login(pid: u32) -> Option<String> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/loginuid")).ok()?;
    text.trim().parse().ok().filter(|uid| *uid != u32::MAX).and_then(user)
}

fn user(uid: u32) -> Option<String> {
    nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid)).ok().flatten().map(|user| user.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actor(role: Role, targets: &[&str], workloads: &[&str]) -> Actor {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let scoped = Scoped { role, targets: texts(targets), workloads: texts(workloads) };
        Actor { person: Person { name: "ana".to_owned(), ..Person::default() }, via: Via::Host, roles: vec![scoped] }
    }

    #[test]
    fn a_role_may_what_it_says_and_only_there() {
        let prod = On { target: Some("prod-pg"), workload: Some(("spiffe://a/ci/team-a/x", Some("backup"))) };
        for (actor, role, expected) in [
            (actor(Role::Approver, &[], &[]), Role::Approver, true),
            (actor(Role::Approver, &["prod-*"], &[]), Role::Approver, true),
            (actor(Role::Approver, &["dev-*"], &[]), Role::Approver, false),
            (actor(Role::Approver, &[], &["spiffe://a/ci/team-b/*"]), Role::Approver, false),
            (actor(Role::Approver, &[], &["backup"]), Role::Approver, true),
            (actor(Role::Approver, &[], &[]), Role::Operator, false),
            (actor(Role::Operator, &[], &[]), Role::Approver, false),
            (actor(Role::Operator, &[], &[]), Role::Viewer, true),
            (actor(Role::Auditor, &[], &[]), Role::Operator, false),
            (actor(Role::Viewer, &[], &[]), Role::Auditor, false),
            (actor(Role::Admin, &[], &[]), Role::Operator, true),
        ] {
            assert_eq!(actor.may(role, prod), expected, "{actor:?} {role:?}");
        }
        // What is about everything is nobody's who has only a part.
        assert!(!actor(Role::Operator, &["prod-*"], &[]).may(Role::Operator, On::default()));
        assert!(actor(Role::Approver, &[], &[]).voter(prod).belongs_to(APPROVERS));
        assert!(!actor(Role::Viewer, &[], &[]).voter(prod).belongs_to(APPROVERS));
    }
}
