//! Who connected: what the kernel shows of the process, and the workload that this makes it.

mod attested;
mod cgroup;
mod claims;
mod hash;
mod name;
mod process;
mod redact;
mod script;
#[cfg(test)]
mod tests;

pub use attested::Claimant;

use crate::config::{Config, WorkloadRule};
use crate::origin::Executable;
use crate::telemetry::host_name;
use attested::{Attestor, Outcome};
use cgroup::Cgroups;
use gateway_core::model::ids::RunId;
use gateway_core::model::principal::{Ancestor, Claims, Grade, Principal, Process};
use hash::{HashError, Hashes};
use name::Confirmed;
use process::{Live, Opened, Stat};
use std::io;
use std::sync::Arc;

/// Makes a [`Principal`] of a process. Shared by all sessions.
pub struct Resolver {
    trust_domain: String,
    host: String,
    workloads: Vec<WorkloadRule>,
    cgroups: Arc<Cgroups>,
    hashes: Hashes,
    attestor: Attestor,
}

/// What the kernel said of the process at its connect.
#[derive(Clone, Copy, Debug)]
pub struct IdentityInput {
    /// The thread group's id, in the gateway's pid namespace.
    pub pid: u32,
    /// When the group's leader started, in nanoseconds since boot.
    pub started_boottime_ns: u64,
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Id of the cgroup.
    pub cgroup_id: u64,
    /// The run that the session belongs to.
    pub run: RunId,
    /// The program that it ran at the connect; none where the kernel did not say.
    pub executable: Option<Executable>,
}

/// What `/proc` showed.
#[derive(Default)]
struct Observed {
    process: Process,
    confirmed: Confirmed,
    claims: Option<Claims>,
}

impl Resolver {
    /// A resolver for this host.
    pub fn new(config: &Config) -> Self {
        Self {
            trust_domain: config.trust_domain.clone(),
            host: host_name(),
            workloads: config.workloads.clone(),
            cgroups: Arc::new(Cgroups::new()),
            hashes: Hashes::default(),
            attestor: Attestor::new(config),
        }
    }

    /// This host's name.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Says who may show a run's token: to be called before the run's first connect, or the first process of
    /// the cgroup that dials is taken.
    pub fn claim(&self, run: RunId, claimant: Claimant) {
        self.attestor.claim(run, claimant);
    }

    /// Who may show which run's token, for the gateway that takes over.
    pub fn claimants(&self) -> Vec<(RunId, Claimant)> {
        self.attestor.claimants()
    }

    /// Forgets what is known of a run that has ended.
    pub fn forget(&self, run: RunId) {
        self.attestor.forget(run);
    }

    /// The same principal with what its run's token proves; what should have been proved and was not, stands in it.
    pub async fn attest(&self, mut principal: Principal) -> Principal {
        let Process { pid, cgroup_id, .. } = principal.process;
        match self.attestor.attest(principal.run, pid, cgroup_id, &self.cgroups).await {
            Outcome::Nothing => {}
            Outcome::Attested(named) => {
                principal.workload = name::spiffe(&self.trust_domain, named.path.iter().map(String::as_str));
                principal.grade = Grade::Attested;
                principal.attested = Some(named.attested.clone());
            }
            Outcome::Failed(failure) => principal.attestation_failure = Some(failure),
        }
        principal
    }

    /// Who this process is. Reads files, so it blocks; what it could not read stands in the gaps.
    pub fn resolve(&self, input: &IdentityInput) -> Principal {
        let live = Live::new(input.pid);
        let mut observed = Observed::default();
        if live.started_at(input.started_boottime_ns) {
            observed = self.observe(&live, input.executable);
        }
        // Again, since between two reads the id can have gone to another process.
        if !live.started_at(input.started_boottime_ns) {
            observed = Observed::default();
            observed.process.gaps.push("the process had ended".to_owned());
        }
        let Observed { mut process, confirmed, claims } = observed;
        process.pid = input.pid;
        process.started_boottime_ns = input.started_boottime_ns;
        process.uid = input.uid;
        process.gid = input.gid;
        process.user = user(input.uid);
        self.place(&mut process, input.cgroup_id, input.run);
        let rule = name::rule(&self.workloads, &process, confirmed);
        // Where an issuer speaks for a CI system, its jobs' names are not to be had for the saying.
        let said = claims.as_ref().filter(|claims| !self.attestor.speaks_for(&claims.provider));
        let (workload, grade) = name::workload(&self.trust_domain, &self.host, &process, rule, said);
        Principal {
            workload,
            name: rule.map(|rule| rule.name.clone()),
            owner: rule.and_then(|rule| rule.owner.clone()),
            grade,
            run: input.run,
            process,
            claims,
            attested: None,
            attestation_failure: None,
            person: None,
        }
    }

    /// The cgroup of the connect: the process can have been moved since.
    fn place(&self, process: &mut Process, id: u64, run: RunId) {
        process.cgroup_id = id;
        let said = Some(process.cgroup.as_str()).filter(|path| !path.is_empty());
        let Some(place) = self.cgroups.find(id, said) else {
            process.cgroup.clear();
            process.gaps.push("cgroup: the one of the connect is gone".to_owned());
            return;
        };
        let names = cgroup::names(&place.path, place.trusted.min(cgroup::above(&place.path, run)));
        process.cgroup = place.path;
        process.unit = names.unit;
        process.container = names.container;
    }

    fn observe(&self, live: &Live, connected: Option<Executable>) -> Observed {
        let mut seen = Observed::default();
        let gaps = &mut seen.process.gaps;
        seen.process.cgroup = or_gap(live.cgroup(), "cgroup", gaps).flatten().unwrap_or_default();
        if let Some((directory, confirmed)) = or_gap(live.directory(), "directory", gaps) {
            seen.process.directory = Some(directory);
            seen.confirmed.directory = confirmed;
        }
        // Not every kernel has it.
        seen.process.login = live.login().ok().flatten().and_then(user);
        let arguments = or_gap(live.arguments(), "arguments", gaps).unwrap_or_default();
        seen.claims = or_gap(live.environ(), "environment", gaps).and_then(|environ| claims::read(&environ));
        let executable = or_gap(live.executable(), "executable", gaps);
        // Only what runs now can be read. Where that is another program, its arguments, and so its script, are that one's too.
        let replaced = executable.as_ref().zip(connected).is_some_and(|(opened, connected)| !opened.is(connected));
        if replaced {
            gaps.push("executable, script: another program ran at the connect than runs now".to_owned());
        }
        if let Some(executable) = executable.filter(|_| !replaced) {
            seen.process.executable_sha256 = self.hash(&executable, "executable", gaps);
            seen.process.executable = Some(executable.path);
            seen.confirmed.executable = executable.confirmed;
        }
        seen.process.arguments = redact::arguments(&arguments, seen.process.executable.as_deref());
        let parents = live.parents();
        seen.process.ancestry = parents.iter().map(|(parent, stat)| ancestor(parent, stat)).collect();
        if !replaced && let Some(script) = self.script(live, &parents, &mut seen.process) {
            seen.process.script = Some(script.path);
            seen.confirmed.script = script.confirmed;
        }
        seen
    }

    /// The script of the process, or of the nearest parent in its cgroup: `psql` acts for the script that started it.
    fn script(&self, live: &Live, parents: &[(Live, Stat)], process: &mut Process) -> Option<Opened> {
        let mut script = or_gap(script_of(live), "script", &mut process.gaps).flatten();
        let near = parents.iter().take_while(|_| !process.cgroup.is_empty());
        for (parent, stat) in near {
            if script.is_some() {
                break;
            }
            let here = || parent.cgroup().ok().flatten().as_deref() == Some(process.cgroup.as_str());
            if here() {
                script = script_of(parent).ok().flatten();
                let same = parent.stat().is_ok_and(|now| now.started_ticks == stat.started_ticks);
                script = script.filter(|_| same && here());
            }
        }
        let script = script?;
        process.script_sha256 = self.hash(&script, "script", &mut process.gaps);
        Some(script)
    }

    fn hash(&self, opened: &Opened, what: &str, gaps: &mut Vec<String>) -> Option<String> {
        if !opened.linked {
            gaps.push(format!("{what}: its file was deleted or replaced after it started"));
        }
        match self.hashes.sha256(&opened.file) {
            Ok(hash) => Some(hash),
            Err(error) => {
                gap(&format!("{what} hash"), &error, gaps);
                None
            }
        }
    }
}

fn script_of(live: &Live) -> io::Result<Option<Opened>> {
    let executable = live.executable_path()?;
    let arguments = live.arguments()?;
    match script::argument(&executable, &arguments) {
        Some(path) => live.file(path),
        None => Ok(None),
    }
}

fn ancestor(parent: &Live, stat: &Stat) -> Ancestor {
    Ancestor { pid: parent.pid, executable: parent.executable_path().unwrap_or_else(|_| stat.command.clone()) }
}

fn user(uid: u32) -> Option<String> {
    nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid)).ok().flatten().map(|user| user.name)
}

fn or_gap<T>(read: io::Result<T>, what: &str, gaps: &mut Vec<String>) -> Option<T> {
    read.map_err(|error| gap(what, &HashError::Read(error), gaps)).ok()
}

fn gap(what: &str, error: &HashError, gaps: &mut Vec<String>) {
    gaps.push(format!("{what}: {error}"));
}
