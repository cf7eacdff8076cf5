//! Jobs as the kernel side knows them, and the rules by which it makes one of a new cgroup.

/// A job: everything in a cgroup, or of a user, that belongs to one run.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobTag {
    /// The number of the run.
    pub run: u64,
    /// The number of the rule that made the job, or [`JobTag::NO_RULE`].
    pub rule: u32,
    /// What the job may: the `FLAG_` constants.
    pub flags: u32,
}

impl JobTag {
    /// In place of a rule's number: the job was made by name.
    pub const NO_RULE: u32 = u32::MAX;
    /// No job at all: no run has the number 0.
    pub const NONE: Self = Self { run: 0, rule: 0, flags: 0 };

    /// Whether it is no job.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.run == 0
    }

    /// The tag of a run that was started by name.
    #[must_use]
    pub const fn of_run(run: u64) -> Self {
        Self { run, rule: Self::NO_RULE, flags: 0 }
    }
}

/// Only this host's loopback device reaches the job's listeners, whatever address they are bound to: what they
/// answer to others is dropped.
pub const FLAG_LISTEN_ON_LOOPBACK: u32 = 1;

/// How many rules there may be.
pub const RULES_MAX: usize = 64;
/// The longest pattern of a rule, in bytes.
pub const RULE_PATTERN_MAX: usize = 120;

/// A rule: a new cgroup whose path matches becomes a job. Its number is its place in `RULES`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The flags of the jobs that it makes.
    pub flags: u32,
    /// How many bytes of the pattern count; 0 where there is no rule.
    pub length: u32,
    /// A path from the root of the hierarchy, in which `*` stands for any bytes.
    pub pattern: [u8; RULE_PATTERN_MAX],
}

impl Default for Rule {
    fn default() -> Self {
        Self { flags: 0, length: 0, pattern: [0; RULE_PATTERN_MAX] }
    }
}

const _: () = assert!(size_of::<JobTag>() == 16);
const _: () = assert!(size_of::<Rule>() == 128);
