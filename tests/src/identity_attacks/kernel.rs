//! What the kernel shows of a process: programs, scripts, users, units and connections that pretend.

use super::{Attack, Attempt, Folder, Ground, Seen, attack, control};
use crate::issuer::Issuer;
use std::fs;
use std::io::Read as _;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The victim's user, and the thief's.
const VICTIM: &str = "games";
const THIEF: &str = "nobody";
const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

pub(super) fn attacks() -> Vec<Attack> {
    let mut all = scripts();
    all.extend(programs());
    all.extend(users());
    all.extend(cgroups());
    all.extend(connections());
    all.extend(excluded());
    all
}

/// What connects, in the process that runs it, with the port in a variable: so a script's hash has no port in it.
const OPEN: &str = "exec 3<>/dev/tcp/127.0.0.1/$VAULT; head -c 2 <&3";

/// The ground of a trusted script: the victim's user runs it and gets in.
fn script_ground<'i>(issuer: &'i Issuer, rule: &str) -> Ground<'i> {
    let text = format!("#!/bin/bash\n# the backup\n{OPEN}\n");
    let place = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(place.path(), &text).expect("our own file");
    let rule = rule.replace("SHA", &sha256(place.path()));
    let ground = Ground::new(issuer, &format!("[[workload]]\nname = \"backup\"\nmatch = {rule}\n"));
    ground.script("backup.sh", &text);
    ground.script("evil.sh", &format!("#!/bin/bash\n{OPEN}\n"));
    ground.open_directory();
    control(&script_job(&ground, VICTIM, "DIR/backup.sh"));
    ground
}

fn script_job(ground: &Ground<'_>, user: &str, line: &str) -> Seen {
    let port = ground.port().to_string();
    ground.ci_job(&[("VAULT", &port), ("OPEN", OPEN)], Some(user), line)
}

fn sha256(path: &Path) -> String {
    let output = Command::new("sha256sum").arg(path).output().expect("coreutils are there");
    String::from_utf8_lossy(&output.stdout).split(' ').next().unwrap_or_default().to_owned()
}

fn scripts() -> Vec<Attack> {
    const BY_HASH: &str = "{ script_sha256 = \"SHA\", user = \"games\" }";
    const BY_PATH: &str = "{ script = \"DIR/backup.sh\", user = \"games\" }";
    let by = |user: &'static str, name: &'static str, rule: &'static str, line: &'static str| {
        attack("script", name, move |issuer| script_job(&script_ground(issuer, rule), user, line))
    };
    let thief = |name, rule, line| by(THIEF, name, rule, line);
    let victim = |name, rule, line| by(VICTIM, name, rule, line);
    vec![
        thief("the very script, run by another user", BY_HASH, "DIR/backup.sh"),
        thief(
            "the script's path written over the arguments in memory",
            BY_PATH,
            "python3 -c \"
import ctypes,socket
f=open('/proc/self/stat').read().rsplit(')',1)[1].split(); a=int(f[45])
t=b'/bin/bash\\0DIR/backup.sh\\0'
ctypes.memmove(a,t,len(t))
s=socket.create_connection(('127.0.0.1',PORT)); print(s.recv(2))\" XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX",
        ),
        victim("another script of that name", BY_PATH, "cp DIR/evil.sh DIR/evil/backup.sh; DIR/evil/backup.sh"),
        victim(
            "another text of that name",
            BY_HASH,
            "cp DIR/evil.sh DIR/evil/backup.sh; echo '# the backup' >> DIR/evil/backup.sh; DIR/evil/backup.sh",
        ),
        victim("bash -c with the script as $0", BY_PATH, "bash -c \"$OPEN; true\" DIR/backup.sh"),
        victim("bash -s with the script as an argument", BY_PATH, "bash -s DIR/backup.sh <<< \"$OPEN\""),
        victim("bash --rcfile with the script, and another one", BY_PATH, "bash --rcfile DIR/backup.sh DIR/evil.sh"),
        victim(
            "python -c with the script as an argument",
            BY_PATH,
            "python3 -c 'import os,socket; print(socket.create_connection((\"127.0.0.1\",int(os.environ[\"VAULT\"]))).recv(2))' DIR/backup.sh",
        ),
        victim("exec -a with the script's path", BY_PATH, "bash -c 'exec -a DIR/backup.sh bash DIR/evil.sh'"),
        victim("the script as a program's plain argument", BY_PATH, "env bash DIR/evil.sh DIR/backup.sh"),
    ]
}

/// The ground of a trusted program, which gets in: a shell like any other, and a byte more.
fn program_ground<'i>(issuer: &'i Issuer, rule: &str) -> Ground<'i> {
    let place = tempfile::NamedTempFile::new().expect("a temporary file");
    let mut program = fs::read("/bin/bash").expect("bash is there");
    program.push(b'x');
    fs::write(place.path(), &program).expect("our own file");
    let rule = rule.replace("SHA", &sha256(place.path()));
    let ground = Ground::new(issuer, &format!("[[workload]]\nname = \"backup\"\nmatch = {rule}\n"));
    fs::write(ground.script("backup", ""), &program).expect("our own directory");
    ground.open_directory();
    control(&ground.ci_job(&[], Some(VICTIM), &format!("DIR/backup -c '{TALK}'")));
    ground
}

/// Dials with bash's own means, so that the process that dials is the program in question.
const TALK: &str = "exec 3<>/dev/tcp/127.0.0.1/PORT; head -c 2 <&3";

fn programs() -> Vec<Attack> {
    const BY_PATH: &str = "{ executable = \"DIR/backup\" }";
    const BY_HASH: &str = "{ executable_sha256 = \"SHA\" }";
    let thief = |name: &'static str, rule: &'static str, line: &'static str| {
        attack("program", name, move |issuer| program_ground(issuer, rule).ci_job(&[], Some(THIEF), &line.replace("TALK", TALK)))
    };
    vec![
        thief("another program of that name", BY_PATH, "cp /bin/bash DIR/evil/backup; DIR/evil/backup -c 'TALK'"),
        thief("exec -a with the program's path", BY_PATH, "cp /bin/bash DIR/evil/x; exec -a DIR/backup DIR/evil/x -c 'TALK'"),
        thief(
            "the program's name as the command name (comm)",
            BY_PATH,
            "cp /bin/bash DIR/evil/x; DIR/evil/x -c 'echo -n backup > /proc/self/comm; TALK'",
        ),
        thief(
            "a symbolic link of that name",
            BY_PATH,
            "cp /bin/bash DIR/evil/x; ln -s x DIR/evil/backup; DIR/evil/backup -c 'TALK'",
        ),
        thief(
            "mounted over the program, in a name space of its own",
            BY_PATH,
            "cp /bin/bash DIR/evil/x; unshare -Urm bash -c 'mount --bind DIR/evil/x DIR/backup && DIR/backup -c \"TALK\"'",
        ),
        thief(
            "another root, with that path in it",
            BY_PATH,
            "unshare -Urm bash -c 'mkdir -p DIR/evil/r && mount -t tmpfs x DIR/evil/r && mkdir -p DIR/evil/r/usr DIR/evil/r/dev DIR/evil/r/proc DIR/evil/rDIR && mount --rbind /usr DIR/evil/r/usr && ln -s usr/lib DIR/evil/r/lib; ln -s usr/lib64 DIR/evil/r/lib64; ln -s usr/bin DIR/evil/r/bin; cp /bin/bash DIR/evil/rDIR/backup && chroot DIR/evil/r DIR/backup -c \"TALK\"'",
        ),
        thief(
            "deleted after it had started",
            BY_PATH,
            "cp /bin/bash DIR/evil/backup; DIR/evil/backup -c 'rm DIR/evil/backup; TALK'",
        ),
        thief(
            "replaced by the trusted program after it had started",
            BY_HASH,
            "cp /bin/bash DIR/evil/x; DIR/evil/x -c 'cp DIR/backup DIR/evil/y; mv DIR/evil/y DIR/evil/x; TALK'",
        ),
        thief(
            "a file whose name says that it was deleted",
            BY_PATH,
            "cp /bin/bash 'DIR/evil/backup (deleted)'; 'DIR/evil/backup (deleted)' -c 'TALK'",
        ),
        thief(
            "from memory, named like the program",
            BY_PATH,
            "python3 -c \"
import os
f=os.memfd_create('DIR/backup'); os.write(f,open('/bin/bash','rb').read())
os.execve(f,['DIR/backup','-c','TALK'],dict(os.environ))\"",
        ),
        attack("program", "ended, and its number given to the trusted program", reused_number),
        attack("program", "connected, and then became the trusted program", became_another),
        thief(
            "run by the loader, with the program as its argument",
            BY_PATH,
            "cp /bin/bash DIR/evil/x; /lib64/ld-linux-x86-64.so.2 DIR/evil/x -c 'TALK'",
        ),
    ]
}

/// A thief's process that connects while the gateway can't look, and what is done before it looks.
fn before_the_gateway_looks(issuer: &Issuer, then: &str, meanwhile: impl Fn(&Ground<'_>, u32) -> Option<Child>) -> Seen {
    let ground = program_ground(issuer, "{ executable = \"DIR/backup\" }");
    let pipe = ground.directory().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("our own directory");
    fs::set_permissions(&pipe, std::os::unix::fs::PermissionsExt::from_mode(0o666)).expect("our own file");
    let (before, reached) = (ground.sessions().len(), ground.reached());
    let line =
        format!("(echo $BASHPID > DIR/evil/pid; read -r < DIR/pipe; exec 3<>/dev/tcp/127.0.0.1/PORT; {then}) & wait; sleep 3");
    let weir = ground.weir(Some(THIEF), &line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("weir starts");
    let file = ground.directory().join("evil/pid");
    let number: u32 = crate::wait_until("the thief's number", 30, || fs::read_to_string(&file).ok()?.trim().parse().ok());
    let gateway = nix::unistd::Pid::from_raw(i32::try_from(weir.id()).expect("a pid fits"));
    nix::sys::signal::kill(gateway, nix::sys::signal::Signal::SIGSTOP).expect("our own child");
    fs::write(&pipe, "\n").expect("the thief reads");
    let trusted = meanwhile(&ground, number);
    nix::sys::signal::kill(gateway, nix::sys::signal::Signal::SIGCONT).expect("our own child");
    crate::wait_until("the gateway to look", 30, || (ground.sessions().len() > before).then_some(()));
    if let Some(mut trusted) = trusted {
        trusted.kill().ok();
        trusted.wait().ok();
    }
    let output = weir.wait_with_output().expect("our own child");
    ground.seen(before, reached, &output)
}

/// The process that dialled has ended, and its number has gone to a trusted program, before the gateway looked.
fn reused_number(issuer: &Issuer) -> Seen {
    before_the_gateway_looks(issuer, "true", |ground, number| {
        crate::wait_until("the thief to end", 30, || (!Path::new(&format!("/proc/{number}")).exists()).then_some(()));
        // The next process gets the number after the last one that was given.
        let trusted = (0..1000).find_map(|_| {
            fs::write("/proc/sys/kernel/ns_last_pid", (number - 1).to_string()).expect("root may set it");
            let mut child =
                Command::new(ground.directory().join("backup")).args(["-c", "read -r"]).stdin(Stdio::piped()).spawn().ok()?;
            if child.id() == number {
                return Some(child);
            }
            child.kill().ok();
            child.wait().ok();
            None
        });
        Some(trusted.expect("one of a thousand processes gets the number"))
    })
}

/// The process that dialled has become a trusted program, and holds the connection, before the gateway looked.
fn became_another(issuer: &Issuer) -> Seen {
    before_the_gateway_looks(issuer, "exec DIR/backup -c 'head -c 2 <&3'", |ground, number| {
        let program = ground.directory().join("backup");
        let exe = format!("/proc/{number}/exe");
        crate::wait_until("the thief to be another", 30, || (fs::read_link(&exe).ok()? == program).then_some(()));
        None
    })
}

fn users() -> Vec<Attack> {
    const RULE: &str = "[[workload]]\nname = \"backup\"\nmatch = { user = \"games\" }\n";
    let thief = |name: &'static str, line: &'static str| {
        attack("user", name, move |issuer| {
            let ground = Ground::new(issuer, RULE);
            ground.open_directory();
            // Set-user-id to the victim's user.
            let shell = ground.script("suid", "");
            fs::copy("/bin/bash", &shell).expect("our own directory");
            std::os::unix::fs::chown(&shell, Some(5), Some(60)).expect("root may give it away");
            fs::set_permissions(&shell, std::os::unix::fs::PermissionsExt::from_mode(0o4755)).expect("our own file");
            control(&ground.ci_job(&[], Some(VICTIM), "DIAL"));
            ground.ci_job(&[], Some(THIEF), &line.replace("TALK", TALK))
        })
    };
    vec![
        thief("a set-user-id shell of the victim's", "DIR/suid -p -c 'TALK'"),
        thief(
            "setuid in a user name space that maps it",
            "unshare -Ur setpriv --reuid 5 --clear-groups DIAL; unshare -U --map-user=5 DIAL",
        ),
        thief("su to the victim's user", "su -s /bin/bash games -c DIAL < /dev/null"),
        thief("USER, LOGNAME and HOME of the victim's", "USER=games LOGNAME=games HOME=/usr/games DIAL"),
        thief(
            "ptrace of another user's process",
            "python3 -c \"
import ctypes,os
l=ctypes.CDLL(None,use_errno=True)
for p in filter(str.isdigit,os.listdir('/proc')):
    try: other=os.stat('/proc/'+p).st_uid!=os.getuid()
    except OSError: continue
    if other and l.ptrace(16,int(p),0,0)==0: print('attached',p)\"; DIAL",
        ),
    ]
}

/// A unit's or container's name as a cgroup's, for root and for others.
fn cgroups() -> Vec<Attack> {
    const UNIT: &str = "[[workload]]\nname = \"backup\"\nmatch = { unit = \"nightly-backup.service\" }\n";
    /// Moves itself into the cgroup and becomes `weir run` there.
    fn within(ground: &Ground<'_>, folder: &Folder) -> Seen {
        let (before, reached) = (ground.sessions().len(), ground.reached());
        let weir = ground.weir(None, "DIAL");
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("echo $$ > {} && exec \"$@\"", folder.procs().display())).arg("sh");
        shell.arg(weir.get_program()).args(weir.get_args()).env_clear().env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
        let output = shell.output().expect("sh starts");
        ground.seen(before, reached, &output)
    }
    vec![
        attack("cgroup", "a unit's name in a folder that a user owns", |issuer| {
            let ground = Ground::new(issuer, UNIT);
            control(&within(&ground, &Folder::create(0, "nightly-backup.service")));
            within(&ground, &Folder::create(65534, "nightly-backup.service"))
        }),
        attack("cgroup", "a container's name in a folder that a user owns", |issuer| {
            let ground = Ground::new(issuer, "");
            let name = format!("docker-{ID}.scope");
            control(&within(&ground, &Folder::create(0, &name)));
            within(&ground, &Folder::create(65534, &name))
        }),
        attack("cgroup", "a unit's name that begins like the victim's", |issuer| {
            within(&Ground::new(issuer, UNIT), &Folder::create(0, "nightly-backup.service.d"))
        }),
        attack("cgroup", "a unit's name below the job's own cgroup, made by the job as root", |issuer| {
            let ground = Ground::new(issuer, UNIT);
            let line = "c=$(grep ^0:: /proc/self/cgroup | cut -d: -f3); m=$(grep ' cgroup2 ' /proc/self/mounts | head -1 | cut -d' ' -f2); \
                        mkdir $m$c/nightly-backup.service && echo $$ > $m$c/nightly-backup.service/cgroup.procs; DIAL; \
                        echo $$ > $m$c/cgroup.procs; rmdir $m$c/nightly-backup.service";
            ground.ci_job(&[], None, line)
        }),
        attack("cgroup", "a container's name below the job's own cgroup, made by the job as root", |issuer| {
            let ground = Ground::new(issuer, "");
            let line = format!(
                "c=$(grep ^0:: /proc/self/cgroup | cut -d: -f3); m=$(grep ' cgroup2 ' /proc/self/mounts | head -1 | cut -d' ' -f2); \
                 mkdir $m$c/docker-{ID}.scope && echo $$ > $m$c/docker-{ID}.scope/cgroup.procs; DIAL; \
                 echo $$ > $m$c/cgroup.procs; rmdir $m$c/docker-{ID}.scope"
            );
            ground.ci_job(&[], None, &line)
        }),
    ]
}

/// Connections to the gateway itself, beside a victim's that is open.
fn connections() -> Vec<Attack> {
    let beside = |name: &'static str, dial: fn(u16, SocketAddr) -> bool| {
        attack("connection", name, move |issuer| {
            let ground = Ground::new(issuer, "[[workload]]\nname = \"backup\"\nmatch = { uid = 0 }\n");
            let pipe = ground.directory().join("pipe");
            nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("our own directory");
            let mut victim = ground.weir(None, "exec 3<>/dev/tcp/127.0.0.1/PORT; read -r < DIR/pipe");
            let mut victim = victim.stdout(Stdio::null()).spawn().expect("weir starts");
            crate::wait_until("the victim to dial", 30, || (ground.reached() == 1).then_some(()));
            let (port, source) = gateway(victim.id());
            let got_in = dial(port, source);
            let reached = ground.reached() - 1 + usize::from(got_in);
            fs::write(&pipe, "\n").expect("the victim reads");
            victim.wait().expect("our own child");
            let refused =
                Seen { stderr: "the gateway has no record of such a connection and resets it".to_owned(), ..Seen::default() };
            Seen { reached, ..refused }
        })
    };
    vec![
        beside("straight to the gateway's port", |port, _| got_in(None, SocketAddr::from(([127, 0, 0, 1], port)))),
        beside("to the gateway's port at a disguise", |port, _| got_in(None, SocketAddr::from(([127, 128, 0, 1], port)))),
        beside("to the gateway's port over IPv6", |port, _| got_in(None, SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], port)))),
        beside("from the port that the victim's connection has", |port, victim| {
            got_in(Some(victim), SocketAddr::from(([127, 0, 0, 1], port)))
        }),
    ]
}

/// The port on which a gateway listens, and the client's end of one connection that it has.
fn gateway(pid: u32) -> (u16, SocketAddr) {
    let output = Command::new("ss").args(["-Htnap"]).output().expect("iproute2 is there");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let own: Vec<_> = text.lines().filter(|line| line.contains(&format!("pid={pid},"))).collect();
    let field = |line: &str, at: usize| line.split_whitespace().nth(at).unwrap_or_default().to_owned();
    let port = |address: &str| address.rsplit(':').next().and_then(|port| port.parse::<u16>().ok());
    let listener = own.iter().find(|line| line.starts_with("LISTEN")).expect("the gateway listens");
    let listener = port(&field(listener, 3)).expect("it has a port");
    let taken = own.iter().find(|line| line.starts_with("ESTAB") && port(&field(line, 3)) == Some(listener));
    let peer = field(taken.expect("the victim is connected"), 4);
    let address =
        peer.rsplit_once(':').map(|(address, _)| address.trim_matches(['[', ']']).trim_start_matches("::ffff:").to_owned());
    let address: IpAddr = address.and_then(|address| address.parse().ok()).unwrap_or_else(|| IpAddr::from([127, 0, 0, 1]));
    (listener, SocketAddr::new(address, port(&peer).expect("it has a port")))
}

/// Whether something that dials from `source` is answered with anything but a reset or an end.
fn got_in(source: Option<SocketAddr>, to: SocketAddr) -> bool {
    let domain = socket2::Domain::for_address(to);
    let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None).expect("a socket");
    if let Some(source) = source {
        socket.set_reuse_address(true).expect("an option");
        if socket.bind(&source.into()).is_err() {
            return false;
        }
    }
    if socket.connect_timeout(&to.into(), Duration::from_secs(5)).is_err() {
        return false;
    }
    let mut stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("an option");
    let mut bytes = [0; 2];
    stream.read_exact(&mut bytes).is_ok()
}

fn excluded() -> Vec<Attack> {
    let left_out = |name: &str, why| Attack { name: name.to_owned(), kind: "same user", attempt: Attempt::Excluded(why) };
    vec![
        left_out(
            "ptrace, LD_PRELOAD or /proc/PID/mem against a trusted program of the same user",
            "the kernel gives a user all of its processes: a program is no boundary within a user. Rules that name a program or script need a \
             `user`, `uid`, `unit` or `cgroup` beside it, or the program of a user that no job has",
        ),
        left_out(
            "the trusted script's path written over the arguments by a process of the same user",
            "arguments are the process's own memory; as above",
        ),
    ]
}
