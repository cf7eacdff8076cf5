//! One run of one suite, by the suite's own driver: which tests there are, what they printed, and
//! whether the driver was content.

use super::recorded::Recorded;
use super::server::{BIN, Server, free_port};
use crate::run::tell;
use crate::sql_corpus::PACKAGE;
use anyhow::{Context as _, ensure};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// Debian has the drivers beside the server.
const DRIVERS: &str = "/usr/lib/postgresql/15/lib/pgxs/src/test";
const LIBRARIES: &str = "/usr/lib/postgresql/15/lib";
/// A suite that takes longer hangs, seconds.
const LONGEST: &str = "3600";
/// Everything is permitted, what is not understood by its name.
const POLICY: &str = r#"@id("allow-all") permit (principal, action, resource);
@id("allow-all-unparsed") permit (principal, action in Action::"operation", resource) when { !context.parsed || context.parsed };
"#;

/// The suites of PostgreSQL that need nothing but a server.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Suite {
    Regression,
    Isolation,
}

/// How the driver reaches the server.
#[derive(Clone, Copy)]
pub(super) enum Way {
    Direct,
    Weir,
}

/// What came of one run.
pub(super) struct Run {
    /// Whether the driver was content with each test.
    pub(super) content: BTreeMap<String, bool>,
    /// From the driver's start to its end.
    pub(super) seconds: f64,
    /// What weir recorded of it.
    pub(super) recorded: Option<Recorded>,
}

/// What all runs of a suite share: its files and the places that its outputs name are the same.
pub(super) struct Ground {
    place: PathBuf,
    kept: PathBuf,
    weir: PathBuf,
    schedule: Option<PathBuf>,
    port: u16,
}

impl Ground {
    /// Copies the suites to where the server can read them; outputs are kept in `kept`.
    pub(super) fn lay(sources: &Path, kept: &Path, weir: &Path, schedule: Option<&Path>) -> anyhow::Result<Self> {
        let place = std::env::temp_dir().join(format!("weir-regress-{}", std::process::id()));
        fs::create_dir_all(&place)?;
        fs::set_permissions(&place, fs::Permissions::from_mode(0o755))?;
        let tests = sources.parent().context("the suites have a folder")?;
        for suite in Suite::ALL {
            copy(&tests.join(suite.name()), &place)?;
        }
        let libraries = place.join("lib");
        fs::create_dir_all(&libraries)?;
        for name in ["refint.so", "autoinc.so"] {
            fs::copy(Path::new(LIBRARIES).join(name), libraries.join(name)).with_context(|| format!("{name} of {PACKAGE}"))?;
        }
        let ground = Self {
            place,
            kept: kept.to_owned(),
            weir: weir.to_owned(),
            schedule: schedule.map(Path::to_owned),
            port: free_port()?,
        };
        if let Err(error) = ground.library() {
            tell(&format!("== without the suite's own library, so that some tests fail either way: {error:#} =="));
        }
        Ok(ground)
    }

    /// The suite's tests, in order.
    pub(super) fn tests(&self, suite: Suite) -> anyhow::Result<Vec<String>> {
        Ok(names(&fs::read_to_string(self.schedule(suite))?))
    }

    /// Lets the suite be these tests from now on, one after the other.
    pub(super) fn only(&mut self, tests: &[String]) -> anyhow::Result<()> {
        let file = self.place.join("some_schedule");
        fs::write(&file, tests.iter().map(|test| format!("test: {test}\n")).collect::<String>())?;
        self.schedule = Some(file);
        Ok(())
    }

    /// Runs the suite against a server of its own. What it printed is kept.
    pub(super) fn run(&self, suite: Suite, way: Way, attempt: usize) -> anyhow::Result<Run> {
        tell(&format!("== {} suite, {} ==", suite.name(), way.name()));
        let _server = Server::start(&self.place.join("server"), self.port)?;
        let output = self.place.join("output");
        fs::remove_dir_all(&output).ok();
        fs::create_dir_all(output.join("results"))?;
        // The server writes there, too, as its own user.
        fs::set_permissions(output.join("results"), fs::Permissions::from_mode(0o777))?;
        let mut command = self.command(way)?;
        command.args(["timeout", LONGEST]).args(self.driver(suite, &output));
        command.env("PGSSLMODE", "disable").env("PGGSSENCMODE", "disable").stdin(Stdio::null());
        let started = Instant::now();
        let said = command.output().with_context(|| format!("{command:?}"))?;
        let seconds = started.elapsed().as_secs_f64();
        let kept = self.printed(suite, way, attempt);
        fs::remove_dir_all(&kept).ok();
        fs::create_dir_all(&kept)?;
        fs::write(kept.join("driver.log"), [said.stdout.as_slice(), &said.stderr].concat())?;
        copy(&output.join("results/."), &kept)?;
        let content = content(&String::from_utf8_lossy(&said.stdout));
        ensure!(!content.is_empty(), "the {} suite ran no test {}: see {}", suite.name(), way.name(), kept.display());
        tell(&format!("== {} tests in {seconds:.0} s ==", content.len()));
        let recorded = match way {
            Way::Direct => None,
            Way::Weir => Some(Recorded::read(&self.weir, &self.weirs_place().join("weir.toml"))?),
        };
        Ok(Run { content, seconds, recorded })
    }

    /// Where the outputs of one run are kept.
    pub(super) fn printed(&self, suite: Suite, way: Way, attempt: usize) -> PathBuf {
        self.kept.join(suite.name()).join(format!(
            "{}{}",
            way.name(),
            if attempt > 1 { format!("-{attempt}") } else { String::new() }
        ))
    }

    fn schedule(&self, suite: Suite) -> PathBuf {
        let own = || self.place.join(suite.name()).join(suite.schedule());
        self.schedule.clone().unwrap_or_else(own)
    }

    fn driver(&self, suite: Suite, output: &Path) -> Vec<String> {
        let mut words = vec![format!("{DRIVERS}/{}", suite.driver())];
        words.push(format!("--inputdir={}", self.place.join(suite.name()).display()));
        words.push(format!("--outputdir={}", output.display()));
        words.push(format!("--schedule={}", self.schedule(suite).display()));
        words.push(format!("--bindir={BIN}"));
        words.push(format!("--dlpath={}", self.place.join("lib").display()));
        words.push(format!("--port={}", self.port));
        words.extend(["--host=127.0.0.1", "--user=postgres", "--max-connections=1"].map(str::to_owned));
        words.push(format!("--dbname={}", suite.database()));
        words
    }

    /// What the driver's own words are put behind.
    fn command(&self, way: Way) -> anyhow::Result<Command> {
        match way {
            Way::Direct => Ok(Command::new("env")),
            Way::Weir => {
                let mut weir = Command::new(&self.weir);
                weir.arg("run").arg("--config").arg(self.configuration()?).arg("--");
                Ok(weir)
            }
        }
    }

    fn weirs_place(&self) -> PathBuf {
        self.place.join("weir")
    }

    /// The target takes any role: the suites log in as some of their own.
    fn configuration(&self) -> anyhow::Result<PathBuf> {
        let place = self.weirs_place();
        fs::remove_dir_all(&place).ok();
        fs::create_dir_all(place.join("policy.d"))?;
        fs::write(place.join("policy.d/all.cedar"), POLICY)?;
        let secret = place.join("secret");
        fs::write(&secret, "of-no-use-to-this-server")?;
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600))?;
        let text = format!(
            "trust_domain = \"acme.example\"\nstate_dir = \"{place}/state\"\n\n\
             [policy]\ndir = \"{place}/policy.d\"\nmode = \"enforce\"\n\n\
             [[target]]\nname = \"db\"\nenvironment = \"test\"\nmatch = [\"127.0.0.1:{port}\"]\nprotocol = \"postgres\"\n\
             replication = true\ntag_sessions = false\ntls = {{ client = \"off\", upstream = \"disable\" }}\n\
             credential = {{ inject = \"file:{secret}\" }}\n",
            place = place.display(),
            port = self.port,
            secret = secret.display(),
        );
        let file = place.join("weir.toml");
        fs::write(&file, text)?;
        Ok(file)
    }

    /// Builds the C functions that some tests load. The server's headers are read out of Debian's package, not installed.
    fn library(&self) -> anyhow::Result<()> {
        let folder = self.place.join("headers");
        fs::create_dir_all(&folder)?;
        let installed = Command::new("dpkg-query").args(["-W", "-f", "${Version}", PACKAGE]).output()?;
        let version = String::from_utf8_lossy(&installed.stdout).into_owned();
        quietly(Command::new("apt-get").args(["download", &format!("postgresql-server-dev-15={version}")]).current_dir(&folder))?;
        let mut files = fs::read_dir(&folder)?.filter_map(|entry| Some(entry.ok()?.path()));
        let package = files.find(|file| file.extension().is_some_and(|end| end == "deb")).context("no package came")?;
        quietly(Command::new("dpkg-deb").arg("-x").arg(package).arg(&folder))?;
        let mut compiler = Command::new("cc");
        compiler.args(["-O1", "-w", "-fPIC", "-shared", "-I"]).arg(folder.join("usr/include/postgresql/15/server"));
        compiler.args(["-I", "/usr/include/postgresql", "-o"]).arg(self.place.join("lib/regress.so"));
        quietly(compiler.arg(self.place.join("regress/regress.c")))
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.place).ok();
    }
}

impl Suite {
    pub(super) const ALL: [Self; 2] = [Self::Regression, Self::Isolation];

    /// Its folder in PostgreSQL's `src/test`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Regression => "regress",
            Self::Isolation => "isolation",
        }
    }

    const fn schedule(self) -> &'static str {
        match self {
            Self::Regression => "parallel_schedule",
            Self::Isolation => "isolation_schedule",
        }
    }

    const fn driver(self) -> &'static str {
        match self {
            Self::Regression => "regress/pg_regress",
            Self::Isolation => "isolation/pg_isolation_regress",
        }
    }

    const fn database(self) -> &'static str {
        match self {
            Self::Regression => "regression",
            Self::Isolation => "isolation_regression",
        }
    }
}

impl Way {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Weir => "weir",
        }
    }
}

/// The first `most` lines of what differs between two files.
pub(super) fn difference(one: &Path, other: &Path, most: usize) -> anyhow::Result<String> {
    let output = Command::new("diff").args(["-a", "-U1"]).arg(one).arg(other).output().context("can't start diff")?;
    let text = [String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)].concat();
    Ok(text.lines().take(most).map(|line| format!("{line}\n")).collect())
}

/// The tests of a schedule: `test: a b c`, a line of those that may run at once.
fn names(schedule: &str) -> Vec<String> {
    let lines = schedule.lines().filter_map(|line| line.strip_prefix("test:"));
    lines.flat_map(str::split_whitespace).map(str::to_owned).collect()
}

/// Which tests the driver reports, and of which it says `ok`.
fn content(log: &str) -> BTreeMap<String, bool> {
    let line = |line: &str| {
        let (head, tail) = line.split_once(" ... ")?;
        Some((head.split_whitespace().last()?.to_owned(), tail.split_whitespace().next()? == "ok"))
    };
    log.lines().filter_map(line).collect()
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    quietly(Command::new("cp").arg("-r").arg(from).arg(to))
}

/// Runs it; what it says is the error where it fails.
fn quietly(command: &mut Command) -> anyhow::Result<()> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("{command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_names_its_tests_and_a_log_their_ends() {
        assert_eq!(names("# x\ntest: a b\n\nignore: b\ntest: c\n"), ["a", "b", "c"]);
        let log = "parallel group (2 tests):  a b\n     a      ... ok       20 ms\n     b    ... FAILED (x)  1 ms\ntest c ... ok 3 ms\n";
        let expected = [("a", true), ("b", false), ("c", true)].map(|(test, content)| (test.to_owned(), content));
        assert_eq!(content(log), BTreeMap::from(expected));
    }
}
