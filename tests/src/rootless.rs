//! A user who runs containers without root: known in the calling thread's mount namespace alone.

use crate::Outcome;
use crate::containers::{IMAGE, make_root};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// The user's name.
pub const USER: &str = "weir-boxer";

/// Makes the user, its subordinate ids if it has any, and a TUN device that it may use. `$1` is a directory.
const MADE: &str = r#"
set -e
cd "$1"
for file in passwd group; do cp /etc/$file $file; done
echo 'weir-boxer:x:64321:64321::'"$1"'/home:/bin/sh' >>passwd
echo 'weir-boxer:x:64321:' >>group
printf "$2" | tee subuid >subgid
for file in passwd group subuid subgid; do mount --bind $file /etc/$file; done
mknod -m 666 tun c 10 200; mount --bind tun /dev/net/tun
install -d -o weir-boxer -g weir-boxer -m 700 home run store
chown weir-boxer: box.tar
"#;

/// What podman is to know: neither limits nor cgroups of its own, which a user without a systemd can't have.
const CONFIGURATION: &str = "[containers]\npids_limit = 0\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=2000:2000\"]\n\
     cgroups = \"disabled\"\nkeyring = false\n[engine]\nruntime = \"crun\"\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\n";

/// The user's directory, with an image store that has [`IMAGE`].
#[derive(Debug)]
pub struct Rootless {
    directory: TempDir,
}

impl Rootless {
    /// Makes it all, in a thread that has a mount namespace of its own; `with_ids`: the user has subordinate ids, else it
    /// can be but one in its containers. Needs root.
    ///
    /// # Panics
    /// Where the machine lacks what it takes.
    #[must_use]
    pub fn create(with_ids: bool) -> Self {
        let directory = tempfile::Builder::new().prefix("weir-boxer-").tempdir().expect("a temporary directory");
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).expect("our own directory");
        let rootless = Self { directory };
        let (root, archive) = (rootless.path().join("box"), rootless.path().join("box.tar"));
        make_root(&root);
        let packed = Command::new("tar").arg("-C").arg(&root).arg("-cf").arg(&archive).arg(".").status();
        assert!(packed.is_ok_and(|status| status.success()), "the image's archive could not be made");
        fs::write(rootless.path().join("containers.conf"), CONFIGURATION).expect("our own directory");
        let ids = if with_ids { "weir-boxer:200000:65536\n" } else { "" };
        let made = Command::new("sh").args(["-c", MADE, "sh"]).arg(rootless.path()).arg(ids).output();
        let made: Outcome = made.expect("a shell is there").into();
        made.expect_success();
        let line = rootless.podman(&["import", archive.to_str().expect("UTF-8"), IMAGE]);
        let imported: Outcome = Command::new(&line[0]).args(&line[1..]).output().expect("setpriv is there").into();
        imported.expect_success();
        rootless
    }

    /// The words of `podman arguments…` as the user.
    #[must_use]
    pub fn podman(&self, arguments: &[&str]) -> Vec<String> {
        let mut words: Vec<String> = ["setpriv", "--reuid", USER, "--regid", USER, "--clear-groups"].map(str::to_owned).into();
        words.extend(self.plain_podman(arguments));
        words
    }

    /// The words of `podman arguments…` for who is the user already.
    #[must_use]
    pub fn plain_podman(&self, arguments: &[&str]) -> Vec<String> {
        let place = |name: &str| self.path().join(name).display().to_string();
        let mut words = vec![
            "timeout".to_owned(),
            "60".to_owned(),
            "env".to_owned(),
            format!("HOME={}", place("home")),
            format!("XDG_RUNTIME_DIR={}", place("run")),
            format!("CONTAINERS_CONF={}", place("containers.conf")),
            "podman".to_owned(),
            "--storage-driver=vfs".to_owned(),
            format!("--root={}", place("store/root")),
            format!("--runroot={}", place("run/root")),
        ];
        words.extend(arguments.iter().map(|&word| word.to_owned()));
        words
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }
}
