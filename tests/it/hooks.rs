//! The hooks in `deploy/`, each run the way its runner runs it: in the runner's order, with its environment, from processes
//! of its names. The runners themselves are not to be had here; cron is the real one, systemd is in `cargo xtask vm`.

mod buildkite;
mod cron;
mod github;
mod gitlab;
mod jenkins;

use nix::sys::signal::Signal;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;
use weir_tests::{Daemon, Outcome, Postgres, Weir, binary, book, wait_until};

/// What a step does in all of these: one query, whose answer only the real server has.
const QUERY: &str = "psql -X -A -t -c 'SELECT 40 + 2'";

/// A host with weir's daemon, a Postgres, and one runner's hooks as they are in `deploy/`.
struct Host {
    daemon: Daemon,
    folder: TempDir,
    // Behind the daemon, which dials it.
    _server: Postgres,
}

impl Host {
    /// Installs `deploy/<hooks>`. What an installation has in fixed places is where the test has it: weir itself, the
    /// daemon's socket, and each of `places`.
    fn with(hooks: &str, places: &[(&str, &str)]) -> Self {
        let server = Postgres::start();
        let daemon = Daemon::start(Weir::for_server(&server), "");
        let folder = tempfile::Builder::new().prefix("weir-hooks-").tempdir().expect("a temporary directory");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("our own directory");
        let host = Self { daemon, folder, _server: server };
        host.install(&book::top().join("deploy").join(hooks), &host.path("hooks"), places);
        host
    }

    fn install(&self, from: &Path, to: &Path, places: &[(&str, &str)]) {
        fs::create_dir_all(to).expect("our own directory");
        for entry in fs::read_dir(from).expect("the repository's own folder").flatten() {
            let to = to.join(entry.file_name());
            if entry.path().is_dir() {
                self.install(&entry.path(), &to, places);
                continue;
            }
            let mut text = fs::read_to_string(entry.path()).expect("the repository's own file");
            text = text.replace("/usr/local/bin/weir", &binary().display().to_string());
            text = text.replace("/run/weir/host.sock", &self.daemon.socket().display().to_string());
            for (place, here) in places {
                text = text.replace(place, &here.replace("FOLDER", &self.folder.path().display().to_string()));
            }
            fs::write(&to, text).expect("our own directory");
            let mode = entry.metadata().expect("the repository's own file").permissions();
            fs::set_permissions(&to, mode).expect("our own file");
        }
    }

    /// A path in the test's folder.
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// An installed hook.
    fn hook(&self, name: &str) -> PathBuf {
        let path = self.path("hooks").join(name);
        assert!(path.is_file(), "{} is not installed", path.display());
        path
    }

    /// A file of this text that can be run.
    fn program(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("our own directory");
        fs::write(&path, text).expect("our own directory");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("our own file");
        path
    }

    /// A runner's process, below the cgroup that the daemon has its hooks at, in no job.
    fn runner(&self, command: &[&str]) -> Command {
        let mut runner = self.daemon.shell("exec \"$@\"", command);
        runner.current_dir(self.folder.path()).stdin(Stdio::null());
        // Its hooks have weir's place written in them.
        runner.env_remove("WEIR").env_remove("SOCKET");
        runner
    }

    /// Stops the daemon in order: nothing is protected any more.
    fn stop_weir(&mut self) {
        self.daemon.signal(Signal::SIGTERM);
        assert_eq!(self.daemon.wait(), Some(0), "{}", self.daemon.log());
    }

    /// The run of the only job so far, all of whose `count` sessions are under it.
    #[track_caller]
    fn one_run(&self, count: usize) -> String {
        let sessions = self.daemon.weir.sessions();
        assert_eq!(sessions.len(), count, "{sessions:?}");
        let run = sessions[0]["run"].as_str().expect("a session has a run").to_owned();
        assert!(sessions.iter().all(|session| session["run"] == run.as_str()), "{sessions:?}");
        run
    }

    /// Waits until no job is left: neither in the daemon's list nor as a cgroup.
    #[track_caller]
    fn nothing_is_left(&self) {
        wait_until("the jobs to be gone", 20, || {
            let listed = self.daemon.ask(&["job", "list", "--format", "json"]).expect_success();
            (listed.stdout.trim() == "[]" && self.jobs_below() == 0).then_some(())
        });
    }

    /// Cgroups of jobs.
    fn jobs_below(&self) -> usize {
        let below = fs::read_dir(self.daemon.attach().join("jobs")).expect("our own cgroup").flatten();
        below.filter(|entry| entry.path().is_dir()).count()
    }
}

/// Runs it to its end.
#[track_caller]
fn run(command: &mut Command) -> Outcome {
    command.output().expect("a runner starts").into()
}

#[test]
fn every_hook_is_clean_to_shellcheck() {
    let mut scripts = Vec::new();
    let mut folders = vec![book::top().join("deploy")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the repository's own folder").flatten() {
            let path = entry.path();
            let text = fs::read_to_string(&path).unwrap_or_default();
            if path.is_dir() {
                folders.push(path);
            } else if text.starts_with("#!/bin/sh\n") || text.contains("\n# shellcheck shell=sh") {
                assert!(text.contains("set -eu\n") || !text.starts_with("#!"), "{} has no set -eu", path.display());
                scripts.push(path);
            }
        }
    }
    assert!(scripts.len() >= 13, "{scripts:?}");
    let checked =
        Command::new("shellcheck").args(["-x", "-P", "SCRIPTDIR"]).args(&scripts).output().expect("shellcheck is installed");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
}
