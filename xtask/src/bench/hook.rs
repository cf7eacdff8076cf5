//! `cargo xtask bench hook`: what a connect takes without a hook, under the hooks but outside every job, and inside a job.

use super::machine;
use super::report::median;
use crate::run::{run, target, tell};
use anyhow::{Context as _, ensure};
use clap::Args;
use serde_json::{Map, Value, json};
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf, absolute};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// How much to measure, and where the report goes.
#[derive(Args, Default)]
pub(crate) struct Options {
    /// Where the report goes, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Rounds [default: 15].
    #[arg(long)]
    rounds: Option<usize>,
    /// Connects of each way in a round [default: 2000].
    #[arg(long)]
    connects: Option<usize>,
    /// Two short rounds: that it works, not how fast. Takes a debug build.
    #[arg(long)]
    quick: bool,
}

/// The ways, by their names in the report.
pub(super) const WAYS: [&str; 3] = ["no_hook", "outside", "inside"];

/// The system calls that are timed.
pub(super) const CALLS: [&str; 2] = ["socket", "connect"];

impl Options {
    /// A run whose report goes there.
    pub(super) fn to(json: &Path, quick: bool) -> Self {
        Self { json: Some(json.to_owned()), quick, ..Self::default() }
    }
}

/// The short round, for `cargo xtask ci`.
pub(crate) fn quick() -> anyhow::Result<()> {
    hook(&Options { quick: true, ..Options::default() })
}

pub(super) fn hook(options: &Options) -> anyhow::Result<()> {
    let json = options.json.as_deref().map(absolute).transpose()?;
    let (rounds, connects) = if options.quick { (2, 100) } else { (15, 2000) };
    let (rounds, connects) = (options.rounds.unwrap_or(rounds), options.connects.unwrap_or(connects));
    ensure!(rounds > 0 && connects > 0, "nothing to measure");
    let (weir, worker, built) = programs(options.quick)?;
    let mut machine = machine::machine();
    let mut stage = Stage::set(&weir, &worker)?;
    let mut measured = Vec::new();
    for round in 0..=rounds {
        let values = stage.round(round, connects)?;
        // The first warms caches up.
        if round > 0 {
            tell(&format!("round {round}/{rounds}: {}", Value::Object(values.clone())));
            measured.push(values);
        }
    }
    drop(stage);
    if let Value::Object(machine) = &mut machine {
        machine.insert("load_after".to_owned(), json!(machine::load()));
    }
    let report = json!({
        "summary": summary(&measured)?,
        "settings": { "rounds": rounds, "connects": connects, "weir_build": built, "unit": "µs, the median of a round's calls" },
        "machine": machine,
        "rounds": measured,
    });
    tell(&format!("{:#}", report["summary"]));
    json.map_or(Ok(()), |file| fs::write(&file, format!("{report:#}\n")).with_context(|| file.display().to_string()))
}

/// Medians over the rounds, and the medians of the rounds' own ratios to no hook.
fn summary(rounds: &[Map<String, Value>]) -> anyhow::Result<Value> {
    let (mut medians, mut ratios) = (Map::new(), Map::new());
    for call in CALLS {
        for way in WAYS {
            let values = values(rounds, call, way)?;
            let none = self::values(rounds, call, "no_hook")?;
            medians.insert(format!("{call}_{way}"), json!(median(&values)));
            if way != "no_hook" {
                let own: Vec<f64> = values.iter().zip(&none).map(|(value, none)| value / none).collect();
                ratios.insert(
                    format!("{call}_{way}_vs_no_hook"),
                    json!(median(&own).map(|ratio| (ratio * 1000.0).round() / 1000.0)),
                );
            }
        }
    }
    Ok(json!({ "medians_us": medians, "ratios": ratios }))
}

/// A call's values of one way, a round each.
pub(super) fn values(rounds: &[Map<String, Value>], call: &str, way: &str) -> anyhow::Result<Vec<f64>> {
    let name = format!("{call}_{way}");
    let values: Option<Vec<f64>> = rounds.iter().map(|round| round.get(&name).and_then(Value::as_f64)).collect();
    values.with_context(|| format!("a round has no {name}"))
}

/// weir with its one job, and a process of each way that connects when it is told to.
struct Stage {
    folder: PathBuf,
    weir: Worker,
    others: Vec<(&'static str, Worker)>,
}

/// A process that reads counts and writes times. It ends where nobody writes to it any more.
struct Worker {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Stage {
    fn set(weir: &Path, worker: &Path) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let to = listener.local_addr()?.to_string();
        std::thread::spawn(move || listener.incoming().for_each(drop));
        let folder = std::env::temp_dir().join(format!("weir-bench-hook-{}", std::process::id()));
        fs::create_dir_all(folder.join("policy.d"))?;
        fs::write(folder.join("policy.d/all.cedar"), "@id(\"allow-all\") permit (principal, action, resource);\n")?;
        let config = format!(
            "trust_domain = \"acme.example\"\nstate_dir = \"{0}/state\"\n\n[policy]\ndir = \"{0}/policy.d\"\nmode = \"enforce\"\n",
            folder.display()
        );
        fs::write(folder.join("weir.toml"), config)?;
        let mut run = Command::new(weir);
        run.args(["run", "--quiet", "--config"]).arg(folder.join("weir.toml")).arg("--").arg(worker).args(["connects", &to]);
        let inside = Worker::start(&mut run)?;
        let mut stage = Self { folder, weir: inside, others: Vec::new() };
        // It has answered: gateway and job are there.
        stage.weir.measure(1)?;
        let attached = PathBuf::from(cgroup2_mount()?).join(attached_at(stage.weir.child.id())?);
        for way in ["no_hook", "outside"] {
            let started = Worker::start(Command::new(worker).args(["connects", &to]))?;
            if way == "outside" {
                fs::write(attached.join("cgroup.procs"), started.child.id().to_string()).context("cannot move a process")?;
            }
            stage.others.push((way, started));
        }
        Ok(stage)
    }

    /// All ways once, in an order that turns with the round.
    fn round(&mut self, round: usize, connects: usize) -> anyhow::Result<Map<String, Value>> {
        let mut values = Map::new();
        for at in 0..WAYS.len() {
            let way = WAYS.get((at + round) % WAYS.len()).copied().unwrap_or_default();
            let other = self.others.iter_mut().find(|(name, _)| *name == way).map(|(_, worker)| worker);
            let times = other.unwrap_or(&mut self.weir).measure(connects).with_context(|| way.to_owned())?;
            for (call, time) in CALLS.into_iter().zip(times) {
                values.insert(format!("{call}_{way}"), json!(time));
            }
        }
        Ok(values)
    }
}

impl Worker {
    fn start(command: &mut Command) -> anyhow::Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().with_context(|| format!("{command:?}"))?;
        let (input, output) = (child.stdin.take(), child.stdout.take().context("piped")?);
        Ok(Self { child, input, output: BufReader::new(output) })
    }

    /// The medians of `socket` and `connect`, in microseconds.
    fn measure(&mut self, connects: usize) -> anyhow::Result<[f64; 2]> {
        writeln!(self.input.as_mut().context("it still reads")?, "{connects}")?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        let numbers: Vec<f64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [socket, connect] = numbers.try_into().map_err(|_| anyhow::anyhow!("it said {line:?}"))?;
        Ok([socket / 1000.0, connect / 1000.0])
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.input.take());
        self.child.wait().ok();
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // Who is in the gateway's cgroup has to be gone before it is.
        self.others.clear();
        drop(self.weir.input.take());
        self.weir.child.wait().ok();
        fs::remove_dir_all(&self.folder).ok();
    }
}

/// The cgroup that weir's hooks are attached at: the parent of its job's, relative to the mount.
fn attached_at(weir: u32) -> anyhow::Result<String> {
    let children = fs::read_dir(format!("/proc/{weir}/task"))?
        .flatten()
        .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok())
        .collect::<String>();
    let own = cgroup_of(&weir.to_string())?;
    let job = children.split_whitespace().filter_map(|child| cgroup_of(child).ok()).find(|cgroup| *cgroup != own);
    let job = job.context("weir has no job in a cgroup of its own")?;
    Ok(Path::new(&job).parent().context("a job's cgroup has a parent")?.display().to_string())
}

fn cgroup_of(pid: &str) -> anyhow::Result<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup"))?;
    text.lines().find_map(|line| line.strip_prefix("0::/")).map(str::to_owned).context("no cgroup v2")
}

fn cgroup2_mount() -> anyhow::Result<String> {
    let mounts = fs::read_to_string("/proc/self/mounts")?;
    let fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let found = fields
        .into_iter()
        .find_map(|fields| (fields.get(2) == Some(&"cgroup2")).then(|| fields.get(1).copied())?.map(str::to_owned));
    found.context("cgroup v2 is not mounted")
}

/// weir, the worker, and which build weir is.
fn programs(quick: bool) -> anyhow::Result<(PathBuf, PathBuf, &'static str)> {
    let target = target();
    run("build tests", "cargo", &["build", "--locked", "-p", "weir-tests", "--bin", "weir-bypass"])?;
    let worker = absolute(target.join("debug/weir-bypass"))?;
    if let Some(named) = std::env::var_os("WEIR_BINARY") {
        return Ok((absolute(named)?, worker, "named by WEIR_BINARY"));
    }
    let (options, build): (&[&str], _) = if quick { (&[], "debug") } else { (&["--release"], "release") };
    run("build", "cargo", &[&["build", "--locked", "-p", "gateway"], options].concat())?;
    Ok((absolute(target.join(build).join("weir"))?, worker, build))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_the_median_of_the_rounds_own() {
        let round = |none: f64, outside: f64| {
            let mut round = Map::new();
            for call in CALLS {
                for (way, value) in WAYS.into_iter().zip([none, outside, outside * 2.0]) {
                    round.insert(format!("{call}_{way}"), json!(value));
                }
            }
            round
        };
        let summary = summary(&[round(10.0, 12.0), round(20.0, 20.0), round(10.0, 15.0)]).unwrap();
        assert_eq!(summary["ratios"]["connect_outside_vs_no_hook"], 1.2);
        assert_eq!(summary["ratios"]["socket_inside_vs_no_hook"], 2.4);
        assert_eq!(summary["medians_us"]["connect_no_hook"], 10.0);
        assert!(values(&[Map::new()], "connect", "inside").is_err());
    }
}
