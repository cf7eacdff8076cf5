//! Cases that have a job of their own, to whose gateway something is done first.

use super::drive::{Line, Told, lines};
use super::ground::{Ground, Privileges, Started};
use super::{Case, Scene};
use crate::{cgroup2_mount, wait_until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

/// How long the hooks believe a heartbeat, and a little more.
const STALE: Duration = Duration::from_millis(3500);

impl Ground {
    /// Plays cases in a job of their own, after something was done to its gateway. Where that is the `host`'s daemon, its
    /// process and port are given.
    pub(super) fn play_scene(
        &self,
        scene: Scene,
        cases: &[(Case, u8)],
        config: &Path,
        privileges: Privileges,
        host: Option<(u32, u16)>,
    ) -> Vec<Line> {
        let path = self.directory.path().join(format!("{scene:?}.plan"));
        for kind in ["plan", "go", "lines", "half", "waits"] {
            fs::remove_file(path.with_extension(kind)).ok();
        }
        let input = if scene == Scene::SocketAsInput { self.connected_socket() } else { Stdio::null() };
        let inherits = if scene == Scene::Inherited { "inherits" } else { "" };
        let linger = format!("setsid -f {} linger {}", self.program().display(), path.display());
        let line = if scene == Scene::MovedIn { "exec sleep 90".to_owned() } else { format!("{linger}; exec sleep 90") };
        let mut weir = self.weir(config, privileges, input, inherits, &line);
        match host {
            Some((pid, port)) => self.hand_plan_for(&path, cases, pid, port),
            None if self.hand_plan(&path, cases, &mut weir) => {}
            None => return all(cases, "weir starts no job like this"),
        }
        let outsider = (scene == Scene::MovedIn).then(|| self.outsider(&path));
        let waits = path.with_extension("waits");
        let there = wait_until("the job to be ready", 60, || {
            if waits.exists() { Some(true) } else { weir.0.try_wait().ok()?.map(|_| false) }
        });
        if !there {
            return all(cases, "weir starts no job like this");
        }
        let job = cgroup2_mount().join(wait_until("the job's cgroup", 20, || job_cgroup(weir.0.id())));
        do_to(scene, &mut weir);
        fs::write(path.with_extension("go"), "").expect("our own directory");
        if scene == Scene::MovedIn {
            self.move_in(&job);
        }
        let told = path.with_extension("lines");
        let played =
            wait_until("the job to have played", 60, || if told.exists() { Some(true) } else { is_empty(&job).then_some(false) });
        drop(outsider);
        drop(weir);
        // It may have written its last word on its way out.
        if !played && !told.exists() {
            return all(cases, "nothing of the job outlives its gateway");
        }
        lines(&fs::read_to_string(told).expect("our own file"))
    }

    /// A process of the job's user that is outside every job, and waits to play.
    fn outsider(&self, path: &Path) -> Started {
        let mut outsider = self.world.command_in_job();
        outsider.args(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]);
        outsider.arg(self.program()).arg("linger").arg(path).stdin(Stdio::null());
        Started(outsider.spawn().expect("nsenter is there"))
    }

    /// Moves the process that asks for it into the job's cgroup.
    fn move_in(&self, job: &Path) {
        let asks = self.directory.path().join("move-me-in");
        let pid =
            wait_until("a process that asks to be moved", 20, || fs::read_to_string(&asks).ok().filter(|pid| !pid.is_empty()));
        fs::write(job.join("cgroup.procs"), pid).expect("root may move");
        fs::remove_file(asks).expect("our own directory");
    }
}

fn do_to(scene: Scene, weir: &mut Started) {
    match scene {
        Scene::Killed => {
            weir.0.kill().expect("the child is ours");
            weir.0.wait().expect("the child is ours");
        }
        Scene::Stopped => {
            let pid = Pid::from_raw(i32::try_from(weir.0.id()).expect("a pid fits"));
            kill(pid, Signal::SIGSTOP).expect("the child is ours");
            // The time itself is what is tested.
            std::thread::sleep(STALE);
        }
        Scene::SocketAsInput | Scene::Inherited | Scene::MovedIn => {}
    }
}

/// None of them could be played, for one reason that is weir's own.
fn all(cases: &[(Case, u8)], why: &str) -> Vec<Line> {
    cases.iter().map(|(case, _)| Line { id: case.id.to_owned(), told: Told::Lost(why.to_owned()) }).collect()
}

/// Whether no process is in the cgroup or below it, or it is gone.
fn is_empty(cgroup: &Path) -> bool {
    fs::read_to_string(cgroup.join("cgroup.events")).map_or(true, |events| events.contains("populated 0"))
}

/// The cgroup of the first child of weir that is in another one than weir, relative to the mount.
fn job_cgroup(weir: u32) -> Option<PathBuf> {
    let of = |pid: &str| {
        let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
        text.lines().find_map(|line| line.strip_prefix("0::/").map(PathBuf::from))
    };
    let own = of(&weir.to_string())?;
    let threads = fs::read_dir(format!("/proc/{weir}/task")).ok()?.flatten();
    let children = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok()).collect::<String>();
    children.split_whitespace().find_map(|child| of(child).filter(|cgroup| *cgroup != own))
}
