//! What fails stays closed: with the daemon killed, stopped, short of something or robbed of it, no job reaches a server.

use nix::sys::signal::Signal;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use weir_tests::{Daemon, Outcome, Postgres, Weir, wait_until};

/// A job that asks the server once each time that it is told to.
struct Asker {
    child: Option<Child>,
    place: PathBuf,
    asked: u32,
}

impl Asker {
    fn start(daemon: &Daemon, server: &Postgres) -> Self {
        let place = daemon.weir.directory().join("asker");
        std::fs::create_dir(&place).expect("our own directory");
        // A new psql for each file `go.N`; its output and status stand in `done.N`.
        let script = r#""$WEIR" job begin --quiet --socket "$SOCKET" || exit 1; cd "$1"; n=1
            while :; do
              while [ ! -e go.$n ]; do [ -e end ] && exit 0; sleep 0.02; done
              { timeout 20 psql -X -A -t -c 'SELECT 42'; echo "status $?"; } > out.$n 2>&1; mv out.$n done.$n; n=$((n + 1))
            done"#;
        let mut shell = daemon.shell(script, &[place.to_str().expect("a UTF-8 path")]);
        shell.env("PGCONNECT_TIMEOUT", "20").stdin(Stdio::null());
        let mut asker = Self { child: Some(shell.spawn().expect("sh starts")), place, asked: 0 };
        assert_eq!(asker.ask(), "42\nstatus 0\n", "{}\n{}", daemon.log(), server.port);
        asker
    }

    /// Asks, and waits for what comes of it.
    fn ask(&mut self) -> String {
        let done = self.begin_to_ask();
        wait_until("the job's answer", 40, || std::fs::read_to_string(&done).ok())
    }

    /// Asks without waiting; where the answer will be.
    fn begin_to_ask(&mut self) -> PathBuf {
        self.asked += 1;
        std::fs::write(self.place.join(format!("go.{}", self.asked)), "").expect("our own directory");
        self.place.join(format!("done.{}", self.asked))
    }

    /// Asks, and the connect has to be refused at once.
    #[track_caller]
    fn is_refused(&mut self) {
        let begun = Instant::now();
        let told = self.ask();
        assert!(told.contains("Connection refused") && told.contains("status 2"), "{told}");
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    }

    #[track_caller]
    fn is_answered(&mut self) {
        assert_eq!(self.ask(), "42\nstatus 0\n");
    }
}

impl Drop for Asker {
    fn drop(&mut self) {
        std::fs::write(self.place.join("end"), "").ok();
        if let Some(mut child) = self.child.take() {
            child.wait().ok();
        }
    }
}

/// Connections that the server has had from anyone who is not the test's own superuser.
fn reached(server: &Postgres) -> usize {
    server.sql("SELECT sum(sessions) FROM pg_stat_database WHERE datname = 'app'").parse().expect("a number")
}

fn daemon(server: &Postgres, host: &str) -> Daemon {
    Daemon::start(Weir::for_server(server), host)
}

#[test]
fn a_killed_daemon_leaves_its_jobs_refused_and_the_next_has_them_again() {
    let server = Postgres::start();
    let mut daemon = daemon(&server, "");
    let mut asker = Asker::start(&daemon, &server);
    let before = reached(&server);
    daemon.signal(Signal::SIGKILL);
    daemon.wait();
    asker.is_refused();
    asker.is_refused();
    assert_eq!(reached(&server), before);
    daemon.restart();
    asker.is_answered();
    let sessions = daemon.weir.sessions();
    let runs: std::collections::BTreeSet<_> =
        sessions.iter().filter(|one| one["target"] == "db").map(|one| one["run"].to_string()).collect();
    assert_eq!(runs.len(), 1, "the job has the run that it had: {sessions:?}");
}

#[test]
fn a_stopped_daemon_is_refused_within_three_seconds() {
    let server = Postgres::start();
    let daemon = daemon(&server, "");
    let mut asker = Asker::start(&daemon, &server);
    daemon.signal(Signal::SIGSTOP);
    // The heartbeat was at most a second old; connects wait in the listener's queue until it is stale.
    std::thread::sleep(Duration::from_millis(3100));
    asker.is_refused();
    daemon.signal(Signal::SIGCONT);
    wait_until("the daemon to beat again", 20, || (asker.ask() == "42\nstatus 0\n").then_some(()));
}

#[test]
fn who_takes_the_port_of_a_killed_daemon_gets_nothing() {
    let server = Postgres::start();
    let mut daemon = daemon(&server, "");
    let mut asker = Asker::start(&daemon, &server);
    let port = listening_port(daemon.pid());
    daemon.signal(Signal::SIGKILL);
    daemon.wait();
    // The sessions that it had keep the port for a minute.
    let squatter = wait_until("the port to be free", 90, || std::net::TcpListener::bind(("::", port)).ok());
    squatter.set_nonblocking(true).expect("a listener can be so");
    asker.is_refused();
    assert!(squatter.accept().is_err(), "the squatter was connected to");
    drop(squatter);
    daemon.restart();
    asker.is_answered();
}

/// The TCP port that a process listens on, IPv6 and IPv4 together.
fn listening_port(pid: u32) -> u16 {
    let open = std::fs::read_dir(format!("/proc/{pid}/fd")).expect("the daemon lives").flatten();
    let own: Vec<String> = open
        .filter_map(|entry| {
            Some(std::fs::read_link(entry.path()).ok()?.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())
        })
        .collect();
    let table = std::fs::read_to_string(format!("/proc/{pid}/net/tcp6")).expect("the daemon lives");
    let port = table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let listens = fields.get(3) == Some(&"0A") && fields.get(9).is_some_and(|inode| own.iter().any(|one| one == inode));
        listens.then(|| u16::from_str_radix(fields[1].rsplit(':').next()?, 16).ok()).flatten()
    });
    port.expect("the daemon listens")
}

#[test]
fn a_daemon_whose_pins_are_removed_goes_on() {
    let server = Postgres::start();
    let daemon = daemon(&server, "");
    let mut asker = Asker::start(&daemon, &server);
    let pinned: Vec<_> = std::fs::read_dir(daemon.pins()).expect("it has pins").flatten().map(|entry| entry.path()).collect();
    assert!(!pinned.is_empty());
    for pin in pinned {
        std::fs::remove_file(pin).expect("root may");
    }
    let before = reached(&server);
    asker.is_answered();
    assert_eq!(reached(&server), before + 1);
    assert_eq!(daemon.weir.sessions().len(), 2, "it was intercepted as before");
}

#[test]
fn a_daemon_out_of_descriptors_lets_no_one_through_and_recovers() {
    let server = Postgres::start();
    let daemon = daemon(&server, "canary = false");
    let mut asker = Asker::start(&daemon, &server);
    let before = reached(&server);
    let pid = daemon.pid().to_string();
    let limit = |soft: &str| {
        let done = Command::new("prlimit").args(["--pid", &pid, &format!("--nofile={soft}:")]).status();
        assert!(done.is_ok_and(|status| status.success()));
    };
    limit("3");
    let answer = asker.begin_to_ask();
    std::thread::sleep(Duration::from_secs(2));
    assert!(!answer.exists() && reached(&server) == before, "{:?}", std::fs::read_to_string(&answer));
    limit("4096");
    assert_eq!(wait_until("the job's answer", 40, || std::fs::read_to_string(&answer).ok()), "42\nstatus 0\n");
    assert_eq!(daemon.weir.sessions().len(), 2, "and it is recorded");
}

#[test]
fn an_orderly_stop_drains_ends_what_is_left_and_leaves_its_jobs_refused() {
    let server = Postgres::start();
    let mut daemon = daemon(&server, "drain_seconds = 1");
    let mut asker = Asker::start(&daemon, &server);
    let mut busy = daemon.job(&["psql", "-X", "-c", "SELECT pg_sleep(600)"]);
    let busy = busy.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("sh starts");
    wait_until("the query to run", 20, || (server.active() == 1).then_some(()));
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.wait(), Some(0), "{}", daemon.log());
    let busy: Outcome = busy.wait_with_output().expect("it is ours").into();
    assert_eq!(busy.status, Some(2), "{busy:?}");
    let ended: Vec<_> = daemon.weir.sessions().into_iter().filter(|session| session["reason"] == "killed").collect();
    assert_eq!(ended.len(), 1, "{ended:?}");
    let shown = daemon.weir.cli(&["session", "show", ended[0]["session"].as_str().expect("an id")]).expect_success();
    assert!(shown.stdout.contains("the gateway stopped"), "{}", shown.stdout);
    // The asker's job still runs.
    asker.is_refused();
    daemon.restart();
    asker.is_answered();
}

#[test]
fn what_a_killed_weir_run_leaves_behind_reaches_nothing() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).build();
    let place = weir.directory().display().to_string();
    let script = format!(
        "cd {place}; setsid sh -c 'exec > /dev/null 2>&1 9> held; flock 9; : > child; while [ ! -e go ]; do sleep 0.02; done; psql -X -A -t -c \"SELECT 42\" > out 2>&1; mv out done' & \
         psql -X -c 'SELECT 1'; : > ready; exec sleep 600"
    );
    let job = weir.start(&["sh", "-c", &script]);
    wait_until("the job to run", 20, || weir.directory().join("ready").exists().then_some(()));
    let before = reached(&server);
    wait_until("the child", 20, || weir.directory().join("child").exists().then_some(()));
    job.signal(Signal::SIGKILL);
    job.wait();
    std::fs::write(weir.directory().join("go"), "").expect("our own directory");
    // It was ended with its gateway, or it is refused.
    let told = wait_until("the child to end, or to be answered", 20, || {
        let answer = std::fs::read_to_string(weir.directory().join("done")).ok();
        // Its number may be one of a namespace of its own; the lock goes with the last process that has it.
        let gone = std::fs::File::open(weir.directory().join("held")).is_ok_and(|held| held.try_lock().is_ok());
        answer.or_else(|| gone.then(|| "Connection refused: it was ended".to_owned()))
    });
    assert!(told.contains("Connection refused"), "{told}");
    assert_eq!(reached(&server), before);
    // The next one sweeps.
    weir.run(&["true"]).expect_success();
}

#[test]
fn a_daemon_on_a_full_disk_refuses_and_recovers() {
    let server = Postgres::start();
    let disk = crate::disk_full::Tmpfs::mount("4m");
    let daemon = Daemon::start(Weir::for_server(&server).state_dir(&disk.state()), "");
    let mut asker = Asker::start(&daemon, &server);
    let before = reached(&server);
    crate::disk_full::fill(disk.path());
    let told = asker.ask();
    assert!(told.contains("status 2") && !told.starts_with("42\n"), "{told}");
    assert_eq!(reached(&server), before);
    std::fs::remove_file(disk.path().join("ballast")).expect("our own file");
    wait_until("room to be found again", 20, || (asker.ask() == "42\nstatus 0\n").then_some(()));
    drop(asker);
    drop(daemon);
}

#[test]
fn a_signal_ends_a_daemon_that_waits() {
    let server = Postgres::start();
    let mut daemon = daemon(&server, "");
    daemon.signal(Signal::SIGINT);
    assert_eq!(daemon.wait(), Some(0), "{}", daemon.log());
    assert!(!daemon.socket().exists());
}

#[test]
fn a_target_that_passes_when_its_daemon_is_down_is_reached_and_the_next_daemon_records_it() {
    let server = Postgres::start();
    let builder =
        Weir::for_server(&server).target_line("on_gateway_down = \"pass\"").variable("PGPASSWORD", &server.app_password);
    let mut daemon = Daemon::start(builder, "");
    let mut asker = Asker::start(&daemon, &server);
    let before = reached(&server);
    daemon.signal(Signal::SIGKILL);
    daemon.wait();
    asker.is_answered();
    assert_eq!(reached(&server), before + 1);
    daemon.restart();
    let found = wait_until("the finding", 20, || {
        Some(crate::host::findings(&daemon, "passed_while_down")).filter(|found| !found.is_empty())
    });
    assert_eq!(found[0]["to"], format!("127.0.0.1:{}", server.port), "{found:?}");
    asker.is_answered();
}
