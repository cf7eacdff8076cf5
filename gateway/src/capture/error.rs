//! What can go wrong between weir and the kernel, and what to do about it.

use super::btf::VMLINUX;
use std::io;
use std::path::PathBuf;

/// Why the kernel side does not work.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The process may not load kernel programs.
    #[error("weir may not load kernel programs: run it as root, or give it CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN")]
    NoPrivilege,
    /// There is no cgroup v2 hierarchy.
    #[error(
        "cgroup v2 is not mounted: mount it with `mount -t cgroup2 none /sys/fs/cgroup/unified`, \
         or boot with systemd.unified_cgroup_hierarchy=1"
    )]
    NoCgroup2,
    /// The place to attach at is no cgroup v2 directory.
    #[error("{} is not a cgroup v2 directory: name one below the cgroup2 mount", .0.display())]
    NotCgroup2(PathBuf),
    /// The place to attach at is the root of the hierarchy.
    #[error("{} is the root of all cgroups: name a cgroup below it to attach at", .0.display())]
    CgroupRoot(PathBuf),
    /// The directory could not be opened.
    #[error("the cgroup {} can't be opened: {source}", path.display())]
    Cgroup {
        /// The directory.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The kernel's own types can't be read.
    #[error("{0}: weir needs a kernel built with CONFIG_DEBUG_INFO_BTF=y ({VMLINUX})")]
    Btf(String),
    /// The kernel refused the programs as a whole.
    #[error("the kernel did not take weir's maps: {0}; `weir doctor` shows what is missing (5.15 or newer is needed)")]
    Load(#[source] Box<aya::EbpfError>),
    /// The kernel refused one program.
    #[error("this kernel does not give {feature} ({source}); `weir doctor` shows the rest (5.15 or newer is needed)")]
    Feature {
        /// What the program is for.
        feature: &'static str,
        /// The kernel's reason.
        source: Box<aya::programs::ProgramError>,
    },
    /// The kernel would not attach one program.
    #[error("{feature} could not be attached: {source}; `weir doctor` shows what this kernel gives")]
    Attach {
        /// What the program is for.
        feature: &'static str,
        /// The kernel's reason.
        source: io::Error,
    },
    /// The directory in which links and maps outlive a gateway can't be used.
    #[error("the pins at {} can't be used: {source}; weir needs a directory of its own in a bpffs", path.display())]
    Pins {
        /// The directory, or a pin in it.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Another gateway runs with the same pins.
    #[error("{} belongs to the gateway that runs as process {pid}: stop it, or give this one another name", path.display())]
    Occupied {
        /// The directory of pins.
        path: PathBuf,
        /// The other gateway.
        pid: u32,
    },
    /// What another version of weir left in the kernel can't be used.
    #[error(
        "{} holds maps of layout {found}, and this weir has {}: it can't take them over. \
         Stop that version's gateway, or restart the host, and start again",
        path.display(), gateway_common::LAYOUT
    )]
    Layout {
        /// The directory of pins.
        path: PathBuf,
        /// The layout that was found.
        found: u32,
    },
    /// What is pinned is attached somewhere else.
    #[error("{} is attached at another cgroup (id {found}): give this gateway another name", path.display())]
    AttachedElsewhere {
        /// The directory of pins.
        path: PathBuf,
        /// That cgroup's id.
        found: u64,
    },
    /// The compiled object lacks a part: the build is broken.
    #[error("the built-in kernel object has no `{0}`: this weir was built wrongly; build it again")]
    Object(&'static str),
    /// A map could not be read or written.
    #[error("{what} could not be read or written: {source}")]
    Map {
        /// Which map, in words.
        what: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// No room for another job.
    #[error("{} jobs run already, the most that weir follows at once: end one first", gateway_common::JOBS_MAX)]
    JobsFull,
    /// A rule's pattern is no pattern.
    #[error("`{pattern}` can't be a rule's pattern: it needs 1 to {most} bytes")]
    Pattern {
        /// As it was given.
        pattern: String,
        /// The most bytes that it may have.
        most: usize,
    },
    /// More than the kernel side has room for.
    #[error("too many {what}: {most} at most")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        most: usize,
    },
    /// A thread could not be started.
    #[error("the {name} thread could not be started: {source}")]
    Thread {
        /// The thread's name.
        name: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// The kernel side's messages could not be subscribed to.
    #[error("the kernel side's messages can't be read: {0}")]
    KernelLog(String),
}
