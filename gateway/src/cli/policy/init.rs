//! `weir policy init`: writes the shipped starter set, and overwrites nothing.

use crate::cli::{CliError, Result, print};
use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What `weir policy init` is given.
#[derive(clap::Args)]
pub(in crate::cli) struct Arguments {
    /// The folder to write to; it is made where it is missing
    dir: PathBuf,
    /// Which parts of the starter set [default: all of them]
    #[arg(long, value_name = "PART", value_delimiter = ',', value_parser = parts())]
    set: Vec<String>,
}

/// A part of the starter set: its name, its policies and its cases.
struct Part {
    name: &'static str,
    policies: &'static str,
    /// By file name, below `cases/`.
    cases: &'static [(&'static str, &'static str)],
}

macro_rules! part {
    ($name:literal, $($case:literal),+) => {
        Part {
            name: $name,
            policies: include_str!(concat!("../../../../policies/", $name, ".cedar")),
            cases: &[$(($case, include_str!(concat!("../../../../policies/cases/", $case)))),+],
        }
    };
}

static PARTS: [Part; 7] = [
    part!("read-only-job", "read-only-job.toml", "read-only-job-sql.toml"),
    part!("migration-job", "migration-job.toml", "migration-job-sql.toml"),
    part!("backup-job", "backup-job.toml", "backup-job-sql.toml"),
    part!("dangerous-functions", "dangerous-functions.toml", "dangerous-functions-sql.toml"),
    part!("no-where", "no-where.toml", "no-where-sql.toml"),
    part!("quotas", "quotas.toml"),
    part!("egress", "egress.toml"),
];
/// What to replace, and why.
const README: &str = include_str!("../../../../policies/README.md");

fn parts() -> clap::builder::PossibleValuesParser {
    clap::builder::PossibleValuesParser::new(PARTS.iter().map(|part| part.name))
}

pub(in crate::cli) fn init(arguments: &Arguments) -> Result {
    let wanted: BTreeSet<&str> = arguments.set.iter().map(String::as_str).collect();
    let parts = PARTS.iter().filter(|part| wanted.is_empty() || wanted.contains(part.name));
    let mut files = Vec::new();
    for part in parts {
        files.push((arguments.dir.join(format!("{}.cedar", part.name)), part.policies));
        let cases = part.cases.iter().map(|(name, text)| (arguments.dir.join("cases").join(name), *text));
        files.extend(cases);
    }
    // All or nothing, as far as can be told beforehand.
    if let Some((taken, _)) = files.iter().find(|(path, _)| path.exists()) {
        return Err(CliError::new(format!(
            "{} is there already, and nothing is overwritten: name another folder",
            taken.display()
        )));
    }
    // A further part finds it there.
    files.extend(Some((arguments.dir.join("README.md"), README)).filter(|(path, _)| !path.exists()));
    let cases = arguments.dir.join("cases");
    std::fs::create_dir_all(&cases).map_err(|error| CliError::new(format!("cannot make {}: {error}", cases.display())))?;
    for (path, text) in &files {
        write(path, text)?;
    }
    print(&format!(
        "{} files written to {dir}. Replace the names that {dir}/README.md lists, then: weir policy check --dir {dir}",
        files.len(),
        dir = arguments.dir.display()
    ))?;
    Ok(ExitCode::SUCCESS)
}

fn write(path: &Path, text: &str) -> Result<()> {
    let written = OpenOptions::new().write(true).create_new(true).open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => CliError::new(format!("{} is there already, and nothing is overwritten", path.display())),
        _ => CliError::new(format!("cannot write {}: {error}", path.display())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::PolicyTexts;

    #[test]
    fn a_part_and_the_whole_are_written_once_and_load() {
        let root = tempfile::tempdir().unwrap();
        for (name, set, policies) in [("one", vec!["no-where".to_owned()], 2), ("all", Vec::new(), 31)] {
            let dir = root.path().join(name);
            let arguments = Arguments { dir: dir.clone(), set };
            assert!(init(&arguments).is_ok());
            let texts = PolicyTexts::read(&dir).unwrap();
            assert_eq!(texts.load().unwrap().len(), policies, "{name}");
            assert!(!texts.run(&texts.load().unwrap()).unwrap().is_empty());
            let more = Arguments { dir: dir.clone(), set: vec!["quotas".to_owned()] };
            assert_eq!(init(&more).is_ok(), name == "one", "a further part can be added");
            let again = init(&arguments).unwrap_err().to_string();
            assert!(again.contains("nothing is overwritten"), "{again}");
        }
    }

    #[test]
    fn nothing_is_written_where_a_file_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("quotas.cedar"), "mine").unwrap();
        assert!(init(&Arguments { dir: dir.path().to_owned(), set: Vec::new() }).is_err());
        assert_eq!(std::fs::read_to_string(dir.path().join("quotas.cedar")).unwrap(), "mine");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
