//! What is a job when the daemon comes: what the one before left in the kernel, and what rules match.

use super::Gateway;
use crate::capture::{self, KernelTarget};
use crate::config::targets::Match;
use crate::host::{How, Jobs, find, look, rule_at, tell_kernel};
use crate::identity::Claimant;
use anyhow::{Result, bail};
use gateway_core::model::ids::RunId;
use std::net::{IpAddr, SocketAddr};

/// Fills the table of jobs, and looks at the connections that each has already.
pub(super) fn find_jobs(gateway: &Gateway, jobs: &Jobs) -> Result<()> {
    let (shared, config) = (&gateway.shared, &gateway.shared.config);
    let containers = config.jobs.iter().any(|rule| rule.is_about_containers());
    if containers && capture::is_hybrid() {
        bail!(
            "a [[job]] is about containers, and cgroup v1 is mounted here too: containers can't be told apart then. \
             Boot with systemd.unified_cgroup_hierarchy=1, or write rules on units, cgroups and users"
        );
    }
    // First: a cgroup that is made while the others are looked for is a job by this.
    tell(gateway, jobs)?;
    for (cgroup_id, job) in shared.capture.jobs()? {
        let rule = rule_at(&config.jobs, job.rule);
        match capture::cgroup_path(cgroup_id) {
            Some(path) if !jobs.recover(RunId::from_number(job.run), rule, &path, cgroup_id) => {
                shared.capture.remove_job(cgroup_id);
            }
            Some(_) => {}
            None => shared.capture.remove_job(cgroup_id),
        }
    }
    find(shared, jobs)?;
    for job in jobs.all() {
        match job.how {
            How::Begun { .. } | How::Rule(_) => shared.resolver.claim(job.run, Claimant::Cgroup { id: job.cgroup_id }),
            How::User { .. } => {}
        }
        let connections = look(jobs, &job, &gateway.diary, config.host.existing);
        tracing::info!(run = %job.run, cgroup = job.cgroup, connections, "a job that was there before");
    }
    Ok(())
}

/// Tells the kernel side what the configuration says of jobs and targets. Jobs that there are stay.
pub(super) fn tell(gateway: &Gateway, jobs: &Jobs) -> Result<()> {
    let shared = &gateway.shared;
    tell_kernel(shared, jobs)?;
    let mut targets = Vec::new();
    for target in shared.config.targets.iter() {
        let one = |address: IpAddr, prefix, port| KernelTarget {
            address,
            prefix,
            port: Some(port),
            is_closed: target.closed_outside,
            passes_when_down: target.passes_when_down,
        };
        let host = |address: SocketAddr| one(address.ip(), if address.is_ipv4() { 32 } else { 128 }, address.port());
        if !target.closed_outside && !target.passes_when_down {
            continue;
        }
        for place in &target.matches {
            match place {
                Match::Address(address) => targets.push(host(*address)),
                Match::Network { address, bits, port } => targets.push(one(*address, *bits, *port)),
                Match::Name { addresses, .. } => targets.extend(addresses.iter().copied().map(host)),
            }
        }
    }
    shared.capture.set_targets(&targets)?;
    Ok(())
}
