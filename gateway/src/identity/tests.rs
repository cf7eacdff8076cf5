//! Identity of real processes.

use super::*;
use crate::config::{OnOwnerLeave, WorkloadMatch};
use gateway_core::model::principal::Grade;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A process that echoes what it reads; it ends with its input.
struct Job {
    child: Child,
}

impl Job {
    /// Starts the command and waits until it (or what it started) has echoed a line.
    fn start(command: &mut Command, folder: &Path) -> Self {
        let child = command.current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut job = Self { child };
        job.child.stdin.as_mut().unwrap().write_all(b"ready\n").unwrap();
        let mut line = String::new();
        BufReader::new(job.child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        job
    }

    fn pid(&self) -> u32 {
        self.child.id()
    }

    fn only_child(&self) -> u32 {
        let pid = self.pid();
        fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap().trim().parse().unwrap()
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        drop(self.child.wait());
    }
}

fn resolver(workloads: Vec<WorkloadRule>) -> Resolver {
    Resolver {
        trust_domain: "acme.example".to_owned(),
        host: "ci-7".to_owned(),
        workloads,
        cgroups: Arc::new(Cgroups::new()),
        hashes: Hashes::default(),
        attestor: Attestor::new(&Config::default_for_run()),
    }
}

fn input(pid: u32) -> IdentityInput {
    let live = Live::new(pid);
    let cgroup = live.cgroup().ok().flatten().unwrap_or_default();
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let mount = mounts.lines().find(|line| line.contains(" cgroup2 ")).unwrap().split(' ').nth(1).unwrap();
    IdentityInput {
        pid,
        started_boottime_ns: live.stat().map(|stat| stat.started_ticks * 10_000_000 + 4_000_000).unwrap_or_default(),
        uid: nix::unistd::getuid().as_raw(),
        gid: nix::unistd::getgid().as_raw(),
        cgroup_id: fs::metadata(format!("{mount}{cgroup}")).unwrap().ino(),
        run: RunId::from_number(7),
        executable: None,
    }
}

fn sha256sum(path: &Path) -> String {
    let output = Command::new("sha256sum").arg(path).output().unwrap();
    String::from_utf8(output.stdout).unwrap().split(' ').next().unwrap().to_owned()
}

#[test]
fn a_child_acts_for_the_script_that_started_it() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().canonicalize().unwrap().join("nightly-backup.sh");
    fs::write(&script, "cat\ntrue\n").unwrap();
    let job = Job::start(Command::new("sh").args(["-eu", "./nightly-backup.sh", "now"]), folder.path());
    let rule = WorkloadRule {
        name: "nightly-backup".to_owned(),
        matches: WorkloadMatch { script_sha256: Some(sha256sum(&script)), ..WorkloadMatch::default() },
        owner: Some("ana@acme.example".to_owned()),
        on_owner_leave: OnOwnerLeave::Block,
        successor: None,
        mode: None,
    };
    let principal = resolver(vec![rule]).resolve(&input(job.only_child()));
    let process = &principal.process;
    assert_eq!(process.script.as_deref(), script.to_str());
    assert_eq!(process.script_sha256, Some(sha256sum(&script)));
    assert_eq!(process.executable, fs::canonicalize("/bin/cat").unwrap().to_str().map(str::to_owned));
    assert_eq!(process.executable_sha256, Some(sha256sum(Path::new("/bin/cat"))));
    assert_eq!(process.arguments, ["cat"]);
    assert_eq!(process.directory.as_deref(), script.parent().unwrap().to_str());
    assert_eq!(process.ancestry.first().map(|parent| parent.pid), Some(job.pid()));
    assert_eq!(process.ancestry.get(1).map(|parent| parent.pid), Some(std::process::id()));
    assert_eq!(process.gaps, Vec::<String>::new());
    assert_eq!(principal.name.as_deref(), Some("nightly-backup"));
    assert_eq!(principal.owner.as_deref(), Some("ana@acme.example"));
    assert_eq!(principal.grade, Grade::Kernel);
    assert_eq!(principal.workload.0, "spiffe://acme.example/host/ci-7/workload/nightly-backup");
}

#[test]
fn an_interpreter_shows_its_script_its_claims_and_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("job.py"), "print(input(), flush=True)\ninput()\n").unwrap();
    let mut command = Command::new("python3");
    command.args(["-B", "job.py", "--password=hunter2", "postgres://ana:hunter2@db/x"]);
    command.env_clear().env("PATH", "/usr/bin:/bin").env("GITHUB_ACTIONS", "true");
    command.env("GITHUB_REPOSITORY", "acme/shop").env("GITHUB_WORKFLOW", "nightly").env("GITHUB_TOKEN", "hunter2");
    let job = Job::start(command.stderr(Stdio::null()), folder.path());
    let principal = resolver(Vec::new()).resolve(&input(job.pid()));
    assert!(principal.process.script.as_deref().unwrap().ends_with("/job.py"));
    assert_eq!(principal.process.script_sha256, Some(sha256sum(&folder.path().join("job.py"))));
    assert_eq!(principal.claims.as_ref().unwrap().attributes.get("repository").unwrap(), "acme/shop");
    assert!(!format!("{principal:?}").contains("hunter2"));
    if principal.process.unit.is_none() && principal.process.container.is_none() {
        assert_eq!(principal.workload.0, "spiffe://acme.example/ci/github/acme/shop/nightly");
        assert_eq!(principal.grade, Grade::Claimed);
    }
}

#[test]
fn another_process_with_the_same_id_lends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let job = Job::start(&mut Command::new("cat"), folder.path());
    let mut earlier = input(job.pid());
    earlier.started_boottime_ns -= 30_000_000;
    let process = resolver(Vec::new()).resolve(&earlier).process;
    assert_eq!(process.gaps, ["the process had ended"]);
    assert_eq!((process.executable, process.directory, process.script), (None, None, None));
    assert!(process.arguments.is_empty() && process.ancestry.is_empty());
    assert_eq!(process.cgroup_id, earlier.cgroup_id);
    assert!(!process.cgroup.is_empty(), "found by its id");
}

#[test]
fn a_process_that_has_become_another_lends_nothing_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let job = Job::start(&mut Command::new("cat"), folder.path());
    let at = |path: &str| {
        let file = fs::metadata(fs::canonicalize(path).unwrap()).unwrap();
        IdentityInput { executable: Some(Executable { device: file.dev(), inode: file.ino() }), ..input(job.pid()) }
    };
    let same = resolver(Vec::new()).resolve(&at("/bin/cat")).process;
    assert!(same.executable.is_some() && same.gaps.is_empty(), "{:?}", same.gaps);
    let other = resolver(Vec::new()).resolve(&at("/bin/sh")).process;
    assert_eq!((other.executable, other.executable_sha256, other.script), (None, None, None));
    assert_eq!(other.gaps, ["executable, script: another program ran at the connect than runs now"]);
}

#[test]
fn an_ended_process_leaves_its_user_and_cgroup() {
    let mut child = Command::new("true").spawn().unwrap();
    let input = IdentityInput { started_boottime_ns: 1, ..input(std::process::id()) };
    let input = IdentityInput { pid: child.id(), ..input };
    child.wait().unwrap();
    let principal = resolver(Vec::new()).resolve(&input);
    assert_eq!(principal.process.gaps, ["the process had ended"]);
    assert_eq!(principal.process.uid, input.uid);
    assert_eq!(principal.grade, Grade::Kernel);
    assert_eq!(principal.run, RunId::from_number(7));
}

#[test]
fn a_script_is_looked_for_in_the_jobs_own_root() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("link.sh");
    std::os::unix::fs::symlink("/proc/self/root/etc/passwd", &link).unwrap();
    let own = Live::new(std::process::id());
    assert!(own.file(link.to_str().unwrap().as_bytes()).unwrap().is_none(), "no way out by a magic link");
}

#[test]
fn a_file_mounted_over_another_does_not_take_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let trusted = folder.path().canonicalize().unwrap().join("backup");
    fs::copy("/bin/sleep", &trusted).unwrap();
    let mount = "mount --bind /bin/cat backup && exec $PWD/backup";
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", mount]);
    let job = Job::start(&mut command, folder.path());
    let matches = WorkloadMatch { executable: trusted.to_str().map(str::to_owned), ..WorkloadMatch::default() };
    let rule = WorkloadRule {
        name: "backup".to_owned(),
        matches,
        owner: None,
        on_owner_leave: OnOwnerLeave::Block,
        successor: None,
        mode: None,
    };
    let principal = resolver(vec![rule]).resolve(&input(job.pid()));
    assert_eq!(principal.process.executable.as_deref(), trusted.to_str(), "the path alone would have matched");
    assert_eq!(principal.process.executable_sha256, Some(sha256sum(Path::new("/bin/cat"))));
    assert_eq!(principal.name, None);
}
