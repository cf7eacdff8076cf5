//! The ways round that a private gateway can't close, under the host's daemon: its hooks are above the job and above who would help.
//!
//! For this the whole ground has to be below the hooks and outside of every job: the process that plays moves there first.

use super::ground::{Ground, Privileges, Sightings, Started, port_of};
use super::verdict::Row;
use super::{Case, Scene, Stage};
use crate::{Cgroup, binary, cgroup2_mount, wait_until};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// A cgroup with this process in it, outside of every job; below it the daemon attaches.
#[derive(Debug)]
pub struct Outside {
    cgroup: Cgroup,
    /// Where the process came from.
    before: PathBuf,
}

/// What an accomplice outside every job does itself is refused where the target is for jobs alone.
const BY_AN_OUTSIDER: [u32; 2] = [5, 8];

impl Outside {
    /// Moves this process. Before a [`Ground`] is made: what that starts is born here.
    ///
    /// # Panics
    /// Without root.
    #[must_use]
    pub fn enter() -> Self {
        let text = fs::read_to_string("/proc/self/cgroup").expect("/proc is mounted");
        let own = text.lines().find_map(|line| line.strip_prefix("0::/")).expect("cgroup v2 is there");
        let before = cgroup2_mount().join(own);
        let cgroup = Cgroup::create();
        let outside = cgroup.path().join("outside");
        fs::create_dir(&outside).expect("our own cgroup");
        join(&outside);
        Self { cgroup, before }
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        join(&self.before);
        for entry in fs::read_dir(self.cgroup.path()).into_iter().flatten().flatten().filter(|entry| entry.path().is_dir()) {
            // What has still processes stays: the next reader sees whose it is.
            fs::remove_dir(entry.path()).ok();
        }
    }
}

fn join(cgroup: &Path) {
    fs::write(cgroup.join("cgroup.procs"), std::process::id().to_string()).expect("root may move itself");
}

/// Whether the case is one for the daemon: beside others in one job, or moved into one.
#[must_use]
pub fn is_hosts(case: &Case) -> bool {
    matches!(case.stage, Stage::Job | Stage::Alone(Scene::MovedIn))
}

impl Ground {
    /// Plays the cases that `wanted` names without weir, then in jobs of a daemon that is attached above `outside`. No case is
    /// argued out of scope here. Those that need a gateway of their own are left out.
    pub fn run_under_daemon(&self, outside: &Outside, wanted: impl Fn(&Case) -> bool) -> Vec<Row> {
        let numbered = self.numbered.iter().copied();
        let wanted: Vec<(Case, u8)> = numbered.filter(|(case, _)| is_hosts(case) && wanted(case)).collect();
        self.witness.sightings.begin_again();
        let without = self.without_weir(&wanted);
        self.witness.sightings.begin_again();
        let under = self.under_daemon(&wanted, outside);
        let row = |&(case, _): &(Case, u8)| {
            let promised = Case { out_of_scope: None, ..case };
            Row::judge(promised, without.get(case.id), under.get(case.id))
        };
        wanted.iter().map(row).collect()
    }

    fn under_daemon(&self, wanted: &[(Case, u8)], outside: &Outside) -> Sightings {
        let config = self.configure_daemon(outside);
        let mut daemon = self.world.command_in_job();
        daemon.arg(binary()).args(["serve", "--config"]).arg(&config);
        daemon.stdin(Stdio::null()).stdout(Stdio::null()).stderr(self.log());
        let mut daemon = Started(daemon.spawn().expect("nsenter is there"));
        let port = port_of(&mut daemon).unwrap_or_else(|| panic!("no daemon starts: {}", self.last_words()));
        let socket = self.socket();
        // It is there once a canary has come out.
        wait_until("the daemon to serve", 60, || socket.exists().then_some(()));
        let gateway = (daemon.0.id(), port);
        let mut seen = Sightings::new();
        let (beside, alone): (Vec<_>, Vec<_>) = wanted.iter().copied().partition(|(case, _)| case.stage == Stage::Job);
        if !beside.is_empty() {
            let path = self.directory.path().join("job.plan");
            self.hand_plan_for(&path, &beside, gateway.0, gateway.1);
            let line = format!("exec {} drive {}", self.program().display(), path.display());
            let mut job = self.weir(&config, Privileges::None, Stdio::null(), "", &line);
            let mut text = String::new();
            std::io::Read::read_to_string(&mut job.0.stdout.take().expect("piped"), &mut text).expect("text");
            job.0.wait().expect("the child is ours");
            assert!(!text.is_empty(), "weir started no job: {}", self.last_words());
            seen.extend(self.collect(&beside, &super::drive::lines(&text), &self.recorded(&config)));
        }
        if !alone.is_empty() {
            let lines = self.play_scene(Scene::MovedIn, &alone, &config, Privileges::None, Some(gateway));
            seen.extend(self.collect(&alone, &lines, &self.recorded(&config)));
        }
        // With a job that lives it would leave its hooks.
        let cgroup = outside.cgroup.path().join("outside");
        wait_until("the jobs to be over", 30, || jobs_below(&cgroup).is_empty().then_some(()));
        seen
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("host.sock")
    }

    /// As for a private gateway, but for the daemon's own and the targets that are for jobs alone.
    fn configure_daemon(&self, outside: &Outside) -> PathBuf {
        let path = self.configure();
        let mut text = fs::read_to_string(&path).expect("it was just written");
        let name = outside.cgroup.path().file_name().and_then(|name| name.to_str()).expect("we named it");
        text.push_str(&format!(
            "\n[host]\nname = \"{name}\"\nattach = \"{}\"\nsocket = \"{}\"\ndrain_seconds = 1\n",
            outside.cgroup.path().display(),
            self.socket().display()
        ));
        let closed: BTreeSet<String> = self
            .numbered
            .iter()
            .filter(|(case, _)| BY_AN_OUTSIDER.contains(&case.row()))
            .map(|(_, number)| format!("\"198.51.100.{number}:{}\"", 20_000 + u16::from(*number)))
            .collect();
        let closed = Vec::from_iter(closed).join(", ");
        text.push_str(&format!(
            "\n[[target]]\nname = \"closed\"\nprotocol = \"opaque\"\nmatch = [{closed}]\nfrom_outside = \"refuse\"\n"
        ));
        fs::write(&path, text).expect("our own directory");
        path
    }
}

/// The cgroups of jobs at or below this one.
fn jobs_below(cgroup: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(cgroup).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}
