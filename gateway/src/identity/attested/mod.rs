//! Attested identity: a job's signed token, found where the job's own code could not put it, verified, and bound to the job.

mod bind;
mod claimant;
mod failure;
mod fetch;
mod generic;
mod github;
mod gitlab;
mod issuer;
mod keys;
mod kubernetes;
mod strict;
#[cfg(test)]
mod tests;
mod token;

pub use claimant::Claimant;

use crate::config::{Config, IssuerKind};
use crate::identity::cgroup::Cgroups;
use bind::{Bonds, Mark};
use claimant::{Held, Secret};
use failure::Failure;
use gateway_core::model::ids::RunId;
use gateway_core::model::principal::{AttestationFailure, Attested, SIGNED_BY_BOTH, SIGNED_BY_GITHUB, SIGNED_BY_GITLAB};
use issuer::Issuer;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use token::Verified;

/// How long a run's first connect may wait for its identity to be attested.
const PATIENCE: Duration = Duration::from_secs(10);
/// A failure is told again for so long before the next attempt.
const AGAIN: Duration = Duration::from_secs(10);
/// Runs that are remembered. What is dropped is attested again: the same token stays with the same job.
const MOST_RUNS: usize = 4096;
/// How long the right to ask for tokens, and a job's own id, stay with a job: longer than any of them lives.
const JOB_LIFE: i64 = 7 * 24 * 3600;

/// What came of trying to attest a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// No issuer has anything to say about it.
    Nothing,
    /// Its token was verified and is bound to it.
    Attested(Arc<Named>),
    /// It should have been.
    Failed(AttestationFailure),
}

/// An attested identity and the parts of its name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) path: Vec<String>,
    pub(super) attested: Attested,
}

/// Attests runs, each once, and again when its token has ended.
pub(super) struct Attestor {
    issuers: Vec<Issuer>,
    bonds: Arc<Bonds>,
    claimants: Mutex<HashMap<RunId, Claimant>>,
    runs: Mutex<HashMap<RunId, Arc<tokio::sync::Mutex<Run>>>>,
}

/// What is known of a run.
#[derive(Default)]
struct Run {
    attested: Option<Arc<Named>>,
    failed: Option<(AttestationFailure, Instant)>,
}

impl Attestor {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            issuers: config.issuers.iter().cloned().map(Issuer::new).collect(),
            bonds: Arc::new(Bonds::new(&config.state_dir)),
            claimants: Mutex::default(),
            runs: Mutex::default(),
        }
    }

    /// Whether a claim of this CI system is nobody's word: an issuer speaks for it.
    pub(super) fn speaks_for(&self, provider: &str) -> bool {
        self.issuers.iter().any(|issuer| issuer.settings.name == provider || issuer.settings.kind.name() == provider)
    }

    /// Says who may show the token of a run; without that, it is the first process of the cgroup that dials.
    pub(super) fn claim(&self, run: RunId, claimant: Claimant) {
        lock(&self.claimants).insert(run, claimant);
    }

    /// Everyone who may show a run's token.
    pub(super) fn claimants(&self) -> Vec<(RunId, Claimant)> {
        lock(&self.claimants).iter().map(|(run, claimant)| (*run, *claimant)).collect()
    }

    /// Forgets a run that has ended. What its token is bound to stays on disk.
    pub(super) fn forget(&self, run: RunId) {
        lock(&self.claimants).remove(&run);
        lock(&self.runs).remove(&run);
    }

    /// Attests a run, or says what is known of it. `pid` has dialled, from the cgroup `cgroup_id`.
    pub(super) async fn attest(&self, run: RunId, pid: u32, cgroup_id: u64, cgroups: &Arc<Cgroups>) -> Outcome {
        if self.issuers.is_empty() {
            return Outcome::Nothing;
        }
        let claimant = lock(&self.claimants).get(&run).copied().unwrap_or(Claimant::Cgroup { id: cgroup_id });
        let known = self.run(run);
        // Held while attesting: the run's other connects wait for the same answer.
        let mut known = known.lock().await;
        if let Some(named) = known.attested.as_ref().filter(|named| named.attested.expires_at > now()) {
            return Outcome::Attested(Arc::clone(named));
        }
        if let Some((failure, _)) = known.failed.as_ref().filter(|(_, at)| at.elapsed() < AGAIN) {
            return Outcome::Failed(failure.clone());
        }
        let attempt = self.attempt(claimant, pid, known.attested.as_deref(), cgroups);
        let late = |_| Err((0, Failure::unavailable(format!("it took longer than {} s", PATIENCE.as_secs()))));
        match tokio::time::timeout(PATIENCE, attempt).await.unwrap_or_else(late) {
            Ok(None) => Outcome::Nothing,
            Ok(Some(named)) => {
                let named = Arc::new(named);
                known.attested = Some(Arc::clone(&named));
                known.failed = None;
                Outcome::Attested(named)
            }
            Err((number, failure)) => {
                let issuer = self.issuers.get(number).map(|issuer| issuer.settings.name.clone()).unwrap_or_default();
                let failure = AttestationFailure { issuer, kind: failure.kind(), reason: failure.to_string() };
                tracing::warn!(%run, issuer = failure.issuer, kind = %failure.kind, reason = failure.reason, "not attested");
                known.failed = Some((failure.clone(), Instant::now()));
                Outcome::Failed(failure)
            }
        }
    }

    fn run(&self, run: RunId) -> Arc<tokio::sync::Mutex<Run>> {
        let mut runs = lock(&self.runs);
        if runs.len() >= MOST_RUNS && !runs.contains_key(&run) {
            runs.clear();
        }
        Arc::clone(runs.entry(run).or_default())
    }

    async fn attempt(
        &self,
        claimant: Claimant,
        pid: u32,
        before: Option<&Named>,
        cgroups: &Arc<Cgroups>,
    ) -> Result<Option<Named>, (usize, Failure)> {
        let settings: Vec<_> = self.issuers.iter().map(|issuer| issuer.settings.clone()).collect();
        let cgroups = Arc::clone(cgroups);
        let looking = tokio::task::spawn_blocking(move || claimant::find(claimant, pid, &mut settings.iter(), &cgroups));
        let fault = |error: tokio::task::JoinError| (0, Failure::unavailable(format!("a fault of ours: {error}")));
        let Some(held) = looking.await.map_err(fault)?? else { return Ok(None) };
        let number = held.issuer;
        let Some(issuer) = self.issuers.get(number) else { return Ok(None) };
        let named = self.verify(issuer, held, before).await.map_err(|failure| (number, failure))?;
        Ok(Some(named))
    }

    async fn verify(&self, issuer: &Issuer, held: Held, before: Option<&Named>) -> Result<Named, Failure> {
        let (token, source) = match &held.secret {
            Secret::Token(token) => (token.clone(), None),
            Secret::Request { url, bearer } => (github::obtain(issuer, url, bearer).await?, Some(bearer.as_str())),
        };
        let now = now();
        let verified = issuer.verify(&token, now).await?;
        let named = named(issuer, &held, &verified)?;
        if let Some(before) = before {
            renews(before, &named)?;
        }
        if !held.stands() {
            return Err(Failure::Absent("the process that showed the job's token has ended meanwhile".to_owned()));
        }
        let marks = marks(issuer, &named, &verified, source, now);
        let bonds = Arc::clone(&self.bonds);
        let bond = held.bond.clone();
        let bound = tokio::task::spawn_blocking(move || bonds.bind(&marks, &bond, now)).await;
        bound.map_err(|error| Failure::unavailable(format!("a fault of ours: {error}")))??;
        Ok(named)
    }
}

/// What is kept of a token, once it is known to be what the issuer's configuration wants.
fn named(issuer: &Issuer, held: &Held, verified: &Verified) -> Result<Named, Failure> {
    let settings = &issuer.settings;
    let picked = |names: &mut dyn Iterator<Item = &str>| -> BTreeMap<String, String> {
        names.filter_map(|name| Some((name.to_owned(), token::plain(verified.claims.get(name)?)?))).collect()
    };
    let mut claims = match settings.kind {
        IssuerKind::Github => picked(&mut SIGNED_BY_BOTH.into_iter().chain(SIGNED_BY_GITHUB)),
        IssuerKind::Gitlab => picked(&mut SIGNED_BY_BOTH.into_iter().chain(SIGNED_BY_GITLAB)),
        IssuerKind::Kubernetes => kubernetes::claims(&verified.claims),
        IssuerKind::Oidc => BTreeMap::new(),
    };
    for (name, value) in picked(&mut settings.keep.iter().map(String::as_str)) {
        claims.entry(name).or_insert(value);
    }
    for (name, wanted) in &settings.require {
        let found = claims.get(name).cloned().or_else(|| verified.claims.get(name).and_then(token::plain));
        if found.as_ref() != Some(wanted) {
            return Err(Failure::invalid(format!("its claim {name} is not {wanted:?}, which the [[issuer]] requires")));
        }
        claims.entry(name.clone()).or_insert_with(|| wanted.clone());
    }
    let path = match settings.kind {
        IssuerKind::Github => github::path(&claims),
        IssuerKind::Gitlab => gitlab::path(&claims),
        IssuerKind::Kubernetes => {
            kubernetes::check(&claims, held.pod.as_deref())?;
            kubernetes::path(&verified.subject, &claims)
        }
        IssuerKind::Oidc => Some(generic::path(&verified.subject)),
    };
    let path = path.ok_or_else(|| Failure::invalid(format!("its claims do not name a job of {}", settings.kind.name())))?;
    claims.insert("audience".to_owned(), settings.audience.clone());
    let attested = Attested {
        issuer: settings.name.clone(),
        kind: settings.kind.name().to_owned(),
        url: settings.url.clone(),
        subject: verified.subject.clone(),
        claims,
        key: verified.key.clone(),
        algorithm: verified.algorithm.clone(),
        token_sha256: verified.sha256.clone(),
        issued_at: verified.issued_at,
        expires_at: verified.expires_at,
        found_in: held.found_in.clone(),
    };
    Ok(Named { path: ["ci".to_owned(), settings.name.clone()].into_iter().chain(path).collect(), attested })
}

/// A run stays who it is: its next token has to say the same of it.
fn renews(before: &Named, now: &Named) -> Result<(), Failure> {
    let (old, new) = (&before.attested, &now.attested);
    if before.path != now.path || old.issuer != new.issuer || old.subject != new.subject || old.claims != new.claims {
        return Err(Failure::Borrowed("the run was attested as another job before".to_owned()));
    }
    Ok(())
}

/// What must never be another job's: the token, its id, the job that it names, and the right to ask for it.
fn marks(issuer: &Issuer, named: &Named, verified: &Verified, source: Option<&str>, now: i64) -> Vec<Mark> {
    let url = &issuer.settings.url;
    let claims = &named.attested.claims;
    let job = match issuer.settings.kind {
        IssuerKind::Github => github::job(claims),
        IssuerKind::Gitlab => gitlab::job(claims),
        IssuerKind::Kubernetes | IssuerKind::Oidc => None,
    };
    let token_until = verified.expires_at + token::SKEW + 1;
    let marks = [
        (Some(format!("token {}", verified.sha256)), token_until),
        (verified.id.as_ref().map(|id| format!("id {url} {id}")), token_until),
        (job.map(|job| format!("job {url} {job}")), now + JOB_LIFE),
        (source.map(|source| format!("source {source}")), now + JOB_LIFE),
    ];
    marks.into_iter().filter_map(|(text, until)| Some(Mark { text: text?, until })).collect()
}

/// Seconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
