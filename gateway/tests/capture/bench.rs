//! A gateway without sessions, and jobs for it, in cgroups of one test's own.

use gateway_core::model::ids::RunId;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;
use weir::capture::{Capture, CaptureSettings, JobTag, Listeners, PINS, cgroup_id, cgroup2_mount};
use weir::netns::Doors;
use weir::origin::{self, Origin, OriginError};

/// What every script begins with: into the job first, then sockets.
const PRELUDE: &str = "
import errno, os, socket, sys, time
def enter(cgroup):
    with open(cgroup + '/cgroup.procs', 'w') as procs: procs.write(str(os.getpid()))
def attempt(call):
    try: call(); return 'ok'
    except OSError as error: return errno.errorcode[error.errno]
def dial(family, address):
    s = socket.socket(family); s.settimeout(10); s.connect(address); return s
port = int(sys.argv[2])
enter(sys.argv[3])
early = socket.socket()
enter(sys.argv[1])
";

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A gateway that takes records and lets connections be.
pub struct Bench {
    pub capture: Arc<Capture>,
    gateway: Option<(Arc<AtomicBool>, JoinHandle<()>)>,
    arrivals: mpsc::Receiver<Result<Origin, OriginError>>,
    pub port: u16,
    pub netns_cookie: u64,
    /// The gateway's socket for datagrams.
    pub udp: std::net::UdpSocket,
    pub run: RunId,
    pub top: PathBuf,
    pub settings: CaptureSettings,
}

impl Bench {
    pub fn new() -> Self {
        Self::with(false)
    }

    /// One whose links and maps are pinned.
    pub fn pinned() -> Self {
        Self::with(true)
    }

    fn with(pinned: bool) -> Self {
        assert!(nix::unistd::geteuid().is_root(), "this test loads kernel programs: run it as root");
        let name = format!("weir-test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let top = cgroup2_mount().unwrap().join(&name);
        std::fs::create_dir_all(top.join("job/inner")).unwrap();
        std::fs::create_dir(top.join("other")).unwrap();
        let pins = pinned.then(|| Path::new(PINS).join(&name));
        let settings = CaptureSettings { attach: top.clone(), pins, ..CaptureSettings::default() };
        let capture = Arc::new(Capture::attach(&settings).unwrap());
        let Listeners { tcp: listener, udp, port, netns_cookie, route } = Listeners::open(capture.mark()).unwrap();
        listener.set_nonblocking(false).unwrap();
        udp.set_nonblocking(false).unwrap();
        udp.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        capture.add_listener(netns_cookie, port).unwrap();
        let run = RunId::from_number(4711);
        capture.add_job(cgroup_id(&top.join("job")).unwrap(), JobTag::of_run(run.number())).unwrap();
        let (report, arrivals) = mpsc::channel();
        let shared = Arc::clone(&capture);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let accept = std::thread::spawn(move || {
            let _route = route;
            for stream in listener.incoming().map_while(Result::ok) {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                let first = origin::resolve(stream.as_fd(), &shared, &Doors::default());
                let again = origin::resolve(stream.as_fd(), &shared, &Doors::default());
                assert!(matches!(again, Err(OriginError::NotCaptured { .. })), "taken twice: {again:?}");
                report.send(first).unwrap();
                std::thread::spawn(move || std::io::copy(&mut &stream, &mut std::io::sink()));
            }
        });
        Self { capture, gateway: Some((stop, accept)), arrivals, port, netns_cookie, udp, run, top, settings }
    }

    /// Runs a script inside `cgroup` of this test and gives what it printed. Its socket `early`
    /// is made in another one, outside the job.
    pub fn python(&self, cgroup: &str, script: &str) -> String {
        let output = self.command(cgroup, script).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// The same, with its input and output to be had while it runs.
    pub fn spawn(&self, cgroup: &str, script: &str) -> Child {
        self.command(cgroup, script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
    }

    fn command(&self, cgroup: &str, script: &str) -> Command {
        let mut command = Command::new("python3");
        command
            .args(["-c", &format!("{PRELUDE}{script}")])
            .args([self.top.join(cgroup).as_os_str(), self.port.to_string().as_ref()])
            .arg(self.top.join("other"));
        command
    }

    pub fn compile(&self, source: &str) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("dial.c");
        std::fs::write(&file, source).unwrap();
        let done = Command::new("cc").arg("-o").arg(directory.path().join("dial")).arg(&file).status().unwrap();
        assert!(done.success(), "cc could not compile the io_uring client");
        directory
    }

    pub fn arrival(&self) -> Result<Origin, OriginError> {
        self.arrivals.recv_timeout(Duration::from_secs(10)).unwrap()
    }

    /// Checks that the next connection was meant for `original`.
    pub fn arrives(&self, original: &str) -> Origin {
        let origin = self.arrival().unwrap();
        assert_eq!(origin.original.0, original.parse::<SocketAddr>().unwrap());
        assert_eq!(origin.run, self.run);
        assert!(origin.started_boottime_ns > 0 && origin.pid != std::process::id());
        origin
    }

    /// The job's path from the root of the hierarchy.
    pub fn name(&self) -> String {
        format!("/{}", self.top.file_name().unwrap().to_str().unwrap())
    }

    /// Changes an entry of a pinned map as root could; `bytes` are `key` and `value` of bpftool(8).
    pub fn poke(&self, map: &str, key: &[u8], value: &[u8]) {
        let hex = |bytes: &[u8]| bytes.iter().map(ToString::to_string).collect::<Vec<_>>();
        let path = self.settings.pins.clone().unwrap().join(map);
        let mut command = Command::new("bpftool");
        command.args(["map", "update", "pinned"]).arg(path).arg("key").args(hex(key)).arg("value").args(hex(value));
        assert!(command.status().unwrap().success(), "bpftool could not write {map}");
    }

    pub fn refused(&self, reason: &str) -> u64 {
        self.capture.refusals().iter().find(|(name, _)| *name == reason).unwrap().1
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        // This process is never caught, so its own dial reaches the listener and wakes it.
        if let Some((stop, accept)) = self.gateway.take() {
            stop.store(true, Ordering::Relaxed);
            let woken = TcpStream::connect(("127.0.0.1", self.port)).is_ok();
            assert_eq!(accept.join().is_ok(), woken || std::thread::panicking());
        }
        for cgroup in ["job/inner", "job", "other", "."] {
            let path: &Path = &self.top.join(cgroup);
            for _ in 0..50 {
                if std::fs::remove_dir(path.canonicalize().unwrap_or_default()).is_ok() || !path.exists() {
                    break;
                }
                std::thread::yield_now();
            }
        }
    }
}
