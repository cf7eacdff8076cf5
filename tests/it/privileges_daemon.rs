//! `weir run` where a daemon runs: the daemon's job is cut off as a private gateway's is, as far as its caller's rights go.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use weir_tests::{Daemon, Outcome, Postgres, Weir, WeirBuilder, wait_until};

const PSQL: &str = r#"psql -X -A -t -c "SELECT 42""#;

/// A daemon, and a configuration that everyone can read: by it `weir run` finds the daemon.
struct Host {
    server: Postgres,
    daemon: Daemon,
    public: PathBuf,
}

impl Host {
    fn start() -> Self {
        Self::with("")
    }

    /// Its configuration has these further lines.
    fn with(lines: &str) -> Self {
        Self::of(|builder| builder, lines)
    }

    fn of(change: impl FnOnce(WeirBuilder) -> WeirBuilder, lines: &str) -> Self {
        let server = Postgres::start();
        let daemon = Daemon::start(change(Weir::for_server(&server)), lines);
        let public = daemon.socket().with_file_name("public.toml");
        let text = format!("trust_domain = \"acme.example\"\n[host]\nsocket = \"{}\"\n", daemon.socket().display());
        fs::write(&public, text).expect("our own directory");
        Self { server, daemon, public }
    }

    /// `weir run OPTIONS -- sh -c SCRIPT` by root, in a cgroup that the daemon's hooks reach.
    fn by_root(&self, options: &str, script: &str) -> Command {
        let line = format!(r#"exec "$WEIR" run --config {} {options} -- sh -c "$@""#, self.public.display());
        self.daemon.shell(&line, &[script])
    }

    /// The same by a user without any rights.
    fn by_user(&self, options: &str, script: &str) -> Command {
        let line = format!(
            r#"exec setpriv --reuid nobody --regid nogroup --clear-groups "$WEIR" run --config {} {options} -- sh -c "$@""#,
            self.public.display()
        );
        self.daemon.shell(&line, &[script])
    }
}

#[track_caller]
fn run(mut command: Command) -> Outcome {
    command.stdin(Stdio::null()).output().expect("sh starts").into()
}

/// Prints what the Python lines come to, each in a process of its own: `done`, or an errno's name.
fn attempts(lines: &[&str]) -> String {
    let mut script = "import ctypes, errno, os, socket, sys\nlibc = ctypes.CDLL(None, use_errno=True)\n\
         def call(*arguments):\n  if libc.syscall(*arguments) < 0: raise OSError(ctypes.get_errno(), '')\n\
         def attempt(text):\n  try:\n    exec(text, globals()); print('done')\n  \
         except OSError as error: print(errno.errorcode.get(error.errno, error.errno))\n"
        .to_owned();
    for line in lines {
        script.push_str(&format!(
            "pid = os.fork()\nif pid == 0:\n  attempt({line:?}); sys.stdout.flush(); os._exit(0)\nos.waitpid(pid, 0)\n"
        ));
    }
    assert!(!script.contains('\''.to_string().repeat(3).as_str()), "the shell could not quote it");
    format!("/usr/bin/python3 -u -c \"$(cat <<'END'\n{script}END\n)\"")
}

/// A set-uid program: what a job may gain by it.
const GAIN: &str = "grep -E 'NoNewPrivs|CapBnd|Seccomp:' /proc/self/status | tr -d '\\t' | tr '\\n' ' '; echo";

#[test]
fn root_s_job_of_the_daemon_is_cut_off_as_a_private_gateway_s_is() {
    let host = Host::start();
    let outside = host.daemon.pid();
    let secret = host.daemon.weir.directory().join("app.secret");
    let state = host.daemon.weir.directory().join("state");
    for (options, tier) in [("", "none"), ("--uid nobody", "none"), ("--privileges confined", "confined")] {
        let script = format!(
            "{PSQL}; {GAIN}; echo $$; [ -e /proc/{outside} ] && echo seen; cat {} 2>/dev/null | wc -c; ls {} 2>/dev/null | wc -l; exit 7",
            secret.display(),
            state.display()
        );
        let outcome = run(host.by_root(options, &script));
        assert_eq!(outcome.status, Some(7), "{options}: {outcome:?}");
        let told = format!("privileges {tier}: ");
        assert!(outcome.stderr.contains(&told) && outcome.stderr.contains("pid, mount and IPC namespaces"), "{outcome:?}");
        let lines: Vec<&str> = outcome.stdout.lines().collect();
        assert_eq!((lines[0], lines.len()), ("42", 5), "{options}: the daemon's process is not seen: {outcome:?}");
        if tier == "none" {
            assert_eq!(lines[1], "CapBnd:0000000000000000 NoNewPrivs:1 Seccomp:2 ", "{options}");
        } else {
            // As `capabilities.rs` has them, and sudo goes on working.
            assert_eq!(lines[1], "CapBnd:00000000a00405fb NoNewPrivs:0 Seccomp:2 ", "{options}");
        }
        assert_eq!(&lines[3..], ["0", "0"], "{options}: the daemon's secret and its records: {outcome:?}");
    }
    // Each was intercepted under a run of its own, and by now each is over.
    let runs: std::collections::BTreeSet<_> = host.daemon.weir.sessions().iter().map(|one| one["run"].to_string()).collect();
    assert_eq!(runs.len(), 3, "{runs:?}");
    wait_until("the jobs to be taken off", 20, || {
        let listed = host.daemon.ask(&["job", "list", "--format", "json"]).expect_success();
        (listed.stdout.trim() == "[]").then_some(())
    });
}

#[test]
fn a_user_s_job_of_the_daemon_gives_up_what_a_user_can() {
    let host = Host::start();
    // A process of the same user outside of the job, to trace, to signal and to ask.
    let mut other = Command::new("setpriv");
    other.args(["--reuid", "nobody", "--regid", "nogroup", "--clear-groups", "sleep", "120"]);
    let mut other = other.stdin(Stdio::null()).spawn().expect("setpriv starts");
    wait_until("it to be nobody's", 20, || {
        let status = fs::read_to_string(format!("/proc/{}/status", other.id())).unwrap_or_default();
        (status.contains("Name:\tsleep") && status.contains("Uid:\t65534")).then_some(())
    });
    let name = format!("weir-test-{}", std::process::id());
    let _abstract = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).expect("short")).expect("our own name");
    let pid = other.id();
    let lines = [
        "socket.socket(40, 1, 0)".to_owned(),
        "socket.socket(1, 1, 0)".to_owned(),
        "call(272, 0x10000000)".to_owned(),
        "call(425, 4, ctypes.create_string_buffer(120))".to_owned(),
        "call(321, 0, ctypes.create_string_buffer(116), 116)".to_owned(),
        format!("call(101, 16, {pid}, 0, 0)"),
        format!("open(\"/proc/{pid}/mem\", \"r+b\")"),
        format!("os.kill({pid}, 0)"),
        format!("socket.socket(1).connect(\"\\0{name}\")"),
    ];
    let script = attempts(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    // Without weir all of them that this kernel knows succeed: the same, as the same user.
    let without = {
        let line = r#"exec setpriv --reuid nobody --regid nogroup --clear-groups sh -c "$@""#;
        run(host.daemon.shell(line, &[&script])).expect_success()
    };
    let inside = run(host.by_user("", &format!("{GAIN}; {script}")));
    let allowed = run(host.by_user("--allow io-uring --allow abstract-sockets --allow namespaces", &script));
    other.kill().expect("it is ours");
    other.wait().expect("it is ours");
    let without: Vec<&str> = without.stdout.lines().collect();
    assert_eq!((&without[1..3], &without[5..]), (&["done"; 2][..], &["done"; 4][..]), "without weir: {without:?}");
    let (gain, told) = inside.stdout.split_once('\n').unwrap_or_default();
    assert!(gain.contains("NoNewPrivs:1 Seccomp:2"), "{inside:?}");
    let told: Vec<&str> = told.lines().collect();
    let expected = ["EAFNOSUPPORT", "done", "EPERM", "EPERM", "EPERM", "EPERM", "EACCES", "EPERM", "EPERM"];
    assert_eq!(told, expected, "{inside:?}");
    for words in ["as a user can have it", "io_uring refused", "sockets of daemons stay in sight"] {
        assert!(inside.stderr.contains(words), "{words}: {}", inside.stderr);
    }
    let allowed: Vec<&str> = allowed.stdout.lines().collect();
    assert_eq!((allowed[2], allowed[3], allowed[8]), (without[2], without[3], "done"), "{allowed:?}");
}

#[test]
fn what_is_a_job_already_stays_that_job_and_is_cut_off_all_the_same() {
    let host = Host::start();
    let line = format!(
        r#""$WEIR" job begin --socket "$SOCKET" --format json || exit 1; exec "$WEIR" run -q --config {} -- sh -c "$1""#,
        host.public.display()
    );
    let outcome = run(host.daemon.shell(&line, &[&format!("{PSQL}; {GAIN}; echo $WEIR_RUN")])).expect_success();
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    let begun: serde_json::Value = serde_json::from_str(lines[0]).expect("JSON");
    assert_eq!(lines[1..3], ["42", "CapBnd:0000000000000000 NoNewPrivs:1 Seccomp:2 "], "{outcome:?}");
    assert_eq!(begun["run"], lines[3], "{outcome:?}");
    assert_eq!(host.daemon.weir.sessions()[0]["run"], begun["run"]);
}

/// What the daemon keeps for it is masked with the rest of its folder, but for this.
#[test]
fn a_job_that_is_cut_off_finds_what_it_needs_to_trust_the_daemon() {
    let host = Host::of(|builder| builder.tls(r#"{ client = "require", upstream = "disable" }"#), "");
    let script = r#"psql -X -A -t -c "SELECT 'verified'" sslmode=verify-full; ls /run/weir | grep -v ^trust-"#;
    for options in ["", "--uid nobody", "--privileges confined"] {
        let outcome = run(host.by_root(options, script));
        assert_eq!(
            outcome.stdout, "verified\nfile\nfolder\n",
            "{options}: what masks are made of, and nothing else: {outcome:?}"
        );
    }
    // It still has root's HOME, whose certificates it can't read.
    let user = run(host.by_user("", r#"HOME=/nonexistent psql -X -A -t -c "SELECT 'verified'" sslmode=verify-full"#));
    assert_eq!(user.stdout, "verified\n", "{user:?}");
}

#[test]
fn a_job_by_its_user_does_not_leave_it_by_becoming_another() {
    let host = Host::with("[[job]]\nname = \"roots\"\nmatch = { uid = 0 }\n");
    let outcome = run(host.by_root("", PSQL)).expect_success();
    assert_eq!(outcome.stdout, "42\n");
    let refused = run(host.by_root("--uid nobody", "echo it ran"));
    assert_eq!((refused.status, refused.stdout.as_str()), (Some(1), ""), "{refused:?}");
    assert!(refused.stderr.contains("leave `--uid` out"), "{refused:?}");
    assert_eq!(host.daemon.weir.sessions().len(), 1);
}

#[test]
fn io_uring_is_watched_where_root_calls() {
    let host = Host::start();
    let make = host.daemon.weir.script("make.py", super::privileges_uring::MAKE);
    let job = |options, family| run(host.by_root(options, &format!("/usr/bin/python3 {} {family} 1", make.display())));
    let inet = job("", 2).expect_success();
    if inet.stderr.contains("io_uring refused") {
        assert_eq!(inet.stdout, "setup Operation not permitted\n");
        return;
    }
    assert!(inet.stderr.contains("io_uring watched"), "{inet:?}");
    assert_eq!(inet.stdout, "socket\n");
    for options in ["", "--privileges confined"] {
        let vsock = job(options, 40);
        assert_eq!((vsock.status, vsock.stdout.as_str()), (Some(128 + 9), ""), "{options}: {vsock:?}");
        assert!(vsock.stderr.contains("the process was ended"), "{vsock:?}");
    }
    assert_eq!(job("--privileges host", 40).expect_success().stdout, "socket\n", "host cuts nothing");
}

#[test]
fn what_takes_root_is_refused_to_a_user_before_anything_is_begun() {
    let host = Host::start();
    for (options, words) in [("--privileges confined", "takes root: have root call"), ("--uid games", "`--uid` takes root")] {
        let outcome = run(host.by_user(options, "echo it ran"));
        assert_eq!((outcome.status, outcome.stdout.as_str()), (Some(1), ""), "{outcome:?}");
        assert!(outcome.stderr.contains(words) && !outcome.stderr.contains("a job of this host's daemon"), "{outcome:?}");
    }
    let adopt = run(host.by_root("--containers adopt", "echo it ran"));
    assert_eq!((adopt.status, adopt.stdout.as_str()), (Some(1), ""), "{adopt:?}");
    assert!(adopt.stderr.contains("takes a gateway of the job's own"), "{adopt:?}");
}

#[test]
fn a_connection_is_no_standard_stream_of_a_daemon_s_job_and_no_descriptor_is_inherited() {
    let host = Host::start();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let connection = || {
        let to = listener.local_addr().expect("it listens");
        Stdio::from(OwnedFd::from(std::net::TcpStream::connect(to).expect("it listens")))
    };
    for as_user in [false, true] {
        let command = |options, script| if as_user { host.by_user(options, script) } else { host.by_root(options, script) };
        let refused = command("", "echo it ran").stdin(connection()).output().expect("sh starts");
        let refused = Outcome::from(refused);
        assert_eq!((refused.status, refused.stdout.as_str()), (Some(1), ""), "user {as_user}: {refused:?}");
        assert!(refused.stderr.contains("--allow inherited-sockets"), "{refused:?}");
        let allowed = command("--allow inherited-sockets", "echo it ran").stdin(connection()).output().expect("sh starts");
        assert_eq!(Outcome::from(allowed).expect_success().stdout, "it ran\n", "user {as_user}");
        // The listing has a descriptor of its own.
        let listed = "exec 7</dev/null 8</dev/null; exec";
        let line = format!(
            r#"{listed} {} "$WEIR" run -q --config {} -- sh -c 'ls /proc/$$/fd'"#,
            if as_user { "setpriv --reuid nobody --regid nogroup --clear-groups" } else { "" },
            host.public.display()
        );
        let inherited = run(host.daemon.shell(&line, &[])).expect_success();
        assert!(!inherited.stdout.lines().any(|one| ["7", "8"].contains(&one)), "user {as_user}: {inherited:?}");
    }
}

#[test]
fn nothing_of_a_job_outlives_its_launcher_and_signals_reach_it() {
    let host = Host::start();
    let mark = host.daemon.weir.directory().join("mark");
    let script = format!("setsid sleep 300 & trap 'echo told > {0}; exit 3' TERM; echo ready > {0}; wait", mark.display());
    let said = || fs::read_to_string(&mark).unwrap_or_default();
    let mut job = host.by_root("", &script).stdin(Stdio::null()).spawn().expect("sh starts");
    wait_until("the job to be ready", 20, || (said() == "ready\n").then_some(()));
    let pid = nix::unistd::Pid::from_raw(i32::try_from(job.id()).expect("a pid fits"));
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).expect("it runs");
    assert_eq!(job.wait().expect("it is ours").code(), Some(3));
    assert_eq!(said(), "told\n");
    let mut killed = host.by_root("", &script).stdin(Stdio::null()).spawn().expect("sh starts");
    wait_until("the job to be ready", 20, || (said() == "ready\n").then_some(()));
    killed.kill().expect("it is ours");
    killed.wait().expect("it is ours");
    // The processes, those that left its session included, and with the last one the job.
    wait_until("the job to be taken off", 20, || {
        let listed = host.daemon.ask(&["job", "list", "--format", "json"]).expect_success();
        (listed.stdout.trim() == "[]").then_some(())
    });
    assert_eq!(said(), "ready\n");
    assert_eq!(host.server.active(), 0);
}
