//! What user space tells the kernel side in advance: rules, users and targets.

use super::CaptureError;
use super::sys;
use gateway_common::{
    JobTag, KernelSettings, RULE_PATTERN_MAX, RULES_MAX, Rule, TARGET_CLOSED, TARGET_PASS_WHEN_DOWN, TARGETS_MAX, TargetKey,
};
use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::{Mutex, PoisonError};

/// By which a new cgroup becomes a job. Its number is its place in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelRule(Rule);

impl KernelRule {
    /// A rule for paths, from the root of the hierarchy and with a leading `/`, in which `*` stands for any bytes,
    /// `/` included.
    ///
    /// # Errors
    /// Where the pattern is empty or longer than 120 bytes.
    pub fn new(pattern: &str, flags: u32) -> Result<Self, CaptureError> {
        let mut rule = Rule { flags, ..Rule::default() };
        let room = rule.pattern.get_mut(..pattern.len()).filter(|room| !room.is_empty());
        let room = room.ok_or_else(|| CaptureError::Pattern { pattern: pattern.to_owned(), most: RULE_PATTERN_MAX })?;
        room.copy_from_slice(pattern.as_bytes());
        rule.length = pattern.len() as u32;
        Ok(Self(rule))
    }
}

/// A destination that the kernel side treats apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KernelTarget {
    /// The network's address.
    pub address: IpAddr,
    /// How many of its bits count: 32 or 128 for one host.
    pub prefix: u8,
    /// The port, or nothing for every port.
    pub port: Option<u16>,
    /// Processes outside every job may not connect to it: `EACCES`, and an event.
    pub is_closed: bool,
    /// While the gateway is down, jobs connect to it directly; each time is an event.
    pub passes_when_down: bool,
}

impl KernelTarget {
    fn key(&self) -> TargetKey {
        let (address, bits) = match self.address {
            IpAddr::V4(v4) => (v4.to_ipv6_mapped(), 96 + u32::from(self.prefix.min(32))),
            IpAddr::V6(v6) => (v6, u32::from(self.prefix.min(128))),
        };
        let [high, low] = self.port.unwrap_or(0).to_be_bytes();
        TargetKey { bits: 32 + bits, port: [0, 0, high, low], address: address.octets() }
    }

    const fn flags(&self) -> u32 {
        let closed = if self.is_closed { TARGET_CLOSED } else { 0 };
        closed | if self.passes_when_down { TARGET_PASS_WHEN_DOWN } else { 0 }
    }
}

/// The maps, and what the settings say of them.
pub(super) struct Tables {
    pub(super) settings: OwnedFd,
    pub(super) rules: OwnedFd,
    pub(super) targets: OwnedFd,
    pub(super) uids: OwnedFd,
    pub(super) current: Mutex<KernelSettings>,
}

impl Tables {
    pub(super) fn set_rules(&self, rules: &[KernelRule]) -> Result<(), CaptureError> {
        if rules.len() > RULES_MAX {
            return Err(CaptureError::TooMany { what: "rules for jobs", most: RULES_MAX });
        }
        let places = rules.iter().map(|rule| rule.0).chain(std::iter::repeat(Rule::default()));
        for (place, rule) in (0..RULES_MAX as u32).zip(places) {
            sys::update(self.rules.as_fd(), &place, &rule).map_err(failed("the rules for jobs"))?;
        }
        Ok(())
    }

    /// What stays is not touched, what is new is there before what is old goes.
    pub(super) fn set_targets(&self, targets: &[KernelTarget]) -> Result<(), CaptureError> {
        let mut wanted = HashMap::new();
        for target in targets.iter().filter(|target| target.flags() != 0) {
            let key = target.key();
            *wanted.entry((key.bits, key.port, key.address)).or_insert(0) |= target.flags();
        }
        if wanted.len() > TARGETS_MAX {
            return Err(CaptureError::TooMany { what: "targets that the kernel knows", most: TARGETS_MAX });
        }
        let failed = failed("the targets");
        let standing = sys::entries::<TargetKey, u32>(self.targets.as_fd()).map_err(&failed)?;
        // First that there are any, then which: the other way round the first ones would not be looked for yet.
        self.count(|settings| settings.targets = settings.targets.max(wanted.len() as u32))?;
        for (&(bits, port, address), flags) in &wanted {
            sys::update(self.targets.as_fd(), &TargetKey { bits, port, address }, flags).map_err(&failed)?;
        }
        for (key, _) in standing {
            if !wanted.contains_key(&(key.bits, key.port, key.address)) {
                sys::remove(self.targets.as_fd(), &key).map_err(&failed)?;
            }
        }
        self.count(|settings| settings.targets = wanted.len() as u32)
    }

    pub(super) fn add_uid(&self, uid: u32, job: JobTag) -> Result<(), CaptureError> {
        self.count(|settings| settings.uids = settings.uids.saturating_add(1))?;
        sys::update(self.uids.as_fd(), &uid, &job).map_err(failed("the users that are jobs"))
    }

    pub(super) fn uids(&self) -> Result<Vec<(u32, JobTag)>, CaptureError> {
        sys::entries(self.uids.as_fd()).map_err(failed("the users that are jobs"))
    }

    pub(super) fn remove_uid(&self, uid: u32) -> Result<(), CaptureError> {
        sys::remove(self.uids.as_fd(), &uid).map_err(failed("the users that are jobs"))?;
        let left = self.uids()?.len();
        self.count(|settings| settings.uids = left as u32)
    }

    fn count(&self, change: impl FnOnce(&mut KernelSettings)) -> Result<(), CaptureError> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut current);
        sys::update(self.settings.as_fd(), &0_u32, &*current).map_err(failed("the settings"))
    }
}

fn failed(what: &'static str) -> impl Fn(io::Error) -> CaptureError {
    move |source| CaptureError::Map { what, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_s_key_begins_with_its_port_and_counts_the_bits_of_its_network() {
        let target = |address: &str, prefix, port| KernelTarget {
            address: address.parse().unwrap(),
            prefix,
            port,
            is_closed: true,
            passes_when_down: false,
        };
        let key = target("192.0.2.0", 24, Some(5432)).key();
        assert_eq!((key.bits, key.port), (32 + 96 + 24, [0, 0, 0x15, 0x38]));
        assert_eq!(key.address.get(10..), Some([0xff, 0xff, 192, 0, 2, 0].as_slice()));
        assert_eq!(target("2001:db8::", 32, None).key().bits, 64);
    }

    #[test]
    fn a_pattern_has_its_bounds() {
        assert!(KernelRule::new("/system.slice/*", 0).is_ok() && KernelRule::new(&"x".repeat(120), 0).is_ok());
        assert!(KernelRule::new("", 0).is_err() && KernelRule::new(&"x".repeat(121), 0).is_err());
    }
}
