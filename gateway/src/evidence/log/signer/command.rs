//! `command:/path`: a program that signs. Called with `public` it prints the public key (`name+hash+base64`); called with `sign`
//! it gets the bytes to sign on its standard input and prints their Ed25519 signature in base 64.

use super::SignerError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway_core::record::log::VerifierKey;
use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;
use std::io::{Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;
use zeroize::Zeroizing;

/// How long a program may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// The most bytes that are taken of what it says.
const MOST_OUTPUT: u64 = 4096;
/// Where it finds programs, where the gateway's own environment does not say.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The public key.
pub(super) fn public(path: &Path, patience: Duration) -> Result<VerifierKey, SignerError> {
    let output = run(Command::new(path).arg("public"), b"", patience)?;
    let why = |why| SignerError::Key { origin: format!("command:{}", path.display()), why };
    std::str::from_utf8(&output).unwrap_or_default().trim().parse().map_err(why)
}

/// The signature of `text`, which is checked.
pub(super) fn sign(path: &Path, key: &VerifierKey, text: &str, patience: Duration) -> Result<Vec<u8>, SignerError> {
    let output = run(Command::new(path).arg("sign"), text.as_bytes(), patience)?;
    let wrong = |why: &str| SignerError::Program { program: path.display().to_string(), why: why.to_owned() };
    let output = std::str::from_utf8(&output).unwrap_or_default().trim();
    let signature = STANDARD.decode(output).map_err(|_| wrong("has to print the signature in base 64"))?;
    if key.verifies(text.as_bytes(), &signature) { Ok(signature) } else { Err(wrong("printed no signature of its own key")) }
}

/// What a program prints. It is in a process group of its own, of which nothing is left, and has the gateway's `PATH` alone.
pub(super) fn run(command: &mut Command, input: &[u8], patience: Duration) -> Result<Zeroizing<Vec<u8>>, SignerError> {
    let program = Path::new(command.get_program()).display().to_string();
    let failed = |why: String| SignerError::Program { program: program.clone(), why };
    let environment: Vec<_> = command.get_envs().map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned))).collect();
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_else(|| PATH.into()));
    command.envs(environment.into_iter().filter_map(|(name, value)| Some((name, value?))));
    command.current_dir("/").process_group(0);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| failed(format!("can't be started: {error}")))?;
    if let Some(mut stdin) = child.stdin.take() {
        let input = input.to_vec();
        // It need not read any of it. It ends with the program's end at the latest.
        thread::spawn(move || stdin.write_all(&input).is_ok());
    }
    let (output, complaint) = (taken(child.stdout.take()), taken(child.stderr.take()));
    let late = ended(&child).recv_timeout(patience).is_err();
    // Looked at and not reaped: its id is its own until here.
    if let Some(group) = i32::try_from(child.id()).ok().map(Pid::from_raw) {
        let _killed = killpg(group, Signal::SIGKILL).is_ok();
    }
    let status = child.wait().map_err(|error| failed(error.to_string()))?;
    if late {
        return Err(failed(format!("did not end within {} s", patience.as_secs())));
    }
    if !status.success() {
        let complaint = complaint.recv_timeout(patience).unwrap_or_default();
        return Err(failed(format!("ended with {status}{}", said(&complaint))));
    }
    output.recv_timeout(patience).map_err(|_| failed("left its output open behind itself".to_owned()))
}

/// Tells when the process has ended.
fn ended(child: &Child) -> Receiver<()> {
    let (tell, told) = channel();
    let pid = child.id();
    thread::spawn(move || {
        let Ok(pid) = i32::try_from(pid) else { return };
        while waitid(Id::Pid(Pid::from_raw(pid)), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT) == Err(Errno::EINTR) {}
        // Who asked may have gone.
        let _told = tell.send(()).is_ok();
    });
    told
}

/// The beginning of what comes, once it has ended.
fn taken(from: Option<impl Read + Send + 'static>) -> Receiver<Zeroizing<Vec<u8>>> {
    let (tell, told) = channel();
    thread::spawn(move || {
        // Of its final size from the beginning: what is moved would leave a copy.
        let mut bytes = Zeroizing::new(Vec::with_capacity(MOST_OUTPUT as usize));
        if let Some(mut from) = from {
            let _read = from.by_ref().take(MOST_OUTPUT).read_to_end(&mut bytes).is_ok();
            // What is too much is read and dropped, or the program would wait.
            let _dropped = std::io::copy(&mut from, &mut std::io::sink()).is_ok();
        }
        let _told = tell.send(bytes).is_ok();
    });
    told
}

/// The last line that a program complained with.
fn said(complaint: &[u8]) -> String {
    let text = String::from_utf8_lossy(complaint);
    let line = text.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let line: String = line.chars().filter(|letter| !letter.is_control()).take(200).collect();
    if line.is_empty() { line } else { format!(": {line}") }
}
