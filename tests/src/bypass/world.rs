//! Two network namespaces and the link between them: the job's, and the one that has the destinations.

use std::fs::File;
use std::io;
use std::net::Ipv6Addr;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// Both namespaces; removed when dropped.
#[derive(Debug)]
pub(crate) struct World {
    job: String,
    out: String,
    /// The mount namespace that they were made in, in which alone they can be removed.
    mounts: File,
    /// Both, held open: their names are of the mount namespace that they were made in.
    held: Option<[File; 2]>,
    /// The job's interface.
    pub(crate) device: String,
    /// The other end.
    pub(crate) peer: String,
}

impl World {
    /// Makes them. TEST-NET addresses are on the far side, whichever of them is asked for.
    pub(crate) fn create() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let (pid, number) = (std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let mut world = Self {
            job: format!("weir-bp-{pid}-{number}-job"),
            out: format!("weir-bp-{pid}-{number}-out"),
            mounts: File::open("/proc/thread-self/ns/mnt").expect("/proc is mounted"),
            held: None,
            device: format!("wb{pid}-{number}j"),
            peer: format!("wb{pid}-{number}o"),
        };
        let Self { job, out, device, peer, .. } = &world;
        for line in [
            format!("netns add {job}"),
            format!("netns add {out}"),
            format!("link add {device} netns {job} type veth peer name {peer} netns {out}"),
            format!("-n {job} link set lo up"),
            format!("-n {out} link set lo up"),
            format!("-n {job} addr add 192.0.2.2/24 dev {device}"),
            format!("-n {job} addr add 2001:db8:1::2/64 dev {device} nodad"),
            format!("-n {out} addr add 192.0.2.1/24 dev {peer}"),
            format!("-n {out} addr add 2001:db8:1::1/64 dev {peer} nodad"),
            format!("-n {out} link set {peer} addrgenmode none"),
            format!("-n {out} link set {peer} up"),
            format!("-n {out} addr add fe80::1/64 dev {peer} nodad"),
            format!("-n {job} link set {device} up"),
            format!("-n {job} route add default via 192.0.2.1"),
            format!("-n {job} -6 route add default via 2001:db8:1::1"),
            format!("-n {out} route add local 198.51.100.0/24 dev lo"),
            format!("-n {out} -6 route add local 2001:db8:2::/64 dev lo"),
        ] {
            ip(&line);
        }
        let open = |name: &str| File::open(Path::new("/run/netns").join(name)).expect("it was just made");
        world.held = Some([open(&world.job), open(&world.out)]);
        // Anyone may have an ICMP socket there, as on Debian's own kernel.
        world.run_in_job(&["sysctl", "-q", "-w", "net.ipv4.ping_group_range=0 2147483647"]);
        world
    }

    /// The witness's side, by its file.
    pub(crate) fn out(&self) -> PathBuf {
        self.path(1)
    }

    /// The job's side, by its file.
    pub(crate) fn job(&self) -> PathBuf {
        self.path(0)
    }

    fn path(&self, which: usize) -> PathBuf {
        let held = self.held.as_ref().expect("made with the namespaces");
        PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), held[which].as_raw_fd()))
    }

    /// A command on the job's side, in the mount namespace of this process.
    pub(crate) fn command_in_job(&self) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", self.job().display()));
        command
    }

    /// The link-local address of the witness's side.
    pub(crate) const fn peer_link_local() -> Ipv6Addr {
        Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1)
    }

    /// The Ethernet address of the witness's side.
    pub(crate) fn peer_mac(&self) -> [u8; 6] {
        let text = self.ip_in(1, &format!("-br link show dev {}", self.peer));
        let mac = text.split_whitespace().nth(2).expect("an interface has an address");
        let mut bytes = [0; 6];
        for (byte, text) in bytes.iter_mut().zip(mac.split(':')) {
            *byte = u8::from_str_radix(text, 16).expect("hexadecimal");
        }
        bytes
    }

    /// The number of the job's interface, in its namespace.
    pub(crate) fn device_index(&self) -> u32 {
        let text = self.ip_in(0, &format!("-o link show dev {}", self.device));
        text.split(':').next().and_then(|number| number.parse().ok()).expect("an interface has a number")
    }

    fn ip_in(&self, which: usize, line: &str) -> String {
        let mut command = Command::new("nsenter");
        let done = command.arg(format!("--net={}", self.path(which).display())).arg("ip").args(line.split(' ')).output();
        let done = done.expect("nsenter is there");
        assert!(done.status.success(), "ip {line}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).into_owned()
    }

    fn run_in_job(&self, command: &[&str]) {
        let done = self.command_in_job().args(command).output().expect("nsenter is there");
        assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for name in [&self.job, &self.out] {
            let mounts = format!("--mount=/proc/{}/fd/{}", std::process::id(), self.mounts.as_raw_fd());
            let removed = Command::new("nsenter").args([&mounts, "ip", "netns", "del", name]).stdin(Stdio::null()).status();
            assert!(removed.is_ok_and(|status| status.success()) || std::thread::panicking(), "cannot remove {name}");
        }
    }
}

/// Runs the rest of this thread in the network namespace at `path`.
pub(crate) fn enter(path: &Path) -> io::Result<()> {
    let namespace = File::open(path)?;
    nix::sched::setns(namespace, nix::sched::CloneFlags::CLONE_NEWNET).map_err(io::Error::from)
}

fn ip(line: &str) {
    let done = Command::new("ip").args(line.split(' ')).output().expect("iproute2 is there");
    assert!(done.status.success(), "ip {line}: {}", String::from_utf8_lossy(&done.stderr));
}

/// Gives this thread, and what it starts from now on, a mount namespace with a `/run` in which daemons can be stood in for,
/// and a spool of its own for `at`. What was in `/run` stays there.
///
/// The old `/run` is reached through a descriptor and nowhere bound below `directory`, which is removed with all that is in it.
pub(super) fn hide_run(directory: &Path, daemons: &[&str]) {
    nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNS).expect("root may");
    let mut script = format!(
        "set -e; mount --make-rprivate /
         awk '$2 ~ \"^/run/\" {{ print $2 }}' /proc/self/mounts | sort -r | while read -r place; do
           # What is listed twice goes with the first.
           umount -l $place || ! grep -qF \" $place \" /proc/self/mounts; done
         exec 9</run; mount -t tmpfs -o mode=755 weir-bypass /run
         cd /proc/$$/fd/9; old=/proc/self/fd/9
         for entry in *; do name=/run/$entry
           if [ -L $entry ]; then cp -P $entry $name
           elif [ -d $entry ]; then mkdir -p $name; mount --no-canonicalize --rbind $old/$entry $name
           elif [ -f $entry ]; then touch $name; mount --no-canonicalize --bind $old/$entry $name; fi; done
         rm -f /run/atd.pid
         mknod -m 666 {tun} c 10 200; [ -e /dev/net/tun ] && mount --bind {tun} /dev/net/tun
         for spool in atjobs atspool; do
           [ -d /var/spool/cron/$spool ] && mount -t tmpfs -o mode=1770,uid=daemon,gid=daemon weir-bypass /var/spool/cron/$spool; done
         install -o daemon -g daemon -m 600 /dev/null /var/spool/cron/atjobs/.SEQ
        ",
        tun = directory.join("tun").display()
    );
    let parents: std::collections::BTreeSet<&Path> = daemons.iter().filter_map(|path| Path::new(path).parent()).collect();
    for parent in parents.into_iter().filter(|parent| *parent != Path::new("/run")) {
        let parent = parent.display();
        // The first makes the folder in the new `/run`, or finds the old one, which the second covers.
        script.push_str(&format!("mkdir -p {parent}; mount -t tmpfs -o mode=755 weir-bypass {parent}\n"));
    }
    let done = Command::new("sh").args(["-c", &script]).output().expect("a shell is there");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert!(mounts_below(directory).is_empty(), "something is mounted below {}", directory.display());
}

/// Where something is mounted below `directory`, in this thread's mount namespace.
pub(super) fn mounts_below(directory: &Path) -> Vec<PathBuf> {
    let mounts = std::fs::read_to_string("/proc/thread-self/mounts").expect("/proc is mounted");
    let places = mounts.lines().filter_map(|line| line.split(' ').nth(1)).map(PathBuf::from);
    places.filter(|place| place.starts_with(directory)).collect()
}
