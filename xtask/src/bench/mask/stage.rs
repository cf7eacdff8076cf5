//! What masking is measured on: one Postgres with rows and texts, and weir before it in three ways.

use super::super::data;
use super::super::folder::Folder;
use super::super::gateway::{self, Setup};
use super::super::measure::{milliseconds_of, rate_of};
use super::super::stage::{DATABASE, Size};
use super::super::way::rotated;
use super::texts;
use crate::regress::server::{BIN, Server, free_port};
use crate::run::tell;
use anyhow::{Context as _, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How a client reaches the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Without weir.
    Direct,
    /// Through weir, before a target without classes.
    Unmasked,
    /// The same with classes that policy shows.
    Revealed,
    /// The same with classes that policy hides.
    Masked,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measure {
    /// Rows of a prepared SELECT, 1000 at a time.
    Column,
    /// Rows of COPY … TO STDOUT.
    Copy,
    /// The same of texts in which detectors look.
    Text,
    /// [`Measure::Column`] where weir shares its core with client and server.
    ColumnShared,
    /// [`Measure::Copy`] where it does.
    CopyShared,
}

/// Everything runs while this lives, and ends with it.
pub(super) struct Stage {
    /// Policies in force.
    pub(super) policies: u64,
    weir: PathBuf,
    port: u16,
    rows: u64,
    texts: u64,
    server: u32,
    _server: Server,
    // Last, so that what runs in it ends before it is removed.
    folder: Folder,
}

/// The core of client and server.
const THEIRS: &str = "0";

/// Rows that a SELECT asks for.
const AT_A_TIME: u64 = 1000;

const CLASSES: &str = r#"
[[class]]
name = "contact"
columns = ["people.email"]
mask = "pseudonym"

[[class]]
name = "ssn"
columns = ["people.ssn"]
mask = "partial"
last = 4

[[class]]
name = "free"
columns = ["notes.note"]
mask = "detect"

[masking.detect]
"#;

const REVEAL: &str = "@id(\"shown\")\npermit (principal, action == Action::\"reveal\", resource in Target::\"prod-pg\");\n";

impl Way {
    pub(super) const ALL: [Self; 4] = [Self::Direct, Self::Unmasked, Self::Revealed, Self::Masked];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Unmasked => "unmasked",
            Self::Revealed => "revealed",
            Self::Masked => "masked",
        }
    }

    /// All of them, in the order of a round.
    pub(super) fn order(round: usize) -> Vec<Self> {
        rotated(&Self::ALL, round)
    }
}

impl Measure {
    pub(super) const ALL: [Self; 5] = [Self::Column, Self::Copy, Self::Text, Self::ColumnShared, Self::CopyShared];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Column => "column",
            Self::Copy => "copy",
            Self::Text => "text",
            Self::ColumnShared => "column_shared",
            Self::CopyShared => "copy_shared",
        }
    }

    pub(super) const fn unit(self) -> &'static str {
        match self {
            Self::Column | Self::ColumnShared => "rows/s: pgbench -M prepared -c 1, SELECT of 1000 rows by key",
            Self::Copy | Self::CopyShared => "rows/s: psql, COPY people TO STDOUT, to /dev/null",
            Self::Text => "rows/s: psql, COPY notes (note) TO STDOUT, to /dev/null",
        }
    }

    /// Where weir runs: on a core of its own, or on that of client and server.
    const fn core(self) -> &'static str {
        match self {
            Self::Column | Self::Copy | Self::Text => "1",
            Self::ColumnShared | Self::CopyShared => THEIRS,
        }
    }
}

impl Stage {
    /// Starts everything. Needs root.
    pub(super) fn set(weir: &Path, rows: u64) -> anyhow::Result<Self> {
        let folder = Folder::make()?;
        let port = free_port()?;
        tell(&format!("== stage: Postgres, {rows} rows =="));
        let hba = folder.write("hba.conf", "host all all all trust\n")?;
        let server =
            Server::start_with(&folder.0.join("server"), port, &data::settings(&hba, &Size { scale: 1, megabytes: 200 }))?;
        let pid = fs::read_to_string(folder.0.join("server/data/postmaster.pid"))?;
        let pid = pid.lines().next().and_then(|line| line.parse().ok()).context("the server says no process")?;
        let texts = rows / 2;
        fill(port, rows, texts, &folder)?;
        let five = texts::FIVE.iter().map(|rule| format!("{rule:?}")).collect::<Vec<_>>().join(", ");
        let extra = format!("{CLASSES}rules = [{five}]\n");
        gateway::configure(&folder, port, Way::Unmasked.name(), &Setup::default())?;
        gateway::configure(&folder, port, Way::Revealed.name(), &Setup { extra: &extra, policy: REVEAL })?;
        gateway::configure(&folder, port, Way::Masked.name(), &Setup { extra: &extra, policy: "" })?;
        folder.write("rows.sql", &format!("\\set from random(1, {})\nSELECT id, name, email, ssn, city FROM people WHERE id BETWEEN :from AND :from + {};\n", rows - AT_A_TIME, AT_A_TIME - 1))?;
        let mut stage = Self { policies: 0, weir: weir.to_owned(), port, rows, texts, server: pid, _server: server, folder };
        stage.pin()?;
        stage.policies = stage.hides()?;
        Ok(stage)
    }

    /// One measurement, in rows a second.
    pub(super) fn take(&self, measure: Measure, way: Way, seconds: u32) -> anyhow::Result<f64> {
        let core = measure.core();
        match measure {
            Measure::Column | Measure::ColumnShared => {
                let (seconds, script) = (seconds.to_string(), self.folder.0.join("rows.sql").display().to_string());
                let arguments = ["-n", "-M", "prepared", "-c", "1", "-T", &seconds, "-f", &script];
                Ok(rate_of(&self.client(way, core, "pgbench", &arguments)?)? * AT_A_TIME as f64)
            }
            Measure::Copy | Measure::CopyShared => self.copy(way, core, "COPY people TO STDOUT", self.rows),
            Measure::Text => self.copy(way, core, "COPY notes (note) TO STDOUT", self.texts),
        }
    }

    /// The server's processes to come run on one core, with the client.
    fn pin(&self) -> anyhow::Result<()> {
        let mut taskset = Command::new("taskset");
        let status = taskset.args(["-a", "-c", "-p", THEIRS, &self.server.to_string()]).stdout(Stdio::null()).status();
        ensure!(status.context("can't start taskset")?.success(), "the server can't be put onto a core");
        Ok(())
    }

    /// psql's own clock, so that neither its start nor that of `weir run` counts.
    fn copy(&self, way: Way, core: &str, statement: &str, rows: u64) -> anyhow::Result<f64> {
        let arguments = ["-XqAt", "-v", "ON_ERROR_STOP=1", "-c", "\\timing on", "-c", "\\o /dev/null", "-c", statement];
        let output = self.client(way, core, "psql", &arguments)?;
        let milliseconds = milliseconds_of(&output).with_context(|| format!("psql gave no time: {output}"))?;
        Ok(rows as f64 / milliseconds * 1000.0)
    }

    fn client(&self, way: Way, core: &str, program: &str, arguments: &[&str]) -> anyhow::Result<String> {
        let output = self.command(way, core, program).args(arguments).output().with_context(|| program.to_owned())?;
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        ensure!(output.status.success(), "{program}: {}\n{said}", output.status);
        // A job that goes on after a refusal would have measured refusals.
        ensure!(way == Way::Direct || said.ends_with(" 0 refused"), "{program}: weir refused something: {said}");
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn command(&self, way: Way, core: &str, program: &str) -> Command {
        let mut command = Command::new("taskset");
        if way != Way::Direct {
            command.args(["-c", core]).arg(&self.weir).arg("run").arg("--config");
            command.arg(self.folder.0.join(format!("{}.toml", way.name()))).args(["--", "taskset"]);
        }
        command.args(["-c", THEIRS]).arg(Path::new(BIN).join(program));
        command.envs([("PGHOST", "127.0.0.1"), ("PGUSER", "reader"), ("PGDATABASE", DATABASE)]);
        command.envs([("PGSSLMODE", "disable"), ("PGGSSENCMODE", "disable"), ("PGPORT", &self.port.to_string())]);
        command.current_dir(&self.folder.0).stdin(Stdio::null());
        command
    }

    /// That each way shows and hides what it is meant to; how many policies are in force.
    fn hides(&self) -> anyhow::Result<u64> {
        let sql = "SELECT email, ssn FROM people WHERE id = 7; SELECT note FROM notes WHERE id = 0";
        let mut policies = 0;
        for way in Way::ALL {
            let mut command = self.command(way, THEIRS, "psql");
            let output = command.args(["-XAtc", sql]).output()?;
            let (seen, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            ensure!(output.status.success(), "{}: {}", way.name(), said.trim());
            let shown = seen.contains("someone.7@") && seen.contains("100-07-0007") && seen.contains("ana@example.com");
            let hidden = !seen.contains("someone.7@") && seen.contains("*******0007") && seen.contains("[email]");
            let right = if way == Way::Masked { hidden } else { shown };
            ensure!(right, "{} does not do what it is measured for: {seen}", way.name());
            if let Some((before, _)) = said.split_once(" policies") {
                policies = before.rsplit(' ').next().and_then(|count| count.parse().ok()).unwrap_or(policies);
            }
        }
        Ok(policies)
    }
}

/// Rows as a table of customers has them, and texts of which every other one has something to find.
fn fill(port: u16, rows: u64, count: u64, folder: &Folder) -> anyhow::Result<()> {
    data::sql(port, "postgres", &format!("CREATE DATABASE {DATABASE}"))?;
    let texts = folder.write("texts.csv", &texts::csv(count))?;
    data::sql(
        port,
        DATABASE,
        &format!(
            "CREATE UNLOGGED TABLE people (id int, name text, email text, ssn text, city text);
             INSERT INTO people SELECT i, 'Customer ' || i, 'someone.' || i || '@customers.example',
               lpad((100 + i % 800)::text, 3, '0') || '-' || lpad((i % 100)::text, 2, '0') || '-' || lpad((i % 10000)::text, 4, '0'),
               (ARRAY['Lisboa', 'Oslo', 'Wien', 'Kyoto', 'Montevideo'])[i % 5 + 1] FROM generate_series(1, {rows}) AS i;
             UPDATE people SET ssn = '100-07-0007' WHERE id = 7;
             ALTER TABLE people ADD PRIMARY KEY (id);
             CREATE UNLOGGED TABLE notes (id int PRIMARY KEY, note text);
             COPY notes FROM '{}' (FORMAT csv);
             CREATE ROLE reader LOGIN IN ROLE pg_read_all_data; CREATE ROLE catalog_reader LOGIN",
            texts.display()
        ),
    )?;
    data::sql(port, DATABASE, "VACUUM (FREEZE, ANALYZE)")?;
    data::sql(port, DATABASE, "CHECKPOINT").map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_round_has_all_ways_and_begins_with_another() {
        let first: Vec<_> = (0..4).map(|round| Way::order(round)[0].name()).collect();
        assert_eq!(first, Way::ALL.map(Way::name));
    }
}
