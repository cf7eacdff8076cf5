//! What this kernel and host give, found out by loading each feature rather than by version.

use super::attach::may_load;
use super::btf::Offsets;
use super::disguise::DisguiseRoute;
use super::load::{self, Constants, Hook};
use super::{CaptureError, cgroup};
use aya::programs::{LsmAttachType, ProgramType};
use aya::sys::is_program_supported;
use std::error::Error;

/// How much depends on a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// Without it nothing can be intercepted.
    Core,
    /// Without it weir works, with the limit that the probe names.
    Optional,
}

/// One feature of the kernel or the host, tried out.
#[derive(Clone, Debug)]
pub struct Probe {
    /// What was tried.
    pub feature: &'static str,
    /// How much depends on it.
    pub tier: Tier,
    /// Whether it is there.
    pub available: bool,
    /// Why it is missing and what follows, or what it is good for.
    pub why: String,
}

/// Tries every feature that weir uses, and leaves nothing behind.
#[must_use]
pub fn probe() -> Vec<Probe> {
    let offsets = Offsets::of_kernel();
    let route = DisguiseRoute::add();
    let mut probes = vec![
        core("privileges", if may_load() { Ok(()) } else { Err(CaptureError::NoPrivilege.to_string()) }),
        core("cgroup v2", cgroup::cgroup2_mount().map(drop).map_err(|error| error.to_string())),
        core("kernel types (BTF)", offsets.clone().map(drop)),
    ];
    probes.extend(programs(offsets.ok(), route.is_ok()));
    probes.push(optional("IPv6", route.map(drop).map_err(|error| format!("{error}; IPv6 connects of jobs are refused"))));
    probes.push(optional("a chosen errno (bpf_set_retval)", missing(load::has_retval(), "every refusal reads as EPERM")));
    let unified = !cgroup::is_hybrid();
    probes.push(optional("unified cgroups", missing(unified, "cgroup v1 is mounted too: containers can't be told apart")));
    let lsm = is_program_supported(ProgramType::Lsm(LsmAttachType::Mac)).unwrap_or(false);
    probes.push(optional("LSM hooks", missing(lsm, "sockets handed over from outside a job are not refused at the hand-over")));
    probes
}

/// One probe for each kernel program: loaded for real, and dropped.
fn programs(offsets: Option<Offsets>, has_ipv6: bool) -> Vec<Probe> {
    let offsets = offsets.ok_or_else(|| "not tried: the kernel's types are missing".to_owned());
    let object = offsets.and_then(|offsets| {
        let constants = Constants { mark: 1, has_ipv6, kernel_log: false, doors: true, offsets };
        load::object(&constants, None).map_err(|error| reasons(&error))
    });
    let mut object = match object {
        Ok(object) => object,
        Err(why) => return load::HOOKS.iter().map(|hook| core(hook.feature, Err(why.clone()))).collect(),
    };
    let try_one = |hook: &'static Hook| {
        let loaded = load::program(&mut object, hook.program).map_err(|error| error.to_string());
        core(hook.feature, loaded.and_then(|program| load::load(program).map_err(|error| reasons(&error))))
    };
    load::HOOKS.iter().map(try_one).collect()
}

fn core(feature: &'static str, found: Result<(), String>) -> Probe {
    new(feature, Tier::Core, found)
}

fn optional(feature: &'static str, found: Result<(), String>) -> Probe {
    new(feature, Tier::Optional, found)
}

fn new(feature: &'static str, tier: Tier, found: Result<(), String>) -> Probe {
    Probe { feature, tier, available: found.is_ok(), why: found.err().unwrap_or_default() }
}

fn missing(there: bool, otherwise: &str) -> Result<(), String> {
    if there { Ok(()) } else { Err(otherwise.to_owned()) }
}

/// An error and what it came from, each said once, the first line of each.
fn reasons(error: &dyn Error) -> String {
    let mut text = error.to_string().lines().next().unwrap_or_default().to_owned();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let line = inner.to_string();
        let line = line.lines().next().unwrap_or_default();
        if !text.contains(line) {
            text = format!("{text}: {line}");
        }
        cause = inner.source();
    }
    text
}
