//! Builds the kernel programs, with whichever compiler for BPF this machine has, and lays out the console's files.

use anyhow::{Context as _, bail};
use aya_build::{Package, Toolchain};
use std::path::Path;
use std::process::Command;

/// Debian's compiler (`rustc-web`) under a rustup name: `rustup toolchain link weir-bpf /usr`.
const DEBIAN: &str = "weir-bpf";
/// In the place of a console that was not built: the API works without it.
const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>weir</title><h1>This weir was built without its console</h1>\
    <p>The API and the command line work. To have the console, run <code>npm ci &amp;&amp; npm run build</code> in <code>console/</code> and build weir again.</p></html>\n";
const OVERRIDE: &str = "WEIR_BPF_TOOLCHAIN";

fn main() -> anyhow::Result<()> {
    println!("cargo:rerun-if-env-changed={OVERRIDE}");
    println!("cargo:rerun-if-changed=../gateway-common/src");
    console()?;
    let toolchain = toolchain()?;
    require_linker()?;
    if toolchain == DEBIAN {
        // SAFETY: a build script's first thread, before any other is started.
        #[expect(unsafe_code, reason = "aya-build passes on this process's environment")]
        unsafe {
            std::env::set_var("RUSTC_BOOTSTRAP", "1");
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../gateway-ebpf");
    let root_dir = root.to_str().context("the source tree's path is not UTF-8")?;
    let package = Package { name: "gateway-ebpf", root_dir, ..Package::default() };
    aya_build::build_ebpf([package], Toolchain::Custom(&toolchain))
        .with_context(|| format!("the kernel programs (gateway-ebpf) did not build with the toolchain `{toolchain}`"))
}

/// What the console was built into; where it was not, a page that says so.
fn console() -> anyhow::Result<()> {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../console/dist");
    // What is not there would have this run each time.
    let watched = if built.exists() { built.as_path() } else { built.parent().context("it has a parent")? };
    println!("cargo:rerun-if-changed={}", watched.display());
    let to = Path::new(&std::env::var("OUT_DIR")?).join("console");
    if to.exists() {
        std::fs::remove_dir_all(&to)?;
    }
    if built.join("index.html").exists() {
        return copy(&built, &to).with_context(|| format!("cannot copy the console's files from {}", built.display()));
    }
    std::fs::create_dir_all(&to)?;
    std::fs::write(to.join("index.html"), NOT_BUILT)?;
    Ok(())
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let (entry, to) = entry.map(|entry| (entry.path(), to.join(entry.file_name())))?;
        if entry.is_dir() {
            copy(&entry, &to)?;
        } else {
            std::fs::copy(&entry, &to)?;
        }
    }
    Ok(())
}

/// The toolchain to use: the one asked for, else Debian's, else nightly.
fn toolchain() -> anyhow::Result<String> {
    if let Some(asked) = std::env::var(OVERRIDE).ok().filter(|name| !name.is_empty()) {
        return Ok(asked);
    }
    let list = Command::new("rustup").args(["toolchain", "list"]).output();
    let list = list.context("`rustup toolchain list` did not run; weir's kernel programs need rustup")?;
    let list = String::from_utf8_lossy(&list.stdout);
    let has = |name: &str| list.lines().any(|line| line.split_whitespace().next() == Some(name));
    if has(DEBIAN) {
        return Ok(DEBIAN.to_owned());
    }
    let nightly = list.lines().filter_map(|line| line.split_whitespace().next());
    if let Some(nightly) = nightly.rev().find(|name| name.starts_with("nightly")) {
        return Ok(nightly.to_owned());
    }
    bail!(
        "no Rust toolchain for BPF: run scripts/setup, or `rustup toolchain install nightly -c rust-src`, \
         or name one in {OVERRIDE}"
    )
}

fn require_linker() -> anyhow::Result<()> {
    match Command::new("bpf-linker").arg("--version").output() {
        Ok(output) if output.status.success() => Ok(()),
        _ => bail!("`bpf-linker` is missing or does not run: run scripts/setup, or `cargo install bpf-linker`"),
    }
}
