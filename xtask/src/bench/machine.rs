//! What a report was made on, and by which versions: without these its figures can't be held against another's.

use crate::regress::server::BIN;
use crate::run::root;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;

/// The machine as other reports have it, with its memory and how busy it is. What can't be found out is null.
pub(super) fn machine() -> Value {
    let mut machine = crate::machine::machine();
    if let Value::Object(fields) = &mut machine {
        fields.insert("memory".to_owned(), json!(after("/proc/meminfo", "MemTotal")));
        fields.insert(
            "virtual".to_owned(),
            json!(fs::read_to_string("/proc/cpuinfo").ok().map(|text| text.contains("hypervisor"))),
        );
        fields.insert("load_before".to_owned(), json!(load()));
    }
    machine
}

/// The load average of the last minute.
pub(super) fn load() -> Option<f64> {
    fs::read_to_string("/proc/loadavg").ok()?.split(' ').next()?.parse().ok()
}

/// The versions of all that takes part.
pub(super) fn versions(weir: &Path) -> Value {
    let bin = Path::new(BIN);
    json!({
        "weir": first(weir, &["--version"]),
        "postgres": first(&bin.join("postgres"), &["--version"]),
        "pgbench": first(&bin.join("pgbench"), &["--version"]),
        "haproxy": first(Path::new("haproxy"), &["-v"]).map(|line| line.split(" - ").next().unwrap_or_default().to_owned()),
        "pgbouncer": first(Path::new("pgbouncer"), &["--version"]),
    })
}

fn after(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_once(':').map(|(_, value)| value.trim().to_owned())
}

fn first(program: &Path, arguments: &[&str]) -> Option<String> {
    text(program, arguments)?.lines().next().map(str::to_owned)
}

/// What `program` prints, in this repository.
fn text(program: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).current_dir(root()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
