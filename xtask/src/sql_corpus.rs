//! `cargo xtask sql-corpus`: every statement that PostgreSQL's regression suite sends, inspected and
//! held against what a real server did. The suite's sources come from Debian and are not kept in git.

use crate::run::{root, run, tell};
use anyhow::{Context as _, bail, ensure};
use clap::Args;
use std::fs;
use std::path::{Path, PathBuf, absolute};
use std::process::{Command, Stdio};

/// What to inspect, and where the report goes.
#[derive(Args)]
pub(crate) struct Options {
    /// Where the report goes, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Inspects about so many of the statements, chosen by the seed; all are sent.
    #[arg(long)]
    count: Option<usize>,
    /// Chooses which.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

/// Debian's package, of server and sources.
pub(crate) const PACKAGE: &str = "postgresql-15";

pub(crate) fn sql_corpus(options: &Options) -> anyhow::Result<()> {
    let place = place();
    let sources = fetch(&place)?;
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let mut settings = vec![
        format!("WEIR_CORPUS_SOURCES={}", text(&sources)),
        format!("WEIR_CORPUS_CACHE={}", text(&place.join("suite.capture"))),
    ];
    // The chores run in the workspace's root, wherever they were called.
    if let Some(json) = &options.json {
        settings.push(format!("WEIR_CORPUS_JSON={}", text(&absolute(json)?)));
    }
    if let Some(count) = options.count {
        settings.push(format!("WEIR_CORPUS_COUNT={count}"));
    }
    settings.push(format!("WEIR_CORPUS_SEED={}", options.seed));
    let mut arguments: Vec<&str> = settings.iter().map(String::as_str).collect();
    arguments.extend(["cargo", "test", "--locked", "-p", "gateway", "--test", "sql_corpus", "--"]);
    arguments.extend(["--ignored", "--exact", "--nocapture", "no_confident_verdict_on_postgresql_s_own_suite_is_wrong"]);
    run("sql-corpus", "env", &arguments)
}

/// Where the sources are kept.
pub(crate) fn place() -> PathBuf {
    root().join("target/sql-corpus")
}

/// The suite's folder in PostgreSQL's sources, fetched where it is not there yet.
pub(crate) fn fetch(place: &Path) -> anyhow::Result<PathBuf> {
    if let Some(found) = suite(place) {
        return Ok(found);
    }
    let apt = Apt::beside(place)?;
    tell("== sources: reading the package lists of this host's own mirror ==");
    apt.run("apt-get", &["update"], place)?;
    for version in apt.versions()? {
        tell(&format!("== sources: {PACKAGE} {version} =="));
        // A mirror's list may name a version whose files it does not have (yet, or any more).
        if apt.run("apt-get", &["source", &format!("{PACKAGE}={version}")], place).is_ok() {
            break;
        }
    }
    suite(place).with_context(|| format!("this host's mirror has no sources of {PACKAGE}"))
}

fn suite(place: &Path) -> Option<PathBuf> {
    let folders = fs::read_dir(place).ok()?.filter_map(|entry| Some(entry.ok()?.path().join("src/test/regress")));
    folders.filter(|folder| folder.join("parallel_schedule").is_file()).max()
}

/// apt with a sources list and package lists of its own: the host's are not changed.
struct Apt {
    options: Vec<String>,
}

impl Apt {
    fn beside(place: &Path) -> anyhow::Result<Self> {
        let (parts, lists) = (place.join("apt/parts"), place.join("apt/lists"));
        fs::create_dir_all(&parts)?;
        fs::create_dir_all(lists.join("partial"))?;
        let mut written = 0;
        for file in hosts_lists()? {
            let text = fs::read_to_string(&file).with_context(|| format!("{}", file.display()))?;
            let name = file.file_name().context("a list has a name")?;
            let sources = if file.extension().is_some_and(|end| end == "sources") { stanzas(&text) } else { lines(&text) };
            written += usize::from(!sources.is_empty());
            fs::write(parts.join(name), sources)?;
        }
        ensure!(written > 0, "apt has no sources on this host: is it a Debian?");
        let options = [
            "Dir::Etc::sourcelist=/dev/null".to_owned(),
            format!("Dir::Etc::sourceparts={}", parts.display()),
            format!("Dir::State::lists={}", lists.display()),
            "Acquire::Languages=none".to_owned(),
            "APT::Sandbox::User=root".to_owned(),
        ];
        Ok(Self { options: options.iter().flat_map(|option| ["-o".to_owned(), option.clone()]).collect() })
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(&self.options).args(arguments).stdin(Stdio::null());
        command
    }

    fn run(&self, program: &str, arguments: &[&str], place: &Path) -> anyhow::Result<()> {
        let output = self.command(program, arguments).current_dir(place).output().with_context(|| program.to_owned())?;
        if !output.status.success() {
            bail!("{program} {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(())
    }

    /// The versions that the mirror names, that of the installed server first.
    fn versions(&self) -> anyhow::Result<Vec<String>> {
        let installed = Command::new("dpkg-query").args(["-W", "-f", "${Version}", PACKAGE]).output()?;
        let shown = self.command("apt-cache", &["showsrc", PACKAGE]).output()?;
        let mut versions = vec![String::from_utf8_lossy(&installed.stdout).trim().to_owned()];
        let text = String::from_utf8_lossy(&shown.stdout).into_owned();
        for version in text.lines().filter_map(|line| line.strip_prefix("Version: ")) {
            if !versions.iter().any(|known| known == version) {
                versions.push(version.to_owned());
            }
        }
        versions.retain(|version| !version.is_empty());
        Ok(versions)
    }
}

/// The host's own lists.
fn hosts_lists() -> anyhow::Result<Vec<PathBuf>> {
    let folder = Path::new("/etc/apt/sources.list.d");
    let mut found: Vec<PathBuf> = fs::read_dir(folder)
        .map_or_else(|_| Vec::new(), |entries| entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect());
    found.push(PathBuf::from("/etc/apt/sources.list"));
    found.retain(|file| file.is_file() && file.extension().is_some_and(|end| end == "sources" || end == "list"));
    Ok(found)
}

/// A deb822 file's stanzas with sources in the place of packages.
fn stanzas(text: &str) -> String {
    let line = |line: &str| match line.strip_prefix("Types:") {
        Some(types) if types.split_whitespace().any(|kind| kind == "deb") => "Types: deb-src".to_owned(),
        _ => line.to_owned(),
    };
    text.lines().map(|text| line(text) + "\n").collect()
}

/// A one-line file's entries with sources in the place of packages.
fn lines(text: &str) -> String {
    text.lines().filter_map(|line| line.trim_start().strip_prefix("deb ")).map(|rest| format!("deb-src {rest}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_packages_become_lists_of_sources() {
        assert_eq!(stanzas("Types: deb\nURIs: x\n\nTypes: deb deb-src\n"), "Types: deb-src\nURIs: x\n\nTypes: deb-src\n");
        assert_eq!(lines("# a\ndeb [signed-by=k] x y z\ndeb-src x y z\n"), "deb-src [signed-by=k] x y z\n");
    }
}
