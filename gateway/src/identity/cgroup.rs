//! The cgroup: its path, that it is the one of the connect, and which unit or container it names.

use crate::capture::cgroup2_mount;
use gateway_core::model::ids::RunId;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Folders looked at for a cgroup id whose process is gone.
const SEARCHED: usize = 20_000;

/// What a cgroup's path names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) unit: Option<String>,
    pub(super) container: Option<String>,
}

/// The path of the cgroup with this id, and how many of its folders root named.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) path: String,
    pub(super) trusted: usize,
}

/// The cgroup2 mount.
pub(super) struct Cgroups {
    root: Option<PathBuf>,
}

impl Cgroups {
    pub(super) fn new() -> Self {
        Self { root: cgroup2_mount().ok() }
    }

    /// The cgroup with `id`: at `path`, if that is still it, else wherever it is.
    pub(super) fn find(&self, id: u64, path: Option<&str>) -> Option<Place> {
        let root = self.root.as_deref()?;
        let here =
            path.filter(|path| !path.contains("..")).filter(|path| inode(&root.join(path.trim_start_matches('/'))) == Some(id));
        let path = match here {
            Some(path) => path.to_owned(),
            None => search(root, id)?,
        };
        let trusted = trusted(root, &path);
        Some(Place { path, trusted })
    }
}

impl Cgroups {
    /// The id of the cgroup at this path.
    pub(super) fn id(&self, path: &str) -> Option<u64> {
        inode(&self.folder(path)?)
    }

    /// The processes of the cgroup at this path, those below it apart.
    pub(super) fn processes(&self, path: &str) -> Vec<u32> {
        let text = self.folder(path).and_then(|folder| fs::read_to_string(folder.join("cgroup.procs")).ok());
        text.unwrap_or_default().lines().filter_map(|line| line.parse().ok()).collect()
    }

    fn folder(&self, path: &str) -> Option<PathBuf> {
        let root = self.root.as_deref()?;
        (!path.contains("..")).then(|| root.join(path.trim_start_matches('/')))
    }
}

/// How many of the path's folders are above what the job of this run may have named: its own cgroup, which is
/// named for the run, was made by weir; a job that is root can make any below it.
pub(super) fn above(path: &str, run: RunId) -> usize {
    let run = run.to_string();
    let mut folders = path.split('/').filter(|folder| !folder.is_empty());
    folders.position(|folder| folder == run || folder.strip_prefix("weir-job-") == Some(&run)).unwrap_or(usize::MAX)
}

/// The uid of the pod that the first `trusted` folders of the path name, and the path of the pod's own folder.
pub(super) fn pod(path: &str, trusted: usize) -> Option<(String, String)> {
    let mut upto = String::new();
    for folder in path.split('/').filter(|folder| !folder.is_empty()).take(trusted) {
        upto.push('/');
        upto.push_str(folder);
        // With systemd `kubepods-burstable-podUID_WITH_UNDERSCORES.slice`, without it `podUID`.
        let name = folder.strip_suffix(".slice").filter(|name| name.starts_with("kubepods"));
        let uid = match name.and_then(|name| name.rsplit_once("-pod")) {
            Some((_, uid)) => Some(uid.replace('_', "-")),
            None => folder.strip_prefix("pod").filter(|_| path.starts_with("/kubepods/")).map(str::to_owned),
        };
        if let Some(uid) = uid.filter(|uid| !uid.is_empty()) {
            return Some((uid, upto));
        }
    }
    None
}

/// The path in the `0::` line of a `/proc/PID/cgroup`.
pub(super) fn unified(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.strip_prefix("0::")).map(|path| path.strip_suffix(" (deleted)").unwrap_or(path))
}

/// The unit and container that the first `trusted` folders of the path name.
///
/// A folder's name was chosen by the owner of the folder above it, so below one that a user owns
/// any name may stand; and below a container, the container chooses. A container that a job of weir's started
/// is the job's, and what started the job is known by its unit still.
pub(super) fn names(path: &str, trusted: usize) -> Names {
    let mut names = Names::default();
    let mut in_job = false;
    for folder in path.split('/').filter(|folder| !folder.is_empty()).take(trusted) {
        if let Some(id) = container(folder) {
            // Podman's split mode puts the container into its service, which is the better name.
            if !in_job && !folder.starts_with("libpod-payload-") {
                names.unit = None;
            }
            names.container = Some(id.to_owned());
            return names;
        }
        if folder.ends_with(".service") || folder.ends_with(".scope") {
            names.unit = Some(folder.to_owned());
        }
        if folder.starts_with("user@") {
            return names;
        }
        in_job |= is_job(folder);
    }
    names
}

/// Whether weir made this cgroup for a job: `weir-PID` by `weir run`, `weir-job-RUN` by the daemon.
fn is_job(folder: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    folder.starts_with("weir-job-") || folder.strip_prefix("weir-").is_some_and(number)
}

fn container(folder: &str) -> Option<&str> {
    let name = folder.strip_suffix(".scope").unwrap_or(folder);
    // Without systemd containerd writes `slice:cri-containerd:ID`.
    let id = match name.rsplit_once(':') {
        Some((_, id)) => id,
        None => ["docker-", "cri-containerd-", "crio-", "libpod-payload-", "libpod-"]
            .iter()
            .find_map(|prefix| name.strip_prefix(prefix))
            .unwrap_or(name),
    };
    (id.len() == 64 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))).then_some(id)
}

fn inode(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|metadata| metadata.ino())
}

fn trusted(root: &Path, path: &str) -> usize {
    let mut folder = root.to_owned();
    let mut count = 0;
    for name in path.split('/').filter(|name| !name.is_empty()) {
        if !fs::metadata(&folder).is_ok_and(|metadata| metadata.uid() == 0) {
            break;
        }
        folder.push(name);
        count += 1;
    }
    count
}

fn search(root: &Path, id: u64) -> Option<String> {
    let mut waiting = vec![root.to_owned()];
    let mut looked = 0;
    while let Some(folder) = waiting.pop() {
        if inode(&folder) == Some(id) {
            let below = folder.strip_prefix(root).ok()?;
            return Some(format!("/{}", below.to_string_lossy()));
        }
        looked += 1;
        if looked > SEARCHED {
            return None;
        }
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        waiting.extend(entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn paths_name_units_and_containers() {
        let cases = [
            ("/", None, false),
            ("/weir/run-1", None, false),
            ("/system.slice/nightly-backup.service", Some("nightly-backup.service"), false),
            ("/system.slice/a.service/b.scope/leaf", Some("b.scope"), false),
            ("/system.slice/actions.runner.acme-shop.ci-7.service", Some("actions.runner.acme-shop.ci-7.service"), false),
            ("/system.slice/docker-ID.scope", None, true),
            ("/system.slice/docker-ID.scope/init.scope", None, true),
            ("/docker/ID", None, true),
            ("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1_2.slice/cri-containerd-ID.scope", None, true),
            ("/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:ID", None, true),
            ("/kubepods/burstable/pod1-2/ID", None, true),
            ("/kubepods.slice/kubepods-pod1.slice/crio-ID.scope", None, true),
            ("/kubepods.slice/kubepods-pod1.slice/crio-conmon-ID.scope", Some("crio-conmon-ID.scope"), false),
            ("/machine.slice/libpod-ID.scope/container", None, true),
            ("/machine.slice/libpod-conmon-ID.scope", Some("libpod-conmon-ID.scope"), false),
            ("/system.slice/web.service/libpod-payload-ID", Some("web.service"), true),
            ("/system.slice/runner.service/weir-1234/01J0/libpod_parent/libpod-ID", Some("runner.service"), true),
            ("/system.slice/runner.service/weir-job-01J0/ID", Some("runner.service"), true),
            ("/system.slice/runner.service/weir-own/ID", None, true),
            ("/system.slice/docker-abc.scope", Some("docker-abc.scope"), false),
            ("/user.slice/user-1000.slice/session-3.scope", Some("session-3.scope"), false),
            ("/user.slice/user-1000.slice/user@1000.service/app.slice/nightly-backup.service", Some("user@1000.service"), false),
        ];
        for (path, unit, contained) in cases {
            let found = names(&path.replace("ID", ID), usize::MAX);
            assert_eq!(found.unit, unit.map(|unit| unit.replace("ID", ID)), "{path}");
            assert_eq!(found.container.is_some(), contained, "{path}");
        }
    }

    #[test]
    fn what_a_job_makes_below_its_own_cgroup_names_nothing() {
        let run = RunId::from_number(7);
        for (path, unit) in [
            (format!("/a.service/weir-1/{run}/b.service"), "a.service"),
            (format!("/a.service/weir-job-{run}/b.service"), "a.service"),
            (format!("/a.service/x-{run}/b.service"), "b.service"),
        ] {
            assert_eq!(names(&path, above(&path, run)).unit.as_deref(), Some(unit), "{path}");
        }
    }

    #[test]
    fn pods_are_named_by_root_alone() {
        let cases = [
            (
                "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1_2.slice/cri-containerd-a.scope",
                9,
                Some(("1-2", 3)),
            ),
            ("/kubepods/burstable/pod1-2/abc", 9, Some(("1-2", 3))),
            ("/kubepods/burstable/pod1-2/abc", 2, None),
            ("/user.slice/pod1-2", 9, None),
            ("/system.slice/a-pod1.slice", 9, None),
        ];
        for (path, trusted, expected) in cases {
            let found = pod(path, trusted).map(|(uid, place)| (uid, place.matches('/').count()));
            assert_eq!(found.as_ref().map(|(uid, depth)| (uid.as_str(), *depth)), expected, "{path}");
        }
    }

    #[test]
    fn names_below_a_users_folder_count_for_nothing() {
        let found = names("/system.slice/runner.service/nightly-backup.service", 2);
        assert_eq!(found.unit.as_deref(), Some("runner.service"));
    }

    #[test]
    fn the_unified_line_is_found() {
        assert_eq!(unified("4:memory:/a\n0::/weir/run\n"), Some("/weir/run"));
    }

    #[test]
    fn a_cgroup_is_found_by_its_id() {
        let folder = tempfile::tempdir().unwrap();
        let leaf = folder.path().join("a.slice/b.service");
        fs::create_dir_all(&leaf).unwrap();
        let cgroups = Cgroups { root: Some(folder.path().to_owned()) };
        let id = inode(&leaf).unwrap();
        for said in [None, Some("/a.slice"), Some("/a.slice/b.service"), Some("/gone")] {
            assert_eq!(cgroups.find(id, said).unwrap().path, "/a.slice/b.service");
        }
        assert_eq!(cgroups.find(u64::MAX, Some("/a.slice")), None);
    }
}
