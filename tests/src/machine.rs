//! What a report was made on: without it, its figures can't be held against another's.

use serde_json::{Value, json};
use std::fs;
use std::process::Command;

/// The processor, the kernel, the server and the commit, for a report. What can't be found out is null.
#[must_use]
pub fn machine() -> Value {
    let cores = std::thread::available_parallelism().map(usize::from).ok();
    // Reports, and the pages that are made of them, are not what is measured.
    let made = [":(exclude)docs/results", ":(exclude)docs/performance", ":(exclude)docs/performance.md"];
    let edited = output("git", &[&["status", "--porcelain", "--untracked-files=no", "--", "."], &made[..]].concat());
    json!({
        "cpu": processor(),
        "cores": cores,
        // The version, without what a builder appends.
        "kernel": output("uname", &["-sr"]).map(|text| text.split('-').next().unwrap_or_default().to_owned()),
        "postgres": output("/usr/lib/postgresql/15/bin/postgres", &["--version"]),
        "commit": output("git", &["rev-parse", "HEAD"]),
        "edited": edited.map(|files| !files.is_empty()),
    })
}

fn processor() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(':').map(|(_, name)| name.trim().to_owned())
}

/// What `program` prints, in this repository.
fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let top = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let output = Command::new(program).args(arguments).current_dir(top).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::machine;

    #[test]
    fn a_report_says_what_it_was_made_on() {
        let machine = machine();
        assert!(machine["cores"].as_u64() > Some(0), "{machine}");
        assert!(machine["kernel"].as_str().is_some_and(|kernel| kernel.starts_with("Linux ")), "{machine}");
        assert!(machine["postgres"].as_str().is_some_and(|server| server.contains("PostgreSQL")), "{machine}");
    }
}
