//! Starts the machine and waits, for so long and no longer, until it has switched itself off.

use super::Accelerator;
use super::image::Image;
use super::payload::Shared;
use crate::run::tell;
use anyhow::Context as _;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How the machine ended.
pub(super) enum Ended {
    /// By itself.
    PoweredOff,
    /// It was ended.
    TimedOut,
}

/// The BPF LSM is last in the list, so that the tier that needs it exists.
const COMMAND_LINE: &str =
    "console=ttyS0 quiet panic=-1 lsm=landlock,lockdown,yama,apparmor,bpf systemd.show_status=0 loglevel=4";

pub(super) fn boot(image: &Image, shared: &Shared, accelerator: Accelerator, limit: Duration) -> anyhow::Result<Ended> {
    let console = shared.results.join("console.log");
    let mut machine = Command::new("qemu-system-x86_64");
    machine.args(["-M", "q35", "-m", "3072", "-smp", "2", "-nodefaults", "-display", "none", "-no-reboot"]);
    machine.args(match accelerator {
        Accelerator::Kvm => ["-accel", "kvm", "-cpu", "host"],
        Accelerator::Tcg => ["-accel", "tcg,thread=multi", "-cpu", "max"],
    });
    // No network: all that the checks dial is inside. Nothing that the guest writes to its disk stays.
    machine.args(["-nic", "none", "-device", "virtio-rng-pci", "-serial"]).arg(format!("file:{}", console.display()));
    machine.arg("-kernel").arg(&image.vmlinuz).arg("-initrd").arg(&image.initramfs).args(["-append", COMMAND_LINE]);
    machine.arg("-drive").arg(format!("file={},format=raw,if=virtio,snapshot=on", image.disk.display()));
    machine.args(["-virtfs", &share("payload", &shared.payload, ",readonly=on")]);
    machine.args(["-virtfs", &share("results", &shared.results, "")]);
    let errors = File::create(shared.results.join("qemu.log"))?;
    machine.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors);
    tell(&format!("== vm: booting; its console goes to {} ==", console.display()));
    let mut running = machine.spawn().context("can't start qemu-system-x86_64")?;
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = running.try_wait()? {
            let errors = std::fs::read_to_string(shared.results.join("qemu.log"))?;
            anyhow::ensure!(status.success(), "qemu ended with {status}: {}", errors.trim());
            return Ok(Ended::PoweredOff);
        }
        if Instant::now() >= deadline {
            running.kill()?;
            running.wait()?;
            return Ok(Ended::TimedOut);
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn share(tag: &str, path: &Path, more: &str) -> String {
    format!("local,path={},mount_tag={tag},security_model=none{more}", path.display())
}
