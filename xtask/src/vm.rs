//! `cargo xtask vm`: weir in a machine of its own, on Debian's stock kernel and under a real systemd. The kernel and the
//! system come from this host's own mirror into `target/vm`; nothing is installed here.

mod boot;
mod image;
mod payload;
mod report;

use crate::run::{present, root, tell};
use anyhow::{bail, ensure};
use clap::{Args, ValueEnum};
use std::path::{PathBuf, absolute};
use std::time::{Duration, Instant};

/// Which kernel, for how long, and where the report goes.
#[derive(Args)]
pub(crate) struct Options {
    /// The version that Debian's stock kernel must have, as the beginning of its number.
    #[arg(long, default_value = "6.1")]
    kernel: String,
    /// Where the report goes, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Ends the machine after so many minutes, whatever it does.
    #[arg(long, default_value_t = 15)]
    minutes: u64,
    /// What runs the guest: this host's own processor (needs a working /dev/kvm), or an emulated one.
    #[arg(long, value_enum, default_value_t = Accelerator::Tcg)]
    accelerator: Accelerator,
    /// Only the checks whose names have this in them.
    #[arg(long)]
    only: Option<String>,
}

/// What QEMU runs the guest's code by.
#[derive(Clone, Copy, ValueEnum)]
enum Accelerator {
    /// The processor's own virtualization.
    Kvm,
    /// Translation in software: works everywhere, about ten times slower.
    Tcg,
}

/// What this chore itself needs, and the package of Debian that brings it.
const NEEDED: [(&str, &[&str], &str); 6] = [
    ("qemu-system-x86_64", &["--version"], "qemu-system-x86"),
    ("/usr/sbin/debootstrap", &["--version"], "debootstrap"),
    ("/usr/sbin/mkfs.ext4", &["-V"], "e2fsprogs"),
    ("/bin/busybox", &["true"], "busybox-static"),
    ("cpio", &["--version"], "cpio"),
    ("strip", &["--version"], "binutils"),
];

pub(crate) fn vm(options: &Options) -> anyhow::Result<()> {
    let json = options.json.as_deref().map(absolute).transpose()?;
    let missing: Vec<_> = NEEDED.iter().filter(|(program, probe, _)| !present(program, probe)).map(|need| need.2).collect();
    ensure!(missing.is_empty(), "the machine is made with these: apt-get install {}", missing.join(" "));
    ensure!(present("sh", &["-c", "test $(id -u) = 0"]), "making a file system of other users' files takes root");
    let place = root().join("target/vm");
    let kernel = image::kernel(&options.kernel)?;
    let image = image::image(&place, &kernel)?;
    let shared = payload::payload(&place, options.only.as_deref())?;
    let started = Instant::now();
    let limit = Duration::from_secs(60 * options.minutes);
    let ended = boot::boot(&image, &shared, options.accelerator, limit)?;
    let report = report::Report::read(&shared.results, &kernel, started.elapsed(), options.accelerator)?;
    report.tell();
    if let Some(file) = &json {
        report.write(file)?;
    }
    tell(&format!("vm: the guest's own words are in {}", shared.results.display()));
    match ended {
        boot::Ended::PoweredOff if report.holds() => Ok(()),
        boot::Ended::PoweredOff => bail!("a check failed on Linux {kernel}, or none ran"),
        boot::Ended::TimedOut => bail!("the machine was still running after {} minutes", options.minutes),
    }
}
