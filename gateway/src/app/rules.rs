//! What is a job when the daemon comes: what the one before left in the kernel, and what rules match.

use super::Gateway;
use crate::capture::{self, JobTag};
use crate::host::{Jobs, find, look, rule_at, tell_kernel};
use crate::identity::Claimant;
use anyhow::{Result, bail};
use gateway_core::model::ids::RunId;

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
    tell_kernel(shared)?;
    for (cgroup_id, job) in shared.capture.jobs()? {
        let rule = rule_at(&config.jobs, job.rule).and_then(|rule| u32::try_from(rule).ok()).unwrap_or(JobTag::NO_RULE);
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
        shared.resolver.claim(job.run, Claimant::Cgroup { id: job.cgroup_id });
        let connections = look(jobs, &job, &gateway.diary, config.host.existing);
        tracing::info!(run = %job.run, cgroup = job.cgroup, connections, "a job that was there before");
    }
    Ok(())
}
