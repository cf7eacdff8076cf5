//! What a job can't do with `weir run --privileges none|confined`: each attempt for real, first without weir, then inside.

use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;
use std::process::{Command, Stdio};
use weir_tests::{Outcome, Postgres, Weir, binary, cgroup2_mount, wait_until};

/// Without weir, and in a job of each kind.
#[derive(Clone, Copy)]
enum From<'a> {
    Outside,
    Job(&'a [&'a str]),
}

const NONE_AS_ROOT: &[&str] = &[];
const NONE_AS_USER: &[&str] = &["--uid", "nobody"];
const CONFINED: &[&str] = &["--privileges", "confined"];
const CONFINED_AS_USER: &[&str] = &["--privileges", "confined", "--uid", "nobody"];
const ALL: [(&str, &[&str]); 4] = [
    ("none, as root", NONE_AS_ROOT),
    ("none, as a user", NONE_AS_USER),
    ("confined, as root", CONFINED),
    ("confined, as a user", CONFINED_AS_USER),
];

/// What the Python text prints: `done`, the name of its errno, or what it says itself.
fn attempt(weir: &Weir, from: From<'_>, text: &str, arguments: &[&str]) -> String {
    let script = format!("{PRELUDE}\nattempt({text:?})\n");
    let command = [&["/usr/bin/python3", "-c", &script], arguments].concat();
    let outcome: Outcome = match from {
        From::Outside => Command::new(command[0]).args(&command[1..]).output().expect("python3 is there").into(),
        From::Job(options) => weir.run_with(options, &command),
    };
    match outcome.status {
        Some(0) => outcome.stdout.trim().to_owned(),
        status => format!("status {status:?}: {}{}", outcome.stdout, outcome.stderr),
    }
}

const PRELUDE: &str = r#"
import ctypes, errno, fcntl, mmap, os, socket, stat, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
def call(*arguments):
    if libc.syscall(*arguments) < 0:
        raise OSError(ctypes.get_errno(), "")
def some(found):
    if not found:
        raise OSError(0, "")
def attempt(text):
    try:
        exec(text, globals())
        print("done")
    except OSError as error:
        print(errno.errorcode.get(error.errno, error.errno))
"#;

/// `(what, how, what happens without weir, what happens in a job)`.
const ATTEMPTS: [(&str, &str, &str, &[&str]); 27] = [
    // Sockets that the kernel side never sees.
    ("AF_PACKET", "socket.socket(17, 3, 0)", "done", &["EAFNOSUPPORT"]),
    ("AF_ALG", "socket.socket(38, 5, 0)", "", &["EAFNOSUPPORT"]),
    ("AF_VSOCK", "socket.socket(40, 1, 0)", "", &["EAFNOSUPPORT"]),
    ("AF_VSOCK in pairs", "call(53, 40, 1, 0, ctypes.create_string_buffer(8))", "", &["EAFNOSUPPORT"]),
    ("AF_UNIX", "socket.socket(1, 1, 0)", "done", &["done"]),
    ("AF_NETLINK", "socket.socket(16, 3, 0)", "done", &["done"]),
    // Other numbers for the same calls.
    (
        "an i386 call",
        "m = mmap.mmap(-1, 4096, prot=7); m.write(b'\\xb8\\x14\\x00\\x00\\x00\\xcd\\x80\\xc3'); pid = os.fork()\n\
      if pid == 0:\n  ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(m)))(); os._exit(0)\n\
      status = os.waitpid(pid, 0)[1]\nif os.WIFSIGNALED(status): raise OSError(errno.ENOSYS, '')",
        "done",
        &["ENOSYS"],
    ),
    ("an x32 call", "call(0x40000000 + 41, 40, 1, 0)", "", &["ENOSYS"]),
    // Namespaces.
    ("setns", "call(308, os.open('/proc/self/ns/uts', 0), 0)", "done", &["EPERM"]),
    ("unshare the network", "call(272, 0x40000000)", "done", &["EPERM"]),
    ("unshare the users", "call(272, 0x10000000)", "done", &["EPERM"]),
    ("clone3", "call(435, 0, 0)", "EINVAL", &["ENOSYS"]),
    ("mount", "call(272, 0x20000); call(165, b'none', b'/tmp', b'tmpfs', 0, 0)", "done", &["EPERM"]),
    // Hooks, modules, keys, handles.
    ("bpf", "call(321, 0, ctypes.create_string_buffer(struct.pack('IIII', 2, 4, 8, 1) + bytes(100)), 116)", "done", &["EPERM"]),
    ("a module", "call(313, -1, b'', 0)", "", &["EPERM"]),
    ("kexec", "call(320, -1, -1, 0, b'', 4)", "", &["EPERM"]),
    ("a key", "call(248, b'user', b'weir-test', b'x', 1, -1)", "done", &["EPERM"]),
    ("a file by its handle", "call(304, -100, ctypes.create_string_buffer(struct.pack('Ii', 0, 1)), 0)", "EINVAL", &["EPERM"]),
    ("pidfd_getfd", "call(438, os.pidfd_open(os.getpid()), 0, 0)", "done", &["EPERM"]),
    ("typing into a terminal", "fcntl.ioctl(0, 0x5412, b'x')", "ENOTTY", &["EPERM"]),
    // The kernel by its files, disks.
    ("core_pattern", "open('/proc/sys/kernel/core_pattern', 'r+')", "done", &["EROFS", "EACCES"]),
    ("sysrq", "open('/proc/sysrq-trigger', 'w')", "", &["EROFS", "EACCES", "ENOENT"]),
    ("kernel memory", "open('/proc/kcore', 'rb')", "", &["EACCES", "EROFS", "ENOENT", "EPERM"]),
    (
        "a disk",
        "disks = [d for d in os.scandir('/dev') if stat.S_ISBLK(d.stat(follow_symlinks=False).st_mode)]\n\
         if not disks: raise OSError(errno.ENODEV, '')\nopen(disks[0].path, 'rb')",
        "done",
        &["ENODEV"],
    ),
    (
        "a disk by its numbers",
        "os.mknod('/tmp/weir-test-disk', 0o600 | stat.S_IFBLK, os.makedev(254, 0)); os.unlink('/tmp/weir-test-disk')",
        "done",
        &["EPERM"],
    ),
    ("the init's memory", "open('/proc/1/mem', 'rb')", "", &["EACCES"]),
    ("tracing the init", "call(101, 16, 1, 0, 0); call(101, 17, 1, 0, 0)", "", &["EPERM"]),
];

#[test]
fn a_job_s_ways_out_are_closed_in_both_tiers_for_root_and_for_users() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).build();
    let mut wrong = Vec::new();
    for (what, how, outside, _) in ATTEMPTS {
        let without = attempt(&weir, From::Outside, how, &[]);
        // Some depend on what the machine has; what has no words is not held against it.
        if !outside.is_empty() && without != outside {
            wrong.push(format!("{what}, without weir: {without}"));
        }
    }
    for (kind, options) in ALL {
        // All in one job: each in a process of its own.
        let mut script = PRELUDE.to_owned();
        for (_, how, ..) in ATTEMPTS {
            script.push_str(&format!(
                "pid = os.fork()\nif pid == 0:\n  attempt({how:?}); sys.stdout.flush(); os._exit(0)\nos.waitpid(pid, 0)\n"
            ));
        }
        let outcome = weir.run_with(options, &["/usr/bin/python3", "-u", "-c", &script]).expect_success();
        let told: Vec<_> = outcome.stdout.lines().collect();
        assert_eq!(told.len(), ATTEMPTS.len(), "{kind}: {} {}", outcome.stdout, outcome.stderr);
        for ((what, _, _, inside), told) in ATTEMPTS.iter().zip(told) {
            if !inside.contains(&told) {
                wrong.push(format!("{what}, {kind}: {told}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What the gateway has, by the number of its process and its files, from outside and from inside.
#[test]
fn the_gateway_its_files_and_its_cgroups_are_out_of_a_job_s_reach() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).build();
    let place = weir.directory();
    let go = place.join("go");
    // A gateway to be reached for: another job's.
    let other = weir.start(&["sh", "-c", &format!("while [ ! -e {} ]; do sleep 0.05; done", go.display())]);
    let cgroup = cgroup2_mount().join(format!("weir-{}", other.pid()));
    wait_until("the other job to run", 30, || weir.bare(&["session", "list"]).status.and_then(|_| cgroup.exists().then_some(())));
    wait_until("the state directory", 30, || place.join("state").exists().then_some(()));
    let pid = other.pid().to_string();
    let at = |name: &str| format!("{}/{name}", place.display());
    let attempts = [
        ("kill", format!("os.kill({pid}, 0)"), &["ESRCH"][..]),
        ("environ", format!("open('/proc/{pid}/environ').read()"), &["ENOENT"]),
        ("memory", format!("open('/proc/{pid}/mem', 'rb')"), &["ENOENT"]),
        ("a cgroup", format!("os.mkdir('{0}/x'); os.rmdir('{0}/x')", cgroup.display()), &["EROFS", "EACCES"]),
        ("leaving its cgroup", format!("open('{}/cgroup.procs', 'r+')", cgroup.display()), &["EROFS", "EACCES"]),
        ("the secret", format!("some(open('{}').read())", at("app.secret")), &["EACCES", "0"]),
        ("the configuration", format!("some(open('{}').read())", at("weir.toml")), &["EACCES", "0"]),
        ("the policies", format!("some(open('{}').read())", at("policy.d/test.cedar")), &["EACCES", "ENOENT"]),
        ("the records", format!("some(list(os.scandir('{}')))", at("state")), &["EACCES", "0"]),
    ];
    let mut wrong = Vec::new();
    for (what, how, inside) in attempts {
        let without = attempt(&weir, From::Outside, &how, &[]);
        if without != "done" {
            wrong.push(format!("{what}, without weir: {without}"));
        }
        for (kind, options) in [ALL[0], ALL[2]] {
            let told = attempt(&weir, From::Job(options), &how, &[]);
            if !inside.iter().any(|one| told == *one) {
                wrong.push(format!("{what}, {kind}: {told}"));
            }
        }
    }
    std::fs::write(&go, "").expect("our own directory");
    other.wait().expect_success();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A socket below a folder that is masked, and an abstract one.
#[test]
fn sockets_of_databases_and_daemons_are_masked_unless_allowed() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).build();
    let folder = Path::new("/run/postgresql");
    let made = !folder.exists();
    std::fs::create_dir_all(folder).expect("root may");
    let path = folder.join(format!(".s.weir-test-{}", std::process::id()));
    let _in_the_file_system = UnixListener::bind(&path).expect("our own name");
    let name = format!("weir-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).expect("a short name");
    let _abstract = UnixListener::bind_addr(&address).expect("our own name");
    let by_path = format!("socket.socket(1).connect('{}')", path.display());
    let by_name = format!("socket.socket(1).connect('\\0{name}')");
    assert_eq!(attempt(&weir, From::Outside, &by_path, &[]), "done");
    assert_eq!(attempt(&weir, From::Outside, &by_name, &[]), "done");
    let mut wrong = Vec::new();
    for (kind, options) in ALL {
        let mut check = |more: &[&str], how: &str, expected: &[&str]| {
            let told = attempt(&weir, From::Job(&[options, more].concat()), how, &[]);
            if !expected.contains(&told.as_str()) {
                wrong.push(format!("{how}, {kind} {more:?}: {told}"));
            }
        };
        check(&[], &by_path, &["ENOENT", "EACCES"]);
        check(&[], &by_name, &["EPERM"]);
        let allowed = format!("socket={}", folder.display());
        if kind.contains("root") {
            check(&["--allow", &allowed], &by_path, &["done"]);
        }
        check(&["--allow", "abstract-sockets"], &by_name, &["done"]);
    }
    std::fs::remove_file(&path).expect("our own file");
    if made {
        std::fs::remove_dir(folder).expect("our own folder");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_daemon_that_the_job_left_dies_with_a_gateway_that_is_killed() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).build();
    for options in [NONE_AS_ROOT, CONFINED, &["--privileges", "host"]] {
        let ready = weir.directory().join("daemon");
        let script = format!("(setsid sh -c 'echo $$ > {}; exec sleep 600' &) ; sleep 600", ready.display());
        let config = weir.config();
        let mut child = Command::new(binary())
            .args(["run", "-q", "--config"])
            .arg(config)
            .args(options)
            .args(["--", "sh", "-c", &script])
            // What a confined job writes there stays.
            .current_dir(weir.directory())
            .stdout(Stdio::null())
            .spawn()
            .expect("weir starts");
        let cgroup = cgroup2_mount().join(format!("weir-{}", child.id()));
        wait_until("the daemon", 30, || std::fs::read_to_string(&ready).ok().filter(|text| !text.is_empty()));
        assert!(processes(&cgroup) >= 3, "init, shell, daemon");
        child.kill().expect("our own child");
        child.wait().expect("our own child");
        wait_until("all of the job to be gone", 20, || (processes(&cgroup) == 0).then_some(()));
        std::fs::remove_file(&ready).expect("our own file");
        // What it left is swept by the next.
        weir.run_with(NONE_AS_ROOT, &["true"]).expect_success();
        assert!(!cgroup.exists(), "{} was not swept", cgroup.display());
    }
}

/// In the cgroup and one level below.
fn processes(cgroup: &Path) -> usize {
    let below = std::fs::read_dir(cgroup).into_iter().flatten().flatten().map(|entry| entry.path());
    let all = below.filter(|path| path.is_dir()).chain([cgroup.to_owned()]);
    all.map(|path| std::fs::read_to_string(path.join("cgroup.procs")).map_or(0, |text| text.lines().count())).sum()
}

#[test]
fn a_job_sees_its_own_processes_its_own_files_and_no_inherited_descriptor() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).build();
    let own = weir.script("own.txt", "seen");
    for (kind, options) in ALL {
        let script = format!(
            "ls /proc | grep -c '^[0-9]' ; cat {}; ls /proc/self/fd | wc -l; tr '\\0' ' ' < /proc/$PPID/comm; echo a > {}/out && echo wrote",
            own.display(),
            weir.directory().display()
        );
        let command = format!(
            "exec 7</etc/passwd 9</; exec {} run --config {} {} -- sh -c \"$0\"",
            binary().display(),
            weir.config().display(),
            options.join(" ")
        );
        std::fs::set_permissions(weir.directory(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).expect("our own");
        let outcome: Outcome = Command::new("bash")
            .args(["-c", &command, &script])
            .current_dir(weir.directory())
            .output()
            .expect("bash is there")
            .into();
        let lines: Vec<_> = outcome.stdout.lines().collect();
        assert_eq!(outcome.status, Some(0), "{kind}: {}{}", outcome.stdout, outcome.stderr);
        // init, the shell, ls and grep; 0 to 2 and the folder that ls reads.
        assert!(lines[0].parse::<u32>().expect("a number") <= 4, "{kind}: {lines:?}");
        assert_eq!(lines[1..], ["seen4", "weir", "wrote"][..], "{kind}");
        std::fs::remove_file(weir.directory().join("out")).expect("the job wrote it");
    }
}

#[test]
fn a_network_connection_or_a_folder_is_no_standard_input() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).build();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let connect = || std::net::TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
    let run = |options: &[&str], input: OwnedFd| -> Outcome {
        let mut weir_run = Command::new(binary());
        weir_run.args(["run", "--config"]).arg(weir.config()).args(options).args(["--", "echo", "the job ran"]);
        weir_run.stdin(input).output().expect("weir starts").into()
    };
    for options in [NONE_AS_ROOT, CONFINED, &["--privileges", "host"]] {
        let refused = run(options, connect().into());
        assert_eq!((refused.status, refused.stdout.as_str()), (Some(1), ""), "{}", refused.stderr);
        assert!(refused.stderr.contains("inherited-sockets"), "{}", refused.stderr);
    }
    assert_eq!(run(&["--allow", "inherited-sockets"], connect().into()).stdout, "the job ran\n");
    let folder = run(NONE_AS_ROOT, std::fs::File::open("/").expect("it is there").into());
    assert_eq!((folder.status, folder.stdout.as_str()), (Some(1), ""), "{}", folder.stderr);
    let (unix, _peer) = std::os::unix::net::UnixStream::pair().expect("a pair");
    assert_eq!(run(NONE_AS_ROOT, unix.into()).stdout, "the job ran\n");
}

#[test]
fn each_run_says_what_it_gives_and_host_cuts_nothing() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).build();
    for (options, said, script, printed) in [
        (
            &[][..],
            "privileges none: no privileges to be had",
            "grep NoNewPrivs /proc/self/status; grep CapBnd /proc/self/status",
            "1 0000000000000000",
        ),
        (CONFINED, "privileges confined: root inside without the host's", "grep NoNewPrivs /proc/self/status", "0"),
        (
            &["--privileges", "host"],
            "privileges host: nothing is cut",
            "grep NoNewPrivs /proc/self/status; [ -d /proc/$PPID ] && ls -d /dev/mem /dev/vda /dev/sda 2>/dev/null | head -1 | wc -l",
            "0 1",
        ),
    ] {
        let outcome = weir.run_with(options, &["sh", "-c", script]).expect_success();
        assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
        let values: Vec<_> = outcome.stdout.lines().filter_map(|line| line.split_whitespace().last()).collect();
        assert_eq!(values.join(" "), printed);
    }
}

/// A signal before the job is there waits for it, so weir never ends without having started and stopped the job.
#[test]
fn a_signal_that_comes_early_reaches_the_job() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).build();
    for _ in 0..5 {
        let job = weir.start(&["sleep", "600"]);
        // As soon as it blocks signals, which is the first that it does.
        let status = format!("/proc/{}/status", job.pid());
        wait_until("weir to have signals wait", 20, || {
            let text = std::fs::read_to_string(&status).unwrap_or_default();
            let blocked = text
                .lines()
                .find_map(|line| line.strip_prefix("SigBlk:"))
                .and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok());
            blocked.filter(|mask| mask & (1 << 14) != 0).map(drop)
        });
        job.signal(nix::sys::signal::Signal::SIGTERM);
        assert_eq!(job.wait().status, Some(128 + 15));
    }
}

/// A shell of a job, at a terminal of its own: job control, Ctrl-Z and Ctrl-C work, and the shell that called weir gets it back.
#[test]
fn an_interactive_job_has_the_terminal() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).build();
    let script = weir.script("terminal.py", TERMINAL);
    for options in [NONE_AS_ROOT, CONFINED] {
        let command =
            format!("{} run -q --config {} {} -- bash --norc -i", binary().display(), weir.config().display(), options.join(" "));
        let outcome: Outcome =
            Command::new("/usr/bin/python3").arg(&script).arg(&command).output().expect("python3 is there").into();
        assert_eq!(outcome.stdout.lines().last(), Some("all was well"), "{}\n{}", outcome.stdout, outcome.stderr);
    }
}

/// Talks to an outer shell at a pseudo-terminal, which starts the job's shell. Waits for what it expects, 60 s at most.
const TERMINAL: &str = r#"
import os, pty, select, sys, time
pid, tty = pty.fork()
if pid == 0:
    os.environ.update(PS1="outer> ", TERM="dumb")
    os.execvp("bash", ["bash", "--norc", "-i"])
seen = b""
def comes(text, patience):
    global seen
    end = time.monotonic() + patience
    while text.encode() not in seen:
        ready, _, _ = select.select([tty], [], [], max(0, end - time.monotonic()))
        if not ready:
            return False
        seen += os.read(tty, 4096)
    seen = seen.split(text.encode(), 1)[1]
    return True
def expect(text):
    if not comes(text, 60):
        print("no", repr(text), "in", seen.decode(errors="replace")); sys.exit(1)
def type(text):
    os.write(tty, text.encode())
# A key that comes while the terminal changes hands is lost, with any shell: it is pressed again.
def press(key, text):
    for _ in range(60):
        type(key)
        if comes(text, 1):
            return
    print("no", repr(text), "after", repr(key)); sys.exit(1)
def other(group):
    end = time.monotonic() + 60
    while os.tcgetpgrp(tty) == group:
        if time.monotonic() > end:
            print("nobody took the terminal from", group); sys.exit(1)
        time.sleep(0.01)
marks = iter(range(1000))
def run(text, expected):
    mark = f"mark-{next(marks)}"
    type(f"{text}; echo {mark}''-$?\n")
    expect(f"{mark}-{expected}")
expect("outer> ")
type("PS1=inner'> ' " + sys.argv[1] + "\n")
expect("inner> ")
run("tty | grep -q /dev/console", 0)
expect("inner> ")
shell = os.tcgetpgrp(tty)
type("sleep 600\n"); other(shell); press("\x1a", "Stopped"); expect("inner> ")
type("fg\n"); other(shell); press("\x03", "inner> ")
run("sh -c 'jobs; exit 3'", 3)
type("suspend -f\n"); expect("Stopped"); expect("outer> ")
run("true", 0)
type("fg\n")
run("[ $(cat /proc/1/comm) = weir ] && echo inside", 0)
expect("inner> ")
type("exit 7\n"); expect("outer> ")
run("sh -c \"exit $?\"", 7)
print("all was well")
"#;
