//! What a job must not see, masked by mounts: sockets of daemons that would act for it, and the gateway's own files.
//!
//! A folder is masked by an empty one, a file or socket by an empty file that nobody may open; both are read-only.

use super::mounts;
use super::plan::Plan;
use super::{LaunchError, Result};
use nix::mount::MsFlags;
use std::fs::{DirBuilder, File, OpenOptions};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Where the host has what its gateways keep while they run. In a job it holds what masks are made of.
pub(super) const RUN: &str = "/run/weir";

/// Files that stay visible below a masked folder: the name server's address, not its socket.
const SHOWN: [&str; 2] = ["/run/systemd/resolve/resolv.conf", "/run/systemd/resolve/stub-resolv.conf"];

/// `(path, why)`; a `*` stands for any name. What is not there is passed over.
pub(super) const MASKED: [(&str, &str); 48] = [
    // Databases: a connection by a socket file passes no gateway.
    ("/run/postgresql", "PostgreSQL's sockets"),
    ("/tmp/.s.PGSQL.*", "PostgreSQL's sockets, where it was built from source"),
    ("/run/pgbouncer", "PgBouncer's sockets"),
    ("/run/mysqld", "MySQL's and MariaDB's sockets"),
    ("/tmp/mysql*.sock", "MySQL's socket, where it was built from source"),
    ("/var/lib/mysql/*.sock", "MySQL's socket on other distributions"),
    ("/run/redis*", "Redis's sockets"),
    ("/run/valkey*", "Valkey's sockets"),
    ("/run/memcached", "memcached's socket"),
    ("/tmp/mongodb-*.sock", "MongoDB's sockets"),
    ("/run/clickhouse-server", "ClickHouse's sockets"),
    // Container runtimes: what they start is a child of theirs, outside of the job.
    ("/run/docker.sock", "Docker starts containers outside of the job, as root"),
    ("/run/docker", "Docker's plug-ins and its containerd"),
    ("/run/podman", "Podman's service, as Docker's"),
    ("/run/containerd", "containerd, as Docker"),
    ("/run/crio", "CRI-O, as Docker"),
    ("/run/buildkit", "BuildKit, as Docker"),
    ("/run/k3s", "k3s's containerd"),
    ("/run/lxd*", "LXD, as Docker"),
    ("/var/lib/lxd/unix.socket", "LXD, as Docker"),
    ("/var/lib/incus/unix.socket", "Incus, as Docker"),
    ("/run/incus", "Incus, as Docker"),
    ("/run/libvirt", "libvirt starts machines outside of the job"),
    ("/run/snapd*.socket", "snapd starts services outside of the job"),
    ("/run/user/*/docker.sock", "a user's own Docker"),
    ("/run/user/*/docker", "a user's own Docker"),
    ("/run/user/*/podman", "a user's own Podman"),
    // Service managers and timers: they start processes on request, outside of the job.
    ("/run/systemd", "systemd: units, its private socket, varlink services, the resolver, the journal"),
    ("/run/dbus", "the system bus: systemd, polkit, accounts"),
    ("/run/user/*/bus", "a user's bus: `systemd-run --user`"),
    ("/run/user/*/dbus-1", "a user's bus services"),
    ("/run/user/*/systemd", "a user's systemd"),
    ("/run/initctl", "init's control pipe"),
    ("/run/runit*", "runit's control pipes"),
    ("/run/supervisor*.sock", "supervisord starts processes outside of the job"),
    ("/var/spool/cron", "cron runs what stands there, outside of the job"),
    ("/var/spool/at", "atd runs what stands there, outside of the job"),
    ("/run/atd.pid", "tells at(1) whom to wake"),
    ("/run/acpid.socket", "acpid runs scripts on events"),
    ("/run/udev/control", "udev runs programs on events"),
    // Names looked up by somebody else's connection.
    ("/run/nscd", "the name service cache resolves names for others"),
    ("/run/sssd", "SSSD resolves names and users for others"),
    ("/var/lib/sss/pipes", "SSSD's sockets"),
    ("/run/avahi-daemon", "Avahi resolves names for others"),
    ("/run/unbound.ctl", "the resolver's control socket"),
    ("/run/rpcbind.sock", "rpcbind calls services for others"),
    // weir's own.
    ("/etc/weir", "weir's configuration, policies and secrets"),
    ("/var/lib/weir", "weir's records and its certificate authority"),
];

/// The means to mask, laid out below [`RUN`].
pub(super) struct Masks {
    /// Opened before anything covers them.
    shown: Vec<(PathBuf, File)>,
}

impl Masks {
    /// Lays out what masks are made of. From here on the host's [`RUN`] is out of sight.
    pub(super) fn lay_out(plan: &Plan) -> Result<Self> {
        let below_masked = plan.allowed.sockets.iter().chain(&plan.shown).map(PathBuf::as_path);
        let shown = below_masked.chain(SHOWN.map(Path::new)).filter_map(|path| {
            let real = path.canonicalize().ok()?;
            let file = OpenOptions::new().read(true).custom_flags(libc::O_PATH).open(&real).ok()?;
            Some((real, file))
        });
        let masks = Self { shown: shown.collect() };
        let run = Path::new(RUN);
        masks.folder_with_shown(run, |run| {
            DirBuilder::new().mode(0o000).create(run.join("folder"))?;
            OpenOptions::new().write(true).create_new(true).mode(0o000).open(run.join("file")).map(drop)
        })?;
        Ok(masks)
    }

    /// Masks all that [`MASKED`] and the plan name, and that is there.
    pub(super) fn all(&self, plan: &Plan) -> Result {
        for (pattern, _) in MASKED {
            let found = glob::glob(pattern).into_iter().flatten().flatten();
            for path in found {
                self.unless_allowed(&path, plan)?;
            }
        }
        plan.private.iter().try_for_each(|path| self.path(path))
    }

    /// Masks one path. One that is not there has nothing to hide.
    pub(super) fn path(&self, path: &Path) -> Result {
        let Ok(real) = path.canonicalize() else { return Ok(()) };
        // What the masks are made of is hidden already.
        if real == Path::new(RUN) || real == Path::new("/") {
            return Ok(());
        }
        if real.is_dir() {
            if self.shown.iter().any(|(shown, _)| shown.starts_with(&real)) {
                return self.folder_with_shown(&real, |_| Ok(()));
            }
            return mounts::bind(&Path::new(RUN).join("folder"), &real);
        }
        mounts::bind(&Path::new(RUN).join("file"), &real)
    }

    fn unless_allowed(&self, path: &Path, plan: &Plan) -> Result {
        let allowed = plan.allowed.sockets.iter().filter_map(|allowed| allowed.canonicalize().ok());
        let real = path.canonicalize().ok();
        if real.is_some_and(|real| allowed.into_iter().any(|allowed| real.starts_with(allowed))) {
            return Ok(());
        }
        self.path(path)
    }

    /// Masks a folder by one of its own that has what is to stay visible, and what `fill` puts there.
    fn folder_with_shown(&self, folder: &Path, fill: impl Fn(&Path) -> std::io::Result<()>) -> Result {
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        mounts::make("tmpfs", folder, flags, "mode=0755,size=64k")?;
        fill(folder).map_err(|error| LaunchError::sight(folder, error))?;
        for (path, file) in self.shown.iter().filter(|(path, _)| path.starts_with(folder) && path != folder) {
            let is_folder = file.metadata().is_ok_and(|metadata| metadata.is_dir());
            mount_point(path, is_folder).map_err(|error| LaunchError::sight(path, error))?;
            mounts::bind(Path::new(&format!("/proc/self/fd/{}", file.as_raw_fd())), path)?;
        }
        // Its binds are read-only with it: a socket can be connected to all the same.
        mounts::read_only(folder, true)
    }
}

/// Makes something to mount over.
pub(super) fn mount_point(path: &Path, folder: bool) -> std::io::Result<()> {
    if folder {
        return DirBuilder::new().recursive(true).mode(0o755).create(path);
    }
    if let Some(parent) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o755).create(parent)?;
    }
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o644).open(path).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_masked_path_is_absolute_and_says_why_once() {
        for (path, why) in MASKED {
            assert!(path.starts_with('/') && !path.ends_with('/') && !why.is_empty(), "{path}");
            assert!(glob::Pattern::new(path).is_ok(), "{path}");
            assert_eq!(MASKED.iter().filter(|(other, _)| *other == path).count(), 1, "{path}");
        }
    }
}
