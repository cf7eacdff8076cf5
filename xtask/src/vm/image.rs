//! The machine's disk: Debian's stock kernel and a small system with systemd, made once per kernel.

use crate::run::{root, run, tell};
use anyhow::{Context as _, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The system's packages: what weir's checks in the guest use.
const PACKAGES: &str = "systemd-sysv,dbus,kmod,iproute2,procps,python3,gcc,libc6-dev,postgresql-15,postgresql-client-15,cron,at,bpftool,sudo,ca-certificates,openssl,util-linux";

/// Debian's release whose stock kernel and system these are.
const RELEASE: &str = "bookworm";

/// Modules that the kernel needs before it has its disk and what it is given, beside those that they need themselves.
const EARLY: [&str; 6] = ["virtio_pci", "virtio_blk", "crc32c_generic", "ext4", "9pnet_virtio", "9p"];

/// What boots.
pub(super) struct Image {
    /// The kernel.
    pub(super) vmlinuz: PathBuf,
    /// What it starts first.
    pub(super) initramfs: PathBuf,
    /// The file system that it goes over to.
    pub(super) disk: PathBuf,
}

/// The version of Debian's stock kernel, as its package's name has it; it must begin with `wanted`.
pub(super) fn kernel(wanted: &str) -> anyhow::Result<String> {
    let depends = output(Command::new("apt-cache").args(["depends", "linux-image-amd64"]))?;
    let version = depends
        .lines()
        .find_map(|line| line.trim().strip_prefix("Depends: linux-image-"))
        .context("apt knows no linux-image-amd64: is this a Debian on x86-64, and has `apt-get update` run?")?;
    ensure!(
        version.starts_with(&format!("{wanted}.")),
        "this host's mirror has Linux {version} as Debian's stock kernel, not {wanted}: run this on a Debian whose it is"
    );
    Ok(version.to_owned())
}

/// The disk, kernel and initramfs for `version`, made where they are not there yet.
pub(super) fn image(place: &Path, version: &str) -> anyhow::Result<Image> {
    let made = place.join(format!("{RELEASE}-{version}"));
    let image = Image { vmlinuz: made.join("vmlinuz"), initramfs: made.join("initramfs"), disk: made.join("disk.ext4") };
    let stamp = made.join("packages");
    if !fs::read_to_string(&stamp).is_ok_and(|packages| packages == PACKAGES) {
        fs::create_dir_all(&made)?;
        let system = made.join("system");
        bootstrap(&system)?;
        unpack_kernel(&made, &system, version)?;
        fs::copy(made.join(format!("kernel/boot/vmlinuz-{version}")), &image.vmlinuz)?;
        early(&made, &system, version)?;
        disk(&system, &image.disk)?;
        fs::write(&stamp, PACKAGES)?;
    }
    initramfs(&made, &image.initramfs)?;
    Ok(image)
}

fn bootstrap(system: &Path) -> anyhow::Result<()> {
    if system.join("sbin/init").exists() {
        return Ok(());
    }
    if system.exists() {
        fs::remove_dir_all(system).with_context(|| format!("cannot remove the half-made {}", system.display()))?;
    }
    let format = "$(CODENAME) $(REPO_URI)";
    let targets = output(Command::new("apt-get").args(["indextargets", "--format", format, "Created-By: Packages"]))?;
    let mirror = targets
        .lines()
        .find_map(|line| line.strip_prefix(RELEASE)?.strip_prefix(' '))
        .with_context(|| format!("this host's apt has no mirror of Debian {RELEASE}"))?;
    let (system, include) = (system.to_string_lossy(), format!("--include={PACKAGES}"));
    run("system", "debootstrap", &["--variant=minbase", "--components=main", &include, RELEASE, &system, mirror])
}

fn unpack_kernel(made: &Path, system: &Path, version: &str) -> anyhow::Result<()> {
    let package = format!("linux-image-{version}");
    tell(&format!("== kernel: {package} =="));
    fs::create_dir_all(system.join("usr/lib/modules"))?;
    let name = output(Command::new("apt-get").args(["download", "--print-uris", &package]))?;
    let file = name.split_whitespace().nth(1).context("apt-get names no file for the kernel's package")?;
    let fetched =
        Command::new("apt-get").args(["-o", "APT::Sandbox::User=root", "download", &package]).current_dir(made).status()?;
    ensure!(fetched.success(), "cannot fetch {package} from this host's mirror");
    // Apart from the system: the package's `lib` would take the place of the system's link to `usr/lib`.
    let unpacked = made.join("kernel");
    let done = Command::new("dpkg").arg("-x").arg(made.join(file)).arg(&unpacked).status()?;
    ensure!(done.success(), "cannot unpack {file}");
    let from = unpacked.join("lib/modules").join(version);
    let done = Command::new("cp").arg("-a").arg(from).arg(system.join("usr/lib/modules/")).status()?;
    ensure!(done.success(), "cannot copy the modules of {file}");
    let done = Command::new("chroot").arg(system).args(["/sbin/depmod", version]).status()?;
    ensure!(done.success(), "depmod failed for {version}");
    Ok(())
}

/// Copies the early modules, numbered in the order in which they are loaded.
fn early(made: &Path, system: &Path, version: &str) -> anyhow::Result<()> {
    let modules = system.join("lib/modules").join(version);
    let listed = fs::read_to_string(modules.join("modules.dep"))?;
    let order = load_order(&listed)?;
    let early = made.join("early");
    fs::create_dir_all(&early)?;
    for (number, path) in order.iter().enumerate() {
        let name = Path::new(path).file_name().context("a module has a name")?.to_string_lossy();
        fs::copy(modules.join(path), early.join(format!("{number:02}-{name}")))?;
    }
    Ok(())
}

/// The early modules' paths, each behind what it needs. A line of `modules.dep` is `path: needed…`, the nearest first.
fn load_order(listed: &str) -> anyhow::Result<Vec<&str>> {
    let mut order = Vec::new();
    for name in EARLY {
        let file = format!("/{name}.ko");
        let (path, needs) = listed
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(path, _)| path.ends_with(&file))
            .with_context(|| format!("this kernel has no module {name}"))?;
        for module in needs.split_whitespace().rev().chain([path]) {
            if !order.contains(&module) {
                order.push(module);
            }
        }
    }
    Ok(order)
}

fn disk(system: &Path, disk: &Path) -> anyhow::Result<()> {
    let (system, disk) = (system.to_string_lossy(), disk.to_string_lossy());
    run("disk", "mkfs.ext4", &["-q", "-F", "-L", "weir-vm", "-d", &system, &disk, "4G"])
}

/// Made each time: it is small, and holds what the repository says of the guest's start.
fn initramfs(made: &Path, initramfs: &Path) -> anyhow::Result<()> {
    let tree = made.join("initramfs.d");
    fs::create_dir_all(tree.join("bin"))?;
    fs::copy("/bin/busybox", tree.join("bin/busybox"))?;
    fs::create_dir_all(tree.join("early"))?;
    for module in fs::read_dir(made.join("early"))?.flatten() {
        fs::copy(module.path(), tree.join("early").join(module.file_name()))?;
    }
    fs::copy(root().join("xtask/src/vm/guest/init"), tree.join("init"))?;
    let archive = "find . | cpio --quiet -o -H newc | gzip -1 >\"$1\"";
    let done = Command::new("sh").args(["-c", archive, "sh"]).arg(initramfs).current_dir(&tree).status()?;
    ensure!(done.success(), "cannot pack {}", initramfs.display());
    Ok(())
}

fn output(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("can't start {}", command.get_program().display()))?;
    ensure!(
        output.status.success(),
        "{} failed: {}",
        command.get_program().display(),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_module_needs_is_loaded_before_it() {
        let listed = "kernel/a/virtio.ko:\nkernel/a/virtio_pci.ko: kernel/a/modern.ko kernel/a/virtio.ko\nkernel/b/virtio_blk.ko: kernel/a/virtio.ko\n\
                      kernel/c/crc32c_generic.ko:\nkernel/f/ext4.ko:\nkernel/n/9pnet_virtio.ko:\nkernel/f/9p.ko:\n";
        let order = load_order(listed).expect("all are there");
        assert_eq!(order[..4], ["kernel/a/virtio.ko", "kernel/a/modern.ko", "kernel/a/virtio_pci.ko", "kernel/b/virtio_blk.ko"]);
        assert_eq!(order.len(), 8);
        assert!(load_order("kernel/a/virtio.ko:\n").is_err());
    }
}
