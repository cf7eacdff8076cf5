//! `weir.toml`: what was written, checked as a whole, as the values that the parts use.

mod classes;
mod console;
pub mod host;
mod issuers;
pub mod names;
mod policy;
mod problem;
mod reader;
mod references;
mod saml;
mod sections;
pub mod targets;
pub mod workloads;

pub use classes::{MaskingSettings, UNCLASSED, Unclassed};
pub use console::{ConsoleSettings, OidcSettings, RoleRule};
pub use host::{ExistingConnections, HostSettings, JobMatch, JobRule};
pub use issuers::{IssuerKind, IssuerSettings, TokenSource};
pub(crate) use names::upstream;
pub use names::{NamePattern, NamesSettings};
pub use policy::{PolicyTexts, load_policy, problems};
pub use problem::{Problem, Problems};
pub(crate) use reader::Table;
#[cfg(test)]
pub(crate) use reader::in_table;
pub(crate) use references::{ca, client_certificate, name, secret};
pub use saml::{SamlName, SamlSettings};
pub use sections::{Limits, PolicySettings, RecordSettings, TransparencySettings, WitnessSettings};
pub use targets::{Match, TargetSettings, Targets};
pub use workloads::{OnOwnerLeave, WorkloadMatch, WorkloadRule};

use crate::credential::Source as SecretSource;
use crate::detection::{self, DetectionSettings};
use crate::evidence::EvidenceSettings;
use crate::notify::{self, NotifierSettings};
use crate::sink::{self, SinkSettings, SpoolSettings};
use gateway_core::mask::classes::Class;
use gateway_core::model::principal::Principal;
use gateway_core::model::target::ProtocolName;
use gateway_core::policy::Mode;
use reader::Source;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::DeTable;

/// The whole configuration, as used.
#[derive(Clone, Debug)]
pub struct Config {
    /// The trust domain of all SPIFFE ids.
    pub trust_domain: String,
    /// Where records, the CA and sockets are kept.
    pub state_dir: PathBuf,
    /// `[policy]`.
    pub policy: PolicySettings,
    /// `[[issuer]]`, in the order of the file: the first whose token a job has counts.
    pub issuers: Vec<IssuerSettings>,
    /// `[[workload]]`, in the order of the file: the first that matches counts.
    pub workloads: Vec<WorkloadRule>,
    /// `[[target]]`.
    pub targets: Targets,
    /// `[[class]]`, in the order of the file.
    pub classes: Vec<Class>,
    /// `[masking]`.
    pub masking: MaskingSettings,
    /// `[record]`.
    pub record: RecordSettings,
    /// `[transparency]`.
    pub transparency: TransparencySettings,
    /// `[limits]`.
    pub limits: Limits,
    /// `[names]`.
    pub names: NamesSettings,
    /// `[host]`: the daemon.
    pub host: HostSettings,
    /// `[[job]]`: what on the host is a job.
    pub jobs: Vec<JobRule>,
    /// `[[notify]]`: who is told of what people decide, and are asked.
    pub notifiers: Vec<NotifierSettings>,
    /// `[[sink]]`: where events leave to.
    pub sinks: Vec<SinkSettings>,
    /// `[spool]`: where they wait for that.
    pub spool: SpoolSettings,
    /// `[detection]`: what is unusual; none where nothing is looked for.
    pub detection: Option<DetectionSettings>,
    /// `[console]`: where people reach the daemon.
    pub console: Option<ConsoleSettings>,
    /// `[[role]]`: what they may, in the order of the file.
    pub roles: Vec<RoleRule>,
    /// `[capture] kernel_log`: the kernel side's debug messages.
    pub capture_kernel_log: bool,
    /// `[log] level`, as `tracing` filters are written.
    pub log: String,
}

impl Config {
    /// Reads and checks a file; every problem is reported at once.
    pub fn load(file: &Path) -> Result<Self, Problems> {
        let text = std::fs::read_to_string(file).map_err(|error| Problems {
            file: file.to_owned(),
            problems: vec![Problem {
                place: None,
                what: format!("cannot be read: {error}"),
                hint: "name another with --config".to_owned(),
            }],
        })?;
        let file_path = std::path::absolute(file).unwrap_or_else(|_unknown| file.to_owned());
        let directory = file_path.parent().unwrap_or_else(|| Path::new("/"));
        Self::parse(&text, directory).map_err(|problems| Problems { file: file.to_owned(), problems })
    }

    /// Checks a text; relative paths in it start at `directory`.
    pub fn parse(text: &str, directory: &Path) -> Result<Self, Vec<Problem>> {
        let source = Source::new(text);
        let (document, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            let hint = "see https://toml.io for the syntax";
            source.problem(error.span().unwrap_or_default(), error.message().to_owned(), hint);
        }
        let span = document.span();
        let mut table = Table::new(&source, document.into_inner(), span, "");
        let config = read(&mut table, directory);
        table.end();
        match (config, source.into_problems()) {
            (Some(config), problems) if problems.is_empty() => Ok(config),
            (_, problems) => Err(problems),
        }
    }

    /// The variables that hold secrets of the gateway's.
    #[must_use]
    pub fn secret_variables(&self) -> Vec<String> {
        self.secrets()
            .filter_map(|source| match source {
                SecretSource::Env(name) => Some(name.clone()),
                SecretSource::File(_) => None,
            })
            .collect()
    }

    /// The gateway's own files and folders, which a job has no business with.
    #[must_use]
    pub fn private_files(&self) -> Vec<PathBuf> {
        let secrets = self.secrets().filter_map(|source| match source {
            SecretSource::Env(_) => None,
            SecretSource::File(path) => Some(path.clone()),
        });
        let key = self.console.iter().filter_map(|console| console.tls.as_ref()).map(|(_, key)| key.clone());
        let of_sinks = self.sinks.iter().flat_map(|sink| sink.kind.files());
        let policies = [self.state_dir.clone(), self.policy.dir.clone()].into_iter().chain(self.policy.shadow.clone());
        let rules = self.detection.iter().filter_map(|detection| detection.file.clone());
        policies.chain(secrets).chain(key).chain(of_sinks).chain(rules).collect()
    }

    fn secrets(&self) -> impl Iterator<Item = &SecretSource> {
        let of_targets = self.targets.iter().flat_map(|target| target.credential.iter().chain(&target.catalog));
        let of_notifiers = self.notifiers.iter().flat_map(|notifier| notifier.kind.secrets());
        let of_console = self.console.iter().filter_map(|console| console.oidc.as_ref()?.client_secret.as_ref());
        let of_sinks = self.sinks.iter().flat_map(|sink| sink.kind.secrets());
        let of_parts = of_notifiers.chain(of_sinks).chain(of_console);
        of_targets.map(|(source, _)| source).chain(&self.masking.key).chain(of_parts)
    }

    /// What `weir run` does where nothing is configured: it observes and records.
    #[must_use]
    pub fn default_for_run() -> Self {
        Self {
            trust_domain: "localhost".to_owned(),
            state_dir: PathBuf::from(STATE_DIR),
            policy: PolicySettings::default(),
            issuers: Vec::new(),
            workloads: Vec::new(),
            targets: Targets::default(),
            classes: Vec::new(),
            masking: MaskingSettings::default(),
            record: RecordSettings::default(),
            transparency: TransparencySettings::default(),
            limits: Limits::default(),
            names: NamesSettings::default(),
            host: HostSettings::default(),
            jobs: Vec::new(),
            notifiers: Vec::new(),
            sinks: Vec::new(),
            spool: SpoolSettings::default(),
            detection: None,
            console: None,
            roles: Vec::new(),
            capture_kernel_log: false,
            log: LOG.to_owned(),
        }
    }

    /// What is no problem, and not what it may look like.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let muted = self.notifiers.iter().filter(|notifier| notifier.filter.leaves_glass_out());
        let muted =
            muted.map(|notifier| format!("[[notify]] {:?}: glass.broken is told there, too; it can't be muted", notifier.name));
        muted.chain(self.sinks.iter().filter_map(SinkSettings::note)).collect()
    }

    /// How records are written here. `host` is this host's name, `clock` how its clock is set.
    #[must_use]
    pub fn evidence(&self, host: &str, clock: String) -> EvidenceSettings {
        EvidenceSettings {
            flush: self.record.flush,
            sync: self.record.sync,
            on_failure: self.record.on_failure,
            checkpoint: self.transparency.checkpoint,
            seal_to: self.record.seal_to.clone(),
            key: self.transparency.key.clone(),
            origin: self.transparency.origin.clone().unwrap_or_else(|| format!("{}/weir/{host}", self.trust_domain)),
            host: host.to_owned(),
            clock,
            ..EvidenceSettings::default()
        }
    }

    /// Whether any class may have columns at this target.
    #[must_use]
    pub fn masks(&self, target: &str) -> bool {
        self.masking.unclassed_at(target).is_some() || self.classes.iter().any(|class| class.is_of(target))
    }

    /// The mode for this workload at this target. Where both say one, the stricter holds; where
    /// neither does, the file's.
    #[must_use]
    pub fn mode(&self, principal: &Principal, target: Option<&TargetSettings>) -> Mode {
        let workload = || {
            let name = principal.name.as_ref()?;
            self.workloads.iter().find(|rule| rule.name == *name)?.mode
        };
        let target = target.and_then(|target| target.mode);
        target.max(workload()).unwrap_or(self.policy.mode)
    }
}

const STATE_DIR: &str = "/var/lib/weir";
const LOG: &str = "warn";

fn read(table: &mut Table<'_, '_>, directory: &Path) -> Option<Config> {
    let trust_domain = table.parsed("trust_domain", "lower-case letters, digits, dots, dashes: acme.example", trust_domain);
    let hint = "the name under which identities are written: trust_domain = \"acme.example\"";
    let trust_domain = table.required("trust_domain", trust_domain, hint);
    let state_dir = table.text("state_dir");
    let state_dir = state_dir.map_or_else(|| PathBuf::from(STATE_DIR), |dir| directory.join(dir.get_ref()));
    let policy = table.table("policy").map(|table| sections::policy(table, directory));
    let issuers: Vec<_> = table.tables("issuer").into_iter().filter_map(|table| issuers::read(table, directory)).collect();
    let workloads: Vec<_> = table.tables("workload").into_iter().filter_map(workloads::read).collect();
    let targets: Vec<_> = table.tables("target").into_iter().filter_map(|table| targets::read(table, directory)).collect();
    let (mut masking, detect) = table.table("masking").map(classes::masking).unwrap_or_default();
    let detectors = classes::Shared::new(detect);
    let classes: Vec<_> = table.tables("class").into_iter().filter_map(|table| classes::class(table, &detectors)).collect();
    masking.unclassed = detectors.unclassed(table, &targets);
    let record = table.table("record").map(sections::record);
    let transparency = table.table("transparency").map(|table| sections::transparency(table, directory));
    let limits = table.table("limits").map(sections::limits);
    let names = table.table("names").map(names::names);
    let host = table.table("host").map(|table| host::host(table, directory));
    let jobs = host::jobs(table.tables("job"));
    let notifiers: Vec<_> = table.tables("notify").into_iter().filter_map(|table| notify::read(table, directory)).collect();
    let sinks: Vec<_> = table.tables("sink").into_iter().filter_map(|table| sink::read(table, directory)).collect();
    let spool = table.table("spool").map(sink::read_spool).unwrap_or_default();
    let detection = table.table("detection").and_then(|table| detection::read(table, directory));
    let console = table.table("console").and_then(|table| console::read(table, directory));
    let roles = console::roles(table.tables("role"));
    let capture_kernel_log = table.table("capture").is_some_and(sections::capture);
    let log = table.table("log").and_then(sections::log);
    twice(table, "issuer", issuers.iter().map(|issuer| issuer.name.as_str()));
    twice(table, "workload", workloads.iter().map(|rule| rule.name.as_str()));
    twice(table, "job", jobs.iter().map(|rule| rule.name.as_str()));
    twice(table, "notify", notifiers.iter().map(|notifier| notifier.name.as_str()));
    twice(table, "sink", sinks.iter().map(|sink| sink.name.as_str()));
    twice(table, "class", classes.iter().map(|class| &*class.name));
    for target in targets.iter().filter(|target| target.protocol == ProtocolName::Postgres && target.catalog.is_none()) {
        if let Some(class) = classes.iter().find(|class| class.is_of(&target.name)) {
            let what = format!("[[class]] {:?} has columns of the target {:?}, which has no `catalog`", class.name, target.name);
            let hint = "what columns a result is made of can't be told without: give the target catalog = { inject = \"…\" }, or \
                        write the class's columns with the targets that they are of: \"prod-pg/*.*.ssn\"";
            table.problem(what, hint);
        }
    }
    twice(table, "target", targets.iter().map(|target| target.name.as_str()));
    Some(Config {
        trust_domain: trust_domain?,
        state_dir,
        policy: policy.unwrap_or_default(),
        issuers,
        workloads,
        targets: Targets::new(targets),
        classes,
        masking,
        record: record.unwrap_or_default(),
        transparency: transparency.unwrap_or_default(),
        limits: limits.unwrap_or_default(),
        names: names.unwrap_or_default(),
        host: host.unwrap_or_default(),
        jobs,
        notifiers,
        sinks,
        spool,
        detection,
        console,
        roles,
        capture_kernel_log,
        log: log.map_or_else(|| LOG.to_owned(), Spanned::into_inner),
    })
}

fn twice<'n>(table: &Table<'_, '_>, kind: &str, names: impl Iterator<Item = &'n str>) {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            let hint = "names have to differ: policies and records use them";
            table.problem(format!("two [[{kind}]] are named {name:?}"), hint);
        }
    }
}

/// SPIFFE 2.1: a trust domain is lower-case letters, digits, dots, dashes and underscores.
fn trust_domain(text: &str) -> Option<String> {
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
    (!text.is_empty() && text.len() <= 255 && text.bytes().all(legal)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests;
