//! How weir is set up: as one would, with a policy of some size.

use super::folder::Folder;
use super::stage::PASSWORD;
use crate::regress::server::BIN;
use crate::run::root;
use anyhow::{Context as _, ensure};
use std::fs;

/// One way to set weir up.
#[derive(Default)]
pub(super) struct Setup<'a> {
    /// What is configured beside the target: classes.
    pub(super) extra: &'a str,
    /// A policy beside the others.
    pub(super) policy: &'a str,
}

/// weir's own configuration, `<name>.toml`: the starter policies and those of `bench/policy.d`, enforced; recording as it is
/// by default.
pub(super) fn configure(folder: &Folder, port: u16, name: &str, setup: &Setup<'_>) -> anyhow::Result<()> {
    let policies = folder.0.join(format!("{name}.policy.d"));
    fs::create_dir(&policies)?;
    for place in ["policies", "bench/policy.d"] {
        for entry in fs::read_dir(root().join(place))? {
            let file = entry?.path();
            if file.extension().is_some_and(|end| end == "cedar") {
                let name = file.file_name().context("a file has a name")?;
                let policy = adapted(&fs::read_to_string(&file)?);
                ensure!(!policy.contains("@record("), "{} records otherwise than by default", file.display());
                fs::write(policies.join(name), policy)?;
            }
        }
    }
    if !setup.policy.is_empty() {
        fs::write(policies.join("own.cedar"), setup.policy)?;
    }
    let password = folder.secret("reader.secret", PASSWORD)?;
    let catalog = folder.secret("catalog.secret", "postgres://catalog_reader:unused@127.0.0.1")?;
    let text = format!(
        "trust_domain = \"acme.example\"\nstate_dir = \"{place}/{name}.state\"\n\n[policy]\ndir = \"{policies}\"\nmode = \"enforce\"\n\n\
         [[workload]]\nname = \"read-only-job\"\nmatch = {{ executable = \"{BIN}/pgbench\" }}\nowner = \"ana@acme.example\"\n\n\
         [[workload]]\nname = \"backup-job\"\nmatch = {{ executable = \"{BIN}/psql\" }}\nowner = \"ana@acme.example\"\n\n\
         [[target]]\nname = \"prod-pg\"\nenvironment = \"production\"\nmatch = [\"127.0.0.1:{port}\"]\nprotocol = \"postgres\"\n\
         tls = {{ client = \"off\", upstream = \"disable\" }}\ncredential = {{ inject = \"file:{}\" }}\n\
         catalog = {{ inject = \"file:{}\" }}\n\n{}",
        password.display(),
        catalog.display(),
        setup.extra,
        place = folder.0.display(),
        policies = policies.display(),
    );
    folder.write(&format!("{name}.toml"), &text).map(drop)
}

/// The starter set with three of its settings changed: more statements at once than 16 clients run, more rows than a bench
/// reads, and the default of what is recorded, which is more than the set itself asks for.
fn adapted(policy: &str) -> String {
    let policy = policy.replace("context.run.concurrent > 8", "context.run.concurrent > 64");
    let policy = policy.replace("context.hour.rows > 5000000", "context.hour.rows > 5000000000");
    policy.replace(" @record(\"results=count\")", "").replace(" @record(\"results=digest\")", "")
}
