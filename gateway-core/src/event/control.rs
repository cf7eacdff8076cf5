//! What each step of the ledger is to a receiver: whether somebody was let do something, something was changed, somebody signed in.

/// What a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// More, or something in particular, was asked for, given or taken away.
    Authorize(Authorize),
    /// Something that weir keeps was changed.
    Manage(Manage, Kept),
    /// Somebody did something to what is running.
    Operate(Manage),
    /// Somebody signed in, or out, or was not let in.
    Authenticate(Sign),
    /// The directory has somebody otherwise.
    Account(Account),
    /// Something of weir's own failed.
    Error,
}

/// What became of a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authorize {
    /// It is waited for.
    Asked,
    /// One of those who may has approved.
    Approved,
    /// It is there.
    Given,
    /// It is not.
    Denied,
    /// It is there no more.
    Ended,
}

/// What was done to a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manage {
    /// It is new.
    Create,
    /// It is another than before.
    Update,
    /// It is gone.
    Delete,
    /// It is set aside for a while.
    Suspend,
    /// It is in force again.
    Resume,
    /// Somebody has looked at it, or tried it.
    Read,
}

/// The kinds of things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// What refuses or lets pass.
    Policy,
    /// A group of people.
    Group,
    /// A job by its identity, and who owns it.
    Workload,
    /// A token, or a code.
    Token,
}

/// What somebody did with the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// In.
    In,
    /// Out.
    Out,
    /// Not let in.
    Refused,
}

/// What became of somebody's entry in the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    /// It is new.
    Create,
    /// It is another than before.
    Change,
    /// They may no more.
    Disable,
    /// They may again.
    Enable,
    /// It is gone.
    Delete,
}

/// The steps by their names, and what each is.
pub const ACTS: [(&str, Act); 56] = [
    ("hold.asked", Act::Authorize(Authorize::Asked)),
    ("hold.approved", Act::Authorize(Authorize::Approved)),
    ("hold.released", Act::Authorize(Authorize::Given)),
    ("hold.denied", Act::Authorize(Authorize::Denied)),
    ("hold.expired", Act::Authorize(Authorize::Denied)),
    ("hold.withdrawn", Act::Authorize(Authorize::Ended)),
    ("hold.abandoned", Act::Authorize(Authorize::Ended)),
    ("grant.requested", Act::Authorize(Authorize::Asked)),
    ("grant.approved", Act::Authorize(Authorize::Approved)),
    ("grant.given", Act::Authorize(Authorize::Given)),
    ("grant.denied", Act::Authorize(Authorize::Denied)),
    ("grant.revoked", Act::Authorize(Authorize::Ended)),
    ("grant.ended", Act::Authorize(Authorize::Ended)),
    ("block.added", Act::Manage(Manage::Create, Kept::Policy)),
    ("block.lifted", Act::Manage(Manage::Delete, Kept::Policy)),
    ("block.ended", Act::Manage(Manage::Delete, Kept::Policy)),
    ("glass.broken", Act::Manage(Manage::Suspend, Kept::Policy)),
    ("glass.ended", Act::Manage(Manage::Resume, Kept::Policy)),
    ("glass.reviewed", Act::Manage(Manage::Read, Kept::Policy)),
    ("glass.codes", Act::Manage(Manage::Create, Kept::Token)),
    ("session.killed", Act::Operate(Manage::Delete)),
    ("session.rerun", Act::Operate(Manage::Read)),
    ("run.frozen", Act::Operate(Manage::Suspend)),
    ("run.thawed", Act::Operate(Manage::Resume)),
    ("run.killed", Act::Operate(Manage::Delete)),
    ("policy.replaced", Act::Manage(Manage::Update, Kept::Policy)),
    ("notify.failed", Act::Error),
    ("notify.tested", Act::Operate(Manage::Read)),
    ("person.signed-in", Act::Authenticate(Sign::In)),
    ("person.at-shell", Act::Authenticate(Sign::In)),
    ("person.signed-out", Act::Authenticate(Sign::Out)),
    ("person.refused", Act::Authenticate(Sign::Refused)),
    ("token.made", Act::Manage(Manage::Create, Kept::Token)),
    ("token.revoked", Act::Manage(Manage::Delete, Kept::Token)),
    ("token.ended", Act::Manage(Manage::Delete, Kept::Token)),
    ("person.provisioned", Act::Account(Account::Create)),
    ("person.changed", Act::Account(Account::Change)),
    ("person.deactivated", Act::Account(Account::Disable)),
    ("person.reactivated", Act::Account(Account::Enable)),
    ("person.removed", Act::Account(Account::Delete)),
    ("group.changed", Act::Manage(Manage::Update, Kept::Group)),
    ("owner.left", Act::Manage(Manage::Update, Kept::Workload)),
    ("owner.changed", Act::Manage(Manage::Update, Kept::Workload)),
    ("legal-hold.set", Act::Manage(Manage::Create, Kept::Policy)),
    ("legal-hold.lifted", Act::Manage(Manage::Delete, Kept::Policy)),
    ("finding.told", Act::Operate(Manage::Create)),
    ("finding.counted", Act::Operate(Manage::Update)),
    ("snooze.set", Act::Manage(Manage::Suspend, Kept::Policy)),
    ("snooze.lifted", Act::Manage(Manage::Resume, Kept::Policy)),
    ("snooze.ended", Act::Manage(Manage::Resume, Kept::Policy)),
    ("records.pruned", Act::Operate(Manage::Delete)),
    ("unseal.asked", Act::Authorize(Authorize::Asked)),
    ("unseal.approved", Act::Authorize(Authorize::Approved)),
    ("unseal.released", Act::Authorize(Authorize::Given)),
    ("unseal.denied", Act::Authorize(Authorize::Denied)),
    ("unseal.expired", Act::Authorize(Authorize::Ended)),
];

/// What the step of this name is; one that is not known changes something that is not known either.
#[must_use]
pub fn act(name: &str) -> Act {
    let known = ACTS.iter().find(|(one, _)| *one == name);
    known.map_or(Act::Operate(Manage::Update), |(_, act)| *act)
}
