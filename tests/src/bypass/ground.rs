//! The ground that ways round are tried on: plays all cases without weir, then under it.

use super::aim::Place;
use super::attempts::DAEMONS;
use super::deputy::Deputy;
use super::drive::{Line, Plan, lines};
use super::verdict::{Row, Seen};
use super::witness::Witness;
use super::world::{World, enter, hide_run, mounts_below};
use super::{Aim, Case, Scene, Stage, cases};
use crate::{binary, wait_until};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// With which privileges the job runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privileges {
    /// As a user of its own, without any.
    None,
    /// As a root that is cut down.
    Confined,
}

/// Namespaces, witness and helpers; removed when dropped.
#[derive(Debug)]
pub struct Ground {
    _victim: Started,
    _at_daemon: Option<Started>,
    _deputies: Vec<Deputy>,
    pub(super) witness: Witness,
    pub(super) directory: TempDir,
    place: Place,
    pub(super) numbered: Vec<(Case, u8)>,
    pub(super) world: World,
}

/// A process that does not outlive the test: told to end in order, so that weir takes its hooks along.
#[derive(Debug)]
pub(super) struct Started(pub(super) Child);

pub(super) type Sightings = BTreeMap<&'static str, Seen>;

impl Privileges {
    /// Its name, as `--privileges` has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Confined => "confined",
        }
    }
}

impl Ground {
    /// Makes it. Needs root. `program` is the program that plays attempts.
    ///
    /// # Panics
    /// Where the machine lacks what it takes.
    #[must_use]
    pub fn start(program: &std::path::Path) -> Self {
        raise_open_files();
        let numbered: Vec<(Case, u8)> = cases().into_iter().zip(1..=250).collect();
        assert_eq!(numbered.len(), cases().len(), "more cases than there are addresses");
        let directory = tempfile::Builder::new().prefix("weir-bp-").tempdir().expect("a temporary directory");
        open_to_all(directory.path());
        fs::copy(program, directory.path().join("weir-bypass")).expect("a program can be copied");
        let world = World::create();
        hide_run(directory.path(), &DAEMONS.map(|(_, _, path)| path));
        let inbound = numbered.iter().filter(|(case, _)| case.row() == 34).map(|(_, number)| *number).collect();
        let witness = Witness::start(&world, u8::try_from(numbered.len()).expect("checked"), inbound);
        let deputy_path = directory.path().join("deputy.sock");
        let deputy_abstract = format!("weir-bp-{}", std::process::id());
        let mut deputies = vec![Deputy::start(&world.job(), &deputy_path, Some(&deputy_abstract))];
        deputies.extend(DAEMONS.map(|(_, _, path)| Deputy::start(&world.job(), path.as_ref(), None)));
        let mut victim = world.command_in_job();
        victim.args(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]);
        victim.arg(directory.path().join("weir-bypass")).args(["victim", "198.51.100.254:80"]);
        let victim = victim.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("nsenter and setpriv are there");
        let mut victim = Started(victim);
        let mut line = String::new();
        BufReader::new(victim.0.stdout.take().expect("piped")).read_line(&mut line).expect("it prints a line");
        let mut words = line.split_whitespace();
        let at_daemon =
            world.command_in_job().args(["atd", "-f", "-l", "1000", "-b", "1"]).stdin(Stdio::null()).spawn().ok().map(Started);
        let place = Place {
            device: world.device.clone(),
            device_index: world.device_index(),
            peer_mac: world.peer_mac(),
            peer_link_local: World::peer_link_local(),
            deputy_path,
            deputy_abstract,
            victim: i32::try_from(victim.0.id()).expect("a pid fits"),
            victim_memory: words.next().and_then(|word| word.parse().ok()).expect("where its memory is"),
            victim_socket: words.next().and_then(|word| word.parse().ok()).expect("its socket"),
            witness_namespace: world.out(),
            gateway: 0,
            gateway_port: 1,
            directory: directory.path().to_owned(),
            state: directory.path().join("state"),
        };
        Self { _victim: victim, _at_daemon: at_daemon, _deputies: deputies, witness, directory, place, numbered, world }
    }

    /// Plays all cases that `wanted` names, without weir and then under it.
    pub fn run(&self, privileges: Privileges, wanted: impl Fn(&Case) -> bool) -> Vec<Row> {
        let wanted: Vec<(Case, u8)> = self.numbered.iter().copied().filter(|(case, _)| wanted(case)).collect();
        self.witness.sightings.begin_again();
        let without = self.without_weir(&wanted);
        self.witness.sightings.begin_again();
        let under = self.under_weir(&wanted, privileges);
        let row = |&(case, _): &(Case, u8)| Row::judge(case, without.get(case.id), under.get(case.id));
        wanted.iter().map(row).collect()
    }

    /// As root, outside of everything.
    pub(super) fn without_weir(&self, wanted: &[(Case, u8)]) -> Sightings {
        let plan = self.plan("without", wanted, 0, 1);
        let mut driver = self.world.command_in_job();
        driver.args(INHERIT).arg(self.program()).arg("drive").arg(&plan).stdin(self.connected_socket()).stderr(Stdio::null());
        let done = driver.output().expect("nsenter is there");
        self.collect(wanted, &lines(&String::from_utf8_lossy(&done.stdout)), &BTreeSet::new())
    }

    fn under_weir(&self, wanted: &[(Case, u8)], privileges: Privileges) -> Sightings {
        let config = self.configure();
        let mut seen = Sightings::new();
        let (beside, alone): (Vec<_>, Vec<_>) = wanted.iter().copied().partition(|(case, _)| case.stage == Stage::Job);
        if !beside.is_empty() {
            let path = self.directory.path().join("job.plan");
            fs::remove_file(&path).ok();
            let mut job = self.weir(
                &config,
                privileges,
                Stdio::null(),
                "",
                &format!("exec {} drive {}", self.program().display(), path.display()),
            );
            assert!(self.hand_plan(&path, &beside, &mut job), "weir does not start: {}", self.last_words());
            let mut text = String::new();
            std::io::Read::read_to_string(&mut job.0.stdout.take().expect("piped"), &mut text).expect("text");
            job.0.wait().expect("the child is ours");
            assert!(!text.is_empty(), "weir started no job: {}", self.last_words());
            seen.extend(self.collect(&beside, &lines(&text), &self.recorded(&config)));
        }
        for scene in [Scene::SocketAsInput, Scene::Inherited, Scene::MovedIn, Scene::Stopped, Scene::Killed] {
            let of_scene: Vec<_> = alone.iter().copied().filter(|(case, _)| case.stage == Stage::Alone(scene)).collect();
            if !of_scene.is_empty() {
                let lines = self.play_scene(scene, &of_scene, &config, privileges, None);
                seen.extend(self.collect(&of_scene, &lines, &self.recorded(&config)));
            }
        }
        if alone.iter().any(|(case, _)| case.stage == Stage::Alone(Scene::Killed)) {
            // The next one takes away what the killed one has left in the kernel.
            let mut next = self.weir(&config, privileges, Stdio::null(), "", "true");
            next.0.wait().expect("the child is ours");
        }
        seen
    }

    /// Starts `weir run` on the job's side, with a shell's line as its job.
    pub(super) fn weir(
        &self,
        config: &std::path::Path,
        privileges: Privileges,
        input: Stdio,
        inherits: &str,
        line: &str,
    ) -> Started {
        let mut weir = self.world.command_in_job();
        if inherits.is_empty() {
            weir.arg(binary());
        } else {
            weir.args(INHERIT).arg(binary());
        }
        weir.arg("run").arg("--config").arg(config);
        if takes_privileges() {
            weir.args(["--privileges", privileges.name()]);
        }
        match privileges {
            Privileges::None => drop(weir.args(["--uid", "nobody"])),
            // The plan and the helpers' sockets are there.
            Privileges::Confined => drop(weir.arg("--keep").arg(self.directory.path())),
        }
        weir.args(["--", "sh", "-c", line]).stdin(input).stdout(Stdio::piped()).stderr(self.log());
        Started(weir.spawn().expect("nsenter is there"))
    }

    pub(super) fn last_words(&self) -> String {
        let text = fs::read_to_string(self.directory.path().join("weir.log")).unwrap_or_default();
        text.lines().rev().take(5).collect::<Vec<_>>().join(" | ")
    }

    pub(super) fn log(&self) -> Stdio {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.directory.path().join("weir.log"));
        Stdio::from(log.expect("our own directory"))
    }

    /// Writes the plan, once it is known where the gateway is; false where weir ends before that.
    pub(super) fn hand_plan(&self, path: &std::path::Path, cases: &[(Case, u8)], weir: &mut Started) -> bool {
        let pid = weir.0.id();
        let Some(port) = port_of(weir) else { return false };
        self.hand_plan_for(path, cases, pid, port);
        true
    }

    /// Writes the plan of a job whose gateway is known.
    pub(super) fn hand_plan_for(&self, path: &std::path::Path, cases: &[(Case, u8)], pid: u32, port: u16) {
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
        self.plan(&format!("{name}.new"), cases, i32::try_from(pid).expect("a pid fits"), port);
        fs::rename(self.directory.path().join(format!("{name}.new.plan")), path).expect("our own directory");
    }

    fn plan(&self, name: &str, cases: &[(Case, u8)], gateway: i32, gateway_port: u16) -> PathBuf {
        let place = Place { gateway, gateway_port, ..self.place.clone() };
        let plan = Plan::new(place, cases, |number| self.witness.sightings.token(number));
        let path = self.directory.path().join(format!("{name}.plan"));
        fs::write(&path, serde_json::to_vec(&plan).expect("a plan is JSON")).expect("our own directory");
        path
    }

    pub(super) fn collect(&self, cases: &[(Case, u8)], told: &[Line], recorded: &BTreeSet<u8>) -> Sightings {
        self.witness.settle();
        let seen = |&(case, number): &(Case, u8)| {
            let sightings = self.witness.sightings.take(number);
            let line = told.iter().find(|line| line.id == case.id)?;
            Some((case.id, Seen { told: line.told.clone(), sightings, recorded: recorded.contains(&number) }))
        };
        cases.iter().filter_map(seen).collect()
    }

    /// A configuration that permits nothing: whatever arrives has not come through the gateway.
    pub(super) fn configure(&self) -> PathBuf {
        let place = self.directory.path();
        fs::create_dir_all(place.join("policy.d")).expect("our own directory");
        let policy = "@id(\"nothing\") forbid (principal, action, resource);\n";
        fs::write(place.join("policy.d/nothing.cedar"), policy).expect("our own directory");
        let path = place.join("weir.toml");
        let state = self.place.state.display();
        let config = format!(
            "trust_domain = \"acme.example\"\nstate_dir = \"{state}\"\n\n[policy]\ndir = \"{}\"\nmode = \"enforce\"\n",
            place.join("policy.d").display()
        );
        fs::write(&path, config).expect("our own directory");
        path
    }

    /// The numbers of the cases to whose destinations the gateway has a session.
    pub(super) fn recorded(&self, config: &std::path::Path) -> BTreeSet<u8> {
        let listed = Command::new(binary()).args(["session", "list", "--format", "json", "--config"]).arg(config).output();
        let listed = listed.expect("weir starts").stdout;
        let sessions: Vec<Value> = serde_json::from_slice(&listed).unwrap_or_default();
        let original = |session: &Value| session["original"].as_str().and_then(|text| text.parse::<SocketAddr>().ok());
        sessions.iter().filter_map(original).filter_map(Aim::number_of).collect()
    }

    pub(super) fn program(&self) -> PathBuf {
        self.directory.path().join("weir-bypass")
    }

    /// A socket of the job's side that is connected to the witness.
    pub(super) fn connected_socket(&self) -> Stdio {
        let job = self.world.job();
        let connect = std::thread::spawn(move || {
            enter(&job).expect("the namespace is there");
            std::net::TcpStream::connect(("198.51.100.254", 80)).expect("the witness listens")
        });
        Stdio::from(OwnedFd::from(connect.join().expect("it panics only with the test")))
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if self.0.try_wait().is_ok_and(|status| status.is_none()) {
            let pid = nix::unistd::Pid::from_raw(i32::try_from(self.0.id()).expect("a pid fits"));
            nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGCONT).ok();
            nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).ok();
            self.0.wait().ok();
        }
    }
}

/// Opens what a job would inherit, and becomes the program that is named behind.
const INHERIT: [&str; 3] = [
    "/usr/bin/python3",
    "-c",
    "import os,socket,sys\nplain=socket.socket()\nopened=socket.create_connection(('198.51.100.254',80))\n\
     os.dup2(plain.fileno(),7)\nos.dup2(opened.fileno(),8)\nos.execv(sys.argv[1],sys.argv[1:])",
];

impl Drop for Ground {
    fn drop(&mut self) {
        // What an attempt has mounted and left must not be walked into when the directory is removed.
        for place in mounts_below(self.directory.path()).iter().rev() {
            nix::mount::umount2(place, nix::mount::MntFlags::MNT_DETACH).ok();
        }
        if !mounts_below(self.directory.path()).is_empty() {
            self.directory.disable_cleanup(true);
        }
    }
}

/// Whether this weir has `--privileges`.
fn takes_privileges() -> bool {
    let help = Command::new(binary()).args(["run", "--help"]).output().expect("weir starts");
    String::from_utf8_lossy(&help.stdout).contains("--privileges")
}

/// The port that a gateway listens on, once it does; none where it ends before.
pub(super) fn port_of(gateway: &mut Started) -> Option<u16> {
    let pid = gateway.0.id();
    wait_until("weir to listen", 60, || {
        let ended = gateway.0.try_wait().is_ok_and(|status| status.is_some());
        if ended { Some(None) } else { listening_port(pid).map(Some) }
    })
}

/// The port that the process listens on, of the network namespace that it is in.
fn listening_port(pid: u32) -> Option<u16> {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.flatten();
    let sockets: BTreeSet<String> = descriptors
        .filter_map(|entry| {
            fs::read_link(entry.path()).ok()?.to_str()?.strip_prefix("socket:[")?.strip_suffix(']').map(str::to_owned)
        })
        .collect();
    ["tcp6", "tcp"].iter().find_map(|table| {
        let text = fs::read_to_string(format!("/proc/{pid}/net/{table}")).ok()?;
        text.lines().skip(1).find_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let listens = fields.get(3) == Some(&"0A") && sockets.contains(*fields.get(9)?);
            listens.then(|| u16::from_str_radix(fields.get(1)?.rsplit(':').next()?, 16).ok()).flatten()
        })
    })
}

fn open_to_all(path: &std::path::Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o1777)).expect("our own directory");
}

/// Each case has sockets of its own on both sides.
fn raise_open_files() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("it can always be asked");
    setrlimit(Resource::RLIMIT_NOFILE, hard.min(8192), hard).expect("below the hard limit");
}
