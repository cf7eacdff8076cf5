//! A Java trust store: the JDK's own, with weir's CA added by the JDK's own tool.

use super::super::{TlsError, files};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The password that every JDK gives its own trust store; it protects nothing.
pub(super) const PASSWORD: &str = "changeit";
const DEADLINE: Duration = Duration::from_secs(30);

/// The `keytool` of the JDK on this process's PATH.
pub(in super::super) fn keytool() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join("keytool")).find(|tool| tool.is_file())
}

/// Makes `trust.jks` beside `pem`: a copy of the JDK's roots with the bundle's last certificate.
pub(super) fn store(keytool: &Path, pem: &Path) -> Result<PathBuf, TlsError> {
    let failed = |what: String| TlsError::Java(what);
    let roots = roots(keytool).ok_or_else(|| failed(format!("no lib/security/cacerts beside {}", keytool.display())))?;
    let store = pem.with_file_name("trust.jks");
    let bytes = std::fs::read(&roots).map_err(|e| failed(format!("reading {}: {e}", roots.display())))?;
    files::replace(&store, &bytes, 0o644)?;
    let ours = pem.with_file_name("weir-ca.pem");
    let last = files::certificates(pem)?.pop().ok_or_else(|| failed("the bundle is empty".to_owned()))?;
    files::replace(&ours, super::pem(&last).as_bytes(), 0o644)?;
    import(keytool, &store, &ours)?;
    Ok(store)
}

fn roots(keytool: &Path) -> Option<PathBuf> {
    let tool = keytool.canonicalize().ok()?;
    let home = tool.parent()?.parent()?;
    ["lib/security/cacerts", "jre/lib/security/cacerts"].iter().map(|below| home.join(below)).find(|file| file.is_file())
}

fn import(keytool: &Path, store: &Path, certificate: &Path) -> Result<(), TlsError> {
    let mut child = Command::new(keytool)
        .args(["-importcert", "-noprompt", "-trustcacerts", "-alias", "weir-gateway-ca", "-storepass", PASSWORD, "-file"])
        .arg(certificate)
        .arg("-keystore")
        .arg(store)
        .env_remove("JAVA_TOOL_OPTIONS")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| TlsError::Java(format!("starting {}: {e}", keytool.display())))?;
    let started = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(TlsError::Java(format!("{} -importcert: {status}", keytool.display()))),
            Ok(None) if started.elapsed() < DEADLINE => std::thread::sleep(Duration::from_millis(20)),
            Ok(None) | Err(_) => {
                drop(child.kill());
                drop(child.wait());
                return Err(TlsError::Java(format!("{} did not finish within {} s", keytool.display(), DEADLINE.as_secs())));
            }
        }
    }
}
