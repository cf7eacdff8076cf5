//! Texts that faker makes, and what stands beside weir's detectors: Presidio, in a Python of its own.

use crate::run::{root, run, target, tell};
use anyhow::{Context as _, bail};
use serde_json::Value;
use std::fs::{self, File};
use std::path::{Path, PathBuf, absolute};
use std::process::{Command, Stdio};

/// Where its files are, below what cargo makes.
pub(crate) fn place() -> anyhow::Result<PathBuf> {
    let place = absolute(target().join("detect"))?;
    fs::create_dir_all(&place)?;
    Ok(place)
}

/// One of the scripts of `bench/detect`.
pub(crate) fn script(name: &str) -> String {
    root().join("bench/detect").join(name).to_string_lossy().into_owned()
}

/// The versions that the environment is made of.
pub(crate) fn requirements() -> Vec<String> {
    let text = fs::read_to_string(root().join("bench/detect/requirements.txt")).unwrap_or_default();
    text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

/// A Python of its own with the pinned versions, made once for each set of them.
pub(crate) fn environment(place: &Path) -> anyhow::Result<String> {
    let (folder, wanted) = (place.join("venv"), root().join("bench/detect/requirements.txt"));
    let (python, noted) = (folder.join("bin/python"), folder.join("requirements.txt"));
    if fs::read(&noted).ok() != Some(fs::read(&wanted)?) {
        run("venv", "python3", &["-m", "venv", "--clear", &folder.to_string_lossy()])?;
        let python = python.to_string_lossy();
        run("packages", &python, &["-m", "pip", "install", "--quiet", "--requirement", &wanted.to_string_lossy()])?;
        fs::copy(&wanted, &noted)?;
    }
    Ok(python.to_string_lossy().into_owned())
}

/// Runs `program` from one file to another.
pub(crate) fn through(title: &str, program: &str, arguments: &[&str], from: Option<&Path>, to: &Path) -> anyhow::Result<()> {
    tell(&format!("== {title} =="));
    let input = from.map_or_else(|| Ok(Stdio::null()), |file| File::open(file).map(Stdio::from))?;
    let status = Command::new(program).args(arguments).current_dir(root()).stdin(input).stdout(File::create(to)?).status();
    let status = status.with_context(|| format!("can't start `{program}`"))?;
    if !status.success() {
        bail!("{title} failed ({status})");
    }
    Ok(())
}

/// A value of JSON for each line of a file.
pub(crate) fn lines(file: &Path) -> anyhow::Result<Vec<Value>> {
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    text.lines().map(|line| serde_json::from_str(line).with_context(|| format!("{}: {line}", file.display()))).collect()
}

/// How long presidio.py says in its last line that it took, in seconds; the line is taken off.
pub(crate) fn seconds(lines: &mut Vec<Value>) -> anyhow::Result<f64> {
    lines.pop().and_then(|last| last.get("seconds")?.as_f64()).context("presidio.py did not say how long it took")
}
