//! A gateway with one job, the load, before a server of its own that stands in for Postgres.

use crate::{Weir, WeirBuilder, binary, free_port, program, wait_until};
use anyhow::{Context as _, bail, ensure};
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The program that is both, the server and the load.
const PROGRAM: &str = "weir-scale";

/// A server that stands in for Postgres; ended when dropped.
pub(super) struct Server {
    child: Child,
    pub(super) port: u16,
}

/// A load that does what it is told, through a gateway or not; ended with its gateway when dropped.
pub(super) struct Load {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    _weir: Option<Weir>,
}

/// What a gateway has used so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    /// Resident memory, in KiB.
    pub(super) resident: u64,
    /// The most of it that there was, in KiB.
    pub(super) peak: u64,
    /// Processor time of all threads, in µs.
    pub(super) processor: u64,
}

impl Server {
    pub(super) fn start() -> anyhow::Result<Self> {
        let port = free_port();
        let mut command = Command::new(program(PROGRAM));
        let child = command.args(["server", &port.to_string()]).stdin(Stdio::null()).spawn()?;
        wait_until("the server", 20, || TcpStream::connect(("127.0.0.1", port)).ok());
        Ok(Self { child, port })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// How a gateway is set up before this server: the starter policies and the bench's, recording as it is by default.
///
/// # Errors
/// Where the policies can't be read.
pub(super) fn weir(server: &Server, extra: &str) -> anyhow::Result<WeirBuilder> {
    let target = format!(
        "[[target]]\nname = \"prod-pg\"\nenvironment = \"production\"\nprotocol = \"postgres\"\nmatch = [\"127.0.0.1:{}\"]\n\
         tls = {{ client = \"off\", upstream = \"disable\" }}\n\n[[workload]]\nname = \"load\"\nowner = \"ana@acme.example\"\n\
         match = {{ executable = \"{}\" }}\n\n[limits]\nmax_sessions = 20000\n\n{extra}",
        server.port,
        program(PROGRAM).display()
    );
    Ok(Weir::with(&target).policy(&policies()?))
}

/// The estate's policies, and one that permits the load.
fn policies() -> anyhow::Result<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut text = "@id(\"load\") permit (principal, action in [Action::\"connect\", Action::\"operation\"], resource in Target::\"prod-pg\")\n\
         when { principal has name && principal.name == \"load\" };\n"
        .to_owned();
    for folder in ["policies", "bench/policy.d"] {
        let mut files: Vec<_> = fs::read_dir(root.join(folder))?.collect::<Result<_, _>>()?;
        files.sort_by_key(fs::DirEntry::path);
        for file in files {
            if file.path().extension().is_some_and(|end| end == "cedar") {
                text.push_str(&fs::read_to_string(file.path())?);
            }
        }
    }
    Ok(text)
}

impl Load {
    /// Through a gateway of its own.
    pub(super) fn through_weir(server: &Server) -> anyhow::Result<Self> {
        let weir = weir(server, "")?.build();
        let mut command = Command::new(binary());
        command.args(["run", "--quiet", "--config"]).arg(weir.config()).arg("--").arg(program(PROGRAM));
        let load = Self::of(&mut command, server, Some(weir))?;
        Ok(load)
    }

    /// Straight to the server.
    pub(super) fn direct(server: &Server) -> anyhow::Result<Self> {
        Self::of(&mut Command::new(program(PROGRAM)), server, None)
    }

    fn of(command: &mut Command, server: &Server, weir: Option<Weir>) -> anyhow::Result<Self> {
        command.args(["load", &format!("127.0.0.1:{}", server.port)]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take().context("piped")?);
        Ok(Self { child, input, output: BufReader::new(output), _weir: weir })
    }

    /// Has it do something; the numbers that it says.
    pub(super) fn tell(&mut self, line: &str) -> anyhow::Result<Vec<u64>> {
        writeln!(self.input.as_mut().context("it still reads")?, "{line}")?;
        let mut said = String::new();
        if self.output.read_line(&mut said)? == 0 {
            bail!("the load ended at {line:?}: {:?}", self.child.wait()?);
        }
        let numbers: Vec<u64> = said.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        ensure!(!numbers.is_empty(), "the load says nothing to {line:?}");
        Ok(numbers)
    }

    /// The most memory that there was is what there is now (`clear_refs` of proc(5)).
    pub(super) fn forget_peak(&self) -> anyhow::Result<()> {
        Ok(fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5")?)
    }

    /// What its gateway has used; of a load without one, what itself has.
    pub(super) fn usage(&self) -> anyhow::Result<Usage> {
        let pid = self.child.id();
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse().ok()
        };
        let ticks = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // Behind the name, which may have anything in it, user and system time are the 12th and the 13th.
        let (_, fields) = ticks.rsplit_once(") ").context("a process has a name")?;
        let ticks = fields.split(' ').skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
        Ok(Usage {
            resident: field("VmRSS:").context("VmRSS")?,
            peak: field("VmHWM:").context("VmHWM")?,
            processor: ticks * 10_000,
        })
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        drop(self.input.take());
        self.child.wait().ok();
    }
}
