//! Keys by reference: files, a TPM (swtpm), programs; and their replacement.

use super::*;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

fn signer(directory: &Path, reference: &KeyReference) -> Result<Signer, LogError> {
    Signer::open(directory, reference, NAME)
}

fn script(directory: &Path, text: &str) -> KeyReference {
    let path = directory.join("sign.sh");
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    KeyReference::Command(path)
}

#[test]
fn a_reference_reads_back() {
    for text in ["file:/var/lib/weir/log.key", "tpm:0x81010001", "command:/usr/local/bin/sign"] {
        assert_eq!(text.parse::<KeyReference>().unwrap().to_string(), text);
    }
    for wrong in ["", "log.key", "file:log.key", "tpm:81010001", "tpm:0x", "tpm:0x1234567890", "env:KEY", "command:sign"] {
        assert!(wrong.parse::<KeyReference>().is_err(), "{wrong}");
    }
}

#[test]
fn a_file_is_made_once_and_is_nobody_elses() {
    let state = folder();
    let reference = KeyReference::beside(state.path());
    let key = state.path().join("log.key");
    let first = signer(state.path(), &reference).unwrap();
    assert_eq!(first.name(), NAME);
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let public = fs::read_to_string(state.path().join("log.pub")).unwrap();
    assert_eq!(public, format!("{}\n", first.verifier()));
    let again = Signer::open(state.path(), &reference, "another.example/name").unwrap();
    assert_eq!(again.verifier(), first.verifier(), "it keeps its name");
    let secret = fs::read_to_string(&key).unwrap();
    let seed = secret.trim_end().splitn(5, '+').last().unwrap();
    for (text, mode, told) in
        [(secret.as_str(), 0o640, "chmod 600"), ("nonsense", 0o600, "PRIVATE+KEY"), (&secret[..70], 0o600, "key")]
    {
        fs::write(&key, text).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        let error = signer(state.path(), &reference).map(drop).unwrap_err().to_string();
        assert!(error.contains(told) && !error.contains(&seed[..10]), "{error}");
    }
    fs::remove_file(&key).unwrap();
    let error = signer(state.path(), &reference).map(drop).unwrap_err();
    assert!(matches!(error, LogError::Signer(SignerError::Other { .. })), "a new key is not taken for the old one: {error}");
}

#[test]
fn a_program_signs_and_what_it_says_is_checked() {
    let state = folder();
    let held = key(7);
    let (vkey, text) = (held.verifier().to_string(), "one\n2\n");
    let signature = {
        let mut note = gateway_core::record::log::Note::new(text).unwrap();
        note.sign(&held);
        let line = note.to_string();
        // Without the key id that a note puts before it.
        use base64::Engine as _;
        let bytes = base64::engine::general_purpose::STANDARD.decode(line.trim_end().rsplit(' ').next().unwrap()).unwrap();
        base64::engine::general_purpose::STANDARD.encode(&bytes[4..])
    };
    let good = script(
        state.path(),
        &format!("case $1 in public) echo '{vkey}';; sign) cat >input; echo '{signature}';; esac")
            .replace(">input", &format!(">{}/input", state.path().display())),
    );
    let found = signer(state.path(), &good).unwrap();
    assert_eq!(found.verifier(), held.verifier());
    found.sign(text).unwrap().check(found.verifier(), text).unwrap();
    assert_eq!(fs::read_to_string(state.path().join("input")).unwrap(), text);
    let error = found.sign("another\n").unwrap_err().to_string();
    assert!(error.contains("no signature of its own key"), "{error}");
    for (body, told) in [
        (format!("[ $1 = sign ] || echo '{vkey}'"), "no signature"),
        (format!("[ $1 = sign ] && echo '!!' || echo '{vkey}'"), "base 64"),
        (
            format!("[ $1 = sign ] && {{ echo first >&2; echo no token >&2; exit 3; }} || echo '{vkey}'"),
            "exit status: 3: no token",
        ),
    ] {
        script(state.path(), &body);
        let error = signer(state.path(), &good).unwrap().sign(text).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
    script(state.path(), "echo nothing");
    assert!(signer(state.path(), &good).is_err());
    assert!(signer(state.path(), &KeyReference::Command(state.path().join("none"))).is_err());
}

#[test]
fn a_program_that_does_not_end_is_ended_with_all_that_it_started() {
    let state = folder();
    let waits = script(state.path(), "sleep 600 & echo $! >$0.pid; wait");
    let KeyReference::Command(path) = &waits else { unreachable!() };
    let started = Instant::now();
    let mut command = Command::new(path);
    let ended = signer::command::run(&mut command, b"", Duration::from_millis(700));
    assert!(ended.unwrap_err().to_string().contains("did not end"));
    assert!(started.elapsed() < Duration::from_secs(60));
    let pid = fs::read_to_string(path.with_added_extension("pid")).unwrap();
    let process = PathBuf::from(format!("/proc/{}", pid.trim()));
    let until = Instant::now() + Duration::from_secs(10);
    let alive = || fs::read_to_string(process.join("stat")).is_ok_and(|stat| !stat.contains(") Z "));
    while alive() {
        assert!(Instant::now() < until, "it goes on");
        std::thread::yield_now();
    }
}

#[test]
fn the_key_is_replaced_and_the_old_one_hands_over() {
    let state = folder();
    let reference = KeyReference::beside(state.path());
    let log = Log::open(state.path(), signer(state.path(), &reference).unwrap()).unwrap();
    let other = Log::open(state.path(), signer(state.path(), &reference).unwrap()).unwrap();
    let first = log.verifier();
    append(&log, 3);
    let before = log.checkpoint_now().unwrap().unwrap().into_bytes();
    let text = log.rotate(&reference, 3000, "yearly").unwrap();
    let second = log.verifier();
    assert_ne!(first, second);
    let signed = SignedCheckpoint::parse(text.as_bytes()).unwrap();
    assert_eq!(signed.verify(NAME, &[first.clone(), second.clone()]).unwrap().len(), 2);
    assert!(!state.path().join("log.key.next").exists());
    assert_eq!(fs::read_to_string(state.path().join("log.pub")).unwrap(), format!("{second}\n"));
    assert!(matches!(log.entry(3).unwrap(), Entry::Key { old, new, .. } if old == first && new == second));
    // A gateway that ran all the while takes the new key.
    append(&other, 1);
    let after = other.checkpoint_now().unwrap().unwrap();
    assert_eq!(other.verifier(), second);
    let after = SignedCheckpoint::parse(after.as_bytes()).unwrap();
    assert!(
        after.verify(NAME, std::slice::from_ref(&second)).is_ok() && after.verify(NAME, std::slice::from_ref(&first)).is_err()
    );
    // Whoever trusts the first key trusts the second, and the other way round for what was signed before.
    for key in [&first, &second] {
        let done = verify_log(state.path(), std::slice::from_ref(key), std::slice::from_ref(&before), &mut |_| {});
        assert_eq!(done.problems, [], "{key}");
    }
    assert!(log.rotate(&reference, 5000, "again").is_ok());
    assert_eq!(verify_log(state.path(), std::slice::from_ref(&first), &[before], &mut |_| {}).problems, []);
    // The handing over is not to be had without the old key.
    fs::remove_dir_all(state.path().join("log/rotations")).unwrap();
    let told = verify_log(state.path(), &[first], &[], &mut |_| {}).problems;
    assert!(matches!(told.as_slice(), [Problem::Forged { .. }, Problem::PublicKey { .. }]), "{told:?}");
}

#[test]
fn a_key_that_was_replaced_signs_no_more() {
    let state = folder();
    let log = open(state.path()).unwrap();
    let stale = open(state.path()).unwrap();
    append(&log, 1);
    let elsewhere = state.path().join("next.key");
    log.rotate(&KeyReference::File(elsewhere.clone()), 2000, "moved").unwrap();
    append(&stale, 1);
    assert!(matches!(stale.checkpoint_now(), Err(LogError::Replaced { .. })));
    assert!(matches!(open(state.path()).map(drop), Err(LogError::Replaced { .. })));
    let error = log.rotate(&KeyReference::File(elsewhere.clone()), 2000, "again");
    assert!(error.is_ok(), "a new key is made in the file that it is in now: {error:?}");
    let log = Log::open(state.path(), signer(state.path(), &KeyReference::File(elsewhere)).unwrap()).unwrap();
    assert!(log.checkpoint_now().unwrap().is_none());
    append(&log, 1);
    assert!(log.checkpoint_now().unwrap().is_some());
}

#[test]
fn whatever_write_was_the_last_the_key_is_the_old_one_or_the_new_one() {
    let copies = crash::every_step(|directory| {
        let reference = KeyReference::beside(directory);
        let log = Log::open(directory, signer(directory, &reference).unwrap()).unwrap();
        append(&log, 3);
        log.checkpoint_now().unwrap();
        log.rotate(&reference, 3000, "yearly").unwrap();
    });
    let mut keys = std::collections::BTreeSet::new();
    for copied in &copies {
        let reference = KeyReference::beside(copied.path());
        let first: Option<VerifierKey> =
            fs::read_to_string(copied.path().join("log.pub")).ok().and_then(|text| text.trim_end().parse().ok());
        let log = Log::open(copied.path(), signer(copied.path(), &reference).unwrap()).unwrap();
        log.locked(|log| log.append(&[Entry::Policy { at: 4000, hash: String::new() }])).unwrap();
        log.checkpoint_now().unwrap().expect("one is new");
        let key = log.verifier();
        keys.insert(key.to_string());
        assert!(!copied.path().join("log.key.next").exists());
        let trusted = first.unwrap_or(key);
        assert_eq!(verify_log(copied.path(), &[trusted], &[], &mut |_| {}).problems, []);
    }
    assert_eq!(keys.len(), 2);
}

/// A TPM that is a process.
struct Tpm {
    process: Child,
    folder: tempfile::TempDir,
}

impl Tpm {
    fn start() -> Self {
        let folder = folder();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let socket = at("tpm");
        let mut command = Command::new("swtpm");
        command.args(["socket", "--tpm2", "--tpmstate", &format!("dir={}", folder.path().display())]);
        command.args(["--server", &format!("type=unixio,path={socket}"), "--ctrl", &format!("type=unixio,path={socket}.ctrl")]);
        command.args(["--flags", "not-need-init,startup-clear"]).stdin(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().expect("swtpm is there: scripts/setup");
        let until = Instant::now() + Duration::from_secs(20);
        while !Path::new(&socket).exists() {
            assert!(Instant::now() < until, "swtpm does not listen");
            std::thread::yield_now();
        }
        Self { process, folder }
    }

    fn tcti(&self) -> String {
        format!("swtpm:path={}", self.folder.path().join("tpm").display())
    }

    /// Runs a tool; what it has loaded is flushed, as the kernel's resource manager does.
    fn tool(&self, tool: &str, arguments: &[&str]) {
        self.run(tool, arguments);
        self.run("tpm2_flushcontext", &["-t"]);
    }

    fn run(&self, tool: &str, arguments: &[&str]) {
        let mut command = Command::new(tool);
        let done = command
            .arg("-Q")
            .args(arguments)
            .env("TPM2TOOLS_TCTI", self.tcti())
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        assert!(done.status.success(), "{tool}: {}", String::from_utf8_lossy(&done.stderr));
    }
}

impl Drop for Tpm {
    fn drop(&mut self) {
        let _ended = self.process.kill().and_then(|()| self.process.wait()).is_ok();
    }
}

#[test]
fn a_tpm_unseals_the_seed() {
    let tpm = Tpm::start();
    for (handle, seed) in [("0x81010001", [7u8; 32].as_slice()), ("0x81010002", b"short".as_slice())] {
        fs::write(tpm.folder.path().join("seed"), seed).unwrap();
        tpm.tool("tpm2_createprimary", &["-C", "o", "-c", "primary"]);
        tpm.tool("tpm2_create", &["-C", "primary", "-i", "seed", "-u", "public", "-r", "private", "-c", "sealed"]);
        tpm.tool("tpm2_evictcontrol", &["-C", "o", "-c", "sealed", handle]);
    }
    let unseal = |handle: u32| signer::tpm::unseal(handle, NAME, vec![("TPM2TOOLS_TCTI".into(), tpm.tcti().into())]);
    assert_eq!(unseal(0x8101_0001).unwrap().verifier(), key(7).verifier());
    let short = unseal(0x8101_0002).unwrap_err().to_string();
    assert!(short.contains("gave 5 bytes") && !short.contains("short"), "{short}");
    let none = unseal(0x8101_0003).unwrap_err().to_string();
    assert!(none.contains("tpm2_unseal ended with exit status"), "{none}");
}
