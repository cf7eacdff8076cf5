//! Who may show a run's token: never whoever dials, but the process that was there before the job's own code.

use super::bind::Bond;
use super::failure::Failure;
use super::token::LONGEST;
use crate::config::{IssuerKind, IssuerSettings, TokenSource};
use crate::identity::cgroup::{self, Cgroups};
use crate::identity::process::{Live, Stat};
use serde::{Deserialize, Serialize};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use zeroize::Zeroizing;

/// What GitHub's runner gives to a job that may ask for tokens.
const REQUEST_URL: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";
const REQUEST_TOKEN: &str = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";

/// Whose environment and files speak for a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Claimant {
    /// This process: `weir run`, which the runner has started.
    Launcher,
    /// What this process starts, or itself where it dials: it was moved into the job's cgroup, and speaks for it.
    Runner {
        /// Its process id.
        pid: u32,
        /// When it started, in nanoseconds since boot.
        started_boottime_ns: u64,
        /// The job's cgroup.
        cgroup_id: u64,
    },
    /// The first process of this cgroup.
    Cgroup {
        /// Its id.
        id: u64,
    },
}

/// A token, or the right to ask for one, as it was found.
pub(super) enum Secret {
    Token(Zeroizing<String>),
    Request { url: String, bearer: Zeroizing<String> },
}

/// What was found, where, and to whom it belongs.
pub(super) struct Held {
    /// Which of the issuers.
    pub(super) issuer: usize,
    pub(super) secret: Secret,
    pub(super) found_in: String,
    pub(super) bond: Bond,
    /// The uid of the pod that the cgroup's path names, where root wrote it.
    pub(super) pod: Option<String>,
    witness: (u32, u64),
}

impl Held {
    /// Whether the process that showed it is still the same.
    pub(super) fn stands(&self) -> bool {
        let (pid, started) = self.witness;
        Live::new(pid).stat().is_ok_and(|stat| stat.started_ticks == started)
    }
}

/// The process that speaks, and what a token from it is bound to.
struct Speaker {
    live: Live,
    stat: Stat,
    name: &'static str,
    /// The job's process and cgroup; none for the launcher, whose bond hangs on where it had the token from.
    job: Option<(u32, u64, u64)>,
}

/// Looks for a token of any of the issuers, in their order. Reads files, so it blocks.
///
/// # Errors
/// Where the job looks like one of an issuer's and shows no token, or what it shows can't be one.
pub(super) fn find(
    claimant: Claimant,
    dialled_by: u32,
    issuers: &mut dyn Iterator<Item = &IssuerSettings>,
    cgroups: &Cgroups,
) -> Result<Option<Held>, (usize, Failure)> {
    let speaker = speaker(claimant, dialled_by, cgroups).map_err(|error| (0, error))?;
    let unread = |error: io::Error| (0, Failure::Absent(format!("the environment of {} can't be read: {error}", speaker.name)));
    let environ = Zeroizing::new(speaker.live.environ().map_err(unread)?);
    let mut missing = None;
    for (number, issuer) in issuers.enumerate() {
        match secret(issuer, &environ, &speaker).map_err(|error| (number, error))? {
            Some((secret, place)) => {
                let (bond, pod) = bond(issuer, &secret, &speaker, cgroups).map_err(|error| (number, error))?;
                return Ok(Some(Held {
                    issuer: number,
                    secret,
                    found_in: format!("{place} of {} ({})", speaker.name, speaker.live.pid),
                    bond,
                    pod,
                    witness: (speaker.live.pid, speaker.stat.started_ticks),
                }));
            }
            None => missing = missing.or_else(|| looks_like(issuer.kind, &environ).map(|hint| (number, hint))),
        }
    }
    match missing {
        Some((number, hint)) => Err((number, Failure::Absent(hint.to_owned()))),
        None => Ok(None),
    }
}

fn speaker(claimant: Claimant, dialled_by: u32, cgroups: &Cgroups) -> Result<Speaker, Failure> {
    let gone = |_: io::Error| Failure::Absent("the process that would show the job's token has ended".to_owned());
    match claimant {
        Claimant::Launcher => {
            let live = Live::new(std::process::id());
            Ok(Speaker { stat: live.stat().map_err(gone)?, live, name: "`weir run`", job: None })
        }
        Claimant::Runner { pid, started_boottime_ns, cgroup_id } => {
            let runner = Live::new(pid);
            if !runner.started_at(started_boottime_ns) {
                return Err(Failure::Absent(format!("the job's runner (process {pid}) has ended")));
            }
            let runner = runner.stat().map_err(gone)?;
            let job = Some((pid, runner.started_ticks, cgroup_id));
            if dialled_by == pid {
                // A user's `weir run` has become the program: what started it gave it the token.
                return Ok(Speaker { live: Live::new(pid), stat: runner, name: "the job's own process", job });
            }
            let mut line = line(dialled_by).map_err(gone)?.into_iter();
            let child = line.find(|(_, stat)| stat.parent == pid && stat.started_ticks >= runner.started_ticks);
            let (live, stat) = child.ok_or_else(|| {
                Failure::Absent(format!("the process that dialled does not come from the job's runner (process {pid}) any more"))
            })?;
            Ok(Speaker { live, stat, name: "the runner's child", job })
        }
        Claimant::Cgroup { id } => {
            let place = cgroups.find(id, None).ok_or_else(|| Failure::Absent("the job's cgroup is gone".to_owned()))?;
            let inside = |live: &Live| {
                let path = live.cgroup().ok().flatten();
                path.is_some_and(|path| path == place.path || path.starts_with(&format!("{}/", place.path.trim_end_matches('/'))))
            };
            let line = line(dialled_by).map_err(gone)?;
            let (live, stat) = line
                .into_iter()
                .take_while(|(live, _)| inside(live))
                .last()
                .ok_or_else(|| Failure::Absent("the process that dialled has left the job's cgroup".to_owned()))?;
            // One that is older was there first; and where the first has ended, any process could be made to look like it.
            let older = |pid: &u32| Live::new(*pid).stat().is_ok_and(|other| other.started_ticks < stat.started_ticks);
            if let Some(first) = cgroups.processes(&place.path).iter().find(|pid| older(pid)) {
                let what = format!("process {} is not the first of its job: process {first} is older", live.pid);
                return Err(Failure::Absent(what));
            }
            let job = Some((live.pid, stat.started_ticks, id));
            Ok(Speaker { live, stat, name: "the job's first process", job })
        }
    }
}

/// A process and its parents, nearest first.
fn line(pid: u32) -> io::Result<Vec<(Live, Stat)>> {
    let live = Live::new(pid);
    let parents = live.parents();
    let stat = live.stat()?;
    Ok(std::iter::once((live, stat)).chain(parents).collect())
}

/// What this issuer's job would show, and where.
fn secret(issuer: &IssuerSettings, environ: &[u8], speaker: &Speaker) -> Result<Option<(Secret, String)>, Failure> {
    match &issuer.token {
        TokenSource::Request => {
            let (url, bearer) = (variable(environ, REQUEST_URL)?, variable(environ, REQUEST_TOKEN)?);
            let secret = url.zip(bearer).map(|(url, bearer)| Secret::Request { url: url.to_string(), bearer });
            Ok(secret.map(|secret| (secret, format!("{REQUEST_TOKEN} in the environment"))))
        }
        TokenSource::Env(name) => {
            let token = variable(environ, name)?.map(Secret::Token);
            Ok(token.map(|token| (token, format!("{name} in the environment"))))
        }
        TokenSource::File(path) => {
            let unread = |error: io::Error| Failure::invalid(format!("its token in {} can't be read: {error}", path.display()));
            let Some(opened) = speaker.live.file(path.as_os_str().as_bytes()).map_err(unread)? else { return Ok(None) };
            let mut text = Zeroizing::new(String::new());
            opened.file.take(LONGEST as u64 + 2).read_to_string(&mut text).map_err(unread)?;
            let token = Zeroizing::new(text.trim_ascii_end().to_owned());
            Ok(Some((Secret::Token(token), format!("{} in the root", path.display()))))
        }
    }
}

/// A variable's value. One that stands twice means different things to different readers.
fn variable(environ: &[u8], name: &str) -> Result<Option<Zeroizing<String>>, Failure> {
    let value = |entry: &'_ [u8]| entry.strip_prefix(name.as_bytes())?.strip_prefix(b"=").map(<[u8]>::to_vec);
    let mut found = environ.split(|byte| *byte == 0).filter_map(value);
    let Some(first) = found.next().filter(|first| !first.is_empty()) else { return Ok(None) };
    if found.next().is_some() {
        return Err(Failure::invalid(format!("{name} stands in the environment twice")));
    }
    let text = String::from_utf8(first).map_err(|_| Failure::invalid(format!("{name} is not text")))?;
    Ok(Some(Zeroizing::new(text)))
}

/// What the environment says that it is, though it shows no token.
fn looks_like(kind: IssuerKind, environ: &[u8]) -> Option<&'static str> {
    let set = |name: &str| variable(environ, name).is_ok_and(|value| value.is_some());
    match kind {
        IssuerKind::Github => set("GITHUB_ACTIONS")
            .then_some("the job says that it is GitHub's and may not ask for a token: give it `permissions: id-token: write`"),
        IssuerKind::Gitlab => set("GITLAB_CI").then_some(
            "the job says that it is GitLab's and has no token: give it `id_tokens` with the configured name and audience",
        ),
        IssuerKind::Kubernetes => set("KUBERNETES_SERVICE_HOST")
            .then_some("the job says that it is in a pod and has no token: mount a projected service-account token"),
        IssuerKind::Oidc => None,
    }
}

/// To whom the token belongs.
fn bond(
    issuer: &IssuerSettings,
    secret: &Secret,
    speaker: &Speaker,
    cgroups: &Cgroups,
) -> Result<(Bond, Option<String>), Failure> {
    let unknown = |what: &str| Failure::unavailable(format!("the job can't be told from others: {what}"));
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").map_err(|error| unknown(&error.to_string()))?;
    let boot = boot.trim().to_owned();
    let (pid, started, cgroup) = match speaker.job {
        Some(job) => job,
        None => {
            let (live, stat) = origin(issuer, secret, speaker).map_err(|error| unknown(&error.to_string()))?;
            let path = live.cgroup().ok().flatten().ok_or_else(|| unknown("its cgroup can't be read"))?;
            (live.pid, stat.started_ticks, cgroups.id(&path).ok_or_else(|| unknown("its cgroup is gone"))?)
        }
    };
    // A pod's containers share its token: it belongs to the pod.
    let pod = cgroups.find(cgroup, None).and_then(|place| cgroup::pod(&place.path, place.trusted));
    if issuer.kind == IssuerKind::Kubernetes
        && let Some((uid, path)) = pod
    {
        let cgroup = cgroups.id(&path).ok_or_else(|| unknown("its pod's cgroup is gone"))?;
        return Ok((Bond { boot, cgroup, pid: 0, started: 0 }, Some(uid)));
    }
    Ok((Bond { boot, cgroup, pid, started }, None))
}

/// The process that gave the launcher its token.
///
/// A CI job may call `weir run` many times with the one token that it has: each time the token comes down from
/// the same process, the job's shell or (GitHub, where every step has a shell of its own) what starts the steps.
fn origin(issuer: &IssuerSettings, secret: &Secret, speaker: &Speaker) -> io::Result<(Live, Stat)> {
    let mut line = line(speaker.live.pid)?.into_iter().peekable();
    let home = speaker.live.cgroup()?;
    let has_it = |live: &Live| match (&issuer.token, secret) {
        (TokenSource::File(_), _) => live.cgroup().ok() == Some(home.clone()),
        (TokenSource::Env(name), Secret::Token(token)) => shows(live, name, token),
        (TokenSource::Request, Secret::Request { bearer, .. }) => shows(live, REQUEST_TOKEN, bearer),
        (TokenSource::Env(_), Secret::Request { .. }) | (TokenSource::Request, Secret::Token(_)) => false,
    };
    let mut top = line.next().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
    while let Some(next) = line.next_if(|(live, _)| has_it(live)) {
        top = next;
    }
    match (&issuer.token, line.next()) {
        (TokenSource::Request, Some(parent)) if parent.0.pid > 1 => Ok(parent),
        _ => Ok(top),
    }
}

fn shows(live: &Live, name: &str, value: &Zeroizing<String>) -> bool {
    let environ = live.environ().map(Zeroizing::new);
    environ.is_ok_and(|environ| variable(&environ, name).is_ok_and(|found| found.as_ref() == Some(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_read_whole_and_once() {
        let environ = b"A=1\0TOKEN_X=no\0TOKEN=a.b=c\0EMPTY=\0TWICE=1\0TWICE=2\0BAD=\xff\0";
        let read = |name| variable(environ, name).map(|value| value.map(|value| value.to_string()));
        assert_eq!(read("TOKEN").unwrap().as_deref(), Some("a.b=c"));
        assert_eq!(read("TOKEN_").unwrap(), None);
        assert_eq!(read("EMPTY").unwrap(), None);
        assert!(read("TWICE").is_err());
        assert!(read("BAD").is_err());
    }
}
